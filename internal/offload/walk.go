package offload

import (
	"cmp"
	"slices"
)

// Walk is a way through the cells of a device, a chunk at a time: a table with a
// million stations does not hold up everybody while it looks at all of them.
// Cells that are made meanwhile are not met. The zero Walk is at its beginning.
type Walk[K cmp.Ordered, R comparable] struct {
	at    *cell[K, R] // the next; another one if that is dropped
	until uint64      // the number of the last
	begun bool
}

// chunk returns the next cells, in key order so that what comes of them does not
// hang on the order in which they were made. It returns none at the end.
func (d *device[K, R]) chunk(w *Walk[K, R]) []*cell[K, R] {
	if !w.begun {
		w.begun, w.at, w.until = true, d.oldest, d.born
		d.walks = append(d.walks, w)
	}
	var cells []*cell[K, R]
	for ; w.at != nil && w.at.born <= w.until && len(cells) < chunk; w.at = w.at.next {
		cells = append(cells, w.at)
	}
	for _, c := range cells {
		if c.epoch != d.epoch {
			d.renew(c)
		}
	}
	if len(cells) == 0 {
		d.walks = slices.DeleteFunc(d.walks, func(x *Walk[K, R]) bool { return x == w })
	}
	slices.SortFunc(cells, func(a, b *cell[K, R]) int { return cmp.Compare(a.key, b.key) })
	return cells
}

// sorted returns all cells in key order.
func (d *device[K, R]) sorted() []*cell[K, R] {
	var cells []*cell[K, R]
	for c := d.oldest; c != nil; c = c.next {
		cells = append(cells, c)
	}
	slices.SortFunc(cells, func(a, b *cell[K, R]) int { return cmp.Compare(a.key, b.key) })
	return cells
}

// ended reports whether the walk has met every cell.
func (w *Walk[K, R]) ended() bool { return w.begun && (w.at == nil || w.at.born > w.until) }

// forEach visits a chunk and reports whether that was the last. A visit may drop
// cells; those of the chunk that are no longer there are passed over.
func (d *device[K, R]) forEach(w *Walk[K, R], visit func(*cell[K, R])) (last bool) {
	for _, c := range d.chunk(w) {
		if d.cells[c.key] == c {
			visit(c)
		}
	}
	if w.ended() {
		d.chunk(w) // takes it off the list
		return true
	}
	return false
}

// Drop ends a walk that is not gone to its end.
func (e *Engine[K, R]) Drop(dev int, w *Walk[K, R]) {
	d := e.devs[dev]
	d.walks = slices.DeleteFunc(d.walks, func(x *Walk[K, R]) bool { return x == w })
}
