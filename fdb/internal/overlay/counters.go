package overlay

// Counters count learns. Accepted = Applied + Coalesced + Superseded + Rejected
// + what is pending; drops apart. Refreshes that needed no record and learns of
// own addresses are in none of them.
type Counters struct {
	Accepted   uint64 // learns that became records
	Applied    uint64 // records that made, moved or refreshed an entry
	Coalesced  uint64 // records that a later one of the key replaced
	Superseded uint64 // records whose entry a later flush covered before it was applied
	Rejected   uint64 // records that met a local or a sticky entry
	Full       uint64 // dropped: as many new stations are pending as may be
	Limited    uint64 // dropped: as many entries are learned as may be
	Barred     uint64 // dropped: the port is barred
	Vetoed     uint64 // dropped: hardware refused the station there a moment ago
}

func (c *Counters) add(d *Counters) {
	c.Accepted += d.Accepted
	c.Applied += d.Applied
	c.Coalesced += d.Coalesced
	c.Superseded += d.Superseded
	c.Rejected += d.Rejected
	c.Full += d.Full
	c.Limited += d.Limited
	c.Barred += d.Barred
	c.Vetoed += d.Vetoed
}

// counters are kept by port, under the pending lock.
type counters [256]*[256]Counters

func (c *counters) of(port uint16) *Counters {
	page := &c[port>>8]
	if *page == nil {
		*page = new([256]Counters)
	}
	return &(*page)[port&0xff]
}

// Counters returns the sum over all ports.
func (t *Table) Counters() Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sum Counters
	for _, page := range t.counts {
		if page != nil {
			for i := range page {
				sum.add(&page[i])
			}
		}
	}
	return sum
}

// PortCounters returns the counters of one port.
func (t *Table) PortCounters(port uint16) Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	return *t.counts.of(port)
}

// Pending says what waits to be applied.
type Pending struct {
	Open, Sealed int // live records
	Flushes      int // not yet applied
	Held         int // applied but for keys in flight
	Busy         int // keys in flight
	Learned      int // entries in main that count against LearnedMax
	Reserved     int // pending stations and operations for which room is kept
	Vetoes       int // stations that may not be learned somewhere
	Seq          uint64
}

// Pending returns what waits to be applied, exactly, at one instant.
func (t *Table) Pending() Pending {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.desc.Load()
	p := Pending{
		Open:     d.open.live,
		Flushes:  len(d.active),
		Held:     len(d.held),
		Busy:     len(t.busy),
		Learned:  t.learned,
		Reserved: t.reserved,
		Vetoes:   len(t.vetoes.of),
		Seq:      t.seq,
	}
	if d.sealed != nil {
		p.Sealed = d.sealed.live
	}
	return p
}

// Quiet reports whether nothing is pending, held or in flight.
func (t *Table) Quiet() bool {
	p := t.Pending()
	return p.Open+p.Sealed+p.Flushes+p.Held+p.Busy == 0
}
