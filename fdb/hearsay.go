package fdb

import (
	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// With [QuirkLegacyOffload] a table believes what devices that learn by themselves
// say, as Linux does, whoever an entry belongs to: br_fdb_external_learn_add and
// br_fdb_external_learn_del (net/bridge/br_fdb.c).

// believes reports whether a report is taken at its word.
func (t *Table) believes(r report) bool {
	return t.cfg.Quirks.Has(QuirkLegacyOffload) && t.devs[r.dev].Ages && !r.Locked
}

// believeLearned moves an entry to where a device has heard its station, sticky and
// the bridge's own ones too, and marks it as one from outside, whatever the ageing
// time is. What else it is it stays.
func (t *Table) believeLearned(r report) {
	k := camKey(r.Key)
	if r.Key.Check() != nil || r.Key.MAC.IsMulticast() || r.Port == switchdev.PortHost || t.gone.has(r.Port) {
		t.stats.objected.Add(1)
		return
	}
	old, seq := t.stations.Stage(k)
	switch {
	case seq == 0:
		t.devices.Suspect(r.dev, uint64(k))
		return
	case old.Hot == 0 && !t.stations.Reserve(k):
		t.stations.Finish(k, seq, nil)
		t.stats.objected.Add(1)
		return
	}
	const kept = Static | Local | Sticky | User | Notify
	owner := Owner(old.Owner)
	if old.Hot == 0 || owner == OwnerLearned {
		owner = OwnerDriver
	}
	next := packed(r.Port, flagsIn(&old)&kept|Extern, owner)
	t.takeOver(k, seq, old, next)
	if owner == OwnerDriver {
		t.devices.Own(r.dev, uint64(k), rowOf(next))
		return
	}
	// Whatever an entry is, it shows offload from now on (br_switchdev_event).
	t.flushChanges()
	if v, ok := t.main(k); ok && OffloadState(v.Offload) != Offloaded {
		t.setOffload(k, v, Offloaded)
	}
}

// believeAged removes an entry of which a device has removed a row, wherever the
// entry is by now, if it is one from outside.
func (t *Table) believeAged(r report) {
	k := camKey(r.Key)
	old, seq := t.stations.Stage(k)
	if seq == 0 {
		t.devices.Suspect(r.dev, uint64(k))
		return
	}
	if old.Hot == 0 || !old.Has(cam.Ext) {
		t.stations.Finish(k, seq, nil)
		return
	}
	t.stats.aged.Add(1)
	from := len(t.changes)
	t.stations.FinishFor(k, seq, &overlay.Entry{}, overlay.Expired)
	if OffloadState(old.Offload) == Offloaded {
		t.mark(seq, from, noteStaged)
	}
}
