package fdb

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// replies counts what station B does with a frame: it answers station A. Whoever
// misses A in the table floods the answer, and C sees it.
type replies struct {
	sent    atomic.Int64
	floods  atomic.Int64
	open    atomic.Int64 // answered from the open generation
	sealed  atomic.Int64 // from the sealed one
	applied atomic.Int64 // from main, the station's generation being gone

	past int64 // the last station whose generation is known to be gone
}

// seedRace lets stations A on port 1 send to B on port 2 and B reply, at least
// rounds times, until each source of answers has given at least enough of them.
// lookup decides whether a reply floods. Hardware is slow: the driver answers
// only every now and then, and the worker is held up so that learning is
// delayed by whole generations.
func seedRace(t *testing.T, rounds, enough int64, lookup func(*Table, Key) bool) *replies {
	t.Helper()
	var r replies
	more := func() bool {
		if r.sent.Load() < rounds {
			return true
		}
		lacking := min(r.open.Load(), r.sealed.Load(), r.applied.Load()) < enough
		return lacking && r.sent.Load() < 4*rounds
	}
	const perTable = 50_000 // stations, so that the table's size stays bounded
	for more() {
		slow := newChip("slow")
		pace := make(chan struct{})
		slow.before = func(ctx context.Context, _ []switchdev.FDBOp) error {
			select {
			case <-pace:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		table, err := New(withChips(Config{Learning: Learning{Pending: -1}, Seed: 1}, slow))
		if err != nil {
			t.Fatal(err)
		}
		r.past = -1
		frames := make(chan Key, 4096) // on their way from A to B
		var wg sync.WaitGroup
		wg.Go(func() { // A, on port 1: stations that nobody has seen before
			defer close(frames)
			for n := range perTable {
				k := stationKey(n)
				if !table.Learn(k, 1).Accepted() {
					t.Error("a station was not accepted")
				}
				frames <- k
			}
		})
		wg.Go(func() { // B, on port 2, and the port that carries its reply
			n, held := 0, false
			for k := range frames {
				r.reply(table, k, lookup)
				// Some stations are answered at once, some after a while.
				for _, late := range [...]int{300, 3000, perTable / 5} {
					if n >= late {
						r.reply(table, stationKey(n-late), lookup)
					}
				}
				n++
				switch {
				case n%512 == 0:
					select {
					case pace <- struct{}{}: // hardware answers
					default:
					}
				case n%1024 == 100: // somebody else's commits delay learning
					<-table.slot
					held = true
				case n%1024 == 400:
					table.unlock()
					held = false
				case n%8192 == 500: // learning catches up
					for table.stations.Pending().Open+table.stations.Pending().Sealed > 0 {
						runtime.Gosched()
					}
					r.past = int64(n - 1)
				}
			}
			if held {
				table.unlock()
			}
		})
		wg.Wait()
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			break
		}
	}
	return &r
}

// reply forwards B's answer to k, and counts where the answer was found.
func (r *replies) reply(table *Table, k Key, lookup func(*Table, Key) bool) {
	n := int64(k.MAC[3])<<16 | int64(k.MAC[4])<<8 | int64(k.MAC[5])
	past := n <= r.past
	if !lookup(table, k) {
		r.floods.Add(1)
	}
	_, from, _ := table.stations.LookupFrom(camKey(k))
	switch {
	case from == overlay.FromOpen:
		r.open.Add(1)
	case from == overlay.FromSealed:
		r.sealed.Add(1)
	case past:
		r.applied.Add(1)
	}
	r.sent.Add(1)
}

// TestReplyNeverFloods is the seed of the project: A sends to B, B replies, and
// C must not see the reply although learning is delayed and hardware is slow.
func TestReplyNeverFloods(t *testing.T) {
	rounds, enough := int64(1_000_000), int64(10_000)
	if raceEnabled || testing.Short() {
		rounds, enough = 60_000, 300
	}
	r := seedRace(t, rounds, enough, func(table *Table, k Key) bool {
		hit, ok := table.Lookup(k)
		return ok && hit.Port == 1
	})
	t.Logf("%d replies: %d from the open generation, %d from the sealed one, %d from main afterwards",
		r.sent.Load(), r.open.Load(), r.sealed.Load(), r.applied.Load())
	if n := r.floods.Load(); n != 0 {
		t.Errorf("%d of %d replies flooded", n, r.sent.Load())
	}
	for what, n := range map[string]int64{"open": r.open.Load(), "sealed": r.sealed.Load(), "main": r.applied.Load()} {
		if n < enough {
			t.Errorf("only %d lookups were answered from %s: the test proves nothing", n, what)
		}
	}
}

// TestReplyFloodsWithoutTheOverlay shows that the test above can fail: a switch
// that looks in the main table alone floods.
func TestReplyFloodsWithoutTheOverlay(t *testing.T) {
	rounds := int64(100_000)
	if raceEnabled || testing.Short() {
		rounds = 20_000
	}
	r := seedRace(t, rounds, 0, func(table *Table, k Key) bool {
		_, ok := table.stations.LookupMain(camKey(k))
		return ok
	})
	if r.floods.Load() == 0 {
		t.Error("nothing flooded without the second stage: the test of it proves nothing")
	}
	t.Logf("%d of %d replies flooded", r.floods.Load(), r.sent.Load())
}
