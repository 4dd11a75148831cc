package hwsim

import (
	"cmp"
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// lag is what makes a link aggregation group of a [Port]. Guarded by Chip.mu.
type lag struct {
	links []lagLink // ordered by port
	live  []*Port   // those of links that frames may leave by
}

// lagLink is a port of a group.
type lagLink struct {
	port *Port
	up   bool
}

// ApplyLAGs implements [switchdev.LAGOffloader]. A LAG is a [Port] of the chip,
// with counters and a hook of its own; frames come in and leave by its links.
func (c *Chip) ApplyLAGs(ctx context.Context, ops []switchdev.LAGOp, results []switchdev.Result) {
	c.do(ctx, &job{role: RoleLAG, n: min(len(ops), len(results)), lag: ops, results: results})
}

// group returns the LAG of that number, nil if there is none. Under mu.
func (c *Chip) group(id switchdev.PortID) *Port {
	if i, ok := slices.BinarySearchFunc(c.lags, id, comparePort); ok {
		return c.lags[i]
	}
	return nil
}

// driveLAG carries out operation i, under mu, wholly or not at all.
func (c *Chip) driveLAG(j *job, i int) error {
	op := &j.lag[i]
	g := c.group(op.Port)
	if err := c.checkLAG(op, g); err != nil {
		return err
	}
	switch {
	case op.Verb == switchdev.LAGSet:
		c.setLAG(op, g)
	case g != nil:
		if c.has(QuirkLAGRowsSurvive) {
			c.wrong(j, i, QuirkLAGRowsSurvive)
		}
		c.endLAG(g, op.Token)
	}
	c.roomFreed()
	return nil
}

// checkLAG refuses what cannot be done to the LAG g, which is nil if it is not
// there yet.
func (c *Chip) checkLAG(op *switchdev.LAGOp, g *Port) error {
	no := func(reason string, err error) error {
		return c.refusal("lag", "lag "+op.Port.String(), reason, err)
	}
	switch {
	case op.Port == switchdev.PortHost:
		return no("no number for a LAG", switchdev.ErrInvalid)
	case g == nil && c.port(op.Port) != nil:
		return no("number of a port", switchdev.ErrExist)
	case op.Verb == switchdev.LAGDelete:
		return nil
	case op.Verb != switchdev.LAGSet:
		return no("unknown verb", switchdev.ErrInvalid)
	}
	for i, l := range op.Links {
		same := func(o switchdev.LAGLink) bool { return o.Port == l.Port }
		if l.Port == switchdev.PortHost || l.Port == op.Port || c.group(l.Port) != nil {
			return no("port "+l.Port.String()+" cannot be a link", switchdev.ErrInvalid)
		}
		if slices.ContainsFunc(op.Links[:i], same) {
			return no("port "+l.Port.String()+" is named twice", switchdev.ErrInvalid)
		}
		p, err := c.knownPort("lag", l.Port)
		switch {
		case err != nil:
			return err
		case p.domain != nil:
			return no("port "+p.name+" is a member of domain "+p.domain.id.String(), switchdev.ErrBusy)
		case p.group != nil && p.group != g:
			return no("port "+p.name+" is a link of "+p.group.name, switchdev.ErrBusy)
		}
	}
	if most := c.cfg.Limits.LAGLinks; most > 0 && len(op.Links) > most {
		return no("too many links", switchdev.ErrNoSpace)
	}
	if g == nil && !c.lagHasRoom() {
		c.starved.lag = true
		return no("too many LAGs", switchdev.ErrNoSpace)
	}
	return nil
}

func (c *Chip) lagHasRoom() bool { return c.cfg.Limits.LAGs == 0 || len(c.lags) < c.cfg.Limits.LAGs }

// setLAG gives the LAG g, or a new one, its links.
func (c *Chip) setLAG(op *switchdev.LAGOp, g *Port) {
	if g == nil {
		g = &Port{
			chip: c, id: op.Port, name: "lag" + op.Port.String(), lag: &lag{},
			mac: switchdev.MACFromUint64(c.cfg.MAC.Uint64() + uint64(op.Port)),
		}
		g.standAlone()
		i, _ := slices.BinarySearchFunc(c.lags, g.id, comparePort)
		c.lags = slices.Insert(c.lags, i, g)
		c.info("lag made", "port", g.name)
	}
	links := make([]lagLink, len(op.Links))
	for i, l := range op.Links {
		links[i] = lagLink{c.port(l.Port), l.Up}
	}
	slices.SortFunc(links, func(a, b lagLink) int { return cmp.Compare(a.port.id, b.port.id) })
	c.relink(g, links)
}

// relink gives g the links, which may be fewer than before.
func (c *Chip) relink(g *Port, links []lagLink) {
	for _, l := range g.lag.links {
		l.port.group = nil
	}
	for _, l := range links {
		l.port.group = g
	}
	g.lag.links = links
	c.revive(g)
}

// revive finds the links of g that frames may leave by, and reports when g gets
// the first of them or loses the last.
func (c *Chip) revive(g *Port) {
	g.lag.live = g.lag.live[:0]
	for _, l := range g.lag.links {
		if l.up && l.port.carrier && l.port.up {
			g.lag.live = append(g.lag.live, l.port)
		}
	}
	if up := len(g.lag.live) > 0; up != g.carrier {
		g.carrier = up
		c.tellCarrier(g)
	}
}

// changed is what follows from a change of p's carrier or administrative state for
// the LAG that p is a link of, if it is of one.
func (c *Chip) changed(p *Port) {
	if p.group != nil {
		c.revive(p.group)
	}
}

// unlink takes p out of its LAG, if it is in one.
func (c *Chip) unlink(p *Port) {
	if g := p.group; g != nil {
		c.relink(g, slices.DeleteFunc(slices.Clone(g.lag.links), func(l lagLink) bool { return l.port == p }))
	}
}

// endLAG takes g out of the chip, with all that is of it.
func (c *Chip) endLAG(g *Port, token switchdev.Token) {
	for _, d := range c.sortedDomains() {
		c.leave(d, g.id, token)
	}
	if !c.keepsRows(g.id) {
		c.dropWhere(func(_ rowKey, r *row) bool { return r.port == g.id && !r.bridges() })
	}
	c.dissolve(g)
	c.lags = slices.DeleteFunc(c.lags, func(o *Port) bool { return o == g })
	c.info("lag ended", "port", g.name)
}

// dissolve lets the links of g go.
func (c *Chip) dissolve(g *Port) {
	for _, l := range g.lag.links {
		l.port.group = nil
	}
	g.lag.links, g.lag.live = nil, nil
	g.gone, g.carrier = true, false
	c.bury(g.id)
}

// loseLAGs is what a reset does to all of them.
func (c *Chip) loseLAGs() {
	for _, g := range c.lags {
		g.standAlone()
		c.dissolve(g)
	}
	c.lags = nil
}

// exit returns the port that a frame to p, which has carrier, leaves by: p itself,
// or of a LAG the link for the frame's flow. Under mu.
func (p *Port) exit(frame []byte) *Port {
	if p.lag == nil {
		return p
	}
	live := p.lag.live
	if len(live) == 1 {
		return live[0]
	}
	return live[flowHash(p.chip.cfg.Seed, frame)%uint64(len(live))]
}
