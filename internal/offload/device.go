package offload

import (
	"cmp"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// device is one device's cells and queues.
type device[K cmp.Ordered, R comparable] struct {
	name    string
	epoch   switchdev.Epoch
	cells   map[K]*cell[K, R]
	queues  [numClasses]queue[K]
	places  uint64 // given out in the queues
	out     *Call[K, R]
	held    bool
	retries retries[K]
	spaceAt time.Time // when the next news of room counts
	max     int
}

func newDevice[K cmp.Ordered, R comparable](name string, epoch switchdev.Epoch, batch int) *device[K, R] {
	return &device[K, R]{name: name, epoch: epoch, max: batch, cells: make(map[K]*cell[K, R]), retries: newRetries[K]()}
}

// free reports whether the device can be handed a batch.
func (d *device[K, R]) free() bool { return d.out == nil && !d.held }

func (d *device[K, R]) cell(k K) *cell[K, R] {
	c := d.cells[k]
	if c == nil {
		c = &cell[K, R]{key: k, class: notQueued}
		d.cells[k] = c
	}
	return c
}

// forget drops the cell if nothing is lost with it.
func (d *device[K, R]) forget(c *cell[K, R]) {
	if c.idle() {
		delete(d.cells, c.key)
	}
}

// queue is a FIFO of keys. A key counts in at most one queue of a device: the
// one that its cell names, at the place that it names. Other places are of cells
// that left the queue, and are skipped.
type queue[K cmp.Ordered] struct {
	keys []queued[K]
	head int
	n    int // that count
}

type queued[K cmp.Ordered] struct {
	key   K
	place uint64
}

// enqueue puts the cell into the queue of class cl unless it already stands in
// one that is served no later.
func (d *device[K, R]) enqueue(c *cell[K, R], cl class) {
	if c.class <= cl {
		return
	}
	d.dequeue(c)
	d.places++
	c.class, c.place = cl, d.places
	q := &d.queues[cl]
	if len(q.keys)-q.head > 2*q.n+slack {
		d.tidy(cl)
	}
	q.keys = append(q.keys, queued[K]{c.key, c.place})
	q.n++
}

// dequeue takes the cell out of its queue, if it is in one.
func (d *device[K, R]) dequeue(c *cell[K, R]) {
	if c.class != notQueued {
		d.queues[c.class].n--
		c.class = notQueued
	}
}

// slack is how many places that do not count a queue may have whatever its length.
const slack = 1024

// tidy drops the places of a queue that do not count.
func (d *device[K, R]) tidy(cl class) {
	q := &d.queues[cl]
	keep := q.keys[:0]
	for _, at := range q.keys[q.head:] {
		if d.counts(at, cl) {
			keep = append(keep, at)
		}
	}
	q.keys, q.head = keep, 0
}

// counts reports whether a place in the queue of class cl is that of a cell.
func (d *device[K, R]) counts(at queued[K], cl class) bool {
	c := d.cells[at.key]
	return c != nil && c.class == cl && c.place == at.place
}

// next takes the first cell out of the queue of class cl, nil if it is empty.
func (d *device[K, R]) next(cl class) *cell[K, R] {
	q := &d.queues[cl]
	for q.head < len(q.keys) {
		at := q.keys[q.head]
		q.head++
		if q.head > slack && q.head*2 > len(q.keys) {
			q.keys = append(q.keys[:0], q.keys[q.head:]...)
			q.head = 0
		}
		if d.counts(at, cl) {
			c := d.cells[at.key]
			d.dequeue(c)
			return c
		}
	}
	if q.keys, q.head = q.keys[:0], 0; cap(q.keys) > slack {
		q.keys = nil
	}
	return nil
}

// pending reports whether a queue holds work.
func (d *device[K, R]) pending() bool {
	for i := range d.queues {
		if d.queues[i].n > 0 {
			return true
		}
	}
	return false
}
