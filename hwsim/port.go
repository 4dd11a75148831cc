package hwsim

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"github.com/switchcore/switchcore/switchdev"
)

// Port is one port of a [Chip]. Its methods may be called concurrently. A port
// that was removed stays as it is: it has no carrier and drops what it gets.
type Port struct {
	chip *Chip
	id   switchdev.PortID
	name string
	mac  switchdev.MAC

	wire   atomic.Pointer[attachment]
	egress atomic.Pointer[func(frame []byte)]
	count  portCounters

	// Guarded by chip.mu.
	carrier bool // of a LAG: some link can send
	gone    bool
	up      bool
	state   switchdev.PortState
	flags   switchdev.PortFlags
	domain  *domain              // nil: member of none
	vlans   *membership          // in domain; nil: member of no VLAN
	gen     switchdev.Generation // of the last join
	ageing  int64                // of the domain when the port joined or last came up
	lag     *lag                 // nil: a physical port
	group   *Port                // the LAG that a physical port is a link of; nil: of none
}

// domain is the state of one bridge. Guarded by Chip.mu.
type domain struct {
	id        switchdev.Domain
	filtering bool
	protocol  switchdev.EtherType
	ageing    int64   // nanoseconds, 0: nothing is learned
	members   []*Port // ordered by id
	vlans     map[switchdev.PortID]*membership
}

// membership is a port's row in the VLAN table.
type membership struct {
	member, untagged switchdev.VLANSet
	pvid             switchdev.VLAN // NoVLAN: none
}

func (c *Chip) domain(id switchdev.Domain) *domain {
	if d := c.domains[id]; d != nil {
		return d
	}
	d := &domain{id: id, protocol: switchdev.EtherTypeVLAN, ageing: int64(defaultAgeing)}
	if c.domains == nil {
		c.domains = make(map[switchdev.Domain]*domain)
	}
	c.domains[id] = d
	return d
}

func comparePort(p *Port, id switchdev.PortID) int { return cmp.Compare(p.id, id) }

// port returns the port of that number, nil if there is none. Under mu.
func (c *Chip) port(id switchdev.PortID) *Port {
	if i := int(id) - 1; i >= 0 && i < len(c.ports) && c.ports[i].id == id {
		return c.ports[i]
	}
	if i, ok := slices.BinarySearchFunc(c.ports, id, comparePort); ok {
		return c.ports[i]
	}
	return c.group(id)
}

// Port returns the port with the number id, nil if the chip has none. That of a LAG
// is a Port too, until the LAG ends: what leaves by a link or comes in by one is
// counted at both, [Port.OnEgress] sees what leaves, [Port.Ingress] is a frame that
// came in by no link in particular, [Port.Attach] is refused and
// [Port.SetCarrier] does nothing.
func (c *Chip) Port(id switchdev.PortID) *Port {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.port(id)
}

// Ports implements [switchdev.PortLister].
func (c *Chip) Ports(ctx context.Context) ([]switchdev.PortInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return nil, switchdev.ErrClosed
	}
	infos := make([]switchdev.PortInfo, len(c.ports))
	for i, p := range c.ports {
		infos[i] = switchdev.PortInfo{ID: p.id, Name: p.name, MAC: p.mac, Carrier: p.carrier}
	}
	return infos, nil
}

// AddPort puts a port into the chip while it runs. The number of a port that
// was removed may be used again; one that is in use is refused with ErrExist,
// zero stands for the lowest that is free. More than Limits.Ports are refused
// with ErrNoSpace.
func (c *Chip) AddPort(pc PortConfig) (*Port, error) {
	c.mu.Lock()
	defer c.flush()
	defer c.mu.Unlock()
	return c.plug(pc)
}

func (c *Chip) addPort(p *Port, pc PortConfig) error {
	i, taken := slices.BinarySearchFunc(c.ports, pc.ID, comparePort)
	if taken || c.group(pc.ID) != nil {
		return c.refusal("add-port", pc.ID.String(), "number is in use", switchdev.ErrExist)
	}
	if pc.Name == "" {
		pc.Name = "p" + pc.ID.String()
	}
	if pc.MAC.IsZero() {
		pc.MAC = switchdev.MACFromUint64(c.cfg.MAC.Uint64() + uint64(pc.ID))
	}
	if pc.MAC.IsMulticast() {
		return c.refusal("add-port", pc.Name, "a group address", switchdev.ErrInvalid)
	}
	p.chip, p.id, p.name, p.mac, p.carrier = c, pc.ID, pc.Name, pc.MAC, !pc.Down
	p.standAlone()
	c.ports = slices.Insert(c.ports, i, p)
	return nil
}

// standAlone is the state of a port that is in no domain: its frames go to the
// host.
func (p *Port) standAlone() {
	p.domain, p.vlans = nil, nil
	p.up = true
	p.state = switchdev.PortDisabled
	if p.chip == nil || !p.chip.has(QuirkFloodLost) || p.flags == 0 {
		p.flags = switchdev.DefaultPortFlags
	}
}

// ID returns the port's number.
func (p *Port) ID() switchdev.PortID { return p.id }

// Name returns the port's name.
func (p *Port) Name() string { return p.name }

// MAC returns the port's own address.
func (p *Port) MAC() switchdev.MAC { return p.mac }

// Carrier reports whether the link is up.
func (p *Port) Carrier() bool {
	p.chip.mu.RLock()
	defer p.chip.mu.RUnlock()
	return p.carrier
}

// SetCarrier plugs the cable in or out, and reports the change. It changes
// nothing when the carrier is that already, the port was removed, or it is a LAG,
// whose carrier is that of its links.
func (p *Port) SetCarrier(up bool) {
	c := p.chip
	c.mu.Lock()
	if p.carrier != up && p.lag == nil && !p.gone && !c.closed {
		p.carrier = up
		c.tellCarrier(p)
		c.changed(p)
	}
	c.mu.Unlock()
	c.flush()
}

func (c *Chip) tellCarrier(p *Port) {
	kind := switchdev.ReportPortDown
	if p.carrier {
		kind = switchdev.ReportPortUp
	}
	c.report(switchdev.Report{Kind: kind, Port: p.id, Domain: p.domainID(), Gen: p.life()})
	c.info("carrier", "port", p.name, "up", p.carrier)
}

// life returns the generation of the join of a port that is a member of a domain, 0
// of any other.
func (p *Port) life() switchdev.Generation {
	if p.domain == nil {
		return 0
	}
	return p.gen
}

// lifeIn returns it for the port of that number, if it is a member of the domain.
func (c *Chip) lifeIn(d switchdev.Domain, id switchdev.PortID) switchdev.Generation {
	if p := c.port(id); p != nil && p.domain != nil && p.domain.id == d {
		return p.gen
	}
	return 0
}

func (p *Port) domainID() switchdev.Domain {
	if p.domain == nil {
		return 0
	}
	return p.domain.id
}

// Remove takes the port out of the chip, as pulling a module does: its rows
// but local ones, its VLANs and its membership go, a LAG that it is a link of loses
// it, operations that name it answer ErrPortGone from now on, and ReportPortGone is
// reported. It is idempotent. Of a LAG it is as if the chip had lost it by itself.
func (p *Port) Remove() {
	c := p.chip
	c.mu.Lock()
	c.removePort(p, 0)
	c.mu.Unlock()
	p.Detach() // also of one that was closed with its wires
	c.flush()
}

// forget removes every trace of the port id in every domain.
func (c *Chip) forget(id switchdev.PortID) {
	for _, d := range c.sortedDomains() {
		c.leave(d, id, 0)
	}
	c.dropWhere(func(_ rowKey, r *row) bool { return r.port == id && !r.bridges() })
}

func (c *Chip) sortedDomains() []*domain {
	all := make([]*domain, 0, len(c.domains))
	for _, d := range c.domains {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *domain) int { return cmp.Compare(a.id, b.id) })
	return all
}

// leave removes every trace of the port id in d.
func (c *Chip) leave(d *domain, id switchdev.PortID, token switchdev.Token) {
	if m := d.vlans[id]; m != nil {
		for v := range m.member.All() {
			if c.has(QuirkFloodLost) && id != switchdev.PortHost {
				c.groups.exit(id, v)
			}
		}
		c.vlans -= m.member.Len()
		delete(d.vlans, id)
	}
	c.driver.forget(func(k rowKey, p switchdev.PortID) bool { return k.domain == d.id && p == id })
	if life := c.lifeIn(d.id, id); !c.keepsRows(id) && c.dropWhere(func(k rowKey, r *row) bool { return k.domain == d.id && r.port == id && c.leaves(r) }) {
		c.report(switchdev.Report{Kind: switchdev.ReportFlushed, Domain: d.id, Port: id, Token: token, Gen: life})
	}
	d.members = slices.DeleteFunc(slices.Clone(d.members), func(o *Port) bool { return o.id == id })
	if p := c.port(id); p != nil && p.domain == d {
		if c.has(QuirkFloodLost) {
			c.groups.leave(id, p.up)
		}
		p.standAlone()
	}
	if len(d.members) == 0 && len(d.vlans) == 0 && d.isDefault() {
		delete(c.domains, d.id)
	}
}

// keepsRows reports whether the rows of a port that leaves stay.
func (c *Chip) keepsRows(id switchdev.PortID) bool {
	return c.has(QuirkRowsSurviveLeave) || c.has(QuirkLAGRowsSurvive) && c.group(id) != nil
}

func (d *domain) isDefault() bool {
	return !d.filtering && d.protocol == switchdev.EtherTypeVLAN && d.ageing == int64(defaultAgeing)
}
