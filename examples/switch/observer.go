package main

import (
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// slack is how much earlier than the ageing time a station may be forgotten: the table counts
// time in steps of 10 ms.
const slack = 10 * time.Millisecond

// pauseMAC is where MAC control frames go. They end in the port, and nobody learns from them.
var pauseMAC = switchdev.MAC{0x01, 0x80, 0xc2, 0, 0, 0x01}

// observer watches the switch from outside: it sees every frame that comes in at a port or leaves
// by one, keeps a map of its own of where stations are, and asks neither bridge nor table. What it
// counts is evidence and not the switch's opinion of itself.
type observer struct {
	ageing   time.Duration // negative: stations are never forgotten
	own      map[switchdev.MAC]bool
	longest  int // longer frames pass no port
	stations map[switchdev.MAC]sighting
	transit  transit

	classes [numClasses]int
	moves   int // stations that turned up at another port
	floods  int // frames for a known station that reached others
	late    int // frames for a known station that went only to where it had been before it moved
}

// sighting is where and when a station was last seen, and where it had been before.
type sighting struct {
	port switchdev.PortID
	at   time.Time
	been []switchdev.PortID
}

// transit is the frame that is in the switch at the moment, and what has become of it so far.
type transit struct {
	dst          switchdev.MAC
	known        bool // its destination is known to be at target.port
	target       sighting
	chip, bridge int // copies sent by the chip itself, and by software
	astray       int // copies that left by a port where the destination is not
	stale        int // those of them that went to where it was before
	toHost       bool
}

func newObserver(ageing time.Duration, longest int, own ...switchdev.MAC) *observer {
	o := &observer{ageing: ageing, longest: longest, own: map[switchdev.MAC]bool{}, stations: map[switchdev.MAC]sighting{}}
	for _, m := range own {
		o.own[m] = true
	}
	return o
}

// arrives begins the passage of a frame. What counts is what was known before it came.
func (o *observer) arrives(f frame) {
	o.transit = transit{}
	if len(f.data) < 14 || len(f.data) > o.longest {
		return
	}
	t := &o.transit
	t.dst = switchdev.MAC(f.data)
	t.target = o.stations[t.dst]
	t.known = t.target.port != 0 && (o.ageing < 0 || f.at.Sub(t.target.at) < o.ageing-slack)
	o.hears(f)
}

// hears notes the source of a frame, if a bridge has to learn it: it does from every unicast
// address but its own ones and from every frame but PAUSE (IEEE 802.1Q 8.7; br_handle_frame).
func (o *observer) hears(f frame) {
	src := switchdev.MAC(f.data[6:])
	if !src.IsUnicast() || o.own[src] || o.transit.dst == pauseMAC {
		return
	}
	seen := o.stations[src]
	if seen.port != 0 && seen.port != f.port {
		o.moves++
		if !slices.Contains(seen.been, seen.port) {
			seen.been = append(seen.been, seen.port)
		}
	}
	seen.port, seen.at = f.port, f.at
	o.stations[src] = seen
}

// leaves notes a copy that left by a port.
func (o *observer) leaves(port switchdev.PortID, bySoftware bool) {
	t := &o.transit
	if bySoftware {
		t.bridge++
	} else {
		t.chip++
	}
	if t.known && port != t.target.port {
		t.astray++
		if slices.Contains(t.target.been, port) {
			t.stale++
		}
	}
}

// settles ends the passage.
func (o *observer) settles() {
	t := &o.transit
	o.classes[t.class()]++
	switch {
	case t.astray == 0:
	case t.stale == 1 && t.chip+t.bridge == 1:
		o.late++
	default:
		o.floods++
	}
}

// class is what became of a frame. Every frame has one.
type class int

const (
	knownByChip class = iota
	knownByBridge
	unknownUnicast
	broadcast
	multicast
	linkLocal
	toHost
	dropped
	numClasses
)

var classNames = [numClasses]string{
	"known unicast, in hardware", "known unicast, in software", "unknown unicast, flooded",
	"broadcast", "multicast", "link-local", "to the host", "dropped",
}

func (t *transit) class() class {
	switch sent := t.chip + t.bridge; {
	case sent == 0 && !t.toHost:
		return dropped
	case t.dst.IsBroadcast():
		return broadcast
	case t.dst.IsLinkLocal():
		return linkLocal
	case t.dst.IsMulticast():
		return multicast
	case sent == 0:
		return toHost
	case !t.known || sent > 1:
		return unknownUnicast
	case t.bridge == 0:
		return knownByChip
	}
	return knownByBridge
}
