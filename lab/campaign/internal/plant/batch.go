package plant

import (
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// batch is an Apply under way: its operations wait in the queues of their keys as
// if each had been submitted by itself.
type batch struct {
	ops    []fdb.Op
	parts  []*userOp // in the order of ops, nil for one that nobody can mean
	ticket *fdb.Ticket
}

// over reports whether an operation has ended.
func (o *userOp) over() bool {
	if o.batch != nil {
		return o.told
	}
	return done(o.ticket)
}

// err is the outcome of an operation that has ended.
func (o *userOp) err() error {
	if o.batch != nil {
		return o.outcome
	}
	return o.ticket.Err()
}

var verbOf = [oracle.NumVerbs]fdb.Verb{
	oracle.Add: fdb.VerbAdd, oracle.Replace: fdb.VerbReplace, oracle.Append: fdb.VerbAppend, oracle.Update: fdb.VerbUpdate,
	oracle.Use: fdb.VerbUse, oracle.Delete: fdb.VerbDelete, oracle.Remove: fdb.VerbRemove,
}

func (p *Plant) batchOps() []sim.Op {
	draw := func(r *rand.Rand) ([]int64, bool) { return []int64{r.Int64N(1 << 16), r.Int64N(16)}, true }
	return []sim.Op{
		{Name: "batch", Weight: 3, Draw: draw, Do: p.apply},
		{Name: "burst", Weight: 6, Draw: draw, Do: p.burst},
	}
}

// apply submits a batch of operations, now and then with one that is refused.
func (p *Plant) apply(a []int64) {
	r := rand.New(rand.NewPCG(uint64(sim.Arg(a, 0)), 11))
	b := &batch{}
	var before fdb.Key
	for i := range 2 + index(sim.Arg(a, 1), 14) {
		if r.IntN(12) == 0 {
			b.ops = append(b.ops, fdb.Op{Verb: fdb.VerbReplace, Entry: badRequests[r.IntN(len(badRequests))]})
			b.parts = append(b.parts, nil)
			continue
		}
		args, _ := p.drawUser(r)
		o := &userOp{batch: b, Op: oracle.Op{
			Verb: oracle.Verb(r.IntN(int(oracle.NumVerbs))), Key: p.key(args[0]), Port: p.port(args[1]), Flags: requests[args[2]],
		}}
		if i > 0 && before != (fdb.Key{}) && r.IntN(3) == 0 {
			o.Key = before
		}
		before = o.Key
		b.ops = append(b.ops, fdb.Op{Verb: verbOf[o.Verb], Entry: fdb.Entry{Key: o.Key, Port: o.Port, Flags: o.Flags}})
		b.parts = append(b.parts, o)
	}
	b.ticket = p.table.SubmitApply(b.ops)
	for _, o := range b.parts {
		if o != nil {
			o.ticket = b.ticket
			p.enqueue(o)
		}
	}
	p.batches = append(p.batches, b)
}

// partEnded is told by the table of the end of an operation of a batch.
func (p *Plant) partEnded(e fdb.OpTrace) {
	for _, b := range p.batches {
		if b.ticket.ID() != e.Ticket {
			continue
		}
		for _, o := range b.parts {
			if o != nil && !o.told && o.Key == e.Key {
				o.told, o.outcome = true, e.Err
				return
			}
		}
		p.w.Fail(invSync, "%v %v of a batch ends, and nobody asked for it", e.Op, e.Key)
	}
}

// endBatches: a batch ends with its last operation, and says how each came out.
func (p *Plant) endBatches() {
	p.batches = slices.DeleteFunc(p.batches, func(b *batch) bool {
		var first error
		n := 0
		for i, o := range b.parts {
			var err error
			switch {
			case o != nil && !o.over():
				if done(b.ticket) {
					p.w.Fail(invSync, "a batch has ended, and %v %v has not", o.Verb, o.Key)
				}
				return false
			case o != nil:
				err = o.err()
			case !errors.Is(b.ops[i].Err, switchdev.ErrInvalid):
				p.w.Fail(invInput, "%+v of a batch: %v", b.ops[i].Entry, b.ops[i].Err)
			default:
				err = b.ops[i].Err
			}
			if got := b.ops[i].Err; (got == nil) != (err == nil) || err != nil && got.Error() != err.Error() {
				p.w.Fail(invSync, "operation %d of a batch ended with %v, and the batch says %v", i, err, got)
			}
			if err == nil {
				n++
			} else if first == nil {
				first = err
			}
		}
		got := b.ticket.Err()
		if !done(b.ticket) || b.ticket.Count() != n || (got == nil) != (first == nil) || first != nil && got.Error() != first.Error() {
			p.w.Fail(invSync, "a batch of which %d did what they were to do and the first error is %v: done %v, %d and %v",
				n, first, done(b.ticket), b.ticket.Count(), got)
		}
		return true
	})
}

// withdrawBatch has somebody lose patience with a batch: nothing of it happens, if
// nothing has begun.
func (p *Plant) withdrawBatch(b *batch) {
	staged := false
	for _, o := range b.parts {
		staged = staged || o != nil && (o.Staged || o.told)
	}
	if got := b.ticket.Withdraw(); got == staged {
		p.w.Fail(invFence, "Withdraw of a batch is %v, and it was staged: %v", got, staged)
	} else if !got {
		return
	}
	for i, o := range b.parts {
		if b.ops[i].Err == nil {
			p.w.Fail(invFence, "a batch was withdrawn, and its operation %d did what it was to do", i)
		}
		if o != nil {
			p.queues[o.Key] = slices.DeleteFunc(p.queues[o.Key], func(x *userOp) bool { return x == o })
			p.waiting--
		}
	}
	p.batches = slices.DeleteFunc(p.batches, func(x *batch) bool { return x == b })
}

// burst is much at once, before the table comes to any of it; half of the time it
// is about one station.
func (p *Plant) burst(a []int64) {
	r := rand.New(rand.NewPCG(uint64(sim.Arg(a, 0)), 13))
	focus, one := r.IntN(len(p.keys)), r.IntN(2) == 0
	for range 3 + index(sim.Arg(a, 1), 16) {
		k := p.keys[focus]
		if !one {
			k = p.keys[r.IntN(len(p.keys))]
		}
		port := p.port(r.Int64N(int64(p.set.ports)))
		switch n := r.IntN(16); {
		case n < 5:
			p.learn(k, port)
		case n < 6:
			p.ask(k, port)
		case n < 7 && r.IntN(2) == 0:
			p.apply([]int64{r.Int64N(1 << 16), r.Int64N(4)})
		case n < 10:
			verb := oracle.Verb(r.IntN(int(oracle.NumVerbs)))
			p.submit(verb, k, port, requests[r.IntN(len(requests))])
		case n < 12:
			p.withdraw([]int64{r.Int64N(64)})
		case n < 13 && one:
			p.flush(p.filter(int64(r.IntN(6)), r.Int64N(64), r.Int64N(64)))
			for range 12 {
				p.learn(p.keys[r.IntN(len(p.keys))], port)
			}
		case n < 14:
			p.flush(p.filter(r.Int64N(64), r.Int64N(64), r.Int64N(64)))
		case n < 15:
			if p.unread {
				break // what a flush is still to remove has its place under the limit
			}
			p.setMax([]int64{r.Int64N(64)})
		case r.IntN(3) == 0:
			p.learn(k, port)
			p.poll() // it is on its way to the devices
			p.learn(k, p.port(r.Int64N(int64(p.set.ports))))
			p.removePort(port)
		default:
			p.addPort([]int64{r.Int64N(64)})
		}
	}
}
