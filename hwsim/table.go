package hwsim

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// rowKey is what the forwarding database is keyed by.
type rowKey struct {
	domain switchdev.Domain
	key    uint64 // switchdev.FDBKey.Pack
}

// row is one row. All but the stamps is written with Chip.mu held and read
// with it shared.
type row struct {
	port     switchdev.PortID
	flags    switchdev.FDBFlags
	gen      switchdev.Generation
	life     switchdev.Generation // of the join of the port where the station was heard
	told     bool                 // set by an operation, not learned by the chip
	stamp    atomic.Int64         // when it was last set or its station heard
	reported atomic.Int64         // when ReportLearned last told of it
	// next is the next row of the same key, at another port, of chips whose
	// rows are keyed by port too. Frames go by the first.
	next *row
}

// keeps reports whether frames cannot move the row: what an operator or a
// control plane fixed.
func (r *row) keeps() bool {
	return r.told && r.flags&(switchdev.FDBStatic|switchdev.FDBLocal|switchdev.FDBSticky) != 0
}

// bridges reports whether the row is of an address of the bridge itself, whose port
// may be any device's.
func (r *row) bridges() bool { return r.told && r.flags&switchdev.FDBLocal != 0 }

// rowTable is the forwarding database of all domains. The zero value is empty.
type rowTable struct {
	rows    map[rowKey]*row // of each key the one that frames go by
	used    int             // rows, also those that no frame goes by
	buckets map[uint64]int  // fill of each bucket, if there are any
	// nextAge is no later than the moment when the first row expires; 0: there
	// is none that will.
	nextAge int64
}

func makeRowKey(d switchdev.Domain, k switchdev.FDBKey) rowKey { return rowKey{d, k.Pack()} }

// find returns the row, nil if there is none.
func (t *rowTable) find(d switchdev.Domain, k switchdev.FDBKey) *row {
	return t.rows[makeRowKey(d, k)]
}

// compareRowKey orders rows, so that a run with one seed is always the same.
func compareRowKey(a, b rowKey) int {
	return cmp.Or(cmp.Compare(a.domain, b.domain), cmp.Compare(a.key, b.key))
}

// bucket is where a key is hashed to.
func (c *Chip) bucket(k rowKey) uint64 {
	return mix64(k.key^c.cfg.Seed^uint64(k.domain)<<32) % uint64(c.cfg.Hardware.Buckets)
}

// hasRoom reports whether one more row, respectively membership, fits.
func (c *Chip) fdbHasRoom() bool {
	return (c.cfg.Limits.FDB == 0 || c.rows.used < c.cfg.Limits.FDB) && c.sharedHasRoom()
}

func (c *Chip) vlanHasRoom() bool {
	return (c.cfg.Limits.VLANs == 0 || c.vlans < c.cfg.Limits.VLANs) && c.sharedHasRoom()
}

func (c *Chip) sharedHasRoom() bool {
	return c.cfg.Limits.Shared == 0 || c.vlans+c.rows.used < c.cfg.Limits.Shared
}

// at returns the row of the key at a port, for port 0 the one that frames go by;
// nil if there is none.
func (t *rowTable) at(k rowKey, port switchdev.PortID) *row {
	r := t.rows[k]
	for port != 0 && r != nil && r.port != port {
		r = r.next
	}
	return r
}

// stale reports whether the key has a row that it ought not to have after it was
// set or deleted.
func (t *rowTable) stale(k rowKey, set bool) bool {
	r := t.rows[k]
	return r != nil && (!set || r.next != nil)
}

// place returns the row of the key at the port, a new one if need be; nil if there
// is none and no room for one. Frames go by it from now on, unless the oldest row
// wins.
func (c *Chip) place(k rowKey, port switchdev.PortID) *row {
	head, last := c.rows.rows[k], (*row)(nil)
	for r := head; r != nil; last, r = r, r.next {
		if r.port != port {
			continue
		}
		if last != nil && !c.has(QuirkOldestRowWins) {
			last.next, r.next = r.next, head
			c.rows.rows[k] = r
		}
		return r
	}
	r := c.insert(k)
	switch {
	case r == nil:
		return nil
	case last != nil && c.has(QuirkOldestRowWins):
		last.next = r
	default:
		r.next = head
		c.rows.rows[k] = r
	}
	r.port = port
	return r
}

// insert makes a row of k that is in no list yet, or returns nil if there is no
// room.
func (c *Chip) insert(k rowKey) *row {
	t := &c.rows
	if !c.fdbHasRoom() {
		c.starved.fdb = true
		return nil
	}
	if c.cfg.Hardware.Ways > 0 {
		b := c.bucket(k)
		if t.buckets[b] >= c.cfg.Hardware.Ways {
			c.starved.fdb = true
			return nil
		}
		if t.buckets == nil {
			t.buckets = make(map[uint64]int)
		}
		t.buckets[b]++
	}
	if t.rows == nil {
		t.rows = make(map[rowKey]*row)
	}
	t.used++
	return &row{}
}

// remove removes every row of the key.
func (c *Chip) remove(k rowKey) {
	for r := c.rows.rows[k]; r != nil; r = c.rows.rows[k] {
		c.removeRow(k, r)
	}
}

// removeOthers removes all rows of the key but one.
func (c *Chip) removeOthers(k rowKey, but *row) {
	for r := c.rows.rows[k]; r != nil; r = r.next {
		if r != but {
			c.removeRow(k, r)
		}
	}
}

// removeRow removes one row of the key, if it has it.
func (c *Chip) removeRow(k rowKey, gone *row) {
	t := &c.rows
	if gone == nil {
		return
	}
	if r := t.rows[k]; r != gone {
		for ; r != nil && r.next != gone; r = r.next {
		}
		if r == nil {
			return
		}
		r.next = gone.next
	} else if gone.next != nil {
		t.rows[k] = gone.next
	} else {
		delete(t.rows, k)
	}
	t.used--
	if c.cfg.Hardware.Ways > 0 {
		t.buckets[c.bucket(k)]--
	}
}

// roomFreed reports that there is room again where somebody was refused. It is
// called after everything that may have freed some.
func (c *Chip) roomFreed() {
	if c.starved.fdb && c.fdbHasRoom() || c.starved.vlan && c.vlanHasRoom() || c.starved.lag && c.lagHasRoom() {
		c.starved.fdb = c.starved.fdb && !c.fdbHasRoom()
		c.starved.vlan = c.starved.vlan && !c.vlanHasRoom()
		c.starved.lag = c.starved.lag && !c.lagHasRoom()
		c.report(switchdev.Report{Kind: switchdev.ReportSpace})
	}
}

// dropWhere removes the rows that match and reports whether one of them had
// been learned by the chip.
func (c *Chip) dropWhere(match func(rowKey, *row) bool) (learned bool) {
	for k, r := range c.rows.rows {
		for ; r != nil; r = r.next {
			if match(k, r) {
				learned = learned || !r.told
				c.removeRow(k, r)
			}
		}
	}
	return learned
}

// dueAge notes that a row stamped at now expires one ageing time later.
func (t *rowTable) dueAge(now, ageing int64) {
	at := addClamped(now, ageing)
	if t.nextAge == 0 || at < t.nextAge {
		t.nextAge = at
	}
}

func addClamped(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

// minAgeScan is the shortest time between two passes over the table, as the
// kernel's (net/bridge/br_fdb.c, br_fdb_cleanup).
const minAgeScan = int64(10 * time.Millisecond)

// age removes the learned rows that nobody refreshed, and returns when to come
// back, 0 for never.
func (c *Chip) age(now int64) int64 {
	t := &c.rows
	if t.nextAge == 0 || now < t.nextAge {
		return t.nextAge
	}
	var expired []expiry
	next := int64(0)
	for k, r := range t.rows {
		for ; r != nil; r = r.next {
			if r.told {
				continue
			}
			at := addClamped(r.stamp.Load(), c.ageingOf(c.domain(k.domain), c.port(r.port)))
			if at <= now {
				expired = append(expired, expiry{k, r})
			} else if next == 0 || at < next {
				next = at
			}
		}
	}
	if next != 0 {
		next = max(next, now+minAgeScan)
	}
	t.nextAge = next
	slices.SortFunc(expired, func(a, b expiry) int {
		return cmp.Or(compareRowKey(a.k, b.k), cmp.Compare(a.r.port, b.r.port))
	})
	for _, e := range expired {
		c.removeRow(e.k, e.r)
		c.stats.aged.Add(1)
		c.tellAged(e.k, e.r)
	}
	if len(expired) > 0 {
		c.roomFreed()
	}
	return next
}

// expiry is a row whose time is over.
type expiry struct {
	k rowKey
	r *row
}

// DumpFDB implements [switchdev.FDBDumper]. What it yields is the table at one
// moment, ordered by key, so the only error besides ctx's and ErrClosed is
// ErrBusy: for a reset while it ran, or a fault that hangs dumps or ends them.
func (c *Chip) DumpFDB(ctx context.Context, dom switchdev.Domain, yield func(switchdev.FDBRow) bool) (switchdev.Epoch, error) {
	epoch, rows, err := c.dump(ctx, dom)
	c.flush()
	for i := range rows {
		if i%64 == 63 && ctx.Err() != nil {
			return epoch, ctx.Err()
		}
		if !yield(rows[i]) {
			break
		}
	}
	if err == nil && c.Epoch() != epoch {
		return epoch, c.refusal("fdb.dump", "", "device was reset", switchdev.ErrBusy)
	}
	return epoch, err
}

// dump returns the rows to yield, and what to answer afterwards.
func (c *Chip) dump(ctx context.Context, dom switchdev.Domain) (switchdev.Epoch, []switchdev.FDBRow, error) {
	if err := ctx.Err(); err != nil {
		return c.Epoch(), nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.Epoch(), nil, switchdev.ErrClosed
	}
	op := Operation{Role: RoleDump, Verb: "dump", Domain: dom}
	v := c.judge(op, 0)
	if v.struck != 0 {
		c.log.fault(c, op, v.struck)
	}
	if v.resetBefore {
		c.reset(nil, 0)
	}
	epoch := c.Epoch()
	if v.hang != nil {
		return epoch, nil, c.refusal("fdb.dump", "", "device does not answer", switchdev.ErrBusy)
	}
	if v.err != nil {
		return epoch, nil, v.err
	}
	rows := c.rowsOf(dom)
	var err error
	if v.cut || v.mute {
		rows = rows[:min(v.answered, len(rows))]
		err = c.refusal("fdb.dump", "", "dump ended early", switchdev.ErrBusy)
	}
	if v.resetAfter {
		c.reset(nil, 0)
	}
	return epoch, rows, err
}

// rowsOf copies the rows of a domain, ordered by key.
func (c *Chip) rowsOf(dom switchdev.Domain) []switchdev.FDBRow {
	now := c.now()
	var rows []switchdev.FDBRow
	for k, r := range c.rows.rows {
		for ; r != nil && k.domain == dom; r = r.next {
			rows = append(rows, r.export(k, now))
		}
	}
	slices.SortFunc(rows, func(a, b switchdev.FDBRow) int {
		return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(a.Port, b.Port))
	})
	return rows
}

func (r *row) export(k rowKey, now int64) switchdev.FDBRow {
	flags := r.flags
	if !r.told {
		flags = flags&switchdev.FDBLocked | switchdev.FDBHWLearned
	}
	return switchdev.FDBRow{
		FDBEntry: switchdev.FDBEntry{Key: switchdev.UnpackFDBKey(k.key), Port: r.port, Flags: flags},
		Gen:      r.gen,
		Age:      time.Duration(max(now-r.stamp.Load(), 0)),
	}
}
