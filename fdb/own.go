package fdb

import (
	"errors"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// Entries of devices that learn and age by themselves (Device.Ages), and of
// rows that were found in a device (Device.Adopt). Such an entry is in hardware
// because the device made its row, and it leaves when the row does.

// ownLearned acts on a device's report that it learned a station by itself.
// Linux: br_fdb_external_learn_add with swdev_notify false.
func (t *Table) ownLearned(r report) {
	k, match := camKey(r.Key), func(w row) bool { return w.port == uint16(r.Port) }
	if t.deaf() || r.Key.Check() != nil || r.Key.MAC.IsMulticast() || r.Port == switchdev.PortHost {
		t.stats.objected.Add(1)
		return
	}
	if !r.Locked && t.devices.Told(r.dev, uint64(k), match) {
		t.Learn(r.Key, r.Port) // it was told to hold the row, and says that the station still sends
		return
	}
	old, seq := t.stations.Stage(k)
	if seq == 0 { // an operation is in flight: a frame was seen, and what the device holds is open
		if !r.Locked {
			t.Learn(r.Key, r.Port)
		}
		t.devices.Suspect(r.dev, uint64(k))
		return
	}
	next, verdict := t.owned(k, old, r)
	switch verdict {
	case ownNot:
		t.stations.Finish(k, seq, nil)
		t.stats.objected.Add(1)
		t.devices.Suspect(r.dev, uint64(k))
		return
	case ownSeen:
		t.stations.Finish(k, seq, nil)
		t.Learn(r.Key, r.Port)
		t.devices.Suspect(r.dev, uint64(k))
		return
	}
	t.takeOver(k, seq, old, next)
	if !next.Has(cam.Locked) {
		t.devices.Own(r.dev, uint64(k), rowOf(next))
	}
}

// takeOver makes an entry of an operation that the table has begun itself.
func (t *Table) takeOver(k cam.Key, seq uint64, old, next overlay.Entry) {
	next.Seq, next.Hot = seq, next.WithStamp(t.clock.tick())
	t.inheritOffload(&next, &old)
	if old.Hot != 0 && sameEntry(&old, &next) {
		t.stations.Finish(k, seq, nil)
		t.stations.Update(k, func(e overlay.Entry) overlay.Entry {
			e.Hot = e.WithStamp(max(e.Stamp(), next.Stamp()))
			return e
		})
		return
	}
	t.stations.Finish(k, seq, &next)
}

// ownVerdict is what becomes of a device's station.
type ownVerdict uint8

const (
	ownYes  ownVerdict = iota // the entry is the device's
	ownSeen                   // somebody else's: the report is a frame that was seen
	ownNot                    // there is to be no such row in the device
)

// owned says what entry a device's station makes of what there is, on which an
// operation is in flight.
func (t *Table) owned(k cam.Key, old overlay.Entry, r report) (overlay.Entry, ownVerdict) {
	f := Extern
	if r.Locked {
		f |= Locked
	}
	next := packed(r.Port, f, OwnerDriver)
	switch {
	case t.gone.has(r.Port), old.Has(cam.Local):
		return next, ownNot
	case r.Locked && old.Hot != 0 && (!old.Has(cam.Locked) || old.Port() != uint16(r.Port)):
		return next, ownNot // EINVAL in Linux
	case old.Hot == 0:
		if !t.stations.Reserve(k) {
			return next, ownNot // ENOMEM in Linux
		}
	case old.Has(cam.User) || old.Owner != uint8(OwnerLearned) && old.Owner != uint8(OwnerDriver):
		return next, ownSeen
	case old.Has(cam.Static): // adopted
		next.Hot |= cam.Static
	}
	return next, ownYes
}

// aged acts on a device's report that a row aged out. An entry that the device
// owns leaves with its row; where the device can be read that is looked up first
// (rules 25 and 26).
func (t *Table) aged(r report, now time.Time) {
	k, d := camKey(r.Key), t.devs[r.dev]
	match := func(w row) bool { return w.port == uint16(r.Port) }
	v, ok := t.main(k)
	own := ok && v.Owner == uint8(OwnerDriver) && v.Port() == uint16(r.Port)
	if _, epoch := t.devices.Mark(r.dev); own && v.Has(cam.Locked) && d.Ages && r.Epoch == epoch {
		d.doubts.add(k, v) // it has no row that the table drives
	} else if !t.devices.Aged(r.dev, uint64(k), r.Epoch, match, now) {
		return
	} else {
		d.doubts.add(k, v)
	}
	if d.dumper == nil {
		t.resolveDoubts(r.dev, func(cam.Key) bool { return false })
	}
}

// doubts are the rows of a device's own that it said aged out, until it is read.
type doubts struct {
	keys  []doubt
	at    time.Time // when it may be read for that, at the earliest
	tries uint
}

type doubt struct {
	key cam.Key
	seq uint64 // of the entry
	// inHardware: it was, before the device said that the row is gone.
	inHardware bool
}

func (d *doubts) add(k cam.Key, v overlay.Entry) {
	d.keys = append(d.keys, doubt{k, v.Seq, OffloadState(v.Offload) == Offloaded})
}

func (d *doubts) due(now time.Time) bool { return len(d.keys) > 0 && !d.at.After(now) }

// read notes how a dump went. The next one that is due to doubts alone is made a
// pause later, so that a device that ages rows one by one is not read for each.
func (d *doubts) read(t *Table, err error) {
	if err == nil {
		d.tries = 0
	} else {
		d.tries = min(d.tries+1, maxPausesLog)
	}
	d.at = t.now().Add(t.cfg.Hardware.Retry << d.tries)
}

// resolveDoubts ends the doubts about a device: present says which rows there
// are. The caller holds the slot.
func (t *Table) resolveDoubts(dev int, present func(cam.Key) bool) {
	keys := t.devs[dev].doubts.keys
	t.devs[dev].doubts.keys = nil
	for _, x := range keys {
		if present(x.key) {
			t.devices.Verify(dev, uint64(x.key), true)
			t.devices.Touch(uint64(x.key))
		} else {
			t.disown(dev, x)
		}
	}
	t.flushChanges()
}

// disown removes the entry of a row that its device no longer has, unless it is
// another one by now, or in somebody's hands.
func (t *Table) disown(dev int, x doubt) {
	old, seq := t.stations.Stage(x.key)
	if seq == 0 {
		t.devices.Trust(dev, uint64(x.key))
		return
	}
	t.devices.Verify(dev, uint64(x.key), false)
	if old.Hot == 0 || old.Seq != x.seq || old.Owner != uint8(OwnerDriver) || t.devices.Owned(uint64(x.key)) {
		t.stations.Finish(x.key, seq, nil)
		t.devices.Touch(uint64(x.key))
		return
	}
	t.stats.aged.Add(1)
	from := len(t.changes)
	t.stations.FinishFor(x.key, seq, &overlay.Entry{}, overlay.Expired)
	if x.inHardware {
		t.mark(seq, from, noteStaged)
	}
}

// judgeDoubts ends the doubts about a device that has been read, from mark on.
func (t *Table) judgeDoubts(dev int, mark uint64, rows map[uint64]row, err error) {
	d := t.devs[dev]
	switch {
	case len(d.doubts.keys) == 0:
	case errors.Is(err, errors.ErrUnsupported):
		t.resolveDoubts(dev, func(cam.Key) bool { return false })
	case err == nil:
		var later []doubt
		now := d.doubts.keys[:0:0]
		for _, x := range d.doubts.keys {
			v, ok := t.main(x.key)
			doubted, sure := t.devices.Doubted(dev, uint64(x.key), mark)
			switch {
			case sure, ok && v.Has(cam.Locked) && v.Seq == x.seq:
				now = append(now, x)
			case doubted:
				later = append(later, x)
			}
		}
		d.doubts.keys = now
		t.resolveDoubts(dev, func(k cam.Key) bool {
			w, ok := rows[uint64(k)]
			v, there := t.main(k)
			return ok && there && w.port == v.Port()
		})
		d.doubts.keys = append(later, d.doubts.keys...)
	}
	d.doubts.read(t, err)
}

// orphan reports whether an entry of a device's lost the row that it was: the
// device was reset, or was told to hold the row and ages it no more.
func (t *Table) orphan(k cam.Key, v overlay.Entry) bool {
	const kept = cam.User | cam.Static | cam.Local | cam.Locked
	return v.Hot&kept == 0 && v.Has(cam.Ext) && !t.devices.Owned(uint64(k))
}

// judgeOrphans makes the entries of devices that have no row of their own any
// more learned ones, which the table ages. The stations were there a moment ago,
// and nobody's frames are to flood because a device lost its tables.
func (t *Table) judgeOrphans() {
	for len(t.orphans) > 0 && len(t.changes) == 0 {
		k := t.orphans[0]
		t.orphans = t.orphans[1:]
		if v, ok := t.main(k); !ok || v.Owner != uint8(OwnerDriver) || !t.orphan(k, v) {
			continue
		}
		old, seq := t.stations.Stage(k)
		if seq == 0 {
			continue // looked at again when the operation has ended
		}
		if old.Owner != uint8(OwnerDriver) || !t.orphan(k, old) {
			t.stations.Finish(k, seq, nil)
			continue
		}
		next := old
		next.Hot &^= cam.Ext
		next.Owner = uint8(OwnerLearned)
		t.takeOver(k, seq, old, next)
	}
}

// adopt makes a row of which the table knows nothing an entry of its device, and
// returns the row that it is then.
func (t *Table) adopt(r row, k cam.Key) (row, bool) {
	if r.flags&switchdev.FDBLocal != 0 || r.port == 0 || t.gone.has(switchdev.PortID(r.port)) || keyOf(k).Check() != nil {
		return row{}, false
	}
	old, seq := t.stations.Stage(k)
	if seq == 0 {
		return row{}, false
	}
	if old.Hot != 0 || !t.stations.Reserve(k) {
		t.stations.Finish(k, seq, nil)
		return row{}, false
	}
	f := Extern
	if r.flags&switchdev.FDBStatic != 0 {
		f |= Static
	}
	if r.flags&switchdev.FDBSticky != 0 {
		f |= Sticky
	}
	next := packed(switchdev.PortID(r.port), f, OwnerDriver)
	t.takeOver(k, seq, old, next)
	return rowOf(next), true
}
