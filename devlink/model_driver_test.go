package devlink_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

var errChip = errors.New("the chip does not want to")

const vetoed = 13 // a value that Validate refuses

func chipCaps() devlink.ReloadCapabilities {
	return devlink.ReloadCapabilities{
		Actions: devlink.ActionsOf(devlink.ActionDriverReinit, devlink.ActionFWActivate),
		Limits:  devlink.LimitsOf(devlink.LimitNoReset),
	}
}

// chip is a driver that does what was planned.
type chip struct {
	w       *world
	i       *devlink.Instance
	reloads bool // so that it is a reloadingChip
	// restarts: another namespace needs a restart.
	restarts bool

	// what the model knows, too
	refuse, mute bool
	plan         plan
	auxPlan      map[string]auxPlan

	regions   map[devlink.Key]*devlink.Region
	reporters map[devlink.Key]*devlink.Reporter
	hw        map[devlink.Key]uint32
	dead      *devlink.Locked // the token of the last callback
}

type auxPlan struct {
	probe, remove []act
	fails         bool
}

func newChip(w *world, reloads, restarts bool) *chip {
	return &chip{
		w: w, reloads: reloads, restarts: restarts, auxPlan: make(map[string]auxPlan),
		regions: make(map[devlink.Key]*devlink.Region), reporters: make(map[devlink.Key]*devlink.Reporter),
		hw: make(map[devlink.Key]uint32),
	}
}

// driver is the chip with its abilities.
func (c *chip) driver() switchdev.Driver {
	if c.reloads {
		return reloadingChip{c}
	}
	return c
}

func (c *chip) Name() string { return "chip" }
func (c *chip) Close() error { return nil }

// act does what a callback is to do, and notes what came of it.
func (c *chip) act(ctx context.Context, l *devlink.Locked, acts []act) {
	c.dead = l
	for _, a := range acts {
		c.w.results = append(c.w.results, c.do(ctx, l, a))
	}
}

func (c *chip) err() error {
	if c.refuse {
		return errChip
	}
	return nil
}

func (c *chip) SetTrapAction(context.Context, *devlink.Locked, *devlink.TrapInfo, devlink.TrapAction) error {
	return c.err()
}

func (c *chip) SetGroupPolicer(context.Context, *devlink.Locked, *devlink.GroupInfo, *devlink.PolicerInfo) error {
	return c.err()
}

func (c *chip) SetPolicer(context.Context, *devlink.Locked, *devlink.PolicerInfo, uint64, uint64) error {
	return c.err()
}

func (c *chip) SplitPort(_ context.Context, l *devlink.Locked, port, count uint32) error {
	if c.refuse {
		return errChip
	}
	err := l.RemovePort(port)
	for n := range count {
		err = errors.Join(err, l.AddPort(part(port, count, n)))
	}
	return err
}

// part is a port that another one was split into.
func part(port, count, n uint32) devlink.PortInfo {
	return devlink.PortInfo{Index: 100 + port*8 + n, Number: port, Lanes: 8 / count, Subport: n, Split: true, Flavour: devlink.FlavourPhysical}
}

func (c *chip) UnsplitPort(_ context.Context, l *devlink.Locked, port uint32) error {
	whole := (port - 100) / 8
	if port < 100 || c.refuse {
		return errChip
	}
	for n := range uint32(8) {
		_ = l.RemovePort(100 + whole*8 + n)
	}
	return l.AddPort(*newPort(whole, 8))
}

func (c *chip) NewPort(_ context.Context, l *devlink.Locked, r devlink.PortRequest) (uint32, error) {
	if c.refuse {
		return 0, errChip
	}
	return *r.Index, l.AddPort(*newPort(*r.Index, 1))
}

func (c *chip) DeletePort(_ context.Context, l *devlink.Locked, port uint32) error {
	if c.refuse {
		return errChip
	}
	return l.RemovePort(port)
}

type reloadingChip struct{ *chip }

func (c reloadingChip) Reloads() devlink.ReloadCapabilities { return chipCaps() }
func (c reloadingChip) RestartsToMove() bool                { return c.restarts }

func (c reloadingChip) CheckReload(context.Context, *devlink.Locked, devlink.Reload) error {
	if c.plan.unwilling {
		return errChip
	}
	return nil
}

func (c reloadingChip) ReloadDown(ctx context.Context, l *devlink.Locked, _ devlink.Reload) error {
	c.act(ctx, l, c.plan.down)
	switch c.plan.downHow {
	case refuses:
		return errChip
	case tornDown:
		return devlink.TornDown(errChip)
	case panics:
		panic("down")
	}
	return nil
}

func (c reloadingChip) ReloadUp(ctx context.Context, l *devlink.Locked, r devlink.Reload) (devlink.ReloadActions, error) {
	c.act(ctx, l, c.plan.up)
	switch c.plan.upHow {
	case well:
		return devlink.ActionsOf(r.Action), nil
	case short:
		return 0, nil
	case panics:
		panic("up")
	}
	return 0, errChip
}

func (c reloadingChip) Remove(ctx context.Context, l *devlink.Locked, _ bool) error {
	c.act(ctx, l, c.plan.remove)
	return nil
}

// auxChip is an auxiliary driver. Each listens to the whole registry while it is probed.
type auxChip struct {
	c    *chip
	name string
	ear  *devlink.Notifier
}

func (a *auxChip) Name() string { return a.name }

func (a *auxChip) Probe(ctx context.Context, l *devlink.Locked) error {
	p := a.c.auxPlan[a.name]
	a.c.act(ctx, l, p.probe)
	if p.fails {
		return errChip
	}
	o := devlink.NotifyOptions{SubscribeOptions: devlink.SubscribeOptions{AllNamespaces: true, Replay: true}}
	var err error
	a.ear, err = a.c.w.reg.Notify(o, a.c.w.newEar(o.SubscribeOptions))
	return err
}

func (a *auxChip) Remove(ctx context.Context, l *devlink.Locked) {
	a.c.act(ctx, l, a.c.auxPlan[a.name].remove)
	if err := a.ear.Close(ctx); err != nil {
		a.c.w.fail("a notifier closed from a callback: %v", err)
	}
}

func (c *chip) region(k devlink.Key) devlink.RegionConfig {
	return devlink.RegionConfig{
		Name: k.Name, Size: regionSize, MaxSnapshots: 3,
		Snapshot: func(context.Context, *devlink.Locked) ([]byte, error) {
			if c.refuse {
				return nil, errChip
			}
			return make([]byte, regionSize), nil
		},
	}
}

const regionSize = 300

func (c *chip) reporter(k devlink.Key, grace time.Duration) devlink.ReporterConfig {
	return devlink.ReporterConfig{
		Name: k.Name, Grace: grace,
		Recover: func(context.Context, *devlink.Locked, any) error { return c.err() },
		Dump: func(_ context.Context, _ *devlink.Locked, m *devlink.Message, _ any) error {
			m.PutBoolPair("bad", true)
			return c.err()
		},
	}
}

func (c *chip) param(k devlink.Key, modes devlink.ParamMode) devlink.ParamConfig {
	p := devlink.ParamConfig{
		Port: k.Port, OnPort: k.OnPort, Name: k.Name, Type: devlink.ParamUint32, Modes: modes,
		Validate: func(_ context.Context, _ *devlink.Locked, v devlink.ParamValue) error {
			if v.Uint() == vetoed {
				return &switchdev.OpError{Reason: "unlucky", Err: switchdev.ErrInvalid}
			}
			return nil
		},
	}
	if slices.Contains(modes.Each(), devlink.ParamRuntime) {
		p.Get = func(context.Context, *devlink.Locked, devlink.ParamMode) (devlink.ParamValue, error) {
			if c.mute {
				return devlink.ParamValue{}, errChip
			}
			return devlink.Uint32Value(c.hw[k]), nil
		}
		p.Set = func(_ context.Context, _ *devlink.Locked, _ devlink.ParamMode, v devlink.ParamValue) error {
			if c.refuse {
				return errChip
			}
			c.hw[k] = uint32(v.Uint())
			return nil
		}
	}
	return p
}
