// Package hwsim is a simulated switch chip: ports, a data plane that forwards
// by itself, a forwarding database, VLANs, budgets that they share, and
// everything that can go wrong with them. A [Chip] is a [switchdev.Driver] with
// the roles for ports, LAGs, bridge attributes, VLANs and the forwarding database;
// to the packages above it is hardware.
//
//	chip, err := hwsim.New(hwsim.Config{
//		Limits: switchdev.Limits{FDB: 1024},
//		Host:   hwsim.Host{OnTrap: queue},
//	})
//	if err != nil {
//		return err
//	}
//	defer chip.Close()
//	chip.Port(1).Attach(hwsim.Wire{Rx: fromPeer, Tx: toPeer})
//	fault, _ := hwsim.ParseFault("slow:fdb:50ms")
//	chip.Inject(fault)
//	drive(chip)                        // as any switchdev.Driver
//	for _, v := range chip.Audit() {   // who broke which rule
//		log.Print(v)
//	}
//
// # Data plane
//
// A frame that comes in by a wire or by [Port.Ingress] is checked, classified
// into a VLAN, learned from and sent, in the goroutine that brought it. What
// the host is to see comes out of [Chip.Host] or goes to Host.OnTrap as a
// [HostFrame]:
//
//   - of a port that is in no domain, every frame;
//   - link-local frames, and frames for a row that is local or of the bridge;
//   - a copy of what is flooded, marked Forwarded. When no port may send a frame
//     that was to be flooded the mark is missing, and the host has it alone;
//   - a copy, marked Forwarded, of a frame whose source the chip does not know
//     and cannot learn: learning is off at the port, the table is full, a
//     static row says otherwise, or the chip is Secure and has not said so yet;
//   - a frame, not marked, whose source sits elsewhere than where an operation
//     has put it. The chip does not switch it: software learns the move, then
//     forwards it by what it knows now, and tells the chip. Until then frames
//     for that station go to the old port, as on any switch. Static, local and
//     sticky rows are not moved so. A Secure chip switches the frame and gives
//     the host one copy.
//
// With VLAN filtering the host sees its own frames only in VLANs that port 0 is a
// member of, and floods too, unless Hardware.AllFloods is set.
//
// The host sends by one port, as the frame is, with [Chip.Transmit], or hands over
// one copy that the chip forwards by itself with [Chip.TransmitForward].
//
// A LAG ([Chip.ApplyLAGs]) is a port with a number of its own, which
// [Chip.Port] returns too. What comes in by one of its links is the LAG's, and so
// is named to the host, along with the link. What goes to the LAG leaves by one
// link that is up and has carrier, chosen by a hash of the flow, its addresses, VLAN
// and IP addresses, and of the seed. When the links change, flows are dealt anew.
//
// The chip reports what it learns, moves and ages out by itself, and once in
// Hardware.Refresh that the station of a row that may age is alive, also of
// rows that it was told to hold: so software keeps its entry. Rows that it was
// told to hold it does not age itself. Reports carry the generation of the join of
// their port when it happened, so that those of a number's earlier life are known.
//
// A link aggregation group is a port that operations make ([switchdev.LAGOp]): its links
// are ports of the chip, and what is said here of ports holds for the group. What the
// host sends it hands over for one port, with [Chip.Transmit], or for a whole domain,
// with [Chip.TransmitForward].
//
// On Linux a TAP device can be plugged into a port in place of a wire: see [OpenTAP].
//
// # Profiles
//
// Hardware.Profile says how the chip learns and how its driver tells:
//
//	Autonomous  learns by itself, reports at once          chips behind DSA
//	Secure      learns nothing, asks software for the row  mlxsw, prestera
//	Polled      learns by itself, reports in bursts        lan966x, sparx5
//	Rocker      rows keyed by port: a move leaves two      rocker
//
// All of them keep the contract of package switchdev. What the drivers of such
// chips get wrong is in Hardware.Quirks, one [Quirks] flag each, off unless it
// is asked for. What they cannot do, which is no defect, is in Hardware.PortFlags
// and Hardware.Rows: it answers ErrInvalid, as drivers answer to port flags, and
// ErrUnsupported.
//
// A chip of which the host hears as of the rocker of a Linux machine, with all of
// its driver's defects:
//
//	hwsim.Hardware{
//		Profile:   hwsim.Rocker,
//		Quirks:    hwsim.RockerQuirks,
//		PortFlags: switchdev.PortLearns,
//		Rows:      hwsim.ControlledRows,
//		AllFloods: true,
//		Refresh:   1, // every frame of a station is reported
//	}
//
// The same without Profile and Quirks is the switch that this driver could have been.
//
// # Faults
//
// [Chip.Inject] makes operations and reports go wrong: the nth one, so many, by
// chance drawn from the seed, for one role, verb, station, VLAN, port or domain.
// An operation is refused for whatever reason or for want of space, slow, hangs
// before or after it took effect, resets the chip, takes a port out of it, or
// ends its batch early, so that the rest has no answer. A report is lost, late,
// duplicated or overtaken by others. A row that was answered nil is not written,
// is written with another port, vanishes or drifts to another port by itself;
// [Chip.DropRow] and [Chip.MoveRow] do that to any row. [ParseFault] reads all
// this from a command line.
//
// The log says which operation and report was struck ([Record].Faults), [Stats]
// counts strikes by kind, and [Audit] tells corruption ([RuleCorrupt]) from what
// those who drive the chip do wrong. When nothing is in flight, the rows are
// what the answers said ([RuleAcknowledged]), or the chip is to blame.
//
// # Time
//
// An operation takes effect when its latency has passed; a batch is answered
// after its last operation. Every role has its own queue, in which batches wait
// for each other. A chip that is not Manual has one goroutine with a timer, and
// one for each wire. It runs as it is in a bubble of testing/synctest.
//
// A Manual chip has none: [Chip.Poll] executes what was submitted and is due.
// Blocking calls take no time on it; what a fault makes hang waits for its ctx,
// for the fault's release, or for a reset. [Chip.Operations], [Chip.Execute] and
// [Chip.Complete] step through what is in flight one operation at a time, so
// that a test may try every order. Making a small Manual chip costs about a
// microsecond.
//
// # Concurrency
//
// All methods may be called concurrently, but Poll, Execute and Complete of one
// Manual chip belong to one goroutine at a time. No lock is held while a sink,
// OnTrap, an egress hook, a logger or a done function is called. Frames are
// shared, not copied: nobody changes one that a chip has seen.
//
// The data plane holds a read lock for the decision about one frame, some tens
// of nanoseconds for a known station, and the write lock to learn a new one. A
// pass of ageing, a dump and a flush hold it for the whole table.
//
// # Errors
//
// Refusals are [*switchdev.OpError] with the sentinels of package switchdev:
// ErrNoDevice and ErrPortGone for ports, ErrNoSpace for a full table or bucket,
// ErrBusy for a port in another domain or a LAG, ErrExist for a number in use, ErrRange for an ageing time, ErrInvalid
// for what is never right, a token of zero, what exceeds Limits.Batch and what
// Hardware.PortFlags does not have, and ErrUnsupported for attributes and flags that
// the chip does not have, and rows that Hardware.Rows does not. An
// operation that a reset overtook answers ErrDeviceUnavailable: it was not
// executed. ErrOutcomeUnknown and results without a token come only from a
// [Fault]. The data plane returns no errors; it counts.
//
// # Differences from Linux
//
// What a driver for a real chip does differently from this one, or Linux's own
// bridge from the chip's:
//
//   - Linux drops the errors of FDB operations; here they are the answer.
//   - A disabled port drops link-local frames too. Linux drops them later, in
//     the protocol's handler.
//   - Linux moves a static entry that is not sticky when a frame comes in
//     elsewhere. The chip leaves that to software, see above.
//   - There is no multicast database; multicast is flooded.
//   - FDBDelete removes the chip's own row of the key too.
//   - A row may point to a port that is not a member of the domain, and lie in a
//     VLAN that the port is not in: real chips don't mind either. [Audit] does.
//   - Without carrier rows stay; flushing them is up to software, as in DSA.
//   - mlxsw and prestera also age rows that they were told to hold, where those are
//     not static. Here that is software's, in every profile. Rocker ages those that
//     it had learned before, see [QuirkStaticOverLearnedIgnored].
//   - The device under rocker's driver tells of a station at most once a second. The
//     chip does so as Hardware.Refresh says.
//   - A rocker knows no VLAN filtering: it drops frames of VLANs that a port is not in
//     where Linux's bridge looks at no tag. The chip filters as its domain does, but see
//     [QuirkFloodLost].
//   - Of the rows of one station at several ports a rocker takes the first in the order
//     of a hash table over everything that was written into it. Here it is the oldest.
//   - mlxsw's driver writes the row of a station that its chip asks for before the
//     bridge hears of it. A Secure chip waits for the bridge's own set.
//   - A Polled chip's records come in the order of what happened; lan966x and
//     sparx5 report in the order of their table.
//   - DSA counts references of the host's addresses, ocelot shares them between
//     bridges. Here each domain has its own rows.
//   - A link takes in frames whether it is up or not; what comes in by an inactive
//     one of a bond Linux drops, unless it is link-local.
//   - TransmitForward floods broadcast and multicast by the ports' flags, which in
//     Linux do not count for frames of the bridge itself, and knows no isolation.
//   - Transmit teaches the chip nothing: a station that moves behind the host
//     leaves its learned row until that ages or an operation replaces it, as in
//     qca8k and mt7530.
package hwsim
