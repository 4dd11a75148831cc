package notify_test

import (
	"fmt"
	"testing"
)

// The wake-up protocol with two topics and a change from the first to the second, by the
// steps of the explorer in explore_test.go: every interleaving, and no state in which
// nobody can move and something is unread.

// Variants of the protocol with topics. Only the first two are correct.
const (
	topicAsBuilt   = iota
	armBehind      // fill arms at the old topic: the change that waits leaves a token anyway
	topicNoWake    // an append under a topic wakes nobody
	topicWakeFirst // an append wakes who waits for the first topic, whatever its own
	changeStays    // Change leaves who waits where it is
	changeUntold   // leaving a read, do not look for a change
)

type topicWorld struct {
	count, at [2]uint8 // records and cursor of either topic
	start     uint8    // where the second topic begins for the subscription
	until     uint8    // where the first leaves off, once changed
	want      uint8    // how many events the subscription is to read
	read      uint8
	topic     uint8 // of the cursor
	pending   bool
	changes   uint8    // yet to be made
	armed     uint8    // topic plus one, 0 for not
	token     bool     // in the channel
	todo      [2]uint8 // appends yet to be made, by a producer for each topic
	owes      [2]bool  // that producer has a signal to send
	taken     bool
	buf       uint8
	r         [2]topicReader
}

type topicReader struct {
	pc        uint8
	got, left bool
}

// newestTopic is the topic after all changes.
func (w *topicWorld) newestTopic() uint8 {
	if w.pending {
		return 1
	}
	return w.topic
}

func (w *topicWorld) produce(i uint8, variant int) bool {
	switch {
	case w.owes[i]:
		w.token, w.owes[i] = true, false
	case w.todo[i] == 0:
		return false
	default:
		w.todo[i]--
		w.count[i]++
		if w.newestTopic() == i {
			w.want++
		}
		wakes := i + 1
		if variant == topicWakeFirst {
			wakes = 1
		}
		if w.armed == wakes && variant != topicNoWake {
			w.armed, w.owes[i] = 0, true
		}
	}
	return true
}

func (w *topicWorld) change(variant int) bool {
	if w.changes == 0 {
		return false
	}
	w.changes--
	w.pending, w.until, w.start = true, w.count[0], w.count[1]
	if w.armed != 0 && variant != changeStays {
		w.armed = 2
	}
	return true
}

// fill is a visit to the ring.
func (w *topicWorld) fill(variant int) (n uint8) {
	end := w.count[w.topic]
	if w.pending {
		end = w.until
	}
	if w.pending && w.at[0] == end {
		w.pending, w.topic, w.at[1] = false, 1, w.start
		end = w.count[1]
	}
	n = min(end-w.at[w.topic], capBuf)
	w.at[w.topic] += n
	unread := w.at[w.topic] != end || w.pending && w.count[1] != w.start
	if !unread {
		w.armed = w.newestTopic() + 1
		if variant == armBehind {
			w.armed = w.topic + 1
		}
	}
	return n
}

func (w *topicWorld) consume(i uint8, variant int) bool {
	r := &w.r[i]
	switch r.pc {
	case absent:
		return false
	case acquire:
		if w.taken {
			return false
		}
		w.taken, *r = true, topicReader{pc: take}
	case take:
		if w.buf == 0 {
			r.pc = fill
			break
		}
		w.buf--
		w.read++
		r.got, r.pc = true, look
	case fill:
		w.buf = w.fill(variant)
		if r.pc = take; w.buf == 0 {
			r.pc = look
		}
	case look: // holds, and the counter
		r.left, r.pc = w.buf > 0 || w.at[w.topic] != w.count[w.topic], recheck
	case recheck: // pending
		r.left = r.left || w.pending && variant != changeUntold
		r.pc = token
	case token:
		w.token = w.token || r.left
		r.pc = giveBack
	case giveBack:
		w.taken, r.pc = false, wait // one read for each token, as a select loop does
	case wait:
		if !w.token {
			return false
		}
		w.token, r.pc = false, acquire
	}
	return true
}

// exploreTopics returns the number of states, and one in which a wake-up was lost.
func exploreTopics(start topicWorld, variant int) (states int, lost string) {
	seen := map[topicWorld]bool{start: true}
	queue := []topicWorld{start}
	for len(queue) > 0 {
		w := queue[0]
		queue = queue[1:]
		moved := false
		try := func(move func(w *topicWorld) bool) {
			next := w
			if !move(&next) {
				return
			}
			moved = true
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
		for i := range uint8(2) {
			try(func(w *topicWorld) bool { return w.produce(i, variant) })
			try(func(w *topicWorld) bool { return w.consume(i, variant) })
		}
		try(func(w *topicWorld) bool { return w.change(variant) })
		if !moved && w.read != w.want {
			return len(seen), fmt.Sprintf("%+v", w)
		}
	}
	return len(seen), ""
}

func TestWakeUpOfTopicIsNeverLost(t *testing.T) {
	variants := []string{"as built", "arm behind", "no wake", "wake first", "change stays", "change untold"}
	for variant, name := range variants {
		t.Run(name, func(t *testing.T) {
			total, found := 0, ""
			for _, second := range []uint8{absent, acquire} {
				for todo := range uint8(4) {
					w := topicWorld{changes: 1, todo: [2]uint8{todo, 3}}
					w.r[0].pc, w.r[1].pc = acquire, second
					states, lost := exploreTopics(w, variant)
					if total += states; lost != "" {
						found = lost
					}
				}
			}
			if (found == "") != (variant <= armBehind) {
				t.Fatalf("after %d states: %q", total, found)
			}
		})
	}
}
