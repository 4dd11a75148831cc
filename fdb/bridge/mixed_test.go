package bridge_test

import (
	"testing"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// TestChipsAndSoftwarePortsMix: the own address of a port that a chip has not is an
// own address all the same, and a chip that has some other port hands frames for it
// to the host.
func TestChipsAndSoftwarePortsMix(t *testing.T) {
	c := newChipWorld(t, 2, bridge.SoftwareLearns)
	c.must(c.b.SubmitAddPort(bridge.PortConfig{ID: 9, MAC: portMAC(9)})) // software only
	c.reaches(1, portMAC(9), stationA)
	if c.host == 0 {
		t.Error("the host did not get a frame for its own address")
	}
	local := 0
	for _, r := range c.chip.Rows() {
		if r.Flags&switchdev.FDBLocal != 0 {
			local++
		}
	}
	if local != 3 {
		t.Errorf("%d own addresses in the chip: %v", local, c.chip.Rows())
	}
	// A number that was the chip's is that of a software port.
	c.must(c.b.SubmitRemovePort(2))
	c.must(c.b.SubmitAddPort(bridge.PortConfig{ID: 2, MAC: portMAC(2)}))
	c.reaches(1, portMAC(2), stationA)
	for _, v := range c.chip.Audit() {
		t.Error(v)
	}
}

// TestTwoChipsUnderOneBridge: each holds the own addresses of the other's ports.
func TestTwoChipsUnderOneBridge(t *testing.T) {
	var chips []*hwsim.Chip
	var cfg bridge.Config
	for i, name := range []string{"sw0", "sw1"} {
		ids := []hwsim.PortConfig{{ID: switchdev.PortID(2*i + 1)}, {ID: switchdev.PortID(2*i + 2)}}
		chip, err := hwsim.New(hwsim.Config{Name: name, Manual: true, Ports: ids})
		if err != nil {
			t.Fatal(err)
		}
		defer chip.Close()
		chips = append(chips, chip)
		cfg.Hardware.Devices = append(cfg.Hardware.Devices, bridge.Device{Driver: chip})
	}
	w := newWorld(t, cfg)
	w.also = func() {
		for _, chip := range chips {
			chip.Poll(w.now)
		}
	}
	for id := range 4 {
		w.must(w.b.SubmitAddPort(on(chips[id/2], id+1)))
	}
	for _, chip := range chips {
		if n := len(chip.Rows()); n != 4 {
			t.Errorf("%s holds %v", chip.Name(), chip.Rows())
		}
	}
	w.must(w.b.SubmitRemovePort(1))
	w.must(w.b.SubmitRemovePort(2))
	if n := len(chips[0].Rows()); n != 0 {
		t.Errorf("without a port %s holds %v", chips[0].Name(), chips[0].Rows())
	}
	for _, chip := range chips {
		for _, v := range chip.Audit() {
			t.Error(v)
		}
	}
}
