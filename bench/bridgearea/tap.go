package bridgearea

import (
	"fmt"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/fdb/bridge"
)

// burst is how many frames wait to be read when a stretch of the loops begins.
// That many fit into the queue of an interface.
const burst = 512

// tapSizes are the lengths of the frames.
var tapSizes = []int{minFrame, 1514}

// taps measures a switch between two TAP interfaces. A thousand stations are many
// for one; with 64k the table is larger than what the kernel's own work with the
// frames leaves of the caches.
func taps() measure.Group {
	var rows []measure.Row
	for _, n := range tapTables {
		for _, size := range tapSizes {
			gate, goal := 0.8, 1.0
			if n.name != "1k" {
				gate, goal = 0, 0
			}
			kind := fmt.Sprintf("%s/%d", n.name, size)
			rows = append(rows,
				measure.Row{Name: fmt.Sprintf("%s/tap/%d", n.name, size), Ours: "ours/" + kind, Peer: "alone/" + kind, Rule: measure.Faster, Gate: gate, Goal: goal,
					Text: fmt.Sprintf("a frame of %d bytes is read from a TAP interface, given to Forward and written to another, beside reading and writing alone", size)},
				measure.Row{Name: fmt.Sprintf("%s/tap-kernel/%d", n.name, size), Ours: "ours/" + kind, Peer: "kernel/" + kind, Rule: measure.Faster,
					Text: "the same beside the kernel's bridge, whose ports are two TAP interfaces: a program writes the frame to one, the kernel forwards it, the program reads it from the other"})
		}
	}
	return measure.Group{Name: "tap", Rows: rows, Run: func(s *measure.Session, rec *measure.Record) error {
		failed := make(chan error)
		go func() { failed <- measureTAPs(s, rec) }() // its thread ends with it
		return <-failed
	}}
}

var tapTables = []struct {
	name        string
	full, quick int
}{{"1k", 1 << 10, 1 << 10}, {"64k", 1 << 16, 1 << 11}}

func measureTAPs(s *measure.Session, rec *measure.Record) error {
	for _, t := range tapTables {
		if err := measureTAPsOf(s, rec, t.name, s.Size(t.full, t.quick)); err != nil {
			return err
		}
	}
	return nil
}

func measureTAPsOf(s *measure.Session, rec *measure.Record, name string, n int) error {
	kernel, err := peer.NewTAPs(2, true)
	if err != nil {
		return fmt.Errorf("%w: %w", measure.ErrSkip, err)
	}
	defer kernel.Close()
	// These come last: it is in their namespace that the thread stays.
	plain, err := peer.NewTAPs(2, false)
	if err != nil {
		return fmt.Errorf("%w: %w", measure.ErrSkip, err)
	}
	defer plain.Close()
	w, err := newWorld(config(), n, 2)
	if err != nil {
		return err
	}
	defer w.Close()
	c := &cables{w: w, kernel: kernel.Ports, plain: plain.Ports, bursts: s.Size(256, 2), buf: make([]byte, 2048)}
	for i := range c.all {
		c.all[i] = newRing(layout{stations: n, ports: 2, to: known(n, 2), only: func(from uint64) bool { return int(from)%2 == i }})
	}
	var cases []measure.Case
	for _, size := range tapSizes {
		frames := newRing(layout{stations: n, ports: 2, size: size, to: known(n, 2),
			only: func(from uint64) bool { return portOf(from, 2) == 1 }})
		add := func(kind string, loop func(*ring) float64) {
			cases = append(cases, measure.Case{Series: fmt.Sprintf("%s/%s/%d", kind, name, size), Run: func() float64 { return loop(frames) }})
		}
		add("alone", func(a *ring) float64 { return c.sent(a, c.alone) })
		add("ours", func(a *ring) float64 { return c.sent(a, c.forward) })
		add("kernel", c.bridged)
	}
	measure.Quiet(func() { s.Interleave(rec, cases...) })
	return c.failed
}

// cables is two pairs of TAP interfaces, one with a bridge of the kernel's.
type cables struct {
	w             *world
	plain, kernel []*peer.TAP
	bursts        int
	buf           []byte
	out           bridge.Egress
	all           [2]*ring // a frame of every station, by port
	failed        error
}

func (c *cables) note(err error) {
	if c.failed == nil {
		c.failed = err
	}
}

// sent has the host send bursts of frames, which does not count, and times a
// loop that passes them on. It returns nanoseconds a frame.
func (c *cables) sent(a *ring, pass func() int) float64 {
	from, to := c.plain[0], c.plain[1]
	from.Drain(c.buf)
	before, err := to.Received()
	c.note(err)
	sum, passed := 0.0, 0
	for b := -1; b < c.bursts; b++ { // the first brings the caches back
		for i := range burst {
			c.note(from.Send(a.frame((b*burst + i) & (a.len() - 1))))
		}
		ns := measure.PerOp(burst, func() { passed += pass() })
		if b >= 0 {
			sum += ns
		}
	}
	after, err := to.Received()
	c.note(err)
	if want := (c.bursts + 1) * burst; passed != want || after-before < uint64(want) {
		c.note(fmt.Errorf("%d frames were read and %d came, not %d", passed, after-before, want))
	}
	return sum / float64(c.bursts)
}

// alone reads what there is and writes it.
func (c *cables) alone() (passed int) {
	from, to := c.plain[0], c.plain[1]
	for {
		n, err := from.Read(c.buf)
		if n == 0 || err != nil {
			c.note(err)
			return passed
		}
		c.note(to.Write(c.buf[:n]))
		passed += isOurs(c.buf)
	}
}

// forward reads what there is and writes it where the bridge says.
func (c *cables) forward() (passed int) {
	from := c.plain[0]
	for {
		n, err := from.Read(c.buf)
		if n == 0 || err != nil {
			c.note(err)
			return passed
		}
		data := c.buf[:n]
		c.w.Forward(1, data, &c.out)
		for i, port := range c.out.Ports() {
			c.note(c.plain[port-1].Write(c.out.Frame(i, data)))
		}
		passed += isOurs(c.buf)
	}
}

// isOurs returns 1 for a frame of a ring and 0 for what the kernel has to say of
// its own accord.
func isOurs(frame []byte) int {
	if frame[12] == etherType>>8 && frame[13] == etherType&0xff {
		return 1
	}
	return 0
}

// bridged has the kernel's bridge pass frames on.
func (c *cables) bridged(a *ring) float64 {
	for i, port := range c.kernel { // it learns where everybody is
		for j := range c.all[i].len() {
			c.note(port.Write(c.all[i].frame(j)))
			if j%burst == 0 {
				c.drain()
			}
		}
	}
	c.drain()
	from, to := c.kernel[0], c.kernel[1]
	sum, passed := 0.0, 0
	for b := -1; b < c.bursts; b++ {
		ns := measure.PerOp(burst, func() {
			for i := range burst {
				c.note(from.Write(a.frame((b*burst + i) & (a.len() - 1))))
				if n, err := to.Read(c.buf); n != 0 && err == nil {
					passed += isOurs(c.buf)
				}
			}
		})
		if b >= 0 {
			sum += ns
		}
	}
	for {
		n, err := to.Read(c.buf)
		if n == 0 || err != nil {
			break
		}
		passed += isOurs(c.buf)
	}
	if want := (c.bursts + 1) * burst; passed != want {
		c.note(fmt.Errorf("the kernel's bridge passed %d frames of %d", passed, want))
	}
	return sum / float64(c.bursts)
}

func (c *cables) drain() {
	for _, port := range c.kernel {
		port.Drain(c.buf)
	}
}
