package notify_test

import (
	"fmt"
	"testing"
)

// The wake-up protocol, step by step: one step is what happens under the lock at once
// or one atomic operation. The explorer visits every interleaving and looks for a
// state in which nobody can move and an event is unread, which is a lost wake-up.

// Variants of the protocol. Only the first two are correct.
const (
	asBuilt        = iota
	armThenRecheck // check, arm, check again: correct, with one more visit to the lock
	checkThenArm   // no second check
	trustArming    // leaving a read, believe that fill's arming still holds
	disarmLate     // the producer disarms after the signal
	signalFirst    // the producer signals before it appends
	leaveNoToken   // leaving a read, put no token in
	primeBlind     // Ready arms without looking
	replayUnarmed  // the first read of a replay does not arm
)

const (
	capBuf    = 2
	producers = 2
	readers   = 2
)

// Reader program counters.
const (
	acquire = iota
	take
	fill
	armLater
	recheck
	look
	token
	giveBack
	wait
	primeLook
	primeToken
	absent
)

type reader struct {
	pc               uint8
	selects          bool // one read per token, as a select loop does; else Next in a loop
	got, left, armed bool
}

type producer struct {
	todo, pc uint8
	owes     bool
}

type world struct {
	head, pos, buf, read        uint8
	armed, token, taken, primed bool
	fresh                       bool // buf is a replay that nobody has begun
	p                           [producers]producer
	r                           [readers]reader
}

// produce makes producer i's next step; false when it has none.
func (w *world) produce(i, variant int) bool {
	p := &w.p[i]
	switch p.pc {
	case 0:
		if p.todo == 0 {
			return false
		}
		p.todo--
		if variant == signalFirst {
			p.owes, w.armed = w.armed, false
			p.pc = 1
			return true
		}
		w.head++
		p.owes = w.armed
		if variant != disarmLate {
			w.armed = false
		}
		p.pc = 1
	case 1:
		if p.owes {
			w.token = true
		}
		p.pc = 0
		if variant == signalFirst || variant == disarmLate && p.owes {
			p.pc = 2
		}
		p.owes = false
	case 2:
		if variant == signalFirst {
			w.head++
		} else {
			w.armed = false
		}
		p.pc = 0
	}
	return true
}

// consume makes reader i's next step; false when it cannot move.
func (w *world) consume(i, variant int) bool {
	r := &w.r[i]
	switch r.pc {
	case absent:
		return false
	case acquire:
		if w.taken {
			return false
		}
		w.taken = true
		*r = reader{pc: take, selects: r.selects, armed: r.armed}
	case take:
		if w.fresh { // overtaken, under the lock
			w.fresh = false
			if w.head == w.pos && variant != replayUnarmed {
				w.armed, r.armed = true, true
			}
			break
		}
		r.pc = fill
		if w.buf > 0 {
			w.buf--
			w.read++
			r.got, r.pc = true, look
		}
	case fill:
		w.fill(r, variant)
	case armLater:
		w.armed, r.armed, r.pc = true, true, look
		if variant == armThenRecheck {
			r.pc = recheck
		}
	case recheck:
		r.pc = look
		if w.head != w.pos {
			r.pc = fill
		}
	case look:
		r.left = w.buf > 0 || w.head != w.pos
		switch variant {
		case trustArming:
			r.left = w.buf > 0 || !r.armed
		case leaveNoToken:
			r.left = false
		case armThenRecheck, checkThenArm:
			// These do not arm when they take the last record, so every event leaves a token;
			// and they do not look at head again here, which would be one more recheck.
			r.left = w.buf > 0 || r.got
		}
		r.pc = token
	case token:
		w.token = w.token || r.left
		r.pc = giveBack
	case giveBack:
		w.taken = false
		r.pc = wait
		if r.got && !r.selects {
			r.pc = acquire
		}
	case wait:
		if !w.token {
			return false
		}
		w.token, r.pc = false, acquire
	case primeLook:
		r.pc = wait
		if !w.primed {
			w.primed = true
			if w.head != w.pos && variant != primeBlind {
				r.pc = primeToken
			} else {
				w.armed = true
			}
		}
	case primeToken:
		w.token, r.pc = true, wait
	}
	return true
}

func (w *world) fill(r *reader, variant int) {
	w.primed = true
	n := min(w.head-w.pos, capBuf)
	w.pos += n
	w.buf = n
	r.armed = false
	r.pc = take
	if n == 0 {
		r.pc = look
	}
	if w.head != w.pos {
		return
	}
	if variant == checkThenArm || variant == armThenRecheck {
		if n == 0 {
			r.pc = armLater
		}
		return
	}
	w.armed, r.armed = true, true
}

// explore returns the number of states, and the shortest path to a lost wake-up.
func explore(start world, variant int) (states int, lost []string) {
	type from struct {
		world
		step string
	}
	seen := map[world]from{start: {}}
	queue := []world{start}
	for len(queue) > 0 {
		w := queue[0]
		queue = queue[1:]
		moved := false
		try := func(step string, move func(*world) bool) {
			next := w
			if !move(&next) {
				return
			}
			moved = true
			if _, ok := seen[next]; !ok {
				seen[next] = from{w, step}
				queue = append(queue, next)
			}
		}
		for i := range w.p {
			try(fmt.Sprintf("producer %d step %d", i, w.p[i].pc), func(w *world) bool { return w.produce(i, variant) })
		}
		for i := range w.r {
			try(fmt.Sprintf("reader %d step %d", i, w.r[i].pc), func(w *world) bool { return w.consume(i, variant) })
		}
		if !moved && w.read != w.head+start.buf {
			for w != start {
				lost = append([]string{seen[w].step}, lost...)
				w = seen[w].world
			}
			return len(seen), lost
		}
	}
	return len(seen), nil
}

func TestWakeUpIsNeverLost(t *testing.T) {
	next := reader{pc: acquire}
	selecting := reader{pc: primeLook, selects: true}
	none := reader{pc: absent}
	crews := []struct {
		name    string
		readers [readers]reader
	}{
		{"one Next", [readers]reader{next, none}},
		{"one select loop", [readers]reader{selecting, none}},
		{"two Next", [readers]reader{next, next}},
		{"two select loops", [readers]reader{selecting, selecting}},
		{"a Next and a select loop", [readers]reader{next, selecting}},
	}
	variants := []struct {
		name    string
		variant int
		correct bool
	}{
		{"as built", asBuilt, true},
		{"arm then recheck", armThenRecheck, true},
		{"check then arm", checkThenArm, false},
		{"trust arming", trustArming, false},
		{"disarm late", disarmLate, false},
		{"signal first", signalFirst, false},
		{"leave no token", leaveNoToken, false},
		{"prime blind", primeBlind, false},
		{"replay unarmed", replayUnarmed, false},
	}
	budget := uint8(3) // appends of the first producer are fewer, the second makes two
	if raceEnabled {
		budget = 2 // nothing here is concurrent
	}
	var starts []world
	for todo := range budget {
		w := world{}
		w.p[0].todo, w.p[1].todo = todo, 2
		starts = append(starts, w)
		w.fresh, w.primed, w.token, w.buf = true, true, true, 1 // with a replay of one event
		starts = append(starts, w)
	}
	search := func(variant int) (found string) {
		for _, crew := range crews {
			for _, w := range starts {
				w.r = crew.readers
				if states, lost := explore(w, variant); lost != nil {
					return fmt.Sprintf("%s, after %d states: %q", crew.name, states, lost)
				}
			}
		}
		return ""
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			if lost := search(v.variant); (lost == "") != v.correct {
				t.Fatalf("correct is %v, lost wake-up: %s", v.correct, lost)
			}
		})
	}
}
