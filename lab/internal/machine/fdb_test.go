package machine

import (
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// The states that iproute2 writes.
const (
	toolStatic    = NoARP | Reachable
	toolPermanent = NoARP | Permanent
)

func TestEntryOfABridgeIsEchoed(t *testing.T) { // rtnl_fdb_notify
	for _, c := range []Config{{}, {Netlink: SelfEcho}} {
		w := settled(t, c)
		n := Neigh{Dev: "br0", MAC: station(5), State: toolPermanent, Flags: Self}
		want := []string{"02:dd:00:00:00:05 dev br0 master br0 permanent", "02:dd:00:00:00:05 dev br0 vlan 1 master br0 permanent"}
		if c.Netlink&SelfEcho != 0 {
			want = append(want, "02:dd:00:00:00:05 dev br0 self permanent")
		}
		w.ok(w.AddFDB(n, MakeNew|Exclusive))
		w.want("add", w.told(), want...)
		if got := w.sends("h1", station(1), station(5)); got != "br0" {
			t.Errorf("a frame reaches %s", got)
		}
		w.ok(w.DeleteFDB(n))
		for i := range want {
			want[i] = "Deleted " + want[i]
		}
		w.want("delete", w.told(), want...)
	}
}

func TestStateIsComparedAsItIsWritten(t *testing.T) { // fdb_add_entry
	w := settled(t, Config{FDB: fdb.QuirkStaticReaddNotifies, NoVLANFiltering: true})
	for _, c := range []struct {
		state NUD
		again int
	}{{toolStatic, 1}, {NoARP, 0}, {toolPermanent, 1}, {Permanent, 0}, {Reachable, 0}} {
		n := Neigh{Dev: "p1", MAC: station(5), State: c.state, Flags: Master}
		w.ok(w.AddFDB(n, MakeNew|Replace))
		w.told()
		w.ok(w.AddFDB(n, MakeNew|Replace))
		if rows, _ := w.FDBEvents(""); len(rows) != c.again {
			t.Errorf("state %#x again: told %d times, want %d", c.state, len(rows), c.again)
		}
	}
}

func TestExternLearnTakesWhatItFinds(t *testing.T) { // br_fdb_external_learn_add
	w := settled(t, Config{NoVLANFiltering: true})
	w.ok(w.AddFDB(Neigh{Dev: "p1", MAC: station(5), State: toolStatic, Flags: Master | Sticky}, MakeNew))
	w.ok(w.AddFDB(Neigh{Dev: "p2", MAC: station(5), State: toolPermanent, Flags: Master | ExtLearned | Sticky}, Exclusive))
	w.ok(w.AddFDB(Neigh{Dev: "br0", MAC: station(6), State: toolPermanent, Flags: Self | ExtLearned}, 0))
	w.want("told", w.told(), "02:dd:00:00:00:05 dev p1 sticky master br0 static",
		"02:dd:00:00:00:05 dev p2 extern_learn sticky master br0 static",
		"02:dd:00:00:00:06 dev br0 extern_learn master br0 permanent")
}

func TestOwnTables(t *testing.T) { // ndo_dflt_fdb_add, _del, _dump
	w := settled(t, Config{})
	group, local := switchdev.MAC{1, 0, 0x5e, 0, 0, 7}, switchdev.MAC{1, 0x80, 0xc2, 0, 0, 7}
	for _, mac := range []switchdev.MAC{group, local, station(5), {}} {
		n := Neigh{Dev: "p9", MAC: mac, State: toolPermanent, Flags: Self | ExtLearned | Sticky | Use}
		w.ok(w.AddFDB(n, MakeNew|Exclusive))
		w.ok(w.AddFDB(n, MakeNew|Replace))
	}
	rows, err := w.DumpFDB("", "", "p9")
	w.ok(err)
	w.want("dump", lines(rows), "01:80:c2:00:00:07 dev p9 self permanent", "02:dd:00:00:00:05 dev p9 self permanent",
		"00:00:00:00:00:00 dev p9 self permanent", "01:00:5e:00:00:07 dev p9 self permanent")
	if n := strings.Count(w.told(), "self permanent"); n != 8 {
		t.Errorf("%d were told", n)
	}
	w.ok(w.DeleteFDB(Neigh{Dev: "p9", MAC: group, State: toolPermanent, Flags: Self, VLAN: 7, HasVLAN: true}))
	w.want("told", w.told(), "Deleted 01:00:5e:00:00:07 dev p9 vlan 7 self permanent")
	if rows, _ := w.DumpFDB("", "p9", ""); len(rows) != 0 { // no bridge of that name
		t.Errorf("dump of a bridge that is none: %v", rows)
	}
}

func TestFlushSelects(t *testing.T) { // br_fdb_delete_bulk, __fdb_flush_matches
	for _, c := range []struct {
		name string
		Flush
		left string
	}{
		{"everything", Flush{}, ""},
		{"of a port", Flush{BrPort: "p1"}, "own0 own2"},
		{"by a port", Flush{Dev: "p1", Target: Master}, "own0 own2"},
		{"of the bridge itself", Flush{BrPort: "br0"}, "own1 own2 static sticky dynamic extern learned"},
		{"static", Flush{State: NoARP, StateMask: NoARP | Permanent}, "own0 own1 own2 dynamic extern learned"},
		{"permanent", Flush{State: Permanent, StateMask: Permanent}, "static sticky dynamic extern learned"},
		{"permanent and static", Flush{State: NoARP | Permanent, StateMask: NoARP | Permanent}, "static sticky dynamic extern learned"},
		{"value without mask", Flush{State: NoARP}, ""},
		{"value outside the mask", Flush{State: NoARP, StateMask: Permanent}, "own0 own1 own2 static sticky dynamic extern learned"},
		{"mask of others", Flush{FlagMask: Router | Proxy}, ""},
		{"added by nobody", Flush{FlagMask: Use}, "static sticky dynamic extern"},
		{"sticky", Flush{Flags: Sticky, FlagMask: Sticky}, "own0 own1 own2 static dynamic extern learned"},
		{"extern", Flush{Flags: ExtLearned, FlagMask: ExtLearned}, "own0 own1 own2 static sticky dynamic learned"},
		{"offloaded", Flush{Flags: Offloaded, FlagMask: Offloaded}, "own0 own1 own2 static sticky dynamic extern learned"},
		{"in no vlan", Flush{VLAN: 5, HasVLAN: true}, "own0 own1 own2 static sticky dynamic extern learned"},
	} {
		w := open(t, Config{NoVLANFiltering: true})
		w.ok(w.AddBridge("br0", BridgeChange{}, []string{"p1", "p2"}))
		names := map[switchdev.MAC]string{bridgeMAC(): "own0", portMAC(1): "own1", portMAC(2): "own2", station(1): "learned"}
		for i, n := range []struct {
			name  string
			state NUD
			flags NTF
		}{{"static", toolStatic, 0}, {"sticky", toolStatic, Sticky}, {"dynamic", Reachable, 0}, {"extern", toolPermanent, ExtLearned}} {
			mac := station(byte(10 + i))
			names[mac] = n.name
			w.ok(w.AddFDB(Neigh{Dev: "p1", MAC: mac, State: n.state, Flags: Master | n.flags}, MakeNew))
		}
		w.sends("h1", station(1), broadcast())
		if c.Dev == "" {
			c.Flush.Dev, c.Target = "br0", Self
		}
		w.ok(w.FlushFDB(c.Flush))
		var left []string
		for _, r := range w.FDB("") {
			left = append(left, names[r.MAC])
		}
		want := strings.Fields(c.left)
		slices.Sort(left)
		slices.Sort(want)
		if !slices.Equal(left, want) {
			t.Errorf("%s leaves %v, want %v", c.name, left, want)
		}
	}
}

func TestGetIgnoresThePort(t *testing.T) { // br_fdb_get
	w := settled(t, Config{})
	for _, q := range []Query{
		{Bridge: "br0"}, {Bridge: "br0", Flags: Self}, {Dev: "p2"}, {Dev: "p2", Flags: Master | Self}, {Dev: "br0", Flags: Self},
	} {
		q.MAC = portMAC(1)
		r, err := w.GetFDB(q)
		if err != nil || r.Dev != "p1" || r.VLAN != 0 {
			t.Errorf("%+v: %v, %v", q, r, err)
		}
		q.VLAN, q.HasVLAN = 1, true
		if r, err := w.GetFDB(q); err != nil || r.VLAN != 1 {
			t.Errorf("%+v: %v, %v", q, r, err)
		}
	}
}
