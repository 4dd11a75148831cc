package fdb

import (
	"sync"
	"sync/atomic"
)

// maxOutbox bounds what waits to be told to the user's code.
const maxOutbox = 1 << 16

// outbox keeps the calls of the user's code, log handlers and hooks, until they can
// be made: one after the other, in the order in which they were put, with nothing
// held and by a goroutine that nobody waits for. So a hook or a handler may use the
// table, and whoever holds something of its own while it uses the table, as a
// bridge does, meets no hook there. The lock is a leaf.
type outbox struct {
	on   bool // there is somebody to call; fixed by New
	lost atomic.Uint64

	mu    sync.Mutex
	calls []func()
	busy  bool // somebody delivers
	over  bool // nothing is put any more

	wake   chan struct{}
	closed chan struct{}
	ended  chan struct{} // closed when the goroutine has; nil on a Manual table
}

// open begins to deliver. A Manual table delivers in Poll and Close.
func (b *outbox) open(manual bool) {
	b.on, b.wake, b.closed = true, make(chan struct{}, 1), make(chan struct{})
	if !manual {
		b.ended = make(chan struct{})
		go b.run()
	}
}

func (b *outbox) run() {
	defer close(b.ended)
	for {
		b.deliver()
		select {
		case <-b.wake:
		case <-b.closed:
			b.deliver()
			return
		}
	}
}

// put queues a call. One that finds too many is counted and forgotten.
func (b *outbox) put(call func()) {
	if !b.on {
		return
	}
	b.mu.Lock()
	full := len(b.calls) >= maxOutbox
	if !full && !b.over {
		b.calls = append(b.calls, call)
	}
	b.mu.Unlock()
	if full {
		b.lost.Add(1)
	}
	signal(b.wake)
}

// deliver makes the calls that wait. If somebody is at it already it leaves them to
// him: a hook that polls the table in turn is not called by itself.
func (b *outbox) deliver() {
	if !b.on || !b.begin() {
		return
	}
	defer b.end()
	for call := b.next(); call != nil; call = b.next() {
		call()
	}
}

func (b *outbox) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy {
		return false
	}
	b.busy = true
	return true
}

func (b *outbox) end() {
	b.mu.Lock()
	b.busy = false
	b.mu.Unlock()
}

// next takes the oldest call, so that one that panics is the only one that is lost.
func (b *outbox) next() (call func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.calls) == 0 {
		b.calls = nil
		return nil
	}
	call, b.calls[0] = b.calls[0], nil
	b.calls = b.calls[1:]
	return call
}

// close delivers what is left and ends the goroutine. What is put later is
// forgotten.
func (b *outbox) close() {
	if !b.on {
		return
	}
	b.mu.Lock()
	b.over = true
	b.mu.Unlock()
	close(b.closed)
	if b.ended == nil {
		b.deliver()
		return
	}
	<-b.ended
}
