package fdbarea

import (
	"context"
	"fmt"
	"time"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// updater makes the load of peer.Mixed. fours makes n groups of four updates.
type updater interface {
	fours(n int) error
}

// applied makes the updates of the public table, by Table.Apply in batches as
// large as those of the netlink peer.
type applied struct {
	*ours
	mix  peer.Mixed
	ops  []fdb.Op
	port switchdev.PortID // of replaced stations; it changes, so no replace is idle
}

// updateBatch is how many updates are made at once.
const updateBatch = 256

// windowPort is the port of inserted stations.
const windowPort = 2000

// newApplied makes t ready for updates: n is a power of two of stations that it
// has, and it gets the inserted ones that are to be deleted first.
func newApplied(t *ours, n int) (*applied, error) {
	a := &applied{ours: t, mix: peer.Mixed{Mask: uint64(n - 1)}, port: windowPort}
	for i := range uint64(peer.Window) {
		a.insert(uint64(n) + i)
	}
	return a, a.apply()
}

func (a *applied) fours(n int) error {
	for n > 0 {
		now := min(n, updateBatch/4)
		a.port ^= 1
		a.mix.Fours(now, a.replace, a.insert, a.remove)
		if err := a.apply(); err != nil {
			return err
		}
		n -= now
	}
	return nil
}

func (a *applied) replace(i uint64) {
	a.ops = append(a.ops, fdb.Op{Verb: fdb.VerbReplace, Entry: fdb.Entry{Key: key(i), Port: a.port}})
}

func (a *applied) insert(i uint64) {
	a.ops = append(a.ops, fdb.Op{Verb: fdb.VerbReplace, Entry: fdb.Entry{Key: key(i), Port: windowPort}})
}

func (a *applied) remove(i uint64) {
	a.ops = append(a.ops, fdb.Op{Verb: fdb.VerbDelete, Entry: fdb.Entry{Key: key(i), Port: windowPort}})
}

// apply hands the collected operations to the table.
func (a *applied) apply() error {
	err := a.Apply(context.Background(), a.ops)
	a.ops = a.ops[:0]
	return err
}

// stored makes the updates of a map.
type stored struct {
	mix    peer.Mixed
	put    func(i uint64, port uint16)
	delete func(i uint64)
	port   uint16
}

// stores returns what makes a map with n stations ready for updates.
func stores(n int, put func(uint64, uint16), remove func(uint64)) func() (updater, error) {
	return func() (updater, error) { return newStored(n, put, remove), nil }
}

func newStored(n int, put func(uint64, uint16), remove func(uint64)) *stored {
	m := &stored{mix: peer.Mixed{Mask: uint64(n - 1)}, put: put, delete: remove, port: windowPort}
	for i := range uint64(peer.Window) {
		m.insert(uint64(n) + i)
	}
	return m
}

func (m *stored) fours(n int) error {
	m.port ^= 1
	m.mix.Fours(n, m.replace, m.insert, m.delete)
	return nil
}

func (m *stored) replace(i uint64) { m.put(i, m.port) }
func (m *stored) insert(i uint64)  { m.put(i, windowPort) }

// rate is how many updates a second go on beside readers.
const rate = 200_000

// paced is a row that tells whether the writer of a measurement kept its pace.
func paced(name, needs string) measure.Row {
	return measure.Row{
		Name: "1M/writer-pace/" + name, Ours: "pace", Needs: needs, Rule: measure.AtMost, Gate: 1.1 * float64(time.Second/rate),
		Text: "wall time between two of our updates beside that, which are to be 200,000 a second; the gate is a tenth slower",
	}
}

// pace makes updates at the rate until done is closed and returns the
// nanoseconds between two.
func pace(u updater, done <-chan struct{}) (apart float64, err error) {
	began, made := time.Now(), 0
	for {
		select {
		case <-done:
			return float64(time.Since(began)) / float64(max(made, 1)), err
		default:
		}
		ahead := time.Duration(made)*(time.Second/rate) - time.Since(began)
		if ahead > 0 {
			time.Sleep(ahead)
			continue
		}
		if e := u.fours(updateBatch / 4); e != nil && err == nil {
			err = e
		}
		made += updateBatch
	}
}

// writers measures updates without readers.
func writers() measure.Group {
	const text = "updates of 1M stations (half replace, a quarter insert, a quarter delete), CPU of all threads; ours by Apply of 256"
	return measure.Group{Name: "writer", Rows: []measure.Row{
		{Name: "1M/update/xsync4", Ours: "ours", Core: "core", Peer: "xsync4", Rule: measure.Faster, Gate: 2, Goal: 2.7, Text: text},
		{Name: "1M/update/syncmap", Ours: "ours", Core: "core", Peer: "syncmap", Text: text},
		{Name: "1M/update/rwmutex", Ours: "ours", Core: "core", Peer: "rwmutex", Text: text},
	}, Run: measureUpdates}
}

func measureUpdates(s *measure.Session, rec *measure.Record) (failed error) {
	n, fours := s.Size(1<<20, 1<<12), s.Size(1<<17, 1<<8)
	tables, err := finders(n, rec.Wants)
	defer func() { closeAll(tables) }()
	if err != nil {
		return err
	}
	var cases []measure.Case
	for _, t := range tables {
		u, err := t.updates()
		if err != nil {
			return err
		}
		cases = append(cases, measure.Case{Series: t.name, Run: func() float64 {
			return measure.InParts(4*fours, 1<<18, func(from, to int) {
				if err := u.fours((to - from) / 4); err != nil && failed == nil {
					failed = fmt.Errorf("%s: %w", t.name, err)
				}
			})
		}})
	}
	s.Interleave(rec, cases...)
	return failed
}
