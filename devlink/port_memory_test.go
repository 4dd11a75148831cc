//go:build !race && !devlinkdebug

package devlink

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// memory is what is reachable, and what 640,000 ports make of it, each.
func memory(t *testing.T, per int, add func(l *Locked, n int) error) float64 {
	const ports = 640_000
	r := newRegistry(t, Config{})
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for n := 0; n < ports; n += per {
		i, err := r.NewInstance(InstanceConfig{Handle: Handle{"pci", fmt.Sprint(n)}})
		if err != nil {
			t.Fatal(err)
		}
		do(t, i, func(l *Locked) (err error) {
			for k := 0; k < per && err == nil; k++ {
				err = add(l, n+k)
			}
			return err
		})
		finish(t, i.SubmitRegister())
	}
	after := heap()
	runtime.KeepAlive(r)
	return float64(after-before) / ports
}

// The goal is 256 bytes a port, all told; more than 512 is a mistake.
func TestPortsAreSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a gigabyte")
	}
	physical := func(l *Locked, n int) error {
		return l.AddPort(PortInfo{Index: uint32(n), Number: uint32(n), Flavour: FlavourPhysical, Type: PortEth,
			Netdev: fmt.Sprintf("swp%d", n), NetdevIndex: uint32(n), Lanes: 4, Splittable: true})
	}
	subfunction := func(l *Locked, n int) error {
		return l.AddPort(PortInfo{Index: uint32(n), Flavour: FlavourPCISF, Type: PortEth, Netdev: fmt.Sprintf("en8f0pf0sf%d", n),
			NetdevIndex: uint32(n), PCI: &PCIFunction{SF: uint32(n)}, Function: &PortFunction{HWAddr: HWAddrOf(switchdev.MAC{2, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)}),
				State: FunctionActive, OpState: FunctionAttached, Known: FunctionRoCE, HasMaxIOEQs: true, MaxIOEQs: 8}})
	}
	for _, c := range []struct {
		name string
		per  int
		add  func(l *Locked, n int) error
	}{
		{"64 physical ports an instance", 64, physical},
		{"640000 physical ports of one instance", 640_000, physical},
		{"2000 subfunctions an instance", 2000, subfunction},
	} {
		t.Run(c.name, func(t *testing.T) {
			bytes := memory(t, c.per, c.add)
			t.Logf("%.0f bytes a port", bytes)
			if bytes > 256 {
				t.Errorf("%.0f bytes a port, want at most 256", bytes)
			}
		})
	}
}
