package fdb

import (
	"errors"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// oracle knows what Lookup has to say (rule 2): the fold, in the order in which
// they were accepted or staged, of all learns and flushes and of the operations
// that have ended with nil. It has its own count and looks at no number of the
// table's.
type oracle struct {
	count   int
	keys    [maxKeys]keyHistory
	ops     []*watched
	flushes []*flushing
}

// value is an entry as the oracle sees it. Static ones are a user's.
type shown struct {
	on     bool
	port   uint8
	static bool
}

// keyHistory is what has happened to a key: base, and then the facts. A fact in
// front of which no operation is in flight is folded into base.
type keyHistory struct {
	base  shown
	facts []pastFact
}

type pastFact struct {
	kind deed // doL1 for any learn, doF, doP; doR1 for an operation
	port uint8
	op   *watched
}

// watched is an operation under way.
type watched struct {
	task   task
	ticket *Ticket
	staged bool
	seq    uint64 // the table's, to know its rows
	at     shown  // what it was staged against
	want   shown  // what it makes of that
	refuse error  // what it has to be refused with
	had    [numDevs]fakeRow
	kept   [numDevs]bool // the row had has not been lost since
	handed bool          // a device was handed something meanwhile
}

// flushing is a flush under way.
type flushing struct {
	act     deed
	ticket  *Ticket
	at      int               // the oracle's count when it was accepted
	killed  [maxKeys]shown    // what it killed
	overran [maxKeys]*watched // operations that were in flight then
}

func (o *oracle) learn(key int, port uint8) {
	o.count++
	o.keys[key].facts = append(o.keys[key].facts, pastFact{kind: doL1, port: port})
	o.compact()
}

// covers reports whether a flush removes a value.
func covers(f deed, v shown) bool {
	return v.on && (f == doF || v.port == 2 && (!v.static || f == doQ))
}

func (f pastFact) apply(v shown) shown {
	switch f.kind {
	case doL1:
		if !v.on {
			return shown{on: true, port: f.port}
		}
		v.port = f.port
		return v
	case doF, doP, doQ:
		if covers(f.kind, v) {
			return shown{}
		}
	}
	return v
}

// fold returns what Lookup has to say of a key.
func (o *oracle) fold(key int) shown {
	v := o.keys[key].base
	for _, f := range o.keys[key].facts {
		v = f.apply(v)
	}
	return v
}

// compact folds what nothing can come before any more.
func (o *oracle) compact() {
	for i := range o.keys {
		h := &o.keys[i]
		for len(h.facts) > 0 && h.facts[0].op == nil {
			h.base = h.facts[0].apply(h.base)
			h.facts = h.facts[1:]
		}
	}
}

// end takes an operation out of its key's keyHistory: with its result if it ended
// well, without a trace if not.
func (o *oracle) end(w *watched, ok bool) {
	h := &o.keys[w.task.key]
	for i := range h.facts {
		if h.facts[i].op != w {
			continue
		}
		rest := append([]pastFact(nil), h.facts[i+1:]...)
		if ok { // nothing is in front of the operation
			h.base = w.want
		}
		h.facts = rest
		break
	}
	o.compact()
}

func (w *world) watch(k task, ticket *Ticket) {
	w.oracle.ops = append(w.oracle.ops, &watched{task: k, ticket: ticket})
}

func (w *world) watchFlush(k task, ticket *Ticket) {
	o := &w.oracle
	o.count++
	f := &flushing{act: k.act, ticket: ticket, at: o.count}
	for i := range w.p.keys {
		if v := o.fold(i); covers(k.act, v) {
			f.killed[i] = v
		}
		for _, x := range o.ops {
			if x.staged && int(x.task.key) == i && covers(k.act, x.want) {
				f.overran[i] = x
			}
		}
		o.keys[i].facts = append(o.keys[i].facts, pastFact{kind: k.act})
	}
	o.flushes = append(o.flushes, f)
	o.compact()
}

// forgetHeld notes that a device lost a row by itself.
func (w *world) forgetHeld(dev, key int) {
	for _, x := range w.oracle.ops {
		if int(x.task.key) == key {
			x.kept[dev] = false
		}
	}
}

// settle looks at what a step has brought about.
func (w *world) settle() {
	o := &w.oracle
	live := o.ops[:0]
	for _, x := range o.ops {
		state := x.ticket.state.Load()
		if !x.staged && state != ticketQueued {
			w.stagedNow(x)
		}
		if state != ticketOver {
			live = append(live, x)
			continue
		}
		w.ended(x)
	}
	for i := len(live); i < len(o.ops); i++ {
		o.ops[i] = nil
	}
	o.ops = live
	flushes := o.flushes[:0]
	for _, f := range o.flushes {
		if f.ticket.state.Load() != ticketOver {
			flushes = append(flushes, f)
			continue
		}
		w.flushed(f)
	}
	o.flushes = flushes
}

// stagedNow decides an operation against what Lookup said when it was staged
// (rule 5, I7).
func (w *world) stagedNow(x *watched) {
	key := int(x.task.key)
	for _, y := range w.oracle.ops {
		if y != x && y.staged && y.task.key == x.task.key && y.ticket.state.Load() != ticketOver {
			w.fail("two operations in flight for one key (rule 4)")
		}
	}
	x.staged, x.at = true, w.oracle.fold(key)
	if op := w.t.inFlight[worldCams[key]]; op != nil && op.ticket == x.ticket {
		x.seq = op.seq
	}
	switch x.task.act {
	case doA1:
		x.want = shown{true, 1, true}
		if x.at.on {
			x.refuse = switchdev.ErrExist
		}
	case doR1:
		x.want = shown{true, 1, true}
	case doR2:
		x.want = shown{true, 2, true}
	case doD, doM:
		if !x.at.on || x.at.port != 1 {
			x.refuse = switchdev.ErrNotExist
		}
	}
	if w.gone && x.task.act == doR2 {
		x.refuse = switchdev.ErrPortGone
	}
	for i, d := range w.devs {
		x.had[i], x.kept[i] = d.rows[key], true
	}
	w.oracle.keys[key].facts = append(w.oracle.keys[key].facts, pastFact{kind: doR1, op: x})
}

// ended checks an outcome (promise 1).
func (w *world) ended(x *watched) {
	err := x.ticket.Err()
	if !x.staged { // withdrawn or refused without being looked at
		w.that(errors.Is(err, switchdev.ErrClosed) && w.closed, "ended with %v without being staged", err)
		return
	}
	defer w.oracle.end(x, err == nil)
	key := int(x.task.key)
	switch {
	case w.closed && errors.Is(err, switchdev.ErrClosed):
		if x.seq == 0 {
			return
		}
	case x.refuse != nil:
		w.that(errors.Is(err, x.refuse), "%v: %v, Lookup said %v: want %v (I7)", x.task, err, x.at, x.refuse)
		return
	}
	if x.task.act == doM || w.p.soft && x.task.act != doD && !w.closed {
		w.that(err == nil || w.closed, "%v: %v, whatever devices say", x.task, err)
		return
	}
	w.that(!errors.Is(err, switchdev.ErrExist) && !errors.Is(err, switchdev.ErrNotExist), "%v: %v, but Lookup said %v (I7)", x.task, err, x.at)
	for i, d := range w.devs {
		r, claims := d.rows[key], x.want.on && claimed(w.p.layout, i, x.want.port)
		excused := d.aged[key] || !w.heard(i)
		switch {
		case err == nil && claims:
			w.that(r.same(rowOfValue(x.want)) || excused && !r.on, "%v: nil, device %d holds %+v (promise 1)", x.task, i, r)
		case err == nil:
			w.that(!r.on, "%v: nil, device %d still holds %+v (rule 15)", x.task, i, r)
		case errors.Is(err, switchdev.ErrOutcomeUnknown):
			w.that(x.handed, "%v: %v, but nothing was handed over (rule 19)", x.task, err)
		default:
			before := x.at.on && claimed(w.p.layout, i, x.at.port)
			stale := r.on && x.seq != 0 && r.gen == x.seq && !(before && r.same(rowOfValue(x.at)))
			w.that(!stale, "%v: %v, device %d keeps its row %+v (rule 16)", x.task, err, i, r)
			lost := before && x.kept[i] && x.had[i].same(rowOfValue(x.at)) && !r.same(x.had[i])
			w.that(!lost, "%v: %v, device %d had %+v and has %+v (rule 16)", x.task, err, i, x.had[i], r)
		}
	}
}

func rowOfValue(v shown) fakeRow { return fakeRow{on: v.on, port: v.port, static: v.static} }

// flushed checks a flush that is over (rules 9, 11).
func (w *world) flushed(f *flushing) {
	err := f.ticket.Err()
	for i := range w.p.keys {
		if x := f.overran[i]; x != nil && !w.closed {
			w.that(x.ticket.state.Load() == ticketOver, "flush over before %v that it covers (rule 11)", x.task)
		}
		if err != nil || !f.killed[i].on {
			continue
		}
		for dev, d := range w.devs {
			r := d.rows[i]
			if f.act == doQ {
				w.that(!r.on || r.port != 2, "port 2 is removed, device %d holds %+v (I23)", dev, r)
				w.that(d.out == nil || !slices.ContainsFunc(d.out.ops, func(o switchdev.FDBOp) bool {
					return o.Verb == switchdev.FDBSet && o.Entry.Port == 2
				}), "port 2 is removed, and a call is out for it (I23)")
			}
			old := r.same(rowOfValue(f.killed[i])) && r.formed < f.at
			w.that(!old || w.wanted(dev, i).same(r), "flush over, device %d still holds %+v", dev, r)
		}
	}
}

// wanted is what the main table wants a device to hold.
func (w *world) wanted(dev, key int) fakeRow {
	e, ok := w.t.main(worldCams[key])
	if !ok || !claimed(w.p.layout, dev, uint8(e.Port())) {
		return fakeRow{}
	}
	r := rowOf(e)
	return fakeRow{on: true, port: uint8(r.port), static: r.flags&switchdev.FDBStatic != 0}
}

func (w *world) that(ok bool, format string, args ...any) {
	if !ok {
		w.fail(format, args...)
	}
}

// check looks at everything that has to hold at every instant.
func (w *world) check() {
	w.readEvents()
	for i := range w.p.keys {
		v := w.oracle.fold(i)
		hit, ok := w.t.Lookup(worldKeys[i])
		got := shown{ok, uint8(hit.Port), hit.Flags&Static != 0}
		w.that(got == v, "Lookup of key %d says %v, the fold is %v (rule 2)", i, got, v)
		if w.closed {
			continue // there are no events any more
		}
		e, ok := w.t.main(worldCams[i])
		if p, held := w.t.untold.get(worldCams[i]); held {
			w.that(ok && w.p.drop, "key %d is provisional and not in main", i)
			e, ok = p.told, p.told.Hot != 0
		}
		ev := &w.events[i]
		w.that(ok == (ev.Kind != 0), "key %d in main: %v, in the events: %v", i, ok, ev.Kind)
		if !ok {
			continue
		}
		m := w.t.entry(worldCams[i], e)
		w.that(m.Port == ev.Entry.Port && m.Flags == ev.Entry.Flags && m.Offload == ev.Entry.Offload && m.Owner == ev.Entry.Owner,
			"main holds %+v, the events say %+v", m, ev.Entry)
		if m.Offload == Offloaded && !w.closed {
			w.offloaded(i)
		}
	}
}

// offloaded checks rule 24.
func (w *world) offloaded(key int) {
	w.that(w.t.inFlight[worldCams[key]] == nil, "offloaded while an operation is in flight (rule 24)")
	claims := 0
	for dev, d := range w.devs {
		want := w.wanted(dev, key)
		if !want.on {
			continue
		}
		claims++
		w.that(d.rows[key].same(want) || !d.rows[key].on && (d.aged[key] || !w.heard(dev)), "offloaded, but device %d holds %+v (rule 24)", dev, d.rows[key])
		if d.out != nil {
			for _, o := range d.out.ops {
				w.that(o.Entry.Key != worldKeys[key], "offloaded with a call out (rule 24)")
			}
		}
	}
	w.that(claims > 0, "offloaded, and nobody claims it")
}

// readEvents follows the events (rule 3, I10).
func (w *world) readEvents() {
	for w.closed || w.t.ring.Last() != w.lastSeq {
		e, ok, err := w.sub.TryNext()
		if err != nil && !(w.closed && errors.Is(err, switchdev.ErrClosed)) {
			w.fail("events: %v", err)
		}
		if !ok || err != nil {
			return
		}
		w.that(e.Seq > w.lastSeq, "event %d after %d (rule 3)", e.Seq, w.lastSeq)
		w.lastSeq = e.Seq
		key := keyIndex(e.Entry.Key.Pack())
		was := w.events[key].Kind != 0
		old := &w.events[key].Entry
		switch {
		case e.Kind == Vetoed:
			w.veto(key, e)
			w.that(was == (e.Old != Entry{}) && (!was || old.Port == e.Old.Port && old.Flags == e.Old.Flags), "%v of %+v, known is %+v", e.Kind, e.Old, *old)
			w.events[key] = Event{}
			continue
		case e.Kind == Added:
			w.that(!was, "Added twice")
		case e.Kind.Removes():
			w.that(was && old.Port == e.Old.Port && old.Flags == e.Old.Flags, "%v of %+v, known is %+v", e.Kind, e.Old, *old)
			w.events[key] = Event{}
			continue
		case e.Kind == OffloadChanged:
			w.that(was && old.Port == e.Entry.Port && old.Flags == e.Entry.Flags, "offload of %+v, known is %+v", e.Entry, *old)
		default:
			w.that(was && old.Port == e.Old.Port && old.Flags == e.Old.Flags, "%v of %+v, known is %+v", e.Kind, e.Old, *old)
		}
		w.events[key] = e
		if w.p.drop && (e.Kind == Added || e.Kind == MovedTo) && e.Entry.Owner == OwnerLearned {
			w.toldAt(key, uint8(e.Entry.Port))
		}
	}
}

// veto follows what a refusal does to a learned station: it may go, unless a later
// frame has brought it back.
func (w *world) veto(key int, e Event) {
	h := &w.oracle.keys[key]
	w.vetoed[key] |= 1 << e.Entry.Port
	w.that(w.p.drop && e.Entry.Flags == 0 && len(h.facts) == 0, "%+v is vetoed (I18)", e.Entry)
	if _, ok := w.t.Lookup(worldKeys[key]); !ok && h.base.on { // no flush has covered it already
		w.that(!h.base.static && h.base.port == uint8(e.Entry.Port), "%v is vetoed, and is %v (I18)", e.Entry, h.base)
		h.base = shown{}
	}
}

// oracleState is the oracle's part of the state.
func (w *world) oracleState(b []byte) []byte {
	o := &w.oracle
	for i := range w.p.keys {
		h := &o.keys[i]
		b = append(b, packBits(h.base.on, h.base.static), h.base.port)
		for _, f := range h.facts {
			b = append(b, byte(f.kind), f.port)
			if x := f.op; x != nil {
				b = append(b, packBits(x.want.on, x.want.static, x.refuse != nil, x.handed), x.want.port)
				for d := range x.had {
					b = append(b, packBits(x.kept[d], x.had[d].on, x.had[d].static), x.had[d].port)
				}
			}
		}
		b = append(b, 0xfc)
	}
	for _, f := range o.flushes {
		b = append(b, byte(f.act))
		for i := range w.p.keys {
			b = append(b, packBits(f.killed[i].on, f.killed[i].static, f.overran[i] != nil && f.overran[i].ticket.state.Load() != ticketOver), f.killed[i].port)
			for _, d := range w.devs {
				b = append(b, packBits(d.rows[i].formed < f.at, d.formed < f.at))
			}
		}
	}
	return b
}
