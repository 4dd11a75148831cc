package switchdevtest

import (
	"context"
	"errors"
	"maps"

	"github.com/switchcore/switchcore/switchdev"
)

func lagChecks() []check {
	const role = "LAGOffloader"
	lag := func(name, text string, need roleSet, run func(*probe)) check {
		return check{Rule: Rule{"lag/" + name, role, text}, need: roleLAGs | need, run: run}
	}
	learned := lag("learned", "A frame that comes in by a link is the LAG's: its station is reported with the LAG's number.", rolePorts|roleReports, checkLAGLearned)
	learned.hooks = hookLearn
	return []check{
		lag("set-is-idempotent", "Set operations are upserts and idempotent.", roleLimits, checkLAGSet),
		lag("delete-absent", "Ending a LAG that is not there succeeds.", 0, checkLAGDeleteAbsent),
		lag("number-taken", "The number of a physical port is no number for a LAG: ErrExist.", 0, checkLAGNumber),
		lag("bad-links", "A LAG or a link with number 0, a link that is named twice or is itself a LAG answers ErrInvalid, and nothing changes.", 0, checkLAGBadLinks),
		lag("unknown-link", "A link that the device does not have answers ErrNoDevice.", 0, checkLAGUnknownLink),
		lag("busy-link", "A link that is a member of a domain by itself answers ErrBusy.", rolePorts, checkLAGBusyLink),
		lag("one-lag", "A link that belongs to another LAG answers ErrBusy.", 0, checkLAGOneLAG),
		lag("link-stays-out", "PortJoin of a link of a LAG answers ErrBusy.", rolePorts, checkLAGLinkStaysOut),
		lag("whole-list", "Links is the whole list each time: what it does not name stands alone again.", rolePorts, checkLAGWholeList),
		lag("hands-back-links", "Links belong to the driver until the call returns, and not afterwards.", rolePorts, checkLAGHandsBack),
		lag("rows", "A LAG joins a domain and stands in rows like any other port.", rolePorts|roleDump, checkLAGRows),
		lag("set-keeps", "A set of a LAG that is there changes its links: its membership and its rows stay.", rolePorts|roleDump, checkLAGSetKeeps),
		lag("delete-drops-rows", "When a LAG has ended none of its rows is left in the device.", rolePorts|roleDump, checkLAGDeleteRows),
		lag("delete-drops-vlans", "When a LAG has ended none of its VLANs is left in the device.", rolePorts|roleVLANs|roleLimits, checkLAGDeleteVLANs),
		lag("delete-frees-links", "When a LAG has ended its links stand alone again, and its number is no port.", rolePorts, checkLAGDeleteFrees),
		lag("reused-number", "The number of a LAG that has ended may come back: nothing of the old one is of the new one.", rolePorts|roleDump, checkLAGReused),
		lag("full", "A LAG more than Limits.LAGs answers ErrNoSpace; one that has ended makes room.", roleLimits, checkLAGFull),
		lag("full-links", "More links than Limits.LAGLinks answer ErrNoSpace, and the LAG has those that it had.", roleLimits|rolePorts, checkLAGFullLinks),
		lag("reset", "A reset loses the LAGs.", rolePorts|roleReset, checkLAGReset),
		learned,
	}
}

// lag returns the i-th number of a LAG.
func (p *probe) lag(i int) switchdev.PortID { return p.cfg.firstLAG + switchdev.PortID(i) }

func (p *probe) lagSet(id switchdev.PortID, links ...switchdev.PortID) switchdev.LAGOp {
	op := switchdev.LAGOp{Op: p.op(p.domain), Verb: switchdev.LAGSet, Port: id}
	for _, l := range links {
		op.Links = append(op.Links, switchdev.LAGLink{Port: l, Up: true})
	}
	return op
}

func (p *probe) lagDelete(id switchdev.PortID) switchdev.LAGOp {
	return switchdev.LAGOp{Op: p.op(p.domain), Verb: switchdev.LAGDelete, Port: id}
}

func (p *probe) lagErrors(ops ...switchdev.LAGOp) []error {
	p.tb.Helper()
	results := make([]switchdev.Result, len(ops))
	p.do("ApplyLAGs", func() { p.roles.lags.ApplyLAGs(context.Background(), ops, results) })
	return errorsOf(results)
}

func (p *probe) mustLAG(what string, ops ...switchdev.LAGOp) {
	p.tb.Helper()
	p.must(what, p.lagErrors(ops...))
}

// free returns the last n ports of the device, which are in no domain yet.
func (p *probe) free(n int) []switchdev.PortID {
	all := append([]switchdev.PortID(nil), p.ports...)
	if p.otherPort != 0 {
		all = append(all, p.otherPort)
	}
	if most := p.sizes().LAGLinks; len(all) < n || most > 0 && most < n {
		p.skip("%d links are needed", n)
	}
	return all[len(all)-n:]
}

// twoLAGs skips a check on a device that has room for one only.
func (p *probe) twoLAGs() {
	if p.sizes().LAGs == 1 {
		p.skip("the device has one LAG")
	}
}

// setUpLAG makes the first LAG of the links and prepares the main domain with it
// as the only member.
func (p *probe) setUpLAG(links ...switchdev.PortID) {
	p.tb.Helper()
	p.mustLAG("making a LAG", p.lagSet(p.lag(0), links...))
	p.enterLAG()
	p.filter(p.domain)
}

// enterLAG makes the first LAG a member of the main domain and its VLANs.
func (p *probe) enterLAG() {
	p.tb.Helper()
	p.must("joining a LAG", p.portErrors(p.join(p.lag(0))))
	p.chooseVLANs()
	p.memberships(p.domain, []switchdev.PortID{p.lag(0)})
}

// placeLAG sets rows on the first LAG and returns them.
func (p *probe) placeLAG(n int) table {
	p.tb.Helper()
	want := table{}
	for i := range p.room(n) {
		p.place(p.set(p.key(i), p.lag(0)))
		want[p.key(i)] = p.lag(0)
	}
	p.want(want)
	return want
}

func checkLAGSet(p *probe) {
	links := p.free(1)
	p.mustLAG("making a LAG", p.lagSet(p.lag(0), links...))
	before := p.usage()
	for range 3 {
		p.mustLAG("setting it again", p.lagSet(p.lag(0), links...))
	}
	if after := p.usage(); after != before {
		p.fatalf("setting a LAG again changed Usage from %+v to %+v", before, after)
	}
}

func checkLAGDeleteAbsent(p *probe) {
	p.mustLAG("ending a LAG that is not there", p.lagDelete(p.lag(0)))
	p.mustLAG("making and ending a LAG, twice", p.lagSet(p.lag(0)), p.lagDelete(p.lag(0)), p.lagDelete(p.lag(0)))
}

func checkLAGNumber(p *probe) {
	ports := p.free(1)
	p.mustBe("a LAG with a port's number", p.lagErrors(p.lagSet(ports[0]))[0], switchdev.ErrExist)
	p.mustBe("ending a port", p.lagErrors(p.lagDelete(ports[0]))[0], switchdev.ErrExist)
}

func checkLAGBadLinks(p *probe) {
	port := p.free(1)[0]
	p.mustLAG("making a LAG", p.lagSet(p.lag(0)))
	id := p.lag(0)
	if p.sizes().LAGs != 1 {
		id = p.lag(1)
		p.mustBe("a LAG in a LAG", p.lagErrors(p.lagSet(id, p.lag(0)))[0], switchdev.ErrInvalid)
	}
	p.mustBe("a LAG in itself", p.lagErrors(p.lagSet(id, id))[0], switchdev.ErrInvalid)
	p.mustBe("a link twice", p.lagErrors(p.lagSet(id, port, port))[0], switchdev.ErrInvalid)
	p.mustBe("the host as a link", p.lagErrors(p.lagSet(id, switchdev.PortHost))[0], switchdev.ErrInvalid)
	p.mustBe("a LAG with number 0", p.lagErrors(p.lagSet(switchdev.PortHost))[0], switchdev.ErrInvalid)
	p.mustLAG("a LAG of the port that was refused", p.lagSet(p.lag(0), port))
}

func checkLAGUnknownLink(p *probe) {
	p.mustBe("a link that is no port", p.lagErrors(p.lagSet(p.lag(0), switchdev.MaxPort))[0], switchdev.ErrNoDevice)
}

func checkLAGBusyLink(p *probe) {
	port := p.free(1)[0]
	p.must("joining", p.portErrors(p.join(port)))
	p.mustBe("a LAG of a member", p.lagErrors(p.lagSet(p.lag(0), port))[0], switchdev.ErrBusy)
	p.must("leaving", p.portErrors(p.leave(port)))
	p.mustLAG("a LAG of what has left", p.lagSet(p.lag(0), port))
}

func checkLAGOneLAG(p *probe) {
	p.twoLAGs()
	port := p.free(1)[0]
	p.mustLAG("making a LAG", p.lagSet(p.lag(0), port))
	p.mustBe("a second LAG of its link", p.lagErrors(p.lagSet(p.lag(1), port))[0], switchdev.ErrBusy)
	p.mustLAG("giving the link up", p.lagSet(p.lag(0)))
	p.mustLAG("a second LAG of what was given up", p.lagSet(p.lag(1), port))
}

func checkLAGLinkStaysOut(p *probe) {
	port := p.free(1)[0]
	p.mustLAG("making a LAG", p.lagSet(p.lag(0), port))
	p.mustBe("joining a link", p.portErrors(p.join(port))[0], switchdev.ErrBusy)
}

func checkLAGWholeList(p *probe) {
	links := p.free(2)
	p.mustLAG("making a LAG", p.lagSet(p.lag(0), links...))
	p.mustLAG("taking a link out", p.lagSet(p.lag(0), links[1]))
	p.must("joining what was taken out", p.portErrors(p.join(links[0])))
	p.mustBe("joining what was left in", p.portErrors(p.join(links[1]))[0], switchdev.ErrBusy)
}

func checkLAGHandsBack(p *probe) {
	links := p.free(2)
	op := p.lagSet(p.lag(0), links[0])
	p.mustLAG("making a LAG", op)
	op.Links[0].Port = links[1]
	p.settle()
	p.mustBe("joining a link", p.portErrors(p.join(links[0]))[0], switchdev.ErrBusy)
	p.must("joining what is no link", p.portErrors(p.join(links[1])))
}

func checkLAGRows(p *probe) {
	p.setUpLAG(p.free(1)...)
	want := p.placeLAG(2)
	p.mustFDB(p.del(p.key(0), p.lag(0)))
	delete(want, p.key(0))
	p.want(want)
}

func checkLAGSetKeeps(p *probe) {
	links := p.free(2)
	p.setUpLAG(links[0])
	want := p.placeLAG(3)
	before := switchdev.Usage{}
	if p.roles.limits != nil {
		before = p.usage()
	}
	for _, other := range [][]switchdev.PortID{links, {links[1]}, nil} {
		p.mustLAG("giving the LAG other links", p.lagSet(p.lag(0), other...))
		p.want(want)
		p.must("setting the state of the LAG", p.portErrors(p.state(p.lag(0), switchdev.PortForwarding)))
		if p.roles.limits != nil && p.usage() != before {
			p.fatalf("other links changed Usage from %+v to %+v", before, p.usage())
		}
	}
}

func checkLAGDeleteRows(p *probe) {
	p.setUpLAG(p.free(1)...)
	p.placeLAG(3)
	p.mustLAG("ending the LAG", p.lagDelete(p.lag(0)))
	p.want(table{})
}

func checkLAGDeleteVLANs(p *probe) {
	links := p.free(1)
	before := p.usage().VLANs
	p.setUpLAG(links...)
	if len(p.vlans) == 0 {
		p.skip("the device does not take VLANs")
	}
	p.mustLAG("ending the LAG", p.lagDelete(p.lag(0)))
	if after := p.usage().VLANs; after != before {
		p.fatalf("a LAG with %d VLANs ended, and Usage counts %d memberships instead of %d", len(p.vlans), after, before)
	}
}

func checkLAGDeleteFrees(p *probe) {
	port := p.free(1)[0]
	p.setUpLAG(port)
	p.mustLAG("ending the LAG", p.lagDelete(p.lag(0)))
	p.mustBe("joining a LAG that has ended", p.portErrors(p.join(p.lag(0)))[0], switchdev.ErrNoDevice)
	p.must("joining what was a link", p.portErrors(p.join(port)))
}

func checkLAGReused(p *probe) {
	links := p.free(1)
	p.setUpLAG(links...)
	p.placeLAG(3)
	for _, leaves := range []bool{false, true} {
		if leaves {
			p.must("leaving", p.portErrors(p.leave(p.lag(0))))
		}
		p.mustLAG("ending the LAG", p.lagDelete(p.lag(0)))
		p.mustLAG("making it again", p.lagSet(p.lag(0), links...))
		if err := p.portErrors(p.state(p.lag(0), switchdev.PortForwarding))[0]; err != nil && !errors.Is(err, switchdev.ErrNotExist) {
			p.fatalf("setting the state of a LAG that is no member: %v", err)
		}
		p.enterLAG()
		p.want(table{})
		p.placeLAG(2)
	}
}

func checkLAGFull(p *probe) {
	most := p.sizes().LAGs
	if most == 0 || most > p.cfg.capacity || most >= int(switchdev.MaxPort-p.cfg.firstLAG) {
		p.skip("LAGs are not limited, or more than WithCapacity allows to make")
	}
	for i := range most {
		p.mustLAG("making a LAG within Limits", p.lagSet(p.lag(i)))
	}
	before := p.usage()
	p.mustBe("one more", p.lagErrors(p.lagSet(p.lag(most)))[0], switchdev.ErrNoSpace)
	if after := p.usage(); after != before {
		p.fatalf("a refused LAG changed Usage from %+v to %+v", before, after)
	}
	p.mustLAG("setting one that is there", p.lagSet(p.lag(0)))
	p.mustLAG("ending one, and one more", p.lagDelete(p.lag(0)), p.lagSet(p.lag(most)))
}

func checkLAGFullLinks(p *probe) {
	most := p.sizes().LAGLinks
	all := append([]switchdev.PortID(nil), p.ports...)
	if p.otherPort != 0 {
		all = append(all, p.otherPort)
	}
	if most == 0 || most >= len(all) {
		p.skip("the links of a LAG are not limited, or there are not more ports")
	}
	p.mustLAG("a LAG within Limits", p.lagSet(p.lag(0), all[:most]...))
	p.mustBe("a link more", p.lagErrors(p.lagSet(p.lag(0), all[:most+1]...))[0], switchdev.ErrNoSpace)
	p.must("joining the one that was refused", p.portErrors(p.join(all[most])))
	p.mustBe("joining a link", p.portErrors(p.join(all[0]))[0], switchdev.ErrBusy)
}

func checkLAGReset(p *probe) {
	port := p.free(1)[0]
	p.setUpLAG(port)
	p.reset()
	p.mustBe("joining a LAG from before the reset", p.portErrors(p.join(p.lag(0)))[0], switchdev.ErrNoDevice)
	p.must("joining what was a link", p.portErrors(p.join(port)))
}

func checkLAGLearned(p *probe) {
	port := p.free(1)[0]
	p.setUpLAG(port)
	s := p.bind()
	p.cfg.learn(p.d, p.domain, port, p.key(5))
	p.mustGet("the sink", s, switchdev.ReportLearned)
	r := s.take(switchdev.ReportLearned)[0]
	if r.Domain != p.domain || r.Port != p.lag(0) || r.Key != p.key(5) {
		p.fatalf("%v was learned on link %v of LAG %v, the report says %v on port %v of domain %v", p.key(5), port, p.lag(0), r.Key, r.Port, r.Domain)
	}
	if p.roles.dump == nil {
		return
	}
	if rows := p.learned(); len(rows) > 0 && !maps.Equal(rows, table{p.key(5): p.lag(0)}) {
		p.fatalf("the device has learned %v, want %v on LAG %v", rows, p.key(5), p.lag(0))
	}
}
