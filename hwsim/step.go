package hwsim

import (
	"github.com/switchcore/switchcore/switchdev"
)

// Pending is a batch in flight, as [Chip.Operations] shows it.
type Pending struct {
	ID       OperationID
	Role     Role
	Count    int // operations in the batch
	Executed int // how many of them took effect
	Hung     bool
	// Next is the operation that is executed next; zero when all are.
	Next Operation
}

// Operations returns the batches in flight, in the order in which they were
// handed over.
//
// Together with [Chip.Execute] and [Chip.Complete] it lets a test drive a
// Manual chip through every interleaving: executing an operation and
// delivering the answer are two steps. A program that steps does not call
// [Chip.Poll] while something is in flight that it wants to hold back.
func (c *Chip) Operations() []Pending {
	c.mu.RLock()
	defer c.mu.RUnlock()
	jobs := c.inFlight()
	all := make([]Pending, len(jobs))
	for i, j := range jobs {
		p := Pending{ID: j.id, Role: j.role, Count: j.n, Executed: j.next - j.dropped, Hung: j.hung()}
		if j.next < j.n {
			p.Next = j.operation(j.next)
		}
		all[i] = p
	}
	return all
}

func (c *Chip) flying(id OperationID) *job {
	for _, lane := range c.lanes {
		for _, j := range lane {
			if j.id == id {
				return j
			}
		}
	}
	return nil
}

// Execute carries out the next operation of the batch id, now and whatever the
// latency, and returns how many are left. The answer is not delivered before
// [Chip.Complete]. It returns ErrNotExist when no such batch is in flight, and
// ErrBusy when all is executed, a fault makes the operation hang, or the chip
// is not Manual. A reset, that a fault brings about, ends the batch: then 0 is
// left and the answer is on its way. So does FaultPartial, and the answer waits
// for Complete.
func (c *Chip) Execute(id OperationID) (left int, err error) {
	c.mu.Lock()
	defer c.flush()
	defer c.mu.Unlock()
	j := c.flying(id)
	switch {
	case j == nil:
		return 0, switchdev.ErrNotExist
	case !c.cfg.Manual || j.next == j.n || j.stuck() || !c.prepare(j):
		return j.n - j.next, switchdev.ErrBusy
	}
	c.execute(j)
	if j.gone {
		return 0, nil
	}
	return j.n - j.next, nil
}

// Complete delivers the answer of the batch id. It returns ErrNotExist when no
// such batch is in flight, and ErrBusy when operations of it are not executed
// yet, a fault holds the answer back, or the chip is not Manual.
func (c *Chip) Complete(id OperationID) error {
	c.mu.Lock()
	defer c.flush()
	defer c.mu.Unlock()
	j := c.flying(id)
	switch {
	case j == nil:
		return switchdev.ErrNotExist
	case !c.cfg.Manual || j.next < j.n || j.stuck():
		return switchdev.ErrBusy
	}
	c.finish(j)
	return nil
}
