package notify_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/switchcore/switchcore/internal/notify"
)

// An append visits who waits for its topic and who reads everything, and nobody else.
func TestAppendWakesItsTopicOnly(t *testing.T) {
	r := newRing(t, 8)
	var subs []*sub
	for topic := range uint64(100) {
		s := subscribe(t, r, opts{Topic: topic})
		defer s.Close()
		s.Ready()
		subs = append(subs, s)
	}
	visits := func(f func()) uint64 {
		before := r.Stats().Wakes
		f()
		return r.Stats().Wakes - before
	}
	if n := visits(func() { r.AppendTopic(7, event{}) }); n != 2 || len(subs[7].Ready()) != 1 || len(subs[0].Ready()) != 1 {
		t.Errorf("%d visits, want one of the topic and one of all", n)
	}
	if n := visits(func() { r.AppendTopic(1000, event{}); r.Append(event{}) }); n != 0 || r.Stats().Waiting != 98 {
		t.Errorf("%d visits, %+v, nobody was waiting for that", n, r.Stats())
	}
	if n := visits(r.Close); n != 98 {
		t.Errorf("the end visits %d, want 98", n)
	}
}

// A topic's subscriber is overrun by its own topic only, and exactly then.
func TestOverrunIsOfTheTopicOnly(t *testing.T) {
	r := newRing(t, 4)
	s := subscribe(t, r, opts{Topic: 1})
	defer s.Close()
	for range 3 {
		r.AppendTopic(2, event{})
	}
	r.AppendTopic(1, event{key: 1}) // 4
	for range 3 {
		r.AppendTopic(2, event{})
	}
	want(t, s, "{4 0 1 0}", "none")
	for range 100 {
		r.AppendTopic(2, event{}) // to 107
	}
	r.AppendTopic(1, event{key: 1}) // 108
	want(t, s, "{108 0 1 0}", "none")
	r.AppendTopic(1, event{})
	for range 4 {
		r.AppendTopic(2, event{})
	}
	want(t, s, "overrun 109-113", "none")
}

// A topic costs nothing without subscriptions, and all goes with the last.
func TestTopicsAreHeldForSubscriptionsOnly(t *testing.T) {
	r := newRing(t, 8)
	all := subscribe(t, r, opts{})
	defer all.Close()
	for topic := range uint64(100) {
		r.AppendTopic(topic, event{})
	}
	if n := r.Stats().Topics; n != 0 {
		t.Errorf("%d topics without subscriptions", n)
	}
	a, b := subscribe(t, r, opts{Topic: 1}), subscribe(t, r, opts{Topic: 1})
	if _, err := b.Change(func(o *opts) { o.Topic = 2 }); err != nil || r.Stats().Topics != 2 {
		t.Errorf("%v, %+v", err, r.Stats())
	}
	want(t, b, "none")
	a.Close()
	if n := r.Stats().Topics; n != 1 {
		t.Errorf("%d topics, want that of b", n)
	}
	b.Close()
	if n := r.Stats().Topics; n != 0 {
		t.Errorf("%d topics behind the last subscription", n)
	}
	r.Sound(t.Fatalf)
}

// A change holds from its number on, whatever was read by then.
func TestChangeHoldsFromItsNumberOn(t *testing.T) {
	tb := newTable(t, 64)
	tb.topics = true
	s := subscribe(t, tb.ring, opts{Topic: 1})
	defer s.Close()
	tb.set(1, 1) // 1
	tb.set(2, 1) // 2
	after, err := s.Change(func(o *opts) { o.Topic, o.Filter = 2, even })
	if err != nil || after != 2 {
		t.Fatal(after, err)
	}
	tb.set(2, 2) // 3
	tb.set(1, 2) // 4
	if after, err = s.Change(func(o *opts) { o.Topic = 0 }); err != nil || after != 4 {
		t.Fatal(after, err)
	}
	tb.set(1, 3) // 5, filtered
	tb.set(4, 3) // 6
	want(t, s, "{1 0 1 1}", "{3 0 2 2}", "{6 0 4 3}", "none")
	keyed, err := notify.SubscribeKeyed(tb.ring, opts{Replay: tb.replay}, byKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyed.Change(func(o *opts) { o.Replay = nil }); err == nil {
		t.Error("a coalescing subscription goes on without a replay")
	}
	keyed.Close()
	if _, err := keyed.Change(func(o *opts) { t.Error("called") }); !errors.Is(err, notify.ErrClosed) {
		t.Error(err)
	}
}

// Who waits for one topic and is changed to another is woken by the other.
func TestChangeMovesWhoWaits(t *testing.T) {
	r := newRing(t, 8)
	s := subscribe(t, r, opts{Topic: 1})
	defer s.Close()
	want(t, s, "none")
	s.Change(func(o *opts) { o.Topic = 2 })
	r.AppendTopic(1, event{key: 1})
	if len(s.Ready()) != 0 {
		t.Error("woken by the topic that it had")
	}
	r.AppendTopic(2, event{key: 2})
	selects(t, s, "{2 0 2 0}")
}

func TestTopicsAllocateNothing(t *testing.T) {
	r := newRing(t, 64)
	idle := subscribe(t, r, opts{Topic: 5})
	defer idle.Close()
	s := subscribe(t, r, opts{Topic: 6})
	defer s.Close()
	cycle := func() {
		r.AppendTopic(5, event{})
		r.AppendTopic(6, event{})
		for ok := true; ok; {
			_, ok, _ = s.TryNext()
		}
	}
	for range 100 {
		cycle()
	}
	allocs(t, "an append with a wake-up, and reading it", 0, cycle)
}

// TestTopicStress has readers of topics that are changed to and fro while they read and
// wait. Each checks that it was told of every event between two changes: the numbers
// that it was given follow each other by Previous, and every record of the topic counts.
func TestTopicStress(t *testing.T) {
	for _, capacity := range []int{2, 64, 1 << 15} {
		r, err := notify.New(notify.Config[event]{Capacity: capacity, Number: number, Previous: previous})
		if err != nil {
			t.Fatal(err)
		}
		var readers, producers sync.WaitGroup
		for topic := range uint64(4) {
			s := subscribe(t, r, opts{Topic: topic})
			readers.Go(func() { followTopic(t, s, topic) })
			roaming := subscribe(t, r, opts{})
			readers.Go(func() { followTopic(t, roaming, 0) })
			readers.Go(func() {
				for i := topic; ; i++ {
					if _, err := roaming.Change(func(o *opts) { o.Topic = i % 4 }); err != nil {
						return
					}
				}
			})
		}
		for range 2 {
			producers.Go(func() {
				for i := range 10_000 {
					topic := uint64(i*7) % 5
					r.AppendTopic(topic, event{key: int(topic), val: 1})
				}
			})
		}
		producers.Wait()
		r.Close()
		readers.Wait()
		if st := r.Stats(); st.Topics != 0 || st.Waiting != 0 {
			t.Errorf("left behind: %+v", st)
		}
	}
}

func followTopic(t *testing.T, s *sub, topic uint64) {
	defer s.Close()
	last, got, overruns := uint64(0), 0, 0
	for e, err := range s.All(t.Context()) {
		if lost := (*notify.OverrunError)(nil); errors.As(err, &lost) {
			last = lost.To
			overruns++
			continue
		}
		if err != nil {
			break
		}
		if e.prev != last || e.seq <= last || topic != 0 && e.key != int(topic) {
			t.Errorf("%+v of topic %d: %d after %d, want after %d", e, topic, e.seq, e.prev, last)
		}
		last = e.seq
		got++
	}
	if topic != 0 && overruns == 0 && got != 4000 {
		t.Errorf("topic %d: %d events without an overrun", topic, got)
	}
}

// BenchmarkAppendTopic appends and reads under one topic while many wait for others.
func BenchmarkAppendTopic(b *testing.B) {
	for _, others := range []int{0, 992, 10_000} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) {
			r := newRing(b, 4096)
			for i := range others {
				s := subscribe(b, r, opts{Topic: uint64(i + 2)})
				defer s.Close()
				s.Ready()
			}
			s := subscribe(b, r, opts{Topic: 1})
			defer s.Close()
			b.ReportAllocs()
			for b.Loop() {
				r.AppendTopic(1, event{})
				for ok := true; ok; {
					_, ok, _ = s.TryNext()
				}
			}
		})
	}
}

// BenchmarkTopicRead has 992 subscribers read their part of 50,000 records: by their
// topic, by a filter, and, as the least that looking at every record can cost, by a
// search for the topic in an array of numbers.
func BenchmarkTopicRead(b *testing.B) {
	const records, readers = 50_000, 992
	run := func(name string, option func(topic uint64) opts) {
		b.Run(name, func(b *testing.B) {
			r := newRing(b, 1<<16)
			var subs []*sub
			for i := range readers {
				s := subscribe(b, r, option(uint64(i+1)))
				defer s.Close()
				subs = append(subs, s)
			}
			for b.Loop() {
				for i := range records {
					topic := i%readers + 1
					r.AppendTopic(uint64(topic), event{key: topic})
				}
				for _, s := range subs {
					for ok := true; ok; {
						_, ok, _ = s.TryNext()
					}
				}
			}
		})
	}
	run("topic", func(topic uint64) opts { return opts{Topic: topic} })
	run("filter", func(topic uint64) opts {
		return opts{Filter: func(e *event) bool { return e.key == int(topic) }}
	})
	b.Run("scan", func(b *testing.B) {
		topics, found := make([]uint64, records), 0
		for i := range topics {
			topics[i] = uint64(i % readers)
		}
		for b.Loop() {
			for topic := range uint64(readers) {
				for _, other := range topics {
					if other == topic {
						found++
					}
				}
			}
		}
	})
}

// Changes that nobody reads up to do not pile up, and the loss is told of once.
func TestChangesDoNotPileUp(t *testing.T) {
	r := newRing(t, 4)
	s := subscribe(t, r, opts{Topic: 1})
	defer s.Close()
	for i := range uint64(100) {
		r.AppendTopic(i%2+1, event{})
		if _, err := s.Change(func(o *opts) { o.Topic = (i+1)%2 + 1 }); err != nil {
			t.Fatal(err)
		}
		if n := s.Changes(); n > 6 {
			t.Fatalf("%d changes wait in a ring of 4", n)
		}
	}
	want(t, s, "overrun 1-100", "none")
	r.AppendTopic(1, event{})
	want(t, s, "{101 0 0 0}", "none")
}
