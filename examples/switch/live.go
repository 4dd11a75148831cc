package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// liveAgeing is how long a live switch remembers a silent station unless it is told: as Linux.
const liveAgeing = 300 * time.Second

// live switches between TAP devices until somebody ends it or the time is over. In a shell:
//
//	switch -live tap0,tap1
func live(opt options, stdout, stderr io.Writer) error {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer restore()
	context.AfterFunc(ctx, restore) // a second signal ends the process at once
	if opt.period > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, opt.period)
		defer cancel()
	}
	taps, err := openTAPs(opt.live)
	defer closeTAPs(taps)
	if err != nil {
		return err
	}
	return liveAmong(ctx, taps, opt, stdout, stderr)
}

// openTAPs attaches to the devices, makes those that are not there, and brings them up. It returns
// those that are open, also with an error.
func openTAPs(names []string) (taps []*hwsim.TAP, err error) {
	for _, name := range names {
		tap, err := hwsim.OpenTAP(name)
		if err != nil {
			return taps, err
		}
		taps = append(taps, tap)
		if err := tap.SetUp(true); err != nil {
			return taps, err
		}
	}
	return taps, nil
}

func closeTAPs(taps []*hwsim.TAP) {
	for _, tap := range taps {
		_ = tap.Close() // which is always nil
	}
}

// liveAmong switches between devices that are open, until ctx ends. Whatever it began has ended when
// it returns, but for the devices.
func liveAmong(ctx context.Context, taps []*hwsim.TAP, opt options, stdout, stderr io.Writer) (err error) {
	if opt.quiet {
		stderr = io.Discard
	}
	s, err := newLiveSwitch(taps, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.join(ctx, opt); err != nil {
		return err
	}
	if err := s.announce(stdout); err != nil {
		return err
	}
	s.watch(ctx, stderr)
	s.unplug() // what is printed then stays true
	return s.report(stdout, opt)
}

// liveSwitch is chip and bridge in real time, with a TAP device in every port of the chip. Frames
// between known stations pass in the chip, in the goroutine that reads the device; the others come to
// software there.
type liveSwitch struct {
	chip    *hwsim.Chip
	bridge  *bridge.Bridge
	ports   []livePort
	egress  sync.Pool // of *bridge.Egress: the goroutines of several devices call software
	links   chan switchdev.Report
	unbind  func()
	started time.Time
}

// livePort is a port and what is in it.
type livePort struct {
	*hwsim.Port
	tap  *hwsim.TAP
	lost *[256]atomic.Uint64 // by software, by bridge.Reason
}

func newLiveSwitch(taps []*hwsim.TAP, opt options) (*liveSwitch, error) {
	s := &liveSwitch{links: make(chan switchdev.Report, 64), started: time.Now()}
	s.egress.New = func() any { return new(bridge.Egress) }
	cfg := hwsim.Config{
		Seed: opt.seed, MAC: bridgeMAC,
		Hardware: hwsim.Hardware{MTU: 1500},
		Host:     hwsim.Host{OnTrap: s.software},
		Log:      hwsim.LogConfig{Capacity: -1},
	}
	for _, tap := range taps {
		cfg.Ports = append(cfg.Ports, hwsim.PortConfig{Name: tap.Name()})
		// A device that was moved to another network namespace does not tell: then 1500 it is.
		if mtu, err := tap.MTU(); err == nil {
			cfg.Hardware.MTU = max(cfg.Hardware.MTU, mtu)
		}
	}
	var err error
	if s.chip, err = hwsim.New(cfg); err != nil {
		return nil, err
	}
	s.bridge, err = bridge.New(bridge.Config{
		MAC: bridgeMAC, Table: fdb.Config{Ageing: opt.ageing, Seed: opt.seed},
		Hardware: bridge.Hardware{Devices: []bridge.Device{{Driver: s.chip, Domain: domain}}},
	})
	if err != nil {
		return nil, errors.Join(err, s.chip.Close())
	}
	for i, tap := range taps {
		s.ports = append(s.ports, livePort{s.chip.Port(portID(i)), tap, new([256]atomic.Uint64)})
	}
	s.unbind = s.chip.Bind(s)
	return s, nil
}

// join puts the ports into the bridge, and then the devices into the ports. Faults come last: the
// switch was built when all was well.
func (s *liveSwitch) join(ctx context.Context, opt options) error {
	for _, p := range s.ports {
		err := s.bridge.AddPort(ctx, bridge.PortConfig{ID: p.ID(), Name: p.Name(), MAC: p.MAC(), Driver: s.chip})
		if err != nil {
			return err
		}
	}
	for _, f := range opt.faults {
		if _, err := s.chip.Inject(f.Fault); err != nil {
			return err
		}
	}
	for _, p := range s.ports {
		if err := p.tap.Plug(p.Port); err != nil {
			return err
		}
	}
	return nil
}

// software gets what the chip does not forward by itself: the bridge learns from the frame and
// decides, and the chip sends the copies. Several goroutines call it at once.
func (s *liveSwitch) software(f hwsim.HostFrame) {
	out := s.egress.Get().(*bridge.Egress)
	forward := s.bridge.Forward
	if f.Forwarded {
		forward = s.bridge.ForwardMarked
	}
	verdict := forward(f.Port, f.Frame, out)
	if verdict.Reason.Dropped() && !f.Forwarded {
		s.ports[f.Port-1].lost[verdict.Reason].Add(1)
	}
	for _, port := range out.Ports() {
		s.chip.Transmit(port, f.Frame)
	}
	s.egress.Put(out)
}

// Report hears of the chip's links: as on a real switch it is not the bridge that looks after them.
func (s *liveSwitch) Report(r switchdev.Report) {
	if r.Kind != switchdev.ReportPortUp && r.Kind != switchdev.ReportPortDown {
		return
	}
	s.bridge.SubmitSetCarrier(r.Port, r.Kind == switchdev.ReportPortUp)
	select {
	case s.links <- r:
	default: // nobody has read the last 64 yet
	}
}

// announce says what there is now.
func (s *liveSwitch) announce(w io.Writer) error {
	out := &strings.Builder{}
	fmt.Fprintf(out, "bridge %s, address %v; frames go through the chip (hwsim), and what it does not know through the bridge\n", s.bridge.Name(), s.bridge.MAC())
	for _, p := range s.ports {
		station, err := p.tap.MAC()
		if err != nil {
			return err
		}
		link := "up"
		if !p.Carrier() {
			link = "no carrier"
		}
		fmt.Fprintf(out, "port %v: %s, address %v, the device's own %v, %s\n", p.ID(), p.Name(), p.MAC(), station, link)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// watch prints what happens, until ctx ends.
func (s *liveSwitch) watch(ctx context.Context, w io.Writer) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := s.totals()
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-s.links:
			state := "up"
			if r.Kind == switchdev.ReportPortDown {
				state = "no carrier"
			}
			fmt.Fprintf(w, "%s: %s\n", s.ports[r.Port-1].Name(), state)
		case <-tick.C:
			now := s.totals()
			fmt.Fprintf(w, "%d frames/s in, %d out, %d to software, %d dropped; %d entries\n",
				now.in-last.in, now.out-last.out, now.software-last.software, now.dropped-last.dropped, s.bridge.Table().Len())
			last = now
		}
	}
}

// totals are counts of all ports.
type totals struct{ in, out, software, dropped uint64 }

func (s *liveSwitch) totals() (sum totals) {
	for _, n := range s.chip.Stats().Trapped {
		sum.software += n
	}
	for _, p := range s.ports {
		n, device := p.Counters(), p.tap.Counters()
		sum.in += n.RxFrames
		sum.out += device.TxFrames
		sum.dropped += p.drops().sum()
	}
	return sum
}

// drops returns what a port has dropped, in hardware, in software and at the device.
func (p *livePort) drops() reasons {
	n := reasons{}
	for why, count := range p.Counters().Drops {
		if count > 0 {
			n.add(reasons{hwsim.DropReason(why).String(): count})
		}
	}
	for why := range p.lost {
		if count := p.lost[why].Load(); count > 0 {
			n.add(reasons{bridge.Reason(why).String(): count})
		}
	}
	device := p.tap.Counters()
	for why, count := range map[string]uint64{"device-down": device.TxDown, "device": device.TxFailed} {
		if count > 0 {
			n.add(reasons{why: count})
		}
	}
	return n
}

// report prints what has happened.
func (s *liveSwitch) report(w io.Writer, opt options) error {
	out := &strings.Builder{}
	fmt.Fprintf(out, "\nafter %v\n%-16s%12s%12s%12s\n", time.Since(s.started).Round(time.Millisecond), "port", "rx", "tx", "dropped")
	for _, p := range s.ports {
		lost := p.drops()
		fmt.Fprintf(out, "%-16s%12d%12d%12d%v\n", p.Name(), p.Counters().RxFrames, p.tap.Counters().TxFrames, lost.sum(), lost)
	}
	if err := reportTable(out, s.bridge, opt.json); err != nil {
		return err
	}
	reportHardware(out, s.bridge, s.chip)
	_, err := io.WriteString(w, out.String())
	return err
}

// unplug ends the traffic. The bridge does not hear that the links are gone: it would forget the
// stations.
func (s *liveSwitch) unplug() {
	s.unbind()
	for _, p := range s.ports {
		p.tap.Unplug()
	}
}

// close ends bridge and chip. The faults end first, see ethernetSwitch.close.
func (s *liveSwitch) close() error {
	s.unplug()
	s.chip.ReleaseAll()
	return errors.Join(s.bridge.Close(), s.chip.Close())
}

// liveNames reads the argument of -live.
func liveNames(text string) ([]string, error) {
	names := strings.Split(text, ",")
	for i, name := range names {
		if name == "" || slices.Contains(names[:i], name) {
			return nil, errors.New("want the names of different devices, such as tap0,tap1")
		}
	}
	if len(names) < 2 || len(names) > maxPorts {
		return nil, fmt.Errorf("want 2 to %d devices", maxPorts)
	}
	return names, nil
}
