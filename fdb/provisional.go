package fdb

import (
	"time"

	"github.com/google/btree"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// With Learning.Vetoed = PolicyRefuse a learned station is provisional until the
// devices that claim it hold it: lookups find it, and nobody is told. So a frame
// that was accepted never floods its answer, however slow hardware is, and no
// subscriber hears of a station that hardware did not take.

// provisional is a station of the main table that has not been told.
type provisional struct {
	key cam.Key
	// told is what subscribers know of the station, nothing if Hot is 0.
	told overlay.Entry
}

// untold are the provisional stations. They are used with the slot held.
type untold struct {
	on  bool // Learning.Vetoed is PolicyRefuse
	of  *btree.BTreeG[provisional]
	new int // of which nothing at all is known

	// settled are those whose standing with the devices may have changed.
	settled []cam.Key
	pauses  pauses
}

func (u *untold) get(k cam.Key) (provisional, bool) {
	if u.of == nil || u.of.Len() == 0 {
		return provisional{}, false
	}
	return u.of.Get(provisional{key: k})
}

func (u *untold) put(p provisional) {
	if u.of == nil {
		u.of = btree.NewG(32, func(a, b provisional) bool { return a.key < b.key })
	}
	if _, had := u.of.ReplaceOrInsert(p); !had && p.told.Hot == 0 {
		u.new++
	}
}

func (u *untold) drop(p provisional) {
	if _, had := u.of.Delete(p); had && p.told.Hot == 0 {
		u.new--
	}
}

// veil is what a snapshot needs to know of the provisional stations.
type veil struct {
	of  *btree.BTreeG[provisional]
	new int
}

// freeze returns the provisional stations as they are, at a cost that does not
// depend on their number.
func (u *untold) freeze() veil {
	if u.of == nil || u.of.Len() == 0 {
		return veil{}
	}
	return veil{u.of.Clone(), u.new}
}

// entry returns what is shown instead of the entry that the main table holds.
func (s veil) entry(k cam.Key, v overlay.Entry) (overlay.Entry, bool) {
	if s.of != nil {
		if p, ok := s.of.Get(provisional{key: k}); ok {
			return p.told, p.told.Hot != 0
		}
	}
	return v, true
}

// withhold returns which changes are told now, and as what. The caller holds the
// slot.
func (t *Table) withhold(changes []overlay.Change) []overlay.Change {
	if !t.untold.on {
		return changes
	}
	var out []overlay.Change
	for _, c := range changes {
		p, held := t.untold.get(c.Key)
		was := c.Old
		if held {
			c.Old = p.told
			if c.Old.Hot != 0 && (c.Cause == overlay.Expired || t.stale(c.Old.Hot)) {
				c.Old.Hot |= expired
			}
		}
		switch {
		case c.New.Hot != 0 && t.asks(c):
			if c.Old.Hot != 0 {
				t.tellAll(out)
				out = nil
			}
			t.suspend(c)
			continue
		case held:
			t.untold.drop(p)
			if c.Cause == overlay.Withdrawn {
				t.tellAll(out)
				out = nil
				t.tellVetoed(c, was)
				continue
			}
			if c.Old.Hot == 0 && c.New.Hot == 0 {
				continue // it came and went, and nobody knew
			}
			if c.Old.Hot != 0 && c.New.Hot != 0 && sameEntry(&c.Old, &c.New) {
				continue // it went and came back
			}
		}
		out = append(out, c)
	}
	return out
}

// suspend makes a station provisional. What was told of it stays, unless that is on
// a port that was removed, of which nothing is to be shown.
func (t *Table) suspend(c overlay.Change) {
	if p, held := t.untold.get(c.Key); held {
		t.untold.drop(p)
	}
	if c.Old.Hot != 0 && t.gone.has(switchdev.PortID(c.Old.Port())) {
		e := t.entryOf(c.Key, c.Old)
		t.event(Event{Kind: Flushed, Op: c.Seq, Entry: e, Old: e, Before: e.Offload})
		c.Old = overlay.Entry{}
	}
	if c.Old.Offload != 0 { // which the devices do not hold any more
		c.Old.Offload = 0
		t.event(Event{Kind: OffloadChanged, Entry: t.entryOf(c.Key, c.Old), Op: c.Old.Seq})
	}
	c.Old.Hot &^= expired
	t.untold.put(provisional{c.Key, c.Old})
}

// unshow tells that stations whose last place that was told is on a port that was
// removed have left it; they may have been seen on another one since, of which
// nothing is told yet. seq is the number of the removal.
func (t *Table) unshow(port uint16, seq uint64) {
	if t.untold.of == nil {
		return
	}
	var shown []provisional
	t.untold.of.Ascend(func(p provisional) bool {
		if p.told.Hot != 0 && p.told.Port() == port {
			shown = append(shown, p)
		}
		return true
	})
	for _, p := range shown {
		t.untold.drop(p)
		t.untold.put(provisional{key: p.key})
		e := t.entry(p.key, p.told)
		t.event(Event{Kind: Flushed, Op: seq, Entry: e, Old: e, Before: e.Offload})
	}
}

func (t *Table) tellAll(changes []overlay.Change) {
	if len(changes) > 0 {
		t.tell(changes)
	}
}

// asks reports whether a change waits for the devices before it is told: it is a
// frame's doing, and a device claims what came of it.
func (t *Table) asks(c overlay.Change) bool {
	if c.Cause != overlay.Learned && c.Cause != overlay.Roamed {
		return false
	}
	if c.New.Owner != uint8(OwnerLearned) || c.New.Has(cam.User) || !offloadable(c.New) {
		return false
	}
	for dev := range t.devs {
		if (deviceTable{t}).Claims(dev, uint64(c.Key), rowOf(c.New)) {
			return true
		}
	}
	return false
}

// tellVetoed tells that a device refused a learned station.
func (t *Table) tellVetoed(c overlay.Change, refused overlay.Entry) {
	e := Event{Kind: Vetoed, Op: c.Seq, Entry: t.entryOf(c.Key, refused)}
	if c.Old.Hot != 0 {
		e.Old, e.Before = t.entryOf(c.Key, c.Old), before(&c)
	}
	t.event(e)
}

// settle acts on what became of rows while the engine was at work, which it may
// not be disturbed in. It waits for changes that have not been told, its own
// included: what it decides is about the entries that subscribers know of. The
// caller holds the slot.
func (t *Table) settle() {
	for len(t.unsettled) > 0 && len(t.changes) == 0 {
		k := t.unsettled[0]
		t.unsettled = t.unsettled[1:]
		deviceTable{t}.Settled(uint64(k))
	}
	t.judgeSettled()
	t.judgeOrphans()
}

// judgeSettled decides about the provisional stations of which the devices have
// said something. Changes are told first: what is provisional may be so no more.
func (t *Table) judgeSettled() {
	for len(t.untold.settled) > 0 && len(t.changes) == 0 {
		k := t.untold.settled[0]
		t.untold.settled = t.untold.settled[1:]
		p, held := t.untold.get(k)
		v, ok := t.main(k)
		if !held || !ok {
			continue
		}
		switch taken, refusal := t.devices.Verdict(uint64(k)); {
		case taken:
			t.untold.drop(p)
			if p.told.Hot == 0 || !sameEntry(&p.told, &v) {
				t.tell([]overlay.Change{{Key: k, Old: p.told, New: v, Cause: overlay.Learned, Seq: v.Seq}})
			}
			deviceTable{t}.Settled(uint64(k))
		case refusal != nil:
			t.veto(k, v, refusal)
		}
	}
}

// veto takes a station that a device refused out of the main table, and keeps
// frames from bringing it back at once.
func (t *Table) veto(k cam.Key, v overlay.Entry, err error) {
	if t.stations.Busy(k) {
		return // whoever has it looks again when he is through
	}
	pause := t.untold.pauses.next(k, v.Port(), t.cfg.Hardware.Retry, t.now())
	t.stations.Veto(k, v.Port(), t.clock.tick()+uint64((pause+tickLength-1)/tickLength))
	if _, ok := t.stations.Withdraw(k, v.Seq, nil); !ok {
		return
	}
	t.stats.vetoed.Add(1)
	t.logRefusal(refusal{key: keyOf(k), err: named(err, "fdb.learn", keyOf(k).String()), learned: true})
}

// pauses remember how often a station was refused on a port, so that each pause
// is longer than the one before. They are bounded: the oldest make room.
type pauses struct {
	of    map[cam.Key]pause
	order []cam.Key
}

type pause struct {
	port  uint16
	tries uint
	until time.Time // after which it is forgotten
}

const maxRemembered = 4096

// next returns how long a station is not to be learned on a port.
func (s *pauses) next(k cam.Key, port uint16, first time.Duration, now time.Time) time.Duration {
	if s.of == nil {
		s.of = make(map[cam.Key]pause)
	}
	p, ok := s.of[k]
	if !ok {
		s.order = append(s.order, k)
		if len(s.order) > maxRemembered {
			delete(s.of, s.order[0])
			s.order = s.order[1:]
		}
	}
	if ok && p.port == port && now.Before(p.until) {
		p.tries = min(p.tries+1, maxPausesLog)
	} else {
		p = pause{port: port}
	}
	d := first << p.tries
	p.until = now.Add(d + maxPauses*first)
	s.of[k] = p
	return d
}

// provisionalEntry returns what is shown of k, which lookups find as v.
func (t *Table) provisionalEntry(k cam.Key, v overlay.Entry) (overlay.Entry, bool) {
	if !t.untold.on {
		return v, true
	}
	<-t.slot
	defer t.unlock()
	if p, held := t.untold.get(k); held {
		return p.told, p.told.Hot != 0
	}
	return v, true
}
