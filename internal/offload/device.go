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
	oldest  *cell[K, R] // of all cells, by their number
	newest  *cell[K, R]
	born    uint64
	rows    int         // cells that are believed to hold one
	renewal *Walk[K, R] // of the cells after a reset; nil if there is none
	walks   []*Walk[K, R]
	queues  [numClasses]queue[K]
	places  uint64 // given out in the queues
	out     *Call[K, R]
	held    bool
	retries retries[K]
	spaceAt time.Time // when the next news of room counts
	max     int
	breaker breaker
}

func newDevice[K cmp.Ordered, R comparable](name string, epoch switchdev.Epoch, batch int) *device[K, R] {
	return &device[K, R]{name: name, epoch: epoch, max: batch, cells: make(map[K]*cell[K, R]), retries: newRetries[K]()}
}

// free reports whether the device can be handed a batch. After a reset that is
// so when every cell has been looked at, so that the rows of users queue before
// anything else is handed over (rule 23).
func (d *device[K, R]) free() bool { return d.out == nil && !d.held && d.renewal == nil }

// at returns the cell of k as it is in the device's epoch, nil if there is none.
func (d *device[K, R]) at(k K) *cell[K, R] {
	c := d.cells[k]
	if c != nil && c.epoch != d.epoch {
		d.renew(c)
	}
	return c
}

func (d *device[K, R]) cell(k K) *cell[K, R] {
	c := d.at(k)
	if c == nil {
		d.born++
		c = &cell[K, R]{key: k, class: notQueued, epoch: d.epoch, born: d.born, prev: d.newest}
		if d.newest == nil {
			d.oldest = c
		} else {
			d.newest.next = c
		}
		d.newest = c
		d.cells[k] = c
	}
	return c
}

// renew forgets what a reset has made untrue. What is unknown stays so: it may
// have been set by a call of the new epoch that was not answered, before the
// reset was heard (rule 33).
func (d *device[K, R]) renew(c *cell[K, R]) {
	c.epoch = d.epoch
	if c.belief == believedRow {
		c.belief = believedNone // and counted no more
	}
	c.own, c.doubt, c.unsupported = false, false, wanted[R]{}
	d.pardon(c)
}

// pardon forgets that the device refused the row.
func (d *device[K, R]) pardon(c *cell[K, R]) {
	c.failed, c.refused, c.tries, c.stuck, c.late = nil, wanted[R]{}, 0, false, false
	d.retries.drop(c.key)
}

// set changes what the device is believed to hold.
func (d *device[K, R]) set(c *cell[K, R], b belief) {
	if c.belief == believedRow {
		d.rows--
	}
	if b == believedRow {
		d.rows++
	}
	c.belief, c.own, c.doubt = b, false, false
}

// believe notes that the device holds w.
func (d *device[K, R]) believe(c *cell[K, R], w wanted[R]) {
	c.row = w.row
	if w.set {
		d.set(c, believedRow)
	} else {
		d.set(c, believedNone)
	}
}

// forget drops the cell if nothing is lost with it.
func (d *device[K, R]) forget(c *cell[K, R]) {
	if !c.idle() || d.cells[c.key] != c {
		return
	}
	for _, w := range d.walks {
		if w.at == c {
			w.at = c.next
		}
	}
	if c.prev == nil {
		d.oldest = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		d.newest = c.prev
	} else {
		c.next.prev = c.prev
	}
	delete(d.cells, c.key)
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
			c := d.at(at.key)
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
