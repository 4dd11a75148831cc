package hwsim

import (
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// What rocker's driver does with ports and its table where others do it right; each
// is a quirk of its own. Everything here runs under Chip.mu.

// shortestHold is the least time that QuirkAgeingAtJoin leaves a row.
const shortestHold = int64(time.Second)

// ageingOf returns how long what p learns stays; p may be nil, or of another domain
// by now. 0: nothing is learned.
func (c *Chip) ageingOf(dom *domain, p *Port) int64 {
	if c.has(QuirkAgeingAtJoin) && p != nil && p.domain == dom {
		return max(p.ageing, shortestHold)
	}
	return dom.ageing
}

// rests reports whether the port is down, or has no state in which it learns.
func (p *Port) rests() bool { return !p.up || !p.state.Learns() }

// stirred is what the driver does when the state of a member may have changed.
func (c *Chip) stirred(p *Port, down, rested bool) {
	if p.domain == nil {
		return
	}
	if c.has(QuirkFloodLost) {
		c.groups.setState(p.id, p.spanning())
	}
	if down && !p.down() {
		p.ageing = p.domain.ageing
	}
	if c.has(QuirkDownDropsLearned) && !rested && p.rests() {
		mine := func(k rowKey, id switchdev.PortID) bool { return k.domain == p.domain.id && id == p.id }
		c.driver.forget(mine)
		c.dropWhere(func(k rowKey, r *row) bool { return !r.told && mine(k, r.port) })
		c.roomFreed()
	}
}

// spanning is the state of the port as the driver hears it: one that is down is disabled.
func (p *Port) spanning() switchdev.PortState {
	if !p.up {
		return switchdev.PortDisabled
	}
	return p.state
}

// down reports whether spanning tree or the operator has disabled the port.
func (p *Port) down() bool { return !p.up || p.state == switchdev.PortDisabled }

// leaves reports whether a row goes with its port.
func (c *Chip) leaves(r *row) bool {
	return !r.bridges() && !(r.told && c.has(QuirkSetRowsSurviveLeave))
}

// outdated reports whether some member learns by another ageing time than the
// domain's.
func (d *domain) outdated() bool {
	for _, p := range d.members {
		if !p.down() && p.ageing != d.ageing {
			return true
		}
	}
	return false
}

// holdsLearned reports whether the chip has learned a row at the port in the VLAN.
func (c *Chip) holdsLearned(d switchdev.Domain, port switchdev.PortID, vlan switchdev.VLAN) bool {
	for k, r := range c.rows.rows {
		for ; r != nil && k.domain == d && switchdev.UnpackFDBKey(k.key).VLAN == vlan; r = r.next {
			if !r.told && r.port == port {
				return true
			}
		}
	}
	return false
}
