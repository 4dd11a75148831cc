package fdb

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

func deviceInvariants() []invariant {
	return []invariant{
		{15, "nil means table and devices have it, an error that nothing changed, and unknown that it was told so", allOrNothing},
		{16, "what is said to be in hardware is in hardware, there and now", offloadedIsThere},
		{17, "where a station was, no device holds it", oldPlaceIsWithdrawn},
		{18, "a vetoed station is kept or dropped as configured, and not asked for frame by frame", vetoPolicies},
		{19, "nobody waits for a device that hangs, but who needs it, and not for ever", nobodyWaits},
		{20, "a full device refuses users, spares what it has, and takes the rest when it can", fullDevice},
		{21, "a delete is the devices' first, an entry stays as long as a row does", deleteHardwareFirst},
		{22, "a reset is followed by one set of each row, as it is by then", replayOnce},
		{23, "what ends the use of a port or a device ends when its work has", endsMeanTheEnd},
		{24, "a driver may use the table from inside a call, and gets one operation on a key at a time", driversMayCall},
	}
}

// allOrNothing runs commands one at a time on two chips that refuse at random, at
// times also when something is to be taken back.
func allOrNothing(t *testing.T) {
	counts := map[string]int{}
	for seed := range uint64(10) {
		s := newSim(t, Config{Ageing: -1}, Device{}, hwsim.Config{Seed: seed}, hwsim.Config{Seed: ^seed})
		rng := rand.New(rand.NewPCG(seed, 15))
		for range 150 {
			for _, c := range s.chips {
				s.inject(c, hwsim.Fault{Kind: hwsim.FaultRefuse, Probability: 0.25, Match: hwsim.Selector{Role: hwsim.RoleFDB}})
			}
			e := Entry{Key: stationKey(rng.IntN(12)), Port: switchdev.PortID(1 + rng.IntN(4)), Flags: []Flags{Static, Static, Extern, Permanent, 0}[rng.IntN(5)]}
			before := s.outside()
			var err error
			if del := rng.IntN(3) == 0; del {
				err = s.do(s.SubmitDelete(e.Key, s.at(e.Key)))
				e.Port = 0
			} else {
				err = s.do(s.SubmitReplace(e))
			}
			switch {
			case err == nil:
				counts["nil"]++
				s.wantAt("nil", e.Key, e.Port)
				s.rest()
			case errors.Is(err, syscall.EIO):
				counts["unknown"]++
				entries, _, _ := strings.Cut(before, "\nsw0")
				after, _, _ := strings.Cut(s.outside(), "\nsw0")
				if strip(entries) != strip(after) {
					t.Errorf("seed %d: %v, and\n%s\nbecame\n%s", seed, err, entries, after)
				}
				for _, c := range s.chips {
					c.ReleaseAll()
				}
				s.pass(2 * time.Minute)
				s.rest()
			default:
				counts["error"]++
				if after := s.outside(); after != before {
					t.Errorf("seed %d: %v, and\n%s\nbecame\n%s", seed, err, before, after)
				}
				s.rest()
			}
			for _, c := range s.chips {
				c.ReleaseAll()
			}
			if t.Failed() {
				return
			}
		}
	}
	if counts["nil"] < 100 || counts["error"] < 100 || counts["unknown"] < 10 {
		t.Errorf("%v: this proves little", counts)
	}
}

// strip leaves out whether an entry is in hardware.
func strip(s string) string {
	return strings.NewReplacer(" "+Offloaded.String()+" ", " ", " "+OffloadNone.String()+" ", " ", " "+OffloadFailed.String()+" ", " ").Replace(s)
}

// offloadedIsThere looks whenever nothing is left to be done in an instant, with
// operations in flight, chips that refuse and chips that are reset.
func offloadedIsThere(t *testing.T) {
	offloaded := 0
	for seed := range uint64(6) {
		cfg := hwsim.Config{Seed: seed, Hardware: hwsim.Hardware{Latency: hwsim.Latency{Op: 3 * time.Millisecond}}}
		s := newSim(t, Config{Hardware: Hardware{Retry: 50 * time.Millisecond}}, Device{}, cfg, cfg)
		for _, c := range s.chips {
			s.inject(c, hwsim.Fault{Kind: hwsim.FaultRefuse, Probability: 0.1, Match: hwsim.Selector{Role: hwsim.RoleFDB}})
			s.inject(c, hwsim.Fault{Kind: hwsim.FaultReset, Probability: 0.02, Count: 1000, Match: hwsim.Selector{Role: hwsim.RoleFDB}})
		}
		rng := rand.New(rand.NewPCG(seed, 16))
		for range 500 {
			s.load(rng)
			s.pass(time.Duration(rng.IntN(8)) * time.Millisecond)
			rows := []map[Key]switchdev.FDBEntry{told(s.chips[0]), told(s.chips[1])}
			for e := range s.All() {
				if e.Offload != Offloaded {
					continue
				}
				offloaded++
				want, _ := wantedRow(e)
				if got := rows[(e.Port-1)/2][e.Key]; got != want {
					t.Fatalf("seed %d: %+v, and the chip has %+v", seed, e, got)
				}
			}
		}
	}
	if offloaded < 1000 {
		t.Errorf("%d in hardware: this proves little", offloaded)
	}
}

func oldPlaceIsWithdrawn(t *testing.T) {
	k := key(1)
	starts := map[string]func(s *sim){
		"learned": func(s *sim) { s.seen(k, 1) },
		"static":  func(s *sim) { s.put(k, 1, Static) },
		"extern":  func(s *sim) { s.put(k, 1, Extern) },
		"local":   func(s *sim) { s.put(k, 1, Permanent) },
		"used":    func(s *sim) { s.must(s.SubmitUse(k, 1)) },
	}
	for from, start := range starts {
		for to, change := range map[string]func(s *sim, p switchdev.PortID){
			"learn":   func(s *sim, p switchdev.PortID) { s.seen(k, p) },
			"static":  func(s *sim, p switchdev.PortID) { s.put(k, p, Static) },
			"dynamic": func(s *sim, p switchdev.PortID) { s.put(k, p, 0) },
			"extern":  func(s *sim, p switchdev.PortID) { s.put(k, p, Extern) },
			"local":   func(s *sim, p switchdev.PortID) { s.put(k, p, Permanent) },
			"use":     func(s *sim, p switchdev.PortID) { s.must(s.SubmitUse(k, p)) },
			"delete":  func(s *sim, _ switchdev.PortID) { s.must(s.SubmitDelete(k, s.at(k))) },
			"flush":   func(s *sim, _ switchdev.PortID) { s.must(s.SubmitFlush(Everything())) },
		} {
			s := newSim(t, Config{}, Device{}, hwsim.Config{}, hwsim.Config{})
			start(s)
			s.rest()
			for _, p := range []switchdev.PortID{1, 3, 4, 1} {
				if s.at(k) == 0 {
					start(s)
				}
				change(s, p)
				s.rest()
				s.pass(time.Minute)
				s.rest()
			}
			if t.Failed() {
				t.Fatalf("%s, then %s", from, to)
			}
		}
	}
}

func vetoPolicies(t *testing.T) {
	t.Run("kept", vetoKept)
	t.Run("dropped", vetoDropped)
}

// nobodyWaits: what does not need the device is [hangingDevice]'s; here is who
// does, once it is clear that it hangs.
func nobodyWaits(t *testing.T) {
	t.Run("others", hangingDevice)
	s := newSim(t, Config{Hardware: Hardware{Breaker: 2}}, Device{}, hwsim.Config{})
	hang := s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultHang, Deaf: true, Match: hwsim.Selector{Role: hwsim.RoleFDB}})
	add := func(n byte) *Ticket { return s.SubmitAdd(Entry{Key: key(n), Port: 1, Flags: Static}) }
	for n := range byte(2) {
		k := add(n)
		s.pass(DefaultTimeout)
		if !ended(k) || k.Err() == nil {
			t.Errorf("Add = %v", k.Err())
		}
	}
	if d := s.Devices()[0]; d.Breaker != BreakerOpen {
		t.Errorf("%+v", d)
	}
	for n := range byte(10) {
		if err := s.do(add(10 + n)); !errors.Is(err, syscall.ENXIO) { // at once
			t.Errorf("Add = %v", err)
		}
	}
	hang.Release()
	s.pass(time.Second)
	s.rest() // what it did late was taken back
	s.must(add(1))
	if d := s.Devices()[0]; d.Breaker != BreakerClosed {
		t.Errorf("%+v", d)
	}
	s.rest()
}

func deleteHardwareFirst(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{Hardware: hwsim.Hardware{Latency: hwsim.Latency{Op: time.Second}}})
	add := func() {
		k := s.SubmitReplace(Entry{Key: key(1), Port: 1, Flags: Static})
		s.pass(2 * time.Second)
		if k.Err() != nil || !ended(k) {
			t.Fatal(k.Err())
		}
	}
	add()
	k := s.SubmitDelete(key(1), 1)
	s.pass(999 * time.Millisecond)
	s.wantAt("while the row is there", key(1), 1)
	s.pass(time.Millisecond)
	s.wantAt("when it is not", key(1), 0)
	if !ended(k) || k.Err() != nil {
		t.Error(k.Err())
	}
	add()
	in := s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultRefuse, Match: hwsim.Selector{Role: hwsim.RoleFDB, Verb: "delete"}})
	k = s.SubmitDelete(key(1), 1)
	s.pass(3 * time.Second)
	if !errors.Is(k.Err(), syscall.EBUSY) {
		t.Errorf("Delete = %v", k.Err())
	}
	s.has(key(1), "1 static,user user")
	s.must(s.SubmitRemove(key(1), 1)) // forced: the row goes when it can
	s.has(key(1), "none")
	s.pass(3 * time.Second)
	if rowAt(s.chip0(), key(1)) != 1 {
		t.Error("no row: this proves nothing")
	}
	in.Release()
	s.pass(2 * time.Minute)
	s.rest()
	add()
	s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultRefuse, Err: switchdev.ErrNotExist, Count: 1, Match: hwsim.Selector{Role: hwsim.RoleFDB, Verb: "delete"}})
	k = s.SubmitDelete(key(1), 1)
	s.pass(3 * time.Second)
	if k.Err() != nil { // there is nothing left to delete
		t.Errorf("Delete = %v", k.Err())
	}
	s.has(key(1), "none")
	if !s.chip0().DropRow(0, key(1)) { // the chip lied; now it is true
		t.Error("no row: this proves nothing")
	}
}

// replayOnce resets a chip and changes half of what is to be replayed before the
// chip has come to it.
func replayOnce(t *testing.T) {
	const stations = 300
	for _, batch := range []int{1, 7, 256} {
		s := newSim(t, Config{Learning: Learning{Pending: -1}, Hardware: Hardware{Batch: batch}}, Device{}, hwsim.Config{Hardware: hwsim.Hardware{Latency: hwsim.Latency{Batch: time.Millisecond}}})
		for n := range stations {
			s.Learn(stationKey(n), 1)
		}
		k := s.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
		s.pass(time.Second)
		if !ended(k) || k.Err() != nil {
			t.Fatal(k.Err())
		}
		s.rest()
		from := mark(s.chip0())
		if _, err := s.chip0().Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := range stations {
			if n%2 == 0 {
				s.Learn(stationKey(n), 2)
			}
		}
		s.Poll(s.now)
		for e := range s.All() {
			if e.Offload == Offloaded {
				t.Fatalf("%+v right after the reset", e)
			}
		}
		s.pass(10 * time.Second)
		s.rest()
		s.once(sets(s.chip0(), from), stations+1)
		again := s.SubmitReconcile(s.chip0())
		s.must(again)
		if again.Count() != 0 || len(sets(s.chip0(), from)) != stations+1 {
			t.Errorf("%d rows differed", again.Count())
		}
	}
}

// endsMeanTheEnd: at the instant in which RemovePort or Leave is through, nothing
// of the port is in the chip or on its way there.
func endsMeanTheEnd(t *testing.T) {
	for name, end := range map[string]func(s *sim) *Ticket{
		"remove port": func(s *sim) *Ticket { return s.SubmitRemovePort(1) },
		"leave":       func(s *sim) *Ticket { return s.SubmitLeave(s.chip0(), 1) },
	} {
		for late := range 12 {
			s := newSim(t, Config{Hardware: Hardware{Batch: 3}}, Device{}, hwsim.Config{Hardware: hwsim.Hardware{Latency: hwsim.Latency{Op: time.Millisecond}}})
			for n := range 40 {
				s.Learn(stationKey(n), switchdev.PortID(1+n%2))
			}
			s.Poll(s.now)
			s.pass(time.Duration(late) * 1700 * time.Microsecond)
			for n := 0; n < 40; n += 4 { // rows without an entry
				s.SubmitRemove(stationKey(n), 1)
			}
			s.bench.Poll(s.now)
			k := end(s)
			for n := 0; !ended(k); n++ {
				if got := s.Learn(stationKey(n%40), 1); name == "remove port" && got != Barred {
					t.Fatalf("Learn = %v", got)
				}
				s.pass(time.Millisecond)
			}
			for _, p := range s.chip0().Operations() {
				if p.Next.Port == 1 && p.Next.Verb == "set" {
					t.Errorf("%s: in flight: %+v", name, p)
				}
			}
			from := mark(s.chip0())
			s.pass(time.Minute)
			for r := range s.chip0().Log() {
				if r.Role == hwsim.RoleFDB && r.Verb == "set" && r.Port == 1 && r.Executed.Seq > from {
					t.Fatalf("%s: afterwards: %v", name, r)
				}
			}
			for k, r := range told(s.chip0()) {
				if r.Port == 1 {
					t.Errorf("%s: %v is left", name, k)
				}
			}
			if name == "remove port" && !errors.Is(s.do(s.SubmitAdd(Entry{Key: key(1), Port: 1})), switchdev.ErrPortGone) {
				t.Error("an add to a port that is gone")
			}
		}
	}
	c := newChip("sw0")
	out := 0
	c.before = func(ctx context.Context, _ []switchdev.FDBOp) error {
		out++
		defer func() { out-- }()
		<-ctx.Done()
		return ctx.Err()
	}
	table, err := New(withChips(Config{}, c))
	if err != nil {
		t.Fatal(err)
	}
	k := table.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	for calls := 0; calls == 0; calls, _ = c.counts() {
		table.Stats()
	}
	if err := table.Close(); err != nil || out != 0 || !ended(k) || k.Err() == nil {
		t.Errorf("Close = %v, %d calls are out, Add = %v", err, out, k.Err())
	}
}

// driversMayCall: from inside ApplyFDB a driver reports, learns, looks up and
// submits. No two operations on a key overlap: the audit of every other test
// with a simulated chip sees to that.
func driversMayCall(t *testing.T) {
	c := newChip("sw0")
	var table *Table
	n, submitted := 0, []*Ticket{}
	c.before = func(_ context.Context, ops []switchdev.FDBOp) error {
		seen := make(map[Key]bool)
		for _, op := range ops {
			if seen[op.Entry.Key] {
				t.Errorf("%v is twice in a batch", op.Entry.Key)
			}
			seen[op.Entry.Key] = true
		}
		if n++; n > 50 {
			return nil
		}
		k := stationKey(n)
		c.report(switchdev.Report{Kind: switchdev.ReportLearned, Key: k, Port: 2, Epoch: 1})
		c.report(switchdev.Report{Kind: switchdev.ReportAged, Key: key(1), Port: 1, Epoch: 1})
		if got := table.Learn(stationKey(1000+n), 3); !got.Accepted() {
			t.Errorf("Learn = %v", got)
		}
		if _, ok := table.Lookup(stationKey(1000 + n)); !ok {
			t.Error("not found")
		}
		submitted = append(submitted, table.SubmitReplace(Entry{Key: key(1), Port: switchdev.PortID(1 + n%2), Flags: Static}))
		table.SubmitFlush(Filter{OnPort: true, Port: 7})
		table.Stats()
		return nil
	}
	table = newTable(t, withChips(Config{}, c))
	if err := table.Add(t.Context(), Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Flush(t.Context(), OnPort(3)); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 50; n++ { // each call brings about the next
		k := key(byte(100 + n))
		if err := table.Add(t.Context(), Entry{Key: k, Port: 1, Flags: Static}); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	if n < 50 || len(submitted) != 50 {
		t.Errorf("%d calls, %d submitted", n, len(submitted))
	}
	for _, k := range submitted {
		if !ended(k) || k.Err() != nil && !errors.Is(k.Err(), switchdev.ErrClosed) {
			t.Errorf("%v %v", ended(k), k.Err())
		}
	}
}
