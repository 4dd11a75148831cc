package hwsim_test

import (
	"context"
	"fmt"

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
