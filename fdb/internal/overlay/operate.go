package overlay

import "github.com/switchcore/switchcore/fdb/internal/cam"

// Decider says what an operation makes of the entry now, which lacks its Used: it
// sets next, whose Hot is 0 for none, and returns true; or it returns false, and
// nothing changes.
type Decider func(i int, now *Entry, seq uint64, next *Entry) (change bool)

// hold is how many operations of a batch are carried out under one hold of the
// pending lock.
const hold = 64

// ahead is how many operations before its turn the cache lines of a key are asked
// for: memory has that long to answer, and answers several at a time.
const ahead = 16

// atOnce is for how many keys they are asked for at a time: the processor waits when
// more lines are on their way than it can keep track of.
const atOnce = 4

// Operate carries out a batch of operations that no device has a say in, in their
// order: each as Stage and Finish would, but at once, so that there is nothing in
// flight between. decide is called under the pending lock, with the entry that
// lookups see and the number of the operation; it must not touch the table. A key
// that is in flight is not decided, nor is one whose entry would begin to count
// when LearnedMax has no more room: their places are appended to left.
//
// If hear is not nil it is told what the operations change, at once and under the
// pending lock, without Used. It is for a caller of whom nobody wants the changes,
// but to count them. From the first operation on that finds something pending, whose
// changes come first, Emit is told as without it. Serialised.
func (t *Table) Operate(keys []cam.Key, left []int, decide Decider, hear func(k cam.Key, old, new *Entry)) []int {
	defer t.report()
	o := &t.operation
	o.decide, o.hear = decide, hear
	for from := 0; from < len(keys); from += hold {
		left = t.operate(keys, from, min(from+hold, len(keys)), left)
	}
	o.decide, o.hear = nil, nil
	return left
}

// operation is what one that is carried out at once needs room for.
type operation struct {
	decide     Decider
	hear       func(k cam.Key, old, new *Entry)
	at         cam.Place
	base, next Entry
}

func (t *Table) operate(keys []cam.Key, from, to int, left []int) []int {
	o := &t.operation
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.desc.Load()
	plain := len(d.flushes) == 0 && len(t.busy) == 0 && d.live() == 0
	base, next := &o.base, &o.next
	if from == 0 {
		t.main.Prefetch(keys[:min(2*ahead, len(keys))])
		t.main.Follow(keys[:min(ahead, len(keys))])
	}
	for i := from; i < to; i++ {
		if i%atOnce == 0 {
			t.main.Prefetch(some(keys, i+2*ahead))
			t.main.Follow(some(keys, i+ahead))
		}
		k := keys[i]
		if !plain && t.Busy(k) {
			left = append(left, i)
			continue
		}
		t.main.At(&o.at, k, base)
		if base.Hot&marked != 0 || !plain && t.owes(d, k, *base) {
			now := t.entry(k)
			t.settle(d, k, now, now, false)
			t.main.At(&o.at, k, base)
		}
		seq := t.seq + 1
		change := o.decide(i, base, seq, next)
		if change && counts(next.Hot) && !counts(base.Hot) && t.limited() {
			left = append(left, i)
			continue
		}
		t.seq = seq
		if change {
			t.put(k, base, next, seq)
		}
	}
	return left
}

// some returns at most atOnce of the keys, from one on.
func some(keys []cam.Key, from int) []cam.Key {
	return keys[min(from, len(keys)):min(from+atOnce, len(keys))]
}

// owes reports whether a key has a record, or an entry that a pending flush
// covers.
func (t *Table) owes(d *descriptor, k cam.Key, base Entry) bool {
	for _, f := range d.flushes {
		if f.covers(k, base) {
			return true
		}
	}
	return base.Hot == 0 && (d.open.last(k) != nil || d.sealed.last(k) != nil)
}

// put changes an entry for which nothing is pending and that no flush covers. It
// needs no window: where a reader asks for the number as well, the old word and
// the new one are both right with either.
func (t *Table) put(k cam.Key, base, next *Entry, seq uint64) {
	o := &t.operation
	quiet := o.hear != nil && len(t.changes) == 0
	if base.Hot != 0 && !quiet {
		base.Used = o.at.Used()
	}
	if next.Hot == 0 {
		*next = Entry{}
		if base.Hot == 0 {
			return
		}
		t.main.DeleteAt(&o.at)
	} else {
		next.Hot = next.Hot&^private | cam.Present
		next.Seq = seq
		t.main.PutAt(&o.at, next.Hot, next.Cold)
	}
	t.learned += count(next.Hot) - count(base.Hot)
	switch {
	case !quiet:
		t.note(Change{Key: k, Old: *base, New: *next, Cause: Operated, Seq: seq})
	case visible(*base, *next):
		o.hear(k, base, next)
	}
}
