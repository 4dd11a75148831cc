package fdb

import (
	"slices"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/switchdev"
)

// step takes one step.
func (w *world) step(c choice) {
	t := w.t
	if c.kind != stepSubmit {
		<-t.slot
		defer t.unlock()
	}
	switch c.kind {
	case stepSubmit:
		w.submit(c)
	case stepCommit:
		t.takeInbox(w.now)
		t.stageReady(w.now)
	case stepHear:
		for _, r := range t.reports.queue {
			if r.Kind == switchdev.ReportAged {
				w.devs[r.dev].aged[keyIndex(r.Key.Pack())] = false
			}
		}
		t.hear(w.now)
	case stepSeal:
		if t.maySeal(w.now) {
			t.stations.Seal()
		}
	case stepApply:
		before := t.stations.Pending().Sealed
		t.stations.Apply(1)
		w.that(before == 0 || t.stations.Pending().Sealed < before, "a station holds up its generation (rule 8)")
		if p := t.stations.Pending(); p.Sealed == 0 {
			t.stations.Apply(1) // nobody can tell when an empty one is taken away
		}
		t.flushChanges()
	case stepJobs:
		t.runJobs(w.now)
	case stepForm:
		w.form(int(c.a))
	case stepRush:
		w.form(int(c.a))
		w.finish(w.devs[c.a])
	case stepExec:
		w.execute(w.devs[c.a], stepExec)
	case stepReturn:
		w.finish(w.devs[c.a])
		w.giveBack(w.devs[c.a])
	case stepTime:
		w.times--
		w.pass()
	default:
		d := w.devs[c.a]
		if w.execute(d, c.kind); d.done == len(d.out.ops) {
			w.giveBack(d)
		}
	}
	w.settle()
}

// finish carries out what is left of the batch that is out.
func (w *world) finish(d *fakeDevice) {
	for d.out != nil && d.done < len(d.out.ops) {
		w.execute(d, stepExec)
	}
}

// giveBack lets the call return.
func (w *world) giveBack(d *fakeDevice) {
	b := d.out
	d.out, d.done = nil, 0
	w.t.take(b, w.now)
}

// pass lets time go on to where the table expects it.
func (w *world) pass() {
	w.now = w.t.next()
	w.t.clock.advance(w.now)
	w.t.lastNow = w.now
	if due := w.t.devices.Next(); !due.IsZero() && !due.After(w.now) {
		w.t.devices.Expire(w.now)
		w.t.flushChanges()
	}
	w.t.cancelCalls(w.now)
}

func (w *world) submit(c choice) {
	k := w.left[c.a]
	w.left = append(w.left[:c.a:c.a], w.left[c.a+1:]...)
	at := worldKeys[k.key]
	e := Entry{Key: at, Port: 1, Flags: Static}
	switch k.act {
	case doL1, doL2:
		port := uint8(1 + k.act - doL1)
		switch got := w.t.Learn(at, switchdev.PortID(port)); {
		case got == Barred:
			w.that(w.gone && port == 2, "Learn on port %d says %v", port, got)
		case got == Refused:
			w.that(w.vetoed[k.key]&(1<<port) != 0, "Learn on port %d says %v", port, got)
		case !got.Accepted() || w.gone && port == 2:
			w.fail("Learn says %v", got)
		default:
			w.oracle.learn(int(k.key), port)
		}
	case doA1:
		w.watch(k, w.t.SubmitAdd(e))
	case doR1:
		w.watch(k, w.t.SubmitReplace(e))
	case doR2:
		e.Port = 2
		w.watch(k, w.t.SubmitReplace(e))
	case doD:
		w.watch(k, w.t.SubmitDelete(at, 1))
	case doM:
		w.watch(k, w.t.SubmitRemove(at, 1))
	case doQ:
		w.gone = true
		w.watchFlush(k, w.t.SubmitRemovePort(2))
	case doF:
		w.watchFlush(k, w.t.SubmitFlush(Filter{}))
	case doP:
		w.watchFlush(k, w.t.SubmitFlush(OnPort(2)))
	case doG:
		d := w.devs[c.b]
		r := d.rows[k.key]
		d.rows[k.key], d.aged[k.key] = fakeRow{}, true
		w.forgetHeld(int(c.b), int(k.key))
		d.sink.Report(switchdev.Report{Kind: switchdev.ReportAged, Port: switchdev.PortID(r.port), Epoch: d.epoch, Key: at})
	case doX:
		d := w.devs[c.b]
		d.rows, d.epoch = [maxKeys]fakeRow{}, d.epoch+1
		for i := range maxKeys {
			w.forgetHeld(int(c.b), i)
		}
		d.sink.Report(switchdev.Report{Kind: switchdev.ReportReset, Epoch: d.epoch})
	case doC:
		w.closed = true
		_ = w.t.Close()
	}
}

func (w *world) form(dev int) {
	b := w.t.form(dev, w.now)
	if b == nil {
		return
	}
	d := w.devs[dev]
	if d.out != nil {
		w.fail("a second batch for device %d", dev)
	}
	for i, o := range b.ops {
		for _, p := range b.ops[:i] {
			if p.Entry.Key == o.Entry.Key {
				w.fail("key twice in one batch")
			}
		}
	}
	for _, x := range w.oracle.ops {
		for _, o := range b.ops {
			x.handed = x.handed || x.seq == uint64(o.Gen)
		}
	}
	w.oracle.count++
	d.out, d.done, d.formed = b, 0, w.oracle.count
}

// execute decides the next operation of the batch that is out.
func (w *world) execute(d *fakeDevice, kind stepKind) {
	o, r := &d.out.ops[d.done], &d.out.results[d.done]
	row := &d.rows[keyIndex(o.Entry.Key.Pack())]
	d.done++
	set := o.Verb == switchdev.FDBSet
	full := set && !row.on && w.p.capacity > 0 && d.count() >= w.p.capacity
	switch kind {
	case stepRefuse:
		w.refusals--
		r.Token, r.Err = o.Token, errRefused
		if set {
			r.Err = switchdev.ErrNoSpace
		}
		return
	case stepLose, stepMumble:
		w.losses--
		if kind == stepLose || full {
			return
		}
	case stepExec:
		r.Token, r.Epoch = o.Token, d.epoch
		if full {
			r.Err = switchdev.ErrNoSpace
			return
		}
	}
	for _, x := range w.oracle.ops {
		if x.seq != uint64(o.Gen) && keyIndex(o.Entry.Key.Pack()) == int(x.task.key) {
			x.kept[slices.Index(w.devs[:], d)] = false // a late call's doing
		}
	}
	*row = fakeRow{}
	if set {
		*row = fakeRow{on: true, port: uint8(o.Entry.Port), static: o.Entry.Flags&switchdev.FDBStatic != 0, gen: uint64(o.Gen), formed: d.formed}
	}
}

// heard reports whether the table knows of every reset of the device.
func (w *world) heard(dev int) bool {
	_, epoch := w.t.devices.Mark(dev)
	return epoch >= w.devs[dev].epoch
}

// toldAt checks that a station is told where it was learned only when the devices
// hold it there (I18).
func (w *world) toldAt(key int, port uint8) {
	if e, ok := w.t.main(worldCams[key]); !ok || uint8(e.Port()) != port || e.Has(cam.User) {
		return // another one has come over it
	}
	for dev, d := range w.devs {
		want := w.wanted(dev, key)
		w.that(!want.on || d.rows[key].same(want) || !d.rows[key].on && (d.aged[key] || !w.heard(dev)),
			"told on port %d, but device %d holds %+v (I18)", port, dev, d.rows[key])
	}
}
