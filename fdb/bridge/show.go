package bridge

import (
	"cmp"
	"io"
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// WriteFDB writes the entries that [fdb.Table.Snapshot] holds, one a line, as
// "bridge fdb show br NAME" of iproute2 prints those of a bridge, down to the
// space at the end of a dynamic entry. The kernel lists them in the order of its
// hash table; here they come by port, the bridge itself first, then by address
// and VLAN. An entry whose time is over and that the sweep has not reached yet
// is "stale".
//
// The errors are those of w, and ErrInvalid when the bridge or a port has a name
// that no line can hold ([show.Row.Check]). For other listings, with times or with
// what there is of activity, see [Bridge.View].
func (b *Bridge) WriteFDB(w io.Writer) error { return b.write(w, show.Text) }

// WriteFDBJSON writes what [Bridge.WriteFDB] does in the manner of "bridge -j fdb
// show br NAME": one line with an array, whose objects have the keys mac, ifname,
// vlan where there is one, flags, master and state, in this order.
func (b *Bridge) WriteFDBJSON(w io.Writer) error { return b.write(w, show.JSON) }

// View returns the names of the bridge and of its ports as they are now, for
// listings of the table: [show.View.FromEntry] makes a row of an entry, and
// [show.View.ToEntry] an entry of a row. A port that is not one of the bridge's is
// called "port" and its number.
func (b *Bridge) View() show.View {
	v := b.view.Load()
	return show.View{
		Bridge: b.cfg.Name, Now: b.now(),
		PortName: func(id switchdev.PortID) string {
			if p := v.port(id); p != nil {
				return p.Name
			}
			return "port" + id.String()
		},
		PortID: func(name string) (switchdev.PortID, bool) {
			for _, p := range v.ports {
				if p.Name == name {
					return p.ID, true
				}
			}
			return 0, false
		},
	}
}

func (b *Bridge) write(w io.Writer, f show.Format) error {
	entries := slices.SortedFunc(b.table.Snapshot().All(), func(x, y fdb.Entry) int {
		return cmp.Or(cmp.Compare(x.Port, y.Port), x.MAC.Compare(y.MAC), cmp.Compare(x.VLAN, y.VLAN))
	})
	view := b.View()
	return show.Write(w, f, func(yield func(show.Row) bool) {
		for _, e := range entries {
			if !yield(view.FromEntry(e)) {
				return
			}
		}
	})
}
