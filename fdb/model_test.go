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

// The model of a table, slow and obvious: everything that was accepted, with its
// number, in a list. What a key has is the fold of the list (rule 2).

// value is what a key has; the zero value is no entry.
type value struct {
	present bool
	port    switchdev.PortID
	flags   Flags
	owner   Owner
	updated time.Time
}

func valueOf(e Entry) value { return value{true, e.Port, e.Flags, e.Owner, e.Updated} }

func (v value) entry(k Key) Entry {
	return Entry{Key: k, Port: v.port, Flags: v.flags, Owner: v.owner, Updated: v.updated}
}

// same compares all but the time.
func (v value) same(w value) bool {
	w.updated = v.updated
	return v == w
}

type factKind uint8

const (
	factLearn factKind = iota
	factFlush
	factSweep
	factOp
)

// fact is one thing that was accepted: a learn, a flush, a sweep's removal, or
// an operation that ended with nil.
type fact struct {
	number int
	kind   factKind
	key    Key // but of a flush
	port   switchdev.PortID
	at     time.Time
	filter Filter
	result value // of an operation
}

func (f fact) fold(k Key, v value) value {
	switch f.kind {
	case factOp:
		return f.result
	case factSweep:
		return value{}
	case factFlush:
		if v.present && f.filter.Selects(v.entry(k)) {
			return value{}
		}
		return v
	}
	later := v
	if f.at.After(v.updated) {
		later.updated = f.at
	}
	switch {
	case !v.present:
		return value{true, f.port, 0, OwnerLearned, f.at}
	case v.flags&Local != 0:
		return v
	case v.port == f.port || v.flags&Sticky != 0:
		return later
	}
	later.port = f.port
	later.flags &^= Extern | Locked
	return later
}

// modelOp is a user's operation.
type modelOp struct {
	verb   verb
	entry  Entry
	ticket *Ticket
	staged bool
	number int
	result value // what it makes of the entry
	same   bool  // it makes nothing of it
	refuse error // what it is to be refused with, whatever devices say
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
	hold   time.Duration
	bound  bool
}

const modelKeys = 5

func modelKey(n int) Key { return Key{MAC: key(byte(n + 1)).MAC, VLAN: switchdev.VLAN(n % 2 * 10)} }

func newModel(t *rapid.T, cfg Config, devices int) *model {
	m := &model{t: t, now: time.Unix(1_000_000, 0), queues: make(map[Key][]*modelOp), told: make(map[Key]Entry)}
	m.polled = m.now
	for d := range devices {
		g := &gear{queued: newQueued(fmt.Sprintf("sw%d", d)), ports: [][]switchdev.PortID{{1, 2, 3}, {3, 4}}[d]}
		m.gears = append(m.gears, g)
		cfg.Hardware.Devices = append(cfg.Hardware.Devices, Device{Driver: g, Ports: g.ports})
	}
	cfg.Manual, cfg.Start, cfg.Events, cfg.Seed = true, m.now, 1<<12, 1
	m.hold, m.bound = cfg.Ageing, cfg.Learning.Pending > 0
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
	case !was.present && m.bound:
		want = []Learned{Queued, Dropped}
	case !was.present:
		want = []Learned{Queued}
	case was.flags&Local != 0 && len(m.queues[k]) > 0:
		want = []Learned{Own, Kept, Refreshed, Known} // it may be local no more
	case was.flags&Local != 0:
		want = []Learned{Own}
	case was.port == p:
		want = []Learned{Known, Refreshed}
	case was.flags&Sticky != 0:
		want = []Learned{Kept, Known}
	}
	if !slices.Contains(want, got) {
		t.Fatalf("Learn(%v, %d) = %v over %+v, want one of %v", k, p, got, was, want)
	}
	if got != Dropped && got != Own {
		m.note(fact{number: m.next(), kind: factLearn, key: k, port: p, at: m.tick(m.polled)})
	}
}

// Submit is an action: a user's operation.
func (m *model) Submit(t *rapid.T) {
	o := &modelOp{verb: verb(rapid.IntRange(0, 2).Draw(t, "verb")), entry: Entry{Key: m.drawKey(), Port: m.drawPort()}}
	o.entry.Flags = rapid.SampledFrom([]Flags{0, Static, Static, Static | Sticky, Sticky, Permanent, Extern, Extern | Static}).Draw(t, "flags")
	switch o.verb {
	case verbAdd:
		o.ticket = m.table.SubmitAdd(o.entry)
	case verbReplace:
		o.ticket = m.table.SubmitReplace(o.entry)
	default:
		if v := m.fold(o.entry.Key); v.present && rapid.Bool().Draw(t, "right port") {
			o.entry.Port = v.port
		}
		o.ticket = m.table.SubmitDelete(o.entry.Key, o.entry.Port)
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
		{}, Everything(), OnPort(p), {OnPort: true, Port: p}, {VLAN: 10},
		{Mask: User}, {Mask: Static | Local, Flags: Static}, {Mask: Extern, Flags: Extern},
	}).Draw(t, "filter")
	m.table.SubmitFlush(f)
	m.note(fact{number: m.next(), kind: factFlush, filter: f})
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
	m.polled = m.now
	if next := m.table.Poll(m.now); !next.IsZero() && !next.After(m.now) {
		m.t.Fatalf("Poll(%v) is due again at %v", m.now, next)
	}
	m.stage()
	m.drain()
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
func (m *model) stage() {
	for n := range modelKeys {
		k := modelKey(n)
		for len(m.queues[k]) > 0 {
			o := m.queues[k][0]
			if !o.staged {
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
	nextKey:
	}
}

// decide is rule 5.
func (m *model) decide(o *modelOp) {
	o.staged, o.number = true, m.next()
	old := m.fold(o.entry.Key)
	switch {
	case o.verb == verbDelete:
		if !old.present || old.port != o.entry.Port {
			o.refuse = switchdev.ErrNotExist
		}
		return
	case o.verb == verbAdd && old.present:
		o.refuse = switchdev.ErrExist
		return
	}
	o.result = value{true, o.entry.Port, o.entry.Flags | User, OwnerUser, m.tick(m.polled)}
	switch {
	case o.entry.Flags&Extern != 0:
		o.result.owner = OwnerControl
	case old.flags&Extern != 0:
		o.result.flags |= Extern
		o.result.owner = old.owner
	}
	if old.same(o.result) {
		o.result, o.same = old, true // nothing to change, not even the time
	}
}

// end takes the outcome of an operation into the list.
func (m *model) end(o *modelOp) {
	err, what := o.ticket.Err(), fmt.Sprintf("%s %+v", verbNames[o.verb], o.entry)
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
	if !o.same {
		m.note(fact{number: o.number, kind: factOp, key: o.entry.Key, result: o.result})
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

// drain reads the events and applies them.
func (m *model) drain() {
	for {
		e, ok, err := m.sub.TryNext()
		if err != nil {
			m.t.Fatal(err)
		}
		if !ok {
			return
		}
		m.hear(e)
	}
}

func (m *model) hear(e Event) {
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
	m.told[k] = e.Entry
	if e.Kind.Removes() {
		delete(m.told, k)
	}
	if e.Kind == Aged {
		m.aged(k)
	}
}

// aged: a sweep takes only what is old enough, and only what ages.
func (m *model) aged(k Key) {
	v := m.fold(k)
	if !v.present || v.flags&(Static|Local|Extern) != 0 || m.hold <= 0 || m.now.Sub(v.updated) < m.hold {
		m.t.Fatalf("aged %v, which is %+v, at %v", k, v, m.now)
	}
	m.note(fact{number: m.next(), kind: factSweep, key: k})
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
		if ok != want.present || ok && (hit.Port != want.port || hit.Flags != want.flags) {
			t.Fatalf("Lookup(%v) = %+v %v, want %+v", k, hit, ok, want)
		}
		e, err := m.table.Get(context.Background(), k)
		if (err == nil) != want.present || err == nil && (!valueOf(e).same(want) || !e.Updated.Equal(want.updated)) {
			t.Fatalf("Get(%v) = %+v, %v\nwant %+v", k, e, err, want)
		}
	}
	m.drain() // submitting may not publish, but Close and Poll do
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
}

// rest brings everything to an end with devices that do as they are told, and
// compares what is then quiet.
func (m *model) rest(t *rapid.T) {
	for _, g := range m.gears {
		if g.silent {
			m.say(g)
		}
	}
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
	m.Check(t)
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
	m.conserved(t)
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
		"": with(m.Check), "learn": with(m.Learn), "learn again": with(m.Learn), "submit": with(m.Submit), "submit again": with(m.Submit),
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
