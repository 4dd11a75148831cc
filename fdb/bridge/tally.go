package bridge

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// slots is how many ports of a bridge have a slot in tallies: the first that join. None
// is used again, so that nothing is counted for another port.
const slots = 64

// tally is what one Egress has counted of frames that took the short way. It has one
// writer, which needs no locked instruction: two of them are a large part of what a
// bridge adds to learning and looking up.
type tally struct {
	of   *Bridge
	came [slots]lone // by the port that a frame came in by
	sent [slots]lone // by the one that it left by
	host [slots]lone // of those for the host: by the port that they came in by
}

// lone is a counter with one writer.
type lone struct{ frames, bytes atomic.Uint64 }

func (c *lone) add(size int) {
	increase(&c.frames, 1)
	increase(&c.bytes, uint64(size))
}

// keep is held by the Egress that writes a tally, and by nobody else: when it is
// garbage, the Egress is.
type keep struct{ *tally }

// tallies are those of a bridge.
type tallies struct {
	mu    sync.Mutex // a leaf, which the data path does not take but to bring its tally
	all   []*tally
	ports [slots]*meters
	next  int // the first slot that no port has had
}

// slot gives a port a slot; slots when there is none any more.
func (s *tallies) slot(m *meters) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == slots {
		return slots
	}
	s.ports[s.next] = m
	s.next++
	return s.next - 1
}

// faithful is how many frames of a bridge an Egress counts with locked instructions
// before it gets a tally: one that is made for a few frames never has one.
const faithful = 64

// handed counts a frame for the host alone.
func (b *Bridge) handed(in lane, size int, out *Egress) {
	if k := out.keep; k != nil && k.of == b && in.slot < slots {
		k.host[in.slot].add(size)
		return
	}
	in.meters.came[ReasonHost].add(size)
	b.host.sent.add(size)
	b.used(out)
}

// used notes that a frame was counted without a tally of the bridge.
func (b *Bridge) used(out *Egress) {
	if out.of != b {
		out.of, out.uses, out.keep = b, 0, nil
	}
	if out.uses++; out.uses == faithful {
		out.keep = b.tallies.bring(b)
	}
}

// bring makes a tally.
func (s *tallies) bring(b *Bridge) *keep {
	k := &keep{&tally{of: b}}
	runtime.AddCleanup(k, func(t *tally) { s.fold(t) }, k.tally)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, k.tally)
	return k
}

// fold puts what an Egress that is gone has counted to the ports' own counters.
func (s *tallies) fold(t *tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range s.ports[:s.next] {
		m.came[ReasonForwarded].more(t.came[i].frames.Load(), t.came[i].bytes.Load())
		m.sent.more(t.sent[i].frames.Load(), t.sent[i].bytes.Load())
		m.came[ReasonHost].more(t.host[i].frames.Load(), t.host[i].bytes.Load())
	}
	frames, bytes := t.handed()
	t.of.host.sent.more(frames, bytes)
	for i, x := range s.all {
		if x == t {
			s.all = append(s.all[:i], s.all[i+1:]...)
			return
		}
	}
}

// handed returns what went to the host.
func (t *tally) handed() (frames, bytes uint64) {
	for i := range t.host {
		frames += t.host[i].frames.Load()
		bytes += t.host[i].bytes.Load()
	}
	return frames, bytes
}

// counters returns those of a port, or of the host.
func (s *tallies) counters(m *meters, host bool) Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := m.counters()
	for _, t := range s.all {
		switch {
		case host:
			frames, bytes := t.handed()
			c.TxFrames += frames
			c.TxBytes += bytes
		case m.slot < slots:
			c.came(ReasonForwarded, &t.came[m.slot])
			c.came(ReasonHost, &t.host[m.slot])
			c.TxFrames += t.sent[m.slot].frames.Load()
			c.TxBytes += t.sent[m.slot].bytes.Load()
		}
	}
	return c
}

// came adds what came in and ended with r.
func (c *Counters) came(r Reason, l *lone) {
	frames := l.frames.Load()
	c.outcomes[r] += frames
	c.RxFrames += frames
	c.RxBytes += l.bytes.Load()
}
