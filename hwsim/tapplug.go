package hwsim

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// tapPlug is a TAP in a port. Three goroutines take part: keep, which lives as long as
// the plug; read, which lives within keep; and, while the device is down, one that waits
// for it to be up.
type tapPlug struct {
	tap  *TAP
	port *Port
	wire *attachment // holds the port's place for a wire, and tells when it is detached
	hook *func([]byte)

	begin   chan struct{}
	stop    chan struct{}
	stopped sync.Once
	over    atomic.Bool // for the reader, which does not wait while there are frames
	ended   chan struct{}
	// doubts counts when the device may have gone down: a frame found it so, or somebody
	// looks. cleared is the doubt up to which it has been seen up since. While they differ,
	// a frame that comes in asks before it goes on.
	doubts, cleared atomic.Uint64
	lowered, raised chan struct{}
	// slot is held by whoever carries the state of the device to the port, and guards up,
	// which is that state.
	slot chan struct{}
	up   bool
}

// Plug puts the TAP into a port of a chip, in place of a wire: what the kernel sends by
// the device comes in there, and what leaves the port is written to the device. A TAP is
// in one port and a port has one TAP or wire; it also takes the place of
// [Port.OnEgress].
//
// One goroutine reads and lets each frame come in, one after the other. Frames are cut
// from blocks of 32 KiB. The memory of one that the host, a hook, a wire or several ports
// have been given is never used again, so that all of them may keep it: a block then is
// one allocation for some twenty frames of full size and for hundreds of small ones, and
// a frame that is kept keeps its block. Only what has left by one other TAP or was
// dropped gives its place to the next frame; that allocates nothing. Frames over the chip's MTU+18 are cut to one byte more and the
// port drops them (DropLong). Frames that leave are written by whoever makes them leave;
// what the device does not take is in [TAP.Counters], the port counts it as sent.
//
// The port has carrier while the device is up. That it is down is seen when a frame
// cannot be written: a device that is down sends nothing either. That it is up again is
// seen at once and before a frame of its comes in. It is otherwise left alone, so
// [Port.SetCarrier] cuts the cable of a device that is up.
//
// The plug ends with [TAP.Unplug], [TAP.Close], [Port.Detach], [Port.Remove] and
// [Chip.Close], and by itself when the device is deleted; then the port is without
// carrier. On a Manual chip it does not wait for [Chip.Poll].
//
// ErrBusy: the TAP is plugged in, or the port has a wire, a TAP or an egress hook.
// ErrPortGone: the port was removed. ErrUnsupported: it is a LAG. ErrNoDevice: the device
// was deleted. ErrClosed: the TAP or the chip was closed.
func (t *TAP) Plug(p *Port) error {
	pl := &tapPlug{
		tap: t, port: p, wire: &attachment{stop: make(chan struct{}), tap: true},
		begin: make(chan struct{}), stop: make(chan struct{}), ended: make(chan struct{}),
		lowered: make(chan struct{}, 1), raised: make(chan struct{}, 1), slot: make(chan struct{}, 1),
	}
	hook := pl.send
	pl.hook = &hook
	if !t.exists() {
		return t.gone()
	}
	t.mu.Lock()
	switch {
	case t.closed:
		t.mu.Unlock()
		return switchdev.ErrClosed
	case t.plug.Load() != nil:
		t.mu.Unlock()
		return tapRefusal("plug", t.name, "is in a port already", switchdev.ErrBusy)
	}
	t.plug.Store(pl)
	t.mu.Unlock()
	if err := pl.connect(); err != nil {
		pl.release()
		return err
	}
	pl.up = t.running()
	p.SetCarrier(pl.up)
	if !pl.settle() {
		pl.lower()
	}
	close(pl.begin)
	return nil
}

// gone says why there is no device.
func (t *TAP) gone() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return switchdev.ErrClosed
	}
	return tapRefusal("plug", t.name, "was deleted", switchdev.ErrNoDevice)
}

// connect takes the place of the port's wire and hook.
func (pl *tapPlug) connect() error {
	p := pl.port
	c := p.chip
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return switchdev.ErrClosed
	case p.lag != nil:
		return c.refusal("plug", p.name, "a LAG has no cable of its own", switchdev.ErrUnsupported)
	case p.gone:
		return switchdev.ErrPortGone
	case !p.wire.CompareAndSwap(nil, pl.wire):
		return c.refusal("plug", p.name, "there is a wire already", switchdev.ErrBusy)
	case !p.egress.CompareAndSwap(nil, pl.hook):
		p.wire.CompareAndSwap(pl.wire, nil)
		return c.refusal("plug", p.name, "there is an egress hook", switchdev.ErrBusy)
	}
	c.workers.Go(pl.keep)
	return nil
}

// release lets the TAP be plugged in anew.
func (pl *tapPlug) release() {
	pl.tap.mu.Lock()
	pl.tap.plug.Store(nil)
	pl.tap.mu.Unlock()
	close(pl.ended)
}

// Unplug takes the TAP out of its port, which is then without carrier, and waits until
// its reader has ended: it is not to be called from a callback of the chip. Nothing is
// lost in the device; frames wait there. It does nothing to a TAP that is in no port.
func (t *TAP) Unplug() {
	if pl := t.plug.Load(); pl != nil {
		pl.end()
		<-pl.ended
	}
}

// Plugged returns a channel that is closed when the plug ends, nil if the TAP is in no
// port.
func (t *TAP) Plugged() <-chan struct{} {
	if pl := t.plug.Load(); pl != nil {
		return pl.ended
	}
	return nil
}

func (pl *tapPlug) end() { pl.stopped.Do(func() { close(pl.stop) }) }

// send is the port's egress hook.
func (pl *tapPlug) send(frame []byte) {
	if _, err := pl.tap.Write(frame); err == switchdev.ErrNetDown {
		pl.lower()
	}
}

// lower notes that the device is down.
func (pl *tapPlug) lower() {
	pl.doubts.Add(1)
	select {
	case pl.lowered <- struct{}{}:
	default:
	}
}

// settle gives the port the carrier that the device has, if that has changed, and
// reports it.
func (pl *tapPlug) settle() (up bool) {
	pl.slot <- struct{}{}
	defer func() { <-pl.slot }()
	// Before the look: what is seen may be over when the port is told of it, and a frame
	// that comes in meanwhile must ask.
	doubt := pl.doubts.Add(1)
	up = pl.tap.running()
	if up != pl.up {
		pl.up = up
		pl.port.SetCarrier(up)
	}
	if up { // which says nothing of a writer that has found it down since
		pl.cleared.Store(doubt)
	}
	return up
}

// keep follows the device until the plug ends.
func (pl *tapPlug) keep() {
	<-pl.begin
	var inside sync.WaitGroup
	done := make(chan struct{})
	inside.Go(func() {
		defer close(done)
		pl.read()
	})
	pl.follow(done, &inside)

	pl.port.egress.CompareAndSwap(pl.hook, nil)
	pl.port.wire.CompareAndSwap(pl.wire, nil)
	pl.over.Store(true)
	_ = pl.tap.file.SetDeadline(time.Unix(1, 0)) // wakes reader and waiter; a closed file has none
	inside.Wait()
	_ = pl.tap.file.SetDeadline(time.Time{})
	pl.port.SetCarrier(false)
	pl.release()
}

// follow carries the state of the device to the port.
func (pl *tapPlug) follow(done <-chan struct{}, inside *sync.WaitGroup) {
	waiting := false
	for {
		select {
		case <-done:
			return
		case <-pl.stop:
			return
		case <-pl.wire.stop:
			return
		case <-pl.port.chip.quit:
			return
		case <-pl.lowered:
			if !pl.settle() && !waiting {
				waiting = true
				inside.Go(func() {
					if pl.tap.awaitUp() {
						pl.raised <- struct{}{}
					}
				})
			}
		case <-pl.raised:
			waiting = false
			if !pl.settle() {
				pl.lower()
			}
		}
	}
}

// blockLen is the size of the blocks that frames are cut from.
const blockLen = 32 << 10

// read lets frames come in until the plug ends or the device is gone. The memory of a
// frame that somebody may have kept is not used again.
func (pl *tapPlug) read() {
	size := pl.port.chip.cfg.Hardware.MTU + headerLen + tagLen + 1
	var block []byte
	for !pl.over.Load() {
		if len(block) < size {
			block = make([]byte, max(blockLen, 4*size))
		}
		n, err := pl.tap.read(block[:size:size])
		if err != nil {
			return
		}
		if pl.cleared.Load() != pl.doubts.Load() {
			pl.settle() // the frame may be sooner than the news
		}
		if pl.arrive(block[:n:n]) {
			block = block[min((n+7)&^7, len(block)):]
		}
	}
}

// arrive is [Port.Ingress], and reports whether anybody may have kept the frame. Those
// who have not are TAPs: a frame for one of them has been written when it returns. So
// frames between known stations, which are nearly all, pass in the same lines of cache.
func (pl *tapPlug) arrive(frame []byte) (kept bool) {
	p := pl.port
	var d decision
	p.decideOn(&d, frame)
	if d.toHost || d.count > 1 {
		p.chip.carryOut(&d, p, frame)
		return true
	}
	if d.count == 0 {
		p.chip.carryOut(&d, p, frame)
		return false
	}
	out := d.some[0].port
	wire, hook := out.wire.Load(), out.egress.Load()
	p.chip.carryOut(&d, p, frame)
	// Neither pointer comes back once it has been replaced, and a LAG has no wire.
	tap := wire != nil && wire.tap && hook != nil
	return !tap || out.wire.Load() != wire || out.egress.Load() != hook
}
