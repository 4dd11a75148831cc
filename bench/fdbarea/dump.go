package fdbarea

import (
	"fmt"
	"runtime"
	"time"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/fdb"
)

// dumps measures reading everything while a writer goes on.
func dumps() measure.Group {
	return measure.Group{Name: "dump", Rows: []measure.Row{
		{Name: "1M/dump-beside-writer/xsync4", Ours: "dump/ours", Peer: "dump/xsync4", Rule: measure.Faster, Gate: 5, Goal: 10,
			Text: "snapshot and read every entry of 1M beside 200,000 updates a second; ours is one instant of the table, the peer's Range is not"},
		paced("dump", "dump/ours"),
		{Name: "1M/snapshot", Ours: "take/ours", Needs: "dump/ours", Text: "taking the snapshot of that, wall time, with the wait for the writer's turn to end"},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n := s.Size(1<<20, 1<<12)
		t, err := newOurs(config(), n)
		if err != nil {
			return err
		}
		defer t.Close()
		updates, err := newApplied(t, n)
		if err != nil {
			return err
		}
		d := &dumping{s: s, n: n}
		entries := make([]fdb.Entry, 1024)
		x := peer.NewXsync4(n)
		stores := newStored(n, x.Put, x.Remove)
		measure.Quiet(func() {
			s.Interleave(rec,
				measure.Case{Series: "dump/ours", Run: func() float64 {
					ns, apart := d.beside(updates, func() (count int) {
						start := time.Now()
						snapshot := t.Snapshot()
						rec.Add("take/ours", float64(time.Since(start)))
						for at, more := (fdb.Place{}), true; more; {
							var some int
							some, at, more = snapshot.Read(at, entries)
							for i := range entries[:some] {
								if !entries[i].Updated.IsZero() {
									count++
								}
							}
						}
						return count
					})
					rec.Add("pace", apart)
					return ns
				}},
				measure.Case{Series: "dump/xsync4", Run: func() float64 {
					ns, _ := d.beside(stores, x.Dump)
					return ns
				}})
		})
		return d.failed
	}}
}

// dumping is what dumps have in common.
type dumping struct {
	s      *measure.Session
	n      int
	failed error
}

// beside returns the median of some dumps, in nanoseconds of the reading thread,
// that a writer goes on beside, and how far apart its updates were.
func (d *dumping) beside(u updater, dump func() int) (ns, apart float64) {
	var all []float64
	var failed error
	runtime.GC()
	measure.Beside(func() {
		for range d.s.Size(5, 1) {
			time.Sleep(d.s.Pause(200 * time.Millisecond)) // the writer gets into its stride
			count := 0
			all = append(all, measure.PerOp(1, func() { count = dump() }))
			// A walk that is no instant may meet a station twice, or none that
			// was there for a part of it.
			if least := d.n; count < least || count > least+2*peer.Window+int(rate) {
				d.failed = fmt.Errorf("a dump of %d stations had %d", d.n, count)
			}
		}
	}, func(done <-chan struct{}) { apart, failed = pace(u, done) })
	if failed != nil {
		d.failed = failed
	}
	d.s.Progress("%.0f updates a second were made", float64(time.Second)/apart)
	return measure.Median(all), apart
}
