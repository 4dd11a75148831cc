package fdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchcore/switchcore/switchdev"
)

// modelOp is a user's operation.
type modelOp struct {
	verb   Verb
	entry  Entry
	ticket *Ticket
	staged bool
	number int
	at     time.Time // when it was staged
	result value     // what it makes of the entry
	same   bool      // it makes nothing of it
	renew  bool      // but that its time is new
	refuse error     // what it is to be refused with, whatever devices say
}

// gear is a device with its own moods.
type gear struct {
	*queued
	ports  []switchdev.PortID
	silent bool // was reset and did not say so
}

// declines tells which rows the second device leaves to software.
func (g *gear) declines(e switchdev.FDBEntry) bool { return g.name == "sw1" && e.Port == 4 }

func (g *gear) claims(e Entry) bool { return onPorts(g.ports...)(e) }

type model struct {
	t      *rapid.T
	table  *Table
	now    time.Time
	polled time.Time // the last time that the table was told
	number int
	facts  []fact
	queues map[Key][]*modelOp
	gears  []*gear
	sub    *Subscription
	seq    uint64
	told   map[Key]Entry // the table by its events
	bound  bool

	ageing, topology time.Duration
	max              int               // Learning.Max
	peak             int               // how many may be learned: more than max if it was lowered
	restless         bool              // a flush was accepted since the last Poll
	late             map[uint64]Filter // flushes that select by the state in hardware, by number
	taken            map[int]bool      // which of the events that were read are in the list
}

const modelKeys = 5

func modelKey(n int) Key { return Key{MAC: key(byte(n + 1)).MAC, VLAN: switchdev.VLAN(n % 2 * 10)} }

func newModel(t *rapid.T, cfg Config, devices int) *model {
	m := &model{t: t, now: time.Unix(1_000_000, 0), queues: make(map[Key][]*modelOp), told: make(map[Key]Entry), late: make(map[uint64]Filter)}
	m.polled = m.now
	for d := range devices {
		g := &gear{queued: newQueued(fmt.Sprintf("sw%d", d)), ports: [][]switchdev.PortID{{1, 2, 3}, {3, 4}}[d]}
		m.gears = append(m.gears, g)
		cfg.Hardware.Devices = append(cfg.Hardware.Devices, Device{Driver: g, Ports: g.ports})
	}
	cfg.Manual, cfg.Start, cfg.Events, cfg.Seed = true, m.now, 1<<12, 1
	m.ageing, m.bound, m.max, m.peak = cfg.Ageing, cfg.Learning.Pending > 0, cfg.Learning.Max, cfg.Learning.Max
	var err error
	if m.table, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if m.sub, err = m.table.Subscribe(SubscribeOptions{}); err != nil {
		t.Fatal(err)
	}
	return m
}

// fold returns what a key has by the list.
func (m *model) fold(k Key) (v value) {
	for _, f := range m.facts {
		if f.kind == factFlush || f.key == k {
			v = f.fold(k, v)
		}
	}
	return v
}

// note adds a fact in its place.
func (m *model) note(f fact) {
	i := len(m.facts)
	for i > 0 && m.facts[i-1].number > f.number {
		i--
	}
	m.facts = slices.Insert(m.facts, i, f)
}

func (m *model) next() int { m.number++; return m.number }

// tick rounds a time down to the table's clock.
func (m *model) tick(at time.Time) time.Time {
	return at.Add(-(at.Sub(time.Unix(1_000_000, 0)) % tickLength))
}

func (m *model) drawKey() Key { return modelKey(rapid.IntRange(0, modelKeys-1).Draw(m.t, "key")) }
func (m *model) drawPort() switchdev.PortID {
	return switchdev.PortID(rapid.IntRange(1, 4).Draw(m.t, "port"))
}

// Learn is an action: a frame.
func (m *model) Learn(t *rapid.T) {
	k, p := m.drawKey(), m.drawPort()
	was := m.fold(k)
	got := m.table.Learn(k, p)
	want := []Learned{Moved}
	switch {
	case m.ageing == NoLearning:
		want = []Learned{Ignored}
	case !was.present:
		want = m.admits(k)
	case was.flags&Local != 0 && len(m.queues[k]) > 0:
		want = []Learned{Own, Kept, Refreshed, Known} // it may be local no more
	case was.flags&Local != 0:
		want = []Learned{Own}
	case was.port == p:
		want = []Learned{Known, Refreshed}
	case was.flags&Sticky != 0:
		want = []Learned{Kept, Known}
	}
	if m.max > 0 && was.present && len(m.queues[k]) > 0 {
		want = append(want, Limited) // it may be gone by then, and then there is no room
	}
	if !slices.Contains(want, got) {
		t.Fatalf("Learn(%v, %d) = %v over %+v, want one of %v", k, p, got, was, want)
	}
	if got.Accepted() && got != Own {
		m.note(fact{number: m.next(), kind: factLearn, key: k, port: p, at: m.tick(m.polled)})
	}
}

// admits is what can come of a station that is new.
func (m *model) admits(k Key) (want []Learned) {
	n := m.learned()
	full := m.max > 0 && n >= m.max
	if !full {
		want = append(want, Queued)
		if m.bound {
			want = append(want, Dropped)
		}
	}
	// What was flushed or is on its way out may still have its place.
	if full || m.max > 0 && (m.restless || m.inFlight() || len(m.queues[k]) > 0) {
		want = append(want, Limited)
	}
	if full && m.bound {
		want = append(want, Dropped)
	}
	return want
}

func (m *model) inFlight() bool {
	for _, q := range m.queues {
		if len(q) > 0 {
			return true
		}
	}
	return false
}

// LearnLocked is an action: a frame on a locked port.
func (m *model) LearnLocked(t *rapid.T) {
	k, p := m.drawKey(), m.drawPort()
	was := m.fold(k)
	got := m.table.LearnLocked(k, p)
	want := []Learned{Shut}
	switch {
	case m.ageing == NoLearning:
		want = []Learned{Ignored}
	case !was.present:
		want = m.admits(k)
	case was.port == p && was.flags&Locked != 0:
		want = []Learned{Known, Refreshed}
		if m.max > 0 && len(m.queues[k]) > 0 {
			want = append(want, Limited)
		}
	}
	if !slices.Contains(want, got) {
		t.Fatalf("LearnLocked(%v, %d) = %v over %+v, want one of %v", k, p, got, was, want)
	}
	if got.Accepted() {
		m.note(fact{number: m.next(), kind: factLocked, key: k, port: p, at: m.tick(m.polled)})
	}
}

// Ageing is an action: another ageing time, or a topology change or its end.
func (m *model) Ageing(t *rapid.T) {
	if rapid.Bool().Draw(t, "topology") {
		m.topology = rapid.SampledFrom([]time.Duration{0, 0, 500 * time.Millisecond, 3 * time.Second}).Draw(t, "hold")
		if err := m.table.TopologyChange(m.topology); err != nil {
			t.Fatal(err)
		}
	} else {
		m.ageing = rapid.SampledFrom([]time.Duration{-1, 1234 * time.Millisecond, 4 * time.Second, time.Minute, NoLearning}).Draw(t, "ageing")
		if err := m.table.SetAgeing(m.ageing); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.table.Hold(); got != m.hold() {
		t.Fatalf("Hold = %v, want %v", got, m.hold())
	}
}

// Limit is an action: another Learning.Max.
func (m *model) Limit(t *rapid.T) {
	m.max = rapid.IntRange(0, 4).Draw(t, "max")
	if err := m.table.SetLearningMax(m.max); err != nil {
		t.Fatal(err)
	}
	m.peak = max(m.max, m.learned()) // it removes nothing
}

// limited: the limit is kept at every moment, and what is learned is counted.
func (m *model) limited(t *rapid.T) {
	n, learned := m.learned(), 0
	m.peak = max(m.max, min(m.peak, n))
	if m.max > 0 && n > m.peak {
		t.Fatalf("%d learned, of at most %d", n, m.peak)
	}
	for e := range m.table.All() {
		if valueOf(e).counts() {
			learned++
		}
	}
	if got := m.table.Stats().Learned; got != learned {
		t.Fatalf("Learned = %d, in the table %d", got, learned)
	}
}

// Submit is an action: a user's operation.
func (m *model) Submit(t *rapid.T) {
	o := &modelOp{entry: Entry{Key: m.drawKey(), Port: m.drawPort()}}
	o.verb = rapid.SampledFrom([]Verb{VerbAdd, VerbReplace, VerbReplace, VerbAppend, VerbUpdate, VerbUse, VerbDelete}).Draw(t, "verb")
	o.entry.Flags = rapid.SampledFrom([]Flags{
		0, Static, Static, Static | Sticky, Sticky, Permanent, Extern, Extern | Static, Extern | Local,
		Static | Notify, Static | Notify, Static | Notify | Inactive, Sticky | Notify, Extern | Notify, Permanent | Notify,
	}).Draw(t, "flags")
	if rapid.IntRange(0, 3).Draw(t, "refresh") == 0 {
		o.entry.Flags |= NoRefresh
	}
	if v := m.fold(o.entry.Key); v.present && rapid.Bool().Draw(t, "right port") {
		o.entry.Port = v.port
	}
	switch e := o.entry; o.verb {
	case VerbAdd:
		o.ticket = m.table.SubmitAdd(e)
	case VerbReplace:
		o.ticket = m.table.SubmitReplace(e)
	case VerbAppend:
		o.ticket = m.table.SubmitAppend(e)
	case VerbUpdate:
		o.ticket = m.table.SubmitUpdate(e)
	case VerbUse:
		o.entry.Flags = 0
		o.ticket = m.table.SubmitUse(e.Key, e.Port)
	default:
		o.ticket = m.table.SubmitDelete(e.Key, e.Port)
	}
	m.queues[o.entry.Key] = append(m.queues[o.entry.Key], o)
}

// Withdraw is an action: somebody loses patience.
func (m *model) Withdraw(t *rapid.T) {
	k := m.drawKey()
	q := m.queues[k]
	if len(q) == 0 {
		t.Skip("nothing queued")
	}
	i := rapid.IntRange(0, len(q)-1).Draw(t, "which")
	if got := q[i].ticket.Withdraw(); got == q[i].staged {
		t.Fatalf("Withdraw = %v of an operation staged: %v", got, q[i].staged)
	} else if got {
		m.queues[k] = slices.Delete(slices.Clone(q), i, i+1)
	}
}

// Flush is an action.
func (m *model) Flush(t *rapid.T) {
	p := m.drawPort()
	f := rapid.SampledFrom([]Filter{
		{}, Dynamic(), OnPort(p), {OnPort: true, Port: p}, {VLAN: 10},
		{Mask: User}, {Mask: Static | Local, Flags: Static}, {Mask: Extern, Flags: Extern},
		{Flags: Static}, {Mask: Static, Flags: Static | Sticky}, {Mask: Locked, Flags: Locked},
		{Mask: InHardware, Flags: InHardware}, {Mask: InHardware}, {Mask: Static | InHardware, Flags: InHardware},
		{Mask: Static, Flags: InHardware}, {Mask: Extern, KeepExtern: true},
	}).Draw(t, "filter")
	m.table.SubmitFlush(f)
	m.restless = true
	switch late := f.Mask&InHardware != 0 && f.Flags&^f.Mask == 0; {
	case late || f.KeepExtern && len(m.gears) > 0:
		jobs := m.table.inbox.jobs
		m.late[jobs[len(jobs)-1].seq] = f
	}
	m.note(fact{number: m.next(), kind: factFlush, filter: immediate(f)})
}

// immediate is the part of a filter that counts when it is submitted.
func immediate(f Filter) Filter {
	switch {
	case f.Mask != 0 && f.Flags&^f.Mask != 0 || f.Mask&InHardware != 0:
		return Filter{Mask: Static, Flags: Local} // nothing
	case f.KeepExtern && f.Mask&f.Flags&Extern != 0:
		return Filter{Mask: Static, Flags: Local}
	case f.KeepExtern:
		f.Mask |= Extern
		f.KeepExtern = false
	}
	return f
}

// Poll is an action: the table works, at the same time.
func (m *model) Poll(*rapid.T) { m.poll() }

// Time is an action: time goes by.
func (m *model) Time(t *rapid.T) {
	m.poll() // so that what is staged now is staged at its time
	d := rapid.SampledFrom([]time.Duration{time.Millisecond, tickLength, 100 * time.Millisecond, time.Second, 3 * time.Second, 6 * time.Second}).Draw(t, "time")
	m.now = m.now.Add(d)
	m.poll()
}

func (m *model) poll() {
	m.polled, m.restless = m.now, false
	if next := m.table.Poll(m.now); !next.IsZero() && !next.After(m.now) {
		m.t.Fatalf("Poll(%v) is due again at %v", m.now, next)
	}
	events := m.read()
	m.stage(events)
	m.hear(events)
	for k, e := range m.told {
		if e.Offload != Offloaded {
			continue
		}
		for _, g := range m.gears { // rule 24, at every moment
			want, ok := wantedRow(e)
			if ok = ok && !g.silent && g.claims(e) && !g.declines(want); !ok {
				continue
			}
			if got, has := g.row(k); !has || got != want {
				m.t.Fatalf("offloaded: %+v, and %s holds %+v %v", e, g.name, got, has)
			}
		}
	}
}

// stage does in the list what Poll did in the table: the first operation of each
// key is staged, and the next once it has ended.
func (m *model) stage(events []Event) {
	for n := range modelKeys {
		k := modelKey(n)
		for len(m.queues[k]) > 0 {
			o := m.queues[k][0]
			if !o.staged {
				m.flushed(k, events)
				m.decide(o)
			}
			select {
			case <-o.ticket.Done():
			default:
				o.staged = true
				goto nextKey
			}
			m.queues[k] = m.queues[k][1:]
			m.end(o)
		}
		m.flushed(k, events)
	nextKey:
	}
}

// flushed takes what flushes removed of a key that select by the state in
// hardware, which happened before the next operation was staged, if one was.
func (m *model) flushed(k Key, events []Event) {
	for i, e := range events {
		f, late := m.late[e.Op]
		if e.Kind != Flushed || e.Entry.Key != k || !late || m.taken[i] {
			continue
		}
		if m.taken[i] = true; immediate(f).Selects(e.Old) {
			continue // it was gone at once
		}
		if !f.Selects(e.Old) {
			m.t.Fatalf("%+v selects %+v", f, e.Old)
		}
		m.note(fact{number: m.next(), kind: factGone, key: k})
	}
}

// end takes the outcome of an operation into the list.
func (m *model) end(o *modelOp) {
	err, what := o.ticket.Err(), fmt.Sprintf("%s %+v", o.verb.op(), o.entry)
	known := func(err error) bool {
		return errors.Is(err, switchdev.ErrExist) || errors.Is(err, switchdev.ErrNotExist)
	}
	switch {
	case o.refuse != nil && !errors.Is(err, o.refuse):
		m.t.Fatalf("%s: %v, want %v", what, err, o.refuse)
	case o.refuse != nil:
		return
	case err != nil && (known(err) || len(m.gears) == 0):
		m.t.Fatalf("%s: %v", what, err)
	case err != nil:
		return // a device's; nothing has changed
	}
	switch {
	case !o.same:
		m.note(fact{number: o.number, kind: factOp, key: o.entry.Key, result: o.result})
	case o.renew:
		m.note(fact{number: o.number, kind: factRenew, key: o.entry.Key, at: o.at})
	}
	m.held(o, what)
}

// held: nil means that every device that claims the entry holds exactly it, and
// no other holds the key.
func (m *model) held(o *modelOp, what string) {
	k := o.entry.Key
	for _, g := range m.gears {
		if g.silent {
			continue // it has lost its rows since, and nobody knows
		}
		e := o.result.entry(k)
		want, ok := wantedRow(e)
		ok = ok && o.result.present && g.claims(e) && !g.declines(want)
		if got, has := g.row(k); has != ok || has && got != want {
			m.t.Fatalf("%s = nil, and %s holds %+v %v, want %+v %v", what, g.name, got, has, want, ok)
		}
	}
}

// read reads what was told.
func (m *model) read() (events []Event) {
	m.taken = make(map[int]bool)
	for {
		e, ok, err := m.sub.TryNext()
		if err != nil {
			m.t.Fatal(err)
		}
		if !ok {
			return events
		}
		events = append(events, e)
	}
}

// hear applies what was told.
func (m *model) hear(events []Event) {
	for _, e := range events {
		m.event(e)
	}
}

func (m *model) event(e Event) {
	if e.Seq <= m.seq {
		m.t.Fatalf("event %d after %d", e.Seq, m.seq)
	}
	m.seq = e.Seq
	k := e.Entry.Key
	old, had := m.told[k]
	fits := had
	switch e.Kind {
	case Added:
		fits = !had
	case MovedTo:
		fits = had && e.Old.Port != e.Entry.Port
	case Changed:
		fits = had && e.Old.Port == e.Entry.Port
	case OffloadChanged:
		fits = had && valueOf(e.Entry).same(valueOf(old)) && e.Entry.Offload != old.Offload
	}
	if e.Kind != Added && e.Kind != OffloadChanged {
		fits = fits && valueOf(e.Old).same(valueOf(old)) && e.Old.Offload == old.Offload
	}
	if !fits {
		m.t.Fatalf("event %+v\nover %+v %v", e, old, had)
	}
	if stale := e.Kind == Aged || m.stale(valueOf(e.Entry)); e.Entry.Stale != stale || e.Kind.Removes() && e.Old.Stale != stale {
		m.t.Fatalf("event %+v, stale: %v", e, stale)
	}
	m.told[k] = e.Entry
	if e.Kind.Removes() {
		delete(m.told, k)
	}
	silenced := e.Kind == Changed && e.Entry.Seq == e.Old.Seq && e.Entry.Flags&^e.Old.Flags == Inactive
	switch {
	case e.Kind == Aged:
		m.aged(k)
	case silenced:
		m.silenced(k, e)
	}
}

// aged: a sweep takes only what is old enough, and only what ages.
func (m *model) aged(k Key) {
	if v := m.fold(k); !m.stale(v) {
		m.t.Fatalf("aged %v, which is %+v, at %v", k, v, m.now)
	}
	m.note(fact{number: m.next(), kind: factGone, key: k})
}

// silenced: a sweep makes inactive only what has been silent, and is watched.
func (m *model) silenced(k Key, e Event) {
	v := m.fold(k)
	if !v.silences() || !m.overdue(v, m.tick(m.polled)) || e.Old.Flags|Inactive != e.Entry.Flags {
		m.t.Fatalf("inactive %v, which is %+v, at %v", k, v, m.now)
	}
	m.note(fact{number: m.next(), kind: factSilence, key: k})
}

// swept: when nothing is under way, what was overdue a moment ago has left or is
// inactive.
func (m *model) swept(t *rapid.T) {
	was := m.tick(m.polled)
	m.now = m.now.Add(max(0, min(m.hold(), time.Hour))/100 + 3*tickLength)
	m.poll()
	for n := range modelKeys {
		if v := m.fold(modelKey(n)); (v.ages() || v.silences()) && m.overdue(v, was) {
			t.Fatalf("overdue at %v and still there: %+v", was, v)
		}
	}
}

// Complete is an action: a device works off a batch.
func (m *model) Complete(t *rapid.T) {
	g := m.drawGear(t)
	if len(g.queue) == 0 {
		t.Skip("nothing is out")
	}
	g.work(func(switchdev.FDBOp) int { return rapid.IntRange(0, 9).Draw(t, "fate") })
	m.poll()
}

func (m *model) drawGear(t *rapid.T) *gear {
	if len(m.gears) == 0 {
		t.Skip("no devices")
	}
	return rapid.SampledFrom(m.gears).Draw(t, "device")
}

// work completes the oldest batch. The fate of an operation: 0 refused, 1 full,
// 2 and 3 done or not and nobody knows, 4 and 5 the same without an answer, else
// executed.
func (g *gear) work(fate func(switchdev.FDBOp) int) {
	s := g.queue[0]
	g.queue = g.queue[1:]
	g.answer = nil
	for i, op := range s.ops {
		switch n := fate(op); {
		case op.Verb == switchdev.FDBSet && g.declines(op.Entry):
			s.results[i] = switchdev.Result{Token: op.Token, Err: errors.ErrUnsupported}
		case n == 0:
			s.results[i] = switchdev.Result{Token: op.Token, Err: switchdev.ErrBusy}
		case n == 1 && op.Verb == switchdev.FDBSet:
			s.results[i] = switchdev.Result{Token: op.Token, Err: switchdev.ErrNoSpace}
		case n == 2 || n == 3:
			if n == 2 {
				g.execute(op)
			}
			s.results[i] = switchdev.Result{Token: op.Token, Err: switchdev.ErrOutcomeUnknown}
		case n == 4 || n == 5:
			if n == 4 {
				g.execute(op)
			}
		default:
			s.results[i] = g.execute(op)
		}
	}
	s.done()
}

// Reset is an action: a device loses its rows, and says so, or not yet.
func (m *model) Reset(t *rapid.T) {
	g := m.drawGear(t)
	if rapid.IntRange(0, 3).Draw(t, "rarely") != 0 {
		t.Skip("not now")
	}
	g.lose()
	g.silent = true
	if rapid.Bool().Draw(t, "said") {
		m.say(g)
	}
}

// Say is an action: a device says at last that it was reset.
func (m *model) Say(t *rapid.T) {
	if g := m.drawGear(t); g.silent {
		m.say(g)
	}
}

func (m *model) say(g *gear) {
	g.silent = false
	g.report(switchdev.Report{Kind: switchdev.ReportReset, Epoch: g.Epoch()})
}

// Forget is an action: a device ages a row out by itself.
func (m *model) Forget(t *rapid.T) {
	g, k := m.drawGear(t), m.drawKey()
	r, ok := g.row(k)
	if !ok || r.Flags&(switchdev.FDBStatic|switchdev.FDBLocal|switchdev.FDBExtern) != 0 {
		t.Skip("no such row")
	}
	g.mu.Lock()
	delete(g.rows, k)
	g.mu.Unlock()
	g.report(switchdev.Report{Kind: switchdev.ReportAged, Key: k, Port: r.Port, Epoch: g.Epoch()})
}

// Check runs after every action.
func (m *model) Check(t *rapid.T) {
	for n := range modelKeys {
		k := modelKey(n)
		want := m.fold(k)
		hit, ok := m.table.Lookup(k)
		if ok != want.present || ok && (hit.Port != want.port || hit.Flags != want.flags&^(Notify|Inactive)) {
			t.Fatalf("Lookup(%v) = %+v %v, want %+v", k, hit, ok, want)
		}
		e, err := m.table.Get(context.Background(), k)
		if (err == nil) != want.present || err == nil && (!valueOf(e).same(want) || !e.Updated.Equal(want.updated) || e.Stale != m.stale(want)) {
			t.Fatalf("Get(%v) = %+v, %v\nwant %+v", k, e, err, want)
		}
	}
	m.hear(m.read()) // submitting may not publish, but Close and Poll do
	snap := m.table.Snapshot()
	n := 0
	for e := range snap.All() {
		n++
		if told, ok := m.told[e.Key]; !ok || !valueOf(told).same(valueOf(e)) || told.Offload != e.Offload {
			t.Fatalf("the snapshot has %+v, the events told %+v", e, told)
		}
	}
	if n != len(m.told) || n != snap.Len() || n != m.table.Len() || snap.Seq() != m.seq {
		t.Fatalf("%d in the snapshot, Len %d and %d, %d by the events; number %d and %d",
			n, snap.Len(), m.table.Len(), len(m.told), snap.Seq(), m.seq)
	}
	if err := m.table.stations.Check(); err != nil {
		t.Fatal(err)
	}
	m.limited(t)
}

// rest brings everything to an end with devices that do as they are told, and
// compares what is then quiet.
func (m *model) rest(t *rapid.T) {
	for _, g := range m.gears {
		if g.silent {
			m.say(g)
		}
	}
	m.settle()
	m.swept(t)
	m.settle()
	m.Check(t)
	m.matches(t)
	m.conserved(t)
}

// settle polls until nothing is under way.
func (m *model) settle() {
	for range 200 {
		m.poll()
		worked := false
		for _, g := range m.gears {
			for len(g.queue) > 0 {
				g.work(func(switchdev.FDBOp) int { return 9 })
				worked = true
			}
		}
		if worked {
			continue
		}
		due := m.table.devices.Next()
		if due.IsZero() && m.table.Stats().Pending == 0 {
			break
		}
		if due.IsZero() {
			due = m.now.Add(time.Second) // learning is delayed
		}
		m.now = due
	}
}

// matches compares what is then quiet.
func (m *model) matches(t *rapid.T) {
	for k, q := range m.queues {
		if len(q) > 0 {
			t.Fatalf("%d operations on %v have not ended", len(q), k)
		}
	}
	for k, e := range m.told {
		if !m.fold(k).same(valueOf(e)) {
			t.Fatalf("%v is %+v in main and %+v by the list", k, e, m.fold(k))
		}
		m.offloaded(t, e)
	}
	for _, g := range m.gears {
		rows := g.table()
		for k, e := range m.told {
			want, ok := wantedRow(e)
			ok = ok && g.claims(e) && !g.declines(want)
			if got, has := rows[k]; has != ok || has && got != want {
				t.Fatalf("at rest %s holds %+v %v, want %+v %v", g.name, got, has, want, ok)
			}
			delete(rows, k)
		}
		if len(rows) > 0 {
			t.Fatalf("at rest %s holds %v too much", g.name, rows)
		}
	}
}

// offloaded: the flag is true exactly where there is a device and all hold it.
func (m *model) offloaded(t *rapid.T, e Entry) {
	want := OffloadNone
	if row, ok := wantedRow(e); ok {
		for _, g := range m.gears {
			if g.claims(e) && !g.declines(row) {
				want = Offloaded
			}
		}
	}
	if e.Offload != want {
		t.Fatalf("at rest %+v, want %v", e, want)
	}
}

// conserved is I3: what was accepted has become of something.
func (m *model) conserved(t *rapid.T) {
	s := m.table.Stats()
	l := s.Learning
	if s.Pending != 0 || l.Accepted != l.Applied+l.Coalesced+l.Superseded+l.Rejected {
		t.Fatalf("not conserved: %+v", s)
	}
}

func (m *model) actions() map[string]func(*rapid.T) {
	with := func(f func(*rapid.T)) func(*rapid.T) {
		return func(t *rapid.T) { m.t = t; f(t) }
	}
	return map[string]func(*rapid.T){
		"": with(m.Check), "learn locked": with(m.LearnLocked), "ageing": with(m.Ageing), "limit": with(m.Limit), "learn": with(m.Learn), "learn again": with(m.Learn), "submit": with(m.Submit), "submit again": with(m.Submit),
		"withdraw": with(m.Withdraw), "flush": with(m.Flush), "poll": with(m.Poll), "time": with(m.Time), "complete": with(m.Complete),
		"complete again": with(m.Complete), "reset": with(m.Reset), "say": with(m.Say), "forget": with(m.Forget),
	}
}

// TestTableIsItsModel runs a table against the list, in Manual mode.
func TestTableIsItsModel(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cfg     Config
		devices int
	}{
		{"software", Config{Ageing: -1}, 0},
		{"software, short ageing", Config{Ageing: 2 * time.Second}, 0},
		{"delayed", Config{Ageing: 4 * time.Second, Learning: Learning{Delay: time.Second}}, 0},
		{"bounded", Config{Ageing: -1, Learning: Learning{Pending: 2, Delay: time.Second}}, 1},
		{"one device", Config{Ageing: -1}, 1},
		{"two devices", Config{Ageing: 20 * time.Second}, 2},
		{"two devices, one at a time", Config{Ageing: -1, Hardware: Hardware{Batch: 1}}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				m := newModel(rt, tt.cfg, tt.devices)
				for range 3 {
					rt.Repeat(m.actions())
					m.t = rt
					m.rest(rt)
				}
				if err := m.table.Close(); err != nil {
					rt.Fatalf("Close: %v", err)
				}
			})
		})
	}
}
