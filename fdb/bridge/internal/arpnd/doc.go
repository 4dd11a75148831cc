// Package arpnd is what a bridge reads of ARP and of IPv6 neighbour discovery in
// order to answer in place of a neighbour, and to keep such frames off the ports
// that are spared them: [Parse] says what a frame asks or tells, [Suppress] which
// frames are kept off whoever the neighbour is, and [AppendReply] builds the answer.
//
// A bridge whose station 192.0.2.2 has the address mac does:
//
//	q, ok := arpnd.Parse(frame, 12)
//	switch {
//	case !ok:
//		// nothing of ours: flood it
//	case arpnd.Suppress(&q):
//		// flood it, but not to ports with neigh_suppress
//	case q.Asks() && !q.Unicast && q.Target == netip.MustParseAddr("192.0.2.2"):
//		reply = arpnd.AppendReply(reply[:0], frame, 12, &q, mac)
//	}
//
// The package knows frames only. Which port asked, who the neighbours are and
// which port they are on is the bridge's to know; the order of the kernel's
// questions stands at [Suppress].
//
// # Concurrency
//
// There is no state: every function may be called from any goroutine. None
// allocates, [AppendReply] only when dst has no room for [MaxReply] bytes and the
// question's tags, and none blocks. A frame is read during the call and not kept.
//
// # Errors
//
// There are none. A frame that is malformed, or valid and of another kind, is
// nothing that this package speaks of: Parse reports false and the frame goes its
// way like any other. A question that must not be answered gets no answer: dst
// comes back as it was.
//
// # Differences from Linux
//
// The kernel (net/bridge/br_arp_nd_proxy.c) takes the receiver's checks for done
// by the receiver; here a frame that a host has to discard is neither answered
// nor kept off a port. So these are not ok here and are looked at there:
//
//   - ARP whose hardware type is not Ethernet (RFC 826).
//   - Solicitations and advertisements with a hop limit other than 255, a wrong
//     checksum, a multicast target or source, an option that does not fit, a source
//     link-layer address although the source is ::, a source of :: to anything but
//     a solicited-node address, or the solicited flag on a multicast
//     (RFC 4861, sections 7.1.1 and 7.1.2).
//   - ARP operations other than request and reply, of which the kernel keeps those
//     off ports whose sender is 0.0.0.0 or the target.
//
// Options are read up to the end of the IPv6 payload; the kernel reads to the end of
// the frame unless netfilter has cut it, so that a padded solicitation without a
// source link-layer address may get no answer from it.
//
// No answer is sent to an asker whose address is multicast or zero, nor to an ARP
// sender with a loopback or multicast address: the kernel answers those.
//
// The answer has the tags of the question. The kernel leaves the tag out when its
// VLAN is the port's PVID, even if the question was tagged with it, and always
// without VLAN filtering.
package arpnd
