package yard

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

func (y *Yard) portOps() []sim.Op {
	onPort := func(name string, weight int, f func(id switchdev.PortID, a []int64)) sim.Op {
		return sim.Op{Name: name, Weight: weight, Draw: y.drawPort, Do: func(a []int64) {
			f(switchdev.PortID(sim.Arg(a, 0)&0xff), a)
		}}
	}
	return []sim.Op{
		{Name: "addport", Weight: 16, Draw: draw(8), Do: y.addPort},
		onPort("removeport", 3, func(id switchdev.PortID, _ []int64) { y.removePort(id) }),
		{Name: "again", Weight: 3, Draw: y.drawAgain, Do: func(a []int64) {
			y.removePort(switchdev.PortID(sim.Arg(a, 1) & 0xff))
			y.poll()
			if !y.busy() && y.adopted {
				y.adopt()
			}
			y.addPort(a)
		}},
		onPort("up", 3, func(id switchdev.PortID, a []int64) { y.setUp(id, index(sim.Arg(a, 1), 3) > 0) }),
		onPort("carrier", 3, func(id switchdev.PortID, a []int64) { y.setCarrier(id, index(sim.Arg(a, 1), 3) > 0) }),
		onPort("state", 3, func(id switchdev.PortID, a []int64) { y.setState(id, switchdev.PortState(index(sim.Arg(a, 1), 6))) }),
		onPort("flags", 6, func(id switchdev.PortID, a []int64) { y.setFlags(id, sim.Arg(a, 1), sim.Arg(a, 2)) }),
		onPort("backup", 2, func(id switchdev.PortID, a []int64) { y.setBackup(id, sim.Arg(a, 1)) }),
		onPort("links", 5, func(id switchdev.PortID, a []int64) { y.setLinks(id, sim.Arg(a, 1)) }),
		onPort("portmac", 3, func(id switchdev.PortID, a []int64) { y.setPortMAC(id, sim.Arg(a, 1)) }),
		{Name: "withdraw", Weight: 2, Draw: func(r *rand.Rand) ([]int64, bool) {
			return []int64{r.Int64N(64)}, len(y.tasks) > 0
		}, Do: func(a []int64) { y.withdraw(sim.Arg(a, 0)) }},
	}
}

// drawPort draws a port, mostly one that is there, and arguments.
func (y *Yard) drawPort(r *rand.Rand) ([]int64, bool) {
	all := y.numbers()
	id := all[r.IntN(len(all))]
	if n := len(y.now.ports); n > 0 && r.IntN(10) > 0 {
		id = y.now.ports[r.IntN(n)].ID
	}
	return []int64{int64(id), r.Int64N(1 << 16), r.Int64N(1 << 16)}, true
}

// drawAgain draws a port that is there, and how its number comes back.
func (y *Yard) drawAgain(r *rand.Rand) ([]int64, bool) {
	n := len(y.now.ports)
	if n == 0 {
		return nil, false
	}
	id := y.now.ports[r.IntN(n)].ID
	args, _ := draw(8)(r)
	args[0] = int64(slices.Index(y.numbers(), id))
	args[1] = int64(id) | args[1]&^0xff
	return args, args[0] >= 0
}

// numbers are those that ports may have.
func (y *Yard) numbers() (all []switchdev.PortID) {
	for _, c := range y.chips {
		all = append(append(all, c.ports...), y.groupsOf(c)...)
	}
	for i := range max(y.set.software, 1) {
		all = append(all, switchdev.PortID(softwareFrom+i))
	}
	return append(all, softwareGroup, softwareGroup+1)
}

func (y *Yard) groupsOf(c *chip) (all []switchdev.PortID) {
	for i := range groups {
		all = append(all, switchdev.PortID(span*c.index+groupsFrom+i))
	}
	return all
}

// isGroup reports whether the number is one of groups.
func isGroup(id switchdev.PortID) bool {
	return id >= softwareGroup || id < softwareFrom && (int(id)-1)%span >= groupsFrom-1
}

// linksFor draws the links of a group.
func (y *Yard) linksFor(id switchdev.PortID, n int64) (links []bridge.Link) {
	var from []switchdev.PortID
	if c := y.chipOf(id); c != nil {
		from = c.ports
	} else {
		for i := range max(y.set.software, 1) {
			from = append(from, switchdev.PortID(linksFrom+i))
		}
	}
	for i, link := range from {
		if n>>i&1 == 1 && len(links) < 3 {
			links = append(links, bridge.Link{ID: link, Down: n>>(10+i)&1 == 1 && n>>15&1 == 1})
		}
	}
	if len(links) == 0 {
		links = []bridge.Link{{ID: from[0]}}
	}
	return links
}

func alive(links []bridge.Link) bool {
	return slices.ContainsFunc(links, func(l bridge.Link) bool { return !l.Down })
}

// flagSets are what ports begin with.
var flagSets = [...]switchdev.PortFlags{
	0, 0, 0, 0, bridge.NoFlags, switchdev.DefaultPortFlags | switchdev.PortHairpin, switchdev.DefaultPortFlags | switchdev.PortIsolated,
	switchdev.DefaultPortFlags | switchdev.PortLocked, switchdev.DefaultPortFlags | switchdev.PortLocked | switchdev.PortMAB,
	switchdev.DefaultPortFlags &^ switchdev.PortLearns, switchdev.DefaultPortFlags &^ switchdev.PortFlood,
}

// addPort adds a port: number, kind, links, address, flags, up, backup.
func (y *Yard) addPort(a []int64) {
	y.fresh()
	all := y.numbers()
	id := all[index(sim.Arg(a, 0), len(all))]
	c := bridge.PortConfig{
		ID: id, MAC: y.macs[index(sim.Arg(a, 3), len(y.macs))], Flags: flagSets[index(sim.Arg(a, 4), len(flagSets))],
		Down: index(sim.Arg(a, 5), 8) == 0, NoCarrier: index(sim.Arg(a, 5)/8, 8) == 0,
	}
	device := y.chipOf(id)
	if device != nil && !(index(sim.Arg(a, 1), 12) == 0 && !isGroup(id)) {
		c.Driver = device.Chip
	}
	if isGroup(id) {
		c.Links = y.linksFor(id, sim.Arg(a, 2))
		c.NoCarrier = false
	} else if device != nil && !y.pulled[id] {
		c.NoCarrier = !device.Port(id).Carrier()
	}
	if n := len(y.now.ports); n > 0 && index(sim.Arg(a, 6), 6) == 0 {
		c.Backup = y.now.ports[index(sim.Arg(a, 6)/6, n)].ID
	}
	if index(sim.Arg(a, 7), 10) == 0 {
		c.GroupForward = 1 << index(sim.Arg(a, 7)/10, 16) &^ 0b10
	}
	t := &task{what: fmt.Sprintf("add port %+v", shown(c)), refuse: y.refusesPort(&c), ticket: y.b.SubmitAddPort(c)}
	t.apply = func() { y.added(c) }
	t.excused = y.pulled[id] || slices.ContainsFunc(c.Links, func(l bridge.Link) bool { return y.pulled[l.ID] })
	y.submit(t)
}

// shown is a configuration as it is logged.
func shown(c bridge.PortConfig) string {
	driver := "software"
	if c.Driver != nil {
		driver = c.Driver.Name()
	}
	return fmt.Sprintf("%v of %s, %v, flags %#x, down %v, carrier %v, backup %v, links %v, mask %#x",
		c.ID, driver, c.MAC, uint32(c.Flags), c.Down, !c.NoCarrier, c.Backup, c.Links, c.GroupForward)
}

// refusesPort is the error that an AddPort has to end with, nil for none.
func (y *Yard) refusesPort(c *bridge.PortConfig) error {
	m := &y.model
	switch {
	case c.Backup == c.ID:
		return switchdev.ErrInvalid
	case m.owner(c.ID) != nil:
		return switchdev.ErrBusy
	}
	if c.Backup != 0 && m.ports[c.Backup] == nil {
		return switchdev.ErrNotExist
	}
	for _, l := range c.Links {
		if m.owner(l.ID) != nil {
			return switchdev.ErrBusy
		}
	}
	return nil
}

// added is a port that begins, with nothing of whoever had its number.
func (y *Yard) added(c bridge.PortConfig) {
	m := &y.model
	p := &port{vlans: m.first(), links: c.Links, Port: bridge.Port{
		ID: c.ID, MAC: c.MAC, Flags: c.Flags, Up: !c.Down, Carrier: !c.NoCarrier, Backup: c.Backup, GroupForward: c.GroupForward,
	}}
	switch c.Flags {
	case 0:
		p.Flags = switchdev.DefaultPortFlags
	case bridge.NoFlags:
		p.Flags = 0
	}
	if len(c.Links) > 0 {
		p.Carrier = alive(c.Links)
	}
	if c.Driver != nil {
		p.Device = c.Driver.Name()
	}
	m.run(p, false)
	m.ports[c.ID] = p
	y.forgetAll() // its address may be somebody's
}

func (y *Yard) removePort(id switchdev.PortID) {
	t := &task{what: fmt.Sprintf("remove port %v", id), ticket: y.b.SubmitRemovePort(id), partial: true}
	p := y.model.ports[id]
	if p == nil {
		t.refuse = switchdev.ErrNoDevice
	}
	t.apply = func() {
		delete(y.model.ports, id)
		for _, q := range y.model.ports {
			if q.Backup == id {
				q.Backup = 0
			}
		}
		y.nothingLeft(id, p)
	}
	t.ended = func(err error) {
		if p != nil || !errors.Is(err, switchdev.ErrNoDevice) {
			y.over(id)
		}
	}
	y.forgetPort(id)
	y.submit(t)
}

// nothingLeft: a port that was removed has no entry, and its device no row of it.
func (y *Yard) nothingLeft(id switchdev.PortID, p *port) {
	for e := range y.table.Snapshot().All() {
		if e.Port == id {
			y.w.Fail(invGone, "port %v is gone, and there is %v", id, e)
		}
		if hit, ok := y.table.Lookup(e.Key); ok && hit.Port == id {
			y.w.Fail(invGone, "port %v is gone, and Lookup(%v) finds it", id, e.Key)
		}
	}
	c := y.chipOf(id)
	if c == nil || p.Device == "" || c.lies {
		return
	}
	told, own := c.rows()
	for k, r := range told {
		if r.Port == id && r.Flags&switchdev.FDBLocal == 0 {
			y.w.Fail(invGone, "port %v is gone, and %s holds %v: %+v", id, c.Name(), k, r)
		}
	}
	for k, r := range own {
		if r.Port == id {
			y.w.Fail(invGone, "port %v is gone, and %s has learned %v: %+v", id, c.Name(), k, r)
		}
	}
}

// change submits a verb on a port.
func (y *Yard) change(id switchdev.PortID, what string, k waiter, refuse error, apply func(*port)) *task {
	t := &task{what: fmt.Sprintf("port %v: %s", id, what), ticket: k, refuse: refuse, excused: y.broken(id)}
	t.apply = func() { apply(y.model.ports[id]) }
	if y.model.ports[id] == nil && refuse == nil {
		t.refuse = switchdev.ErrNoDevice
	}
	y.submit(t)
	return t
}

// broken reports whether the socket of a port, or of a link of it, is empty.
func (y *Yard) broken(id switchdev.PortID) bool {
	p := y.model.ports[id]
	return y.pulled[id] || y.stray(id) || p != nil && slices.ContainsFunc(p.links, func(l bridge.Link) bool { return y.pulled[l.ID] })
}

func (y *Yard) setUp(id switchdev.PortID, up bool) {
	y.forgetPort(id)
	y.change(id, fmt.Sprint("up ", up), y.b.SubmitSetPortUp(id, up), nil, func(p *port) {
		ran := p.runs() && y.model.up
		p.Up = up
		y.model.run(p, ran)
		y.forgetPort(id)
	}).partial = true
}

// setCarrier plugs a cable in or out, and tells the bridge.
func (y *Yard) setCarrier(id switchdev.PortID, on bool) {
	if c := y.chipOf(id); c != nil && !isGroup(id) && !y.pulled[id] {
		c.Port(id).SetCarrier(on)
		if q := y.now.by[id]; q != nil && q.ID != id { // a link: its group has been told by the device
			return
		}
	}
	y.forgetPort(id)
	y.change(id, fmt.Sprint("carrier ", on), y.b.SubmitSetCarrier(id, on), nil, func(p *port) {
		ran := p.runs() && y.model.up
		p.Carrier = on
		y.model.run(p, ran)
		y.forgetPort(id)
	}).partial = true
}

func (y *Yard) setState(id switchdev.PortID, s switchdev.PortState) {
	p := y.model.ports[id]
	var refuse error
	switch {
	case !s.Valid():
		refuse = switchdev.ErrInvalid
	case p == nil:
	case y.model.stp == bridge.STPKernel:
		refuse = switchdev.ErrBusy
	case !p.Up || !(p.Carrier && y.model.up) && s != switchdev.PortDisabled:
		refuse = switchdev.ErrNetDown
	}
	y.change(id, fmt.Sprint("state ", s), y.b.SubmitSetPortState(id, s), refuse, func(p *port) { p.State = s })
}

// flagsOf are those that a user sets, one of them at a time.
var flagsOf = [...]switchdev.PortFlags{
	switchdev.PortLearns, switchdev.PortFlood, switchdev.PortMulticastFlood, switchdev.PortBroadcastFlood, switchdev.PortLocked,
	switchdev.PortMAB, switchdev.PortHairpin, switchdev.PortIsolated, switchdev.PortIsolated, switchdev.PortProxyARP,
	switchdev.PortLocked | switchdev.PortMAB | switchdev.PortLearns,
}

func (y *Yard) setFlags(id switchdev.PortID, which, on int64) {
	mask := flagsOf[index(which, len(flagsOf))]
	set := mask
	if index(on, 3) == 0 {
		set = 0
	}
	var refuse error
	if p := y.model.ports[id]; p != nil {
		next := p.Flags&^mask | set
		const both = switchdev.PortLocked | switchdev.PortLearns
		switch {
		case next&switchdev.PortMAB != 0 && next&both != both:
			refuse = switchdev.ErrInvalid
		case p.Device != "" && next&switchdev.PortProxyARP != 0 && y.calm:
			refuse = switchdev.ErrUnsupported
		}
	}
	y.forgetPort(id)
	y.change(id, fmt.Sprintf("flags %#x of %#x", uint32(set), uint32(mask)), y.b.SubmitSetPortFlags(id, set, mask), refuse, func(p *port) {
		p.Flags = p.Flags&^mask | set
		y.forgetPort(id)
	}).partial = true
}

func (y *Yard) setBackup(id switchdev.PortID, n int64) {
	backup := switchdev.PortID(0)
	if all := y.numbers(); index(n, 4) > 0 {
		backup = all[index(n/4, len(all))]
	}
	var refuse error
	switch {
	case y.model.ports[id] == nil:
	case backup == id:
		refuse = switchdev.ErrInvalid
	case backup != 0 && y.model.ports[backup] == nil:
		refuse = switchdev.ErrNotExist
	}
	y.change(id, fmt.Sprint("backup ", backup), y.b.SubmitSetBackupPort(id, backup), refuse, func(p *port) { p.Backup = backup })
}

func (y *Yard) setLinks(id switchdev.PortID, n int64) {
	if !isGroup(id) {
		return
	}
	links := y.linksFor(id, n)
	var refuse error
	if y.model.ports[id] != nil {
		for _, l := range links {
			if o := y.model.owner(l.ID); o != nil && o.ID != id {
				refuse = switchdev.ErrBusy
			}
		}
	}
	y.forgetPort(id)
	t := y.change(id, fmt.Sprint("links ", links), y.b.SubmitSetLinks(id, links), refuse, func(p *port) {
		ran := p.runs() && y.model.up
		p.links, p.Carrier = links, alive(links)
		y.model.run(p, ran)
		y.forgetPort(id)
	})
	t.partial = true
	t.excused = t.excused || slices.ContainsFunc(links, func(l bridge.Link) bool { return y.pulled[l.ID] })
}

func (y *Yard) setPortMAC(id switchdev.PortID, n int64) {
	mac := y.macs[index(n, len(y.macs))]
	y.forgetAll()
	y.change(id, fmt.Sprint("address ", mac), y.b.SubmitSetPortMAC(id, mac), nil, func(p *port) { p.MAC = mac })
}
