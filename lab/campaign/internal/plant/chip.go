package plant

import (
	"context"
	"fmt"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/switchdev"
)

// profiles is how many learning models of chips are drawn.
const profiles = 4

// chip is a device of the plant.
type chip struct {
	*hwsim.Chip
	p       *Plant
	index   int
	set     chipSettings
	ports   []switchdev.PortID
	claims  map[switchdev.PortID]bool // as the table has them
	faults  []*hwsim.Injected
	deafens bool            // a fault struck its reports since the last rest
	joined  switchdev.Epoch // in which its ports joined; in another they stand alone
	lies    bool            // what it answered or did not report may not be so, until it is read
	token   switchdev.Token
	own     map[fdb.Key]switchdev.PortID // rows that it learned by itself
	rows    map[fdb.Key]oracle.Row       // that it was told to hold, see look
	looked  int                          // the check for which rows was made
	opened  time.Time                    // when its breaker last was another than before
	took    time.Duration                // its last call
	clings  bool                         // since the last rest it may not have let go of a row
}

// heard is a report that is on its way to the table.
type heard struct {
	c *chip
	switchdev.Report
}

// Report implements [switchdev.Sink], beside the table.
func (c *chip) Report(r switchdev.Report) {
	c.p.reports = append(c.p.reports, heard{c, r})
}

func (p *Plant) makeChips() {
	for i, s := range p.set.chips {
		c := &chip{p: p, index: i, set: s, ports: portsOf(s.ports, p.set.ports), claims: make(map[switchdev.PortID]bool), looked: -1}
		for _, port := range portsOf(s.claims, p.set.ports) {
			c.claims[port] = true
		}
		cfg := hwsim.Config{
			Name: fmt.Sprintf("sw%d", i), Manual: true, Seed: uint64(i + 1),
			MAC:    switchdev.MAC{0x02, 0xcc, byte(i), 0, 0, 0},
			Limits: switchdev.Limits{FDB: s.rows, Batch: s.batch},
			Host:   hwsim.Host{OnTrap: func(f hwsim.HostFrame) { p.traps = append(p.traps, trap{c, f}) }},
			Hardware: hwsim.Hardware{
				Profile: hwsim.Profile(s.profile), Ways: s.ways, Quirks: hwsim.Quirks(s.quirks),
				Latency: hwsim.Latency{Batch: s.latency, Op: s.latency / 16},
			},
			Log: hwsim.LogConfig{Capacity: 4096},
		}
		for _, port := range c.ports {
			cfg.Ports = append(cfg.Ports, hwsim.PortConfig{ID: port})
		}
		var err error
		if c.Chip, err = hwsim.New(cfg); err != nil {
			panic(fmt.Sprintf("hwsim.New: %v", err))
		}
		c.Poll(p.w.Now)
		c.Bind(c)
		c.joined = c.Epoch()
		c.join()
		p.chips = append(p.chips, c)
	}
}

// device is the chip as the table gets it.
func (c *chip) device() fdb.Device {
	d := fdb.Device{Driver: c.Chip, Domain: switchdev.Domain(c.set.domain), Ports: portsOf(c.set.claims, c.p.set.ports), Ages: c.set.ages, Adopt: c.set.adopt}
	if c.set.everyport {
		d.Ports = nil
	}
	return d
}

// pollChips lets the chips do what is due, and gives back to the bridge the ports
// of those that were reset.
func (p *Plant) pollChips(now time.Time) (next time.Time) {
	for _, c := range p.chips {
		next = earlier(next, c.Poll(now))
		if e := c.Epoch(); e != c.joined {
			c.joined = e
			c.join()
		}
	}
	return next
}

// join does what the owner of a bridge does with a chip: ports, VLANs and the
// ageing time of what the chip learns by itself. No fault strikes these roles.
func (c *chip) join() {
	ctx, dom := context.Background(), switchdev.Domain(c.set.domain)
	op := func() switchdev.Op { c.token++; return switchdev.Op{Domain: dom, Token: c.token} }
	var result [1]switchdev.Result
	must := func(what string) {
		if result[0].Err != nil {
			panic(fmt.Sprintf("%s: %s: %v", c.Name(), what, result[0].Err))
		}
	}
	ageing := c.p.set.ageing
	switch {
	case ageing == fdb.NoLearning:
		ageing = 0 // nor does the chip
	case ageing < 0:
		ageing = time.Hour
	case ageing == 0:
		ageing = fdb.DefaultAgeing
	}
	c.ApplyBridge(ctx, []switchdev.BridgeOp{{
		Op: op(), Set: switchdev.BridgeAttrAgeing | switchdev.BridgeAttrFiltering, Ageing: ageing, Filtering: c.p.set.vlans > 0,
	}}, result[:])
	must("bridge")
	for _, port := range c.ports {
		c.ApplyPorts(ctx, []switchdev.PortOp{{Op: op(), Verb: switchdev.PortJoin, Port: port, State: switchdev.PortForwarding, Up: true}}, result[:])
		must("join")
	}
	for v := range c.p.set.vlans {
		for _, port := range append([]switchdev.PortID{switchdev.PortHost}, c.ports...) {
			c.ApplyVLANs(ctx, []switchdev.VLANOp{{Op: op(), Verb: switchdev.VLANSetMember, Port: port, VLAN: switchdev.VLAN(10 * (v + 1))}}, result[:])
			must("vlan")
		}
	}
}

// wants returns the row that the chip has to hold of what a station has.
func (c *chip) wants(v oracle.Value) (oracle.Row, bool) {
	r, ok := v.Row()
	if !ok || !c.claimed(v) || c.declines(r) {
		return oracle.Row{}, false
	}
	return r, true
}

// declines reports whether the chip leaves a row to software.
func (c *chip) declines(r oracle.Row) bool {
	return hwsim.Quirks(c.set.quirks).Has(hwsim.QuirkStaticOnly) && r.Flags&(switchdev.FDBStatic|switchdev.FDBLocal) == 0
}

// liar reports whether what the chip answers need not be so: then nobody can hold
// it to anything.
func (c *chip) liar() bool {
	const honest = hwsim.QuirkDeleteAbsentFails | hwsim.QuirkStaticOnly | hwsim.QuirkSilent
	return hwsim.Quirks(c.set.quirks)&^honest != 0
}

// unsure reports whether the chip's rows may differ from what the table can know:
// it lies, or was reset and the table has not heard of it.
func (c *chip) unsure() bool {
	return c.lies || c.liar() || c.deafens && c.set.ages || c.deafens && c.p.table.Devices()[c.index].Epoch != c.Epoch()
}

// claimed reports whether the table claims the entry for the chip: those of its
// ports, and the bridge's own addresses where it has any port at all.
func (c *chip) claimed(v oracle.Value) bool {
	switch {
	case c.set.everyport:
		return true
	case v.Has(fdb.Local):
		return len(c.claims) > 0
	}
	return c.claims[v.Port]
}

// look returns the rows that the chip was told to hold. What it learned by
// itself is its own.
func (c *chip) look() map[fdb.Key]oracle.Row {
	if c.looked == c.p.checks {
		return c.rows
	}
	c.rows, c.looked = c.see(), c.p.checks
	return c.rows
}

// see is look at this moment.
func (c *chip) see() map[fdb.Key]oracle.Row {
	rows := make(map[fdb.Key]oracle.Row)
	c.own = make(map[fdb.Key]switchdev.PortID)
	for _, r := range c.Rows() {
		switch {
		case r.Domain != switchdev.Domain(c.set.domain):
		case r.Flags&switchdev.FDBHWLearned != 0:
			c.own[r.Key] = r.Port
		default:
			rows[r.Key] = oracle.Row{Port: r.Port, Flags: r.Flags}
		}
	}
	return rows
}

// has reports whether the chip, as it was looked at, holds the row of an entry. A
// chip that ages by itself may have made it itself.
func (c *chip) has(k fdb.Key, v oracle.Value, want oracle.Row) bool {
	if row, on := c.look()[k]; on {
		// A row that was taken over keeps its own flags.
		taken := c.set.adopt && v.Has(fdb.Extern) && (row.Flags^want.Flags)&^switchdev.FDBExtern == 0
		return row == want || row.Port == want.Port && (taken || v.Owner == fdb.OwnerDriver)
	}
	port, on := c.own[k]
	if v.Owner == fdb.OwnerDriver && hwsim.Profile(c.set.profile) == hwsim.Polled {
		return c.set.ages // it tells later what has aged out
	}
	return on && c.set.ages && port == v.Port
}

// limited reports whether the chip may refuse a row without a fault.
func (c *chip) limited() bool { return c.set.rows > 0 || c.set.ways > 0 }

func (p *Plant) unlimited() bool {
	for _, c := range p.chips {
		if c.limited() {
			return false
		}
	}
	return true
}

// full reports whether the chip may have had no room for a row.
func (c *chip) full() bool {
	return c.set.ways > 0 || c.set.rows > 0 && c.Usage().FDB >= c.set.rows
}
