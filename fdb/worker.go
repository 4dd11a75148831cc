package fdb

import (
	"time"
)

// chunk is how much the worker does before it lets others have the slot.
const (
	chunkRecords  = 256  // pending stations
	chunkEntries  = 2048 // entries looked at by a flush or the sweep
	chunkSegments = 16   // segments of the main table looked at by a join
)

// now is the table's precise time: the clock's on a Manual table.
func (t *Table) now() time.Time {
	if t.cfg.Manual {
		return t.clock.now()
	}
	return time.Now()
}

// nudge tells the worker, or whoever calls Poll, that there is work.
func (t *Table) nudge() {
	if t.kicked.raise() {
		signal(t.kick)
	}
}

// Wake returns a channel that gets a token when there is work before the time
// that Poll returned last. It is for programs that drive a Manual table.
func (t *Table) Wake() <-chan struct{} { return t.kick }

// Poll does everything that is due at now and returns when there will be more,
// the zero time if nothing is to be expected. It never waits, except inside a
// driver that has only the blocking role. Time never goes back: an earlier now
// counts as the latest. Poll is for Manual tables, on others it does nothing;
// calls are serialised.
func (t *Table) Poll(now time.Time) (next time.Time) {
	if !t.cfg.Manual {
		return time.Time{}
	}
	t.clock.advance(now)
	now = t.clock.now()
	for worked := true; worked; {
		t.kicked.clear()
		<-t.slot
		worked = t.step(now)
		for _, b := range t.completed.take() {
			t.take(b, now)
			worked = true
		}
		var calls []*batch
		for i := range t.devs {
			if b := t.form(i, now); b != nil {
				calls = append(calls, b)
			} else if t.devices.Pending(i, now) {
				worked = true // what forming staged
			}
		}
		for i, d := range t.devs {
			if t.auditDue(d, now) {
				t.audit(i)
				worked = true
			}
		}
		next = t.next()
		t.wakeAt = next
		t.unlock()
		for _, b := range calls {
			t.start(t.devs[b.call.Dev], b)
			worked = true
		}
	}
	t.outbox.deliver()
	return next
}

// startWorkers starts the goroutines of a table that is not Manual.
func (t *Table) startWorkers() {
	t.running.Go(t.work)
	t.running.Go(t.tick)
	for i, d := range t.devs {
		d.exited = make(chan struct{})
		go t.execute(i)
	}
}

// work is the worker: it does what is due, a chunk at a time, and sleeps until
// there is more.
func (t *Table) work() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		t.kicked.clear()
		if t.lock(t.stopped) != nil {
			return
		}
		now := time.Now()
		worked := t.step(now)
		next := t.next()
		t.wakeAt = next
		t.unlock()
		if worked {
			continue
		}
		timer.Reset(until(now, next))
		select {
		case <-t.kick:
		case <-timer.C:
		case <-t.stopped.Done():
			return
		}
	}
}

func until(now, next time.Time) time.Duration {
	if next.IsZero() {
		return time.Hour
	}
	return max(next.Sub(now), 0)
}

// tick keeps the coarse clock. It calls nobody, so no device can stop time.
func (t *Table) tick() {
	ticker := time.NewTicker(t.period())
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			t.clock.advance(now)
		case <-t.clock.changed:
			ticker.Reset(t.period())
		case <-t.stopped.Done():
			return
		}
	}
}

// period is how coarse the clock is: a hundredth of the hold time, between one
// tick and a second.
func (t *Table) period() time.Duration {
	if hold := t.Hold(); hold > 0 {
		return min(max(hold/100, tickLength), time.Second)
	}
	return time.Second
}

// step does one chunk of everything that is due and reports whether it did
// anything. The caller holds the slot.
func (t *Table) step(now time.Time) bool {
	t.lastNow = now
	if t.closed {
		return false
	}
	worked := t.commit(now)
	worked = t.learnStep(now) || worked
	worked = t.runJobs(now) || worked
	worked = t.sweep.step(t, now) || worked
	if due := t.devices.Next(); !due.IsZero() && !due.After(now) {
		t.devices.Expire(now)
		t.flushChanges()
		worked = true // it may have freed a flush
	}
	if t.devices.Renewing() {
		t.devices.Renew(now)
		t.flushChanges()
		worked = true
	}
	t.cancelCalls(now)
	return t.stageReady(now) || worked
}

// learnStep seals the open generation when its time has come and applies a
// chunk of the sealed one.
func (t *Table) learnStep(now time.Time) bool {
	if !t.stations.Sealed() {
		if !t.maySeal(now) || !t.stations.Seal() {
			return false
		}
		t.traceSealed(now)
	}
	applied := t.stations.Apply(chunkRecords)
	t.flushChanges()
	if applied {
		t.traceApplied()
	}
	return true
}

// maySeal reports whether the open generation has been open long enough.
func (t *Table) maySeal(now time.Time) bool {
	if !t.stations.Fresh() {
		// Who learns from here on tells; who learned before it could is seen.
		t.sealing.Store(false)
		if !t.stations.Fresh() {
			t.sealAt = time.Time{}
			return false
		}
	}
	if t.sealAt.IsZero() {
		t.sealAt = now.Add(t.cfg.Learning.Delay)
	}
	t.sealing.Store(true)
	if t.deaf() { // what was learned before is to leave
		t.sealAt = now
	}
	if t.sealAt.After(now) {
		return false
	}
	// What is learned after the generation is sealed belongs to the next.
	t.sealing.Store(false)
	t.sealAt = time.Time{}
	return true
}

// next returns when step has something to do by the clock alone.
func (t *Table) next() (next time.Time) {
	earlier := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	earlier(t.devices.Next())
	earlier(t.sweep.due)
	earlier(t.sealAt)
	for _, j := range t.jobs {
		if j.ran {
			earlier(j.deadline)
		}
	}
	for i, d := range t.devs {
		if d.lossy.on && !t.inside(i) { // else the executor looks when it is back
			earlier(d.lossy.at)
		}
		if len(d.doubts.keys) > 0 && !t.inside(i) {
			earlier(d.doubts.at)
		}
		earlier(d.call.until)
		earlier(d.read.until)
	}
	return next
}
