package plant

import (
	"fmt"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
)

// noticed follows what the table did by itself, which only events tell of.
func (p *Plant) noticed(e fdb.Event) {
	k := e.Entry.Key
	p.last[k] = e
	if e.Kind == fdb.Vetoed {
		p.vetoed[k] = e.Entry.Port
	}
	p.owners(e.Entry)
	if e.Kind == fdb.Flushed {
		p.fairlyChosen(e)
	}
	if p.doubt[k] {
		return
	}
	switch {
	case e.Entry.Owner == fdb.OwnerDriver || e.Old.Owner == fdb.OwnerDriver:
		p.driven(e)
	case e.Kind == fdb.Aged:
		p.aged(e)
	case e.Kind == fdb.Flushed && p.chosen(k, oracle.Of(e.Entry)):
		p.doubt[k] = true
	case e.Kind == fdb.Vetoed:
		if !p.drops() || p.calm {
			p.w.Fail(invPolicy, "%s is vetoed, and no device has a reason", show(e.Entry))
		}
		p.doubt[k] = true
	case e.Kind == fdb.Changed && e.Entry.Flags&^e.Old.Flags == fdb.Inactive && e.Entry.Seq == e.Old.Seq: // no operation's
		p.silenced(e)
	}
}

// owners: whose an entry is goes with what it is.
func (p *Plant) owners(e fdb.Entry) {
	switch {
	case e.Owner == fdb.OwnerLearned && e.Flags&(fdb.User|fdb.Extern) != 0,
		e.Owner == fdb.OwnerDriver && e.Flags&(fdb.User|fdb.Extern) == 0,
		e.Owner == fdb.OwnerUser && e.Flags&fdb.User == 0:
		p.w.Fail(invOrder, "%s is of %v", show(e), e.Owner)
	}
}

// fairlyChosen: an entry that only a flush removed that chooses by the state in
// hardware was in the state that it chooses.
func (p *Plant) fairlyChosen(e fdb.Event) {
	k, v := e.Entry.Key, oracle.Of(e.Entry)
	any := false
	for _, l := range p.late {
		if !oracle.Concerns(l.filter, k, v) {
			continue
		}
		if any = true; chooses(l.filter, e.Entry) {
			return
		}
	}
	for _, j := range p.jobs {
		if j.flushes() && oracle.Selects(j.filter, k, v) {
			return
		}
	}
	if any && !p.drops() { // else it may have been selected where it was not told to be
		p.w.Fail(invFlush, "%s was flushed, and no flush chooses it", show(e.Entry))
	}
}

// chooses reports whether a flush that concerns an entry removes it when it is
// applied.
func chooses(f fdb.Filter, e fdb.Entry) bool {
	on := e.Offload == fdb.Offloaded
	if f.KeepExtern && e.Flags&fdb.Extern != 0 && !on {
		return false
	}
	return f.Mask&fdb.InHardware == 0 || on == (f.Flags&fdb.InHardware != 0)
}

// driven follows the entries of devices, which change as their rows do. One does
// not age out while a device has its row.
func (p *Plant) driven(e fdb.Event) {
	k := e.Entry.Key
	p.doubt[k] = true
	if e.Kind != fdb.Aged {
		return
	}
	for _, c := range p.chips {
		c.see()
		if port, on := c.own[k]; on && c.set.ages && port == e.Entry.Port && c.claims[port] && !c.unsure() {
			p.w.Fail(invAgeing, "%s aged out, and %s has its row", show(e.Entry), c.Name())
		}
	}
}

// aged: the sweep takes only what ages and is old enough.
func (p *Plant) aged(e fdb.Event) {
	k := e.Entry.Key
	v := p.model.Value(k)
	if !v.Ages() || !p.model.Overdue(v, p.tick(p.polled)) || p.model.Busy(k) {
		p.w.Fail(invAgeing, "%v, which is %v of %v, aged out", k, v, v.Updated.Sub(p.w.Start))
	}
	if !e.Entry.Stale {
		p.w.Fail(invAgeing, "%v aged out, and is not stale", k)
	}
	p.model.Remove(k)
}

// silenced: what is watched becomes inactive when it is old enough, unless
// somebody has asked for it.
func (p *Plant) silenced(e fdb.Event) {
	k := e.Entry.Key
	v := p.model.Value(k)
	if v.Has(fdb.Inactive) {
		return
	}
	if !v.Falls() || !p.model.Overdue(v, p.tick(p.polled)) || p.model.Busy(k) {
		p.w.Fail(invAgeing, "%v, which is %v of %v, became inactive", k, v, v.Updated.Sub(p.w.Start))
	}
	p.model.Silence(k)
}

// unnoticed follows what became of stations that nobody was told of: they come
// and go without an event where devices are asked first.
func (p *Plant) unnoticed() {
	if !p.drops() {
		return
	}
	for _, k := range p.keys {
		v := p.model.Value(k)
		if !v.Ages() || !p.model.Overdue(v, p.tick(p.polled)) || len(p.queues[k]) > 0 {
			continue
		}
		if _, ok := p.table.Lookup(k); !ok && !p.told(k).Present {
			p.model.Remove(k)
		}
	}
}

// chosen reports whether a flush that chooses when it is applied may have removed
// an entry.
func (p *Plant) chosen(k fdb.Key, v oracle.Value) bool {
	for _, l := range p.late {
		if oracle.Concerns(l.filter, k, v) && !oracle.Selects(l.filter, k, v) {
			return true
		}
	}
	return false
}

// choices finds the stations that such flushes removed before anybody was told of
// them.
func (p *Plant) choices() {
	if len(p.late) == 0 {
		return
	}
	for _, k := range p.keys {
		v := p.model.Value(k)
		if _, ok := p.table.Lookup(k); ok || !p.chosen(k, v) {
			continue
		}
		p.doubt[k] = true
	}
}

// show is an entry in full; its String is that of its key.
func show(e fdb.Entry) string {
	if e == (fdb.Entry{}) {
		return "nothing"
	}
	return fmt.Sprintf("%v %v %v seq %d", e.Key, oracle.Of(e), e.Offload, e.Seq)
}
