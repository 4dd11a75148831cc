package bridge_test

import (
	"testing"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
)

// TestPulledPortComesBack: a module is pulled out of the chip and another plugged
// in under its number; the program removes the port and adds it again.
func TestPulledPortComesBack(t *testing.T) {
	c := newChipWorld(t, 3, bridge.SoftwareLearns)
	c.reaches(1, broadcast, stationA, 2, 3)
	c.reaches(2, stationA, stationB, 1)
	c.chip.Port(2).Remove()
	c.must(c.b.SubmitRemovePort(2))
	c.at(stationB, -1)
	p, err := c.chip.AddPort(hwsim.PortConfig{ID: 2})
	if err != nil {
		t.Fatal(err)
	}
	p.OnEgress(func([]byte) { c.got[2]++ })
	c.must(c.b.SubmitAddPort(bridge.PortConfig{ID: 2, Name: "p2", MAC: portMAC(22), Driver: c.chip}))
	c.reaches(1, stationB, stationA, 2, 3) // nobody remembers who was behind the old one
	c.reaches(2, stationA, stationB, 1)
	c.reaches(3, portMAC(22), stationC)
	if rows := c.chip.Rows(); len(rows) < 6 {
		t.Errorf("rows %v", rows)
	}
	for _, v := range c.chip.Audit() {
		t.Error(v)
	}
}
