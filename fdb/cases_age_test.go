package fdb

import (
	"errors"
	"syscall"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func ageingCases() []ruleCase {
	k := key(1)
	second := Config{Ageing: time.Second}
	return []ruleCase{
		{75, "hold of 1 s", second, func(b *bench) {
			b.Learn(k, 1)
			b.through(600 * time.Millisecond)
			b.Learn(k, 1) // a refresh postpones
			b.through(999 * time.Millisecond)
			b.has(k, "1 dynamic learned")
			b.through(101 * time.Millisecond)
			b.has(k, "none")
			b.tells("added aged")
		}},
		{76, "shorter and longer", second, func(b *bench) {
			b.SetAgeing(time.Minute)
			b.Learn(k, 1)
			b.through(10 * time.Second)
			b.SetAgeing(time.Hour)
			b.through(10 * time.Minute)
			b.has(k, "1 dynamic learned") // lengthened: kept
			b.SetAgeing(11 * time.Minute)
			b.Poll(b.now)
			b.has(k, "1 dynamic learned")
			b.SetAgeing(5 * time.Minute)
			b.Poll(b.now)
			b.has(k, "none") // shortened: gone at once
		}},
		{77, "a stale entry is shown, and forwards", second, func(b *bench) {
			b.seen(k, 7)
			b.put(key(2), 7, Static)
			b.put(key(3), 7, Extern)
			b.events()
			b.clock.advance(b.now.Add(time.Minute)) // the sweep is late
			e, _ := b.Get(b.t.Context(), k)
			if hit, ok := b.Lookup(k); !ok || hit.Port != 7 || !e.Stale || e.State() != "stale" {
				b.t.Errorf("%+v %v, %+v", hit, ok, e)
			}
			for e := range b.All() {
				if e.Stale != (e.Key == k) {
					b.t.Errorf("%+v", e)
				}
			}
			b.Poll(b.now)
			if ev := b.tells("aged"); len(ev) == 1 && (ev[0].Old.State() != "stale" || !ev[0].Entry.Stale) {
				b.t.Errorf("%+v", ev[0])
			}
		}},
		{78, "topology change", Config{}, topologyChange},
		{80, "a table without anything that ages sleeps", second, func(b *bench) {
			for n, f := range []Flags{Static, Permanent, Extern, Static | Notify | Inactive, Extern | Local} {
				b.put(stationKey(n), 1, f)
			}
			if next := b.Poll(b.now); !next.IsZero() {
				b.t.Errorf("due at %v", next)
			}
			b.Learn(k, 1)
			if next := b.Poll(b.now); next.Before(b.now.Add(time.Second)) || next.After(b.now.Add(time.Second+2*tickLength)) {
				b.t.Errorf("due at %v", next)
			}
			// Passes are 10 ms apart at least, however much is overdue when.
			last, aged := b.now, uint64(0)
			for n := range 1000 {
				b.Learn(stationKey(1000+n), 1)
				b.pass(time.Duration(1+n/500*6) * time.Millisecond)
				if now := b.Stats().Aged; now != aged {
					if aged != 0 && b.now.Sub(last) < tickLength {
						b.t.Fatalf("passes at %v and %v", last, b.now)
					}
					last, aged = b.now, now
				}
			}
			b.through(time.Minute)
			if next := b.Poll(b.now); !next.IsZero() || b.Len() != 5 {
				b.t.Errorf("due at %v, %d left", next, b.Len())
			}
		}},
	}
}

// topologyChange: the hold time is the forward delay meanwhile, and here the
// sweep follows it at once, where Linux's comes when it would have come anyway.
func topologyChange(b *bench) {
	k := key(1)
	b.seen(k, 1)
	b.put(key(2), 1, Static)
	b.through(time.Minute)
	b.seen(key(3), 1)
	b.events()
	if err := b.TopologyChange(15 * time.Second); err != nil || b.Hold() != 15*time.Second || b.Ageing() != DefaultAgeing {
		b.t.Errorf("%v: Hold %v, Ageing %v", err, b.Hold(), b.Ageing())
	}
	b.Poll(b.now)
	b.has(k, "none") // overdue already
	b.tells("aged")
	b.through(15 * time.Second)
	b.seen(key(4), 1)
	b.through(tickLength)
	b.has(key(3), "none")
	b.TopologyChange(0)
	if b.Hold() != DefaultAgeing {
		b.t.Errorf("Hold = %v", b.Hold())
	}
	b.through(DefaultAgeing - time.Second)
	b.has(key(4), "1 dynamic learned") // for the ageing time again
	b.through(2 * time.Second)
	b.has(key(4), "none")
	b.has(key(2), "1 static,user user")
	// It makes entries age that would not, and lets nothing be learned that
	// would not be.
	b.SetAgeing(-1)
	b.TopologyChange(time.Second)
	b.seen(k, 1)
	b.through(1100 * time.Millisecond)
	b.has(k, "none")
	b.SetAgeing(NoLearning)
	if got := b.Learn(k, 1); got != Ignored || b.Hold() != NoLearning {
		b.t.Errorf("Learn = %v, Hold %v", got, b.Hold())
	}
}

func activityCases() []ruleCase {
	k := key(1)
	second := Config{Ageing: time.Second}
	var cases []ruleCase
	for _, x := range []struct {
		name string
		make Flags
		from switchdev.PortID // the port of the frame
		now  string
	}{
		{"static", Static, 1, "1 static,user,activity_notify user"},
		{"static, frame elsewhere", Static, 2, "2 static,user,activity_notify user"},
		{"sticky", Static | Sticky, 2, "1 static,sticky,user,activity_notify user"},
		{"extern", Extern, 1, "1 extern_learn,user,activity_notify control"},
	} {
		cases = append(cases, ruleCase{79, "activity of a " + x.name + " entry", second, func(b *bench) {
			b.put(k, 1, x.make|Notify)
			b.events()
			b.through(990 * time.Millisecond)
			b.tells("")
			b.through(30 * time.Millisecond)
			if ev := b.tells("changed"); len(ev) != 1 || ev[0].Entry.Flags != ev[0].Old.Flags|Inactive {
				b.t.Errorf("%+v", ev)
			}
			b.through(10 * time.Second)
			b.tells("")
			b.seen(k, x.from)
			want := "changed"
			if x.from == 2 && x.make&Sticky == 0 {
				want = "moved"
			}
			if ev := b.tells(want); len(ev) != 1 || ev[0].Entry.Flags&Inactive != 0 {
				b.t.Errorf("%+v", ev)
			}
			b.has(k, x.now)
			for range 5 {
				b.through(500 * time.Millisecond)
				b.Learn(k, x.from)
			}
			b.tells("") // more traffic is no news
		}})
	}
	return append(cases, ruleCase{79, "what is not watched", second, func(b *bench) {
		// A dynamic entry ages instead; what was made inactive stays so; without
		// the attribute nothing is told.
		b.put(key(2), 1, Notify)
		b.put(key(3), 1, Static|Notify|Inactive)
		b.put(key(4), 1, Static|Notify)
		b.put(key(4), 1, Static)
		b.events()
		b.through(10 * time.Second)
		b.tells("aged")
		// Notify alone leaves an inactive entry inactive, its absence does not.
		b.put(key(3), 2, Static|Notify)
		b.has(key(3), "2 static,user,activity_notify,inactive user")
		b.put(key(3), 2, Static)
		b.has(key(3), "2 static,user user")
		b.tells("moved changed")
		b.refuses(syscall.EINVAL, func() *Ticket { return b.SubmitReplace(Entry{Key: k, Port: 1, Flags: Static | Inactive}) })
	}}, ruleCase{79, "activity and hardware", second, func(b *bench) {
		c := newChip("sw0")
		b = newBench(b.t, withChips(second, c))
		b.put(k, 1, Static|Notify)
		_, ops := c.counts()
		b.through(2 * time.Second)
		b.seen(k, 1)
		if _, now := c.counts(); now != ops {
			b.t.Errorf("%d operations, were %d", now, ops)
		}
		e, _ := b.Get(b.t.Context(), k)
		if e.Offload != Offloaded || e.Flags&Inactive != 0 {
			b.t.Errorf("%+v", e)
		}
	}}, ruleCase{79, "ten thousand are watched", second, func(b *bench) {
		const n = 10_000
		for i := range n {
			b.SubmitAdd(Entry{Key: stationKey(i), Port: 1, Flags: Static | Notify})
		}
		b.Poll(b.now)
		for i := 0; i < n; i += 2 {
			b.SubmitDelete(stationKey(i), 1)
		}
		b.Poll(b.now)
		b.through(2 * time.Second)
		silent := 0
		for e := range b.All() {
			if e.Flags&Inactive != 0 {
				silent++
			}
		}
		if silent != n/2 || len(b.sweep.watched.keys) != n/2 || len(b.sweep.watched.place) != n/2 {
			b.t.Errorf("%d inactive, %d watched", silent, len(b.sweep.watched.keys))
		}
		for {
			if _, ok, err := b.sub.TryNext(); !ok && err == nil {
				break
			} else if err != nil && !errors.Is(err, switchdev.ErrOverrun) {
				b.t.Fatal(err)
			}
		}
	}})
}
