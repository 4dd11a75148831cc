package explore

import (
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"unsafe"
)

// maxThreads bounds the threads of a program.
const maxThreads = 6

type kind uint8

const (
	load kind = iota
	write
	lock
	wait
	begin
	end
)

// op is what a thread does when it runs next.
type op struct {
	kind kind
	obj  unsafe.Pointer
}

// dependent reports whether the order of two steps of different threads can
// matter. Unlocking is no step: it happens at once, which loses nothing, since
// whoever waits for the lock is waiting anyway.
func dependent(a, b op) bool {
	if a.kind == wait || b.kind == wait {
		return true
	}
	switch a.kind {
	case begin:
		return b.kind == end
	case end:
		return b.kind == begin
	}
	return a.obj == b.obj && b.kind <= lock && (a.kind != load || b.kind != load)
}

// clock says of each thread how many of all steps up to and including its last
// known one there were: a step with index i of thread q happened before iff
// i < clock[q].
type clock [maxThreads]int32

func (c *clock) join(d *clock) {
	for i, v := range d {
		c[i] = max(c[i], v)
	}
}

type thread struct {
	resume func() (op, bool)
	stop   func()
	yield  func(op) bool
	next   op
	at     *object // what next touches
	done   bool
	fresh  int32 // for wait: how many writes it has seen
	clock  clock
}

// object is what has happened to one address, or to the history of calls.
type object struct {
	writer  int32 // index of the last write or lock, -1 without
	written clock
	read    clock
	reader  [maxThreads]int32 // index of each thread's last read
	held    bool
}

// machine is one run of a program.
type machine struct {
	threads []*thread
	cur     *thread
	objects map[unsafe.Pointer]*object
	calls   object // begin counts as read, end as write
	ender   [maxThreads]int32
	who     []int8 // thread of each step
	last    op     // the last step
	writes  int32
	abort   bool
}

// running is where an atomic word finds the machine whose thread is running. It
// is the one thing here that is shared by a whole process.
var running = register{at: new(*machine)}

type register struct{ at **machine }

func (r register) get() *machine  { return *r.at }
func (r register) set(m *machine) { *r.at = m }

type aborted struct{}

func newMachine(bodies []func()) *machine {
	m := &machine{objects: map[unsafe.Pointer]*object{}}
	m.calls = newObject()
	m.ender = m.calls.reader
	for _, body := range bodies {
		th := &thread{}
		th.resume, th.stop = iter.Pull(func(yield func(op) bool) {
			defer func() {
				if r := recover(); r != nil && r != any(aborted{}) {
					panic(r)
				}
			}()
			th.yield = yield
			body()
		})
		m.threads = append(m.threads, th)
	}
	return m
}

// start runs every thread up to its first access.
func (m *machine) start() (err error) {
	for _, th := range m.threads {
		err = errors.Join(err, m.proceed(th))
	}
	return err
}

// proceed lets a thread run up to its next access.
func (m *machine) proceed(th *thread) (err error) {
	m.cur = th
	running.set(m)
	defer func() {
		running.set(nil)
		if r := recover(); r != nil {
			th.done = true
			err = fmt.Errorf("explore: panic: %v", r)
		}
	}()
	next, ok := th.resume()
	th.next, th.done = next, !ok
	if ok && next.kind <= lock {
		th.at = m.object(next.obj)
	}
	return nil
}

func newObject() object {
	o := object{writer: -1}
	for i := range o.reader {
		o.reader[i] = -1
	}
	return o
}

func (m *machine) object(p unsafe.Pointer) *object {
	o := m.objects[p]
	if o == nil {
		n := newObject()
		o = &n
		m.objects[p] = o
	}
	return o
}

// enabled returns the threads that can make a step.
func (m *machine) enabled() (set uint) {
	for i, th := range m.threads {
		switch {
		case th.done:
		case th.next.kind == lock && th.at.held:
		case th.next.kind == wait && th.fresh == m.writes:
		default:
			set |= 1 << i
		}
	}
	return set
}

// races calls found with the last steps of other threads that next(p) depends on
// and that did not happen before it.
func (m *machine) races(p int, found func(i int)) {
	th := m.threads[p]
	if th.done {
		return
	}
	consider := func(i int32) {
		if int(m.who[i]) != p && i >= th.clock[m.who[i]] {
			found(int(i))
		}
	}
	readers := func(o *object) {
		for q, i := range o.reader {
			if q != p && i >= 0 {
				consider(i)
			}
		}
	}
	switch th.next.kind {
	case load, lock:
		if i := th.at.writer; i >= 0 {
			consider(i)
		}
	case write:
		o := th.at
		if o.writer >= 0 {
			consider(o.writer)
		}
		readers(o)
	case begin:
		for _, i := range m.ender {
			if i >= 0 {
				consider(i)
			}
		}
	case end:
		readers(&m.calls)
	case wait:
		for q := range m.threads {
			for i := len(m.who) - 1; i >= 0 && q != p; i-- {
				if int(m.who[i]) == q {
					consider(int32(i))
					break
				}
			}
		}
	}
}

// step lets thread p make its next step and run up to the one after.
func (m *machine) step(p int) (err error) {
	th := m.threads[p]
	i := int32(len(m.who))
	m.who = append(m.who, int8(p))
	m.last = th.next
	c := &th.clock
	o := th.at
	c[p] = i + 1
	switch th.next.kind {
	case load:
		c.join(&o.written)
		o.read.join(c)
		o.reader[p] = i
	case write:
		c.join(&o.written)
		c.join(&o.read)
		o.written, o.writer = *c, i
		m.writes++
	case lock:
		c.join(&o.written)
		o.written, o.writer, o.held = *c, i, true
		m.writes++
	case begin:
		c.join(&m.calls.written)
		m.calls.read.join(c)
		m.calls.reader[p] = i
	case end:
		c.join(&m.calls.read)
		m.calls.written.join(c)
		m.ender[p] = i
	case wait:
		for _, t := range m.threads {
			c.join(&t.clock)
		}
	}
	th.fresh = m.writes
	return m.proceed(th)
}

// close ends the threads that still run.
func (m *machine) close() {
	m.abort = true
	running.set(m)
	for _, th := range m.threads {
		m.cur = th
		th.stop()
	}
	running.set(nil)
}

// at gives control back before an access.
func at(k kind, p unsafe.Pointer) {
	m := running.get()
	if m == nil || m.abort {
		return
	}
	if !m.cur.yield(op{k, p}) {
		panic(aborted{})
	}
}

// Load is called before a read of the word at p.
func Load(p unsafe.Pointer) { at(load, p) }

// Store is called before a write, or a read and write, of the word at p.
func Store(p unsafe.Pointer) { at(write, p) }

// Lock is called before the lock at p is taken; it returns when nobody holds it.
func Lock(p unsafe.Pointer) { at(lock, p) }

// Unlock is called when the lock at p is given back.
func Unlock(p unsafe.Pointer) {
	if m := running.get(); m != nil && !m.abort {
		o := m.object(p)
		o.held = false
		o.written.join(&m.cur.clock)
	}
}

// Wait gives control back until another thread has written something.
func Wait() { at(wait, nil) }

// Begin is the beginning of a call and returns its place in the order of steps.
func Begin() int { return mark(begin) }

// End is the end of a call and returns its place in the order of steps.
func End() int { return mark(end) }

func mark(k kind) int {
	at(k, nil)
	if m := running.get(); m != nil {
		return len(m.who)
	}
	return 0
}

var errDeadlock = errors.New("explore: every thread waits")

func first(set uint) int { return bits.TrailingZeros(set) }
