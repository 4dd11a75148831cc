package lab_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/switchcore/switchcore/lab"
	"github.com/switchcore/switchcore/switchdev"
	"github.com/switchcore/switchcore/switchdev/switchdevtest"
)

func Example() {
	l, err := lab.New(lab.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	for _, command := range []string{
		"lab bridge br0 ports p1 p2 p3",
		"lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff",
		"lab send h2 02:dd:00:00:00:02 02:dd:00:00:00:01",
		"bridge fdb add 02:dd:00:00:00:01 dev p2 master static",
		"bridge -j fdb show br br0 dynamic",
	} {
		out, err := l.Exec(context.Background(), command)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(out)
	}
	// Output:
	// rx: br0 h2 h3
	// rx: h1
	// ! RTNETLINK answers: File exists
	// {"mac":"02:dd:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":""}
	// {"mac":"02:dd:00:00:00:02","ifname":"p2","flags":[],"master":"br0","state":""}
}

// What a recording of Linux 6.1 says, and what the library does where the kernel has a
// defect.
func ExampleDiff() {
	const recording = `$ lab bridge br0 ports p1
$ bridge vlan del vid 1 dev p1
$ lab events fdb
$ bridge fdb append 02:aa:00:00:00:01 dev p1 master static
$ bridge fdb append 02:aa:00:00:00:01 dev p1 master static
$ lab events fdb
new {"mac":"02:aa:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":"static"}
new {"mac":"02:aa:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":"static"}
`
	want, err := lab.Parse(strings.NewReader(recording))
	if err != nil {
		log.Fatal(err)
	}
	for _, quirks := range []lab.Quirks{lab.Linux61, 0} {
		diffs, _, err := lab.Verify(context.Background(), lab.Config{Quirks: quirks}, want)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v: %d differences\n", quirks, len(diffs))
		for _, d := range diffs {
			fmt.Println(d)
		}
	}
	// Output:
	// linux-6.1: 0 differences
	// none: 1 differences
	// line 6: $ lab events fdb
	//       new {"mac":"02:aa:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":"static"}
	//     - new {"mac":"02:aa:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":"static"}
}

// failing is a switch whose driver can be made to fail.
type failing struct {
	lab.Switch
	driver switchdev.Driver
}

func (f failing) Driver() switchdev.Driver { return f.driver }

// A driver of your own, here one that fails on demand, takes the place of the chip under the
// ports s1 to s4.
func ExampleConfig_newSwitch() {
	var fault switchdevtest.Toggle
	l, err := lab.New(lab.Config{NewSwitch: func(c lab.SwitchConfig) (lab.Switch, error) {
		chip, err := lab.NewChip(c)
		if err != nil {
			return nil, err
		}
		return failing{chip, switchdevtest.Faulty(chip.Driver(), &fault)}, nil
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	exec := func(commands ...string) {
		for _, command := range commands {
			out, err := l.Exec(context.Background(), command)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Print(out)
		}
	}
	exec("lab switch br0 ports s1 s2")
	fault.On(switchdevtest.Fault{Kind: switchdevtest.FaultNoSpace})
	exec("bridge fdb add 02:aa:00:00:00:01 dev s1 vlan 1 master static",
		"bridge -j fdb show br br0 dynamic") // nothing has changed
	fault.Off()
	exec("bridge fdb add 02:aa:00:00:00:01 dev s1 vlan 1 master static",
		"bridge -j fdb show br br0 dynamic",
		"lab hw sw1")
	// Output:
	// ! RTNETLINK answers: No space left on device
	// {"mac":"02:aa:00:00:00:01","ifname":"s1","vlan":1,"flags":["offload"],"master":"br0","state":"static"}
	// hw vlan 1 mac 02:aa:00:00:00:01 port s1
}
