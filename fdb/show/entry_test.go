package show_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func station(n byte) fdb.Key { return fdb.Key{MAC: switchdev.MAC{2, 0, 0, 0, 0, n}} }

func TestEntriesAsRows(t *testing.T) {
	view := show.View{Bridge: "br1", Stats: true, Details: true, Now: noon, PortName: func(p switchdev.PortID) string { return "eth" + p.String() }}
	for want, e := range map[string]fdb.Entry{
		"02:00:00:00:00:01 dev eth7 used 10/10 master br1 ":                                 {Key: station(1), Port: 7},
		"02:00:00:00:00:01 dev br1 used 10/10 master br1 permanent":                         {Key: station(1), Flags: fdb.Permanent},
		"02:00:00:00:00:01 dev eth7 used 3/10 sticky master br1 static":                     {Key: station(1), Port: 7, Flags: fdb.Static | fdb.Sticky | fdb.User, Used: fdb.InstantOf(noon.Add(-3999 * time.Millisecond))},
		"02:00:00:00:00:01 dev eth7 used 10/10 extern_learn offload master br1 ":            {Key: station(1), Port: 7, Flags: fdb.Extern, Offload: fdb.Offloaded},
		"02:00:00:00:00:01 dev eth7 used 10/10 locked master br1 stale":                     {Key: station(1), Port: 7, Flags: fdb.Locked, Stale: true, Offload: fdb.OffloadFailed},
		"02:00:00:00:00:01 dev eth7 activity_notify inactive used 10/10 master br1 static":  {Key: station(1), Port: 7, Flags: fdb.Static | fdb.Notify | fdb.Inactive},
		"02:00:00:00:00:01 dev eth7 vlan 4094 used 10/10 extern_learn master br1 permanent": {Key: fdb.Key{MAC: station(1).MAC, VLAN: 4094}, Port: 7, Flags: fdb.Extern | fdb.Local},
		"02:00:00:00:00:01 dev eth7 vlan 1 used 0/10 extern_learn sticky master br1 static": {Key: fdb.Key{MAC: station(1).MAC, VLAN: 1}, Port: 7, Flags: fdb.Extern | fdb.Static | fdb.Sticky, Used: fdb.InstantOf(noon.Add(time.Hour))},
		"02:00:00:00:00:01 dev eth65535 used 10/10 extern_learn offload locked master br1 ": {Key: station(1), Port: 65535, Flags: fdb.Extern | fdb.Locked, Offload: fdb.Offloaded},
		"02:00:00:00:00:01 dev eth7 activity_notify used 10/10 extern_learn master br1 ":    {Key: station(1), Port: 7, Flags: fdb.Extern | fdb.Notify},
	} {
		e.Updated = fdb.InstantOf(noon.Add(-10 * time.Second))
		if got := view.FromEntry(e).String(); got != want {
			t.Errorf("%+v is\n%q, want\n%q", e, got, want)
		}
		plain := show.View{Bridge: view.Bridge, PortName: view.PortName}.FromEntry(e)
		if plain.Notify || plain.Inactive || plain.Used.Shown || plain.Updated.Shown {
			t.Errorf("without options: %v", plain)
		}
	}
}

// Every kind of entry that a table can have comes back from its row, but for what
// rows do not show.
func TestEntriesComeBack(t *testing.T) {
	view := show.View{Stats: true, Details: true, Now: noon}
	for flags := fdb.Flags(0); flags < 1<<8; flags++ {
		for _, offload := range []fdb.OffloadState{fdb.OffloadNone, fdb.Offloaded} {
			e := fdb.Entry{Key: fdb.Key{MAC: station(1).MAC, VLAN: 7}, Port: 9, Flags: flags, Offload: offload, Updated: fdb.InstantOf(noon.Add(-time.Minute)), Used: fdb.InstantOf(noon)}
			got, err := view.ToEntry(view.FromEntry(e))
			if err != nil {
				t.Fatalf("%+v: %v", e, err)
			}
			want := e
			want.Flags = shown(flags)
			want.Owner = got.Owner
			if got != want {
				t.Fatalf("%v comes back as\n%+v, want\n%+v", flags, got, want)
			}
			row := view.FromEntry(e)
			if again := view.FromEntry(got); again != row {
				t.Fatalf("the rows are\n%v and\n%v", row, again)
			}
		}
	}
}

// shown is what can be told from a row.
func shown(f fdb.Flags) fdb.Flags {
	f &^= fdb.User
	if f&fdb.Local != 0 {
		f |= fdb.Static
		if f&fdb.Extern != 0 {
			f &^= fdb.Static
		}
	}
	if f&fdb.Notify == 0 {
		f &^= fdb.Inactive
	}
	return f
}

func TestOwnersOfRows(t *testing.T) {
	for text, want := range map[string]fdb.Owner{
		"":                       fdb.OwnerLearned,
		"stale":                  fdb.OwnerLearned,
		"static":                 fdb.OwnerUser,
		"permanent":              fdb.OwnerUser,
		"extern_learn":           fdb.OwnerControl,
		"extern_learn static":    fdb.OwnerControl,
		"extern_learn permanent": fdb.OwnerControl,
	} {
		flags, state, _ := strings.Cut(text+" ", " ")
		if !strings.HasPrefix(text, "extern") {
			flags, state = "", text
		}
		row, err := show.Parse(strings.ReplaceAll("02:00:00:00:00:01 dev port7 "+flags+" master br0 "+strings.TrimSpace(state), "  ", " "))
		if err != nil {
			t.Fatal(err)
		}
		if e, err := (show.View{}).ToEntry(row); err != nil || e.Owner != want || e.Port != 7 || e.Stale != (text == "stale") {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
}

func TestForeignRowsAreRefused(t *testing.T) {
	view := show.View{PortID: func(name string) (switchdev.PortID, bool) { return 3, name == "p3" }}
	for text, want := range map[string]error{
		"02:00:00:00:00:01 dev p3 master br0 ":              nil,
		"02:00:00:00:00:01 dev br0 master br0 permanent":    nil,
		"02:00:00:00:00:01 dev p4 master br0 ":              switchdev.ErrNoDevice,
		"02:00:00:00:00:01 master br0 ":                     switchdev.ErrNoDevice,
		"02:00:00:00:00:01 dev p3 master br1 ":              switchdev.ErrInvalid,
		"02:00:00:00:00:01 dev p3 self permanent":           switchdev.ErrInvalid,
		"02:00:00:00:00:01 dev p3 dst 10.0.0.1 master br0 ": switchdev.ErrInvalid,
		"02:00:00:00:00:01 dev p3 vni 0 master br0 ":        switchdev.ErrInvalid,
		"02:00:00:00:00:01 dev p3 router master br0 ":       switchdev.ErrInvalid,
		"00:00:00:00:00:00 dev p3 master br0 ":              switchdev.ErrInvalid,
		"02:00:00:00:00:01 dev p3 master br0 state=0x10":    switchdev.ErrInvalid,
	} {
		row, err := show.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		e, err := view.ToEntry(row)
		if !errors.Is(err, want) || (err == nil) != (want == nil) || err != nil && e != (fdb.Entry{}) {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
	if _, err := (show.View{}).ToEntry(show.Row{MAC: switchdev.MAC{2}, Dev: "port0", Master: "br0"}); !errors.Is(err, switchdev.ErrNoDevice) {
		t.Errorf("port0: %v", err)
	}
}

// A table that is shown, read elsewhere and put into another table shows the same.
func TestTableMovesThroughText(t *testing.T) {
	from, to := newTable(t), newTable(t)
	for n, flags := range []fdb.Flags{0, fdb.Static, fdb.Permanent, fdb.Extern, fdb.Static | fdb.Sticky} {
		if err := from.Replace(t.Context(), fdb.Entry{Key: station(byte(n + 1)), Port: 2, Flags: flags}); err != nil {
			t.Fatal(err)
		}
	}
	view := show.View{}
	list := func(table *fdb.Table, f show.Format) string {
		var rows []show.Row
		for e := range table.Snapshot().All() {
			rows = append(rows, view.FromEntry(e))
		}
		slices.SortFunc(rows, func(a, b show.Row) int { return a.MAC.Compare(b.MAC) })
		return print(t, f, rows)
	}
	for _, row := range readAll(t, list(from, show.JSON), show.JSON) {
		e, err := view.ToEntry(row)
		if err != nil {
			t.Fatal(err)
		}
		if err := to.Add(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := list(to, show.Text), list(from, show.Text); got != want || strings.Count(got, "\n") != 5 {
		t.Errorf("got\n%s want\n%s", got, want)
	}
}

func newTable(t *testing.T) *fdb.Table {
	t.Helper()
	table, err := fdb.New(fdb.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}
