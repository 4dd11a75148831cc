package switchdev

import "net/netip"

// Route is where packets for a tunnel endpoint go.
type Route struct {
	// Device is the port through which they leave.
	Device PortID
	// Source is the local address that they carry.
	Source netip.Addr
	// NextHop is the neighbour to which they are handed: the endpoint itself
	// when it is on the link.
	NextHop netip.Addr
	// SourceMAC is the address of Device.
	SourceMAC MAC
	// MTU is the largest packet that Device takes, 0 if not known.
	MTU int
}

// Router finds the way to a tunnel endpoint. Linux: ip_route_output_key and
// ip6_dst_lookup_flow, as the encapsulation offloads call them.
//
// A Router is not a device and has no lifetime of its own; it is handed to
// whoever builds tunnel headers.
type Router interface {
	// Route returns the route to dst. An endpoint without a route answers an
	// error matching ErrNotExist. It never blocks and may be called from any
	// goroutine.
	Route(dst netip.Addr) (Route, error)

	// Watch calls changed after every change that may alter the route to dst,
	// until stop is called; several changes may be told by one call. changed
	// only queues. A change between a call of Route and a later call of Watch
	// is not told: watch first, then ask. When stop returns no call is running
	// and none follows.
	Watch(dst netip.Addr, changed func()) (stop func())
}
