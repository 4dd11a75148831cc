// Package lab is a small Linux machine in a program: network devices, cables, bridges
// and a switch on one side, and on the other the commands of ip(8) and bridge(8), word by
// word and with the output that those tools print. It is made of the packages of this
// module, and exists to hold them against the kernel: what was recorded from a real
// machine runs here, and what is printed has to be what the real one printed.
//
//	l, err := lab.New(lab.Config{Quirks: lab.Linux61})
//	if err != nil {
//		return err
//	}
//	defer l.Close()
//	for _, command := range []string{
//		"lab bridge br0 ports p1 p2 p3",
//		"lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff",
//		"bridge -j fdb show br br0 dynamic",
//	} {
//		out, err := l.Exec(ctx, command)
//		if err != nil {
//			return err
//		}
//		fmt.Print(out)
//	}
//
// # Transcripts
//
// A [Transcript] is a file of commands with their outputs; [Parse] has the format. In a
// test, [Test] executes all files of a pattern and complains about every line that is
// not as it stands there:
//
//	func TestRecordings(t *testing.T) {
//		lab.Test(t, "testdata/*.txt", lab.Config{Quirks: lab.Linux61})
//	}
//
// [Lab.Run] and [Diff] are the same in two steps. The recordings that this package was
// built from are in testdata/linux-6.1.
//
// # The language
//
// Commands are words with spaces between them; double quotes group. There is no shell.
// [Lab.Help] lists all of them, and the program in examples/lab has a prompt. There are
// those of the tools, as far as the lab reaches:
//
//	bridge [-j] [-n NETNS] fdb | vlan | link ...
//	ip [-j] [-n NETNS] link set | link del | netns ...
//
// and those of the lab itself. "lab bridge", "lab switch" and "lab ports" lay cables: port
// p1 has the address 02:00:00:00:00:01 and a cable to the station h1, s1 likewise but on
// a switching device; so "lab switch", which lays the cables of s1 to s4, leaves p5 to p9
// for others. "lab send" sends a frame and prints who received it; "lab
// events" prints what was announced since it was asked last, "lab hw" the rows of the
// switching device. Nobody waits: time passes in "lab wait", and where hardware takes its
// time, only.
//
// A command that is not in the language is an error, not output, and changes nothing, so
// that no transcript passes because the lab shrugged something off.
//
// # Kernels and quirks
//
// Without [Config].Quirks the lab behaves as the library does. With [Linux61] it behaves as
// Linux 6.1.192 with iproute2 6.1 did when the recordings were made, defects included;
// they are listed below.
//
// # Hardware
//
// The ports s1 to s4 of "lab switch" belong to a simulated chip, or to a [Switch] of your
// own: a driver of package switchdev with whatever is below it. So the recordings become
// a test of a driver: see [Config].NewSwitch and the example.
//
// # Faults
//
// "lab fault" lets the simulated chip misbehave, as package hwsim can:
//
//	lab fault SWITCH KIND [WHAT] [SELECTION] [OPTION]...
//	lab fault SWITCH off [KIND]     ends all faults, or those of a kind
//	lab fault SWITCH show           prints those at work, and how often each has struck
//
//	refuse      answers an error: err NAME, busy by default, and text "WORDS" if the driver says why
//	full        has no room for more than rows N rows
//	slow        takes delay D longer
//	hang        does not answer, with done after it was done, with deaf although nobody waits any more
//	partial     does only the first operations of a batch, answered N of them, with done all of them, and says nothing of the others
//	ignore      answers well and does nothing
//	misplace    writes the row with another port, to PORT
//	vanish      loses the row that it was told, after delay D
//	drift       has it point elsewhere by itself, to PORT, after delay D
//	reset       forgets everything, with done when the operation was done
//	lost        never reports
//	late        reports delay D later
//	duplicate   reports copies N times more, delay D later
//	reorder     reports after the next behind N, or after delay D
//
// WHAT is struck: fdb, flush, vlan, port, bridge or dump, of the last four kinds report; fdb,
// vlan, port and report may be narrowed as fdb.set, fdb.delete, vlan.set, vlan.delete,
// port.join, port.leave, port.set, report.learned, report.aged, report.flushed, report.reset,
// report.space. Without the word it is fdb or report. Rows alone can be waited for: slow and
// hang strike fdb only. Refuse, reset and partial strike all but reports, ignore fdb, flush
// and vlan, the others fdb.
//
// The selection is any of mac MAC, vlan N, port PORT, nth N, the first that is struck, and count
// N, how many are: all by default. NAME is one of busy, exist, invalid, no-device, no-space,
// not-exist, permission, range, timeout, unavailable, unknown and unsupported. In place of WHAT
// "now" has it happen at once: "reset now", "vanish now mac MAC [vlan N]", "drift now mac MAC
// [vlan N] to PORT"; without vlan that is VLAN 0.
//
//	$ lab fault sw1 refuse fdb.set mac 02:aa:00:00:00:01 count 1 err no-space
//	$ bridge fdb add 02:aa:00:00:00:01 dev s1 master static
//	! RTNETLINK answers: No space left on device
//
// What a tool prints then is the errno of the library's error, or the text of the driver. That
// nobody knows the outcome, since a device did not answer within its deadline of five seconds or
// could not undo what it did, is "Input/output error"; that a device cannot be reached is "No such
// device or address". A command returns when its outcome is known, and until then virtual time
// passes: "lab clock" prints how much has passed in commands, "lab wait" among them. "lab reconcile
// SWITCH" has every bridge compare what the device holds with what it believes, and mend it, and
// prints "differ N" if N rows differed: that is how silent corruption and lost reports are found.
//
// Faults are at home in the chip that a [Config] without NewSwitch has.
//
// # Concurrency
//
// The methods of a [Lab] may be called concurrently, and take turns. Labs know nothing of
// each other. Transcripts, quirks and differences are values.
//
// # Errors
//
// What the kernel or a tool refuses is output, as on a terminal. A command that was not
// executed is a [*CommandError]: errors.ErrUnsupported if it is outside the language, which
// also says which word is wrong, switchdev.ErrClosed after [Lab.Close], or the error of
// the context. A file that is no transcript is a [*FormatError] with the line.
//
// # Differences from Linux
//
// Each quirk is a way in which kernels differ from this library, for a reason:
//
//   - [StaticReaddNotifies]: a replace that changes nothing is told nobody. Linux tells it if
//     it says "static" or "local", because iproute2 spells these with two bits.
//   - [SelfEcho]: an entry of the bridge device is told once. Linux 6.1 told it once more,
//     without saying which bridge or VLAN.
//   - [DeleteNeedsVLAN]: what a VLAN leaves behind can be deleted. Linux up to 6.12 refused,
//     because the VLAN was gone.
//   - [TCKeepsGCTimer]: what a topology change makes overdue leaves at once. In Linux it stays,
//     stale and in use, until the sweep that was due anyway, up to five minutes later.
//   - [Texts61]: a flush of VLAN 0 or 4095 is ERANGE, and a device can be renamed while it is
//     up, as in Linux today; 6.1 said EINVAL and EBUSY.
//   - [LegacyOffload]: an entry shows offload exactly while hardware holds it, and a row leaves
//     with its reason. In Linux the flag stays once it was set, and rows of entries that were
//     replaced, moved, changed or left behind by a port stay in hardware and go on forwarding.
//   - [StateSelection]: a state that was set stays. Linux makes "blocking" forward at once
//     while no spanning tree runs, and takes "listening" and "learning" on when the
//     forward-delay timer expires that runs since the port came up.
//   - [SilentHeir]: an own address that passes to another owner is told as a move. Linux is
//     silent.
//   - [SameMACReadds]: to give a port the address that it has only brings back what was
//     deleted. Linux deletes its own entries and makes them anew.
//   - [StateWhileDown]: the state of a port whose bridge is down cannot be set. Linux sets it,
//     and the port then forwards under a bridge that is down.
//   - [TreeSwitch]: who turns a spanning tree on or off has the ports begin anew, or forward.
//     Linux leaves them as they are, forwarding without having listened, or blocked for
//     ever, and may leave a topology change's short ageing time behind.
//   - [Rocker]: the switch does what it is told. The recorded driver ignored deletions of
//     what it had learned itself, kept one row per port of a station, left static rows behind
//     when it left the bridge, reported untagged stations outside their VLAN, and never heard
//     of a new ageing time. It flooded by groups and flows that all ports share, so that one
//     port's state or leave stopped what is unknown everywhere, kept tags, and let them in by
//     the VLANs of a port whatever vlan_filtering said.
//
// What the lab does with every set of quirks as the recorder did, because it is an
// ability of hardware or tool and no defect:
//
//   - The switch takes static and external entries only, and of the flags of ports
//     "learning" only: others are "bridge flag offload is not supported", EINVAL.
//   - An event shows offload as it was before the operation, since Linux sends it before
//     hardware answers.
//   - Outputs in JSON are one line for each object, sorted, and without what depends on the
//     moment: index, used, updated; -p is read and changes nothing. The devices' own
//     multicast addresses are left out, and so are blanks at the end of a line and the
//     empty line that ip prints below "is wrong".
//   - Of entries that go at once the latest is told first, in the order of Linux's list.
//   - "lab send" names who received a frame; copies in transit are not seen.
//   - Multicast snooping is off, and neighbours, devlink and flow tables are not there.
//   - Frames, carrier and notifications take no time. Whatever is due at the same instant is
//     done in the order device, bridge. Before each command ten milliseconds pass, as the
//     recorder needed at least as many; so an ageing time of less is never noticed.
package lab
