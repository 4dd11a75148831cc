//go:build !explore

package cam

import "testing"

func fresh1M() *Table {
	t := New(Config{Seed: [2]uint64{1, 2}})
	for i := range uint64(1<<20 + 1<<12) {
		t.Put(benchKey(i), MakeHot(uint16(i), 0, 1), Cold{Seq: i})
	}
	return t
}

func BenchmarkUpdate(b *testing.B) {
	for _, mode := range []string{"single", "batch"} {
		b.Run(mode, func(b *testing.B) {
			t := fresh1M()
			keys := make([]Key, 64)
			verb := make([]bool, 64)
			next := uint64(0)
			port := uint16(0)
			start := cpu()
			n := 0
			for b.Loop() {
				port++
				for i := 0; i < 64; i += 4 {
					j := next
					next++
					keys[i] = benchKey(2 * j * 0x9e3779b97f4a7c15 & (1<<20 - 1))
					keys[i+1] = benchKey(1<<20 + 1<<12 + j)
					keys[i+2] = benchKey((2*j + 1) * 0x9e3779b97f4a7c15 & (1<<20 - 1))
					keys[i+3] = benchKey(1<<20 + j)
					verb[i+3] = true
				}
				n += 64
				if mode == "single" {
					for i, k := range keys {
						if verb[i] {
							t.Delete(k)
						} else {
							t.Put(k, MakeHot(port, 0, 1), Cold{Seq: next})
						}
					}
					continue
				}
				t.Prefetch(keys)
				var p Place
				var e Entry
				for i, k := range keys {
					t.At(&p, k, &e)
					if verb[i] {
						t.DeleteAt(&p)
					} else {
						t.PutAt(&p, MakeHot(port, 0, 1), Cold{Seq: next})
					}
				}
			}
			b.ReportMetric(float64(cpu()-start)/float64(n), "cpu-ns/op")
			s := t.Stats()
			b.Logf("%d ops: %+v", n, s)
		})
	}
}
