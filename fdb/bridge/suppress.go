package bridge

import (
	"net/netip"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge/internal/arpnd"
	"github.com/switchcore/switchcore/switchdev"
)

// The flags of ports that others are answered for.
const proxyFlags = switchdev.PortNeighSuppress | switchdev.PortProxyARP

// Neighbour is what is known of an IP address.
type Neighbour struct {
	// MAC is the address of its station.
	MAC switchdev.MAC
	// Router tells that the station forwards for others (NTF_ROUTER).
	Router bool
	// Own tells that it is an address of the bridge's own host, which answers
	// for itself.
	Own bool
}

// Neighbours knows who has which IP address, as a neighbour cache or the control
// plane of an overlay does. Linux asks the neighbour tables of the bridge device, or
// of the VLAN device on it.
type Neighbours interface {
	// Neighbour returns what is known of ip in a VLAN, NoVLAN where the bridge does
	// not filter, and whether it is known and valid. It is called on the data
	// path, by any number of goroutines: it must not wait, and should not allocate.
	Neighbour(vlan switchdev.VLAN, ip netip.Addr) (Neighbour, bool)
}

// answer looks whether a frame asks for a neighbour that the bridge knows, and
// answers in its place where the ports are such. The order of the questions is
// that of br_do_proxy_suppress_arp and br_do_suppress_nd
// (net/bridge/br_arp_nd_proxy.c). A nil p is the host.
func (b *Bridge) answer(v *view, p *port, f *frame, out *Egress) {
	q, ok := arpnd.Parse(f.data, f.payload())
	if !ok {
		return
	}
	arp := q.Kind == arpnd.ARPRequest || q.Kind == arpnd.ARPReply
	if v.suppressing {
		switch {
		case p != nil && p.Flags&switchdev.PortNeighSuppress != 0, q.Asks() && q.Unicast:
			return
		case arpnd.Suppress(&q):
			f.answered = true
			return
		}
	} else if !arp {
		return
	}
	if !q.Asks() || b.cfg.Neighbours == nil {
		return
	}
	n, known := b.cfg.Neighbours.Neighbour(f.vlan, q.Target)
	switch {
	case !known:
		return
	case n.Own:
		f.answered = v.suppressing
		return
	}
	hit, ok := b.table.Lookup(fdb.Key{MAC: n.MAC, VLAN: f.vlan})
	if !ok {
		return
	}
	behind := v.port(hit.Port)
	if behind != nil && behind.Flags&switchdev.PortNeighSuppress != 0 || arp && p != nil && p.Flags&switchdev.PortProxyARP != 0 {
		q.Router = n.Router
		out.reply = arpnd.AppendReply(out.reply[:0], f.data, f.payload(), &q, n.MAC)
		f.answered = true
	}
	f.answered = f.answered || v.suppressing
}
