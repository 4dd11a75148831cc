package machine

import (
	"cmp"
	"slices"

	"github.com/switchcore/switchcore/fdb"
)

// fdbList is the order of a bridge's entries in Linux: one list, the latest first, which
// whatever deletes several goes along and tells of one by one (net/bridge/br_fdb.c,
// fdb_create). The table tells what one operation removed as it finds it.
type fdbList struct {
	born map[fdb.Key]uint64 // of each entry, the first is 1
	last uint64
}

// take follows events and brings those that end several entries at once into the order of
// the list. If a port without a backup leaves, what is not fixed goes first:
// br_stp_disable_port comes before the rest of del_nbp.
func (l *fdbList) take(events []fdb.Event, leaving bool) []fdb.Event {
	for i := 0; i < len(events); {
		if k := events[i].Kind; k == fdb.Added || k == fdb.Existing {
			l.last++
			l.born[events[i].Entry.Key] = l.last
		}
		n := together(events[i:])
		slices.SortStableFunc(events[i:i+n], func(a, b fdb.Event) int {
			if leaving && fixed(a.Old) != fixed(b.Old) {
				if fixed(a.Old) {
					return 1
				}
				return -1
			}
			return cmp.Compare(l.born[b.Entry.Key], l.born[a.Entry.Key])
		})
		for _, e := range events[i : i+n] {
			if e.Kind.Removes() {
				delete(l.born, e.Entry.Key)
			}
		}
		i += n
	}
	return events
}

// together returns how many of the events are of entries that one operation or one sweep
// has removed, at least 1.
func together(events []fdb.Event) int {
	first, n := events[0], 1
	for ; n < len(events) && first.Kind.Removes(); n++ {
		if e := events[n]; e.Kind != first.Kind || e.Op != first.Op && e.Kind != fdb.Aged {
			break
		}
	}
	return n
}

// fixed reports whether an entry stays when its port goes down: br_fdb_delete_by_port.
func fixed(e fdb.Entry) bool {
	return e.Flags&(fdb.Static|fdb.Local) != 0 || e.Flags&fdb.Extern != 0 && e.Offload != fdb.Offloaded
}
