package yard

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// chip is a device of the yard.
type chip struct {
	*hwsim.Chip
	y       *Yard
	index   int
	set     chipSettings
	ports   []switchdev.PortID // its sockets, also those with nothing in them
	faults  []*hwsim.Injected
	lies    bool // what it answered or did not report may not be so, until it is read
	hung    bool // calls have hung at some time
	strayed bool // reports of it have been late or double at some time
	strays  bool // reports of it may have been late, and tell of VLANs that a port has left
}

// The numbers: chip i has its sockets from 20*i+1 on and its groups from 20*i+11 on;
// software has ports from 61, links from 71 and groups from 81 on.
const (
	span          = 20
	groupsFrom    = 11
	groups        = 2
	softwareFrom  = 61
	linksFrom     = 71
	softwareGroup = 81
)

func (y *Yard) makeChips() {
	for i, s := range y.set.chips {
		c := &chip{y: y, index: i, set: s}
		cfg := hwsim.Config{
			Name: fmt.Sprintf("sw%d", i), Manual: true, Seed: uint64(i + 1),
			MAC:    switchdev.MAC{0x02, 0xcc, byte(i), 0, 0, 0},
			Limits: switchdev.Limits{FDB: s.rows, VLANs: s.vlans, Batch: s.batch, LAGs: s.lagLimit, LAGLinks: s.linkLimit},
			Host:   hwsim.Host{OnTrap: func(f hwsim.HostFrame) { y.traps = append(y.traps, trap{c, f}) }},
			Hardware: hwsim.Hardware{
				Profile: hwsim.Profile(s.profile), Ways: s.ways, Quirks: hwsim.Quirks(s.quirks),
				Latency: hwsim.Latency{Batch: s.latency, Op: s.latency / 16},
			},
			Log: hwsim.LogConfig{Capacity: 4096},
		}
		for n := range s.ports {
			c.ports = append(c.ports, y.socket(i, n))
			cfg.Ports = append(cfg.Ports, hwsim.PortConfig{ID: c.ports[n]})
		}
		var err error
		if c.Chip, err = hwsim.New(cfg); err != nil {
			panic(fmt.Sprintf("hwsim.New: %v", err))
		}
		c.Poll(y.w.Now)
		for _, id := range c.ports {
			c.hook(id)
		}
		y.chips = append(y.chips, c)
	}
}

// socket returns the number of socket n of chip i.
func (y *Yard) socket(i, n int) switchdev.PortID { return switchdev.PortID(span*i + n + 1) }

// hook watches what leaves by a port.
func (c *chip) hook(id switchdev.PortID) {
	c.Port(id).OnEgress(func(f []byte) { c.y.sent = append(c.y.sent, copyOf{id, bytes.Clone(f), true}) })
}

// device is the chip as the bridge gets it.
func (c *chip) device() bridge.Device {
	return bridge.Device{Driver: c.Chip, Domain: switchdev.Domain(c.set.domain), TransmitForwards: c.y.set.marks}
}

func (y *Yard) pollChips(now time.Time) (next time.Time) {
	for _, c := range y.chips {
		next = earlier(next, c.Poll(now))
	}
	return next
}

// chipOf returns the chip that has a socket or a group of that number.
func (y *Yard) chipOf(id switchdev.PortID) *chip {
	if i := int(id-1) / span; id > 0 && i < len(y.chips) {
		return y.chips[i]
	}
	return nil
}

// limited reports whether the chip may refuse something without a fault.
func (c *chip) limited() bool {
	return c.set.rows > 0 || c.set.ways > 0 || c.set.vlans > 0 || c.set.lagLimit > 0 || c.set.linkLimit > 0
}

func (y *Yard) unlimited() bool {
	return !slices.ContainsFunc(y.chips, (*chip).limited)
}

// bounded reports whether rows may have no room.
func (c *chip) bounded() bool { return c.set.rows > 0 || c.set.ways > 0 }

// rows returns the rows that the chip was told to hold, and those that it learned.
func (c *chip) rows() (told, own map[fdb.Key]hwsim.Row) {
	told, own = make(map[fdb.Key]hwsim.Row), make(map[fdb.Key]hwsim.Row)
	for _, r := range c.Rows() {
		switch {
		case r.Domain != switchdev.Domain(c.set.domain):
			c.y.w.Fail(invConverge, "%s has a row in domain %v: %+v", c.Name(), r.Domain, r)
		case r.Flags&switchdev.FDBHWLearned != 0:
			own[r.Key] = r
		default:
			told[r.Key] = r
		}
	}
	return told, own
}

// declines reports whether the chip leaves a row to software.
func (c *chip) declines(f switchdev.FDBFlags) bool {
	return hwsim.Quirks(c.set.quirks).Has(hwsim.QuirkStaticOnly) && f&(switchdev.FDBStatic|switchdev.FDBLocal) == 0
}
