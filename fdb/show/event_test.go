package show_test

import (
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// is returns an entry of station 1.
func is(port switchdev.PortID, f fdb.Flags) fdb.Entry {
	return fdb.Entry{Key: station(1), Port: port, Flags: f}
}

// hw is e in hardware, stale e past its time.
func hw(e fdb.Entry) fdb.Entry    { e.Offload = fdb.Offloaded; return e }
func stale(e fdb.Entry) fdb.Entry { e.Stale = true; return e }

// gone is the event of an entry's end.
func gone(k fdb.EventKind, e fdb.Entry, before fdb.OffloadState) fdb.Event {
	return fdb.Event{Kind: k, Entry: e, Old: e, Before: before}
}

// TestEventsAsRows: the rows that Linux 6.1 was seen to send, and what it does not
// tell of. The names are those of the scenarios.
func TestEventsAsRows(t *testing.T) {
	const static = fdb.Static | fdb.User
	const none, on = fdb.OffloadNone, fdb.Offloaded
	for name, c := range map[string]struct {
		event fdb.Event
		want  string // "" if nothing is told
	}{
		"fdb/001 new":                   {fdb.Event{Kind: fdb.Added, Entry: is(1, 0)}, "02:00:00:00:00:01 dev s1 master br0 "},
		"fdb/002 moved":                 {fdb.Event{Kind: fdb.MovedTo, Old: is(1, 0), Entry: is(2, 0)}, "02:00:00:00:00:01 dev s2 master br0 "},
		"fdb/016 again":                 {fdb.Event{Kind: fdb.Changed, Old: is(1, static), Entry: is(1, static), Respelt: true}, "02:00:00:00:00:01 dev s1 master br0 static"},
		"fdb/016 again, of a learned":   {fdb.Event{Kind: fdb.Changed, Old: is(1, fdb.Static), Entry: is(1, static), Respelt: true}, "02:00:00:00:00:01 dev s1 master br0 static"},
		"fdb/022 deleted":               {gone(fdb.Deleted, is(1, fdb.Permanent), none), "Deleted 02:00:00:00:00:01 dev s1 master br0 permanent"},
		"fdb/038 flushed":               {gone(fdb.Flushed, is(1, 0), none), "Deleted 02:00:00:00:00:01 dev s1 master br0 "},
		"fdb/041 aged":                  {gone(fdb.Aged, stale(is(1, 0)), none), "Deleted 02:00:00:00:00:01 dev s1 master br0 stale"},
		"flushed when overdue":          {gone(fdb.Flushed, stale(is(1, 0)), none), "Deleted 02:00:00:00:00:01 dev s1 master br0 stale"},
		"offload/001 taken over":        {fdb.Event{Kind: fdb.Changed, Old: is(1, 0), Entry: hw(is(1, fdb.Extern))}, "02:00:00:00:00:01 dev s1 extern_learn master br0 "},
		"offload/003 new":               {fdb.Event{Kind: fdb.Added, Entry: hw(is(1, static))}, "02:00:00:00:00:01 dev s1 master br0 static"},
		"offload/003 deleted":           {gone(fdb.Deleted, is(1, static), on), "Deleted 02:00:00:00:00:01 dev s1 offload master br0 static"},
		"offload/004 other port":        {fdb.Event{Kind: fdb.MovedTo, Old: is(1, static), Entry: is(2, static), Before: on}, "02:00:00:00:00:01 dev s2 offload master br0 static"},
		"offload/005 dynamic":           {fdb.Event{Kind: fdb.Changed, Old: is(1, static), Entry: is(1, fdb.User), Before: on}, "02:00:00:00:00:01 dev s1 offload master br0 "},
		"offload/019 aged by a device":  {gone(fdb.Aged, stale(is(1, fdb.Extern)), on), "Deleted 02:00:00:00:00:01 dev s1 extern_learn offload master br0 "},
		"in hardware only afterwards":   {fdb.Event{Kind: fdb.Changed, Old: is(1, 0), Entry: hw(is(1, static))}, "02:00:00:00:00:01 dev s1 master br0 static"},
		"refused before":                {gone(fdb.Deleted, is(1, static), fdb.OffloadFailed), "Deleted 02:00:00:00:00:01 dev s1 master br0 static"},
		"silent station, watched":       {fdb.Event{Kind: fdb.Changed, Old: is(1, static|fdb.Notify), Entry: is(1, static|fdb.Notify|fdb.Inactive)}, "02:00:00:00:00:01 dev s1 master br0 static"},
		"sticky no more":                {fdb.Event{Kind: fdb.Changed, Old: is(1, static|fdb.Sticky), Entry: is(1, static)}, "02:00:00:00:00:01 dev s1 master br0 static"},
		"vetoed after it was told":      {fdb.Event{Kind: fdb.Vetoed, Old: is(1, 0), Entry: is(2, 0)}, "Deleted 02:00:00:00:00:01 dev s1 master br0 "},
		"vetoed before it was told":     {fdb.Event{Kind: fdb.Vetoed, Entry: is(2, 0)}, ""},
		"replay":                        {fdb.Event{Kind: fdb.Existing, Entry: is(1, 0)}, ""},
		"end of the replay":             {fdb.Event{Kind: fdb.Synced}, ""},
		"hardware alone":                {fdb.Event{Kind: fdb.OffloadChanged, Entry: hw(is(1, 0))}, ""},
		"a learned one becomes a users": {fdb.Event{Kind: fdb.Changed, Old: is(1, 0), Entry: is(1, fdb.User)}, ""},
		"no kind":                       {fdb.Event{}, ""},
	} {
		view := show.View{PortName: func(p switchdev.PortID) string { return "s" + p.String() }}
		row, ok := view.FromEvent(c.event)
		if ok != (c.want != "") || ok && row.String() != c.want {
			t.Errorf("%s: %q, %v; want %q", name, row.String(), ok, c.want)
		}
	}
}
