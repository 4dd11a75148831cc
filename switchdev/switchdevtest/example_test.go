package switchdevtest_test

import (
	"context"
	"fmt"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
	"github.com/switchcore/switchcore/switchdev/switchdevtest"
)

// The third row is refused, the others are not.
func ExampleFaulty() {
	chip, err := hwsim.New(hwsim.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	full := switchdevtest.Fault{Kind: switchdevtest.FaultNoSpace}
	d := switchdevtest.Faulty(chip, switchdevtest.Only(switchdevtest.OnNth(3, full), switchdevtest.RoleFDB))
	defer d.Close()

	ports, _ := switchdev.As[switchdev.PortOffloader](d)
	join := switchdev.PortOp{Op: switchdev.Op{Token: 1}, Verb: switchdev.PortJoin, Port: 1, State: switchdev.PortForwarding, Up: true}
	ports.ApplyPorts(context.Background(), []switchdev.PortOp{join}, make([]switchdev.Result, 1))

	fdb, _ := switchdev.As[switchdev.FDBOffloader](d)
	ops, results := make([]switchdev.FDBOp, 4), make([]switchdev.Result, 4)
	station := switchdev.MustParseMAC("02:00:00:00:00:01")
	for i := range ops {
		ops[i] = switchdev.FDBOp{
			Op:    switchdev.Op{Token: switchdev.Token(i + 2)},
			Verb:  switchdev.FDBSet,
			Entry: switchdev.FDBEntry{Key: switchdev.FDBKey{MAC: station}, Port: 1},
		}
		station = station.Next()
	}
	fdb.ApplyFDB(context.Background(), ops, results)
	for i, r := range results {
		fmt.Println(ops[i].Entry.Key, r.Err)
	}
	// Output:
	// 02:00:00:00:00:01 <nil>
	// 02:00:00:00:00:02 <nil>
	// 02:00:00:00:00:03 no space left
	// 02:00:00:00:00:04 <nil>
}

// Rules lists what the kit checks.
func ExampleRules() {
	for _, rule := range switchdevtest.Rules() {
		if rule.Role == "FDBFlusher" {
			fmt.Println(rule.Name + ": " + rule.Text)
		}
	}
	// Output:
	// flush/keeps-told: Rows that were set by an FDBOp stay.
	// flush/keeps-taken-over: Rows that were set by an FDBOp stay, also those of stations that the device had learned before.
	// flush/drops-learned: A flush drops the rows that the device learned by itself.
	// flush/restricted: Port restricts the flush to one port, VLAN to one VLAN.
}
