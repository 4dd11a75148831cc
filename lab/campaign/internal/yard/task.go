package yard

import (
	"errors"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// task is a verb under way.
type task struct {
	what    string
	ticket  waiter
	refuse  error       // what it has to end with; nil: with nil, if no device has a reason
	apply   func()      // what it makes of the model
	ended   func(error) // looks at the outcome besides
	partial bool        // an error may leave it half done
	excused bool        // an error needs no reason
	lone    bool        // nothing else was under way when it began
	aside   bool        // it changes no port
	elapsed time.Duration
}

// waiter is a ticket of the bridge or of its table.
type waiter interface {
	Done() <-chan struct{}
	Err() error
	Withdraw() bool
}

func over(k waiter) bool {
	select {
	case <-k.Done():
		return true
	default:
		return false
	}
}

// begin notes a verb that was submitted.
func (y *Yard) submit(t *task) {
	t.lone = !y.busy()
	y.tasks = append(y.tasks, t)
	if y.w.Logging() {
		y.w.Log("%s", t.what)
	}
}

// busy reports whether a verb is under way that changes ports.
func (y *Yard) busy() bool {
	for _, t := range y.tasks {
		if !t.aside {
			return true
		}
	}
	return false
}

// endTasks deals with the verbs that have ended.
func (y *Yard) endTasks(elapsed time.Duration) {
	crossed := len(y.tasks) > 1
	if elapsed > y.set.timeout { // the clock jumped: what devices did in time comes after the deadline
		for _, t := range y.tasks {
			t.excused = true
		}
	}
	for i := 0; i < len(y.tasks); {
		t := y.tasks[i]
		if !over(t.ticket) {
			if t.elapsed += min(elapsed, y.set.timeout); t.elapsed > 40*y.set.timeout {
				y.w.Fail(invDeadline, "%s has not ended after %v", t.what, t.elapsed)
			}
			i++
			continue
		}
		y.tasks = append(y.tasks[:i:i], y.tasks[i+1:]...)
		if crossed && !t.aside {
			t.lone = false
		}
		y.end(t, t.ticket.Err())
	}
}

// end holds an outcome against what it has to be.
func (y *Yard) end(t *task, err error) {
	if y.w.Logging() {
		y.w.Log("%s: %v", t.what, err)
	}
	switch {
	case !t.lone && !t.aside:
		y.adopted = true
	case t.refuse != nil && !errors.Is(err, t.refuse):
		y.w.Fail(invVerb, "%s: %v, want %v", t.what, err, t.refuse)
	case t.refuse != nil:
	case err != nil && y.calm && y.unlimited() && !y.ponderous() && !t.excused && !t.aside:
		y.w.Fail(invVerb, "%s: %v, and no device has a reason", t.what, err)
	case err != nil && t.partial:
		y.adopted = true
	case err == nil && t.apply != nil:
		t.apply()
	}
	if t.ended != nil {
		t.ended(err)
	}
}

// withdraw has somebody lose patience.
func (y *Yard) withdraw(a int64) {
	if len(y.tasks) == 0 {
		return
	}
	if t := y.tasks[index(a, len(y.tasks))]; t.ticket.Withdraw() {
		t.lone = false
		t.ended = nil
		y.w.Log("%s is withdrawn", t.what)
	}
}

// over ends the life of a port.
func (y *Yard) over(id switchdev.PortID) {
	y.lives[id]++
	delete(y.counts, id)
	y.forgetPort(id)
}

// ponderous reports whether a device may need longer than the timeout for what it is
// asked at once.
func (y *Yard) ponderous() bool {
	for _, c := range y.chips {
		if 400*c.set.latency > y.set.timeout {
			return true
		}
	}
	return false
}
