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
	stale atomic.Uint64 // reports of former lives
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

// former reports whether r is about a former life of its port. A device that does
// not keep generations reports none.
func (l *lives) former(r *switchdev.Report) bool {
	if r.Gen == 0 {
		return false
	}
	ports := l.ports.Load()
	return ports == nil || (*ports)[r.Port] != r.Gen
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
	s.sink.Report(r)
}
