package fdb

import (
	"context"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
)

// Op is one operation of a batch; see [Table.Apply].
type Op struct {
	// Verb is what is to be done.
	Verb Verb
	// Entry is what it is done with; of VerbUse, VerbDelete and VerbRemove only
	// Key and Port count.
	Entry Entry
	// Err is the outcome: what the verb's own method would have returned. The
	// table sets it.
	Err error
}

// Apply carries out a batch of operations, each on its own, as if its verb had
// been submitted by itself in this order: one that fails stops none of the
// others. It sets Err of each and returns the error of the first that failed,
// nil if all did what they were to do. A ctx that ends before the table comes to
// the batch withdraws it whole.
//
// It is what to use for many changes at once: the table is taken once and not
// once an operation. Devices get them in as few calls as they allow either way.
// Linux: a message of many RTM_NEWNEIGH, of which the kernel makes as many
// separate changes.
func (t *Table) Apply(ctx context.Context, ops []Op) error {
	if len(t.devs) > 0 || t.cfg.Manual || t.cfg.Quirks != 0 || inCallback(ctx, t) {
		return t.SubmitApply(ops).Wait(ctx)
	}
	b := batchOps{ops: ops}
	if err := ctx.Err(); err != nil {
		b.refuse(err)
		_, err = b.outcome()
		return err
	}
	t.applyDirect(ops)
	_, err := b.outcome()
	return err
}

// SubmitApply is Apply without the wait. It never blocks. The ops belong to the
// table until the ticket is done. [Ticket.Count] tells how many succeeded.
func (t *Table) SubmitApply(ops []Op) *Ticket {
	k := t.newTicket()
	k.batch = &batchOps{ops: ops}
	var parts []*op
	for i := range ops {
		p := &ops[i]
		if p.Err = p.Verb.check(&p.Entry); p.Err == nil {
			parts = append(parts, &op{verb: p.Verb, entry: p.Entry, key: camKey(p.Entry.Key), ticket: k, part: p})
		}
	}
	k.batch.left = len(parts)
	if len(parts) == 0 {
		k.resolve(k.batch.outcome())
		return k
	}
	for _, o := range parts {
		o.traceSubmitted(t)
	}
	if !t.inbox.putAll(parts) {
		for _, o := range parts {
			o.part.Err = o.closedErr()
			o.traceEnded(t, o.part.Err)
		}
		k.resolve(k.batch.outcome())
		return k
	}
	t.offer()
	return k
}

// direct is how a batch is carried out on a table that no device has a say in:
// at once, in the goroutine that asked. It belongs to whoever holds the slot.
type direct struct {
	table *Table
	ops   []Op // of the piece
	keys  []cam.Key
	at    []int // the operation of each key
	left  []int

	flushing bool
	heard    uint64 // how many changes there were of which nobody is told
	oldest   uint64 // stamp of those that can become due
}

// applyDirect carries out a batch, and lets others have the slot between pieces.
func (t *Table) applyDirect(ops []Op) {
	for len(ops) > 0 {
		n := min(len(ops), chunkRecords)
		<-t.slot
		if t.closed {
			refuse(ops)
			t.unlock()
			return
		}
		t.commit(time.Now()) // what was submitted before comes first
		t.direct.do(t, ops[:n])
		t.flushChanges()
		t.unlock()
		ops = ops[n:]
	}
}

// refuse gives operations the outcome of those that come too late.
func refuse(ops []Op) {
	for i := range ops {
		p := &ops[i]
		if p.Err = p.Verb.check(&p.Entry); p.Err == nil {
			p.Err = (&op{verb: p.Verb, entry: p.Entry}).closedErr()
		}
	}
}

// do carries out a piece of a batch. The caller holds the slot.
func (d *direct) do(t *Table, ops []Op) {
	d.table, d.ops = t, ops
	defer func() { d.ops = nil }()
	d.keys, d.at, d.left = d.keys[:0], d.at[:0], d.left[:0]
	for i := range ops {
		p := &ops[i]
		if p.Err = p.Verb.check(&p.Entry); p.Err == nil {
			d.keys, d.at = append(d.keys, camKey(p.Entry.Key)), append(d.at, i)
		}
	}
	d.flushing = t.stations.Flushing()
	hear := d.hear
	if !t.ring.Quiet() {
		hear = nil // each change is an event that somebody reads
	}
	d.heard, d.oldest = 0, cam.MaxStamp+1
	d.left = t.stations.Operate(d.keys, d.left, d.decide, hear)
	if d.oldest <= cam.MaxStamp {
		t.sweep.arm(t, d.oldest)
	}
	if d.heard > 0 {
		t.ring.AppendBulk(d.heard, nil)
	}
	for _, i := range d.left {
		d.later(t, &ops[d.at[i]])
	}
}

// decide says what becomes of an entry by an operation of the piece.
func (d *direct) decide(i int, now *overlay.Entry, _ uint64, next *overlay.Entry) bool {
	t, p := d.table, &d.ops[d.at[i]]
	x, err := t.decide(p.Verb, &p.Entry, now, next)
	if t.gone.has(p.Entry.Port) {
		err = (&op{verb: p.Verb, entry: p.Entry}).portGone()
	}
	if err != nil {
		p.Err = err
		t.refused(&op{verb: p.Verb, entry: p.Entry}, err)
		return false
	}
	// What is renewed, and what a flush is to spare that selects by the state
	// in hardware, gets the operation's number; nobody is told.
	return x.change || x.renew || d.flushing && next.Hot != 0
}

// hear takes the place of Table.changed while nobody reads events: what changed
// counts, and the sweep is armed once for all.
func (d *direct) hear(k cam.Key, old, new *overlay.Entry) {
	d.heard++
	if old.Notify || new.Notify {
		d.table.sweep.watched.note(overlay.Change{Key: k, Old: *old, New: *new})
	}
	if dynamic(new.Hot) || falls(*new) {
		d.oldest = min(d.oldest, new.Stamp())
	}
}

// later lets an operation take the way of those that wait for something.
func (d *direct) later(t *Table, p *Op) {
	k := t.newTicket()
	o := &op{verb: p.Verb, entry: p.Entry, key: camKey(p.Entry.Key), ticket: k}
	t.flushChanges()
	t.queue(o)
	t.stageReady(t.now())
	p.Err = k.Err()
}

// batchOps is what the ticket of a batch stands for. Its operations end in
// whatever order their keys and devices allow, each while the slot is held.
type batchOps struct {
	ops  []Op
	left int // that have not ended
}

// refuse gives every operation that has no outcome yet the same.
func (b *batchOps) refuse(err error) {
	for i := range b.ops {
		if b.ops[i].Err == nil {
			b.ops[i].Err = err
		}
	}
}

// outcome returns how many operations succeeded and the first error.
func (b *batchOps) outcome() (n int, err error) {
	for i := range b.ops {
		switch {
		case b.ops[i].Err == nil:
			n++
		case err == nil:
			err = b.ops[i].Err
		}
	}
	return n, err
}

// end gives an operation that was staged its outcome.
func (o *op) end(err error) {
	o.traceEnded(o.ticket.table, err)
	if o.part == nil {
		o.ticket.resolve(0, err)
		return
	}
	o.part.Err = err
	b := o.ticket.batch
	if b.left--; b.left == 0 {
		o.ticket.resolve(b.outcome())
	}
}
