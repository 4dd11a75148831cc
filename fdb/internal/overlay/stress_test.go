//go:build !explore

package overlay

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// owner is a goroutine that alone moves its stations and flushes its ports, so
// it knows what every lookup of them has to say.
type owner struct {
	t    *Table
	id   int
	r    *rand.Rand
	port map[cam.Key]uint16
	tick *atomic.Uint64
}

const stations = 64

func (o *owner) run(rounds int) error {
	for i := range rounds {
		k := cam.Key(o.id)<<40 | cam.Key(o.r.IntN(stations))<<12
		switch o.r.IntN(20) {
		case 0:
			if o.r.IntN(20) == 0 {
				o.flush()
			}
		case 1, 2, 3:
			port := uint16(o.id*4 + o.r.IntN(4))
			if out := o.t.Learn(k, port, o.tick.Load()); !out.Accepted() || out == Own {
				return fmt.Errorf("learn: %v", out)
			}
			o.port[k] = port
		case 4, 5, 6:
			// What a busy bridge mostly does: see the same station again.
			if port, ok := o.port[k]; ok {
				o.t.Learn(k, port, o.tick.Load())
			}
		}
		want, known := o.port[k]
		h, ok := o.t.Lookup(k)
		if ok != known || ok && h.Port() != want {
			return fmt.Errorf("round %d: %x on port %d (%v), want %d (%v)", i, k, h.Port(), ok, want, known)
		}
	}
	return nil
}

func (o *owner) flush() {
	port := uint16(o.id*4 + o.r.IntN(4))
	o.t.AcceptFlush(AllOfPort(port))
	for k, p := range o.port {
		if p == port {
			delete(o.port, k)
		}
	}
}

// work is what the worker and user operations do meanwhile, none of which may
// change what owners see.
func work(t *Table, stop <-chan struct{}, owners int, tick *atomic.Uint64) {
	r := rand.New(rand.NewPCG(99, 99))
	type op struct {
		k   cam.Key
		seq uint64
	}
	var open []op
	var cursor cam.Cursor
	for i := 0; ; i++ {
		select {
		case <-stop:
			for _, o := range open {
				t.Finish(o.k, o.seq, nil)
			}
			return
		default:
		}
		switch r.IntN(8) {
		case 0, 1:
			t.Seal()
		case 2, 3:
			t.Apply(1 + r.IntN(40))
		case 4:
			t.FlushStep(1 + r.IntN(100))
		case 5:
			k := cam.Key(r.IntN(owners))<<40 | cam.Key(r.IntN(stations))<<12
			if _, seq := t.Stage(k); seq != 0 {
				open = append(open, op{k, seq})
			}
		case 6:
			if n := len(open); n > r.IntN(4) {
				j := r.IntN(n)
				t.Finish(open[j].k, open[j].seq, nil)
				open[j] = open[n-1]
				open = open[:n-1]
			}
		case 7:
			// Other stations come and go: the main table splits and merges.
			k := cam.Key(0xff)<<40 | cam.Key(r.IntN(4096))<<12
			if _, seq := t.Stage(k); seq != 0 {
				e := Entry{}
				if r.IntN(3) > 0 {
					e.Hot = cam.MakeHot(9999, cam.Static, 0)
				}
				t.Finish(k, seq, &e)
			}
			if cursor.Done() {
				cursor = cam.Cursor{}
			}
			cursor, _ = t.Expire(1, cursor, 10)
			if i%64 == 0 {
				t.Snapshot()
				tick.Add(1)
			}
		}
	}
}

// TestOwnersNeverSeeAFalseAnswer races everything; it is the test to run with
// -race. What an owner learned is there, on that port, until its own flush.
func TestOwnersNeverSeeAFalseAnswer(t *testing.T) {
	rounds := 60_000
	if raceEnabled {
		rounds /= 6
	}
	if testing.Short() {
		rounds /= 4
	}
	const owners = 4
	table := New(Config{PendingMax: -1})
	var tick atomic.Uint64
	tick.Store(10)
	stop := make(chan struct{})
	var worker, all sync.WaitGroup
	worker.Go(func() { work(table, stop, owners, &tick) })
	for id := range owners {
		all.Go(func() {
			o := owner{t: table, id: id, r: rand.New(rand.NewPCG(uint64(id), 1)), port: map[cam.Key]uint16{}, tick: &tick}
			if err := o.run(rounds); err != nil {
				t.Errorf("owner %d: %v", id, err)
			}
		})
	}
	all.Wait()
	close(stop)
	worker.Wait()
	settle(table)
	if err := table.Check(); err != nil {
		t.Error(err)
	}
}

// The bound holds while several learn at once, and what is refused is counted.
func TestBoundHoldsUnderConcurrency(t *testing.T) {
	const bound, learners, each = 500, 4, 400
	table := New(Config{PendingMax: bound, LearnedMax: 700})
	var accepted, full atomic.Int64
	fill := func(base int) {
		var wg sync.WaitGroup
		for id := range learners {
			wg.Go(func() {
				for i := range each {
					switch table.Learn(host(base+id*each+i), uint16(id), 1) {
					case Queued:
						accepted.Add(1)
					case Full, Limited:
						full.Add(1)
					}
				}
			})
		}
		wg.Wait()
	}
	fill(0)
	if p := table.Pending(); p.Open != bound || accepted.Load() != bound {
		t.Errorf("%+v, %d accepted; want %d", p, accepted.Load(), bound)
	}
	settle(table)
	fill(1 << 20)
	p, c := table.Pending(), table.Counters()
	if p.Learned+p.Reserved != 700 || accepted.Load() != 700 {
		t.Errorf("%+v, %d accepted; want 700", p, accepted.Load())
	}
	if int64(c.Full+c.Limited) != full.Load() || c.Accepted != 700 {
		t.Errorf("%+v, but %d were refused", c, full.Load())
	}
}
