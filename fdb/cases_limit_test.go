package fdb

import (
	"errors"
	"sync"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

func limitCases() []ruleCase {
	return []ruleCase{
		{16, "no limit", Config{}, func(b *bench) {
			for n := range 16 {
				b.seen(stationKey(n), 1)
			}
			b.learned(16)
			b.must(b.SubmitFlush(Dynamic()))
			b.learned(0)
		}},
		{17, "exactly as many as the limit", Config{Learning: Learning{Max: 8}}, func(b *bench) {
			for n := range 20 {
				want := Queued
				if n >= 8 {
					want = Limited
				}
				if got := b.Learn(stationKey(n), 1); got != want { // pending ones count
					b.t.Errorf("station %d: %v", n, got)
				}
			}
			b.Poll(b.now)
			b.learned(8)
			if b.Len() != 8 {
				b.t.Errorf("%d entries", b.Len())
			}
		}},
		{18, "what is entered at the limit", Config{Learning: Learning{Max: 1}}, func(b *bench) {
			b.seen(key(1), 1)
			b.put(key(2), 1, Static)
			b.must(b.SubmitUse(key(3), 1))
			b.put(key(4), 1, Extern)
			b.must(b.SubmitAdd(Entry{Key: key(5), Port: 1, Flags: Permanent, Owner: OwnerBridge}))
			b.put(key(6), 1, 0)
			b.learned(1)
			if b.Len() != 6 {
				b.t.Errorf("%d entries", b.Len())
			}
		}},
		{19, "a learned entry that is entered counts no more", Config{Learning: Learning{Max: 8}}, func(b *bench) {
			for n, enter := range []func(Key){
				func(k Key) { b.put(k, 1, Static) },
				func(k Key) { b.must(b.SubmitUse(k, 1)) },
				func(k Key) { b.put(k, 1, Extern) },
				func(k Key) { b.put(k, 0, Permanent) },
			} {
				k := stationKey(n)
				b.seen(k, 1)
				b.learned(1)
				enter(k)
				b.learned(0)
				e, _ := b.Get(b.t.Context(), k)
				b.must(b.SubmitDelete(k, e.Port))
				b.learned(0)
			}
		}},
		{20, "a station moves at the limit", Config{Learning: Learning{Max: 1}}, func(b *bench) {
			b.seen(key(1), 1)
			if got := b.seen(key(1), 2); got != Moved {
				b.t.Errorf("Learn = %v", got)
			}
			b.has(key(1), "2 dynamic learned")
			b.learned(1)
		}},
		{21, "a lower limit removes nothing", Config{Learning: Learning{Max: 4}}, func(b *bench) {
			for n := range 4 {
				b.seen(stationKey(n), 1)
			}
			if err := b.SetLearningMax(2); err != nil || b.LearningMax() != 2 {
				b.t.Error(err)
			}
			b.Poll(b.now)
			b.learned(4)
			for left := 3; left >= 1; left-- {
				if got := b.Learn(key(9), 1); got != Limited {
					b.t.Errorf("with %d learned: %v", left+1, got)
				}
				b.must(b.SubmitDelete(stationKey(left), 1))
			}
			if got := b.Learn(key(9), 1); got != Queued {
				b.t.Errorf("below the limit: %v", got)
			}
			// What a flush covers does not come back while there is no room.
			b.seen(key(9), 1)
			b.SubmitFlush(Filter{})
			b.SetLearningMax(1)
			if got := b.Learn(key(9), 1); got != Limited {
				b.t.Errorf("flushed, with two places taken: %v", got)
			}
			b.Poll(b.now)
			if got := b.Learn(key(9), 1); got != Queued {
				b.t.Errorf("when the flush was applied: %v", got)
			}
		}},
		{22, "the number of learned entries cannot be set", Config{}, func(b *bench) {
			// EINVAL from the policy in Linux; here there is no way to say it,
			// and a limit that is none has the same errno.
			if err := b.SetLearningMax(-1); !errors.Is(err, syscall.EINVAL) {
				b.t.Error(err)
			}
		}},
		{23, "a device learns at the limit", Config{}, deviceLearnsAtTheLimit},
		{24, "concurrent learns", Config{}, concurrentLearns},
	}
}

// deviceLearnsAtTheLimit: ENOMEM to the driver in Linux; the entry is not made.
func deviceLearnsAtTheLimit(b *bench) {
	c := newChip("sw0")
	b = newBench(b.t, Config{Learning: Learning{Max: 1}, Hardware: Hardware{Devices: []Device{{Driver: c, Ages: true}}}})
	for n := range byte(2) {
		c.report(switchdev.Report{Kind: switchdev.ReportLearned, Key: key(n + 1), Port: 1, Epoch: c.Epoch()})
		b.Poll(b.now)
	}
	b.has(key(1), "1 extern_learn driver")
	b.has(key(2), "none")
	b.learned(1)
}

// concurrentLearns never exceed the limit, whatever is applied meanwhile.
func concurrentLearns(b *bench) {
	const limit = 100
	table := newTable(b.t.(*testing.T), Config{Learning: Learning{Max: limit}})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := range 1000 {
				k := stationKey(g*1000 + n)
				table.Learn(k, switchdev.PortID(g+1))
				if n%100 == 0 {
					table.SubmitFlush(OnPort(switchdev.PortID(g + 1)))
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		p := table.stations.Pending()
		if n := p.Learned + p.Reserved; n > limit {
			b.t.Fatalf("%d of %d", n, limit)
		}
	}
	<-table.slot
	defer table.unlock()
	if err := table.stations.Check(); err != nil {
		b.t.Error(err)
	}
}
