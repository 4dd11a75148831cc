package fdb

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// instant is a device that does everything at once and remembers nothing.
type instant struct{}

func (instant) Name() string { return "sw0" }
func (instant) Close() error { return nil }
func (instant) ApplyFDB(_ context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	for i := range ops {
		results[i] = switchdev.Result{Token: ops[i].Token, Epoch: 1}
	}
}

// hung is a device that answers nothing before its ctx ends.
type hung struct{ instant }

func (hung) ApplyFDB(ctx context.Context, _ []switchdev.FDBOp, _ []switchdev.Result) { <-ctx.Done() }

func benchTable(b *testing.B, cfg Config) *Table {
	b.Helper()
	cfg.Learning.Pending = -1
	t, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = t.Close() })
	return t
}

// fill learns n stations and waits until they are applied.
func fill(t *Table, n int) {
	for i := range n {
		t.Learn(stationKey(i), switchdev.PortID(1+i%48))
	}
	for t.Stats().Pending > 0 {
		runtime.Gosched()
	}
}

var benchSizes = []struct {
	name string
	n    int
}{{"1k", 1 << 10}, {"64k", 1 << 16}, {"1M", 1 << 20}}

// order is a walk over stations that no prefetcher foresees.
func order(i, n int) int { return int(uint32(i)*2654435761>>7) & (n - 1) }

func BenchmarkLookup(b *testing.B) {
	for _, size := range benchSizes {
		t := benchTable(b, Config{Ageing: -1})
		fill(t, size.n)
		var m sync.Map
		bare := make(map[Key]Hit)
		var mu sync.RWMutex
		for i := range size.n {
			hit := Hit{Port: switchdev.PortID(1 + i%48)}
			m.Store(stationKey(i), hit)
			bare[stationKey(i)] = hit
		}
		main := t.stations.Main()
		keys := make([]Key, 1<<16)
		miss := make([]Key, len(keys))
		for i := range keys {
			keys[i], miss[i] = stationKey(order(i, size.n)), stationKey(1<<24+order(i, size.n))
		}
		run := func(name string, find func(Key) bool, keys []Key, want bool) {
			b.Run(name+"/"+size.name, func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if find(keys[i&(len(keys)-1)]) != want {
						b.Fatal("wrong answer")
					}
					i++
				}
			})
		}
		lookup := func(k Key) bool { _, ok := t.Lookup(k); return ok }
		cam := func(k Key) bool { _, ok := main.Find(camKey(k)); return ok }
		mapped := func(k Key) bool { _, ok := m.Load(k); return ok }
		run("hit", lookup, keys, true)
		run("cam", cam, keys, true)
		run("syncmap", mapped, keys, true)
		run("map", func(k Key) bool { _, ok := bare[k]; return ok }, keys, true)
		run("rwmutexmap", func(k Key) bool {
			mu.RLock()
			_, ok := bare[k]
			mu.RUnlock()
			return ok
		}, keys, true)
		run("destination", func(k Key) bool { _, ok := t.Destination(k); return ok }, keys, true)
		run("miss", lookup, miss, false)
		run("cammiss", cam, miss, false)
		run("syncmapmiss", mapped, miss, false)
	}
}

func BenchmarkLearn(b *testing.B) {
	const n = 1 << 16
	b.Run("known", func(b *testing.B) {
		t := benchTable(b, Config{Manual: true})
		for i := range n {
			t.Learn(stationKey(i), 1)
		}
		t.Poll(time.Now())
		for i := range n {
			t.Learn(stationKey(i), 1)
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if t.Learn(stationKey(order(i, n)), 1) != Known {
				b.Fatal("not known")
			}
			i++
		}
	})
	b.Run("refreshed", func(b *testing.B) {
		t := benchTable(b, Config{Manual: true})
		for i := range n {
			t.Learn(stationKey(i), 1)
		}
		now := time.Now()
		t.Poll(now)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%n == 0 {
				t.clock.advance(now.Add(time.Duration(i/n+1) * time.Second))
			}
			t.Learn(stationKey(i%n), 1)
		}
	})
	b.Run("new", func(b *testing.B) {
		t := benchTable(b, Config{Ageing: -1})
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			t.Learn(stationKey(i&(1<<22-1)), 1)
			i++
		}
	})
}

func BenchmarkAddDelete(b *testing.B) {
	run := func(b *testing.B, cfg Config, workers int) {
		t := benchTable(b, cfg)
		fill(t, 1<<16)
		ctx := b.Context()
		b.ReportAllocs()
		var next atomic.Int64
		var wg sync.WaitGroup
		b.ResetTimer()
		for w := range workers {
			wg.Go(func() {
				k := stationKey(1<<25 + w)
				for next.Add(1) <= int64(b.N) {
					if err := t.Add(ctx, Entry{Key: k, Port: 1, Flags: Static}); err != nil {
						b.Error(err)
						return
					}
					if err := t.Delete(ctx, k, 1); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	hw := Config{Hardware: Hardware{Devices: []Device{{Driver: instant{}, Ports: []switchdev.PortID{1}}}}}
	for _, workers := range []int{1, 64} {
		b.Run(fmt.Sprintf("software/%d", workers), func(b *testing.B) { run(b, Config{}, workers) })
		b.Run(fmt.Sprintf("device/%d", workers), func(b *testing.B) { run(b, hw, workers) })
	}
}

// BenchmarkHungDevice is what others pay while operations hang on a device: one
// iteration submits 50000 adds for it, and after each one an add for no device.
func BenchmarkHungDevice(b *testing.B) {
	const n = 50000
	cfg := Config{Hardware: Hardware{Timeout: time.Minute, Close: time.Millisecond, Devices: []Device{{Driver: hung{}, Ports: []switchdev.PortID{1}}}}}
	for _, flushed := range []bool{false, true} {
		b.Run(fmt.Sprintf("flush=%v", flushed), func(b *testing.B) {
			for b.Loop() {
				t, err := New(cfg)
				if err != nil {
					b.Fatal(err)
				}
				t.SubmitAdd(Entry{Key: stationKey(1 << 24), Port: 1, Flags: Static})
				if flushed {
					t.SubmitFlush(OnPort(7))
				}
				for i := range n {
					t.SubmitAdd(Entry{Key: stationKey(i), Port: 1, Flags: Static})
					if i%10 == 0 {
						if err := t.Add(b.Context(), Entry{Key: stationKey(1<<25 + i), Port: 2, Flags: Static}); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.StopTimer()
				_ = t.Close()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/add")
		})
	}
}

func BenchmarkFlush1M(b *testing.B) {
	const n = 1 << 20
	for b.Loop() {
		b.StopTimer()
		t := benchTable(b, Config{Ageing: -1})
		fill(t, n)
		b.StartTimer()
		if got, err := t.Flush(b.Context(), Filter{}); got != n || err != nil {
			b.Fatal(got, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/entry")
}

func BenchmarkSnapshot(b *testing.B) {
	t := benchTable(b, Config{Ageing: -1})
	fill(t, 1<<20)
	b.Run("take", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t.Snapshot()
		}
	})
	b.Run("walk", func(b *testing.B) {
		s := t.Snapshot()
		for b.Loop() {
			n := 0
			for range s.All() {
				n++
			}
			if n != 1<<20 {
				b.Fatal(n)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N<<20), "ns/entry")
	})
}
