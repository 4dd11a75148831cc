package fdb

import (
	"sync"
	"time"

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
	switch r.Kind {
	case switchdev.ReportLearned:
		if !r.Locked && t.deviceTableClaims(r.dev, r.Port) {
			t.Learn(r.Key, r.Port)
		}
	case switchdev.ReportAged:
		match := func(w row) bool { return w.port == uint16(r.Port) }
		t.devices.Aged(r.dev, r.Key.Pack(), r.Epoch, match, now)
	case switchdev.ReportReset:
		t.devices.Reset(r.dev, r.Epoch, now)
	case switchdev.ReportSpace:
		t.devices.Space(r.dev, now)
	}
}

func (t *Table) deviceTableClaims(dev int, p switchdev.PortID) bool {
	c := &t.devs[dev].claims
	_, ok := c.ports[uint16(p)]
	return c.all || ok
}
