package fdb

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/internal/offload"
	"github.com/switchcore/switchcore/switchdev"
)

// op is one user operation on its way: submitted, then in the queue of its key,
// then staged and in the hands of the devices, then finished.
type op struct {
	verb   Verb
	entry  Entry
	key    cam.Key
	ticket *Ticket
	part   *Op // of a batch; nil if the ticket is the operation's own

	number uint64 // in the order in which they were submitted
	seq    uint64 // drawn when staged (rule 1)
	next   overlay.Entry
	same   bool // next is what the entry is already
	// renew: nothing but its time changes.
	renew bool
	// quiet: what it changes is not told.
	quiet bool
	// inHardware: the entry was when it was staged.
	inHardware bool
	note       uint8 // of the change that it makes
	dev        offload.Op[uint64, row]
	at         time.Time // when it was submitted, for hooks
}

// submit queues an operation; whoever holds the slot takes it from there.
func (t *Table) submit(v Verb, e Entry) *Ticket { return t.submitAs(v, e, false) }

// SubmitInherit gives the bridge's own address k to port p as
// [Table.SubmitReplace] of a Local entry of OwnerBridge does, but subscribers do
// not hear of it: they go on believing what they were told last. It is for a bridge
// that is to be as silent as Linux. Linux: fdb_delete_local (net/bridge/br_fdb.c).
func (t *Table) SubmitInherit(k Key, p switchdev.PortID) *Ticket {
	return t.submitAs(VerbReplace, Entry{Key: k, Port: p, Flags: Permanent, Owner: OwnerBridge}, true)
}

func (t *Table) submitAs(v Verb, e Entry, quiet bool) *Ticket {
	k := t.newTicket()
	if err := v.check(&e); err != nil {
		k.resolve(0, err)
		return k
	}
	o := &op{verb: v, entry: e, key: camKey(e.Key), ticket: k}
	o.quiet = quiet
	o.traceSubmitted(t)
	if !t.inbox.put(o) {
		k.resolve(0, o.closedErr())
		o.traceEnded(t, k.err)
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
			o.refuseClosed(t)
			continue
		}
		t.queue(o)
	}
	return len(ops) > 0
}

// stageReady stages the first operation of every key that has none in flight
// (rule 4), and the next one at once where that is over already: what nothing keeps up
// is done in the order in which it was submitted. The caller holds the slot.
func (t *Table) stageReady(now time.Time) bool {
	if t.cfg.Quirks.Has(QuirkLegacyOffload) {
		return t.stageInOrder(now)
	}
	n := 0
	for ; n < len(t.ready); n++ { // it grows meanwhile
		k := t.ready[n]
		t.stageKey(k, now)
		for last := len(t.ready) - 1; last > n && t.ready[last] == k; last = len(t.ready) - 1 {
			t.ready = t.ready[:last]
			t.stageKey(k, now)
		}
	}
	t.ready = t.ready[:0]
	return n > 0
}

// stageInOrder stages operations as Linux executes them: each when the one before is
// over, whatever their keys; see [QuirkLegacyOffload].
func (t *Table) stageInOrder(now time.Time) (staged bool) {
	for len(t.ready) > 0 && len(t.inFlight) == 0 {
		k := t.ready[0]
		t.ready = t.ready[1:]
		t.stageKey(k, now)
		staged = true
	}
	return staged
}

// queue puts an operation behind the others of its key.
func (t *Table) queue(o *op) {
	t.queued++
	o.number = t.queued
	q := t.queues[o.key]
	t.queues[o.key] = append(q, o)
	if len(q) == 0 {
		t.ready = append(t.ready, o.key)
	}
}

// requeue makes a key ready whose first operation has waited for another of it.
func (t *Table) requeue(k cam.Key) {
	at := len(t.ready)
	if t.cfg.Quirks.Has(QuirkLegacyOffload) {
		at, _ = slices.BinarySearchFunc(t.ready, t.queues[k][0].number, func(r cam.Key, n uint64) int {
			return cmp.Compare(t.queues[r][0].number, n)
		})
	}
	t.ready = slices.Insert(t.ready, at, k)
}

// stageKey stages the key's first operation that was not withdrawn.
func (t *Table) stageKey(k cam.Key, now time.Time) {
	q := t.queues[k]
	for len(q) > 0 && !q[0].ticket.stage() {
		q[0].traceWithdrawn(t)
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
	o.traceStaged(t)
	var next overlay.Entry
	d, err := t.decide(o.verb, &o.entry, &old, &next)
	if t.gone.has(o.entry.Port) {
		err = o.portGone()
	}
	switch {
	case err != nil:
		t.finish(o, nil, err)
		return
	case o.verb == VerbRemove:
		t.removed(o)
		return
	}
	if d.change && next.Hot != 0 {
		next.Seq = seq
		if o.quiet { // Linux changes the port and nothing else
			next.Hot |= old.Hot & cam.Ext
		}
		t.inheritOffload(&next, &old)
	}
	// Where nothing changes the devices still have to hold it: nil says so.
	o.next, o.same, o.renew = next, !d.change, d.renew
	o.inHardware = OffloadState(old.Offload) == Offloaded
	o.annotate(d)
	t.inFlight[o.key] = o
	t.roamed = slices.DeleteFunc(t.roamed, func(k cam.Key) bool { return k == o.key })
	o.dev = offload.Op[uint64, row]{Key: uint64(o.key), Tag: o, Soft: t.cfg.Hardware.Vetoed == PolicySoftware && o.verb != VerbDelete}
	if next.Hot != 0 {
		o.dev.New, o.dev.Set, o.dev.Abandon = t.asked(next), offloadable(next), t.cfg.Quirks.Has(QuirkLegacyOffload)
	}
	if o.verb == VerbUse && old.Hot != 0 && next.Hot.Port() != old.Hot.Port() && o.dev.Abandon && t.withdraws(old) {
		o.dev.Set, o.dev.Abandon = false, false // as if a frame had come: it goes to its new place when it has left the old one
	}
	t.stations.Expect(o.key, next.Hot)
	t.devices.Begin(&o.dev, now)
	t.flushChanges()
}

// finish publishes what the operation made, next, or leaves the entry as it is
// if that is nil, ends the ticket, and lets the key's next operation be staged.
func (t *Table) finish(o *op, next *overlay.Entry, err error) {
	delete(t.inFlight, o.key)
	if o.same && err == nil {
		next = t.confirmed(o)
		t.retell(o)
	}
	from := len(t.changes)
	t.stations.Finish(o.key, o.seq, next)
	t.mark(o.seq, from, o.note)
	t.flushChanges()
	if len(t.jobs) > 0 {
		t.nudge() // a flush may have waited for this
	}
	o.end(err)
	if err != nil {
		t.refused(o, err)
	}
	q := t.queues[o.key][1:]
	if len(q) == 0 {
		delete(t.queues, o.key)
	} else {
		t.queues[o.key] = q
		t.requeue(o.key)
	}
}

// refused notes that an operation ended with an error.
func (t *Table) refused(o *op, err error) {
	t.stats.refused.Add(1)
	t.logRefusal(refusal{verb: o.verb, key: o.entry.Key, err: err})
}

// confirmed does what is left to do for an operation that found the entry as it
// wants it: it renews the time, if that is asked for. A pending flush that selects
// by the state in hardware has not judged the entry yet, and is to spare what was
// wanted after it: the entry gets the number of the operation, and nobody is told.
func (t *Table) confirmed(o *op) *overlay.Entry {
	if o.renew {
		t.stations.Update(o.key, func(e overlay.Entry) overlay.Entry {
			e.Hot = e.WithStamp(max(e.Stamp(), o.next.Stamp()))
			return e
		})
	}
	if !t.stations.Flushing() {
		return nil
	}
	v, ok := t.main(o.key)
	if !ok {
		return nil
	}
	return &v
}
