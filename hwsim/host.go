package hwsim

import (
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// Reason says why the host gets a frame.
type Reason uint8

// The reasons.
const (
	ReasonStandalone Reason = iota + 1 // the port is in no domain
	ReasonLinkLocal                    // 01:80:c2:00:00:0x
	ReasonLocal                        // a row says that the station is the host
	ReasonBroadcast                    // flooded: the host is one of the receivers
	ReasonMulticast                    // as well
	ReasonUnknown                      // as well: the chip does not know the destination
	ReasonLearn                        // the chip does not know the source and cannot learn it
	ReasonMoved                        // the source is not where an operation put it; Forwarded on a Secure chip
	numReasons
)

var reasonNames = [numReasons]string{"", "standalone", "link-local", "local", "broadcast", "multicast", "unknown", "learn", "moved"}

// String returns the reason's name, for instance "link-local".
func (r Reason) String() string {
	if r > 0 && r < numReasons {
		return reasonNames[r]
	}
	return "reason(" + strconv.Itoa(int(r)) + ")"
}

// HostFrame is a frame that the chip gives the host.
type HostFrame struct {
	// Port is where the frame came in: the number of the LAG if it came in by a
	// link of one.
	Port switchdev.PortID
	// Link is the link of the LAG, which LACP needs to know; 0 if Port is none.
	Link switchdev.PortID
	// Frame is the frame as it came in, with its tag. Nobody changes it.
	Frame []byte
	// VLAN is the VLAN that the chip found for it, NoVLAN without filtering and for
	// an untagged one with QuirkUntaggedInVLANZero.
	VLAN switchdev.VLAN
	// Forwarded tells that the chip has sent the frame to every port of the
	// domain that is to get it, so software does not (skb->offload_fwd_mark).
	Forwarded bool
	// Reason is why the host gets it.
	Reason Reason
}

// Host returns the queue of frames for the host. When it is full, frames are
// dropped and counted. With Config.Host.OnTrap nothing comes out of it. It is
// never closed.
func (c *Chip) Host() <-chan HostFrame {
	c.hostOnce.Do(c.makeHost)
	return c.hostQ
}

func (c *Chip) makeHost() { c.hostQ = make(chan HostFrame, c.cfg.Host.Queue) }

func (c *Chip) trap(f HostFrame) {
	if f.Reason < numReasons {
		c.stats.trapped[f.Reason].Add(1)
	}
	if on := c.cfg.Host.OnTrap; on != nil {
		on(f)
		return
	}
	if c.cfg.Host.Queue > 0 {
		c.hostOnce.Do(c.makeHost)
		select {
		case c.hostQ <- f:
			return
		default:
		}
	}
	c.stats.hostDrops.Add(1)
}

// Transmit sends a frame of the host out of a port, or a link of a LAG, as it is:
// nothing is learned and no VLAN tag touched. One for a LAG leaves by the link of
// its flow. It reports whether the frame left; what did not is
// counted at the port. The frame belongs to the chip afterwards. It allocates
// nothing.
func (c *Chip) Transmit(port switchdev.PortID, frame []byte) bool {
	p := c.Port(port)
	if p == nil {
		c.stats.noPort.Add(1)
		return false
	}
	if len(frame) < headerLen {
		p.count.drop(DropShort)
		return false
	}
	if len(frame) > c.cfg.Hardware.MTU+headerLen+tagLen {
		p.count.drop(DropLong)
		return false
	}
	return p.send(frame)
}
