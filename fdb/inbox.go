package fdb

import (
	"sync"
	"sync/atomic"
)

// inbox holds what was submitted until somebody with the slot takes it. Its lock
// is a leaf.
type inbox struct {
	mu     sync.Mutex
	ops    []*op
	jobs   []*job
	closed bool
	some   atomic.Bool
}

// put queues an operation unless the table is closed.
func (b *inbox) put(o *op) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.ops = append(b.ops, o)
	b.some.Store(true)
	return true
}

// putAll queues operations, in their order, unless the table is closed.
func (b *inbox) putAll(ops []*op) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.ops = append(b.ops, ops...)
	b.some.Store(true)
	return true
}

// putJob queues a job; accept, which may be nil, runs under the lock, so that
// jobs queue in the order in which they were accepted.
func (b *inbox) putJob(j *job, accept func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.some.Store(true) // before accept: who carries out what it accepted must find the job
	if accept != nil {
		accept()
	}
	b.jobs = append(b.jobs, j)
	return true
}

func (b *inbox) take() []*op {
	if !b.some.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	ops := b.ops
	b.ops = nil
	b.some.Store(len(b.jobs) > 0)
	return ops
}

func (b *inbox) takeJobs() []*job {
	if !b.some.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	jobs := b.jobs
	b.jobs = nil
	b.some.Store(len(b.ops) > 0)
	return jobs
}

func (b *inbox) empty() bool { return !b.some.Load() }

func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
}

// flag is set once until it is cleared.
type flag struct{ on atomic.Bool }

// raise sets the flag and reports whether it was clear.
func (f *flag) raise() bool { return !f.on.Load() && !f.on.Swap(true) }

func (f *flag) clear() { f.on.Store(false) }
