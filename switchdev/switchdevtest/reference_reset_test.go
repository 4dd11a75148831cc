package switchdevtest

import (
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

func (d *reference) Limits() switchdev.Limits {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.limits
	if d.has("limits/constant") {
		l.FDB = 1000 + len(d.rows)
	}
	return l
}

func (d *reference) Usage() switchdev.Usage {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := switchdev.Usage{FDB: len(d.rows), VLANs: len(d.vlans), LAGs: len(d.lags)}
	if d.has("limits/usage") {
		u.FDB += d.deletes
	}
	return u
}

func (d *reference) Epoch() switchdev.Epoch { return switchdev.Epoch(d.epoch.Load()) }

func (d *reference) Reset(context.Context) (switchdev.Epoch, error) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return 0, switchdev.ErrClosed
	}
	old := d.life
	d.life = newRefLife()
	old.end()
	epoch := switchdev.Epoch(d.epoch.Add(1))
	if d.has("reset/epoch") {
		epoch = switchdev.Epoch(d.epoch.Add(1))
	}
	if !d.has("reset/clears") {
		d.clear()
	}
	d.report(switchdev.Report{Kind: switchdev.ReportReset})
	if d.has("reset/reported-once") {
		d.report(switchdev.Report{Kind: switchdev.ReportReset})
	}
	d.mu.Unlock()
	if !d.has("reset/no-late-effect") {
		<-old.idle
	}
	d.drain()
	return epoch, nil
}

func (d *reference) Bind(sink switchdev.Sink) func() {
	b := &refBinding{sink}
	d.mu.Lock()
	d.sinks = append(slices.Clone(d.sinks), b)
	d.mu.Unlock()
	return func() {
		d.delivering <- struct{}{}
		defer func() { <-d.delivering }()
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.has("report/unbind") {
			return
		}
		i := slices.Index(d.sinks, b)
		if i < 0 && d.has("report/unbind-twice") {
			i = 0
		}
		if i >= 0 {
			d.sinks = slices.Delete(slices.Clone(d.sinks), i, i+1)
		}
	}
}

// report queues a report, under the mutex.
func (d *reference) report(r switchdev.Report) {
	r.Epoch = switchdev.Epoch(d.epoch.Load())
	switch d.bug {
	case "report/epoch":
		r.Epoch = 0
	case "report/learned":
		r.Port++
	}
	d.outbox = append(d.outbox, r)
	if n := len(d.outbox); d.has("report/in-order") && n > 1 {
		d.outbox[n-1], d.outbox[n-2] = d.outbox[n-2], d.outbox[n-1]
	}
}

// drain makes the queued reports, in order, without the mutex.
func (d *reference) drain() {
	d.delivering <- struct{}{}
	defer func() { <-d.delivering }()
	if d.has("report/no-lock") {
		d.nameLock <- struct{}{}
		defer func() { <-d.nameLock }()
	}
	for {
		d.mu.Lock()
		outbox, sinks := d.outbox, d.sinks
		d.outbox = nil
		d.mu.Unlock()
		if len(outbox) == 0 {
			return
		}
		if d.has("report/every-sink") && len(sinks) > 1 {
			sinks = sinks[:1]
		}
		for _, r := range outbox {
			for _, b := range sinks {
				b.sink.Report(r)
			}
		}
	}
}
