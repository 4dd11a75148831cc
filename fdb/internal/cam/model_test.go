package cam

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// model is the slow obvious table: a map that holds whole entries.
type model map[Key]Entry

func (m model) put(k Key, h Hot, c Cold) (Hot, bool) {
	old, ok := m[k]
	n := Entry{h | Present, c}
	n.Used = n.Used / UsedUnit * UsedUnit
	if ok {
		n.Hot |= old.Hot & (Marked | Moved)
		if old.Stamp() > n.Stamp() {
			n.Hot = n.WithStamp(old.Stamp())
		}
		n.Used = max(n.Used, old.Used)
	}
	m[k] = n
	return old.Hot, ok
}

// frozenModel is what a snapshot must show: stamps and uses at least these.
func checkSnapshot(t *rapid.T, s *Snapshot, want model) {
	seen := map[Key]bool{}
	for k, e := range s.All() {
		w, ok := want[k]
		if !ok || seen[k] {
			t.Fatalf("snapshot yields %x (twice: %v, expected: %v)", k, seen[k], ok)
		}
		seen[k] = true
		const exact = PortMask | FlagMask&^Marks
		if (e.Hot^w.Hot)&exact != 0 || e.Has(Marked) || e.Has(Moved) || e.Stamp() < w.Stamp() {
			t.Fatalf("snapshot of %x: %x, want %x", k, e.Hot, w.Hot)
		}
		if e.Seq != w.Seq || e.Owner != w.Owner || e.Offload != w.Offload || e.Notify != w.Notify || e.Used < w.Used {
			t.Fatalf("snapshot of %x: %+v, want %+v", k, e.Cold, w.Cold)
		}
		if f, ok := s.Find(k); !ok || f != e {
			t.Fatalf("Snapshot.Find(%x) = %v, %v, All says %v", k, f, ok, e)
		}
	}
	if len(seen) != len(want) || s.Len() != len(want) {
		t.Fatalf("snapshot has %d, Len %d, want %d", len(seen), s.Len(), len(want))
	}
}

type heldSnapshot struct {
	s    *Snapshot
	want model
}

// machine drives a table and the model with the same operations.
type machine struct {
	t     *Table
	m     model
	seq   uint64
	tick  uint64
	snaps []heldSnapshot
	// A scan under way: the keys present since it began and not yet visited.
	cur  Cursor
	miss map[Key]bool
}

const universe = 3000

func (x *machine) key(t *rapid.T) Key {
	return stationKey(rapid.IntRange(0, universe-1).Draw(t, "key"))
}

func (x *machine) entry(t *rapid.T) (Hot, Cold) {
	x.seq++
	x.tick += uint64(rapid.IntRange(0, 20).Draw(t, "ticks"))
	flags := Hot(rapid.SampledFrom([]uint64{0, uint64(Static), uint64(Sticky | User), uint64(Marked), uint64(Local)}).Draw(t, "flags"))
	h := MakeHot(uint16(rapid.IntRange(0, 3).Draw(t, "port")), flags, x.tick)
	return h, Cold{Seq: x.seq, Owner: uint8(x.seq % 16), Offload: uint8(x.seq % 128), Notify: x.seq%3 == 0, Used: x.tick}
}

func (x *machine) gone(k Key) { delete(x.m, k); delete(x.miss, k) }

func (x *machine) Put(t *rapid.T) {
	k := x.key(t)
	h, c := x.entry(t)
	put := x.t.Put
	if rapid.Bool().Draw(t, "exact") {
		put = x.t.PutExact
	}
	old, ok := put(k, h, c)
	if wold, wok := x.m.put(k, h, c); old != wold || ok != wok {
		t.Fatalf("Put(%x) = %x, %v, want %x, %v", k, old, ok, wold, wok)
	}
}

// Fill puts a run of keys, so that segments split.
func (x *machine) Fill(t *rapid.T) {
	from := rapid.IntRange(0, universe-1).Draw(t, "from")
	h, c := x.entry(t)
	for i := from; i < min(from+600, universe); i++ {
		x.t.Put(stationKey(i), h, c)
		x.m.put(stationKey(i), h, c)
	}
}

// Drop deletes a run of keys, so that segments die and merge.
func (x *machine) Drop(t *rapid.T) {
	from := rapid.IntRange(0, universe-1).Draw(t, "from")
	for i := from; i < min(from+900, universe); i++ {
		k := stationKey(i)
		old, ok := x.t.Delete(k)
		if w, wok := x.m[k]; ok != wok || old != w.Hot {
			t.Fatalf("Delete(%x) = %x, %v, want %x, %v", k, old, ok, w.Hot, wok)
		}
		x.gone(k)
	}
}

func (x *machine) Delete(t *rapid.T) {
	k := x.key(t)
	w, wok := x.m[k]
	switch rapid.IntRange(0, 3).Draw(t, "verb") {
	case 0:
		if old, ok := x.t.DeleteExact(k); ok != wok || old != w.Hot {
			t.Fatalf("DeleteExact(%x) = %x, %v, want %x, %v", k, old, ok, w.Hot, wok)
		}
		x.gone(k)
	case 1:
		if x.t.DeleteIf(k, w.Hot^1) {
			t.Fatalf("DeleteIf(%x) removed what it was not told to", k)
		}
		if ok := x.t.DeleteIf(k, w.Hot); ok != wok {
			t.Fatalf("DeleteIf(%x) = %v, want %v", k, ok, wok)
		}
		x.gone(k)
	default:
		limit := uint64(rapid.IntRange(1, int(x.tick)+2).Draw(t, "limit"))
		match := Match{Mask: Static | Marks, Before: limit}
		remove := x.t.DeleteMatch
		if rapid.Bool().Draw(t, "exact") {
			remove = x.t.DeleteMatchExact
		}
		want := wok && w.Hot&(Static|Marks) == 0 && w.Stamp() < limit
		if old, ok := remove(k, match); ok != want || old != w.Hot {
			t.Fatalf("DeleteMatch(%x) = %x, %v, want %x, %v", k, old, ok, w.Hot, want)
		}
		if want {
			x.gone(k)
		}
	}
}

func (x *machine) Update(t *rapid.T) {
	k := x.key(t)
	h, c := x.entry(t)
	exact := rapid.Bool().Draw(t, "exact")
	what := rapid.IntRange(0, 3).Draw(t, "what")
	f := func(old Hot, cold Cold) (Hot, Cold) {
		switch what {
		case 0:
			return old.WithPort(h.Port()), cold
		case 1:
			cold.Seq, cold.Offload, cold.Notify = c.Seq, c.Offload, c.Notify
			return old, cold
		case 2:
			return max(old, old.WithStamp(h.Stamp())), cold
		}
		return old | Inactive, c
	}
	update := x.t.Update
	if exact {
		update = x.t.UpdateExact
	}
	got, ok := update(k, f)
	w, wok := x.m[k]
	if ok != wok {
		t.Fatalf("Update(%x) = %v, want %v", k, ok, wok)
	}
	if !ok {
		return
	}
	n := w
	n.Hot, n.Cold = f(w.Hot, w.Cold)
	n.Used = max(n.Used/UsedUnit*UsedUnit, w.Used)
	x.m[k] = n
	if got != n.Hot {
		t.Fatalf("Update(%x) = %x, want %x", k, got, n.Hot)
	}
}

func (x *machine) Refresh(t *rapid.T) {
	k := x.key(t)
	h, _ := x.entry(t)
	const mask = PortMask | Marks
	got, o := x.t.Refresh(k, h&^Marks, mask, h.Stamp())
	w, ok := x.m[k]
	want, wo := w.Hot, Known
	switch {
	case !ok:
		wo = Missing
	case (w.Hot^h&^Marks)&mask != 0:
		wo = Differs
	default:
		want = want.WithStamp(max(want.Stamp(), h.Stamp()))
		w.Hot = want
		x.m[k] = w
	}
	if got != want || o != wo {
		t.Fatalf("Refresh(%x) = %x, %v, want %x, %v", k, got, o, want, wo)
	}
}

func (x *machine) Mark(t *rapid.T) {
	k := x.key(t)
	b := Hot(rapid.SampledFrom([]uint64{uint64(Marked), uint64(Moved), uint64(Marks | Static)}).Draw(t, "bits"))
	w, wok := x.m[k]
	f, n := x.t.Mark, w.Hot|b&Marks
	if rapid.Bool().Draw(t, "clear") {
		f, n = x.t.Unmark, w.Hot&^(b&Marks)
	}
	if old, ok := f(k, b); ok != wok || old != w.Hot {
		t.Fatalf("Mark(%x) = %x, %v, want %x, %v", k, old, ok, w.Hot, wok)
	}
	if wok {
		w.Hot = n
		x.m[k] = w
	}
}

func (x *machine) Touch(t *rapid.T) {
	k := x.key(t)
	x.tick += UsedUnit
	r, ok := x.t.Probe(k)
	w, wok := x.m[k]
	if ok != wok {
		t.Fatalf("Probe(%x) = %v, want %v", k, ok, wok)
	}
	if ok {
		x.t.Touch(r, x.tick)
		w.Used = max(w.Used, x.tick/UsedUnit*UsedUnit)
		x.m[k] = w
	}
}

func (x *machine) Snapshot(t *rapid.T) {
	x.snaps = append(x.snaps, heldSnapshot{x.t.Snapshot(), maps.Clone(x.m)})
	if len(x.snaps) > 3 {
		x.snaps = x.snaps[1:]
	}
}

func (x *machine) Clear(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "really") != 0 {
		return
	}
	x.snaps = append(x.snaps, heldSnapshot{x.t.Clear(), x.m})
	x.m = model{}
	clear(x.miss)
}

// Reseed is what a failing hash would bring about.
func (x *machine) Reseed(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "really") == 0 {
		x.t.reseed()
	}
}

// Scan goes on with the scan under way, and checks it when it ends.
func (x *machine) Scan(t *rapid.T) {
	if x.miss == nil {
		x.miss = map[Key]bool{}
		for k := range x.m {
			x.miss[k] = true
		}
	}
	x.cur = x.t.Scan(x.cur, rapid.IntRange(1, 4).Draw(t, "segments"), func(k Key, r Ref) bool {
		w, ok := x.m[k]
		if !ok || w.Hot != r.Hot() || w.Cold != r.Cold() || r.Key() != k {
			t.Fatalf("scan yields %x %x %+v, want %x %+v", k, r.Hot(), r.Cold(), w.Hot, w.Cold)
		}
		delete(x.miss, k)
		return true
	})
	if x.cur.Done() {
		if len(x.miss) != 0 {
			t.Fatalf("scan missed %d keys that were there all the time", len(x.miss))
		}
		x.cur, x.miss = Cursor{}, nil
	}
}

func (x *machine) ScanMatch(t *rapid.T) {
	h, _ := x.entry(t)
	m := Match{Mask: PortMask | Static, Want: h, Before: uint64(rapid.IntRange(0, int(x.tick)+1).Draw(t, "before"))}
	want := 0
	for _, e := range x.m {
		if (e.Hot^h)&(PortMask|Static) == 0 && (m.Before == 0 || e.Stamp() < m.Before) {
			want++
		}
	}
	seen := map[Key]bool{}
	x.t.ScanMatch(Cursor{}, 0, m, func(k Key, r Ref) bool { seen[k] = m.Selects(r.Load()); return true })
	for k, ok := range seen {
		if _, live := x.m[k]; !ok || !live {
			t.Fatalf("ScanMatch yields %x, which %+v does not select", k, m)
		}
	}
	if len(seen) != want {
		t.Fatalf("ScanMatch yields %d keys, want %d", len(seen), want)
	}
}

// Check is the invariant, after every step.
func (x *machine) Check(t *rapid.T) {
	if x.t.Len() != len(x.m) {
		t.Fatalf("Len = %d, want %d", x.t.Len(), len(x.m))
	}
	i := rapid.IntRange(0, universe-1).Draw(t, "check")
	for n := range 20 {
		x.checkKey(t, stationKey((i+n)%universe))
	}
}

func (x *machine) checkKey(t *rapid.T, k Key) {
	w, wok := x.m[k]
	if h, ok := x.t.Find(k); ok != wok || h != w.Hot {
		t.Fatalf("Find(%x) = %x, %v, want %x, %v", k, h, ok, w.Hot, wok)
	}
	if r, ok := x.t.Probe(k); ok != wok || ok && (r.Hot() != w.Hot || r.Cold() != w.Cold) {
		t.Fatalf("Probe(%x) = %x %+v, %v, want %x %+v, %v", k, r.hot, r.Cold(), ok, w.Hot, w.Cold, wok)
	}
}

func (x *machine) finish(t *rapid.T) {
	keys, out := make([]Key, universe), make([]Hot, universe)
	for i := range keys {
		keys[i] = stationKey(i)
		x.checkKey(t, keys[i])
	}
	findBatch(x.t, keys, out)
	for i, k := range keys {
		if out[i] != x.m[k].Hot {
			t.Fatalf("FindBatch(%x) = %x, want %x", k, out[i], x.m[k].Hot)
		}
	}
	for _, h := range x.snaps {
		checkSnapshot(t, h.s, h.want)
	}
	checkSnapshot(t, x.t.Snapshot(), x.m)
	checkBooks(t, x.t)
}

// checkBooks compares the writer's bookkeeping with what is there.
func checkBooks(t interface{ Fatalf(string, ...any) }, x *Table) {
	d := x.dir.Load()
	segs, live, dead := 0, 0, 0
	for i := 0; i < len(d.segs); i += x.span(d, i) {
		e := x.meta[i]
		s, next := d.run(i)
		if next != i+x.span(d, i) {
			t.Fatalf("segment at %d fills up to %d, depth %d of %d", i, next, e.depth, d.bits())
		}
		l, u := 0, 0
		for slot := range segSlots {
			if s.key(slot).Load() != 0 {
				u++
			}
			if s.hot(slot).Load() != 0 {
				l++
			}
		}
		if l != int(e.live) || u != int(e.used) || u > hardLoad+1 {
			t.Fatalf("segment at %d: live %d, used %d, the books say %d, %d", i, l, u, e.live, e.used)
		}
		segs, live, dead = segs+1, live+l, dead+u-l
	}
	s := x.Stats()
	if s.Segments != segs || s.Live != live || s.Dead != dead || x.Len() != live {
		t.Fatalf("counted %d segments, %d live, %d dead; Stats %+v", segs, live, dead, s)
	}
}

func TestTableBehavesLikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := &machine{t: New(Config{Seed: testSeed}), m: model{}, tick: 1}
		actions := rapid.StateMachineActions(x)
		t.Repeat(actions)
		x.finish(t)
	})
}
