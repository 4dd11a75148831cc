package offload

import (
	"cmp"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// device is one device's cells and queues.
type device[K cmp.Ordered, R comparable] struct {
	name   string
	epoch  switchdev.Epoch
	cells  map[K]*cell[K, R]
	queues [numClasses]queue[K]
	out    *Call[K, R]
	// retries holds the keys that were refused and are due later; retryNext
	// is no later than the first of them, zero if there is none.
	retries   map[K]time.Time
	retryNext time.Time
	max       int
}

// queue is a FIFO of keys. A key is in at most one queue of a device; its cell
// knows which.
type queue[K cmp.Ordered] struct {
	keys []K
	head int
}

func (q *queue[K]) push(k K) { q.keys = append(q.keys, k) }

func (q *queue[K]) pop() (k K, ok bool) {
	if q.head == len(q.keys) {
		q.keys, q.head = q.keys[:0], 0
		return k, false
	}
	k = q.keys[q.head]
	q.head++
	if q.head > 1024 && q.head*2 > len(q.keys) {
		q.keys = append(q.keys[:0], q.keys[q.head:]...)
		q.head = 0
	}
	return k, true
}

func (q *queue[K]) empty() bool { return q.head == len(q.keys) }

func (d *device[K, R]) cell(k K) *cell[K, R] {
	c := d.cells[k]
	if c == nil {
		c = &cell[K, R]{key: k, class: notQueued}
		d.cells[k] = c
	}
	return c
}

// enqueue puts the cell into the queue of class cl unless it already stands in
// one that is served no later. An entry left behind in a later queue is skipped
// when it is met there, because its cell names another class.
func (d *device[K, R]) enqueue(c *cell[K, R], cl class) {
	if c.class <= cl {
		return
	}
	c.class = cl
	d.queues[cl].push(c.key)
}

func (d *device[K, R]) forget(c *cell[K, R]) {
	if c.idle() {
		delete(d.cells, c.key)
	}
}

// pending reports whether a queue holds work.
func (d *device[K, R]) pending() bool {
	for i := range d.queues {
		if !d.queues[i].empty() {
			return true
		}
	}
	return false
}

func (d *device[K, R]) retryAt(k K, at time.Time) {
	d.retries[k] = at
	if d.retryNext.IsZero() || at.Before(d.retryNext) {
		d.retryNext = at
	}
}
