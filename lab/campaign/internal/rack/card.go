package rack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

var errCard error = errors.New("the card does not want to")

// cardPorts is how many ports a driver adds when it comes up.
const cardPorts = 4

// fault is something that goes wrong in a driver until it is mended.
type fault uint8

const (
	refuses   fault = 1 << iota // to go down
	tears                       // goes down, and wrong
	panicking                   // when it comes up
	stays                       // down
	leaks                       // leaves things behind
	parks                       // does other things inside its callbacks
	cheats                      // says that it did something else
)

// card is a driver, and what it knows of its instance.
type card struct {
	r        *Rack
	slot     int
	restarts bool
	inst     *devlink.Instance
	rng      *rand.Rand
	fault    fault
	quiet    bool // it does what it has to and nothing else

	in     int  // callbacks that are out
	up     bool // unless a reload took it down
	region *devlink.Region
	health *devlink.Reporter
	dead   *devlink.Locked
}

// Name implements [switchdev.Driver].
func (c *card) Name() string { return fmt.Sprint("card", c.slot) }

// Close implements [switchdev.Driver].
func (c *card) Close() error { return nil }

// Reloads implements [devlink.Reloader].
func (c *card) Reloads() devlink.ReloadCapabilities {
	return devlink.ReloadCapabilities{Actions: devlink.ActionsOf(devlink.ActionDriverReinit)}
}

// RestartsToMove implements [devlink.NamespaceRestarter].
func (c *card) RestartsToMove() bool { return c.restarts }

// enter is the begin of a callback, and what it returns is its end.
func (c *card) enter(ctx context.Context, l *devlink.Locked) (leave func()) {
	if c.in++; c.in > 1 {
		c.r.wrong(invSlot, "%v: two callbacks at a time", c.inst.Handle())
	}
	c.r.depth++
	if c.fault&parks != 0 && !c.quiet {
		c.park(ctx)
	}
	return func() {
		c.in--
		c.r.depth--
		c.dead = l
	}
}

// ReloadDown implements [devlink.Reloader].
func (c *card) ReloadDown(ctx context.Context, l *devlink.Locked, _ devlink.Reload) error {
	defer c.enter(ctx, l)()
	if !c.up {
		c.r.wrong(invSlot, "%v goes down and was not up", c.inst.Handle())
	}
	if c.fault&refuses != 0 {
		return errCard
	}
	c.up = false
	c.strip(l)
	if c.fault&tears != 0 {
		return devlink.TornDown(errCard)
	}
	return nil
}

// strip removes what has to be gone, or some of it.
func (c *card) strip(l *devlink.Locked) {
	left := func() bool { return c.fault&leaks != 0 && c.rng.IntN(2) == 0 }
	for n := range uint32(2 * cardPorts) {
		if !left() {
			c.tried(l.RemovePort(n))
		}
	}
	for n := range 3 {
		if !left() {
			c.tried(l.RemoveTraps(fmt.Sprint("t", n)))
		}
	}
	if !left() {
		c.tried(l.RemoveGroups("g"))
	}
	if !left() {
		c.tried(l.RemovePolicers(1))
	}
}

// tried looks at the answer to something that a driver did.
func (c *card) tried(err error) { c.r.answered("driver", err) }

// ReloadUp implements [devlink.Reloader].
func (c *card) ReloadUp(ctx context.Context, l *devlink.Locked, r devlink.Reload) (devlink.ReloadActions, error) {
	defer c.enter(ctx, l)()
	if c.up {
		c.r.wrong(invSlot, "%v comes up and was not down", c.inst.Handle())
	}
	for n := range uint32(cardPorts) {
		c.tried(l.AddPort(devlink.PortInfo{Index: n, Lanes: 4}))
	}
	c.tried(l.AddPolicers(devlink.PolicerInfo{ID: 1, Rate: 1, Burst: 1, MaxRate: 9, MaxBurst: 9}))
	c.tried(l.AddGroups(devlink.GroupInfo{Name: "g", Policer: 1}))
	_, err := l.AddTraps(devlink.TrapInfo{Name: "t0", Group: "g", Action: devlink.ActionTrap}, devlink.TrapInfo{Name: "t1", Group: "g"})
	c.tried(err)
	if !c.quiet {
		c.fiddle(l)
	}
	switch {
	case c.fault&panicking != 0:
		panic("the card panics")
	case c.fault&stays != 0:
		return 0, errCard
	case c.fault&cheats != 0:
		c.up = true
		return 0, nil
	}
	c.up = true
	return devlink.ActionsOf(r.Action), nil
}

// Remove implements [devlink.Remover].
func (c *card) Remove(ctx context.Context, l *devlink.Locked, _ bool) error {
	defer c.enter(ctx, l)()
	c.strip(l)
	if c.fault&leaks == 0 {
		c.tried(l.RemoveResources())
	}
	c.up = true // for another life
	return nil
}

// SetTrapAction implements [devlink.TrapActionSetter].
func (c *card) SetTrapAction(context.Context, *devlink.Locked, *devlink.TrapInfo, devlink.TrapAction) error {
	if c.fault&refuses != 0 {
		return errCard
	}
	return nil
}

// fiddle does some of what a driver can do to its instance.
func (c *card) fiddle(l *devlink.Locked) {
	for range c.rng.IntN(8) {
		port := uint32(c.rng.IntN(2 * cardPorts))
		name := fmt.Sprint("t", c.rng.IntN(3))
		id := uint64(1 + c.rng.IntN(4))
		switch c.rng.IntN(18) {
		case 0, 1:
			c.tried(l.AddPort(devlink.PortInfo{Index: port, Lanes: 2}))
		case 2:
			c.tried(l.RemovePort(port))
		case 3:
			c.tried(l.SetPortNetdev(port, fmt.Sprint("eth", port), 1+port))
		case 4:
			c.tried(l.SetPortType(port, devlink.PortType(c.rng.IntN(4))))
		case 5:
			_, err := l.AddTraps(devlink.TrapInfo{Name: name, Group: "g", Type: devlink.TrapType(c.rng.IntN(3))})
			c.tried(err)
		case 6:
			c.tried(l.RemoveTraps(name))
		case 7:
			c.tried(l.AddResource(devlink.ResourceConfig{ID: id, Parent: uint64(c.rng.IntN(int(id))), Name: "r", Size: 10, Port: port, OnPort: true}))
		case 8:
			c.tried(l.AddResource(devlink.ResourceConfig{ID: id, Parent: uint64(c.rng.IntN(int(id))), Name: "r", Size: 10}))
		case 9:
			c.tried(l.RemoveResource(devlink.Key{ID: id}))
		case 10:
			c.tried(l.AddParam(devlink.ParamConfig{Name: "p", Type: devlink.ParamUint32, Modes: devlink.ParamDriverInit}))
		case 11:
			c.tried(l.SetDriverInit(devlink.Key{Name: "p"}, devlink.Uint32Value(c.rng.Uint32N(9))))
		case 12, 13:
			c.regions(l, port)
		case 14:
			c.reporters(l)
		case 15:
			_, err := l.AddPortReporter(port, devlink.ReporterConfig{Name: "h"})
			c.tried(err)
		case 16:
			c.nest(l, port)
		default:
			c.tried(l.UpdatePort(port, func(p *devlink.PortInfo) { p.Lanes = uint32(id) }))
		}
	}
}

func (c *card) regions(l *devlink.Locked, port uint32) {
	cfg := devlink.RegionConfig{
		Name: "r", Size: 4, MaxSnapshots: 3,
		Snapshot: func(ctx context.Context, l *devlink.Locked) ([]byte, error) {
			defer c.enter(ctx, l)()
			if c.fault&refuses != 0 {
				return nil, errCard
			}
			return make([]byte, 4), nil
		},
	}
	switch c.rng.IntN(3) {
	case 0:
		_, err := l.AddPortRegion(port, cfg)
		c.tried(err)
	case 1:
		if c.region != nil {
			c.tried(l.RemoveRegion(c.region))
		}
		var err error
		c.region, err = l.AddRegion(cfg)
		c.tried(err)
	default:
		c.post()
	}
}

// reporters has one health reporter at a time.
func (c *card) reporters(l *devlink.Locked) {
	if c.health != nil && c.rng.IntN(2) == 0 {
		c.tried(l.RemoveReporter(c.health))
	}
	h, err := l.AddReporter(devlink.ReporterConfig{
		Name: "h",
		Recover: func(ctx context.Context, l *devlink.Locked, _ any) error {
			defer c.enter(ctx, l)()
			if c.fault&(refuses|stays) != 0 {
				return errCard
			}
			return nil
		},
	})
	c.tried(err)
	if err == nil {
		c.health = h
	}
}

// post is what drivers tell from anywhere.
func (c *card) post() {
	switch c.rng.IntN(3) {
	case 0:
		if c.region != nil {
			id := c.inst.TakeSnapshotID()
			c.tried(c.region.AddSnapshot(id, make([]byte, 4)))
			c.tried(c.inst.ReleaseSnapshotID(id))
		}
	case 1:
		if c.health != nil {
			c.r.open = append(c.r.open, pending{"report", c.health.SubmitReport("bad", nil)})
		}
	default:
		c.tried(c.inst.RemoteReloaded(devlink.LimitUnspec, devlink.ActionsOf(devlink.ActionDriverReinit)))
	}
}

// nest makes another card part of this one.
func (c *card) nest(l *devlink.Locked, port uint32) {
	other := c.r.cards[c.rng.IntN(len(c.r.cards))]
	if other.slot <= c.slot {
		return // the higher ones are part of the lower ones
	}
	if c.rng.IntN(2) == 0 {
		c.tried(l.Nest(other.inst))
	} else {
		c.tried(l.NestInPort(port, other.inst))
	}
}

// late uses a token after its callback.
func (c *card) late() {
	if c.dead == nil {
		return
	}
	for _, err := range []error{c.dead.AddPort(devlink.PortInfo{Index: 99}), c.dead.RemovePort(0), c.dead.RemoveTraps("t0")} {
		if !errors.Is(err, switchdev.ErrClosed) {
			c.r.wrong(invToken, "%v: %v", c.inst.Handle(), err)
		}
	}
}
