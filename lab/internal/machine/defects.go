package machine

import (
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// The places where a Config decides what bridges and switches are like.

// bridgeConfig is that of a new bridge, which is down and has no ports.
func (m *Machine) bridgeConfig(d *device) bridge.Config {
	c := bridge.Config{
		Name: d.name, MAC: d.mac, Down: true, Manual: true, Start: m.now, Logger: m.cfg.Logger,
		Quirks: m.cfg.Bridge,
		Table:  fdb.Config{Seed: 1, Events: eventRoom, Quirks: m.cfg.FDB},
		VLAN:   bridge.VLANConfig{DefaultPVID: 1},
		STP:    bridge.STPConfig{Send: func(id switchdev.PortID, frame []byte) { m.sendBPDU(id, frame) }},
		Hardware: bridge.Hardware{
			PortFlags: bridge.HardwareLearns,
			Devices:   []bridge.Device{{Driver: m.rack.driver, Domain: switchdev.Domain(d.index), Ages: true}},
		},
	}
	if m.cfg.NoVLANFiltering {
		c.VLAN.DefaultPVID = bridge.NoDefaultPVID
	}
	return c
}

// eventRoom is how many events one request may make of one bridge.
const eventRoom = 1 << 14

// hardware is what a switch of package hwsim is like: of rows it takes those that a
// user fixed, of flags it knows learning, and it learns by itself. Those are
// abilities of the device; Rocker adds the defects of its driver.
func hardware(rocker bool) hwsim.Hardware {
	h := hwsim.Hardware{
		Profile: hwsim.Autonomous, MTU: 9000, Refresh: 1,
		PortFlags: switchdev.PortLearns, Rows: hwsim.ControlledRows, AllFloods: true,
	}
	if rocker {
		h.Profile, h.Quirks = hwsim.Rocker, hwsim.RockerQuirks
	}
	return h
}
