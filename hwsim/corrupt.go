package hwsim

import (
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// What happens to rows and ports without anybody being told. Everything here but
// the exported methods runs under Chip.mu.

// wrongPort returns the port that a fault names, or another one than port drawn
// from the seed; the host's if the chip has no other.
func (c *Chip) wrongPort(port, target switchdev.PortID) switchdev.PortID {
	if target != 0 {
		return target
	}
	others := make([]switchdev.PortID, 0, len(c.ports))
	for _, list := range [...][]*Port{c.ports, c.lags} {
		for _, p := range list {
			if p.id != port {
				others = append(others, p.id)
			}
		}
	}
	if len(others) == 0 {
		return switchdev.PortHost
	}
	return others[c.random().IntN(len(others))]
}

// decay lets the row that operation i has just set vanish or drift in time, if
// it is still that row by then.
func (c *Chip) decay(f *Fault, j *job, i int) {
	if j.results[i].Err != nil {
		return
	}
	op := &j.fdb[i]
	k := makeRowKey(op.Domain, op.Entry.Key)
	r := c.rows.rows[k]
	if r == nil {
		return
	}
	gen, port := r.gen, r.port
	c.schedule(addClamped(c.now(), int64(f.Delay)), func() {
		switch {
		case c.rows.rows[k] != r || r.gen != gen || r.port != port || !r.told:
		case f.Kind == FaultVanish:
			c.vanish(k, r, 1<<FaultVanish)
		default:
			c.drift(k, r, c.wrongPort(r.port, f.Target), 1<<FaultDrift)
		}
	})
}

func (c *Chip) vanish(k rowKey, r *row, kinds FaultKinds) {
	op := Operation{Role: RoleFDB, Verb: "vanished", Domain: k.domain, Port: r.port, Key: switchdev.UnpackFDBKey(k.key)}
	c.removeRow(k, r)
	c.log.fault(c, op, kinds)
}

func (c *Chip) drift(k rowKey, r *row, to switchdev.PortID, kinds FaultKinds) {
	op := Operation{Role: RoleFDB, Verb: "drifted", Domain: k.domain, Port: to, Key: switchdev.UnpackFDBKey(k.key)}
	r.port = to
	c.log.fault(c, op, kinds)
}

// DropRow makes the row of key vanish at once, as [FaultVanish] does: nobody is
// told. It reports whether there was a row.
func (c *Chip) DropRow(domain switchdev.Domain, key switchdev.FDBKey) bool {
	return c.tamper(domain, key, FaultVanish, func(k rowKey, r *row) { c.vanish(k, r, 1<<FaultVanish) })
}

// MoveRow makes the row of key point to another port at once, as [FaultDrift]
// does: nobody is told. It reports whether there was a row.
func (c *Chip) MoveRow(domain switchdev.Domain, key switchdev.FDBKey, to switchdev.PortID) bool {
	return c.tamper(domain, key, FaultDrift, func(k rowKey, r *row) { c.drift(k, r, to, 1<<FaultDrift) })
}

func (c *Chip) tamper(domain switchdev.Domain, key switchdev.FDBKey, kind FaultKind, do func(rowKey, *row)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := makeRowKey(domain, key)
	r := c.rows.rows[k]
	if r == nil || c.closed {
		return false
	}
	c.stats.faults[kind].Add(1)
	do(k, r)
	return true
}

// unplug removes the port that FaultGone strikes: the one it names, else that of
// the operation, else one drawn from the seed.
func (c *Chip) unplug(f *Fault, op Operation) {
	id := f.Target
	if id == 0 {
		id = op.Port
	}
	p := c.port(id)
	if p == nil && f.Target == 0 && len(c.ports) > 0 {
		p = c.ports[c.random().IntN(len(c.ports))]
	}
	if p == nil {
		return
	}
	c.removePort(p, 1<<FaultGone)
	if f.Delay == 0 || p.lag != nil {
		return
	}
	c.schedule(addClamped(c.now(), int64(f.Delay)), func() {
		_, _ = c.plug(PortConfig{ID: p.id, Name: p.name, MAC: p.mac}) // unless somebody has it by now
	})
}

// removePort takes a port out of the chip.
func (c *Chip) removePort(p *Port, kinds FaultKinds) {
	if p.gone || c.closed {
		return
	}
	id, dom, life := p.id, p.domainID(), p.life()
	before := c.usage()
	if p.lag != nil {
		c.endLAG(p, 0)
		c.dropWhere(func(_ rowKey, r *row) bool { return r.port == id && !r.bridges() }) // by no driver
	} else {
		c.forget(id)
		p.gone, p.carrier = true, false
		c.ports = slices.DeleteFunc(slices.Clone(c.ports), func(o *Port) bool { return o == p })
		c.bury(id)
	}
	c.report(switchdev.Report{Kind: switchdev.ReportPortGone, Port: id, Domain: dom, Gen: life})
	c.unlink(p)
	c.roomFreed()
	c.log.note(c, Operation{Role: RolePort, Verb: "gone", Domain: dom, Port: id}, before)
	c.log.mark(kinds)
	c.info("port removed", "port", p.name)
	p.Detach()
}

// bury notes that a number was once a port's.
func (c *Chip) bury(id switchdev.PortID) {
	if c.gone == nil {
		c.gone = make(map[switchdev.PortID]bool)
	}
	c.gone[id] = true
}

// plug puts a port into the chip while it runs.
func (c *Chip) plug(pc PortConfig) (*Port, error) {
	if c.closed {
		return nil, switchdev.ErrClosed
	}
	if most := c.cfg.Limits.Ports; most > 0 && len(c.ports) >= most {
		return nil, c.refusal("add-port", pc.Name, "more than Limits.Ports", switchdev.ErrNoSpace)
	}
	if pc.ID == 0 {
		for pc.ID = 1; pc.ID < switchdev.MaxPort && c.port(pc.ID) != nil; pc.ID++ {
		}
	}
	p := &Port{}
	if err := c.addPort(p, pc); err != nil {
		return nil, err
	}
	c.log.note(c, Operation{Role: RolePort, Verb: "added", Port: p.id}, c.usage())
	c.info("port added", "port", p.name)
	if p.carrier {
		c.report(switchdev.Report{Kind: switchdev.ReportPortUp, Port: p.id})
	}
	return p, nil
}
