// Package show prints and reads what devlink(8) of iproute2 does: instances, ports,
// parameters, resources, regions, health reporters and traps, as text, as JSON (-j) and
// as pretty JSON (-p), with its options -s and -v; and the events of its monitor.
//
//	view := show.View{Stats: true}                            // devlink -j -s dev show
//	rows := view.Rows(registry.Snapshot(), "", show.Devs)
//	err := show.Write(os.Stdout, show.Devs, show.JSON, rows)
//
//	for row, err := range show.Read(os.Stdin, show.Ports, show.Text) { // devlink port show |
//		if err != nil { ... }
//		if port, ok := row.(*show.Port); ok {
//			fmt.Println(port.At, port.Netdev)
//		}
//	}
//
//	monitor := show.NewMonitor(os.Stdout, show.Text)          // devlink monitor
//	for e, err := range subscription.All(ctx) {
//		if told, ok := view.FromEvent(e); ok {
//			err := monitor.Write(told)
//		}
//	}
//
// A [Row] has everything that the tool prints of an object, so what was read is printed
// again byte for byte; a [View] makes rows of what a registry has. Text can be read as
// well as JSON, which says more; [Read] lists what. [Members] is JSON
// without the section around it, a line for each member, for who compares listings line
// by line; [Event.String] and [ParseEvent] do the like for events. [WriteMessage] prints
// what a health reporter has to say.
//
// # What it was compared with
//
// The tests hold text, JSON and pretty JSON against what devlink(8) of iproute2 6.1
// printed of messages made for them (testdata/record.py): of everything but "index",
// "burst_period", "default", "nested_devlink", "roce" and the abilities after it,
// "max_io_eqs", dpipe tables, and priority and weight of rates, which that version lacks
// or was not given. Those follow the tool's later versions, and their text is as good as
// the descriptions of these. The text is read as the same rows as the JSON of the same
// messages. A JSON line of everything that a netdevsim of Linux 6.1 has is read and
// printed again, and the rows and events of a registry with the same objects
// are those lines.
//
// # Concurrency
//
// Views are values. A row belongs to who made it; nothing here writes to it but who reads
// it in. A [Writer], a [Monitor] and a sequence of [Read] or [ReadEvents] are used by one
// goroutine at a time. Nothing here starts goroutines or waits, but for the io.Reader, the
// io.Writer and the Count that it is given. A Writer allocates nothing per row.
//
// # Errors
//
// A row that the tool could not have printed is refused by [Check] with a
// [*switchdev.OpError]; nothing of it is written. An input that the tool could not have
// printed is a [*ParseError] with line and column, and reading goes on with the next row.
// Both match [switchdev.ErrInvalid]. What has no reader is refused with
// [switchdev.ErrUnsupported]. Errors of readers and writers are returned as they are.
//
// # Differences from Linux
//
//   - The JSON of the monitor is whole. That of iproute2 6.1 breaks off at policers and
//     health reporters and ends without its brackets; here each stands in as many as it
//     began with. Nothing is printed of rates, as there.
//   - The monitor's text has every event at the beginning of a line; with the tool all
//     that follows a health reporter moves to the right. Parameters of ports have no lines
//     of two spaces after them. Both are read as the tool prints them, too.
//   - The occupancy of resources has 64 bits; iproute2 6.1 prints 32 of them.
//   - The regions of ports are printed under the key of those of the device, as the tool
//     does; two of one name have the same key.
//   - Keys come twice where the tool has them twice: of places that are not in a row, and
//     of the parts of a region. Readers that keep the last lose the others.
//   - Option -n concerns what is not here, the shared buffers: in these sections the tool
//     prints the same with it. Eswitches, line cards, dpipe and selftests are not here.
//   - Strings with control characters that the tool does not escape, or that are not
//     UTF-8, are refused; the tool prints them, and its JSON then is none.
//   - Unknown words and keys are errors, row by row, and not passed over.
//   - Instances of the initial namespace that are nested in those of another have the
//     number -1, as has any that the kernel knows no number of.
package show
