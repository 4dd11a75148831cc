//go:build devlinkdebug

package devlink

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"sync"
)

// within reports whether a lock of this rank may be taken by who holds the other.
func (r rank) within(held rank) bool {
	switch r {
	case rankQueue:
		return held == rankGraph
	case rankObject:
		return held == rankInstance
	case rankHub:
		return held == rankInstance || held == rankObject
	case rankCopy:
		return held == rankInstance || held == rankObject || held == rankHub
	default:
		return false
	}
}

// ranks knows which locks of a registry each goroutine holds, and in which callback it is.
type ranks struct {
	held  sync.Map // goroutine -> []rank
	calls sync.Map // goroutine -> *call, the innermost
}

func newRanks() *ranks { return &ranks{} }

// enter notes that the goroutine is about to take a lock.
func (c *ranks) enter(r rank) {
	if c == nil {
		return
	}
	id := goroutine()
	list, _ := c.held.Load(id)
	held, _ := list.([]rank)
	for _, h := range held {
		if !r.within(h) {
			panic(fmt.Sprintf("devlink: the lock of the %v is taken inside that of the %v", r, h))
		}
	}
	c.held.Store(id, append(held[:len(held):len(held)], r))
}

// leave notes that it has let go of it.
func (c *ranks) leave(r rank) {
	if c == nil {
		return
	}
	id := goroutine()
	list, _ := c.held.Load(id)
	held, _ := list.([]rank)
	if len(held) == 0 || held[len(held)-1] != r {
		panic(fmt.Sprintf("devlink: the lock of the %v is let go of while %v are held", r, held))
	}
	if len(held) == 1 {
		c.held.Delete(id)
		return
	}
	c.held.Store(id, held[:len(held)-1])
}

// free panics if the goroutine holds any: it is about to run somebody else's code,
// or to wait.
func (c *ranks) free() {
	if c == nil {
		return
	}
	if list, ok := c.held.Load(goroutine()); ok {
		panic(fmt.Sprintf("devlink: a callback or a wait while %v are held", list))
	}
}

// call returns the call that the goroutine is in, nil if it is in none: a callback that
// waits without its ctx is known all the same.
func (c *ranks) call() *call {
	if c == nil {
		return nil
	}
	in, _ := c.calls.Load(goroutine())
	k, _ := in.(*call)
	return k
}

// begin notes that the goroutine is in a call, and returns the one that it was in.
func (c *ranks) begin(k *call) (outer *call) {
	if c == nil {
		return nil
	}
	outer = c.call()
	c.calls.Store(goroutine(), k)
	return outer
}

// end is the end of a call.
func (c *ranks) end(outer *call) {
	switch {
	case c == nil:
	case outer == nil:
		c.calls.Delete(goroutine())
	default:
		c.calls.Store(goroutine(), outer)
	}
}

// goroutine is the number of the calling goroutine.
func goroutine() uint64 {
	var buf [64]byte
	text := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(text, []byte(" "))
	id, _ := strconv.ParseUint(string(digits), 10, 64)
	return id
}

// mutex is a lock with a place in the order.
type mutex struct {
	sync.Mutex
	check *ranks
	rank  rank
}

func (m *mutex) place(c *ranks, r rank) { m.check, m.rank = c, r }

// Lock checks the order and locks.
func (m *mutex) Lock() {
	m.check.enter(m.rank)
	m.Mutex.Lock()
}

// Unlock unlocks.
func (m *mutex) Unlock() {
	m.Mutex.Unlock()
	m.check.leave(m.rank)
}
