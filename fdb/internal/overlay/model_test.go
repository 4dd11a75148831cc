package overlay

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// model is a table of specs, and what the emitted changes say main holds.
type model struct {
	t     *Table
	specs map[cam.Key]*spec
	seqs  map[cam.Key]uint64
	main  map[cam.Key]Entry
	tick  uint64
	asked []uint64
	drops uint64
	errs  []string
}

func newModel(cfg Config) *model {
	m := &model{specs: map[cam.Key]*spec{}, seqs: map[cam.Key]uint64{}, main: map[cam.Key]Entry{}, tick: 1}
	cfg.Emit = m.heard
	m.t = New(cfg)
	return m
}

// heard replays a change: each must begin where the one before ended.
func (m *model) heard(c Change) {
	was := m.main[c.Key]
	if !valueOf(was.Hot).same(valueOf(c.Old.Hot)) {
		m.errs = append(m.errs, fmt.Sprintf("%x: change from %v, but it was %v", c.Key, valueOf(c.Old.Hot), valueOf(was.Hot)))
	}
	if c.Old.Hot&private|c.New.Hot&private != 0 || c.Seq == 0 || c.Cause == 0 {
		m.errs = append(m.errs, fmt.Sprintf("%x: bad change %+v", c.Key, c))
	}
	if c.New.Hot == 0 {
		delete(m.main, c.Key)
	} else {
		m.main[c.Key] = c.New
	}
}

func (m *model) of(k cam.Key) *spec {
	if m.specs[k] == nil {
		m.specs[k] = &spec{}
	}
	return m.specs[k]
}

func keys() *rapid.Generator[cam.Key] {
	return rapid.Custom(func(t *rapid.T) cam.Key {
		return cam.Key(rapid.IntRange(1, 6).Draw(t, "mac"))<<12 | cam.Key(rapid.IntRange(0, 1).Draw(t, "vlan"))
	})
}

func ports() *rapid.Generator[uint16] { return rapid.Uint16Range(0, 3) }

func filters() *rapid.Generator[Filter] {
	return rapid.Custom(func(t *rapid.T) Filter {
		f := Filter{ByPort: rapid.Bool().Draw(t, "byport"), ByVLAN: rapid.Bool().Draw(t, "byvlan")}
		if f.ByPort {
			f.Port = ports().Draw(t, "port")
		}
		if f.ByVLAN {
			f.VLAN = rapid.Uint16Range(0, 1).Draw(t, "vlan")
		}
		flags := []cam.Hot{cam.Static, cam.Local, cam.Ext, cam.Sticky, cam.User}
		for _, b := range rapid.SliceOfN(rapid.SampledFrom(flags), 0, 2).Draw(t, "mask") {
			f.Mask |= b
			if rapid.Bool().Draw(t, "set") {
				f.Flags |= b
			}
		}
		return f
	})
}

func (m *model) learn(r *rapid.T) {
	k, port := keys().Draw(r, "key"), ports().Draw(r, "port")
	s := m.of(k)
	was, owed := s.now, m.t.Pending()
	out := m.t.Learn(k, port, m.tick)
	switch out {
	case Full:
		m.drops++
		if was.here || owed.Open+owed.Sealed < m.t.limits.pending {
			r.Fatalf("%x: full with %+v", k, owed)
		}
		return
	case Limited:
		m.drops++
		if was.here || owed.Learned+owed.Reserved < m.t.limits.learned {
			r.Fatalf("%x: limited with %+v", k, owed)
		}
		return
	}
	s.act(k, action{port: port, tick: m.tick})
	want := Known
	switch {
	case !was.here:
		want = Queued
	case was.flags&cam.Local != 0:
		want = Own
	case was.port == port:
		want = Refreshed
	case was.flags&cam.Sticky != 0:
		want = Kept
	default:
		want = Moved
	}
	// A key in flight, or seen already in this tick, may be answered otherwise.
	if out != want && !(out == Known && s.now.same(was)) && !(s.busy && want == Own) {
		r.Fatalf("%x on %d: %v, want %v", k, port, out, want)
	}
}

func (m *model) stage(r *rapid.T) {
	k := keys().Draw(r, "key")
	e, seq := m.t.Stage(k)
	if (seq == 0) != m.of(k).busy {
		r.Fatalf("%x: staged with %d", k, seq)
	}
	if seq == 0 {
		return
	}
	if m.seqs[k] = seq; !valueOf(e.Hot).same(m.of(k).now) {
		r.Fatalf("%x: staged against %v, want %v", k, valueOf(e.Hot), m.of(k).now)
	}
	m.of(k).stage()
}

func (m *model) finish(r *rapid.T) {
	busy := slices.Sorted(maps.Keys(m.seqs))
	if len(busy) == 0 {
		r.Skip("nothing in flight")
	}
	k := rapid.SampledFrom(busy).Draw(r, "key")
	var result *Entry
	v := value{}
	switch rapid.IntRange(0, 3).Draw(r, "result") {
	case 1:
		result = &Entry{}
	case 2, 3:
		flags := rapid.SampledFrom([]cam.Hot{cam.Static | cam.User, cam.Local | cam.Static, cam.Sticky | cam.User,
			cam.Ext, cam.User, cam.Inactive | cam.Static | cam.User, cam.Locked}).Draw(r, "flags")
		v = value{true, ports().Draw(r, "port"), flags, m.tick}
		result = &Entry{Hot: cam.MakeHot(v.port, v.flags, v.stamp)}
	}
	if _, ok := m.t.Finish(k, m.seqs[k]+1, result); ok {
		r.Fatal("finished under a wrong number")
	}
	if _, ok := m.t.Finish(k, m.seqs[k], result); !ok {
		r.Fatal("not finished")
	}
	delete(m.seqs, k)
	m.of(k).finish(k, result == nil, v)
}

func (m *model) flush(r *rapid.T) {
	f := filters().Draw(r, "filter")
	m.asked = append(m.asked, m.t.AcceptFlush(f))
	for k, s := range m.specs {
		s.act(k, action{filter: &f})
	}
}

func (m *model) expire(r *rapid.T) {
	before := m.tick - min(m.tick, uint64(rapid.IntRange(0, 5).Draw(r, "age")))
	expected, p := 0, m.t.Pending()
	for k, s := range m.specs {
		e, ok := m.t.main.Find(k)
		if ok && e&(marked|cam.Static|cam.Local|cam.Ext) == 0 && e.Stamp() < before && p.Flushes == 0 {
			expected++
			s.now = value{}
		}
	}
	if _, n := m.t.Expire(before, cam.Cursor{}, 1<<20); n != expected {
		r.Fatalf("%d expired, want %d", n, expected)
	}
}

// check is what holds at every instant.
func (m *model) check(r *rapid.T) {
	for k, s := range m.specs {
		h, ok := m.t.Lookup(k)
		if ok != (h != 0) || h&private != 0 || !valueOf(h).same(s.now) {
			r.Fatalf("%x: lookup %v, want %v", k, valueOf(h), s.now)
		}
		from, _, _ := m.t.LookupFrom(k)
		e, _ := m.t.Get(k)
		if !valueOf(from).same(s.now) || !valueOf(e.Hot).same(s.now) {
			r.Fatalf("%x: lookups %v and %v, want %v", k, valueOf(from), valueOf(e.Hot), s.now)
		}
		if e.Hot != 0 && s.now.flags&cam.Sticky == 0 && e.Stamp() != s.now.stamp {
			r.Fatalf("%x: stamp %d, want %d", k, e.Stamp(), s.now.stamp)
		}
		in, _ := m.t.main.Find(k)
		if !valueOf(in).same(valueOf(m.main[k].Hot)) {
			r.Fatalf("%x: main has %v, but the changes say %v", k, valueOf(in), valueOf(m.main[k].Hot))
		}
	}
	if err := m.t.Check(); err != nil {
		r.Fatal(err)
	}
	if len(m.errs) > 0 {
		r.Fatal(m.errs)
	}
	p, c := m.t.Pending(), m.t.Counters()
	if max := m.t.limits.learned; max > 0 && p.Learned > max+len(m.seqs)+len(m.specs) || c.Full+c.Limited != m.drops {
		r.Fatalf("%+v, %+v, %d dropped", p, c, m.drops)
	}
}

// quiesce brings everything home and compares the main table alone.
func (m *model) quiesce(r *rapid.T) {
	for k, seq := range m.seqs {
		m.t.Finish(k, seq, nil)
		m.of(k).finish(k, true, value{})
	}
	for !m.t.Quiet() {
		m.t.Seal()
		m.t.Apply(3)
		m.t.FlushStep(1)
	}
	for k, s := range m.specs {
		if h, _ := m.t.LookupMain(k); !valueOf(h).same(s.now) {
			r.Fatalf("%x: main %v, want %v", k, valueOf(h), s.now)
		}
	}
	seen := map[uint64]bool{}
	for _, d := range m.t.Retired(nil) {
		seen[d.Seq] = true
	}
	for _, seq := range m.asked {
		if !seen[seq] {
			r.Fatalf("flush %d never through", seq)
		}
	}
	if err := m.t.Check(); err != nil {
		r.Fatal(err)
	}
}

// All verbs in any order do what folding in number order does.
func TestTableIsTheFoldInNumberOrder(t *testing.T) {
	for range 60 { // times a hundred programs, by rapid's default
		rapid.Check(t, modelRun)
	}
}

func modelRun(r *rapid.T) {
	m := newModel(Config{
		PendingMax: rapid.SampledFrom([]int{0, 3, -1}).Draw(r, "pending"),
		LearnedMax: rapid.SampledFrom([]int{0, 5}).Draw(r, "learned"),
		Seed:       [2]uint64{1, 3},
	})
	for k := range cam.Key(6) {
		m.of((k+1)<<12 | 1)
		m.of((k + 1) << 12)
	}
	steps := map[string]func(*rapid.T){
		"":       m.check,
		"learn":  m.learn,
		"learn2": m.learn,
		"stage":  m.stage,
		"finish": m.finish,
		"flush":  m.flush,
		"seal":   func(*rapid.T) { m.t.Seal() },
		"apply":  func(*rapid.T) { m.t.Apply(2) },
		"work":   func(*rapid.T) { m.t.FlushStep(1) },
		"expire": m.expire,
		"time":   func(r *rapid.T) { m.tick += uint64(rapid.IntRange(1, 3).Draw(r, "ticks")) },
	}
	r.Repeat(steps)
	m.quiesce(r)
}
