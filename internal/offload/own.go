package offload

// Rows that a device makes by itself.

// Own tells that device dev made a row of k by itself. Where a call for the key
// is out nobody knows which came first: that call's result is void (rule 26), and
// Own returns false.
func (e *Engine[K, R]) Own(dev int, k K, row R) bool {
	d := e.devs[dev]
	c := d.cell(k)
	if c.out != nil {
		c.void = true
		return false
	}
	d.believe(c, wanted[R]{row, true})
	d.pardon(c)
	c.own = true
	return true
}

// Told reports whether device dev, which said that it made a row of k itself, is believed
// to hold it because it was told to. While a call for the key is out that is taken to be so;
// if the device then declines the row, the one that it made is not known any more.
func (e *Engine[K, R]) Told(dev int, k K, match func(R) bool) bool {
	c := e.devs[dev].at(k)
	if c != nil && c.out != nil {
		c.heard = true
	}
	return c != nil && (c.out != nil || c.belief == believedRow && !c.own && match(c.row))
}

// Clear reports whether no device is believed to hold a row of k, nor asked about one.
func (e *Engine[K, R]) Clear(k K) bool {
	for _, d := range e.devs {
		if c := d.at(k); c != nil && (c.out != nil || c.belief != believedNone) {
			return false
		}
	}
	return true
}

// Owned reports whether a device is believed to hold a row of k that it made by
// itself, or is about to be asked whether it still does.
func (e *Engine[K, R]) Owned(k K) bool {
	for _, d := range e.devs {
		if c := d.at(k); c != nil && (c.own || c.doubt) {
			return true
		}
	}
	return false
}

// Doubted reports whether a row of k that device dev made by itself is doubted;
// sure, that nothing can have happened to it since mark.
func (e *Engine[K, R]) Doubted(dev int, k K, mark uint64) (doubted, sure bool) {
	c := e.devs[dev].at(k)
	doubted = c != nil && c.doubt
	return doubted, doubted && c.out == nil && c.returned <= mark && e.ops[k] == nil
}

// Verify ends the doubt about a row that device dev made by itself: it is still
// there, or it is not. The table looks at k again, with Touch, when it has drawn
// its own conclusions.
func (e *Engine[K, R]) Verify(dev int, k K, present bool) {
	d := e.devs[dev]
	c := d.at(k)
	if c == nil || !c.doubt {
		return
	}
	w := wanted[R]{c.row, present}
	d.believe(c, w)
	c.own = present
}

// Trust ends the doubt about a row when nobody can look: it is unknown.
func (e *Engine[K, R]) Trust(dev int, k K) {
	if c := e.devs[dev].at(k); c != nil && c.doubt {
		c.doubt = false
		e.review(dev, c, classOffload)
		e.deliver()
	}
}
