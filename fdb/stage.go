package fdb

import (
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/internal/offload"
)

// op is one user operation on its way: submitted, then in the queue of its key,
// then staged and in the hands of the devices, then finished.
type op struct {
	verb   verb
	entry  Entry
	key    cam.Key
	ticket *Ticket

	seq  uint64 // drawn when staged (rule 1)
	next overlay.Entry
	same bool // next is what the entry is already
	dev  offload.Op[uint64, row]
}

// submit queues an operation; whoever holds the slot takes it from there.
func (t *Table) submit(v verb, e Entry) *Ticket {
	k := t.newTicket()
	if err := v.check(e); err != nil {
		k.resolve(0, err)
		return k
	}
	o := &op{verb: v, entry: e, key: camKey(e.Key), ticket: k}
	if !t.inbox.put(o) {
		k.resolve(0, o.closedErr())
		return k
	}
	t.offer()
	return k
}

// takeInbox moves what was submitted into the queues of the keys. The caller
// holds the slot.
func (t *Table) takeInbox(now time.Time) bool {
	ops := t.inbox.take()
	for _, o := range ops {
		if t.closed {
			o.ticket.stage()
			o.ticket.resolve(0, o.closedErr())
			continue
		}
		q := t.queues[o.key]
		t.queues[o.key] = append(q, o)
		if len(q) == 0 {
			t.ready = append(t.ready, o.key)
		}
	}
	return len(ops) > 0
}

// stageReady stages the first operation of every key that has none in flight
// (rule 4). The caller holds the slot.
func (t *Table) stageReady(now time.Time) bool {
	n := 0
	for ; n < len(t.ready); n++ { // it grows meanwhile
		t.stageKey(t.ready[n], now)
	}
	t.ready = t.ready[:0]
	return n > 0
}

// stageKey stages the key's first operation that was not withdrawn.
func (t *Table) stageKey(k cam.Key, now time.Time) {
	q := t.queues[k]
	for len(q) > 0 && !q[0].ticket.stage() {
		q = q[1:]
	}
	if len(q) == 0 {
		delete(t.queues, k)
		return
	}
	t.queues[k] = q
	t.stage(q[0], now)
}

// stage folds what is pending for the key, numbers the operation, decides it
// and hands it to the devices.
func (t *Table) stage(o *op, now time.Time) {
	old, seq := t.stations.Stage(o.key)
	t.flushChanges() // what was pending for the key
	o.seq = seq
	next, change, err := o.decide(old)
	if err != nil {
		t.finish(o, nil, err)
		return
	}
	if change && next.Hot != 0 {
		next.Seq, next.Hot = seq, next.WithStamp(t.clock.tick())
	}
	// Where nothing changes the devices still have to hold it: nil says so.
	o.next, o.same = next, !change
	t.inFlight[o.key] = o
	o.dev = offload.Op[uint64, row]{Key: uint64(o.key), Tag: o}
	if next.Hot != 0 {
		o.dev.New, o.dev.Set = rowOf(next), offloadable(next)
	}
	t.devices.Begin(&o.dev, now)
}

// finish publishes what the operation made, next, or leaves the entry as it is
// if that is nil, ends the ticket, and lets the key's next operation be staged.
func (t *Table) finish(o *op, next *overlay.Entry, err error) {
	delete(t.inFlight, o.key)
	t.stations.Finish(o.key, o.seq, next)
	if next != nil && t.sweep.due.IsZero() && t.Ageing() == NoLearning {
		t.sweep.due = t.now() // a dynamic entry leaves at once then, as in Linux
	}
	t.flushChanges()
	if len(t.jobs) > 0 {
		t.nudge() // a flush may have waited for this
	}
	o.ticket.resolve(0, err)
	if err != nil {
		t.stats.refused.Add(1)
		t.refusals = append(t.refusals, refusal{o.verb, o.entry.Key, err})
	}
	q := t.queues[o.key][1:]
	if len(q) == 0 {
		delete(t.queues, o.key)
	} else {
		t.queues[o.key] = q
		t.ready = append(t.ready, o.key)
	}
}
