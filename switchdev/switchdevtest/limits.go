package switchdevtest

import (
	"errors"

	"github.com/switchcore/switchcore/switchdev"
)

func limitChecks() []check {
	const role = "Limiter"
	return []check{
		{Rule: Rule{"limits/usage", role, "Usage returns what is used at this moment."}, need: roleLimits | roleDump, run: checkUsage},
		{Rule: Rule{"limits/bound", role, "The device never holds more rows than Limits says."}, need: roleLimits | roleDump, run: checkBound},
		{Rule: Rule{"limits/shared", role, "Tables that share a budget are each bounded by their own limit and by what the others left."},
			need: roleLimits | roleVLANs, hooks: hookShared, run: checkShared},
		{Rule: Rule{"limits/constant", role, "Limits are constant within an epoch."}, need: roleLimits, run: checkConstant},
	}
}

func checkUsage(p *probe) {
	p.setUp()
	compare := func(when string) {
		p.tb.Helper()
		n := 0
		for _, domain := range p.cfg.domains {
			rows, _ := p.rows(domain)
			n += len(rows)
		}
		if u := p.usage().FDB; u != n {
			p.fatalf("%s, Usage counts %d rows and the dumps show %d", when, u, n)
		}
	}
	if p.sizes() == (switchdev.Limits{}) && p.usage() == (switchdev.Usage{}) {
		p.populate(1)
		if p.usage() == (switchdev.Usage{}) {
			p.skip("the device knows neither its sizes nor what it uses")
		}
	}
	p.populate(6)
	compare("after six sets")
	p.mustFDB(p.set(p.key(0), p.port(1)), p.del(p.key(1), 0), p.del(p.key(100), 0))
	compare("after a move, a delete and a delete of nothing")
	p.mustFDB(p.del(p.key(0), 0))
	compare("after a delete")
}

func checkBound(p *probe) {
	p.setUp()
	limit := p.sizes().FDB
	if limit == 0 || limit > p.cfg.capacity {
		p.skip("the table is not limited, or larger than WithCapacity allows to fill")
	}
	held := table{}
	for i := range limit + 2 {
		key := p.key(i)
		switch err := p.fdb(p.set(key, p.port(i)))[0]; {
		case err == nil:
			held[key] = p.port(i)
		case !errors.Is(err, switchdev.ErrNoSpace):
			p.fatalf("row %d: %v", i, err)
		}
	}
	if n := len(p.told(p.domain)); n > limit || len(held) > limit {
		p.fatalf("the device took %d rows and holds %d, Limits says %d", len(held), n, limit)
	}
}

func checkShared(p *probe) {
	p.setUp()
	budget := p.sizes().Shared
	if budget == 0 {
		p.skip("the device has no shared budget")
	}
	within := func(when string) {
		p.tb.Helper()
		if sum := p.cfg.shared(p.usage()); sum > budget {
			p.fatalf("%s, the tables use %d of a shared budget of %d", when, sum, budget)
		}
	}
	p.fill()
	within("with a full forwarding table")
	p.fillVLANs()
	within("with a full VLAN table too")
}

func checkConstant(p *probe) {
	p.setUp()
	before := p.sizes()
	p.touch()
	if after := p.sizes(); after != before {
		p.fatalf("Limits were %+v and are %+v", before, after)
	}
}
