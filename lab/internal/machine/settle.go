package machine

import (
	"fmt"
	"time"
)

// waiter is an operation of a bridge or of its table.
type waiter interface {
	Done() <-chan struct{}
	Err() error
}

// The bounds on what may be due at one instant, and on how many instants an operation
// that needs time may take.
const (
	mostPolls    = 20_000
	mostInstants = 10_000
)

// Livelock is the error of a machine in which something is always due.
type Livelock struct {
	At   time.Time
	What string
}

// Error returns a text that names the instant and what was due.
func (l *Livelock) Error() string {
	return fmt.Sprintf("at %v there is always something due: %s", l.At, l.What)
}

// Wait lets d pass, and does what is due meanwhile, in order. A negative d counts as 0.
func (m *Machine) Wait(d time.Duration) error {
	end := m.now.Add(max(d, 0))
	for {
		due, err := m.settle()
		if err != nil {
			return err
		}
		if due.IsZero() || due.After(end) {
			break
		}
		m.now = due
	}
	if m.now.Equal(end) {
		return nil
	}
	m.now = end
	_, err := m.settle()
	return err
}

// Moment lets the shortest time pass that a bridge tells apart, 10 ms.
func (m *Machine) Moment() error {
	const moment = 10 * time.Millisecond
	m.moments += moment
	return m.Wait(moment)
}

// settle does everything that is due now, and returns when there is more: the zero time
// for never.
func (m *Machine) settle() (due time.Time, err error) {
	for range mostPolls {
		moved := m.step()
		due = m.poll()
		m.hear()
		if !moved && !m.busy(due) && !m.rack.holder.release() {
			return due, nil
		}
	}
	return due, &Livelock{At: m.now, What: m.recent}
}

// poll does what is due now, the switch first, and returns when there is more. What
// bridges have asked of the switch it does at once.
func (m *Machine) poll() (due time.Time) {
	m.rack.sw.Poll(m.now)
	for _, b := range m.bridges {
		b.drain()
		at := b.b.Poll(m.now)
		if !at.IsZero() && !at.After(m.now) {
			m.recent = b.dev.name
		}
		due = earlier(due, at)
	}
	at := m.rack.sw.Poll(m.now)
	if !at.IsZero() && !at.After(m.now) {
		m.recent = m.rack.name
	}
	return earlier(due, at)
}

// busy reports whether there is work without time going by.
func (m *Machine) busy(due time.Time) bool {
	if !due.IsZero() && !due.After(m.now) || m.flight.waits() {
		return true
	}
	for _, b := range m.bridges {
		if b.woken() {
			m.recent = b.dev.name
			return true
		}
	}
	return false
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// done carries operations to their end and returns the first error. A switch that
// takes its time is waited for.
func (m *Machine) done(ops ...waiter) error {
	for range mostInstants {
		due, err := m.settle()
		if err != nil {
			return err
		}
		if ended(ops) {
			return outcome(ops)
		}
		if due.IsZero() {
			return &Livelock{At: m.now, What: "an operation that does not end"}
		}
		m.now = due
	}
	return &Livelock{At: m.now, What: "an operation that takes too long"}
}

func ended(ops []waiter) bool {
	for _, k := range ops {
		select {
		case <-k.Done():
		default:
			return false
		}
	}
	return true
}

func outcome(ops []waiter) error {
	for _, k := range ops {
		if err := k.Err(); err != nil {
			return err
		}
	}
	return nil
}
