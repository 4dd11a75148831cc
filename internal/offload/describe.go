package offload

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Describer says how AppendState is to write what the engine does not know.
type Describer[K cmp.Ordered, R comparable] struct {
	// Key and Row append a key and a row.
	Key func(b []byte, k K) []byte
	Row func(b []byte, r R) []byte
	// Now is subtracted from every time, Unit divides the difference.
	Now  time.Time
	Unit time.Duration
	// Waiters are those that can occur, in an order that means something.
	Waiters []*Waiter
}

// AppendState appends everything that decides what the engine will do, in a
// form that is equal for two engines that will do the same. Tokens and counts
// are not in it. It is for explorers of the tables' pipelines and for tests.
func (e *Engine[K, R]) AppendState(b []byte, w *Describer[K, R]) []byte {
	b = append(b, flagsOf(e.closing), byte(e.order.n))
	for _, op := range e.order.all() {
		b = w.op(b, op)
	}
	for _, d := range e.devs {
		b = append(b, byte(d.epoch), flagsOf(d.out != nil, d.renewal != nil), byte(len(d.cells)), byte(d.breaker.state), byte(d.breaker.strikes))
		if d.out != nil {
			b = w.at(b, d.out.formed)
		}
		for _, c := range d.sorted() {
			if c.epoch != d.epoch {
				d.renew(c)
			}
			b = w.cell(b, c, d)
		}
		for cl := range d.queues {
			q := &d.queues[cl]
			for _, at := range q.keys[q.head:] {
				if d.counts(at, class(cl)) {
					b = w.Key(b, at.key)
				}
			}
			b = append(b, 0xff)
		}
		b = w.at(b, d.retries.next())
		if b = append(b, 0); d.spaceAt.After(w.Now) {
			b = w.at(b, d.spaceAt)
		}
	}
	return b
}

func (w *Describer[K, R]) at(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), int64(t.Sub(w.Now)/w.Unit))
}

func (w *Describer[K, R]) want(b []byte, v wanted[R]) []byte {
	return w.Row(append(b, flagsOf(v.set)), v.row)
}

func (w *Describer[K, R]) op(b []byte, op *Op[K, R]) []byte {
	b = w.want(w.Key(b, op.Key), wanted[R]{op.New, op.Set})
	b = w.at(append(b, byte(op.step), flagsOf(op.unknown), byte(len(op.errs))), op.deadline)
	for _, err := range op.errs {
		b = append(b, flagsOf(errors.Is(err, switchdev.ErrOutcomeUnknown)))
	}
	for _, p := range op.parts {
		b = append(b, flagsOf(p.in, p.handed, p.ended, p.soft))
	}
	return b
}

func (w *Describer[K, R]) cell(b []byte, c *cell[K, R], d *device[K, R]) []byte {
	b = w.Key(b, c.key)
	mine := c.outOp != nil && c.outOp.step != stepOver
	b = append(b, byte(c.belief), byte(c.class), c.tries,
		flagsOf(c.out != nil, mine, c.void, c.outdated, c.op != nil, c.failed != nil, c.user),
		flagsOf(c.own, c.doubt, c.stuck, c.late, c.heard, errors.Is(c.failed, switchdev.ErrOutcomeUnknown)))
	if c.belief == believedRow {
		b = w.Row(b, c.row)
	}
	if c.op != nil {
		b = w.want(b, c.target)
	}
	b = w.want(w.want(b, c.unsupported), c.refused)
	b = w.at(b, d.retries.at[c.key])
	for _, x := range c.waiters {
		b = append(b, byte(slices.Index(w.Waiters, x)))
	}
	return append(b, 0xfe)
}

// AppendState appends what is still waited for, and what has been refused.
func (w *Waiter) AppendState(b []byte) []byte {
	return append(b, byte(w.left), byte(len(w.errs)), flagsOf(w.armed, w.done != nil))
}

func flagsOf(set ...bool) (f byte) {
	for i, on := range set {
		if on {
			f |= 1 << i
		}
	}
	return f
}
