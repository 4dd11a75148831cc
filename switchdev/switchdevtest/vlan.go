package switchdevtest

import (
	"errors"

	"github.com/switchcore/switchcore/switchdev"
)

func vlanChecks() []check {
	const role = "VLANOffloader"
	return []check{
		{Rule: Rule{"vlan/set-is-idempotent", role, "Set operations are upserts and idempotent."}, need: roleVLANs, run: checkVLANSet},
		{Rule: Rule{"vlan/delete-absent", role, "Deleting what is not there succeeds."}, need: roleVLANs, run: checkVLANDeleteAbsent},
		{Rule: Rule{"vlan/bad-vlan", role, "A VLAN that is not one of 1 to 4094 answers ErrInvalid."}, need: roleVLANs, run: checkBadVLAN},
		{Rule: Rule{"vlan/full", role, "A full VLAN table answers ErrNoSpace and holds what it held before; what was deleted makes room."}, need: roleVLANs, run: checkVLANFull},
		{Rule: Rule{"vlan/delete-keeps-told", role, "Deleting a membership drops what the device itself learned on that port in that VLAN and nothing else."},
			need: roleVLANs | roleDump, run: checkVLANDeleteKeeps},
	}
}

func checkVLANSet(p *probe) {
	p.setUp()
	op := func() switchdev.VLANOp {
		o := p.member(p.ports[0], 30)
		o.Flags = switchdev.VLANUntagged
		return o
	}
	p.must("setting a membership", p.vlanErrors(op()))
	before := p.vlanUsage()
	p.must("setting it again", p.vlanErrors(op()))
	if after := p.vlanUsage(); after != before {
		p.fatalf("setting a membership again changed Usage from %d to %d memberships", before, after)
	}
}

// vlanUsage returns the memberships in use, 0 if the device does not tell.
func (p *probe) vlanUsage() int {
	p.tb.Helper()
	if p.roles.limits == nil {
		return 0
	}
	return p.usage().VLANs
}

func checkVLANDeleteAbsent(p *probe) {
	p.setUp()
	before := p.vlanUsage()
	p.must("deleting a membership that is not there", p.vlanErrors(p.unmember(p.ports[0], 31)))
	if after := p.vlanUsage(); after != before {
		p.fatalf("deleting nothing changed Usage from %d to %d memberships", before, after)
	}
}

func checkBadVLAN(p *probe) {
	p.setUp()
	for _, bad := range []switchdev.VLAN{0, switchdev.MaxVLAN + 1, 0xffff} {
		p.mustBe("VLAN "+bad.String(), p.vlanErrors(p.member(p.ports[0], bad))[0], switchdev.ErrInvalid)
	}
}

// fillVLANs makes ports members of VLANs from 100 on until the device refuses
// one for lack of space; it returns those that it took and the refused one.
func (p *probe) fillVLANs() (taken []switchdev.VLANOp, refused switchdev.VLANOp) {
	p.tb.Helper()
	limit := p.sizes().VLANs
	if limit > p.cfg.capacity {
		p.skip("the table has %d memberships, more than WithCapacity allows to fill", limit)
	}
	for i := range p.cfg.capacity + 1 {
		op := p.member(p.port(i), switchdev.VLAN(100+i/len(p.ports)))
		if !op.VLAN.Valid() {
			break
		}
		err := p.vlanErrors(op)[0]
		p.skipUnsupported("a VLAN operation", err)
		if errors.Is(err, switchdev.ErrNoSpace) {
			return taken, op
		}
		if err != nil {
			p.fatalf("filling the VLAN table, membership %d: %v", i, err)
		}
		if taken = append(taken, op); limit > 0 && len(taken) > limit {
			p.fatalf("the device took %d memberships, Limits says %d", len(taken), limit)
		}
	}
	p.skip("the VLAN table is not full after %d memberships, see WithCapacity", len(taken))
	return nil, refused
}

func checkVLANFull(p *probe) {
	p.setUp()
	taken, refused := p.fillVLANs()
	before := p.vlanUsage()
	refused.Op = p.op(p.domain)
	p.mustBe("one more", p.vlanErrors(refused)[0], switchdev.ErrNoSpace)
	if after := p.vlanUsage(); after != before {
		p.fatalf("a refused membership changed Usage from %d to %d", before, after)
	}
	p.must("setting one that is held", p.vlanErrors(p.member(taken[0].Port, taken[0].VLAN)))
	p.must("deleting one", p.vlanErrors(p.unmember(taken[0].Port, taken[0].VLAN)))
	refused.Op = p.op(p.domain)
	p.must("setting the refused one after a delete", p.vlanErrors(refused))
}

func checkVLANDeleteKeeps(p *probe) {
	p.setUp()
	if len(p.vlans) == 0 {
		p.skip("the device does not take VLANs")
	}
	want := p.populate(4)
	p.must("deleting a membership", p.vlanErrors(p.unmember(p.ports[0], p.vlan)))
	p.want(want)
}
