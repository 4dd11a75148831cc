package show_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// A table is printed as the bridge "br0" would be.
func Example() {
	table, err := fdb.New(fdb.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer table.Close()
	station := fdb.Key{MAC: switchdev.MAC{0x02, 0, 0, 0, 0, 1}, VLAN: 10}
	if err := table.Add(context.Background(), fdb.Entry{Key: station, Port: 3, Flags: fdb.Static}); err != nil {
		fmt.Println(err)
	}

	view := show.View{Bridge: "br0", PortName: func(p switchdev.PortID) string { return "swp" + p.String() }}
	out := show.NewWriter(os.Stdout, show.JSON)
	for e := range table.Snapshot().All() {
		if err := out.Write(view.FromEntry(e)); err != nil {
			fmt.Println(err)
		}
	}
	if err := out.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// [{"mac":"02:00:00:00:00:01","ifname":"swp3","vlan":10,"flags":[],"master":"br0","state":"static"}]
}

// What "bridge -j fdb show" printed is taken apart.
func ExampleRead() {
	const printed = `[{"mac":"02:00:00:00:00:01","ifname":"swp3","vlan":10,"flags":["offload"],"master":"br0","state":"static"},` +
		`{"mac":"33:33:00:00:00:01","ifname":"swp3","flags":["self"],"state":"permanent"}]`

	view := show.View{Bridge: "br0"}
	for row, err := range show.Read(strings.NewReader(printed), show.JSON) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(row.MAC, row.Dev, row.Flags, row.State, view.Owns(row))
	}
	// Output:
	// 02:00:00:00:00:01 swp3 offload static true
	// 33:33:00:00:00:01 swp3 self permanent false
}

// A row that is not understood says where, and the next one follows.
func ExampleRead_errors() {
	const printed = "02:00:00:00:00:01 dev swp3 vlan 0 master br0 \n02:00:00:00:00:02 dev swp3 master br0 static\n"
	for row, err := range show.Read(strings.NewReader(printed), show.Text) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(row.MAC)
	}
	// Output:
	// line 1, column 33: vlan "0": want 1 to 4094
	// 02:00:00:00:00:02
}

func ExampleParse() {
	row, err := show.Parse("02:00:00:00:00:01 dev vx0 dst 192.0.2.1 vni 55 self permanent")
	fmt.Println(row.Dev, row.Dst, row.VNI, err)
	// Output: vx0 192.0.2.1 55 <nil>
}

func ExampleWrite() {
	rows := []show.Row{{
		MAC: switchdev.MAC{0x02, 0, 0, 0, 0, 1}, Dev: "swp3", Used: show.Num(4), Updated: show.Num(9),
		Flags: show.ExternLearn, Master: "br0",
	}}
	if err := show.Write(os.Stdout, show.Pretty, slices.Values(rows)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// [ {
	//         "mac": "02:00:00:00:00:01",
	//         "ifname": "swp3",
	//         "used": 4,
	//         "updated": 9,
	//         "flags": [ "extern_learn" ],
	//         "master": "br0",
	//         "state": ""
	//     } ]
}

// The rows of a kernel's bridge are what another table is given.
func ExampleView_ToEntry() {
	view := show.View{Bridge: "br0", PortID: func(name string) (switchdev.PortID, bool) { return 3, name == "swp3" }}
	row, err := show.Parse("02:00:00:00:00:01 dev swp3 vlan 10 sticky master br0 static")
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := view.ToEntry(row)
	fmt.Println(e.Key, e.Port, e.Flags, err)
	// Output: 02:00:00:00:00:01 vlan 10 3 static,sticky <nil>
}
