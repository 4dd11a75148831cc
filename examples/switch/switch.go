package main

import (
	"errors"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// ethernetSwitch is chip and bridge, wired together and driven by one clock: that of the
// recording. Everything is Manual, so nothing here runs but what is polled, and a run with the same
// arguments gives the same output to the byte.
type ethernetSwitch struct {
	chip     *hwsim.Chip
	bridge   *bridge.Bridge
	ports    map[switchdev.PortID]*hwsim.Port // as they were at first: one that a fault has pulled out drops what it gets
	egress   bridge.Egress
	observer *observer
	faults   []*hwsim.Injected
	taps     []*tap                       // by port; none if nobody wants what leaves
	drops    map[switchdev.PortID]reasons // by software

	now     time.Time
	trapped bool  // the frame in transit has reached software
	err     error // the first of the taps
}

// domain is the number of our bridge on the chip, which could hold several.
const domain switchdev.Domain = 1

func newSwitch(rec *recording, opt options) (*ethernetSwitch, error) {
	s := &ethernetSwitch{now: rec.frames[0].at, ports: map[switchdev.PortID]*hwsim.Port{}, drops: map[switchdev.PortID]reasons{}}
	var err error
	if s.chip, err = hwsim.New(chipConfig(rec, opt, s.software)); err != nil {
		return nil, err
	}
	s.bridge, err = bridge.New(bridge.Config{
		MAC: bridgeMAC, Manual: true, Start: s.now,
		Table:    fdb.Config{Ageing: opt.ageing, Seed: opt.seed},
		Hardware: bridge.Hardware{Devices: []bridge.Device{{Driver: s.chip, Domain: domain}}},
	})
	if err != nil {
		return nil, err
	}
	own := []switchdev.MAC{bridgeMAC}
	var joins []*bridge.Ticket
	for i, name := range rec.ports {
		port := s.chip.Port(portID(i))
		s.ports[port.ID()] = port
		port.OnEgress(func(data []byte) { s.sent(port.ID(), data) })
		own = append(own, port.MAC())
		s.drops[port.ID()] = reasons{}
		joins = append(joins, s.bridge.SubmitAddPort(bridge.PortConfig{ID: port.ID(), Name: name, MAC: port.MAC(), Driver: s.chip}))
	}
	if err := s.outcome(joins); err != nil {
		return nil, err
	}
	s.observer = newObserver(opt.ageing, rec.longest(), own...)
	for _, f := range opt.faults { // they come last: the switch was built when all was well
		in, err := s.chip.Inject(f.Fault)
		if err != nil {
			return nil, err
		}
		s.faults = append(s.faults, in)
	}
	return s, nil
}

// outcome lets time pass until the bridge has done what it was asked, and says how that went.
func (s *ethernetSwitch) outcome(tickets []*bridge.Ticket) error {
	s.advance(s.now)
	var errs []error
	for _, k := range tickets {
		errs = append(errs, k.Err())
	}
	return errors.Join(errs...)
}

// bridgeMAC is the address of the bridge; those of the ports count on from it. They are those of the
// bridge that the built-in recording was made with.
var bridgeMAC = switchdev.MAC{2, 0, 0, 0, 1, 0}

func chipConfig(rec *recording, opt options, trap func(hwsim.HostFrame)) hwsim.Config {
	cfg := hwsim.Config{
		Manual: true, Seed: opt.seed, MAC: bridgeMAC,
		Hardware: hwsim.Hardware{MTU: rec.longest() - 18},
		Host:     hwsim.Host{OnTrap: trap},
		Log:      hwsim.LogConfig{Capacity: -1},
	}
	for _, name := range rec.ports {
		cfg.Ports = append(cfg.Ports, hwsim.PortConfig{Name: name})
	}
	return cfg
}

// receive lets a frame come in, at its time, and waits until the switch is done with it.
func (s *ethernetSwitch) receive(f frame) {
	s.advance(f.at)
	s.observer.arrives(f)
	s.trapped = false
	s.ports[f.port].Ingress(f.data)
	s.settle()
	s.observer.settles()
}

// software gets what the chip does not forward by itself: the bridge learns from the frame and
// decides, and the chip sends the copies.
func (s *ethernetSwitch) software(f hwsim.HostFrame) {
	s.trapped = true
	forward := s.bridge.Forward
	if f.Forwarded { // the chip has seen to its own ports, and to the counting
		forward = s.bridge.ForwardMarked
	}
	verdict := forward(f.Port, f.Frame, &s.egress)
	s.observer.transit.toHost = verdict.Host
	if verdict.Reason.Dropped() && !f.Forwarded {
		s.drops[f.Port].add(reasons{verdict.Reason.String(): 1})
	}
	for _, port := range s.egress.Ports() {
		s.chip.Transmit(port, f.Frame)
	}
}

// sent is called with every frame that leaves a port. The chip sends its own copies before it gives
// software the frame, so whatever comes later is software's.
func (s *ethernetSwitch) sent(port switchdev.PortID, data []byte) {
	s.observer.leaves(port, s.trapped)
	s.keep(port, data)
}

// advance lets virtual time pass, from one instant at which something is due to the next.
func (s *ethernetSwitch) advance(to time.Time) {
	const most = 1000 // in a year of silence nobody needs to see each attempt to reach dead hardware
	for range most {
		next := s.settle()
		if next.IsZero() || !next.After(s.now) || !next.Before(to) {
			break
		}
		s.now = next
	}
	s.now = to
	s.settle()
}

// settle does everything that is due now, and returns when there will be more. What one part does
// may give another one work, so it goes on until nobody wakes anybody.
func (s *ethernetSwitch) settle() (next time.Time) {
	for {
		next = s.bridge.Poll(s.now)
		if chip := s.chip.Poll(s.now); next.IsZero() || !chip.IsZero() && chip.Before(next) {
			next = chip
		}
		select {
		case <-s.bridge.Wake():
		case <-s.bridge.Table().Wake():
		case <-s.chip.Wake():
		default:
			return next
		}
	}
}

// close ends the switch. The faults end first: hardware that hangs is an error when a bridge is
// closed, and here it was asked for.
func (s *ethernetSwitch) close() error {
	s.chip.ReleaseAll()
	for next := s.settle(); len(s.chip.Operations()) > 0 && next.After(s.now); next = s.settle() {
		s.now = next // what is slow comes to its end
	}
	var leaves []*bridge.Ticket
	for _, p := range s.bridge.Ports() {
		leaves = append(leaves, s.bridge.SubmitRemovePort(p.ID))
	}
	return errors.Join(s.outcome(leaves), s.bridge.Close(), s.chip.Close())
}
