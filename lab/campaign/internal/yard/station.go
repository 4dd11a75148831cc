package yard

import (
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// sighting is where a station was accepted last, and nothing has happened since that
// would let it be forgotten.
type sighting struct {
	port switchdev.PortID
	at   time.Time
}

// arrival is a station and a number that it was heard by.
type arrival struct {
	mac  switchdev.MAC
	port switchdev.PortID
}

// arrive notes that a number, and the port that has it as a link, heard a station.
func (y *Yard) arrive(in switchdev.PortID, p *port, m *message) {
	y.heard[arrival{m.src, in}] = y.lives[in]
	if p != nil && p.ID != in {
		y.heard[arrival{m.src, p.ID}] = y.lives[p.ID]
	}
	if c := y.chipOf(in); c != nil { // of a group that the bridge has lost or does not have yet
		for _, id := range y.groupsOf(c) {
			y.heard[arrival{m.src, id}] = y.lives[id]
		}
	}
}

// learned checks what the table did with a source, and notes it.
func (y *Yard) learned(p *port, k fdb.Key, got fdb.Learned, f *finding, b before) {
	off := y.table.Hold() == fdb.NoLearning
	switch {
	case !f.learns && !f.asks || off:
		if got != fdb.Ignored {
			y.w.Fail(invPath, "%v on %v is %v, and nothing was to be learned", k, p.ID, got)
		}
		return
	case got == fdb.Barred && !y.pulled[p.ID] && y.now.up && !y.stray(p.ID):
		y.w.Fail(invPath, "%v on %v is %v", k, p.ID, got)
	case !f.learns || !got.Accepted() || got == fdb.Own || got == fdb.Kept:
		return
	case got == fdb.Ignored:
		y.w.Fail(invPath, "%v on %v is %v", k, p.ID, got)
	}
	hit, ok := y.table.Lookup(k)
	if !ok || hit.Port != p.ID && hit.Flags&(fdb.Sticky|fdb.Local) == 0 {
		y.w.Fail(invFlood, "%v on %v is %v, and Lookup says %+v, %v", k, p.ID, got, hit, ok)
	}
	if y.tracks(k) {
		y.seen[k] = sighting{p.ID, y.polled}
	}
}

// tracks reports whether the table may not leave a station out for reasons that
// are not seen from here.
func (y *Yard) tracks(k fdb.Key) bool {
	return y.set.max == 0 && fdb.Policy(y.set.vetoLearned) != fdb.PolicyRefuse && k.MAC != y.station(0) && k.MAC[1] == 0xaa
}

// forget notes that stations may not be known any more.
func (y *Yard) forget(which func(fdb.Key, switchdev.PortID) bool) {
	for k, s := range y.seen {
		if which(k, s.port) {
			delete(y.seen, k)
		}
	}
}

func (y *Yard) forgetAll() { clear(y.seen) }

func (y *Yard) forgetPort(id switchdev.PortID) {
	y.forget(func(_ fdb.Key, p switchdev.PortID) bool { return p == id })
}

// unintended: a frame for a station that was accepted, and that nothing let go
// since, was flooded.
func (y *Yard) unintended(k fdb.Key) {
	s, ok := y.seen[k]
	hold := y.table.Hold()
	if y.set.stp == int(bridge.STPKernel) && (hold < 0 || hold > forwardDelay) {
		hold = forwardDelay // the topology may have changed meanwhile
	}
	if !ok || hold == fdb.NoLearning || hold >= 0 && y.polled.Sub(s.at) > hold-hold/50-20*time.Millisecond {
		return
	}
	if p := y.now.port(s.port); p == nil || !p.runs() {
		return
	}
	y.w.Fail(invFlood, "a frame for %v, which was heard on %v %v ago, is flooded", k, s.port, y.polled.Sub(s.at))
}

// stray reports whether reports of the port's chip came late: one that a port of that
// number is gone is not to be told from one of the present port, if it was no member.
func (y *Yard) stray(id switchdev.PortID) bool {
	c := y.chipOf(id)
	p := y.now.port(id)
	return c != nil && (c.strayed || p != nil && p.Device == "") // see pull: the table keeps the number of a port that went
}
