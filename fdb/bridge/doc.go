// Package bridge joins ports to an Ethernet bridge over a forwarding database of
// package fdb: it learns where stations are, decides which ports a frame leaves
// by, and keeps the switching devices of its ports in step.
//
//	b, err := bridge.New(bridge.Config{Name: "br0"})
//	if err != nil {
//		return err
//	}
//	defer b.Close()
//	for i, mac := range macs {
//		id := switchdev.PortID(i + 1)
//		if err := b.AddPort(ctx, bridge.PortConfig{ID: id, Name: "p" + id.String(), MAC: mac}); err != nil {
//			return err
//		}
//	}
//	var out bridge.Egress
//	for f := range frames {
//		verdict := b.Forward(f.port, f.data, &out)
//		for _, id := range out.Ports() {
//			send(id, f.data)
//		}
//		if verdict.Host {
//			deliver(f)
//		}
//	}
//
// The bridge moves no bytes. A program hands it the frames that come in, with
// [Bridge.Forward], and those of its own stack, with [Bridge.Transmit], and sends
// them where the [Egress] says.
//
// # The bridge
//
// This is the bridge without VLANs: tags are not looked at, and every station is
// in VLAN 0. Ports have the states of the spanning tree, which somebody else
// sets, and the flags of bridge(8) for learning, flooding, locking, hairpin and
// isolation. The addresses of the ports and of the bridge are permanent entries
// of the table; the bridge adds and removes them.
//
// Frames to 01:80:c2:00:00:01 are dropped, those to :02 to :0f given to the host
// unless [LinkLocal] says otherwise, those to :00 forwarded like any group, as
// Linux does without STP.
//
// # Hardware
//
// A port that belongs to a device of [Hardware] is joined there by the role
// switchdev.PortOffloader, and the device is kept in step with the entries of its
// ports. What it cannot do it answers with errors.ErrUnsupported, and that stays
// in software. By default devices neither learn nor flood; see [SoftwareLearns].
// Frames that a device hands to the host go through [Bridge.Forward], or through
// [Bridge.ForwardMarked] if the device has forwarded them already.
//
// Where hardware alone sees the frames of a station, it is the device that knows
// that the station is still sending. Devices that report so, as those of package
// hwsim do of every row that they were given, keep it in the table. With others
// such a station is forgotten when its ageing time is over; its next frame comes
// to the host and teaches it anew, and what is sent to it in between is flooded.
//
// Table and devices have one ageing time, see [Bridge.SetAgeing]. Those that have
// the role switchdev.BridgeOffloader are told of it when their first port joins
// and after a reset; one that refuses it gets no port.
//
// The bridge does not follow what devices report of their ports: whoever hears
// ReportPortDown and ReportPortGone calls [Bridge.SetPortUp] and
// [Bridge.RemovePort]. After RemovePort the number may be added again, as that of
// the port which comes back in its place.
//
// A change of a port is made in hardware first; a device that refuses leaves
// everything as it was. A removal cannot be refused. Where a device does not
// answer the error is ErrOutcomeUnknown, and the bridge brings the device to what
// it wants as soon as it can, also after a reset.
//
// # Concurrency
//
// All methods of [Bridge] may be called concurrently, but for Poll.
// [Bridge.Forward], [Bridge.ForwardMarked] and [Bridge.Transmit] never wait, and
// for known stations take no lock and allocate nothing: they read one immutable
// view of the ports. Operations on one port are carried out one after the other;
// those on different ports do not wait for each other, unless they need the same
// device. A Manual bridge starts nothing: it is driven by [Bridge.Poll].
//
// # Errors
//
// Every verb that changes a port returns a [*switchdev.OpError] or several of
// them joined, which match a sentinel of package switchdev and the errno that the
// kernel gives. Bad input is refused before anything changes. The data path
// returns no errors: a [Verdict] has a [Reason], and each is counted.
//
// # Differences from Linux
//
//   - A refusal of hardware is the answer of the verb. Linux defers states and
//     flags and only logs what drivers say. A flag that a device forwards by and
//     does not know is refused; Linux takes EOPNOTSUPP for yes.
//   - When a port leaves, its rows are gone before the call returns.
//   - An own address that passes from one port to another is told as a move;
//     Linux is silent.
//   - A state that was set stays: without STP Linux turns "blocking" into
//     "forwarding" at once.
//   - A port that goes down keeps all entries of a control plane; Linux keeps
//     those only that are not offloaded.
//   - A bridge without ports and configured address has none; Linux has zeros
//     or a random one.
//   - Linux picks the heir of an own address, and lists entries, in the order of
//     its lists; here both go by number and address.
package bridge
