package hwsim

import (
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// heard is what the chip makes of a source address.
type heard uint8

const (
	heardKnown   heard = iota // the row is as the frame says, or is not to change
	heardUnknown              // software ought to see the frame, and learn
	heardMoved                // software's own entry is wrong: it gets the frame alone
	heardRoamed               // the same of a Secure chip, which forwards the frame too
)

// hear learns from a source address (net/bridge/br_fdb.c, br_fdb_update). It
// reports again when a row must be written and write is not set.
func (c *Chip) hear(p *Port, dom *domain, src switchdev.MAC, vlan switchdev.VLAN, now int64, write bool) (again bool, h heard) {
	if c.ageingOf(dom, p) == 0 {
		return false, heardKnown
	}
	k := makeRowKey(dom.id, switchdev.FDBKey{MAC: src, VLAN: vlan})
	learns := p.flags&switchdev.PortLearns != 0
	if c.has(QuirkOldestRowWins) && c.cfg.Hardware.Profile != Secure {
		return c.hearAt(p, dom, k, now, learns, write)
	}
	r := c.rows.rows[k]
	switch {
	case r != nil && r.port == p.id:
		return c.refresh(r, k, now, learns, write), heardKnown
	case r != nil && r.keeps():
		return false, c.kept(r)
	case !learns:
		return false, heardUnknown
	case c.cfg.Hardware.Profile == Secure:
		return c.secure(r, p, k, now, write)
	case r != nil && r.told:
		c.stats.movedAway.Add(1)
		return false, heardMoved
	case !write:
		return true, heardKnown
	}
	return false, c.learn(r, p, dom, k, now, false)
}

// hearAt is hear of a chip that keeps rows of one key at several ports: rows
// elsewhere are no concern of the port where the station is heard.
func (c *Chip) hearAt(p *Port, dom *domain, k rowKey, now int64, learns, write bool) (again bool, h heard) {
	switch r := c.rows.at(k, p.id); {
	case r != nil:
		return c.refresh(r, k, now, learns, write), heardKnown
	case !learns:
		return false, heardKnown
	case !write:
		return true, heardKnown
	}
	return false, c.learn(c.rows.rows[k], p, dom, k, now, false)
}

// secure is what a Secure chip does with a station that has no row r at the port.
func (c *Chip) secure(r *row, p *Port, k rowKey, now int64, write bool) (again bool, h heard) {
	switch {
	case c.settled(k, p.id, now):
		return false, heardKnown
	case !write:
		return true, heardKnown
	case !c.ask(p, k, now, false) || r == nil:
		return false, heardUnknown
	}
	c.stats.movedAway.Add(1)
	return false, heardRoamed
}

// kept is what becomes of a frame whose source has a fixed row elsewhere: a
// static row may be moved by software, a local or sticky one by nobody.
func (c *Chip) kept(r *row) heard {
	if r.flags&(switchdev.FDBLocal|switchdev.FDBSticky) != 0 {
		return heardKnown
	}
	return heardUnknown
}

// refresh notes that the station of r is alive, and reports it where r may age.
// A port that does not learn refreshes no row of the chip's own; of a row that
// software told it to hold it is software that must know.
func (c *Chip) refresh(r *row, k rowKey, now int64, learns, write bool) (again bool) {
	if !learns && !r.told || r.keeps() && (!learns || !c.has(QuirkOldestRowWins) || r.bridges()) {
		return false
	}
	if r.stamp.Load() != now {
		r.stamp.Store(now)
		c.stats.refreshed.Add(1)
	}
	every := c.cfg.Hardware.Refresh
	if every < 0 || time.Duration(now-r.reported.Load()) < every {
		return false
	}
	if !write {
		return true
	}
	c.tell(r, k, now)
	return false
}

// learn makes or moves the chip's own row r of key.
func (c *Chip) learn(r *row, p *Port, dom *domain, k rowKey, now int64, locked bool) heard {
	fresh := r == nil
	if fresh || c.cfg.Hardware.Profile == Rocker || c.has(QuirkOldestRowWins) {
		if r = c.place(k, p.id); r == nil {
			return c.noRoom(p, k, now, locked)
		}
	}
	if fresh {
		c.stats.learned.Add(1)
	} else {
		c.stats.moved.Add(1)
	}
	r.port, r.life = p.id, p.gen
	r.flags = 0
	if locked {
		r.flags = switchdev.FDBLocked
	}
	r.stamp.Store(now)
	c.rows.dueAge(now, c.ageingOf(dom, p))
	delete(c.driver.asked, k)
	c.tell(r, k, now)
	return heardKnown
}

// noRoom is what becomes of a station for which the table has none: rocker's
// driver tells of it all the same.
func (c *Chip) noRoom(p *Port, k rowKey, now int64, locked bool) heard {
	c.stats.notLearned.Add(1)
	if c.cfg.Hardware.Profile == Rocker && !c.settled(k, p.id, now) {
		c.ask(p, k, now, locked)
	}
	return heardUnknown
}

// authorise is the check of a locked port (net/bridge/br_input.c,
// br_handle_frame_finish): only a station whose row is here and not locked may
// send. With MAB the chip notes the others down as locked rows.
func (c *Chip) authorise(p *Port, dom *domain, src switchdev.MAC, vlan switchdev.VLAN, now int64, write bool) (again, pass bool) {
	k := makeRowKey(dom.id, switchdev.FDBKey{MAC: src, VLAN: vlan})
	r := c.rows.rows[k]
	mab := p.flags&switchdev.PortMAB != 0 && p.flags&switchdev.PortLearns != 0 && c.ageingOf(dom, p) != 0
	switch {
	case r == nil && mab && c.cfg.Hardware.Profile == Secure && c.settled(k, p.id, now):
		return false, false
	case r == nil && mab && !write:
		return true, false
	case r == nil && mab && c.cfg.Hardware.Profile == Secure:
		c.ask(p, k, now, true)
		return false, false
	case r == nil && mab:
		c.learn(nil, p, dom, k, now, true)
		return false, false
	case r == nil || r.port != p.id || r.flags&switchdev.FDBLocal != 0:
		return false, false
	case r.flags&switchdev.FDBLocked != 0:
		return mab && c.refresh(r, k, now, true, write), false
	}
	return false, true
}
