package tool

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/lab/internal/machine"
)

// rowFilter is what the tool leaves out of a dump by itself (bridge/fdb.c, print_fdb).
type rowFilter struct {
	vlan    int32       // 0: any
	states  machine.NUD // 0: any
	dynamic bool        // not permanent
}

func (f rowFilter) wants(row *show.Row) bool {
	state := nudOf(row.State)
	switch {
	case f.states != 0 && f.states&state == 0:
		return false
	case f.vlan != 0 && f.vlan != int32(row.VLAN):
		return false
	}
	return !f.dynamic || state&machine.Permanent == 0
}

// nudOf is the state of a row in the kernel's message (net/bridge/br_fdb.c, fdb_to_nud).
func nudOf(s show.State) machine.NUD {
	switch s {
	case show.Permanent:
		return machine.Permanent
	case show.Static:
		return machine.NoARP
	case show.Stale:
		return machine.Stale
	}
	return machine.Reachable
}

// fdbShow is "bridge fdb show" (bridge/fdb.c, fdb_show).
type fdbShow struct {
	filter  rowFilter
	br, dev given
}

var fdbShowWords = []keyword[fdbShow]{
	{"brport", true, func(a *args, v *fdbShow) { v.dev.take(a) }},
	{"dev", true, func(a *args, v *fdbShow) { v.dev.take(a) }},
	{"br", true, func(a *args, v *fdbShow) { v.br.take(a) }},
	{"vlan", true, func(a *args, v *fdbShow) {
		word := a.value()
		if v.filter.vlan != 0 {
			a.second("vlan", word)
		}
		v.filter.vlan = atoi(word)
	}},
	{"state", true, func(a *args, v *fdbShow) { v.filter.states |= a.state(a.value()) }},
	{"dynamic", true, func(_ *args, v *fdbShow) { v.filter.dynamic = true }},
}

// state reads the word or number of a state (bridge/fdb.c, state_a2n).
func (a *args) state(word string) machine.NUD {
	switch {
	case matches(word, "permanent"):
		return machine.Permanent
	case matches(word, "static"), matches(word, "temp"):
		return machine.NoARP
	case matches(word, "stale"):
		return machine.Stale
	case matches(word, "reachable"), matches(word, "dynamic"):
		return machine.Reachable
	case word == "all":
		return math.MaxUint16
	}
	n, ok := number(word, math.MaxUint32)
	if !ok {
		a.invalid("invalid state", word)
	}
	return machine.NUD(n)
}

// parseFDBShow passes over words that it does not know, as the tool does.
func parseFDBShow(a *args) verb {
	var v fdbShow
	scan(a, &v, fdbShowWords, func(a *args, _ *fdbShow, word string) {
		if matches(word, "help") {
			a.usage(word)
		}
	})
	a.noTimes()
	if v.br.ok {
		a.device(v.br.text, `Cannot find bridge device "%s"`)
	}
	if v.dev.ok {
		a.device(v.dev.text, `Cannot find device "%s"`)
	}
	return v
}

// noTimes refuses -s for text. In JSON transcripts leave the times out.
func (a *args) noTimes() {
	if a.stats && !a.json {
		a.outside("-s", "the times of entries are not in the lab")
	}
}

func (v fdbShow) run(r *run) error {
	rows, err := r.machine.DumpFDB(r.ns, v.br.text, v.dev.text)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(row show.Row) bool { return ownFilter(&row) || !v.filter.wants(&row) })
	sortRows(rows)
	for _, row := range rows {
		if v.dev.ok {
			row.Dev = ""
		}
		if err := r.row(row); err != nil {
			return err
		}
	}
	return nil
}

// ownFilter reports whether a row is what transcripts leave out: the addresses of a
// device's own multicast filter, and the loopback device.
func ownFilter(row *show.Row) bool {
	ipv6, ipv4 := row.MAC[0] == 0x33 && row.MAC[1] == 0x33, row.MAC[0] == 1 && row.MAC[1] == 0 && row.MAC[2] == 0x5e
	return row.Flags&show.Self != 0 && (ipv6 || ipv4) || row.Dev == "lo"
}

// sortRows sorts as transcripts do. Of a port, the bridge's entry stays before the one in
// the port's own table, as the kernel dumps them; of a bridge, the other way round.
func sortRows(rows []show.Row) {
	slices.SortStableFunc(rows, func(x, y show.Row) int {
		return cmp.Or(cmp.Compare(x.VLAN, y.VLAN), x.MAC.Compare(y.MAC), strings.Compare(x.Dev, y.Dev))
	})
}

// row prints a row in the form that was asked for.
func (r *run) row(row show.Row) error {
	text, err := row.MarshalText()
	if r.json {
		text, err = row.MarshalJSON()
	}
	if err != nil {
		return err
	}
	r.print(string(text))
	return nil
}

// fdbGet is "bridge fdb get" (bridge/fdb.c, fdb_get).
type fdbGet struct {
	query   machine.Query
	dynamic bool

	br, dev, address given
	vid              int16
}

var fdbGetWords = []keyword[fdbGet]{
	{"brport", true, func(a *args, v *fdbGet) { v.dev.take(a) }},
	{"br", true, func(a *args, v *fdbGet) { v.br.take(a) }},
	{"dev", true, func(a *args, v *fdbGet) { v.dev.take(a) }},
	{"vni", true, func(a *args, _ *fdbGet) { a.outside("vni", "entries of tunnels are not in the lab") }},
	{"self", true, func(_ *args, v *fdbGet) { v.query.Flags |= machine.Self }},
	{"master", false, func(_ *args, v *fdbGet) { v.query.Flags |= machine.Master }},
	{"vlan", false, func(a *args, v *fdbGet) { takeVLAN(a, &v.vid) }},
	{"dynamic", false, func(_ *args, v *fdbGet) { v.dynamic = true }},
}

func parseFDBGet(a *args) verb {
	v := fdbGet{vid: -1}
	scan(a, &v, fdbGetWords, func(a *args, v *fdbGet, word string) { takeAddress(a, word, &v.address) })
	a.noTimes()
	if !v.address.ok || !v.dev.ok && !v.br.ok {
		a.fail("Device or master and address are required arguments.")
	}
	v.query.NS, v.query.MAC = a.ns, a.mac(v.address.text)
	v.query.Dev, v.query.Bridge = v.dev.text, v.br.text
	if v.vid >= 0 {
		v.query.VLAN, v.query.HasVLAN = uint16(v.vid), true
	}
	if v.dev.ok {
		a.device(v.dev.text, `Cannot find device "%s"`)
	}
	if v.br.ok {
		a.device(v.br.text, `Cannot find bridge device "%s"`)
	}
	return v
}

func (v fdbGet) run(r *run) error {
	row, err := r.machine.GetFDB(v.query)
	if err != nil || !(rowFilter{dynamic: v.dynamic}).wants(&row) {
		return err
	}
	return r.row(row)
}
