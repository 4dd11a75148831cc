package show_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
)

// A registry is printed as the kernel's would be.
func Example() {
	registry, err := devlink.New(devlink.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer registry.Close()
	ctx := context.Background()
	chip, err := registry.NewInstance(devlink.InstanceConfig{Handle: devlink.Handle{Bus: "pci", Device: "0000:01:00.0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = chip.Do(ctx, func(ctx context.Context, l *devlink.Locked) error {
		return l.AddPort(devlink.PortInfo{Index: 1, Number: 1, Flavour: devlink.FlavourPhysical, Type: devlink.PortEth, Netdev: "swp1"})
	})
	if err != nil {
		fmt.Println(err)
	}
	if err := chip.Register(ctx); err != nil {
		fmt.Println(err)
	}

	rows := show.View{}.Rows(registry.Snapshot(), "", show.Ports)
	for _, format := range []show.Format{show.Text, show.JSON, show.Pretty} {
		if err := show.Write(os.Stdout, show.Ports, format, rows); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// pci/0000:01:00.0/1: type eth netdev swp1 flavour physical port 1 splittable false
	// {"port":{"pci/0000:01:00.0/1":{"type":"eth","netdev":"swp1","flavour":"physical","port":1,"splittable":false}}}
	// {
	//     "port": {
	//         "pci/0000:01:00.0/1": {
	//             "type": "eth",
	//             "netdev": "swp1",
	//             "flavour": "physical",
	//             "port": 1,
	//             "splittable": false
	//         }
	//     }
	// }
}

// What "devlink -j trap show" printed is taken apart; a row that is not understood says
// where, and the next one follows.
func ExampleRead() {
	const printed = `{"trap":{"pci/0000:01:00.0":[
{"name":"tail_drop","type":"drop","generic":true,"action":"drop","group":"buffer_drops"},
{"name":"new_trap","type":"drop","generic":true,"action":"reflect","group":"buffer_drops"},
{"name":"igmp_query","type":"control","generic":true,"action":"mirror","group":"mc_snooping"}]}}`

	for row, err := range show.Read(strings.NewReader(printed), show.Traps, show.JSON) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		trap := row.(*show.Trap)
		fmt.Println(trap.At, trap.Name, trap.Action)
	}
	// Output:
	// pci/0000:01:00.0 tail_drop drop
	// line 3, column 58: action "reflect": unknown word
	// pci/0000:01:00.0 igmp_query mirror
}

// What "devlink port show" printed is taken apart as its JSON would be.
func ExampleRead_text() {
	const printed = `pci/0000:01:00.0/0: type eth netdev pf0 flavour pcipf controller 0 pfnum 0 external false splittable false
  function:
    hw_addr 00:00:5e:00:53:01
pci/0000:01:00.0/1: type eth netdev pf0sf88 flavour pcisf controller 0 pfnum 0 sfnum 88 external false splittable maybe
pci/0000:01:00.0/2: type ib ibdev mlx5_0
`
	for row, err := range show.Read(strings.NewReader(printed), show.Ports, show.Text) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		port := row.(*show.Port)
		fmt.Println(port.At, port.Type, port.Netdev, port.Function.HWAddr)
	}
	// Output:
	// pci/0000:01:00.0/0 eth pf0 00:00:5e:00:53:01
	// line 4, column 115: splittable "maybe": want true or false
	// pci/0000:01:00.0/2 ib
}

// What "devlink monitor" prints is read as events, each of them when the next begins.
func ExampleReadEvents() {
	const printed = `[health,status] pci/0000:01:00.0:
  reporter fw
    state error error 1 recover 0 grace_period 5000 auto_recover true auto_dump true
[port,del] pci/0000:01:00.0/2: type notset flavour physical port 3
`
	for e, err := range show.ReadEvents(strings.NewReader(printed), show.Text) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(e)
	}
	// Output:
	// health-reporter-recover pci/0000:01:00.0 {"reporter":"fw","state":"error","error":1,"recover":0}
	// port-del pci/0000:01:00.0/2 {"type":"notset","flavour":"physical"}
}

func ExampleMonitor() {
	m := show.NewMonitor(os.Stdout, show.Text)
	e, err := show.ParseEvent(`port-new pci/0000:01:00.0/1 {"type":"eth","netdev":"swp1","flavour":"physical"}`)
	if err != nil {
		fmt.Println(err)
	}
	if err := m.Write(e); err != nil {
		fmt.Println(err)
	}
	// Output:
	// [port,new] pci/0000:01:00.0/1: type eth netdev swp1 flavour physical
}

func ExampleWriteMessage() {
	m := new(devlink.Message)
	m.PutStringPair("cause", "parity")
	m.OpenObjectPair("queue")
	m.PutUint32Pair("number", 7)
	m.PutBoolPair("stuck", true)
	m.CloseObjectPair()
	if err := show.WriteMessage(os.Stdout, show.JSON, m); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"cause":"parity","queue":{"number":7,"stuck":true}}
}

// An event in one line, for tests and logs.
func ExampleEvent_String() {
	e := show.Event{Verb: show.New, Row: &show.Policer{At: show.Place{Handle: devlink.Handle{Bus: "pci", Device: "0000:01:00.0"}}, ID: show.Num(1)}}
	fmt.Println(e)
	// Output: trap-policer-new pci/0000:01:00.0 {"policer":1}
}
