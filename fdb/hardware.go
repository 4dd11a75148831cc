package fdb

import (
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/internal/offload"
	"github.com/switchcore/switchcore/switchdev"
)

// row is what a device holds of an entry. Two entries that differ in nothing
// that hardware sees have the same row.
type row struct {
	port  uint16
	flags switchdev.FDBFlags
}

// The flags that hardware sees.
var rowFlags = [...]struct {
	hot  cam.Hot
	flag switchdev.FDBFlags
}{
	{cam.Static, switchdev.FDBStatic}, {cam.Local, switchdev.FDBLocal},
	{cam.Sticky, switchdev.FDBSticky}, {cam.Ext, switchdev.FDBExtern},
}

func rowOf(v overlay.Entry) row {
	r := row{port: v.Port()}
	for _, p := range rowFlags {
		if v.Has(p.hot) {
			r.flags |= p.flag
		}
	}
	return r
}

// asked returns the row that a device is asked to hold of an entry. Linux tells it who
// entered one, and of that it makes what it does when the entry leaves (added_by_user in
// br_switchdev_fdb_populate); see [QuirkLegacyOffload].
func (t *Table) asked(v overlay.Entry) row {
	r := rowOf(v)
	if t.cfg.Quirks.Has(QuirkLegacyOffload) && v.Has(cam.User) {
		r.flags |= switchdev.FDBUser
	}
	return r
}

// offloadable reports whether an entry is one for hardware: not those of locked
// ports, and not a user's dynamic ones, which hardware could not age as the
// user asked (net/bridge/br_switchdev.c, br_switchdev_fdb_notify).
func offloadable(v overlay.Entry) bool {
	if v.Has(cam.Locked) {
		return false
	}
	return !v.Has(cam.User) || v.Has(cam.Static) || v.Has(cam.Ext)
}

// device is one device of a table.
type device struct {
	Device
	name    string
	claims  claims
	lacking portSet // ports that it said are gone
	blocks  switchdev.FDBOffloader
	submits switchdev.FDBSubmitter
	dumper  switchdev.FDBDumper
	unbind  func()
	kick    chan struct{}
	audits  []*job        // wait for the device to be read
	lossy   lossy         // reports of the device were lost
	doubts  doubts        // rows of its own that it said are gone
	exited  chan struct{} // closed when the executor has ended
	call    limit         // of the batch that is out
	read    limit         // of the dump that is out
	reading bool          // a dump is out
	seen    deviceSeen    // how it was when hooks were told last
}

// limit is how a driver call that takes too long is ended.
type limit struct {
	cancel func()    // ends its ctx; nil if there is no call
	until  time.Time // when that is done, zero if not or if it was
}

// past cancels the call if its time is over at now.
func (l *limit) past(now time.Time) {
	if !l.until.IsZero() && !l.until.After(now) {
		l.until = time.Time{}
		l.cancel()
	}
}

// deviceTable is the table as its device engine sees it.
type deviceTable struct{ *Table }

// Row returns what the main table holds. Stations that are still pending are
// not in it, and reach the devices when they are applied.
func (t deviceTable) Row(key uint64) (row, bool, bool) {
	v, ok := t.main(cam.Key(key))
	if !ok || !offloadable(v) || slices.Contains(t.roamed, cam.Key(key)) {
		return row{}, false, false
	}
	return t.asked(v), v.Has(cam.User), true
}

// Claims reports whether a device is to hold a row: those of its ports, and the
// bridge's own addresses, which no device may forward elsewhere.
func (t deviceTable) Claims(dev int, _ uint64, r row) bool {
	c := &t.devs[dev].claims
	if r.flags&switchdev.FDBLocal != 0 && t.cfg.Quirks.Has(QuirkLegacyOffload) {
		return false // drivers ignore what Linux tells them of own addresses
	}
	return c.has(r.port) || r.flags&switchdev.FDBLocal != 0 && c.any()
}

// Done publishes an operation that the devices have carried out, or ends one
// that they have not.
func (t deviceTable) Done(d *offload.Op[uint64, row], err error) {
	o := d.Tag.(*op)
	if err != nil {
		t.finish(o, nil, named(err, o.verb.op(), o.entry.Key.String()))
		return
	}
	if o.same {
		t.finish(o, nil, nil)
		return
	}
	t.finish(o, &o.next, nil)
}

// Settled notes that the offload state of an entry may have changed. It waits until
// the changes of the table have been told: it is about an entry that subscribers
// know of.
func (t deviceTable) Settled(key uint64) {
	k := cam.Key(key)
	if len(t.changes) > 0 {
		t.unsettled = append(t.unsettled, k)
		return
	}
	v, ok := t.main(k)
	if !ok {
		return
	}
	if _, held := t.untold.get(k); held {
		t.untold.settled = append(t.untold.settled, k)
		return
	}
	if t.cfg.Quirks.Has(QuirkLegacyOffload) {
		if OffloadState(v.Offload) == Offloaded {
			return
		}
	} else if Owner(v.Owner) == OwnerDriver && t.orphan(k, v) {
		t.orphans = append(t.orphans, k)
	}
	state := OffloadNone
	switch on, failed := t.devices.State(key); {
	case on:
		state = Offloaded
	case failed:
		state = OffloadFailed
	}
	if OffloadState(v.Offload) != state {
		t.setOffload(k, v, state)
	}
}

// setOffload notes how an entry stands with hardware, and tells.
func (t *Table) setOffload(k cam.Key, v overlay.Entry, state OffloadState) {
	t.stations.Update(k, func(e overlay.Entry) overlay.Entry {
		e.Offload = uint8(state)
		return e
	})
	v.Offload = uint8(state)
	t.event(Event{Kind: OffloadChanged, Entry: t.entry(k, v), Op: v.Seq})
}

// fdbOp is an item of a batch in the words of the contract.
func (t *Table) fdbOp(dev int, it offload.Item[uint64, row]) switchdev.FDBOp {
	o := switchdev.FDBOp{
		Op:    switchdev.Op{Domain: t.devs[dev].Domain, Token: it.Token},
		Verb:  switchdev.FDBDelete,
		Entry: switchdev.FDBEntry{Key: keyOf(cam.Key(it.Key)), Port: switchdev.PortID(it.Row.port), Flags: it.Row.flags},
	}
	if it.Set {
		o.Verb = switchdev.FDBSet
	}
	if f := t.inFlight[cam.Key(it.Key)]; f != nil {
		o.Gen = switchdev.Generation(f.seq)
	} else if v, ok := t.main(cam.Key(it.Key)); ok {
		o.Gen = switchdev.Generation(v.Seq)
	}
	return o
}

// main returns what the main table holds for k, without its marks.
func (t *Table) main(k cam.Key) (overlay.Entry, bool) {
	ref, ok := t.stations.Main().Probe(k)
	if !ok {
		return overlay.Entry{}, false
	}
	return overlay.Entry{Hot: ref.Hot() &^ cam.Marks, Cold: ref.Cold()}, true
}
