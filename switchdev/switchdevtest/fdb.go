package switchdevtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func fdbChecks() []check {
	const role = "FDBOffloader"
	rows := func(name, text string, run func(*probe)) check {
		return check{Rule: Rule{"fdb/" + name, role, text}, forms: true, need: roleDump, run: run}
	}
	with := func(c check, hooks hookSet) check { c.hooks = hooks; return c }
	return []check{
		rows("set-is-final", "A result with a nil error is final: when the call returns, the hardware forwards by it.", checkSetFinal),
		rows("set-is-idempotent", "Set operations are upserts and idempotent.", checkSetIdempotent),
		rows("set-moves", "FDBSet makes the device forward the key to the port and to nowhere else, whatever row of that key it held before.", checkSetMoves),
		with(rows("set-replaces-learned", "FDBSet replaces whatever row of that key the device held before, its own learned ones included.", checkSetReplacesLearned), hookLearn),
		rows("delete-removes", "FDBDelete makes the device hold no row of the key that it was told to hold.", checkDeleteRemoves),
		rows("delete-absent", "Deleting what is not there succeeds.", checkDeleteAbsent),
		rows("delete-any-port", "Entry.Port of a delete is where the caller believes the row to be, 0 if it does not know; a device removes the row wherever it is.", checkDeleteAnyPort),
		rows("vlans-differ", "A forwarding database is keyed by a station in a VLAN.", checkVLANsDiffer),
		rows("whole-batch", "Each operation of a batch is executed wholly or not at all, and is answered by what became of it.", checkWholeBatch),
		rows("local-any-port", "With FDBLocal the station is the bridge itself, whatever port the row names, also one that the device does not have.", checkLocalAnyPort),
		rows("bad-key", "A key that an entry may not have answers ErrInvalid, and nothing changes.", checkBadKey),
		rows("domains", "Two bridges on one chip never see each other's rows.", checkDomains),
		rows("full", "A full table, or a full bucket, answers ErrNoSpace and holds the row that it held before.", checkFull),
		rows("full-move", "A set of a held key in a full table moves the row, or answers ErrNoSpace and the device holds the row that it held before.", checkFullMove),
		rows("freed-space", "What was deleted makes room.", checkFreedSpace),
		rows("model", "After any operations the device holds what their results say.", checkModel),
		with(rows("cancel-midway", "When ctx ends, the driver answers what it executed, and the rest either with ctx's error, which promises that it was not and will not be executed, or with ErrOutcomeUnknown.", checkCancelMidway), hookSlow),
		with(rows("cancel-returns", "ctx ends the wait.", checkCancelReturns), hookHang),
	}
}

func checkSetFinal(p *probe) {
	p.setUp()
	p.mustFDB(p.set(p.key(0), p.port(0)))
	p.want(table{p.key(0): p.port(0)})
}

func checkSetIdempotent(p *probe) {
	p.setUp()
	for range 3 {
		p.mustFDB(p.set(p.key(0), p.port(0)))
		p.want(table{p.key(0): p.port(0)})
	}
}

func checkSetMoves(p *probe) {
	p.setUp()
	for i := range 4 {
		p.mustFDB(p.set(p.key(0), p.port(i)))
		p.want(table{p.key(0): p.port(i)})
	}
}

func checkSetReplacesLearned(p *probe) {
	p.setUp()
	p.teach(p.key(0), p.port(0))
	p.mustFDB(p.set(p.key(0), p.port(1)))
	p.want(table{p.key(0): p.port(1)}) // fails on two rows of a key, learned ones included
}

func checkDeleteRemoves(p *probe) {
	p.setUp()
	p.place(p.set(p.key(0), p.port(0)))
	p.place(p.set(p.key(1), p.port(0)))
	p.mustFDB(p.del(p.key(0), p.port(0)))
	p.want(table{p.key(1): p.port(0)})
}

func checkDeleteAbsent(p *probe) {
	p.setUp()
	p.mustFDB(p.set(p.key(1), p.port(0)))
	p.mustFDB(p.del(p.key(0), p.port(0)))
	p.mustFDB(p.del(p.key(0), 0))
	p.want(table{p.key(1): p.port(0)})
}

func checkDeleteAnyPort(p *probe) {
	p.setUp()
	for _, believed := range []switchdev.PortID{p.port(1), switchdev.PortHost} {
		p.mustFDB(p.set(p.key(0), p.port(0)))
		p.mustFDB(p.del(p.key(0), believed))
		p.wantIn(p.domain, table{}, "deleted as if on port "+believed.String())
	}
}

func checkVLANsDiffer(p *probe) {
	p.setUp()
	if len(p.vlans) < 2 {
		p.skip("two VLANs are needed, see WithVLANs")
	}
	k1, k2 := p.key(0), p.key(0)
	k1.VLAN, k2.VLAN = p.vlans[0], p.vlans[1]
	p.place(p.set(k1, p.port(0)))
	p.place(p.set(k2, p.port(1)))
	p.want(table{k1: p.port(0), k2: p.port(1)})
	p.mustFDB(p.del(k1, 0))
	p.want(table{k2: p.port(1)})
}

func checkWholeBatch(p *probe) {
	p.setUp()
	n := p.room(p.batch(16))
	model, ops := table{}, []switchdev.FDBOp(nil)
	for i := range n {
		ops = append(ops, p.set(p.key(i), p.port(i)))
		model[p.key(i)] = p.port(i)
	}
	p.place(ops...)
	p.want(model)
	ops = ops[:0]
	for i := range n { // deletes and moves in one batch
		if i%2 == 0 {
			ops = append(ops, p.del(p.key(i), p.port(i)))
			delete(model, p.key(i))
		} else {
			ops = append(ops, p.set(p.key(i), p.port(i+1)))
			model[p.key(i)] = p.port(i + 1)
		}
	}
	p.mustFDB(ops...)
	p.want(model)
}

// checkLocalAnyPort sets the address of a port that some other device has, or none.
func checkLocalAnyPort(p *probe) {
	p.setUp()
	op := p.set(p.key(0), switchdev.MaxPort)
	op.Entry.Flags = switchdev.FDBStatic | switchdev.FDBLocal
	p.mustFDB(op)
	p.want(table{p.key(0): switchdev.MaxPort})
	p.mustFDB(p.del(p.key(0), switchdev.MaxPort))
	p.want(table{})
}

func checkBadKey(p *probe) {
	p.setUp()
	p.mustFDB(p.set(p.key(0), p.port(0)))
	high := p.key(1)
	high.VLAN = switchdev.MaxVLAN + 1
	for _, key := range []switchdev.FDBKey{{}, {VLAN: p.vlan}, high} {
		p.mustBe("setting "+key.String(), p.fdb(p.set(key, p.port(0)))[0], switchdev.ErrInvalid)
	}
	p.want(table{p.key(0): p.port(0)})
}

func checkDomains(p *probe) {
	p.setUp()
	p.setUpOther()
	p.place(p.setIn(p.domain, p.key(0), p.port(0)))
	p.place(p.setIn(p.other, p.key(0), p.otherPort))
	p.want(table{p.key(0): p.port(0)})
	p.wantIn(p.other, table{p.key(0): p.otherPort}, "the other domain")
	p.mustFDB(p.del(p.key(0), 0))
	p.want(table{})
	p.wantIn(p.other, table{p.key(0): p.otherPort}, "the other domain, after a delete in the main one")
}

// fill sets rows until the device refuses one for lack of space, and returns
// what it holds and which key it refused.
func (p *probe) fill() (held table, refused switchdev.FDBKey) {
	p.tb.Helper()
	if limit := p.sizes().FDB; limit > p.cfg.capacity {
		p.skip("the table has %d rows, more than WithCapacity allows to fill", limit)
	}
	held = table{}
	step := p.batch(32)
	for from := 0; from < p.cfg.capacity+step; from += step {
		ops := make([]switchdev.FDBOp, step)
		for i := range ops {
			ops[i] = p.set(p.key(from+i), p.port(from+i))
		}
		full := false
		for i, err := range p.fdb(ops...) {
			switch {
			case err == nil:
				held[ops[i].Entry.Key] = ops[i].Entry.Port
			case errors.Is(err, switchdev.ErrNoSpace):
				full, refused = true, ops[i].Entry.Key
			default:
				p.fatalf("filling the table, row %d: %v", from+i, err)
			}
		}
		if full {
			return held, refused
		}
	}
	p.skip("the table is not full after %d rows, see WithCapacity", len(held))
	return nil, refused
}

func checkFull(p *probe) {
	p.setUp()
	held, refused := p.fill()
	p.want(held)
	p.mustBe("setting "+refused.String()+" again", p.fdb(p.set(refused, p.port(1)))[0], switchdev.ErrNoSpace)
	p.want(held)
}

func checkFullMove(p *probe) {
	p.setUp()
	held, _ := p.fill()
	key := p.key(0)
	switch err := p.fdb(p.set(key, p.port(1)))[0]; {
	case err == nil:
		held[key] = p.port(1)
	case !errors.Is(err, switchdev.ErrNoSpace):
		p.fatalf("moving %v in a full table: %v", key, err)
	}
	p.want(held)
}

func checkFreedSpace(p *probe) {
	p.setUp()
	held, refused := p.fill()
	again := p.key(0)
	p.mustFDB(p.del(again, 0))
	p.mustFDB(p.set(again, p.port(1))) // its own place is free, in whatever bucket
	var ops []switchdev.FDBOp
	for key := range held {
		ops = append(ops, p.del(key, 0))
	}
	p.mustFDB(ops...)
	p.mustFDB(p.set(refused, p.port(0)))
	p.want(table{refused: p.port(0)})
}

// draw returns a batch of random operations on a small set of keys, at most one
// per key.
func (p *probe) draw(rng *rand.Rand, most int) []switchdev.FDBOp {
	const keys = 24
	n := 1 + rng.IntN(min(most, keys))
	ops := make([]switchdev.FDBOp, 0, n)
	for _, i := range rng.Perm(keys)[:n] {
		key := p.key(i)
		if len(p.vlans) > 1 && rng.IntN(4) == 0 {
			key.VLAN = p.vlans[1]
		}
		port := p.ports[rng.IntN(len(p.ports))]
		if rng.IntN(3) == 0 {
			ops = append(ops, p.del(key, port*switchdev.PortID(rng.IntN(2))))
		} else {
			ops = append(ops, p.set(key, port))
		}
	}
	return ops
}

func checkModel(p *probe) {
	p.setUp()
	rng := rand.New(rand.NewPCG(p.cfg.seed, 0))
	model := table{}
	for round := range 60 {
		ops := p.draw(rng, p.batch(8))
		for i, err := range p.fdb(ops...) {
			model.apply(p, ops[i], err)
		}
		if round%6 == 5 {
			p.wantIn(p.domain, model, "seed "+strconv.FormatUint(p.cfg.seed, 10)+", round "+strconv.Itoa(round))
		}
	}
}

// apply does to the model what the driver says it did to the device.
func (t table) apply(p *probe, op switchdev.FDBOp, err error) {
	switch {
	case errors.Is(err, switchdev.ErrNoSpace) && op.Verb == switchdev.FDBSet:
	case err != nil:
		p.fatalf("seed %d: %v of %v on port %v: %v", p.cfg.seed, op.Verb, op.Entry.Key, op.Entry.Port, err)
	case op.Verb == switchdev.FDBSet:
		t[op.Entry.Key] = op.Entry.Port
	default:
		delete(t, op.Entry.Key)
	}
}

// checkCancelMidway cancels a batch of moves after none, one, two... of them.
func checkCancelMidway(p *probe) {
	p.setUp()
	n := p.room(p.batch(5))
	p.atEnd(func() { p.cfg.slow(p.d, 0) })
	for after := range n + 1 {
		var ops []switchdev.FDBOp
		for i := range n {
			ops = append(ops, p.set(p.key(i), p.port(0)))
		}
		p.place(ops...)
		for i := range n {
			ops[i] = p.set(p.key(i), p.port(1))
		}
		p.cfg.slow(p.d, p.tick())
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(after)*p.tick()+p.tick()/2)
		results := p.fdbResults(ctx, ops...)
		cancel()
		p.cfg.slow(p.d, 0)
		p.settle()
		if after == 0 && read(results[n-1]) == nil {
			p.fatalf("WithSlow had no effect, or ctx does not end the wait: all was executed")
		}
		p.truthful(results, ops, p.port(0))
	}
}

// truthful fails unless the table is what the results say of moves from the
// port before.
func (p *probe) truthful(results []switchdev.Result, ops []switchdev.FDBOp, before switchdev.PortID) {
	p.tb.Helper()
	got := p.told(p.domain)
	for i, r := range results {
		key, err := ops[i].Entry.Key, read(r)
		after := ops[i].Entry.Port
		port, held := got[key]
		switch {
		case !held:
			p.errorf("%v: the result is %v and the row is gone", key, err)
		case port != before && port != after:
			p.errorf("%v: the row is on port %v, neither the old port %v nor the new port %v", key, port, before, after)
		case err == nil && port != after:
			p.errorf("%v: the result is nil and the row is on the old port %v", key, port)
		case err != nil && !errors.Is(err, switchdev.ErrOutcomeUnknown) && port != before:
			p.errorf("%v: the result is %v and the row is on the new port %v", key, err, port)
		}
	}
}

func checkCancelReturns(p *probe) {
	p.setUp()
	p.mustFDB(p.set(p.key(0), p.port(0)))
	release := p.hangUp()
	ctx, cancel := context.WithCancel(context.Background())
	p.atEnd(cancel)
	write, results := p.write(), make([]switchdev.Result, 1)
	ops := []switchdev.FDBOp{p.set(p.key(0), p.port(1))}
	running := p.start(func() { write(&p.roles, ctx, ops, results) })
	p.stillRunning("WithHang", running)
	cancel()
	if !running.wait(p) {
		p.fatalf("the call of a hanging device has not returned %v after ctx ended", p.patience())
	}
	if err := read(results[0]); err == nil {
		p.errorf("the device hangs and the result is nil")
	}
	release()
	p.settle()
	p.truthful(results, ops, p.port(0))
	p.mustFDB(p.set(p.key(0), p.port(1)))
	p.want(table{p.key(0): p.port(1)})
}
