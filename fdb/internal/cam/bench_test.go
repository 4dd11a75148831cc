//go:build !explore

package cam

import (
	"fmt"
	"sync"
	"testing"

	"github.com/puzpuzpuz/xsync/v3"
)

// Every case walks all keys in an order unlike that of insertion, and the cost
// of making the key is the same for every implementation.

var benchSizes = []int{1 << 10, 1 << 16, 1 << 20}

// benchKey is a bijection of 48 bits, cheap and without locality.
func benchKey(i uint64) Key {
	x := (i * 0xbf58476d1ce4e5b9) & (1<<60 - 1)
	x ^= x >> 31
	return Key(x * 0x94d049bb133111eb & (1<<60 - 1))
}

type lookup func(Key) uint64

func benchTables(n int) map[string]lookup {
	t := New(Config{Seed: testSeed})
	x := xsync.NewMapOf[Key, *Entry](xsync.WithPresize(n))
	var m sync.Map
	for i := range n {
		k, h := benchKey(uint64(i)), MakeHot(uint16(i), 0, uint64(i))
		t.Put(k, h, Cold{})
		x.Store(k, &Entry{Hot: h})
		m.Store(k, &Entry{Hot: h})
	}
	return map[string]lookup{
		"cam": func(k Key) uint64 { h, _ := t.Find(k); return uint64(h) },
		"xsync3": func(k Key) uint64 {
			if e, ok := x.Load(k); ok {
				return uint64(e.Hot)
			}
			return 0
		},
		"syncmap": func(k Key) uint64 {
			if e, ok := m.Load(k); ok {
				return uint64(e.(*Entry).Hot)
			}
			return 0
		},
	}
}

var benchSink uint64

func BenchmarkLookup(b *testing.B) {
	for _, n := range benchSizes {
		tables := benchTables(n)
		mask := uint64(n - 1)
		for _, name := range []string{"cam", "xsync3", "syncmap"} {
			find := tables[name]
			b.Run(fmt.Sprintf("hit/%d/%s", n, name), func(b *testing.B) {
				i, sum := uint64(0), uint64(0)
				for b.Loop() {
					sum += find(benchKey(i * 0x9e3779b1 & mask))
					i++
				}
				benchSink = sum
			})
			b.Run(fmt.Sprintf("miss/%d/%s", n, name), func(b *testing.B) {
				i, sum := uint64(0), uint64(0)
				for b.Loop() {
					sum += find(benchKey(i*0x9e3779b1&mask | 1<<40))
					i++
				}
				benchSink = sum
			})
			b.Run(fmt.Sprintf("dep/%d/%s", n, name), func(b *testing.B) {
				i, last := uint64(0), uint64(0)
				for b.Loop() {
					last = find(benchKey((i*0x9e3779b1 + last&7) & mask))
					i++
				}
				benchSink = last
			})
		}
	}
}

func benchTable(n int) *Table {
	t := New(Config{Seed: testSeed})
	for i := range n {
		t.Put(benchKey(uint64(i)), MakeHot(uint16(i%1024), 0, 1), Cold{})
	}
	return t
}

func BenchmarkFindBatch(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			t := benchTable(n)
			var keys [64]Key
			var out [64]Hot
			i := uint64(0)
			for b.Loop() {
				for j := range keys {
					keys[j] = benchKey(i * 0x9e3779b1 & uint64(n-1))
					i++
				}
				findBatch(t, keys[:], out[:])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys)), "ns/key")
		})
	}
}

func BenchmarkRefresh(b *testing.B) {
	for _, n := range benchSizes {
		t := benchTable(n)
		for _, step := range []uint64{0, 1} {
			b.Run(fmt.Sprintf("%d/newtick=%v", n, step == 1), func(b *testing.B) {
				i, tick := uint64(0), uint64(1)
				for b.Loop() {
					j := i * 0x9e3779b1 & uint64(n-1)
					t.Refresh(benchKey(j), MakeHot(uint16(j%1024), 0, 0), PortMask|FlagMask, tick)
					i++
					tick += step
				}
			})
		}
	}
}

func BenchmarkPut(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("replace/%d", n), func(b *testing.B) {
			t := benchTable(n)
			i := uint64(0)
			for b.Loop() {
				t.Put(benchKey(i*0x9e3779b1&uint64(n-1)), MakeHot(uint16(i), 0, i), Cold{Seq: i})
				i++
			}
		})
		b.Run(fmt.Sprintf("mixed/%d", n), func(b *testing.B) {
			t := benchTable(2 * n)
			b.ReportAllocs()
			// Half of 2n keys are live at a time: a quarter of the writes
			// insert, a quarter replace, a quarter delete, a quarter miss.
			i := uint64(0)
			write := func() {
				k := benchKey(i * 0x9e3779b1 & uint64(2*n-1))
				if mix(i)&1 == 0 {
					t.Delete(k)
				} else {
					t.Put(k, MakeHot(uint16(i), 0, i), Cold{Seq: i})
				}
				i++
			}
			for range 2 * n {
				write()
			}
			for b.Loop() {
				write()
			}
		})
	}
	b.Run("prefetched/1048576", func(b *testing.B) {
		t := benchTable(1 << 20)
		var keys [32]Key
		i := uint64(0)
		for b.Loop() {
			for j := range keys {
				keys[j] = benchKey((i + uint64(j)) * 0x9e3779b1 & (1<<20 - 1))
			}
			t.Prefetch(keys[:])
			for _, k := range keys {
				t.Put(k, MakeHot(uint16(i), 0, i), Cold{Seq: i})
				i++
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys)), "ns/key")
	})
	b.Run("exact/1048576", func(b *testing.B) {
		t := benchTable(1 << 20)
		i := uint64(0)
		for b.Loop() {
			t.PutExact(benchKey(i*0x9e3779b1&(1<<20-1)), MakeHot(uint16(i), 0, i), Cold{Seq: i})
			i++
		}
	})
}

func BenchmarkGrow(b *testing.B) {
	const n = 1 << 20
	for b.Loop() {
		benchTable(n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/entry")
}

func BenchmarkGrowPrefetched(b *testing.B) {
	const n = 1 << 20
	var keys [32]Key
	for b.Loop() {
		t := New(Config{Seed: testSeed})
		for i := 0; i < n; i += len(keys) {
			for j := range keys {
				keys[j] = benchKey(uint64(i + j))
			}
			t.Prefetch(keys[:])
			for _, k := range keys {
				t.Put(k, MakeHot(1, 0, 1), Cold{})
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/entry")
}

func BenchmarkScan(b *testing.B) {
	t := benchTable(1 << 20)
	count := 0
	visit := func(Key, Ref) bool { count++; return true }
	b.Run("none expired", func(b *testing.B) {
		for b.Loop() {
			t.ScanMatch(Cursor{}, 0, Match{Mask: Static, Before: 1}, visit)
		}
	})
	b.Run("one port", func(b *testing.B) {
		for b.Loop() {
			t.ScanPort(Cursor{}, 0, 7, visit)
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			t.Scan(Cursor{}, 0, visit)
		}
	})
	b.Run("snapshot dump", func(b *testing.B) {
		s := t.Snapshot()
		for b.Loop() {
			for range s.All() {
				count++
			}
		}
	})
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			t.Snapshot()
		}
	})
}
