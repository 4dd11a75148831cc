package plant

import (
	"context"
	"errors"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/switchdev"
)

// Check implements [sim.Part].
func (p *Plant) Check() {
	p.checks++
	p.poll() // what the step submitted
	p.answers()
	p.flags()
	p.conserved()
	for i := range p.set.ports {
		if port := switchdev.PortID(i + 1); p.empty[port] {
			p.nothingLeft(port)
		}
	}
	p.superseded()
	if p.calm && p.quiet() {
		p.rows(false)
	}
	p.judged()
	if p.checks%8 == 0 {
		p.same()
	}
}

// judged: where what devices refuse is dropped, nothing stays without being told
// when they have all answered, and with what everybody understands.
func (p *Plant) judged() {
	if !p.drops() || !p.quiet() {
		return
	}
	s := p.table.Stats()
	if s.Pending > 0 || s.Hardware.Unknown > 0 {
		return
	}
	for _, d := range p.table.Devices() {
		if d.Queued+d.InFlight > 0 {
			return
		}
	}
	for _, k := range p.keys {
		if told, want := p.told(k), p.model.Value(k); !p.doubt[k] && told.Present != want.Present {
			p.w.Fail(invPolicy, "%v is %v, and nobody was told but %v", k, want, told)
		}
	}
}

// poll brings the table to the present without time going by.
func (p *Plant) poll() {
	for p.Poll(p.w.Now) {
	}
}

// answers compares what Lookup and Get say with the oracle, for every station.
func (p *Plant) answers() {
	for _, k := range p.keys {
		if p.doubt[k] {
			if len(p.queues[k]) == 0 {
				p.adopt(k)
			}
			continue
		}
		want := p.model.Value(k)
		hit, ok := p.table.Lookup(k)
		if ok != want.Present || ok && (hit.Port != want.Port || hit.Flags != want.Hit()) {
			p.w.Fail(invBlind, "Lookup(%v) = %v on %v, %v, want %v", k, hit.Flags, hit.Port, ok, want)
		}
		e, err := p.table.Get(context.Background(), k)
		if got, ok := p.got(e, err); got != want && !(ok && p.drops() && got.Same(p.told(k))) {
			p.w.Fail(invBlind, "Get(%v) = %s of %v, %v, want %v of %v", k, show(e), e.Updated.Sub(p.w.Start), err, want, want.Updated.Sub(p.w.Start))
		}
		p.overdue(k, want)
	}
}

// got is what Get returned; ok is false if that was an error that it may not be.
func (p *Plant) got(e fdb.Entry, err error) (v oracle.Value, ok bool) {
	if err != nil {
		return oracle.Value{}, errors.Is(err, switchdev.ErrNotExist)
	}
	v = oracle.Of(e)
	if stale := v.Ages() && p.model.Overdue(v, p.tick(p.polled)); stale != e.Stale {
		p.w.Fail(invAgeing, "%s is stale: %v, want %v", show(e), e.Stale, stale)
	}
	return v, true
}

// overdue: an entry whose time is over leaves soon, unless it is in somebody's
// hands.
func (p *Plant) overdue(k fdb.Key, v oracle.Value) {
	hold := p.model.Hold
	if hold < 0 || !v.Ages() && !v.Falls() || len(p.queues[k]) > 0 {
		return
	}
	if hold == fdb.NoLearning {
		hold = 0
	}
	// One pass of the sweep is a hundredth of the hold later at most.
	since := v.Updated.Add(hold)
	for _, at := range [...]time.Time{p.grace, p.freed[k]} {
		if at.After(since) {
			since = at
		}
	}
	if late := p.polled.Sub(since); late > hold/50+p.set.delay+200*time.Millisecond && !p.pending() {
		p.w.Fail(invAgeing, "%v is %v, last heard of at %v, and is still there", k, v, v.Updated.Sub(p.w.Start))
	}
}

// pending reports whether flushes are under way, which the sweep gives way to.
func (p *Plant) pending() bool {
	for _, j := range p.jobs {
		if j.flushes() {
			return true
		}
	}
	return false
}

// flags: an entry that is offloaded is on every device that claims it, with
// nothing under way (rule 24).
func (p *Plant) flags() {
	unsure, any := make([]bool, len(p.chips)), false
	for i, c := range p.chips {
		unsure[i] = c.unsure()
		any = any || unsure[i]
	}
	for _, k := range p.keys {
		e, ok := p.follower.state[k]
		if !ok || e.Offload != fdb.Offloaded {
			continue
		}
		if o := p.first(k); o != nil && o.Staged {
			p.w.Fail(invOffload, "%v is offloaded while %v is in flight", k, o.Verb)
		}
		v, claims := oracle.Of(e), 0
		for i, c := range p.chips {
			want, ok := c.wants(v)
			if !ok {
				continue
			}
			claims++
			if unsure[i] || c.set.ages && e.Flags&fdb.Static == 0 {
				continue // what it ages out by itself it tells of later
			}
			if !c.has(k, v, want) {
				row, on := c.look()[k]
				p.w.Fail(invOffload, "%v is %v and offloaded, and %s holds %+v %v", k, v, c.Name(), row, on)
			}
		}
		if claims == 0 && !any && e.Owner != fdb.OwnerDriver {
			p.w.Fail(invOffload, "%v is %v and offloaded, and no device claims it", k, v)
		}
	}
}

// first returns the operation on k whose turn it is.
func (p *Plant) first(k fdb.Key) *userOp {
	if q := p.queues[k]; len(q) > 0 {
		return q[0]
	}
	return nil
}

// conserved: what was accepted has become of something.
func (p *Plant) conserved() {
	s := p.table.Stats()
	l := s.Learning
	if sum := l.Applied + l.Coalesced + l.Superseded + l.Rejected + uint64(s.Pending); l.Accepted != sum {
		p.w.Fail(invConserve, "accepted %d, accounted for %d: %+v, %d pending", l.Accepted, sum, l, s.Pending)
	}
	if s.Entries != len(p.follower.state) && !p.drops() {
		p.w.Fail(invOrder, "%d entries, %d by the events", s.Entries, len(p.follower.state))
	}
	p.counts(s.Learned)
	if n := p.set.pending; n > 0 && s.Pending > n+len(p.keys) { // moves are not bounded
		p.w.Fail(invBounds, "%d pending, at most %d", s.Pending, n)
	}
}

// counts: as many are counted as there are, and no more than the limit; after it
// was lowered, no more than there were.
func (p *Plant) counts(learned int) {
	n := 0
	for _, k := range p.keys {
		if p.told(k).Counted() {
			n++
		}
	}
	if learned != n && !p.drops() {
		p.w.Fail(invLimit, "%d are counted as learned, and there are %d", learned, n)
	}
	if most := max(p.set.max, p.learned); p.set.max > 0 && learned > most {
		p.w.Fail(invLimit, "%d are learned of %d", learned, most)
	}
	p.learned = max(learned, p.model.Counted()+p.waiting)
}

// superseded: a device that refuses the new row of a station lets go of the old
// one, or frames would go where the station no longer is.
func (p *Plant) superseded() {
	if !p.quiet() {
		return
	}
	for i, d := range p.table.Devices() {
		c := p.chips[i]
		if len(c.faults)+d.Failed+d.Queued+d.InFlight == 0 && !c.unsure() {
			c.clings = false
		}
		if c.clings || c.unsure() || d.Queued+d.InFlight > 0 || d.Breaker != fdb.BreakerClosed || d.Epoch != c.Epoch() {
			continue
		}
		rows := c.look()
		for _, k := range p.keys {
			row, on := rows[k]
			want, ok := c.wants(p.told(k))
			if on && ok && row != want && p.follower.state[k].Offload == fdb.OffloadFailed && !c.has(k, p.told(k), want) {
				p.w.Fail(invConverge, "%s refuses %+v for %v, and keeps %+v", c.Name(), want, k, row)
			}
		}
	}
}

// same: the snapshot is what the events told.
func (p *Plant) same() {
	snap := p.table.Snapshot()
	n := 0
	for e := range snap.All() {
		n++
		told, ok := p.follower.state[e.Key]
		if !ok || !oracle.Of(told).Same(oracle.Of(e)) || told.Offload != e.Offload || told.Owner != e.Owner {
			p.w.Fail(invOrder, "the snapshot has %s, the events told %s", show(e), show(told))
		}
		if one, ok := snap.Lookup(e.Key); !ok || one != e {
			p.w.Fail(invOrder, "the snapshot has %s, its Lookup says %s", show(e), show(one))
		}
	}
	if n != len(p.follower.state) || n != snap.Len() || n != p.table.Len() && !p.drops() || snap.Seq() != p.follower.seq {
		p.w.Fail(invOrder, "%d in the snapshot, Len %d and %d, %d by the events; number %d and %d",
			n, snap.Len(), p.table.Len(), len(p.follower.state), snap.Seq(), p.follower.seq)
	}
}

// rows: every device holds exactly what main wants. At rest an entry may be
// missing where a device is full, and then says so.
func (p *Plant) rows(rest bool) {
	for _, c := range p.chips {
		if c.unsure() {
			continue
		}
		rows, known := c.look(), 0
		for _, k := range p.keys {
			e := p.follower.state[k]
			want, ok := c.wants(p.told(k))
			row, on := rows[k]
			if on {
				known++
			}
			if ok && c.has(k, p.told(k), want) {
				continue
			}
			refused := rest && ok && !on && c.full() && e.Offload == fdb.OffloadFailed
			if (on != ok || row != want) && !refused {
				p.w.Fail(invConverge, "%s holds %+v %v for %v (and on port %v of its own), want %+v %v", c.Name(), row, on, k, c.own[k], want, ok)
			}
		}
		if known != len(rows) {
			p.w.Fail(invConverge, "%s holds %v, and there are no such stations", c.Name(), rows)
		}
	}
}

var _ switchdev.Sink = (*chip)(nil)
