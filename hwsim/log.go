package hwsim

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Operation is what the log and the selectors of faults see of an operation.
// Fields that a role does not have are zero.
type Operation struct {
	Role Role
	// Verb is "join", "leave", "set", "delete", "flush", "dump" or "reset"; of
	// what happens by itself "added", "gone", "vanished" or "drifted"; of a
	// report its kind, such as "learned".
	Verb   string
	Domain switchdev.Domain
	Token  switchdev.Token
	Gen    switchdev.Generation
	Port   switchdev.PortID
	Key    switchdev.FDBKey   // of a VLAN operation only the VLAN
	Flags  switchdev.FDBFlags // of an FDB operation
	// Filtering is +1 where a bridge operation turns VLAN filtering on, -1
	// where it turns it off.
	Filtering int8
	// Links are the ports of a LAG operation, in its order.
	Links []switchdev.PortID
}

// Stamp is a moment in the life of an operation. Seq orders the moments of one
// chip; it is 0 for what did not happen.
type Stamp struct {
	Seq uint64
	At  time.Duration // since the chip's time began
}

// Record is one operation of the log. What happens to a chip without an
// operation, the coming and going of a port or a reset by a fault, has token 0 and three
// equal stamps.
type Record struct {
	Operation
	Batch OperationID
	// Submitted is when the chip was handed the operation, Executed when it
	// took effect or was refused, Returned when the answer was given.
	Submitted, Executed, Returned Stamp
	Epoch                         switchdev.Epoch
	// Outcome is what the execution came to, Err what was answered: they
	// differ where a fault lost the answer.
	Outcome, Err error
	// Injected tells that a fault decided the answer.
	Injected bool
	// Faults are the kinds of the faults that struck the operation or, of role
	// RoleReport, the report.
	Faults FaultKinds
	// Quirks are those by which the driver answered nil to what it did not do.
	Quirks Quirks
	// Unanswered tells that the result was left without a token. Err is then
	// ErrOutcomeUnknown, as callers read it.
	Unanswered bool
	// Before and After are the use of the tables around the execution.
	Before, After switchdev.Usage
}

// String returns the record as one line.
func (r Record) String() string {
	text := fmt.Sprintf("%d %s %s.%s domain %d token %d", r.Submitted.Seq, r.Submitted.At, r.Role, r.Verb, r.Domain, r.Token)
	if r.Port != 0 || r.Key != (switchdev.FDBKey{}) {
		text += fmt.Sprintf(" port %d key %s", r.Port, r.Key)
	}
	if r.Role == RoleLAG {
		text += fmt.Sprint(" links ", r.Links)
	}
	text += fmt.Sprintf(" epoch %d executed %d returned %d", r.Epoch, r.Executed.Seq, r.Returned.Seq)
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	if r.Faults != 0 {
		text += " (" + r.Faults.String() + ")"
	}
	if r.Quirks != 0 {
		text += " (" + r.Quirks.String() + ")"
	}
	return text
}

// history is the ring of records. Guarded by Chip.mu.
type history struct {
	capacity int
	ring     []Record
	total    uint64
	seq      uint64
}

func (h *history) stamp(c *Chip) Stamp {
	h.seq++
	return Stamp{h.seq, time.Duration(c.now())}
}

// at returns record n, nil if the ring has dropped it.
func (h *history) at(n uint64) *Record {
	if n >= h.total || n+uint64(len(h.ring)) < h.total {
		return nil
	}
	return &h.ring[n%uint64(h.capacity)]
}

func (h *history) add(r Record) {
	if len(h.ring) < h.capacity {
		h.ring = append(h.ring, r)
	} else {
		h.ring[h.total%uint64(h.capacity)] = r
	}
	h.total++
}

func (h *history) submitted(c *Chip, j *job) {
	j.record = h.total
	if h.capacity == 0 {
		return
	}
	at := h.stamp(c)
	for i := range j.n {
		h.add(Record{Operation: j.operation(i), Batch: j.id, Submitted: at})
	}
}

func (h *history) executed(c *Chip, j *job, i int, before switchdev.Usage) {
	r := h.at(j.record + uint64(i))
	if r == nil {
		return
	}
	r.Executed = h.stamp(c)
	r.Epoch, r.Err = j.results[i].Epoch, j.results[i].Err
	r.Outcome = r.Err
	r.Injected = j.verdict.err != nil || j.verdict.space >= 0
	r.Before, r.After = before, c.usage()
}

func (h *history) returned(c *Chip, j *job) {
	if h.capacity == 0 {
		return
	}
	at := h.stamp(c)
	for i := range j.n {
		if r := h.at(j.record + uint64(i)); r != nil {
			r.Returned = at
			r.Epoch, r.Err = j.results[i].Epoch, j.results[i].Err
			if !j.answers(i) {
				r.Err, r.Unanswered = switchdev.ErrOutcomeUnknown, true
			}
		}
	}
}

// struck notes which faults an operation has met.
func (h *history) struck(j *job, i int, kinds FaultKinds) {
	if r := h.at(j.record + uint64(i)); r != nil {
		r.Faults |= kinds
	}
}

// quirk notes that the driver has gone wrong by itself.
func (h *history) quirk(j *job, i int, q Quirks) {
	if r := h.at(j.record + uint64(i)); r != nil {
		r.Quirks |= q
	}
}

// mark adds the faults that brought about what was written down last.
func (h *history) mark(kinds FaultKinds) {
	if r := h.at(h.total - 1); r != nil && kinds != 0 {
		r.Injected, r.Faults = true, r.Faults|kinds
	}
}

// fault writes down what a fault does without an operation in the log.
func (h *history) fault(c *Chip, op Operation, kinds FaultKinds) {
	if h.capacity == 0 {
		return
	}
	h.note(c, op, c.usage())
	h.mark(kinds)
}

// note writes down what happened without an operation.
func (h *history) note(c *Chip, op Operation, before switchdev.Usage) {
	if h.capacity == 0 {
		return
	}
	at := h.stamp(c)
	h.add(Record{Operation: op, Submitted: at, Executed: at, Returned: at, Epoch: c.Epoch(), Before: before, After: c.usage()})
}

// records copies what is remembered, oldest first.
func (h *history) records() []Record {
	if len(h.ring) == 0 {
		return nil
	}
	start := 0
	if len(h.ring) == h.capacity {
		start = int(h.total % uint64(h.capacity))
	}
	return slices.Concat(h.ring[start:], h.ring[:start])
}

// Log yields the operations that the chip remembers, in the order in which they
// were handed over, as they were when the iteration began.
func (c *Chip) Log() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		c.mu.RLock()
		all := c.log.records()
		c.mu.RUnlock()
		for _, r := range all {
			if !yield(r) {
				return
			}
		}
	}
}

// Row is one row of the forwarding database, with its domain.
type Row struct {
	Domain switchdev.Domain
	switchdev.FDBRow
}

// Rows returns the forwarding database of all domains, ordered by domain and
// key, the newest first where a key has several. Rows that the chip learned by itself have [switchdev.FDBHWLearned].
func (c *Chip) Rows() []Row {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.allRows()
}

func (c *Chip) allRows() []Row {
	now := c.now()
	keys := make([]rowKey, 0, len(c.rows.rows))
	for k := range c.rows.rows {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareRowKey)
	all := make([]Row, 0, c.rows.used)
	for _, k := range keys {
		for r := c.rows.rows[k]; r != nil; r = r.next {
			all = append(all, Row{k.domain, r.export(k, now)})
		}
	}
	return all
}

// String returns the row in the words of the bridge tool.
func (r Row) String() string {
	text := fmt.Sprintf("domain %d %s dev %d", r.Domain, r.Key, r.Port)
	for i, name := range [...]string{"static", "local", "sticky", "extern", "user", "locked", "hw_learned"} {
		if r.Flags&(1<<i) != 0 {
			text += " " + name
		}
	}
	return text
}

// WriteRows prints [Chip.Rows] to w, a line each.
func (c *Chip) WriteRows(w io.Writer) error {
	for _, r := range c.Rows() {
		if _, err := fmt.Fprintf(w, "%s age %s\n", r, r.Age); err != nil {
			return err
		}
	}
	return nil
}
