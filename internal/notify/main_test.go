package notify_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/internal/notify"
)

// The model is cheap: go deeper than rapid does by default. The command line wins, as
// it is parsed later.
func TestMain(m *testing.M) {
	flag.Set("rapid.steps", "80")
	if flag.Set("rapid.checks", "800"); raceEnabled {
		flag.Set("rapid.checks", "200")
	}
	goleak.VerifyTestMain(m)
}

type kind uint8

const (
	set kind = iota
	del
	existing
	synced
)

type event struct {
	seq  uint64
	kind kind
	key  int
	val  int
	prev uint64
}

func (e event) String() string { return fmt.Sprintf("{%d %d %d %d}", e.seq, e.kind, e.key, e.val) }

type (
	ring = notify.Ring[event]
	sub  = notify.Subscription[event]
	opts = notify.Options[event]
	txn  = notify.Tx[event]
	walk = notify.Walk[event]
)

func number(e *event, seq uint64) { e.seq = seq }

func previous(e *event, prev uint64) { e.prev = prev }

func newRing(t testing.TB, capacity int) *ring {
	t.Helper()
	r, err := notify.New(notify.Config[event]{Capacity: capacity, Number: number})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func subscribe(t testing.TB, r *ring, o opts) *sub {
	t.Helper()
	s, err := r.Subscribe(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// table is a producer as the wrapping packages are: an immutable view that changes in
// the same step as its event. Its maps are copied for every change.
type table struct {
	ring   *ring
	view   atomic.Pointer[map[int]int]
	topics bool // records are appended under the topics of their keys
}

// topicOf gives three topics, and none, in turn.
func topicOf(key int) uint64 { return uint64(key % 4) }

func (tb *table) topic(key int) uint64 {
	if tb.topics {
		return topicOf(key)
	}
	return 0
}

func newTable(t testing.TB, capacity int) *table {
	tb := &table{ring: newRing(t, capacity)}
	tb.view.Store(&map[int]int{})
	return tb
}

func (tb *table) set(key, val int) bool {
	return tb.ring.Update(func(tx txn) { tb.setIn(tx, key, val) })
}

func (tb *table) setIn(tx txn, key, val int) uint64 {
	next := maps.Clone(*tb.view.Load())
	next[key] = val
	tb.view.Store(&next)
	return tx.AppendTopic(tb.topic(key), event{kind: set, key: key, val: val})
}

func (tb *table) del(key int) bool {
	return tb.ring.Update(func(tx txn) {
		next := maps.Clone(*tb.view.Load())
		if _, ok := next[key]; !ok {
			return // the admission check of a post
		}
		delete(next, key)
		tb.view.Store(&next)
		tx.AppendTopic(tb.topic(key), event{kind: del, key: key})
	})
}

// flush announces slack more events than it has.
func (tb *table) flush(slack int, chunked bool) { tb.flushTopic(0, slack, chunked) }

// flushTopic is flush of the keys of a topic, with topics, else of all.
func (tb *table) flushTopic(topic uint64, slack int, chunked bool) {
	tb.ring.Update(func(tx txn) {
		old, next := tb.view.Load(), map[int]int{}
		var events []event
		for _, k := range slices.Sorted(maps.Keys(*old)) {
			if tb.topic(k) != topic {
				next[k] = (*old)[k]
				continue
			}
			events = append(events, event{kind: del, key: k})
		}
		tb.view.Store(&next)
		source := notify.Slice(events)
		switch {
		case chunked:
			source = inChunks(events)
		case len(events)%2 == 0:
			tx.AppendFillTopic(topic, uint64(len(events)+slack), filling(events))
			return
		}
		tx.AppendBulkTopic(topic, uint64(len(events)+slack), source)
	})
}

// filling gives as many as fit, and now and then none of those.
func filling(events []event) notify.Filler[event] {
	return func(dst []event, pos uint64) (int, uint64, bool) {
		from, turn := int(pos>>8), pos&0xff
		n := 0
		if turn%3 != 1 {
			n = copy(dst, events[from:])
		}
		return n, uint64(from+n)<<8 | (turn+1)&0xff, from+n < len(events)
	}
}

// inChunks gives pieces of 0, 1 and 2 events in turn.
func inChunks(events []event) notify.Source[event] {
	return notify.Chunks(func(dst []event, pos uint64) ([]event, uint64, bool) {
		from := int(pos >> 8)
		to := min(from+int(pos&0xff)%3, len(events))
		return append(dst, events[from:to]...), uint64(to)<<8 | (pos+1)&0xff, to < len(events)
	})
}

func (tb *table) replay() walk { return tb.replayOf(0)() }

// replayOf is the replay of a topic, of all for 0.
func (tb *table) replayOf(topic uint64) func() walk {
	return func() walk { return tb.existing(topic) }
}

func (tb *table) existing(topic uint64) walk {
	view := *tb.view.Load()
	var events []event
	for _, k := range slices.Sorted(maps.Keys(view)) {
		if topic != 0 && tb.topic(k) != topic {
			continue
		}
		events = append(events, event{kind: existing, key: k, val: view[k]})
	}
	if len(events) == 0 {
		return nil
	}
	return notify.Slice(events)()
}

func isSynced() event { return event{kind: synced} }

var byKey = notify.Keyed[event, int]{
	Key:      func(e *event) int { return e.key },
	Gone:     func(e *event) bool { return e.kind == del },
	Vanished: func(k int) event { return event{kind: del, key: k} },
}

func even(e *event) bool { return e.key%2 == 0 }

// mirror applies what a subscriber reads.
type mirror struct {
	state  map[int]int
	last   uint64
	synced int
}

func (m *mirror) apply(e event) {
	switch e.kind {
	case set, existing:
		m.state[e.key] = e.val
	case del:
		delete(m.state, e.key)
	case synced:
		m.synced++
	}
	m.last = e.seq
}
