package fdb

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/switchdev"
)

// maxReports bounds what devices may have reported and the worker not yet heard.
const maxReports = 8192

// reports queues what devices say. Its lock is a leaf, so a driver may report
// from anywhere.
type reports struct {
	mu    sync.Mutex
	queue []report
	lossy []bool // by device: reports were lost, a dump is due
}

type report struct {
	dev int
	switchdev.Report
}

// sink is what a device of a table reports to.
type sink struct {
	t   *Table
	dev int
}

// Report queues r. What finds the queue full is counted, and the device is read
// afterwards.
func (s sink) Report(r switchdev.Report) {
	q := &s.t.reports
	q.mu.Lock()
	full := len(q.queue) >= maxReports
	if full {
		for len(q.lossy) <= s.dev {
			q.lossy = append(q.lossy, false)
		}
		q.lossy[s.dev] = true
	} else {
		q.queue = append(q.queue, report{s.dev, r})
	}
	q.mu.Unlock()
	if full {
		s.t.stats.lost.Add(1)
	}
	s.t.nudge()
}

func (q *reports) take() []report {
	q.mu.Lock()
	defer q.mu.Unlock()
	queue := q.queue
	q.queue = nil
	return queue
}

// hear acts on what devices reported. The caller holds the slot.
func (t *Table) hear(now time.Time) bool {
	queue := t.reports.take()
	t.auditLossy()
	for _, r := range queue {
		t.stats.reports.Add(1)
		if r.aboutRow() && r.Domain != t.devs[r.dev].Domain {
			continue
		}
		t.heard(r, now)
		t.flushChanges()
	}
	return len(queue) > 0
}

// aboutRow reports whether the report concerns one domain and not the device.
func (r report) aboutRow() bool {
	return r.Kind == switchdev.ReportLearned || r.Kind == switchdev.ReportAged || r.Kind == switchdev.ReportFlushed
}

func (t *Table) heard(r report, now time.Time) {
	if r.aboutRow() && !t.current(r, now) {
		return
	}
	switch r.Kind {
	case switchdev.ReportLearned:
		switch d := t.devs[r.dev]; {
		case !d.claims.has(uint16(r.Port)): // another table's
			t.elsewhere(r, now)
		case t.believes(r):
			t.believeLearned(r)
		case d.Ages:
			t.ownLearned(r)
		case r.Locked:
		default:
			switch t.Learn(r.Key, r.Port) {
			case Kept, Own, Barred: // and the device has made a row that is not to be
				t.devices.Suspect(r.dev, r.Key.Pack())
			}
		}
	case switchdev.ReportAged:
		if t.believes(r) {
			t.believeAged(r)
			return
		}
		t.aged(r, now)
	case switchdev.ReportFlushed:
		t.dropped(r.dev, r.Port, r.Key.VLAN)
	case switchdev.ReportReset:
		t.devices.Reset(r.dev, r.Epoch, now)
	case switchdev.ReportSpace:
		t.devices.Space(r.dev, now)
	case switchdev.ReportPortGone:
		if t.current(r, now) {
			t.lost(r.dev, r.Port)
		}
	}
}

// elsewhere acts on a device's report that a station is on a port that is not the
// table's: a row that the table believes it to have for it is not there any more.
func (t *Table) elsewhere(r report, now time.Time) {
	v, ok := t.main(camKey(r.Key))
	if r.Locked || !ok || !t.devs[r.dev].claims.has(v.Port()) {
		return
	}
	r.Port = switchdev.PortID(v.Port())
	t.aged(r, now)
}

// current reports whether a report is of the device's epoch. One of a newer epoch
// is the notice of a reset; one of an older epoch is about tables that are no
// more, and is counted.
func (t *Table) current(r report, now time.Time) bool {
	_, epoch := t.devices.Mark(r.dev)
	if r.Epoch > epoch {
		t.devices.Reset(r.dev, r.Epoch, now)
	}
	if r.Epoch != 0 && r.Epoch < epoch {
		t.stats.stale.Add(1)
		return false
	}
	return true
}

// dropped acts on a device's report that it dropped what it had learned on a
// port, or on all of its ports if that is 0: entries that live by frames, and
// those of a control plane or a device that are in hardware, leave, and what is
// left of the rows there is not believed any more. Linux: br_fdb_delete_by_port
// for SWITCHDEV_FDB_FLUSH_TO_BRIDGE.
func (t *Table) dropped(dev int, p switchdev.PortID, vlan switchdev.VLAN) {
	c := &t.devs[dev].claims
	flush := func(f Filter) {
		f.VLAN = vlan
		match := func(k uint64, r row) bool {
			return (!f.OnPort || r.port == uint16(f.Port)) && (vlan == 0 || keyOf(cam.Key(k)).VLAN == vlan)
		}
		t.submitFlush("fdb.flushed", f, nil, func(j *job) bool {
			last := t.devices.Distrust(dev, j.walkOf(t, dev), match)
			t.flushChanges()
			return last
		})
	}
	switch {
	case vlan > switchdev.MaxVLAN, p != 0 && !c.has(uint16(p)):
		t.stats.stale.Add(1)
	case p != 0:
		flush(OnPort(p))
	case c.all:
		flush(Filter{Mask: Static | Local, KeepExtern: true})
	default:
		for _, q := range slices.Sorted(maps.Keys(c.ports)) {
			flush(OnPort(switchdev.PortID(q)))
		}
	}
}
