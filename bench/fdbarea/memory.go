package fdbarea

import (
	"runtime"
	"runtime/metrics"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/fdb/core"
)

// memory measures what 1M stations weigh, in bytes and in the collector's time.
func memory() measure.Group {
	const bytes = "bytes an entry at 1M: what the heap grew by, after a collection"
	const cycle = "CPU of one forced collection with 1M entries live"
	return measure.Group{Name: "memory", Rows: []measure.Row{
		{Name: "1M/bytes/lookup-array", Ours: "array/core", Core: "array/core", Unit: measure.Bytes, Rule: measure.AtMost, Gate: 36, Text: "bytes an entry at 1M of what a lookup may read"},
		{Name: "1M/bytes/all", Ours: "bytes/ours", Core: "bytes/core", Peer: "bytes/xsync4", Unit: measure.Bytes, Rule: measure.AtMost, Gate: 64, Text: bytes},
		{Name: "1M/bytes/syncmap", Ours: "bytes/ours", Core: "bytes/core", Peer: "bytes/syncmap", Unit: measure.Bytes, Text: bytes},
		{Name: "1M/gc-cycle/xsync4", Ours: "gc/ours", Core: "gc/core", Peer: "gc/xsync4", Rule: measure.Within, Gate: 1.0 / 20, Text: cycle},
		{Name: "1M/gc-cycle/syncmap", Ours: "gc/ours", Core: "gc/core", Peer: "gc/syncmap", Text: cycle},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n := s.Size(1<<20, 1<<12)
		var failed error
		kinds := map[string]func() (table any, end func()){
			"ours": func() (any, func()) {
				t, err := newOurs(config(), n)
				if err != nil {
					failed = err
					return nil, func() {}
				}
				return t, func() { _ = t.Close() }
			},
			"core": func() (any, func()) {
				t := newMain(n)
				rec.Add("array/core", float64(core.LookupBytes(t.Table))/float64(n))
				return t, func() {}
			},
			"xsync4":  func() (any, func()) { return peer.NewXsync4(n), func() {} },
			"syncmap": func() (any, func()) { return peer.NewSyncMap(n), func() {} },
		}
		for round := range s.Rounds {
			s.Progress("round %d of %d: building, weighing and dropping tables of %d stations", round+1, s.Rounds, n)
			for _, name := range []string{"ours", "core", "xsync4", "syncmap"} {
				if rec.Wants("bytes/"+name) || rec.Wants("gc/"+name) || rec.Wants("array/"+name) {
					bytes, gc := weigh(kinds[name])
					rec.Add("bytes/"+name, bytes/float64(n))
					rec.Add("gc/"+name, gc)
				}
			}
		}
		return failed
	}}
}

// weigh makes a table, which is then the only thing of size in the heap, and
// returns by how much the heap grew and the CPU nanoseconds of a collection.
func weigh(make func() (table any, end func())) (bytes, gc float64) {
	runtime.GC()
	runtime.GC() // what had finalizers is gone only now
	before := heap()
	table, end := make()
	defer end()
	runtime.GC()
	runtime.GC()
	bytes = float64(heap()) - float64(before)
	const cycles = 5
	start := collector()
	for range cycles {
		runtime.GC()
	}
	gc = (collector() - start) * 1e9 / cycles
	runtime.KeepAlive(table)
	return bytes, gc
}

// heap returns the bytes of live objects.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// collector returns the CPU seconds that the garbage collector has taken: what
// marked on its own processors, what others had to help with, and the pauses.
// Marking on idle processors counts, for a program that is busy pays for it.
func collector() float64 {
	samples := []metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"},
	}
	metrics.Read(samples)
	return samples[0].Value.Float64()
}
