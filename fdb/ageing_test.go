package fdb

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestAgeingInTime: with a hold of 1 s an entry is gone 1.0 to 1.1 s after it
// was seen last, whenever that was (75).
func TestAgeingInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(t, Config{Ageing: time.Second})
		sub, err := table.Subscribe(SubscribeOptions{Filter: func(e *Event) bool { return e.Kind == Aged }})
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
		aged := func(k Key, seen time.Time) {
			t.Helper()
			e, err := sub.Next(t.Context())
			if d := time.Since(seen); err != nil || e.Old.Key != k || d < time.Second || d > 1100*time.Millisecond {
				t.Errorf("%v aged after %v (%v)", e.Old.Key, d, err)
			}
			if _, ok := table.Lookup(k); ok {
				t.Errorf("%v is found", k)
			}
		}
		for n := range 40 {
			time.Sleep(time.Duration(n)*1237*time.Microsecond + 1)
			k := stationKey(n)
			table.Learn(k, 1)
			aged(k, time.Now())
		}
		// A refresh postpones, on the second of two ports as well.
		k := key(1)
		table.Learn(k, 1)
		var seen time.Time
		for n := range 30 {
			time.Sleep(777 * time.Millisecond)
			table.Learn(k, switchdev.PortID(1+n%2))
			seen = time.Now()
			if _, ok := table.Lookup(k); !ok {
				t.Fatal("aged although it was seen")
			}
		}
		aged(k, seen)
		if got := table.Stats().Aged; got != 41 {
			t.Errorf("Aged = %d", got)
		}
	})
}

// TestWhatAges: the kinds of entry that age are learned ones, a user's dynamic
// ones and sticky dynamic ones; being a destination does not keep an entry.
func TestWhatAges(t *testing.T) {
	ages := map[string]bool{"learned": true, "user dynamic": true, "sticky dynamic": true}
	b := newBench(t, Config{Ageing: time.Second})
	for i, x := range existing {
		b.enter(x.name, key(byte(i+1)))
	}
	for range 20 {
		b.through(100 * time.Millisecond)
		for i := range existing {
			b.Destination(key(byte(i + 1)))
		}
	}
	for i, x := range existing {
		if ok := b.at(key(byte(i+1))) != 0; ok == (ages[x.name] || x.none) {
			t.Errorf("%s is still there: %v", x.name, ok)
		}
	}
	for _, e := range b.events() {
		if e.Kind != Aged {
			t.Errorf("event %v", e.Kind)
		}
	}
}

// TestExternAgesOnceItMoved: case 46.
func TestExternAgesOnceItMoved(t *testing.T) {
	b := newBench(t, Config{Ageing: time.Second})
	b.enter("extern", key(1))
	b.through(10 * time.Second)
	b.wantAt("external", key(1), 1)
	b.Learn(key(1), 2)
	b.through(500 * time.Millisecond)
	b.wantAt("moved", key(1), 2)
	b.through(700 * time.Millisecond)
	b.wantAt("moved and old", key(1), 0)
}

// TestAgeingTimes: the default, never, and not at all (13).
func TestAgeingTimes(t *testing.T) {
	t.Run("default", func(t *testing.T) {
		b := newBench(t, Config{})
		b.Learn(key(1), 1)
		b.through(DefaultAgeing - time.Millisecond)
		b.wantAt("after 300 s less 1 ms", key(1), 1)
		b.through(time.Second)
		b.wantAt("after 301 s", key(1), 0)
	})
	t.Run("never", func(t *testing.T) {
		b := newBench(t, Config{Ageing: -1})
		b.Learn(key(1), 1)
		b.through(10_000 * time.Hour)
		b.wantAt("after a year", key(1), 1)
		if next := b.Poll(b.now); !next.IsZero() {
			t.Errorf("something is due at %v", next)
		}
	})
	t.Run("not at all", func(t *testing.T) {
		b := newBench(t, Config{Ageing: NoLearning})
		b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1}))
		b.must(b.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static}))
		b.must(b.SubmitAdd(Entry{Key: key(3), Port: 1, Flags: Extern}))
		b.through(20 * time.Millisecond)
		b.wantAt("user dynamic", key(1), 0)
		b.wantAt("static", key(2), 1)
		b.wantAt("extern", key(3), 1)
	})
}

// TestSetAgeing: shortening takes what is overdue at once, lengthening keeps,
// zero of the kernel empties (76, 13).
func TestSetAgeing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(t, Config{})
		found := func(when string, want bool) {
			t.Helper()
			synctest.Wait()
			if _, ok := table.Lookup(key(1)); ok != want {
				t.Errorf("%s: found %v, want %v", when, ok, want)
			}
		}
		set := func(d time.Duration) {
			t.Helper()
			if err := table.SetAgeing(d); err != nil {
				t.Fatal(err)
			}
		}
		table.Learn(key(1), 1)
		time.Sleep(10 * time.Second)
		set(20 * time.Second)
		found("shortened, not overdue", true)
		set(5 * time.Second)
		found("shortened below its age", false)

		table.Learn(key(1), 1)
		time.Sleep(4 * time.Second)
		set(time.Minute)
		time.Sleep(10 * time.Second)
		found("lengthened", true)
		set(-1)
		time.Sleep(time.Hour)
		found("never", true)
		set(NoLearning)
		found("no learning", false)
		if got := table.Learn(key(1), 1); got != Ignored {
			t.Errorf("Learn = %v", got)
		}
		set(0)
		if table.Ageing() != DefaultAgeing {
			t.Errorf("Ageing = %v", table.Ageing())
		}
		table.Learn(key(1), 1)
		time.Sleep(DefaultAgeing - 5*time.Second)
		found("learned again", true)
		time.Sleep(10 * time.Second)
		found("and aged", false)
	})
}

// TestStaleEntryForwardsUntilTheSweep: what is overdue is found until Poll
// removes it, and the event carries it as it was (77).
func TestStaleEntryForwardsUntilTheSweep(t *testing.T) {
	b := newBench(t, Config{Ageing: time.Second})
	b.Learn(key(1), 7)
	b.Poll(b.now)
	b.events()
	b.now = b.now.Add(time.Minute) // nobody polls
	b.wantAt("overdue", key(1), 7)
	b.Poll(b.now)
	b.wantAt("swept", key(1), 0)
	if ev := b.events(); len(ev) != 1 || ev[0].Kind != Aged || ev[0].Old.Port != 7 {
		t.Errorf("events %v", ev)
	}
}

// TestAgeIsThatOfTheFrame: an entry that is applied late is as old as the frame
// that made or moved it, and a sweep spares what is pending (I25).
func TestAgeIsThatOfTheFrame(t *testing.T) {
	b := newBench(t, Config{Ageing: time.Minute, Learning: Learning{Delay: time.Hour}})
	b.Learn(key(1), 1)
	b.through(time.Hour - time.Second)
	b.wantAt("pending", key(1), 1)
	b.through(2 * time.Second)
	b.wantAt("applied an hour late", key(1), 0)

	b.Learn(key(2), 1)
	b.through(59*time.Minute + 30*time.Second)
	b.Learn(key(2), 2)
	b.through(50 * time.Second)
	b.wantAt("applied 50 s after the move", key(2), 2)
	b.through(11 * time.Second)
	b.wantAt("61 s after the move", key(2), 0)

	b.Learn(key(3), 1)
	b.must(b.SubmitReplace(Entry{Key: key(3), Port: 1})) // applies it
	b.through(50 * time.Second)
	b.Learn(key(3), 2) // pending for an hour
	b.through(30 * time.Minute)
	b.wantAt("the sweep saw the old time in main", key(3), 2)
}

// TestSweepSparesKeysInFlight (rule 27).
func TestSweepSparesKeysInFlight(t *testing.T) {
	k := key(1)
	b, _, land := flight(t, func(b *bench) { b.Learn(k, 1); b.Poll(b.now) },
		func(b *bench) *Ticket { return b.SubmitReplace(Entry{Key: k, Port: 2, Flags: Static}) })
	if err := b.SetAgeing(10 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	b.through(time.Second)
	b.wantAt("in flight and overdue", k, 1)
	land()
	b.through(time.Second)
	b.wantAt("static", k, 2)
}
