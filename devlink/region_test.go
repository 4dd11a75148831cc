package devlink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// denied checks the errno that the kernel gives and the text that goes with it.
func denied(t testing.TB, err error, errno syscall.Errno, text string) {
	t.Helper()
	if !errors.Is(err, errno) {
		t.Fatalf("error %v, want errno %v", err, errno)
	}
	var op *switchdev.OpError
	if !errors.As(err, &op) || op.Reason != text {
		t.Fatalf("error %v, want the text %q", err, text)
	}
}

var dummy = Key{Name: "dummy"}

// A Release belongs to no operation that its panic could end, and must not end the program.
func TestReleaseThatPanicsIsLogged(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		var log bytes.Buffer
		r.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		i := newInstance(t, r, "a")
		do(t, i, func(l *Locked) error {
			_, err := l.AddRegion(RegionConfig{
				Name: "dummy", Size: 1, MaxSnapshots: 1,
				Snapshot: func(context.Context, *Locked) ([]byte, error) { return make([]byte, 1), nil },
				Release:  func([]byte) { panic("boo") },
			})
			return err
		})
		finish(t, i.SubmitRegister())
		finish(t, i.SubmitNewSnapshot(dummy).Ticket)
		finish(t, i.SubmitDeleteSnapshot(dummy, 0))
		if text := log.String(); !strings.Contains(text, "boo") || !strings.Contains(text, "TestReleaseThatPanicsIsLogged") {
			t.Fatalf("log %q", text)
		}
	})
}

// bank is the region of a driver, with what became of its snapshots.
type bank struct {
	region *Region
	given  atomic.Int64 // bytes lent to regions
	taken  atomic.Int64 // bytes that came back
	fail   error
	short  bool
}

func (m *bank) config(name string) RegionConfig {
	return RegionConfig{
		Name: name, Size: 32768, MaxSnapshots: 16,
		Snapshot: func(context.Context, *Locked) ([]byte, error) {
			if m.fail != nil {
				return nil, m.fail
			}
			if m.short {
				m.given.Add(1)
				return make([]byte, 1), nil
			}
			return m.data(), nil
		},
		Release: func(b []byte) { m.taken.Add(int64(len(b))) },
	}
}

func (m *bank) data() []byte {
	m.given.Add(32768)
	b := make([]byte, 32768)
	for n := range b {
		b[n] = byte(n) ^ byte(n>>8)
	}
	return b
}

// take is what a driver does to take a snapshot by itself.
func (m *bank) take(i *Instance) error {
	id := i.TakeSnapshotID()
	defer func() { _ = i.ReleaseSnapshotID(id) }()
	b := m.data()
	err := m.region.AddSnapshot(id, b)
	if err != nil {
		m.given.Add(-int64(len(b)))
	}
	return err
}

func withBank(t testing.TB, r *Registry) (*Instance, *bank) {
	t.Helper()
	i, m := newInstance(t, r, "a"), &bank{}
	do(t, i, func(l *Locked) (err error) {
		m.region, err = l.AddRegion(m.config("dummy"))
		return err
	})
	finish(t, i.SubmitRegister())
	return i, m
}

// ids are the numbers of the snapshots of a region as everybody sees them.
func ids(r *Registry, i *Instance, region Key) (list []uint32) {
	for o := range r.Snapshot().Objects(i.Namespace(), i.Handle()) {
		if s, ok := o.(*SnapshotInfo); ok && s.region() == region {
			list = append(list, s.ID)
		}
	}
	return list
}

func sameIDs(t testing.TB, got []uint32, want ...uint32) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("snapshots %v, want %v", got, want)
	}
}

func newSnapshot(t testing.TB, i *Instance, id uint32) *SnapshotInfo {
	t.Helper()
	k := i.SubmitNewSnapshotID(dummy, id)
	finish(t, k.Ticket)
	return k.Snapshot()
}

func read(t testing.TB, i *Instance, id uint32, offset, length uint64) (got []byte) {
	t.Helper()
	k := i.SubmitReadRegion(dummy, RegionRead{Snapshot: &id, Offset: offset, Length: length})
	finish(t, k.Ticket)
	next := offset
	for _, c := range k.Chunks() {
		if c.Address != next || len(c.Data) == 0 || len(c.Data) > RegionChunk {
			t.Fatalf("chunk of %d bytes at %d, want it at %d", len(c.Data), c.Address, next)
		}
		next += uint64(len(c.Data))
		got = append(got, c.Data...)
	}
	return got
}

func TestRegionCases(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, m := withBank(t, r)
		s := subscribe(t, r, SubscribeOptions{})
		image := m.data()
		m.given.Store(0)

		t.Run("case 18 a fresh region", func(t *testing.T) {
			n := r.Snapshot().Object("", i.Handle(), KindRegion, dummy).(*RegionInfo)
			if n.Size != 32768 || n.MaxSnapshots != 16 || n != m.region.Info() {
				t.Fatalf("%+v", n)
			}
			sameIDs(t, ids(r, i, dummy))
		})
		t.Run("case 19 the driver takes three", func(t *testing.T) {
			for n := range 3 {
				if err := m.take(i); err != nil {
					t.Fatal(err)
				}
				if got := ids(r, i, dummy); len(got) != n+1 {
					t.Fatal(got)
				}
			}
			same(t, texts(rest(t, s)), []string{"added snapshot a dummy", "added snapshot a dummy 1", "added snapshot a dummy 2"})
		})
		t.Run("case 20 delete one", func(t *testing.T) {
			finish(t, i.SubmitDeleteSnapshot(dummy, 1))
			sameIDs(t, ids(r, i, dummy), 0, 2)
			same(t, texts(rest(t, s)), []string{"deleted snapshot a dummy 1"})
			if m.taken.Load() != 32768 {
				t.Fatalf("%d bytes came back", m.taken.Load())
			}
		})
		t.Run("case 21 new 25, dump it", func(t *testing.T) {
			newSnapshot(t, i, 25)
			sameIDs(t, ids(r, i, dummy), 0, 2, 25)
			if got := read(t, i, 25, 0, math.MaxUint64); !slices.Equal(got, image) {
				t.Fatalf("%d bytes, or not those", len(got))
			}
		})
		t.Run("case 22 read", func(t *testing.T) {
			if got := read(t, i, 25, 0, 1); !slices.Equal(got, image[:1]) {
				t.Fatal(got)
			}
			if got := read(t, i, 25, 128, 128); !slices.Equal(got, image[128:256]) {
				t.Fatal(got)
			}
			if got := read(t, i, 25, 200, 300); !slices.Equal(got, image[200:500]) {
				t.Fatal(got)
			}
			if got := read(t, i, 25, 32768, 16); len(got) != 0 {
				t.Fatal("something behind the end")
			}
			if got := read(t, i, 25, 7, 0); len(got) != 0 {
				t.Fatal("something of nothing")
			}
		})
		t.Run("case 23 a long read is cut", func(t *testing.T) {
			for _, length := range []uint64{1 << 32, math.MaxUint64, math.MaxUint64 - 127} {
				if got := read(t, i, 25, 128, length); !slices.Equal(got, image[128:]) {
					t.Fatalf("length %d: %d bytes", length, len(got))
				}
			}
		})
		t.Run("case 24 from behind the end", func(t *testing.T) {
			id := uint32(25)
			for _, q := range []RegionRead{{Offset: 1 << 32, Length: 128}, {Offset: 32769, Length: 0}, {Offset: math.MaxUint64, Length: 2}} {
				q.Snapshot = &id
				denied(t, outcome(i.SubmitReadRegion(dummy, q).Ticket), syscall.EINVAL, "")
			}
		})
		t.Run("case 25 delete 25", func(t *testing.T) {
			finish(t, i.SubmitDeleteSnapshot(dummy, 25))
			sameIDs(t, ids(r, i, dummy), 0, 2)
		})
		t.Run("case 26 new without a number", func(t *testing.T) {
			rest(t, s)
			k := i.SubmitNewSnapshot(dummy)
			finish(t, k.Ticket)
			if k.Snapshot().ID != 1 {
				t.Fatal(k.Snapshot().ID)
			}
			e := rest(t, s)
			if len(e) != 1 || e[0].Object != Object(k.Snapshot()) || e[0].Seq > k.Seq() {
				t.Fatalf("told %v", e)
			}
			if got := read(t, i, 1, 0, math.MaxUint64); !slices.Equal(got, image) {
				t.Fatal("not the image")
			}
			finish(t, i.SubmitDeleteSnapshot(dummy, 1))
		})
		t.Run("case 28 a number in use", func(t *testing.T) {
			newSnapshot(t, i, 5)
			denied(t, outcome(i.SubmitNewSnapshotID(dummy, 5).Ticket), syscall.EEXIST, "The requested snapshot id is already in use")
		})
		t.Run("case 27 a full region", func(t *testing.T) {
			for id := uint32(100); len(ids(r, i, dummy)) < 16; id++ {
				newSnapshot(t, i, id)
			}
			const full = "The region has reached the maximum number of stored snapshots"
			denied(t, outcome(i.SubmitNewSnapshot(dummy).Ticket), syscall.ENOSPC, full)
			denied(t, outcome(i.SubmitNewSnapshotID(dummy, 5).Ticket), syscall.ENOSPC, full) // before EEXIST
			denied(t, m.take(i), syscall.ENOSPC, full)
			finish(t, i.SubmitDeleteSnapshot(dummy, 2))
			k := i.SubmitNewSnapshot(dummy)
			finish(t, k.Ticket)
			got := ids(r, i, dummy)
			if k.Snapshot().ID != 1 || got[len(got)-1] != 1 {
				t.Fatalf("%d in %v", k.Snapshot().ID, got)
			}
		})
		t.Run("case 29 the region goes", func(t *testing.T) {
			var want []string
			for _, id := range ids(r, i, dummy) {
				want = append(want, "deleted snapshot a dummy"+map[bool]string{true: fmt.Sprint(" ", id)}[id != 0])
			}
			rest(t, s)
			do(t, i, func(l *Locked) error { return l.RemoveRegion(m.region) })
			same(t, texts(rest(t, s)), append(want, "deleted region a dummy"))
			if m.given.Load() != m.taken.Load() {
				t.Fatalf("lent %d bytes, got %d back", m.given.Load(), m.taken.Load())
			}
			mustBe(t, m.take(i), switchdev.ErrNotExist)
			if len(i.held) != 0 {
				t.Fatalf("held %v", i.held)
			}
		})
	})
}

func TestRegionReadCases(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, m := withBank(t, r)
		newSnapshot(t, i, 1)
		one := uint32(1)
		k := i.SubmitReadRegion
		t.Run("case 30 neither, without the op, both", func(t *testing.T) {
			denied(t, outcome(k(dummy, RegionRead{}).Ticket), syscall.EINVAL, "No snapshot id provided")
			denied(t, outcome(k(dummy, RegionRead{Direct: true}).Ticket), syscall.EOPNOTSUPP, "Requested region does not support direct read")
			denied(t, outcome(k(dummy, RegionRead{Direct: true, Snapshot: &one}).Ticket), syscall.EINVAL, "Direct region read does not use snapshot")
		})
		t.Run("what is not there", func(t *testing.T) {
			none, nine := Key{Name: "nosuch"}, uint32(9)
			denied(t, outcome(k(none, RegionRead{Snapshot: &one}).Ticket), syscall.EINVAL, "Requested region does not exist")
			denied(t, outcome(k(none, RegionRead{Direct: true}).Ticket), syscall.EINVAL, "Requested region does not exist")
			denied(t, outcome(k(dummy, RegionRead{Snapshot: &nine}).Ticket), syscall.EINVAL, "Requested snapshot does not exist")
			denied(t, outcome(i.SubmitNewSnapshotID(none, 3).Ticket), syscall.EINVAL, "The requested region does not exist")
			denied(t, outcome(i.SubmitDeleteSnapshot(none, 3)), syscall.EINVAL, "")
			denied(t, outcome(i.SubmitDeleteSnapshot(dummy, 99)), syscall.EINVAL, "")
			port := Key{Name: "dummy", Port: 7, OnPort: true}
			denied(t, outcome(i.SubmitNewSnapshot(port).Ticket), syscall.ENODEV, "")
			denied(t, outcome(i.SubmitDeleteSnapshot(port, 3)), syscall.ENODEV, "")
			denied(t, outcome(k(port, RegionRead{Snapshot: &one}).Ticket), syscall.ENODEV, "")
		})
		t.Run("direct", func(t *testing.T) {
			var sizes []int
			bad := errors.New("bus error")
			cfg := m.config("direct")
			cfg.Size, cfg.Snapshot = 1000, nil
			cfg.Read = func(_ context.Context, l *Locked, offset uint64, buf []byte) error {
				sizes = append(sizes, len(buf))
				if offset >= 768 {
					return bad
				}
				for n := range buf {
					buf[n] = byte(offset) + byte(n)
				}
				return l.live("test")
			}
			do(t, i, func(l *Locked) error { _, err := l.AddRegion(cfg); return err })
			key := Key{Name: "direct"}
			denied(t, outcome(i.SubmitNewSnapshot(key).Ticket), syscall.EOPNOTSUPP, "The requested region does not support taking an immediate snapshot")
			ticket := k(key, RegionRead{Direct: true, Offset: 10, Length: 600})
			finish(t, ticket.Ticket)
			if got := ticket.Chunks(); len(got) != 3 || got[2].Address != 10+512 || got[2].Data[0] != byte(10+512&255) || !slices.Equal(sizes, []int{256, 256, 88}) {
				t.Fatalf("%v, asked for %v", got, sizes)
			}
			ticket = k(key, RegionRead{Direct: true, Length: math.MaxUint64})
			mustBe(t, outcome(ticket.Ticket), bad)
			if ticket.Chunks() != nil {
				t.Fatal("chunks with an error")
			}
			denied(t, outcome(k(key, RegionRead{Direct: true, Offset: 1001}).Ticket), syscall.EINVAL, "")
		})
		finish(t, i.SubmitUnregister())
		denied(t, outcome(k(dummy, RegionRead{Snapshot: &one}).Ticket), syscall.ENODEV, "")
		denied(t, outcome(i.SubmitNewSnapshot(dummy).Ticket), syscall.ENODEV, "")
		denied(t, outcome(i.SubmitDeleteSnapshot(dummy, 1)), syscall.ENODEV, "")
	})
}

func TestSnapshotsOfSeveralRegionsShareANumber(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, m := withBank(t, r)
		var other *Region
		do(t, i, func(l *Locked) (err error) {
			if err := l.AddPort(PortInfo{Index: 1}); err != nil {
				return err
			}
			other, err = l.AddPortRegion(1, RegionConfig{Name: "dummy", Size: 32768, MaxSnapshots: 1})
			return err
		})
		id := i.TakeSnapshotID()
		if id != 0 || i.TakeSnapshotID() != 1 {
			t.Fatal("not the lowest")
		}
		denied(t, m.region.AddSnapshot(7, m.data()), syscall.EINVAL, "number not taken")
		denied(t, m.region.AddSnapshot(0, make([]byte, 3)), syscall.EINVAL, "not the size of the region")
		for _, reg := range []*Region{m.region, other} {
			if err := reg.AddSnapshot(id, m.data()); err != nil {
				t.Fatal(err)
			}
			denied(t, m.region.AddSnapshot(id, m.data()), syscall.EEXIST, "The requested snapshot id is already in use")
		}
		if err := errors.Join(i.ReleaseSnapshotID(0), i.ReleaseSnapshotID(1)); err != nil {
			t.Fatal(err)
		}
		mustBe(t, i.ReleaseSnapshotID(1), switchdev.ErrInvalid)
		port := Key{Name: "dummy", Port: 1, OnPort: true}
		sameIDs(t, ids(r, i, dummy), 0)
		sameIDs(t, ids(r, i, port), 0)
		// While any region has it a number is nobody else's.
		finish(t, i.SubmitDeleteSnapshot(dummy, 0))
		denied(t, outcome(i.SubmitNewSnapshotID(dummy, 0).Ticket), syscall.EEXIST, "")
		finish(t, i.SubmitDeleteSnapshot(port, 0))
		if got := newSnapshot(t, i, 0); got.ID != 0 {
			t.Fatal(got.ID)
		}
		denied(t, outcome(i.SubmitNewSnapshot(port).Ticket), syscall.EOPNOTSUPP, "The requested region does not support taking an immediate snapshot")
	})
}

func TestDriverThatTakesNoSnapshotLeavesNone(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, m := withBank(t, r)
		s := subscribe(t, r, SubscribeOptions{})
		m.fail = errors.New("no memory")
		mustBe(t, outcome(i.SubmitNewSnapshot(dummy).Ticket), m.fail)
		m.fail, m.short = nil, true
		denied(t, outcome(i.SubmitNewSnapshotID(dummy, 3).Ticket), syscall.EINVAL, "not the size of the region")
		if m.given.Load() != m.taken.Load() || len(rest(t, s)) != 0 || len(i.held) != 0 {
			t.Fatal("something was left")
		}
	})
}

// A region that has been removed is not the one that has its name now.
func TestRegionHandleOfAnotherLife(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, m := withBank(t, r)
		var again *Region
		do(t, i, func(l *Locked) (err error) {
			_, err = l.AddRegion(m.config("dummy"))
			denied(t, err, syscall.EEXIST, "")
			_, err = l.AddPortRegion(9, m.config("dummy"))
			denied(t, err, syscall.ENODEV, "")
			_, err = l.AddRegion(m.config("a/b"))
			denied(t, err, syscall.EINVAL, "bad name")
			if err = l.RemoveRegion(m.region); err != nil {
				return err
			}
			again, err = l.AddRegion(m.config("dummy"))
			mustBe(t, l.RemoveRegion(m.region), switchdev.ErrNotExist)
			mustBe(t, l.RemoveRegion(nil), switchdev.ErrNotExist)
			return err
		})
		id := i.TakeSnapshotID()
		mustBe(t, m.region.AddSnapshot(id, m.data()), switchdev.ErrNotExist)
		if err := again.AddSnapshot(id, m.data()); err != nil {
			t.Fatal(err)
		}
	})
}

// What drivers lent comes back from whoever removes the region in their place.
func TestLeftSnapshotsComeBack(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, m := withBank(t, r)
		do(t, i, func(l *Locked) (err error) {
			if err = l.AddPort(PortInfo{Index: 3}); err == nil {
				m.region, err = l.AddPortRegion(3, m.config("of-port"))
			}
			return errors.Join(err, m.take(i), m.take(i), l.RemovePort(3))
		})
		if m.taken.Load() != m.given.Load() || m.given.Load() == 0 {
			t.Fatalf("lent %d, back %d", m.given.Load(), m.taken.Load())
		}
		newSnapshot(t, i, 1)
		finish(t, i.SubmitUnregister())
		mustBe(t, outcome(i.SubmitFree()), switchdev.ErrBusy)
		if m.taken.Load() != m.given.Load() {
			t.Fatalf("lent %d, back %d", m.given.Load(), m.taken.Load())
		}
	})
}

// What was read is the reader's, whatever becomes of the snapshot.
func TestRegionBytesAreTheReaders(t *testing.T) {
	r := newRegistry(t, Config{})
	i := newInstance(t, r, "a")
	do(t, i, func(l *Locked) error {
		_, err := l.AddRegion(RegionConfig{
			Name: "dummy", Size: 3, MaxSnapshots: 1, Release: func(b []byte) { clear(b) },
			Snapshot: func(context.Context, *Locked) ([]byte, error) { return []byte("abc"), nil },
		})
		return err
	})
	finish(t, i.SubmitRegister())
	newSnapshot(t, i, 1)
	got := read(t, i, 1, 0, 3)
	k := i.SubmitReadRegion(dummy, RegionRead{Snapshot: new(uint32(1)), Length: 3})
	finish(t, i.SubmitDeleteSnapshot(dummy, 1))
	if string(got) != "abc" || string(k.Chunks()[0].Data) != "abc" {
		t.Fatalf("%q %q", got, k.Chunks()[0].Data)
	}
}

// Readers, takers and deleters at once: nobody reads bytes that have been given back, all
// come back once, and what the stream tells is what there is.
func TestSnapshotsUnderStress(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{Events: 1 << 16})
	i := newInstance(t, r, "a")
	var lent, back atomic.Int64
	fresh := func() []byte {
		lent.Add(1)
		b := make([]byte, 512)
		for n := range b {
			b[n] = 1
		}
		return b
	}
	var reg *Region
	do(t, i, func(l *Locked) (err error) {
		reg, err = l.AddRegion(RegionConfig{
			Name: "dummy", Size: 512, MaxSnapshots: 4,
			Snapshot: func(context.Context, *Locked) ([]byte, error) { return fresh(), nil },
			Release:  func(b []byte) { clear(b); back.Add(1) },
		})
		return err
	})
	finish(t, i.SubmitRegister())
	s := subscribe(t, r, SubscribeOptions{Replay: true})
	var wg sync.WaitGroup
	for n := range uint64(4) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(n, 3))
			for range 400 {
				id := random.Uint32N(5)
				switch random.IntN(4) {
				case 0:
					_, _ = i.NewSnapshotID(ctx, dummy, id)
				case 1:
					_ = i.DeleteSnapshot(ctx, dummy, id)
				case 2:
					id := i.TakeSnapshotID()
					b := fresh()
					if reg.AddSnapshot(id, b) != nil {
						lent.Add(-1)
					}
					_ = i.ReleaseSnapshotID(id)
				case 3:
					chunks, _ := i.ReadRegion(ctx, dummy, RegionRead{Snapshot: &id, Length: 512})
					for _, c := range chunks {
						if slices.Contains(c.Data, 0) {
							t.Error("read what was given back")
						}
					}
				}
			}
		})
	}
	wg.Wait()
	told := map[uint64]bool{}
	for _, e := range rest(t, s) {
		if e.Object == nil || e.Object.Kind() != KindSnapshot {
			continue
		}
		id := e.Object.Key().ID
		if alive := e.Verb != Deleted; told[id] == alive {
			t.Fatalf("%v, but it was so", e)
		}
		told[id] = e.Verb != Deleted
	}
	for id := range uint64(10) {
		if there := slices.Contains(ids(r, i, dummy), uint32(id)); there != told[id] {
			t.Fatalf("snapshot %d: %v, told %v", id, there, told[id])
		}
	}
	do(t, i, func(l *Locked) error { return l.RemoveRegion(reg) })
	if lent.Load() != back.Load() || len(i.held) != 0 {
		t.Fatalf("lent %d, back %d, held %v", lent.Load(), back.Load(), i.held)
	}
}
