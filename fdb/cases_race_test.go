package fdb

import (
	"sync"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestRulesConcurrently changes everything that the learn rules and the sweep go
// by while stations are learned, used, watched and read. It is for the race
// detector; what must hold at the end is what the table says of itself.
func TestRulesConcurrently(t *testing.T) {
	table := newTable(t, Config{Learning: Learning{Max: 50}})
	ctx := t.Context()
	var wg sync.WaitGroup
	for g := range 2 {
		wg.Go(func() {
			for n := range 2000 {
				k, p := stationKey(n%100), switchdev.PortID(1+(n+g)%3)
				table.Learn(k, p)
				table.LearnLocked(k, p)
				if _, ok := table.Lookup(k); ok && n%10 == 0 {
					_, _ = table.Get(ctx, k)
				}
			}
		})
	}
	wg.Go(func() {
		for n := range 400 {
			k, p := stationKey(n%100), switchdev.PortID(1+n%3)
			for _, verb := range []*Ticket{
				table.SubmitReplace(Entry{Key: k, Port: p, Flags: Static | Notify}), table.SubmitUse(k, p),
				table.SubmitUpdate(Entry{Key: k, Port: p, Flags: Extern}), table.SubmitAppend(Entry{Key: k, Port: p, Flags: NoRefresh}),
			} {
				_ = verb.Wait(ctx)
			}
			table.SubmitFlush([]Filter{OnPort(p), {Mask: InHardware}, Dynamic(), {Mask: Locked, Flags: Locked}}[n%4])
		}
	})
	wg.Go(func() {
		for n := range 200 {
			_ = table.SetAgeing([]time.Duration{tickLength, -1, time.Second, NoLearning}[n%4])
			_ = table.TopologyChange(time.Duration(n%3) * tickLength)
			_ = table.SetLearningMax(n % 60)
			for e := range table.All() {
				_ = e.State()
			}
			_, _, _ = table.Hold(), table.LearningMax(), table.Stats().Learned
		}
	})
	wg.Wait()
	if err := table.SetAgeing(NoLearning); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Flush(ctx, Everything()); err != nil {
		t.Fatal(err)
	}
	if s := table.Stats(); s.Entries != 0 || s.Learned != 0 || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
	<-table.slot
	if n := len(table.sweep.watched.keys); n != 0 {
		t.Errorf("%d are watched", n)
	}
	table.unlock()
}

// TestLockedLearnDoesNotAllocate for a station that is known, or shut out.
func TestLockedLearnDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := newBench(t, Config{})
	b.LearnLocked(key(1), 1)
	b.Learn(key(2), 1)
	b.Poll(b.now)
	noAllocs(t, "locked", 200, 0, func() {
		b.clock.ticks.Add(1)
		b.LearnLocked(key(1), 1)
	})
	noAllocs(t, "shut", 200, 0, func() { b.LearnLocked(key(2), 1) })
	noAllocs(t, "elsewhere", 200, 0, func() { b.LearnLocked(key(1), 2) })
}
