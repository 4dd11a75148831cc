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
	vetos map[cam.Key]veto
	tick  uint64
	asked []uint64
	drops uint64
	errs  []string
}

func newModel(cfg Config) *model {
	m := &model{specs: map[cam.Key]*spec{}, seqs: map[cam.Key]uint64{}, main: map[cam.Key]Entry{}, vetos: map[cam.Key]veto{}, tick: 1}
	cfg.Emit = m.heard
	if cfg.EmitBulk != nil {
		cfg.EmitBulk = m.heardBulk
	}
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

func (m *model) heardBulk(b Bulk) {
	if b.Gone.Len() == 0 || b.Cause != Flushed && b.Cause != Expired {
		m.errs = append(m.errs, fmt.Sprintf("bad bulk %+v", b))
	}
	for k, e := range b.Gone.All() {
		m.heard(Change{Key: k, Old: e, Cause: b.Cause, Seq: b.Seq})
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
	s, locked := m.of(k), rapid.IntRange(0, 3).Draw(r, "locked") == 0
	was, owed := s.now, m.t.Pending()
	learn := m.t.Learn
	if locked {
		learn = m.t.LearnLocked
	}
	out := learn(k, port, m.tick)
	shut := locked && was.here && (was.port != port || was.flags&cam.Locked == 0)
	if shut != (out == Shut) {
		r.Fatalf("%x on %d: %v over %v", k, port, out, was)
	}
	news := !was.here || was.port != port && was.flags&(cam.Sticky|cam.Local) == 0
	v, vetoed := m.vetos[k]
	if vetoed = vetoed && m.tick < v.until; vetoed && news && v.port == port && !shut && out != Full && out != Vetoed {
		r.Fatalf("%x on %d: %v against a veto", k, port, out)
	}
	if out == Queued || out == Moved {
		delete(m.vetos, k)
	}
	switch out {
	case Shut:
		return
	case Vetoed:
		m.drops++
		if !vetoed || v.port != port || !news {
			r.Fatalf("%x on %d: vetoed over %v by %+v", k, port, was, v)
		}
		return
	case Full:
		m.drops++
		if was.here || owed.Open+owed.Sealed < m.t.limits.pending {
			r.Fatalf("%x: full with %+v", k, owed)
		}
		return
	case Limited:
		m.drops++
		if was.here && !s.busy || owed.Learned+owed.Reserved < m.t.limits.learned {
			r.Fatalf("%x: limited with %+v", k, owed)
		}
		return
	}
	a := action{port: port, tick: m.tick, locked: locked}
	if now := m.t.Pending().Seq; now > owed.Seq {
		a.seq = now
	}
	s.act(k, a)
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
	if result != nil && counts(result.Hot) && !m.t.Reserve(k) {
		result = nil
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
		s.act(k, action{filter: &f, seq: m.asked[len(m.asked)-1]})
	}
}

// withdraw takes back what main holds of a key; what is pending stays.
func (m *model) withdraw(r *rapid.T) {
	k := keys().Draw(r, "key")
	s, base := m.of(k), m.t.entry(k)
	if base.Hot&(cam.Sticky|cam.Local) != 0 || s.odd {
		r.Skip("what was rejected would be played again")
	}
	var told *Entry
	v := value{}
	if rapid.Bool().Draw(r, "told") {
		flags := rapid.SampledFrom([]cam.Hot{0, cam.Ext, cam.Locked, cam.Static | cam.User}).Draw(r, "flags")
		v = value{true, ports().Draw(r, "port"), flags, m.tick}
		told = &Entry{Hot: cam.MakeHot(v.port, v.flags, v.stamp), Cold: cam.Cold{Seq: base.Seq}}
	}
	if _, ok := m.t.Withdraw(k, base.Seq+1, told); ok {
		r.Fatal("withdrawn under a wrong number")
	}
	flushes := map[uint64]bool{}
	for _, f := range m.t.desc.Load().flushes {
		flushes[f.seq] = true
	}
	_, ok := m.t.Withdraw(k, base.Seq, told)
	may := base.Hot != 0 && !s.busy
	if ok && !may || !ok && may && (counts(base.Hot) || m.t.limits.learned == 0) {
		r.Fatalf("%x: withdrawn %v", k, ok)
	}
	if !ok {
		return
	}
	for _, a := range s.all {
		if a.seq > base.Seq && (a.filter == nil || flushes[a.seq]) {
			v = a.on(k, v)
		}
	}
	s.now = v
}

// operate is a batch of operations that are done at once.
func (m *model) operate(r *rapid.T) {
	batch := rapid.SliceOfN(keys(), 1, 5).Draw(r, "keys")
	results := make([]value, len(batch))
	for i := range results {
		if rapid.IntRange(0, 3).Draw(r, "result") > 0 {
			flags := rapid.SampledFrom([]cam.Hot{cam.Static | cam.User, cam.User, cam.Ext, cam.Sticky | cam.User}).Draw(r, "flags")
			results[i] = value{true, ports().Draw(r, "port"), flags, m.tick}
		}
	}
	var done []int
	var hear func(cam.Key, *Entry, *Entry)
	if rapid.Bool().Draw(r, "quiet") {
		hear = func(k cam.Key, old, new *Entry) {
			m.heard(Change{Key: k, Old: *old, New: *new, Cause: Operated, Seq: m.t.seq})
		}
	}
	left := m.t.Operate(batch, nil, func(i int, now *Entry, seq uint64, next *Entry) bool {
		s, v := m.of(batch[i]), results[i]
		if !valueOf(now.Hot).same(s.now) || s.busy || seq <= now.Seq {
			r.Fatalf("%x: %d operates on %v, want %v", batch[i], seq, valueOf(now.Hot), s.now)
		}
		if !v.here && !s.now.here {
			return false
		}
		*next = Entry{}
		if v.here {
			next.Hot = cam.MakeHot(v.port, v.flags, v.stamp)
		}
		if full := m.t.limits.learned > 0 && m.t.learned+m.t.reserved >= m.t.limits.learned; !full || !counts(next.Hot) || counts(now.Hot) {
			s.now = v
			done = append(done, i)
		}
		return true
	}, hear)
	for _, i := range left {
		if slices.Contains(done, i) || !m.of(batch[i]).busy && m.t.limits.learned == 0 {
			r.Fatalf("%x was not operated on", batch[i])
		}
	}
}

func (m *model) veto(r *rapid.T) {
	k := keys().Draw(r, "key")
	v := veto{port: ports().Draw(r, "port"), until: m.tick + uint64(rapid.IntRange(0, 5).Draw(r, "pause"))}
	m.t.Veto(k, v.port, v.until)
	m.vetos[k] = v
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
		if e.Hot != 0 && s.now.flags&cam.Sticky == 0 && !s.odd && e.Stamp() != s.now.stamp {
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
	if max := m.t.limits.learned; max > 0 && p.Learned+p.Reserved > max {
		r.Fatalf("more learned than %d: %+v", max, p)
	}
	if c.Full+c.Limited+c.Vetoed != m.drops {
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
	var bulk func(Bulk)
	if rapid.Bool().Draw(r, "bulk") {
		bulk = func(Bulk) {}
	}
	m := newModel(Config{
		EmitBulk:   bulk,
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
		"take":   m.withdraw,
		"batch":  m.operate,
		"veto":   m.veto,
		"expire": m.expire,
		"time":   func(r *rapid.T) { m.tick += uint64(rapid.IntRange(1, 3).Draw(r, "ticks")) },
	}
	r.Repeat(steps)
	m.quiesce(r)
}
