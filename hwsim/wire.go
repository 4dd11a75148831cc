package hwsim

import (
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// Wire is a cable to a port. Either direction may be nil.
type Wire struct {
	// Rx carries frames into the chip. Closing it ends the direction.
	Rx <-chan []byte
	// Tx takes frames that leave the chip. When it has no room the frame is
	// dropped and counted. It must not be closed before [Port.Detach], and not
	// while somebody else may still make a frame leave: one that is on its way
	// during Detach is still put in.
	Tx chan<- []byte
}

// attachment is a wire on a port.
type attachment struct {
	Wire
	stop chan struct{}
	tap  bool // it is no wire but a TAP, which the egress hook is of
}

// Attach puts a wire on the port. A port has one: a second is refused with
// ErrBusy, a wire on a removed port with ErrPortGone, one on a LAG with
// ErrUnsupported. A Manual chip takes in
// what waits on Rx in [Chip.Poll], any other has a goroutine for it.
func (p *Port) Attach(w Wire) error {
	c := p.chip
	a := &attachment{Wire: w, stop: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return switchdev.ErrClosed
	case p.gone:
		return switchdev.ErrPortGone
	case p.lag != nil:
		return c.refusal("attach", p.name, "a LAG has the wires of its links", switchdev.ErrUnsupported)
	case !p.wire.CompareAndSwap(nil, a):
		return c.refusal("attach", p.name, "there is a wire already", switchdev.ErrBusy)
	}
	if w.Rx != nil && !c.cfg.Manual {
		c.workers.Go(func() { p.listen(a) })
	}
	return nil
}

// Detach takes the wire off, if there is one. A frame that is on its way
// meanwhile may still be put into Tx or taken from Rx.
func (p *Port) Detach() {
	if a := p.wire.Swap(nil); a != nil {
		close(a.stop)
	}
}

func (p *Port) listen(a *attachment) {
	for {
		select {
		case <-a.stop:
			return
		case <-p.chip.quit:
			return
		case frame, ok := <-a.Rx:
			if !ok {
				return
			}
			p.Ingress(frame)
		}
	}
}

// drainWires takes in what waits on the wires of a Manual chip, port by port,
// no more than a queue's worth of each.
func (c *Chip) drainWires() {
	c.mu.RLock()
	wired := false
	for _, p := range c.ports {
		wired = wired || p.wire.Load() != nil
	}
	var ports []*Port
	if wired {
		ports = slices.Clone(c.ports)
	}
	c.mu.RUnlock()
	for _, p := range ports {
		if a := p.wire.Load(); a != nil && a.Rx != nil {
			p.drain(a, max(len(a.Rx), 1))
		}
	}
}

func (p *Port) drain(a *attachment, most int) {
	for range most {
		select {
		case frame, ok := <-a.Rx:
			if !ok {
				p.wire.CompareAndSwap(a, &attachment{Wire: Wire{Tx: a.Tx}, stop: a.stop})
				return
			}
			p.Ingress(frame)
		default:
			return
		}
	}
}

// OnEgress has f called with every frame that leaves the port, in the goroutine
// of whoever made it leave and without any lock held; nil ends that. f does not
// change the frame. A wire gets the frame as well.
func (p *Port) OnEgress(f func(frame []byte)) {
	if f == nil {
		p.egress.Store(nil)
		return
	}
	p.egress.Store(&f)
}

// emit hands a frame to what is plugged into the port, and reports false when a
// wire had no room.
func (p *Port) emit(frame []byte) bool {
	ok := true
	if a := p.wire.Load(); a != nil && a.Tx != nil {
		select {
		case a.Tx <- frame:
		default:
			ok = false
		}
	}
	if hook := p.egress.Load(); hook != nil {
		(*hook)(frame)
	}
	return ok
}
