package fdbarea

import (
	"fmt"
	"strings"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
)

// calibration is what a memory access and the making of a key cost here.
func calibration() measure.Group {
	var rows []measure.Row
	for _, size := range chases {
		rows = append(rows,
			measure.Row{Name: "chase/" + size.name, Ours: size.name, Text: "one load that needs the one before, over " + size.name},
			measure.Row{Name: "loads/" + size.name, Ours: size.name + "/loads", Text: "one of many loads that do not need each other, over " + size.name})
	}
	rows = append(rows, measure.Row{Name: "key", Ours: "key", Peer: "key/peers", Text: "making one key, which is in every number of the lookups, in the form that our tables take and in that of the peers"})
	return measure.Group{Name: "calibration", Rows: rows, Run: func(s *measure.Session, rec *measure.Record) error {
		var cases []measure.Case
		n := s.Size(4<<20, 1<<16)
		for _, size := range chases {
			c := measure.NewChase(size.bytes)
			cases = append(cases,
				measure.Case{Series: size.name, Run: func() float64 { return c.Dependent(n) }},
				measure.Case{Series: size.name + "/loads", Run: func() float64 { return c.Independent(n) }})
		}
		w := peer.Walk{Count: uint64(n), Mask: 1<<20 - 1}
		cases = append(cases,
			measure.Case{Series: "key", Run: func() float64 { return measure.PerOp(n, func() { keySink(w) }) }},
			measure.Case{Series: "key/peers", Run: func() float64 { return measure.PerOp(n, func() { peer.KeyCost(w) }) }})
		measure.Quiet(func() { s.Interleave(rec, cases...) })
		return nil
	}}
}

var chases = [...]struct {
	name  string
	bytes int
}{{"32KiB", 32 << 10}, {"2MiB", 2 << 20}, {"32MiB", 32 << 20}}

// keySink does what the loops over the public table do besides the lookup.
func keySink(w peer.Walk) (sum uint64) {
	for i := w.First; i < w.First+w.Count; i++ {
		k := key(w.At(i))
		sum += uint64(k.MAC[5]) + uint64(k.VLAN)
	}
	return sum
}

// finder is a table with its loops. What a table cannot do is nil.
type finder struct {
	name              string
	find, chain, many func(peer.Walk) uint64
	updates           func() (updater, error)
	close             func()
}

// closeAll ends what the tables have started.
func closeAll(tables []finder) {
	for _, t := range tables {
		if t.close != nil {
			t.close()
		}
	}
}

// finders fills every table with n stations.
func finders(n int, wants func(name string) bool) (all []finder, err error) {
	add := func(name string, f func() finder) {
		if wants(name) && err == nil {
			t := f()
			t.name = name
			all = append(all, t)
		}
	}
	add("ours", func() finder {
		t, e := newOurs(config(), n)
		if err = e; e != nil {
			return finder{}
		}
		return finder{
			find: t.find, chain: t.follow, many: t.findBatch,
			updates: func() (updater, error) { return newApplied(t, n) },
			close:   func() { _ = t.Close() },
		}
	})
	add("core", func() finder {
		t := newMain(n)
		return finder{find: t.find, chain: t.follow, many: t.findBatch, updates: stores(n, t.put, t.remove)}
	})
	add("xsync4", func() finder {
		t := peer.NewXsync4(n)
		return finder{find: t.Find, chain: t.Follow, updates: stores(n, t.Put, t.Remove)}
	})
	add("xsync3", func() finder {
		t := peer.NewXsync3(n)
		return finder{find: t.Find, chain: t.Follow, updates: stores(n, t.Put, t.Remove)}
	})
	add("syncmap", func() finder {
		t := peer.NewSyncMap(n)
		return finder{find: t.Find, chain: t.Follow, updates: stores(n, t.Put, t.Remove)}
	})
	add("rwmutex", func() finder {
		t := peer.NewGuarded(n)
		return finder{find: t.Find, chain: t.Follow, updates: stores(n, t.Put, t.Remove)}
	})
	add("gvisor", func() finder {
		t, e := peer.NewGVisor(n)
		if err = e; e != nil {
			return finder{}
		}
		return finder{find: t.Find, close: t.Close}
	})
	return all, err
}

// limits are the rules, gates and goals of the lookups by size and measurement;
// the others are for information.
var limits = map[string]struct {
	rule       measure.Rule
	gate, goal float64
}{
	"1M/hit/xsync4":        {measure.Faster, 2, 2.6},
	"1M/hit/syncmap":       {measure.Faster, 5, 6},
	"1M/hit/gvisor":        {measure.Faster, 5, 6},
	"1M/dependent/chase":   {measure.Within, 1.25, 1.05},
	"1M/batch/xsync4":      {measure.Faster, 5, 7},
	"1M/miss/xsync4":       {measure.Faster, 0.5, 1},
	"1M/batch-miss/xsync4": {measure.Faster, 1, 0},
	"64k/hit/xsync4":       {measure.Faster, 1.3, 1.6},
	"64k/dependent/chase":  {measure.Within, 0, 0},
	"1k/hit/xsync4":        {measure.Faster, 0.8, 1},
	"1k/dependent/chase":   {measure.Within, 0, 0},
}

// lookups measures a table of one size.
func lookups(size string, full, quick int) measure.Group {
	row := func(kind, peer, series, text string) measure.Row {
		name := size + "/" + kind + "/" + peer
		l := limits[name]
		return measure.Row{
			Name: name, Ours: kind + "/ours", Core: kind + "/core", Peer: series,
			Rule: l.rule, Gate: l.gate, Goal: l.goal, Text: text,
		}
	}
	var rows []measure.Row
	for _, p := range []string{"xsync4", "xsync3", "syncmap", "rwmutex", "gvisor"} {
		rows = append(rows, row("hit", p, "hit/"+p, "lookup of a random station that is there"))
	}
	rows = append(rows,
		row("dependent", "chase", "chase", "each lookup needs the one before, beside a bare load from an array as large as the lookup array"),
		row("dependent", "xsync4", "dependent/xsync4", "each lookup needs the one before"),
		row("batch", "xsync4", "hit/xsync4", "LookupBatch of 64, per station, beside single hits of the peer"),
		row("miss", "xsync4", "miss/xsync4", "lookup of a station that is not there"),
		row("miss", "syncmap", "miss/syncmap", "lookup of a station that is not there"),
		row("batch-miss", "xsync4", "miss/xsync4", "LookupBatch of 64 that are not there, per station, beside single misses of the peer"))
	return measure.Group{Name: "lookup " + size, Rows: rows, Run: func(s *measure.Session, rec *measure.Record) error {
		return measureLookups(s, rec, s.Size(full, quick))
	}}
}

func measureLookups(s *measure.Session, rec *measure.Record, n int) error {
	s.Progress("building tables of %d stations", n)
	tables, err := finders(n, func(name string) bool {
		for _, kind := range []string{"hit/", "dependent/", "batch/", "miss/", "batch-miss/"} {
			if rec.Wants(kind + name) {
				return true
			}
		}
		return false
	})
	defer func() { closeAll(tables) }()
	if err != nil {
		return err
	}
	chase := measure.NewChase(32 * n)
	count := s.Size(max(n, 1<<20), 1<<12)
	cases := []measure.Case{{Series: "chase", Run: func() float64 { return chase.Dependent(count) }}}
	wrong := map[string]bool{}
	for _, t := range tables {
		add := func(kind string, loop func(peer.Walk) uint64, base uint64) {
			if loop != nil {
				cases = append(cases, measure.Case{Series: kind + "/" + t.name, Run: func() float64 {
					ns, right := timeWalk(loop, n, count, base)
					wrong[kind+"/"+t.name] = wrong[kind+"/"+t.name] || !right
					return ns
				}})
			}
		}
		add("hit", t.find, 0)
		add("miss", t.find, peer.Beyond)
		add("dependent", t.chain, 0)
		add("batch", t.many, 0)
		add("batch-miss", t.many, peer.Beyond)
	}
	measure.Quiet(func() { s.Interleave(rec, cases...) })
	return wrongAnswers(wrong)
}

// timeWalk times one walk over count stations of n after a shorter one that
// brings back what the other tables have evicted. It also says whether the loop
// found what is there and nothing else.
func timeWalk(loop func(peer.Walk) uint64, n, count int, base uint64) (ns float64, right bool) {
	w := peer.Walk{Count: uint64(min(count, 1<<17)), Mask: uint64(n - 1), Base: base}
	loop(w)
	w.First, w.Count = w.Count, uint64(count)
	var found uint64
	ns = measure.PerOp(count, func() { found = loop(w) })
	return ns, found == w.Count && base == 0 || found == 0 && base != 0
}

func wrongAnswers(wrong map[string]bool) error {
	var names []string
	for name, is := range wrong {
		if is {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return fmt.Errorf("wrong answers by %s", strings.Join(names, ", "))
	}
	return nil
}
