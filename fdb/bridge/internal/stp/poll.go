package stp

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// event is a timer that is due. Those of one instant run in the order of the kinds:
// what is held back leaves before more is generated, and what is known too long is
// forgotten before a port forwards because of it.
type event struct {
	at   time.Time
	kind eventKind
	port *port
}

type eventKind uint8

const (
	eventHold eventKind = iota
	eventMessageAge
	eventForwardDelay
	eventChanging
	eventTCN
	eventHello
)

func (e event) compare(o event) int {
	return cmp.Or(e.at.Compare(o.at), cmp.Compare(e.kind, o.kind), cmp.Compare(e.number(), o.number()))
}

func (e event) number() uint16 {
	if e.port == nil {
		return 0
	}
	return e.port.number
}

// Poll runs the timers that are due at now, in the order of their times, and
// returns [Machine.Next]. It may be called at any time.
func (m *Machine) Poll(now time.Time) (next time.Time) {
	for m.collect(now) {
		slices.SortFunc(m.events, event.compare)
		for _, e := range m.events {
			if t := m.timer(e); t.running && t.at.Equal(e.at) { // none before it has stopped it
				t.stop()
				m.fire(now, e)
			}
		}
	}
	return m.Next()
}

// Next returns when Poll is to be called, the zero Time if no timer is running. While the
// protocol runs there is one. Any other method that is given the time may change it.
func (m *Machine) Next() (next time.Time) {
	for e := range m.timers {
		if next.IsZero() || e.at.Before(next) {
			next = e.at
		}
	}
	return next
}

// timers yields the timers that are running.
func (m *Machine) timers(yield func(event) bool) {
	each := func(kind eventKind, p *port) bool {
		e := event{kind: kind, port: p}
		t := m.timer(e)
		e.at = t.at
		return !t.running || yield(e)
	}
	for kind := eventChanging; kind <= eventHello; kind++ {
		if !each(kind, nil) {
			return
		}
	}
	for _, p := range m.ports {
		for kind := eventHold; kind <= eventForwardDelay; kind++ {
			if !each(kind, p) {
				return
			}
		}
	}
}

func (m *Machine) collect(now time.Time) bool {
	clear(m.events)
	m.events = m.events[:0]
	for e := range m.timers {
		if !e.at.After(now) {
			m.events = append(m.events, e)
		}
	}
	return len(m.events) > 0
}

func (m *Machine) timer(e event) *timer {
	switch e.kind {
	case eventHold:
		return &e.port.hold
	case eventMessageAge:
		return &e.port.messageAge
	case eventForwardDelay:
		return &e.port.forwardDelay
	case eventChanging:
		return &m.changing
	case eventTCN:
		return &m.tcn
	}
	return &m.hello
}

// fire does what a timer was set for (net/bridge/br_stp_timer.c).
func (m *Machine) fire(now time.Time, e event) {
	switch e.kind {
	case eventHold:
		if e.port.pending {
			m.transmit(now, e.port)
		}
	case eventMessageAge:
		wasRoot := m.isRoot()
		m.claim(e.port)
		m.reconsider(now, wasRoot)
	case eventForwardDelay:
		m.advance(now, e.port)
	case eventChanging:
		m.detected = false
		m.setChange(false)
	case eventTCN:
		m.notify(now)
	case eventHello:
		m.generate(now)
		m.hello.start(now.Add(m.current.hello))
	}
}

// advance takes a port from listening to learning, or on to forwarding
// (br_forward_delay_timer_expired).
func (m *Machine) advance(now time.Time, p *port) {
	switch p.state {
	case switchdev.PortListening:
		m.setState(p, switchdev.PortLearning)
		p.forwardDelay.start(now.Add(m.current.forwardDelay))
	case switchdev.PortLearning:
		m.setState(p, switchdev.PortForwarding)
		if m.leads() {
			m.detect(now)
		}
	}
}

// leads reports whether somebody reaches the root through this bridge
// (br_is_designated_for_some_port).
func (m *Machine) leads() bool {
	return slices.ContainsFunc(m.ports, func(p *port) bool {
		return p.state != switchdev.PortDisabled && p.info.bridge == m.id
	})
}
