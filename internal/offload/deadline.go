package offload

import (
	"cmp"
	"time"
)

// byDeadline lists the operations in flight, the first to expire first. Every
// step has the same time, and time goes on, so a deadline that is set is nearly
// always the last one: all that is done to the list costs the same however many
// operations hang on a device that does not answer.
type byDeadline[K cmp.Ordered, R comparable] struct {
	first, last *Op[K, R]
	n           int
}

// set gives op, which may be in the list already, a deadline.
func (l *byDeadline[K, R]) set(op *Op[K, R], at time.Time) {
	l.remove(op)
	op.deadline = at
	before := l.last
	for before != nil && before.deadline.After(at) {
		before = before.prev
	}
	op.prev = before
	if before == nil {
		op.next, l.first = l.first, op
	} else {
		op.next, before.next = before.next, op
	}
	if op.next == nil {
		l.last = op
	} else {
		op.next.prev = op
	}
	l.n++
}

// remove takes op out of the list, if it is in it.
func (l *byDeadline[K, R]) remove(op *Op[K, R]) {
	if op.prev == nil && l.first != op {
		return
	}
	if op.prev == nil {
		l.first = op.next
	} else {
		op.prev.next = op.next
	}
	if op.next == nil {
		l.last = op.prev
	} else {
		op.next.prev = op.prev
	}
	op.prev, op.next = nil, nil
	l.n--
}

// all returns the operations.
func (l *byDeadline[K, R]) all() (ops []*Op[K, R]) {
	for op := l.first; op != nil; op = op.next {
		ops = append(ops, op)
	}
	return ops
}

// due returns those whose deadline is not after now, at most chunk.
func (l *byDeadline[K, R]) due(now time.Time) (ops []*Op[K, R]) {
	for op := l.first; op != nil && !op.deadline.After(now) && len(ops) < chunk; op = op.next {
		ops = append(ops, op)
	}
	return ops
}

// chunk bounds what is done at once because its time has come.
const chunk = 1024
