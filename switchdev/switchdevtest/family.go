package switchdevtest

import (
	"context"

	"github.com/switchcore/switchcore/switchdev"
)

// family is a role that takes batches, with operations that do no harm: what
// the batch contract says is checked of each.
type family struct {
	name string
	need roleSet
	make func(p *probe, n int) *work
}

// work is one batch of a family.
type work struct {
	heads    []switchdev.Op
	results  []switchdev.Result
	apply    func(ctx context.Context)
	scribble func() // overwrites the operations
}

var families = []family{
	{"fdb", roleFDB, func(p *probe, n int) *work { return rowWork(p, n, forms[0]) }},
	{"submit", roleSubmit, func(p *probe, n int) *work { return rowWork(p, n, forms[1]) }},
	{"flush", roleFlush, func(p *probe, n int) *work {
		return newWork(n, func(int) switchdev.FDBFlushOp { return switchdev.FDBFlushOp{Op: p.op(p.domain)} },
			func(o switchdev.FDBFlushOp) switchdev.Op { return o.Op }, p.roles.flush.FlushFDB)
	}},
	{"port", rolePorts, func(p *probe, n int) *work {
		return newWork(n, func(i int) switchdev.PortOp { return p.state(p.port(i), switchdev.PortForwarding) },
			func(o switchdev.PortOp) switchdev.Op { return o.Op }, p.roles.ports.ApplyPorts)
	}},
	{"bridge", roleBridge, func(p *probe, n int) *work {
		return newWork(n, func(int) switchdev.BridgeOp { return p.filtering() },
			func(o switchdev.BridgeOp) switchdev.Op { return o.Op }, p.roles.bridge.ApplyBridge)
	}},
	{"vlan", roleVLANs, func(p *probe, n int) *work {
		return newWork(n, func(i int) switchdev.VLANOp { return p.member(p.port(i), 10) },
			func(o switchdev.VLANOp) switchdev.Op { return o.Op }, p.roles.vlans.ApplyVLANs)
	}},
	{"lag", roleLAGs, func(p *probe, n int) *work {
		return newWork(n, func(int) switchdev.LAGOp { return p.lagSet(p.lag(0)) },
			func(o switchdev.LAGOp) switchdev.Op { return o.Op }, p.roles.lags.ApplyLAGs)
	}},
}

func familyNamed(name string) family {
	for _, f := range families {
		if f.name == name {
			return f
		}
	}
	return family{}
}

// rowWork sets no more rows than the smallest table has room for; the other
// operations delete what is not there.
func rowWork(p *probe, n int, form fdbForm) *work {
	few := p.room(2)
	return newWork(n, func(i int) switchdev.FDBOp {
		if i >= few {
			return p.del(p.key(i), 0)
		}
		return p.set(p.key(i), p.port(i))
	},
		func(o switchdev.FDBOp) switchdev.Op { return o.Op },
		func(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
			form.apply(&p.roles, ctx, ops, results)
		})
}

func newWork[O any](n int, build func(i int) O, head func(O) switchdev.Op,
	apply func(ctx context.Context, ops []O, results []switchdev.Result)) *work {
	ops := make([]O, n)
	w := &work{heads: make([]switchdev.Op, n), results: make([]switchdev.Result, n)}
	for i := range ops {
		ops[i] = build(i)
		w.heads[i] = head(ops[i])
	}
	w.apply = func(ctx context.Context) { apply(ctx, ops, w.results) }
	w.scribble = func() { clear(ops) }
	return w
}

// work makes a batch of the check's family, not larger than the device takes,
// and does it.
func (p *probe) work(ctx context.Context, n int) *work {
	p.tb.Helper()
	w := p.family.make(p, p.batch(n))
	p.do("the batch", func() { w.apply(ctx) })
	for _, r := range w.results {
		p.skipUnsupported("the role "+p.family.name, r.Err)
	}
	return w
}
