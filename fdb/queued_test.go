package fdb

import (
	"context"
	"sync"

	"github.com/switchcore/switchcore/switchdev"
)

// queued is a chip that completes batches when the test says so. It is for
// Manual tables.
type queued struct {
	*chip
	mu    sync.Mutex
	queue []submitted
}

type submitted struct {
	ops     []switchdev.FDBOp
	results []switchdev.Result
	done    func()
}

func newQueued(name string) *queued { return &queued{chip: newChip(name)} }

func (q *queued) SubmitFDB(_ context.Context, ops []switchdev.FDBOp, results []switchdev.Result, done func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = append(q.queue, submitted{ops, results, done})
}

// complete executes the oldest batch and reports whether there was one.
func (q *queued) complete() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		return false
	}
	s := q.queue[0]
	q.queue = q.queue[1:]
	for i, op := range s.ops {
		s.results[i] = q.execute(op)
	}
	s.done()
	return true
}
