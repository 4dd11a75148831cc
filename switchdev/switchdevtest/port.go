package switchdevtest

import (
	"context"
	"errors"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

func portChecks() []check {
	const role = "PortOffloader"
	return []check{
		{Rule: Rule{"port/one-domain", role, "A port is in at most one domain; joining a second is refused with ErrBusy."}, need: rolePorts, run: checkOneDomain},
		{Rule: Rule{"port/leave-drops-rows", role, "When a PortLeave has succeeded no row of the port is left in the device."}, need: rolePorts | roleDump, run: checkLeaveRows},
		{Rule: Rule{"port/leave-drops-vlans", role, "When a PortLeave has succeeded no VLAN of the port is left in the device."}, need: rolePorts | roleVLANs | roleLimits, run: checkLeaveVLANs},
		{Rule: Rule{"port/set-is-idempotent", role, "Set operations are upserts and idempotent."}, need: rolePorts, run: checkPortSet},
		{Rule: Rule{"port/bad-state", role, "A state that is none of the five answers ErrInvalid."}, need: rolePorts, run: checkBadState},
		{Rule: Rule{"port/check-changes-nothing", role, "CheckPorts changes nothing."}, need: rolePorts, run: checkPortsChangesNothing},
		{Rule: Rule{"port/check-agrees", role, "CheckPorts answers each operation as ApplyPorts would, as far as that can be known beforehand."}, need: rolePorts, run: checkPortsAgrees},
		{Rule: Rule{"port/list", "PortLister", "Ports returns the ports of the device, ordered by ID, which is unique and not 0; the slice is the caller's."}, need: roleList, run: checkPortList},
	}
}

func (p *probe) joinOther(port switchdev.PortID) switchdev.PortOp {
	op := p.join(port)
	op.Domain = p.other
	return op
}

func checkOneDomain(p *probe) {
	p.needOther()
	p.setUp()
	p.secondDomain()
	p.mustBe("joining a second domain", p.portErrors(p.joinOther(p.ports[0]))[0], switchdev.ErrBusy)
	p.must("leaving", p.portErrors(p.leave(p.ports[0])))
	p.must("joining the other domain after leaving the first", p.portErrors(p.joinOther(p.ports[0])))
}

func checkLeaveRows(p *probe) {
	p.setUp()
	want := p.populate(6)
	for key, port := range want {
		if port == p.ports[0] {
			delete(want, key)
		}
	}
	p.must("leaving", p.portErrors(p.leave(p.ports[0])))
	p.want(want)
}

func checkLeaveVLANs(p *probe) {
	p.setUp()
	if len(p.vlans) == 0 {
		p.skip("the device does not take VLANs")
	}
	before := p.usage().VLANs
	p.must("leaving", p.portErrors(p.leave(p.ports[0])))
	if after := p.usage().VLANs; after != before-len(p.vlans) {
		p.fatalf("a port with %d VLANs left, and Usage counts %d memberships instead of %d", len(p.vlans), after, before)
	}
}

func checkPortSet(p *probe) {
	p.setUp()
	for range 3 {
		p.must("setting a state", p.portErrors(p.state(p.ports[0], switchdev.PortBlocking)))
		flags := switchdev.PortOp{Op: p.op(p.domain), Verb: switchdev.PortSet, Port: p.ports[0], Set: switchdev.PortAttrFlags,
			Flags: switchdev.PortLearns, FlagMask: switchdev.PortLearns | switchdev.PortFlood}
		p.must("setting flags", p.portErrors(flags))
		up := switchdev.PortOp{Op: p.op(p.domain), Verb: switchdev.PortSet, Port: p.ports[0], Set: switchdev.PortAttrUp, Up: true}
		p.must("setting the administrative state", p.portErrors(up))
	}
}

// badStates are the first number that is no state and the last.
var badStates = [...]switchdev.PortState{switchdev.PortBlocking + 1, 255}

func checkBadState(p *probe) {
	p.setUp()
	for _, bad := range badStates {
		p.mustBe(bad.String(), p.portErrors(p.state(p.ports[0], bad))[0], switchdev.ErrInvalid)
	}
}

func checkPortsChangesNothing(p *probe) {
	p.needOther()
	p.setUp()
	p.secondDomain()
	errs := p.checkPortErrors(p.leave(p.ports[0]), p.join(p.otherPort))
	p.must("CheckPorts", errs)
	if err := p.portErrors(p.joinOther(p.ports[0]))[0]; err == nil {
		p.errorf("a port joined another domain: CheckPorts of a leave has taken it out of the first")
	}
	if err := p.portErrors(p.joinOther(p.otherPort))[0]; err != nil {
		p.errorf("a free port cannot join (%v): CheckPorts of a join has made it a member elsewhere", err)
	}
}

func checkPortsAgrees(p *probe) {
	p.setUp()
	ops := []switchdev.PortOp{p.state(p.ports[0], switchdev.PortLearning), p.state(p.ports[0], switchdev.PortForwarding)}
	for _, bad := range badStates {
		ops = append(ops, p.state(p.ports[0], bad))
	}
	if p.otherPort != 0 && p.sizes().Domains != 1 {
		ops = append(ops, p.joinOther(p.ports[0]), p.join(p.otherPort), p.leave(p.otherPort))
	}
	for _, op := range ops {
		before, then := p.checkPortErrors(op)[0], p.portErrors(op)[0]
		p.agree(before, then, "CheckPorts", "ApplyPorts")
	}
}

// agree fails if a check refused what is done, or for another reason, or let
// pass what is never right.
func (p *probe) agree(before, then error, check, apply string) {
	p.tb.Helper()
	if before != nil && class(before) != class(then) {
		p.errorf("%s answers %v and %s answers %v", check, before, apply, then)
	}
	never := errors.Is(then, switchdev.ErrInvalid) || errors.Is(then, switchdev.ErrRange)
	if before == nil && never {
		p.errorf("%s has nothing against what %s answers with %v", check, apply, then)
	}
}

func checkPortList(p *probe) {
	list := func() (infos []switchdev.PortInfo) {
		var err error
		p.do("Ports", func() { infos, err = p.roles.list.Ports(context.Background()) })
		p.must("Ports", []error{err})
		return infos
	}
	first := list()
	for i, info := range first {
		if info.ID == 0 || i > 0 && info.ID <= first[i-1].ID {
			p.fatalf("port %d of the list has ID %v, after %v", i, info.ID, first[max(i-1, 0)].ID)
		}
	}
	if n := p.sizes().Ports; n != 0 && n < len(first) {
		p.fatalf("%d ports are listed, Limits says %d", len(first), n)
	}
	keep := slices.Clone(first)
	clear(first)
	if again := list(); !slices.Equal(again, keep) {
		p.fatalf("after the caller wrote into the slice, Ports returns %v instead of %v", again, keep)
	}
}
