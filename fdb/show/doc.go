// Package show prints and reads forwarding databases in the words of iproute2's
// bridge(8): as "bridge fdb show" does, with its options -s, -d, -j and -p.
//
//	view := show.View{Bridge: "br0", Stats: true}
//	out := show.NewWriter(os.Stdout, show.Text)
//	for e := range table.Snapshot().All() {
//		if err := out.Write(view.FromEntry(e)); err != nil { ... }
//	}
//	err := out.Close()
//
//	for row, err := range show.Read(os.Stdin, show.JSON) {   // bridge -j fdb show |
//		if err != nil { ... }
//		if view.Owns(row) {
//			e, err := view.ToEntry(row)
//			...
//		}
//	}
//
// [View.FromEvent] makes the rows of "bridge monitor fdb" of the events of a table.
//
// A [Row] has everything that the tool prints of an entry, also what only the rows
// of a VXLAN device have; so what was read is printed again byte for byte. Programs
// that took such output apart with regular expressions can read it here, and
// programs that expect it can be given it.
//
// The formats are those of iproute2 6.1, with "activity_notify" and "inactive" as
// they came in 6.17 (bridge/fdb.c, print_fdb). They are compared with the installed
// tool by the tests of this package.
//
// # Concurrency
//
// Rows and Views are values. A [Writer] and a sequence of [Read] are used by one
// goroutine at a time. Nothing here starts goroutines or waits, but for the
// io.Reader and io.Writer that it is given. A Writer allocates nothing per row.
//
// # Errors
//
// A row that the tool could not have printed is refused by [Row.Check] with a
// [*switchdev.OpError]; nothing of it is written. An input that the tool could not
// have printed is a [*ParseError] with line and column, and reading goes on with
// the next row. Both match [switchdev.ErrInvalid]. Errors of readers and writers
// are returned as they are.
//
// # Differences from Linux
//
//   - The tool lists entries in the order of the kernel's hash table; a Writer keeps
//     the order that it is given.
//   - Colours (-c) and one line per row (-o, which changes nothing) are not written.
//   - Names with control characters, and names that are not UTF-8, are refused; the
//     tool prints them, and its JSON then is none.
//   - Unknown words and keys are errors, row by row, and not passed over.
//   - [View.FromEvent] tells of an event when Linux would; whether the table has
//     events that Linux has not is the table's ([fdb.Config].Quirks).
//   - With -s the tool leaves out the times of rows that have none, which are those
//     of an interface's own table; so do rows whose Used and Updated are not shown.
package show
