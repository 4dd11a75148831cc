package fdbarea

import (
	"fmt"
	"time"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// passing is a Manual table whose passes are measured on the thread that calls
// Poll.
type passing struct {
	*ours
	n      int
	due    time.Time        // of the next sweep
	port   switchdev.PortID // that was flushed last
	failed error
}

func newPassing(n int) (*passing, error) {
	t, err := newOurs(manual(), n)
	if err != nil {
		return nil, err
	}
	p := &passing{ours: t, n: n}
	p.due = t.Poll(t.now)
	return p, nil
}

// sweep hears every station again a second before the sweep is due, so that
// none is too old, and times the Poll that sweeps.
func (p *passing) sweep() float64 {
	p.now = p.due.Add(-time.Second)
	p.Poll(p.now)
	for i := range uint64(p.n) {
		p.Learn(key(i), port(i))
	}
	p.Poll(p.now)
	p.now = p.due
	before := p.Stats().Aged
	var next time.Time
	ns := measure.PerOp(1, func() { next = p.Poll(p.now) })
	if !next.After(p.due) || p.Stats().Aged != before {
		p.failed = fmt.Errorf("the sweep due at %v aged %d stations and the next is due at %v", p.due, p.Stats().Aged-before, next)
	}
	p.due = next
	return ns
}

// flush forgets one port more, and what was flushed before is heard again.
func (p *passing) flush() float64 {
	p.port++
	want := 0
	for i := range uint64(p.n) {
		if port(i) == p.port {
			want++
		}
	}
	var ticket *fdb.Ticket
	ns := measure.PerOp(1, func() {
		ticket = p.SubmitFlush(fdb.OnPort(p.port))
		p.Poll(p.now)
	})
	select {
	case <-ticket.Done():
	default:
		p.failed = fmt.Errorf("the flush of port %d was not done by one Poll", p.port)
	}
	if got := ticket.Count(); got != want {
		p.failed = fmt.Errorf("the flush of port %d removed %d stations of %d", p.port, got, want)
	}
	for i := range uint64(p.n) {
		p.Learn(key(i), port(i))
	}
	if next := p.Poll(p.now); !next.IsZero() {
		p.due = next
	}
	return ns
}

func peerRange(n int) func() float64 {
	x := peer.NewXsync4(n)
	return func() float64 {
		return measure.PerOp(1, func() { x.Dump() })
	}
}
