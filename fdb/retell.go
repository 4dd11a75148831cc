package fdb

import (
	"slices"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// What an operation says of the change that it makes.
const (
	noteRespelt uint8 = 1 << iota // Linux tells it whatever has changed
	noteUntold                    // nobody is told
	noteStaged                    // the entry was in hardware when it was staged
)

// before is how the entry stood with hardware before the operation began.
func before(c *overlay.Change) OffloadState {
	if c.Note&noteStaged != 0 {
		return Offloaded
	}
	return OffloadState(c.Old.Offload)
}

// annotate sets what the operation says of its change.
func (o *op) annotate(d decision) {
	if d.retell {
		o.note |= noteRespelt
	}
	if o.quiet {
		o.note |= noteUntold
	}
	if o.inHardware {
		o.note |= noteStaged
	}
}

// mark notes something of the change that the operation of a number has made, which
// is among those from a place on.
func (t *Table) mark(seq uint64, from int, note uint8) {
	if note == 0 {
		return
	}
	for i := from; i < len(t.changes); i++ {
		if c := &t.changes[i]; c.Seq == seq && (c.Cause == overlay.Operated || c.Cause == overlay.Expired) {
			c.Note = note
			t.muted = t.muted || note&noteUntold != 0
		}
	}
}

// loud returns the changes that are told.
func (t *Table) loud(changes []overlay.Change) []overlay.Change {
	if !t.muted {
		return changes
	}
	var out []overlay.Change
	for _, c := range changes {
		if c.Note&noteUntold == 0 {
			out = append(out, c)
		} else {
			t.muted = false
		}
	}
	return out
}

// retell tells of an operation that found the entry as it wants it, if that is to
// be told.
func (t *Table) retell(o *op) {
	if o.note&noteRespelt == 0 {
		return
	}
	t.flushChanges()
	v, ok := t.main(o.key)
	if _, held := t.untold.get(o.key); !ok || held {
		return
	}
	e := Event{Kind: Changed, Op: o.seq, Entry: t.entry(o.key, v), Respelt: true}
	if e.Old, e.Before = e.Entry, e.Entry.Offload; o.inHardware {
		e.Before = Offloaded
	}
	t.event(e)
}

// inheritOffload lets an entry that takes the place of old stand with hardware where
// that did, before anybody has looked; see [QuirkLegacyOffload].
func (t *Table) inheritOffload(next, old *overlay.Entry) {
	if t.cfg.Quirks.Has(QuirkLegacyOffload) && old.Hot != 0 && OffloadState(old.Offload) == Offloaded {
		next.Offload = uint8(Offloaded)
	}
}

// withdraws reports whether an entry's row is withdrawn from where it was, although the
// table leaves rows behind, when a frame or a use has moved it: that of what a user has
// entered. Linux: br_fdb_update tells of the entry as of one that is deleted, and then of
// the new one; see [QuirkLegacyOffload].
func (t *Table) withdraws(old overlay.Entry) bool {
	return t.cfg.Quirks.Has(QuirkLegacyOffload) && old.Has(cam.User) && offloadable(old)
}

// arrive lets stations that have moved go to the devices, from which they were withdrawn.
func (t *Table) arrive() {
	for i := 0; i < len(t.roamed); {
		k := t.roamed[i]
		if !t.devices.Clear(uint64(k)) {
			i++
			continue
		}
		t.roamed = slices.Delete(t.roamed, i, i+1)
		t.devices.Touch(uint64(k))
	}
}

// Abandons reports whether a row that is wanted no more is left in the device. Those
// of an entry that has gone are withdrawn, unless it went with its port. See
// [QuirkLegacyOffload].
func (t deviceTable) Abandons(_ int, key uint64, r row) bool {
	if !t.cfg.Quirks.Has(QuirkLegacyOffload) {
		return false
	}
	_, exists := t.main(cam.Key(key))
	return exists && !slices.Contains(t.roamed, cam.Key(key)) || t.gone.has(switchdev.PortID(r.port))
}
