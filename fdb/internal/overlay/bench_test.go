//go:build !explore

package overlay

import (
	"fmt"
	"testing"
	"time"

	"github.com/puzpuzpuz/xsync/v3"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// benchKey is a bijection of 48 bits, cheap and without locality.
func benchKey(i uint64) cam.Key {
	x := (i * 0xbf58476d1ce4e5b9) & (1<<60 - 1)
	x ^= x >> 31
	return cam.Key(x * 0x94d049bb133111eb & (1<<60 - 1))
}

func benchEntry(i uint64) Entry { return Entry{Hot: cam.MakeHot(uint16(i%1024), cam.User, 1)} }

// filled returns a table of n stations on 1024 ports.
func filled(n int, cfg Config) *Table {
	t := New(cfg)
	keys := make([]cam.Key, hold)
	for i := 0; i < n; i += len(keys) {
		for j := range keys {
			keys[j] = benchKey(uint64(i + j))
		}
		t.Operate(keys, nil, func(j int, _ *Entry, _ uint64, e *Entry) bool {
			*e = benchEntry(uint64(i + j))
			e.Hot &^= cam.User
			return true
		}, nil)
	}
	return t
}

// mix is the writer's load: half replacements, a quarter insertions, a quarter
// deletions, of keys without locality.
type mix struct{ i, lo, hi uint64 }

func (m *mix) next() (k cam.Key, put bool) {
	m.i++
	switch m.i & 3 {
	case 0:
		m.hi++
		return benchKey(m.hi - 1), true
	case 1:
		m.lo++
		return benchKey(m.lo - 1), false
	}
	return benchKey(m.lo + m.i*0x9e3779b1%(1<<20)), true
}

func perOp(b *testing.B, spent time.Duration, n int) {
	b.ReportMetric(float64(spent.Nanoseconds())/float64(n), "cpu-ns/op")
}

func BenchmarkMixedWrites(b *testing.B) {
	const n, batch = 1 << 20, 256
	told := 0
	for name, cfg := range map[string]Config{"quiet": {}, "told": {Emit: func(Change) { told++ }}} {
		b.Run("operate/"+name, func(b *testing.B) {
			t, m := filled(n, cfg), mix{hi: n}
			var keys [batch]cam.Key
			var puts [batch]bool
			start := cpu()
			for range b.N {
				for j := range keys {
					keys[j], puts[j] = m.next()
				}
				t.Operate(keys[:], nil, func(i int, _ *Entry, seq uint64, e *Entry) bool {
					*e = Entry{}
					if puts[i] {
						*e = benchEntry(seq)
					}
					return true
				}, nil)
			}
			perOp(b, cpu()-start, b.N*batch)
		})
	}
	b.Run("cam/single", func(b *testing.B) {
		t, m := filled(n, Config{}).main, mix{hi: n}
		start := cpu()
		for i := range uint64(b.N * batch) {
			if k, put := m.next(); put {
				t.Put(k, benchEntry(i).Hot, cam.Cold{Seq: i})
			} else {
				t.Delete(k)
			}
		}
		perOp(b, cpu()-start, b.N*batch)
	})
	b.Run("cam/prefetched", func(b *testing.B) {
		t, m := filled(n, Config{}).main, mix{hi: n}
		var keys [hold]cam.Key
		var puts [hold]bool
		start := cpu()
		for range b.N * batch / hold {
			for j := range keys {
				keys[j], puts[j] = m.next()
			}
			t.Prefetch(keys[:])
			for j, k := range keys {
				if puts[j] {
					t.Put(k, benchEntry(uint64(j)).Hot, cam.Cold{Seq: m.i})
				} else {
					t.Delete(k)
				}
			}
		}
		perOp(b, cpu()-start, b.N*batch)
	})
	b.Run("xsync3", func(b *testing.B) {
		x, m := xsync.NewMapOf[cam.Key, *Entry](xsync.WithPresize(n)), mix{hi: n}
		for i := range uint64(n) {
			e := benchEntry(i)
			x.Store(benchKey(i), &e)
		}
		start := cpu()
		for i := range uint64(b.N * batch) {
			if k, put := m.next(); put {
				e := benchEntry(i)
				x.Store(k, &e)
			} else {
				x.Delete(k)
			}
		}
		perOp(b, cpu()-start, b.N*batch)
	})
}

func BenchmarkApply(b *testing.B) {
	const n = 1 << 20
	for _, pending := range []int{1 << 10, 1 << 14} {
		for _, kind := range []string{"new", "moved"} {
			b.Run(fmt.Sprintf("%s/%d", kind, pending), func(b *testing.B) {
				t, at := filled(n, Config{PendingMax: -1}), uint64(0)
				if kind == "new" {
					at = n
				}
				var learns, applies time.Duration
				for i := range uint64(b.N) {
					start := cpu()
					for range pending {
						t.Learn(benchKey(at*0x9e3779b1%n|at&n), uint16(2000+i), 1+i)
						at++
					}
					learns += cpu() - start
					t.Seal()
					start = cpu()
					for !t.Apply(256) {
					}
					applies += cpu() - start
				}
				perOp(b, applies, b.N*pending)
				b.ReportMetric(float64(learns.Nanoseconds())/float64(b.N*pending), "learn-ns/op")
			})
		}
	}
}

func BenchmarkFlush(b *testing.B) {
	const n = 1 << 20
	for name, f := range map[string]Filter{"everything": Everything(), "port": ByPort(7), "vlan": {VLAN: 7, ByVLAN: true}} {
		b.Run(name, func(b *testing.B) {
			var visible, applied time.Duration
			killed := 0
			for range b.N {
				t := filled(n, Config{EmitBulk: func(b Bulk) { killed += b.Gone.Len() }})
				start := cpu()
				t.AcceptFlush(f)
				visible += cpu() - start
				start = cpu()
				for !t.FlushStep(2048) {
				}
				applied += cpu() - start
			}
			b.ReportMetric(float64(visible.Nanoseconds())/1e3/float64(b.N), "us/visible")
			b.ReportMetric(float64(applied.Microseconds())/1e3/float64(b.N), "cpu-ms/flush")
			b.ReportMetric(float64(killed)/float64(b.N), "killed")
		})
	}
}

func BenchmarkSweep(b *testing.B) {
	t := filled(1<<20, Config{})
	for name, before := range map[string]uint64{"none": 1, "all": 2} {
		b.Run(name, func(b *testing.B) {
			start := cpu()
			for range b.N {
				for s := (Swept{}); !s.Next.Done(); {
					s = t.Sweep(before, s.Next, 2048)
				}
				if before == 2 {
					break
				}
			}
			b.ReportMetric(float64((cpu()-start).Microseconds())/1e3/float64(b.N), "cpu-ms/sweep")
		})
	}
}

func BenchmarkGrow(b *testing.B) {
	const n = 1 << 20
	b.Run("operate", func(b *testing.B) {
		start := cpu()
		for range b.N {
			filled(n, Config{})
		}
		perOp(b, cpu()-start, b.N*n)
	})
	b.Run("xsync3", func(b *testing.B) {
		start := cpu()
		for range b.N {
			x := xsync.NewMapOf[cam.Key, *Entry]()
			for i := range uint64(n) {
				e := benchEntry(i)
				x.Store(benchKey(i), &e)
			}
		}
		perOp(b, cpu()-start, b.N*n)
	})
}
