// Package machine is the kernel's side of the lab: network devices, namespaces,
// cables, bridges and switches in virtual time, as the requests of ip(8) and
// bridge(8) reach them by rtnetlink.
//
//	m, err := machine.New(machine.Config{})
//	if err != nil { ... }
//	defer m.Close()
//	err = m.AddBridge("br0", machine.BridgeChange{}, []string{"p1", "p2"})
//	err = m.AddFDB(machine.Neigh{Dev: "p1", MAC: mac, State: machine.Permanent,
//		Flags: machine.Self}, machine.MakeNew|machine.Exclusive)
//	copies, err := m.Send("", "h1", frame)
//
// A bridge is one of package fdb/bridge, a switch what Config.Switch makes; the
// machine adds what lies between a user's request and them: which device is
// asked, in which order the checks come, and what every refusal says.
//
// # Devices
//
// A namespace has the loopback device lo. A port pN is one end of a pair of
// virtual Ethernet devices, hN the other; a port sN belongs to the switch sw1 and
// has its cable to hN. What is sent out of hN enters pN or sN. A port is down
// without its peer: it loses its carrier when that goes down.
//
// # Time
//
// Time stands still but for Wait and Moment, and for requests that a switch lets wait: see
// InjectFault. After every request and every frame
// all that is due has been done, the devices' part before the bridges'.
//
// # Concurrency
//
// A Machine is used by one goroutine at a time. It starts none of its own.
//
// # Errors
//
// A refusal is an *Error with the kernel's errno and the text of its extended
// acknowledgement; nothing has changed then, but where the kernel has changed
// something, as a request for two tables does whose second half is refused. What
// the machine does not model is an *Unsupported, before anything has changed.
//
// # Differences from Linux
//
// With the zero Config the machine does what the kernel of today does without the
// defects that packages fdb and bridge mend; see their documentation. Multicast is
// flooded: there is no snooping, and no device has group addresses in its own
// table but those that a user put there. A port of a bridge that is down cannot be
// given a state but disabled. What goes round in a ring of bridges ends after 4096
// hops. Frames are never too long.
package machine
