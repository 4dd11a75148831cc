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
//		for i, id := range out.Ports() {
//			send(id, out.Frame(i, f.data))
//		}
//		if verdict.Host {
//			deliver(out.HostFrame(f.data))
//		}
//	}
//
// The bridge moves no bytes. A program hands it the frames that come in, with
// [Bridge.Forward], and those of its own stack, with [Bridge.Transmit], and sends
// them where the [Egress] says.
//
// # The bridge
//
// Ports have the states of the spanning tree and the flags of bridge(8) for learning,
// flooding, locking with or without authentication by address, hairpin, isolation,
// and for neighbours that are answered for. The addresses of the ports and of the
// bridge are permanent entries of the table; the bridge adds and removes them.
//
// Frames to 01:80:c2:00:00:01 are dropped, those to :02 to :0f given to the host
// unless [LinkLocal] says otherwise. Those to :00 are forwarded like any group, or
// taken by who runs the spanning tree: see [STPMode]. With [STPKernel] the bridge does
// that by itself.
//
// [Bridge.Edit] is for users and their tools: it is what "bridge fdb" does, with the
// checks that only a bridge can make.
//
// # VLANs
//
// With [VLANConfig].Filtering a frame belongs to the VLAN of its tag, or without one
// to the PVID of the port that it comes in by. It is dropped where the port is not a
// member, and leaves by members only, with a tag or without: [Egress.Frame] makes the
// copies. Stations are known per VLAN. The bridge itself, port 0, is a member as ports
// are, which decides what its host gets and sends. Without filtering tags are not
// looked at and every station is in VLAN 0, whatever VLANs ports are in.
//
// # Links
//
// A port with [Link]s is a link aggregation group. Frames come in and leave by the
// numbers of its links; all else, its entries for instance, has the port's. All frames
// of a conversation leave by one link. With a Driver that has the role
// switchdev.LAGOffloader the device does the same by itself.
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
// ReportPortDown and ReportPortGone calls [Bridge.SetCarrier] and
// [Bridge.RemovePort]. After RemovePort the number may be added again, as that of
// the port which comes back in its place; what a device that keeps generations
// reports of the former one, however late, is not taken for news of this one.
//
// Ports of one device that are in one bridge are a hardware domain: what the device
// has forwarded among them software does not forward there again, and of a flood that
// comes from elsewhere a device that can is given one copy for all of them
// ([Device].TransmitForwards). Several bridges may share a device, each with a domain
// of its own.
//
// A change of a port is made in hardware first; a device that refuses leaves
// everything as it was. VLANs come before the rows in them, and go after them. A
// removal cannot be refused. Where a device does not
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
//   - When a port leaves, its rows are gone before the call returns; Linux leaves
//     some behind ([fdb.QuirkLegacyOffload]).
//   - An own address that passes from one port to another is told as a move;
//     Linux is silent ([QuirkSilentHeir]).
//   - Setting the address that a port has changes nothing; Linux deletes its entries
//     and makes them anew ([QuirkSameMACReadds]).
//   - An entry can be deleted in a VLAN that the port is not in; Linux before 6.13
//     refuses that ([QuirkDeleteNeedsVLAN]).
//   - A device that forwards and does not look at VLANs keeps filtering from being
//     turned on; Linux turns it on all the same.
//   - Memberships of VLANs are added all or none; Linux stops at the first refusal.
//     A device that refuses to give one up keeps it, and so does the bridge.
//   - A default PVID that a device refuses to give up stays for all; Linux ends it and
//     does not say that the device has kept it.
//   - Without [VLANConfig].DefaultPVID a bridge that does not filter has no VLAN 1,
//     and no second entry of every own address there.
//   - The hold time of a topology change is the same for table and devices, and what
//     is overdue leaves at once; in Linux it stays until a sweep is due anyway
//     ([fdb.QuirkTCKeepsGCTimer]).
//   - The link that a conversation takes depends on addresses, VLAN and IP addresses,
//     and changes only with its own link or for one that comes; a bond of Linux hashes
//     what it was configured to.
//   - What the spanning tree blocks is blocked in software at once, however slow the
//     device is.
//   - The state of a port cannot be set while the bridge is down, as it cannot while
//     the port is: ErrNetDown. Linux takes it, and such a port forwards under a
//     bridge that is down ([QuirkStateWhileDown]).
//   - A state that was set stays: without STP Linux turns "blocking" into
//     "forwarding" at once, and "listening" and "learning" when a timer expires
//     that the port's coming up has started ([QuirkStateSelection]).
//   - Of the entries of a control plane a port that goes down keeps those that are
//     not in hardware then; in Linux those that never were.
//   - A bridge without ports and configured address has none; Linux has zeros
//     or a random one.
//   - Linux picks the heir of an own address, and lists entries, in the order of
//     its lists; here both go by number and address.
package bridge
