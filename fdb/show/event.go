package show

import "github.com/switchcore/switchcore/fdb"

// FromEvent returns the row with which "bridge monitor fdb" tells of an event,
// Deleted for one that removes its entry; false if Linux tells nothing: of what is
// part of a replay, of an offload state alone, of a vetoed station that was never
// told, and of changes that concern neither the flags nor the state of a row, such
// as a learned entry that becomes a user's.
//
// The word offload is that of the entry before the operation began, since the kernel
// tells first and hears of hardware afterwards (net/bridge/br_fdb.c, fdb_notify
// and br_fdb_offloaded_set). The state of an entry that aged is stale, unless a
// device aged a row of its own: the kernel works it out anew, and by its clock only
// what it ages itself is overdue (fdb_to_nud).
func (v View) FromEvent(e fdb.Event) (Row, bool) {
	told := e.Entry
	switch e.Kind {
	case fdb.Added, fdb.MovedTo:
	case fdb.Changed:
		if !e.Respelt && !differ(e.Old, e.Entry) {
			return Row{}, false
		}
	case fdb.Deleted, fdb.Flushed, fdb.Aged, fdb.Vetoed:
		if e.Old.MAC.IsZero() {
			return Row{}, false
		}
		told = e.Old
		told.Stale = told.Stale && told.Flags&fdb.Extern == 0
	default:
		return Row{}, false
	}
	told.Offload = e.Before
	r := v.FromEntry(told)
	r.Deleted = e.Kind.Removes()
	return r, true
}

// differ reports whether two entries of a station on one port are told apart by the
// kernel.
func differ(a, b fdb.Entry) bool {
	const seen = fdb.Static | fdb.Local | fdb.Extern | fdb.Sticky | fdb.Locked | fdb.Notify | fdb.Inactive
	return (a.Flags^b.Flags)&seen != 0
}
