package bridge

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// WriteFDB writes the entries that [fdb.Table.Snapshot] holds, one a line, as
// "bridge fdb show br NAME" of iproute2 prints those of a bridge, down to the
// space at the end of a dynamic entry. The kernel lists them in the order of its
// hash table; here they come by port, the bridge itself first, then by address
// and VLAN. An entry whose time is over and that the sweep has not reached yet
// is "stale".
func (b *Bridge) WriteFDB(w io.Writer) error {
	out := bufio.NewWriter(w)
	var line []byte
	for _, e := range b.listing() {
		line = e.appendText(line[:0])
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteFDBJSON writes what [Bridge.WriteFDB] does in the manner of "bridge -j fdb
// show br NAME": one line with an array, whose objects have the keys mac, ifname,
// vlan where there is one, flags, master and state, in this order.
func (b *Bridge) WriteFDBJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(b.listing())
}

// listed is an entry as iproute2 prints it.
type listed struct {
	MAC    switchdev.MAC  `json:"mac"`
	Port   string         `json:"ifname"`
	VLAN   switchdev.VLAN `json:"vlan,omitempty"`
	Flags  []string       `json:"flags"`
	Master string         `json:"master"`
	State  string         `json:"state"`
}

func (l *listed) appendText(line []byte) []byte {
	line = l.MAC.AppendTo(line)
	line = append(append(line, " dev "...), l.Port...)
	if l.VLAN != switchdev.NoVLAN {
		line = append(append(line, " vlan "...), l.VLAN.String()...)
	}
	for _, f := range l.Flags {
		line = append(append(line, ' '), f...)
	}
	line = append(append(line, " master "...), l.Master...)
	line = append(append(line, ' '), l.State...)
	return append(line, '\n')
}

// listing returns the entries in order.
func (b *Bridge) listing() []listed {
	now := b.now()
	entries := slices.SortedFunc(b.table.Snapshot().All(), func(x, y fdb.Entry) int {
		return cmp.Or(cmp.Compare(x.Port, y.Port), x.MAC.Compare(y.MAC), cmp.Compare(x.VLAN, y.VLAN))
	})
	v := b.view.Load()
	all := make([]listed, len(entries))
	for i, e := range entries {
		all[i] = listed{MAC: e.MAC, VLAN: e.VLAN, Port: b.portName(v, e.Port), Flags: shown(e), Master: b.cfg.Name, State: b.state(e, now)}
	}
	return all
}

func (b *Bridge) portName(v *view, id switchdev.PortID) string {
	if id.IsHost() {
		return b.cfg.Name
	}
	if p := v.port(id); p != nil {
		return p.Name
	}
	return "port" + id.String()
}

// shown returns the flags that iproute2 prints, in its order (bridge/fdb.c,
// fdb_print_flags).
func shown(e fdb.Entry) []string {
	flags := []string{}
	if e.Flags&fdb.Extern != 0 {
		flags = append(flags, "extern_learn")
	}
	if e.Offload == fdb.Offloaded {
		flags = append(flags, "offload")
	}
	if e.Flags&fdb.Sticky != 0 {
		flags = append(flags, "sticky")
	}
	if e.Flags&fdb.Locked != 0 {
		flags = append(flags, "locked")
	}
	return flags
}

// state returns the state that iproute2 prints (br_fdb.c, fdb_to_nud).
func (b *Bridge) state(e fdb.Entry, now time.Time) string {
	hold, s := b.table.Ageing(), e.State()
	if s == "" && e.Flags&fdb.Extern == 0 && (hold == fdb.NoLearning || hold > 0 && !e.Updated.Add(hold).After(now)) {
		return "stale"
	}
	return s
}
