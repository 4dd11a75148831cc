package arpnd

import (
	"net/netip"

	"github.com/switchcore/switchcore/switchdev"
)

// Kind is what a frame is. The zero value is none of them.
type Kind uint8

// The frames that neighbours find each other with.
const (
	ARPRequest    Kind = iota + 1 // RFC 826, operation 1
	ARPReply                      // RFC 826, operation 2
	Solicitation                  // neighbour solicitation, RFC 4861 section 4.3
	Advertisement                 // neighbour advertisement, RFC 4861 section 4.4
)

// String returns the kind's name as it stands in logs.
func (k Kind) String() string {
	switch k {
	case ARPRequest:
		return "ARP request"
	case ARPReply:
		return "ARP reply"
	case Solicitation:
		return "neighbour solicitation"
	case Advertisement:
		return "neighbour advertisement"
	}
	return "none"
}

// Question is what [Parse] read of a frame: a question or an answer. It is a value,
// keeps nothing of the frame, and is comparable. The zero value is no question: it
// asks nothing, is not suppressed and not answered.
type Question struct {
	// Kind is what the frame is.
	Kind Kind

	// DAD says that the sender has no address yet and looks whether the target
	// is free: the sender of ARP is 0.0.0.0 (the probe of RFC 5227), or a
	// solicitation comes from :: (RFC 4862, section 5.4).
	DAD bool

	// Gratuitous says that the sender speaks of itself to whom it may concern: the
	// sender of ARP, request or reply, is the target; an advertisement is not
	// solicited; a solicitation is addressed to its own source.
	Gratuitous bool

	// Unicast says that the Ethernet frame is addressed to one station: whoever
	// asks so wants to know whether that very station still is there (RFC 4861,
	// section 7.3).
	Unicast bool

	// Router is the router flag of an advertisement. Parse leaves it false in a
	// solicitation: whoever knows the neighbour to be a router sets it there, and
	// AppendReply puts it into the answer. An answer without it takes a router off
	// the asker's list of default routers (RFC 4861, section 7.2.5).
	Router bool

	// SenderMAC is the address of the sender, where an answer goes to: the sender
	// hardware address of ARP; the source link-layer address of a solicitation or
	// the target link-layer address of an advertisement, and if there is no such
	// option the source of the Ethernet frame.
	SenderMAC switchdev.MAC

	// Target is the address asked for or told of. In an ARP reply it is the
	// address of the asker. IPv6 addresses have no zone.
	Target netip.Addr

	// Sender is the address of the sender: of ARP the sender protocol
	// address, of the others the source of the packet.
	Sender netip.Addr
}

// Asks reports whether the frame asks for the target's link-layer address. That it
// does is not enough to answer it: see [Suppress].
func (q *Question) Asks() bool { return q.Kind == ARPRequest || q.Kind == Solicitation }

// Suppress reports whether q is kept off the ports with neigh_suppress whoever its
// target is, and gets no answer either: the stations behind such ports learn it
// otherwise. Linux br_do_proxy_suppress_arp and br_do_suppress_nd
// (net/bridge/br_arp_nd_proxy.c; all this as Linux 6.18 was seen to do it) decide so of
//
//   - ARP, request or reply, whose sender is 0.0.0.0 or is the target: probes,
//     announcements, gratuitous ARP;
//   - an advertisement that is not solicited;
//   - a solicitation from ::, or one that is addressed to its own source;
//
// but not of requests and solicitations in unicast frames. An ARP reply to somebody
// else and a solicited advertisement are not suppressed.
//
// This is one of the kernel's questions. All of them, in its order, the first
// that applies deciding:
//
//  1. No port of the bridge has neigh_suppress: neighbour discovery is flooded like
//     any other frame, and for an ARP request only question 6 counts. Suppress and
//     Unicast are not asked, so probes and gratuitous requests are answered too.
//  2. The port that the frame came in by has neigh_suppress itself: no answer, and
//     the frame is flooded even to ports with neigh_suppress. (For frames of
//     the bridge's own host there is no such port.)
//  3. The frame asks and is Unicast: no answer, flooded to all if its destination
//     is unknown.
//  4. Suppress: no answer, not flooded to ports with neigh_suppress.
//  5. The frame asks, and its target is an address of the bridge's own host: no
//     answer in its place, not flooded to ports with neigh_suppress.
//  6. The frame asks, its target is a known neighbour, and the forwarding database
//     knows the neighbour's MAC address in the frame's VLAN: answered if the
//     entry's port has neigh_suppress, or for ARP also if the port that asks
//     has proxy_arp or the entry's port proxy_arp_wifi. Not flooded to ports with
//     neigh_suppress or proxy_arp_wifi if it was answered, or if any port has
//     neigh_suppress.
//  7. Otherwise no answer, and flooded to all.
//
// "Not flooded to" is about flooding alone (br_flood, net/bridge/br_forward.c): a
// frame for a destination that is known goes there. In 4 and 5 the ports with
// proxy_arp_wifi are spared as well. Ports with proxy_arp are never flooded
// anything, whatever the frame.
func Suppress(q *Question) bool {
	switch q.Kind {
	case ARPRequest, Solicitation:
		return !q.Unicast && (q.DAD || q.Gratuitous)
	case ARPReply:
		return q.DAD || q.Gratuitous
	case Advertisement:
		return q.Gratuitous
	}
	return false
}
