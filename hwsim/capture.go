package hwsim

import (
	"io"
	"time"

	"github.com/switchcore/switchcore/internal/pcapng"
	"github.com/switchcore/switchcore/switchdev"
)

// Capture is a pcapng file in the making. Its methods may be called
// concurrently.
type Capture struct {
	chip       *Chip
	slot       chan struct{} // held while one packet is written
	out        *pcapng.Writer
	interfaces map[switchdev.PortID]int // of what comes in; what goes out is the next
	err        error                    // guarded by slot
}

// Capture writes every frame that a port receives or sends to w, as a pcapng
// file with the interfaces "p1 rx" and "p1 tx" for each port that there is now.
// w is called while the frame waits: give it a buffer. There is one capture at
// a time, a second is refused with ErrBusy.
func (c *Chip) Capture(w io.Writer) (*Capture, error) {
	cp := &Capture{chip: c, slot: make(chan struct{}, 1), interfaces: make(map[switchdev.PortID]int)}
	var names []string
	c.mu.RLock()
	for _, p := range c.ports {
		cp.interfaces[p.id] = len(names)
		names = append(names, p.name+" rx", p.name+" tx")
	}
	c.mu.RUnlock()
	cp.slot <- struct{}{} // packets wait for the head of the file
	if !c.capture.CompareAndSwap(nil, cp) {
		return nil, c.refusal("capture", "", "another is running", switchdev.ErrBusy)
	}
	cp.out, cp.err = pcapng.NewWriter(w, names...)
	err := cp.err
	<-cp.slot
	if err != nil {
		c.capture.CompareAndSwap(cp, nil)
		return nil, err
	}
	return cp, nil
}

// Close ends the capture and returns the first error of the writer, after which
// nothing more was written.
func (cp *Capture) Close() error {
	cp.chip.capture.CompareAndSwap(cp, nil)
	cp.slot <- struct{}{}
	defer func() { <-cp.slot }()
	err := cp.err
	if err == nil {
		cp.err = switchdev.ErrClosed // for packets on their way
	}
	if err == switchdev.ErrClosed {
		return nil
	}
	return err
}

// record writes a frame into the capture, if there is one.
func (c *Chip) record(p *Port, sent bool, frame []byte) {
	cp := c.capture.Load()
	if cp == nil {
		return
	}
	i, known := cp.interfaces[p.id]
	if !known {
		return
	}
	if sent {
		i++
	}
	c.mu.RLock()
	at := c.instant(c.now())
	c.mu.RUnlock()
	if at.IsZero() {
		at = time.Unix(0, 0) // a Manual chip that was not polled yet
	}
	cp.slot <- struct{}{}
	if cp.err == nil {
		cp.err = cp.out.WritePacket(pcapng.Packet{Time: at, Interface: i, Data: frame})
	}
	<-cp.slot
}
