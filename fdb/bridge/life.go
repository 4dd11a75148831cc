package bridge

import (
	"sync"
	"sync/atomic"

	"github.com/switchcore/switchcore/switchdev"
)

// lives are the generations of the ports of a device: a number that came back
// belongs to another port, and what a device reports of the one before, late, is
// not news of this one. A port that is re-created under an old number has made
// whole data centres lose traffic for hours.
type lives struct {
	mu    sync.Mutex // a leaf, for whoever changes it
	ports atomic.Pointer[map[switchdev.PortID]switchdev.Generation]
	gone  map[switchdev.PortID]bool // taken out of the device, as the table was told
	keeps atomic.Bool               // the device keeps generations
	stale atomic.Uint64             // reports of former lives
}

// begin sets the generation of a port; 0 for none.
func (l *lives) begin(id switchdev.PortID, gen switchdev.Generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := make(map[switchdev.PortID]switchdev.Generation)
	if ports := l.ports.Load(); ports != nil {
		for k, v := range *ports {
			next[k] = v
		}
	}
	next[id] = gen
	if gen == 0 {
		delete(next, id)
	}
	l.ports.Store(&next)
}

// former reports whether r is about a former life of its port. A device that keeps
// generations has one for every member, so what comes without is of a port that was
// none; one that does not keep them is believed.
func (l *lives) former(r *switchdev.Report) bool {
	ports := l.ports.Load()
	if r.Gen != 0 {
		l.keeps.Store(true)
		return ports == nil || (*ports)[r.Port] != r.Gen
	}
	return ports != nil && (*ports)[r.Port] != 0 && l.keeps.Load()
}

// pull notes that the table was told that a port is gone.
func (l *lives) pull(id switchdev.PortID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone == nil {
		l.gone = make(map[switchdev.PortID]bool)
	}
	l.gone[id] = true
}

// pulled reports whether that is so, and forgets it.
func (l *lives) pulled(id switchdev.PortID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.gone[id]
	delete(l.gone, id)
	return was
}

// sieve is a driver whose reports of former lives of a port get lost. It has all
// other roles of the driver.
type sieve struct {
	switchdev.Driver
	reporter switchdev.Reporter
	lives    *lives
}

// Unwrap returns the driver, for switchdev.As.
func (s *sieve) Unwrap() switchdev.Driver { return s.Driver }

// Bind implements switchdev.Reporter.
func (s *sieve) Bind(sink switchdev.Sink) (unbind func()) {
	return s.reporter.Bind(&sifted{sink: sink, lives: s.lives})
}

type sifted struct {
	sink  switchdev.Sink
	lives *lives
}

// Report implements switchdev.Sink.
func (s *sifted) Report(r switchdev.Report) {
	if s.lives.former(&r) {
		s.lives.stale.Add(1)
		return
	}
	if r.Kind == switchdev.ReportPortGone {
		s.lives.pull(r.Port)
	}
	s.sink.Report(r)
}
