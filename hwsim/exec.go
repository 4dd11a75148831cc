package hwsim

import (
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// What operations do to the tables. Everything here runs under Chip.mu, wholly
// or not at all.

const (
	allPortAttrs   = switchdev.PortAttrState | switchdev.PortAttrFlags | switchdev.PortAttrUp
	allBridgeAttrs = switchdev.BridgeAttrAgeing | switchdev.BridgeAttrFiltering | switchdev.BridgeAttrProtocol

	// softwareFlags are the port flags that need a CPU to answer for others.
	softwareFlags = switchdev.PortProxyARP | switchdev.PortNeighSuppress
)

// knownPort returns the port, or why there is none.
func (c *Chip) knownPort(verb string, id switchdev.PortID) (*Port, error) {
	if p := c.port(id); p != nil {
		return p, nil
	}
	if c.gone[id] {
		return nil, c.refusal(verb, "port "+id.String(), "", switchdev.ErrPortGone)
	}
	return nil, c.refusal(verb, "port "+id.String(), "", switchdev.ErrNoDevice)
}

// checkPort is what CheckPorts and ApplyPorts have in common.
func (c *Chip) checkPort(op *switchdev.PortOp) (*Port, error) {
	const verb = "port"
	p, err := c.knownPort(verb, op.Port)
	if err != nil {
		return nil, err
	}
	name := "port " + p.name
	takes := op.Set
	switch op.Verb {
	case switchdev.PortJoin:
		takes = allPortAttrs
		if p.domain != nil && p.domain.id != op.Domain {
			return nil, c.refusal(verb, name, "member of domain "+p.domain.id.String(), switchdev.ErrBusy)
		}
		if p.group != nil {
			return nil, c.refusal(verb, name, "link of "+p.group.name, switchdev.ErrBusy)
		}
		if most := c.cfg.Limits.Domains; most > 0 && p.domain == nil && c.joinedDomains(op.Domain) >= most {
			return nil, c.refusal(verb, name, "too many domains", switchdev.ErrNoSpace)
		}
	case switchdev.PortLeave:
		return p, nil
	case switchdev.PortSet:
		if takes&^allPortAttrs != 0 {
			return nil, c.refusal(verb, name, "unknown attribute", switchdev.ErrUnsupported)
		}
		if p.domain == nil && takes&^switchdev.PortAttrUp != 0 || p.domain != nil && p.domain.id != op.Domain {
			return nil, c.refusal(verb, name, "not a member of domain "+op.Domain.String(), switchdev.ErrNotExist)
		}
	default:
		return nil, c.refusal(verb, name, "unknown verb", switchdev.ErrInvalid)
	}
	if takes&switchdev.PortAttrState != 0 && !op.State.Valid() {
		return nil, c.refusal(verb, name, "unknown state", switchdev.ErrInvalid)
	}
	const known = switchdev.PortNeighSuppress<<1 - 1
	if on := op.Flags & op.FlagMask; takes&switchdev.PortAttrFlags != 0 && on&(softwareFlags|^known) != 0 {
		return nil, c.refusal(verb, name, "flag is not offloaded", switchdev.ErrUnsupported)
	}
	if takes&switchdev.PortAttrFlags != 0 && c.fixedFlags(op, p) != 0 {
		return nil, c.refusal(verb, name, "bridge flag offload is not supported", switchdev.ErrInvalid)
	}
	return p, nil
}

// joinedDomains counts the domains with members, other than the one that asks.
func (c *Chip) joinedDomains(other switchdev.Domain) int {
	n := 0
	for id, d := range c.domains {
		if id != other && len(d.members) > 0 {
			n++
		}
	}
	return n
}

func (c *Chip) execPort(op *switchdev.PortOp) error {
	p, err := c.checkPort(op)
	if err != nil {
		return err
	}
	takes, down, rested := op.Set, p.down(), p.rests()
	switch op.Verb {
	case switchdev.PortLeave:
		if d := c.domains[op.Domain]; d != nil {
			c.leave(d, p.id, op.Token)
			c.roomFreed()
		}
		return nil
	case switchdev.PortJoin:
		takes = allPortAttrs
		flags := p.flags
		c.join(p, op.Domain)
		p.gen = op.Gen
		if c.has(QuirkFloodLost) {
			p.flags, takes = flags, takes&^switchdev.PortAttrFlags
		}
	}
	if takes&switchdev.PortAttrState != 0 {
		p.state = op.State
	}
	if takes&switchdev.PortAttrFlags != 0 {
		p.flags = p.flags&^op.FlagMask | op.Flags&op.FlagMask
	}
	if takes&switchdev.PortAttrUp != 0 {
		p.up = op.Up
		c.changed(p)
	}
	c.stirred(p, down, rested)
	return nil
}

// join makes p a member of the domain, with default flags. A repeated join
// begins from the defaults too, so that it is idempotent.
func (c *Chip) join(p *Port, id switchdev.Domain) {
	d := c.domain(id)
	p.flags = switchdev.DefaultPortFlags
	if p.domain == d {
		return
	}
	p.domain = d
	p.vlans = d.vlans[p.id]
	if c.has(QuirkFloodLost) {
		c.groups.join(p.id, id)
	}
	i, _ := slices.BinarySearchFunc(d.members, p.id, comparePort)
	d.members = slices.Insert(slices.Clone(d.members), i, p)
}

// checkBridge is what CheckBridge and ApplyBridge have in common.
func (c *Chip) checkBridge(op *switchdev.BridgeOp) error {
	const verb = "bridge"
	name := "domain " + op.Domain.String()
	if op.Set&^allBridgeAttrs != 0 {
		return c.refusal(verb, name, "unknown attribute", switchdev.ErrUnsupported)
	}
	if op.Set&switchdev.BridgeAttrAgeing != 0 {
		if op.Ageing < 0 {
			return c.refusal(verb, name, "negative ageing time", switchdev.ErrInvalid)
		}
		lo, hi := c.cfg.Limits.AgeingMin, c.cfg.Limits.AgeingMax
		if op.Ageing != 0 && (op.Ageing < lo || hi > 0 && op.Ageing > hi) {
			return c.refusal(verb, name, "ageing time "+op.Ageing.String(), switchdev.ErrRange)
		}
	}
	if op.Set&switchdev.BridgeAttrProtocol != 0 && op.Protocol != switchdev.EtherTypeVLAN && op.Protocol != switchdev.EtherTypeSVLAN {
		return c.refusal(verb, name, "not a VLAN protocol", switchdev.ErrInvalid)
	}
	return nil
}

func (c *Chip) execBridge(op *switchdev.BridgeOp) error {
	if err := c.checkBridge(op); err != nil {
		return err
	}
	d := c.domain(op.Domain)
	if op.Set&switchdev.BridgeAttrFiltering != 0 {
		d.filtering = op.Filtering
	}
	if op.Set&switchdev.BridgeAttrProtocol != 0 {
		d.protocol = op.Protocol
	}
	if op.Set&switchdev.BridgeAttrAgeing != 0 && d.ageing != int64(op.Ageing) {
		d.ageing = int64(op.Ageing)
		// The next pass finds what has become overdue.
		if len(c.rows.rows) > 0 {
			now := c.now()
			c.rows.nextAge = max(now, 1)
			c.age(max(now, 1))
		}
	}
	return nil
}

func (c *Chip) execVLAN(op *switchdev.VLANOp) error {
	const verb = "vlan"
	object := "port " + op.Port.String() + " vlan " + op.VLAN.String()
	if !op.VLAN.Valid() {
		return c.refusal(verb, object, "invalid vlan id", switchdev.ErrInvalid)
	}
	if op.Port != switchdev.PortHost {
		if _, err := c.knownPort(verb, op.Port); err != nil {
			return err
		}
	}
	switch op.Verb {
	case switchdev.VLANSetMember:
		if op.Flags&^(switchdev.VLANPVID|switchdev.VLANUntagged) != 0 {
			return c.refusal(verb, object, "unknown flag", switchdev.ErrUnsupported)
		}
		return c.setMember(op, object)
	case switchdev.VLANDeleteMember:
		c.deleteMember(op)
		return nil
	}
	return c.refusal(verb, object, "unknown verb", switchdev.ErrInvalid)
}

func (c *Chip) setMember(op *switchdev.VLANOp, object string) error {
	d := c.domain(op.Domain)
	m := d.vlans[op.Port]
	if m == nil || !m.member.Contains(op.VLAN) {
		if !c.vlanHasRoom() {
			c.starved.vlan = true
			return c.refusal("vlan.set", object, "VLAN table is full", switchdev.ErrNoSpace)
		}
		if m == nil {
			m = &membership{}
			if d.vlans == nil {
				d.vlans = make(map[switchdev.PortID]*membership)
			}
			d.vlans[op.Port] = m
			if p := c.port(op.Port); p != nil && p.domain == d {
				p.vlans = m
			}
		}
		_ = m.member.Add(op.VLAN) // valid: checked by the caller
		c.vlans++
		if c.has(QuirkFloodLost) && op.Port != switchdev.PortHost {
			c.groups.enter(op.Port, op.VLAN)
		}
	}
	m.untagged.Remove(op.VLAN)
	if op.Flags&switchdev.VLANUntagged != 0 {
		_ = m.untagged.Add(op.VLAN)
	}
	if op.Flags&switchdev.VLANPVID != 0 {
		m.pvid = op.VLAN
	} else if m.pvid == op.VLAN {
		m.pvid = switchdev.NoVLAN
	}
	return nil
}

func (c *Chip) deleteMember(op *switchdev.VLANOp) {
	d := c.domains[op.Domain]
	if d == nil || d.vlans[op.Port] == nil || !d.vlans[op.Port].member.Contains(op.VLAN) {
		return
	}
	m := d.vlans[op.Port]
	m.member.Remove(op.VLAN)
	m.untagged.Remove(op.VLAN)
	if m.pvid == op.VLAN {
		m.pvid = switchdev.NoVLAN
	}
	c.vlans--
	if m.member.IsZero() {
		delete(d.vlans, op.Port)
		if p := c.port(op.Port); p != nil && p.domain == d {
			p.vlans = nil
		}
	}
	if c.has(QuirkFloodLost) && op.Port != switchdev.PortHost {
		c.groups.exit(op.Port, op.VLAN)
	}
	if !c.has(QuirkRowsSurviveVLAN) {
		c.flushLearned(op.Op, op.Port, op.VLAN, true)
	}
	c.roomFreed()
}

// flushLearned drops what the chip learned by itself; a port of 0 means every
// port unless exact is set, a VLAN of 0 every VLAN.
func (c *Chip) flushLearned(op switchdev.Op, port switchdev.PortID, vlan switchdev.VLAN, exact bool) {
	matches := func(k rowKey, p switchdev.PortID) bool {
		return k.domain == op.Domain && (port == 0 && !exact || p == port) &&
			(vlan == 0 || switchdev.UnpackFDBKey(k.key).VLAN == vlan)
	}
	c.driver.forget(matches)
	dropped := c.dropWhere(func(k rowKey, r *row) bool { return !r.told && matches(k, r.port) })
	if dropped {
		c.report(switchdev.Report{
			Kind: switchdev.ReportFlushed, Domain: op.Domain, Port: port, Token: op.Token,
			Key: switchdev.FDBKey{VLAN: vlan}, Gen: c.lifeIn(op.Domain, port),
		})
	}
}

func (c *Chip) execFlush(op *switchdev.FDBFlushOp) error {
	if op.Port != 0 {
		if _, err := c.knownPort("fdb.flush", op.Port); err != nil {
			return err
		}
	}
	if op.VLAN > switchdev.MaxVLAN {
		return c.refusal("fdb.flush", "", "invalid vlan id", switchdev.ErrInvalid)
	}
	if c.has(QuirkDeleteUserOnly) {
		return nil
	}
	c.flushLearned(op.Op, op.Port, op.VLAN, false)
	c.roomFreed()
	return nil
}

func (c *Chip) execFDB(op *switchdev.FDBOp, space int) error {
	if !op.Entry.Key.Valid() {
		err := op.Entry.Key.Check()
		return c.refusal("fdb", op.Entry.Key.String(), "", err)
	}
	k := makeRowKey(op.Domain, op.Entry.Key)
	switch op.Verb {
	case switchdev.FDBSet:
		return c.setRow(op, k, space)
	case switchdev.FDBDelete:
		c.driver.forgetKey(k)
		if c.has(QuirkStaleRowOnMove) {
			c.removeRow(k, c.rows.at(k, op.Entry.Port))
		} else {
			c.remove(k)
		}
		c.roomFreed()
		return nil
	}
	return c.refusal("fdb", op.Entry.Key.String(), "unknown verb", switchdev.ErrInvalid)
}

// setRow writes a row. Where space is not negative, a fault lets the table hold
// no more rows than that.
func (c *Chip) setRow(op *switchdev.FDBOp, k rowKey, space int) error {
	// The bridge's own addresses may be on ports of other devices.
	if op.Entry.Port != switchdev.PortHost && op.Entry.Flags&switchdev.FDBLocal == 0 {
		if _, err := c.knownPort("fdb.set", op.Entry.Port); err != nil {
			return err
		}
	}
	r := c.rows.rows[k]
	if r == nil || c.has(QuirkStaleRowOnMove) && r.port != op.Entry.Port {
		if space >= 0 && c.rows.used >= space {
			c.starved.fdb, r = true, nil
		} else {
			r = c.place(k, op.Entry.Port)
		}
	}
	if r == nil {
		return c.refusal("fdb.set", op.Entry.Key.String(), "forwarding database is full", switchdev.ErrNoSpace)
	}
	if !c.has(QuirkStaleRowOnMove) {
		c.removeOthers(k, r)
	}
	c.driver.forgetKey(k)
	now := c.now()
	r.port = op.Entry.Port
	r.flags = op.Entry.Flags &^ switchdev.FDBHWLearned
	r.gen = op.Gen
	r.told = true
	r.stamp.Store(now)
	r.reported.Store(now)
	return nil
}
