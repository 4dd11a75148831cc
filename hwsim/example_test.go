package hwsim_test

import (
	"context"
	"fmt"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// A chip learns from one frame where to send the next.
func Example() {
	chip, err := hwsim.New(hwsim.Config{Manual: true, Host: hwsim.Host{OnTrap: func(f hwsim.HostFrame) {
		fmt.Printf("host: from port %d, %s, forwarded %t\n", f.Port, f.Reason, f.Forwarded)
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer chip.Close()
	for id := switchdev.PortID(1); id <= 3; id++ {
		chip.Port(id).OnEgress(func([]byte) { fmt.Printf("port %d sends\n", id) })
		ops := []switchdev.PortOp{{
			Op: switchdev.Op{Token: switchdev.Token(id)}, Verb: switchdev.PortJoin,
			Port: id, State: switchdev.PortForwarding, Up: true,
		}}
		chip.ApplyPorts(context.Background(), ops, make([]switchdev.Result, 1))
	}
	a, b := switchdev.MustParseMAC("02:00:00:00:00:0a"), switchdev.MustParseMAC("02:00:00:00:00:0b")
	send := func(port switchdev.PortID, dst, src switchdev.MAC) {
		frame := make([]byte, 64)
		copy(frame, dst[:])
		copy(frame[6:], src[:])
		chip.Port(port).Ingress(frame)
	}
	send(1, b, a)
	send(2, a, b)
	for _, row := range chip.Rows() {
		fmt.Println(row)
	}
	// Output:
	// port 2 sends
	// port 3 sends
	// host: from port 1, unknown, forwarded true
	// port 1 sends
	// domain 0 02:00:00:00:00:0a dev 1 hw_learned
	// domain 0 02:00:00:00:00:0b dev 2 hw_learned
}

// The chip says nil to everything, and is not to be trusted: one delete is not
// done, and one row changes its port by itself.
func ExampleFault() {
	chip, err := hwsim.New(hwsim.Config{Manual: true, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer chip.Close()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	chip.Poll(now)
	for _, spec := range []string{"ignore:fdb.delete:count=1", "drift:fdb:mac=0200.0000.000b:5s:target=3", "lost:report.aged:p=0.1"} {
		fault, err := hwsim.ParseFault(spec)
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := chip.Inject(fault); err != nil {
			fmt.Println(err)
			return
		}
	}
	row := func(token switchdev.Token, verb switchdev.FDBVerb, mac string) switchdev.FDBOp {
		key := switchdev.FDBKey{MAC: switchdev.MustParseMAC(mac)}
		return switchdev.FDBOp{Op: switchdev.Op{Token: token}, Verb: verb, Entry: switchdev.FDBEntry{Key: key, Port: 1}}
	}
	results := make([]switchdev.Result, 3)
	chip.ApplyFDB(context.Background(), []switchdev.FDBOp{
		row(1, switchdev.FDBSet, "02:00:00:00:00:0a"), row(2, switchdev.FDBSet, "02:00:00:00:00:0b"),
	}, results[:2])
	chip.ApplyFDB(context.Background(), []switchdev.FDBOp{row(3, switchdev.FDBDelete, "02:00:00:00:00:0a")}, results[2:])
	fmt.Println(results[0].Err, results[1].Err, results[2].Err)
	chip.Poll(now.Add(5 * time.Second))
	for _, row := range chip.Rows() {
		fmt.Println(row)
	}
	for _, v := range chip.Audit() {
		fmt.Println(v.Rule)
	}
	fmt.Println("struck:", chip.Stats().Faults[hwsim.FaultIgnore], chip.Stats().Faults[hwsim.FaultDrift])
	// Output:
	// <nil> <nil> <nil>
	// domain 0 02:00:00:00:00:0a dev 1
	// domain 0 02:00:00:00:00:0b dev 3
	// corrupt
	// corrupt
	// struck: 1 1
}

// What was written on a command line, and what it means.
func ExampleParseFault() {
	for _, spec := range []string{"late:report.learned:200ms:p=0.5", "partial:fdb:3:done", "gone:fdb:after=20:5s", "lost:fdb"} {
		fault, err := hwsim.ParseFault(spec)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(fault.Kind, fault.Match.Role, fault.Nth, fault.Delay, fault.Answered, fault.After)
	}
	// Output:
	// late report 0 200ms 0 false
	// partial fdb 0 0s 3 true
	// gone fdb 20 5s 0 true
	// parse fault "lost:fdb": does not strike fdb
}
