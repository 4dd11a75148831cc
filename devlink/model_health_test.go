package devlink_test

import (
	"slices"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// usable is what commands that need the driver answer of an instance.
func (x *modelInstance) usable() error {
	switch {
	case !x.state.Visible():
		return switchdev.ErrNoDevice
	case x.state == devlink.Failed:
		return devlink.ErrReloadFailed
	}
	return nil
}

func (x *modelInstance) reporter(k devlink.Key) *devlink.ReporterInfo {
	r, _ := x.find(devlink.KindReporter, k).(*devlink.ReporterInfo)
	return r
}

func (x *modelInstance) addReporter(k devlink.Key, grace time.Duration) error {
	switch {
	case !x.hasPort(k):
		return switchdev.ErrNoDevice
	case x.reporter(k) != nil:
		return switchdev.ErrExist
	}
	x.health[k] = &modelHealth{}
	x.add(&devlink.ReporterInfo{
		Name: k.Name, Port: k.Port, OnPort: k.OnPort, Grace: grace, AutoRecover: true, AutoDump: true,
		Abilities: devlink.ReporterAbilities{Recover: true, Dump: true},
	}, devlink.Silent)
	return nil
}

// report is an error, and what follows from it.
func (x *modelInstance) report(k devlink.Key, message string) error {
	r := x.reporter(k)
	if r == nil {
		return switchdev.ErrNotExist
	}
	h, was := x.health[k], r.State
	c := *r
	c.State, c.LastError, c.Errors = devlink.InError, message, c.Errors+1
	x.change(devlink.Status, &c, 0)
	recently := h.recovered && x.m.now.Sub(h.recoveredAt) < c.Burst+c.Grace && x.m.now.Sub(h.recoveredAt) >= c.Burst
	switch {
	case c.AutoRecover && (was != devlink.Healthy || recently):
		return devlink.ErrNotRecovered
	case !c.AutoRecover && (!c.AutoDump || h.dump):
		return nil
	}
	if c.AutoDump {
		_ = x.dump(k)
	}
	switch {
	case !c.AutoRecover:
		return nil
	case x.state == devlink.Failed:
		return devlink.ErrReloadFailed
	}
	return x.recover(k)
}

func (x *modelInstance) dump(k devlink.Key) error {
	h := x.health[k]
	if h.dump {
		return nil
	}
	if x.chip.refuse {
		return errChip
	}
	c := *x.reporter(k)
	h.dump, c.DumpTime = true, x.m.now
	x.change(devlink.Changed, &c, devlink.Silent)
	return nil
}

func (x *modelInstance) clearDump(k devlink.Key) {
	h, c := x.health[k], *x.reporter(k)
	h.dump, c.DumpTime = false, time.Time{}
	x.change(devlink.Changed, &c, devlink.Silent)
}

func (x *modelInstance) recover(k devlink.Key) error {
	r := x.reporter(k)
	switch {
	case r.State == devlink.Healthy:
		return nil
	case x.chip.refuse:
		return errChip
	}
	h, c := x.health[k], *r
	if !h.recovered || x.m.now.Sub(h.recoveredAt) >= c.Burst {
		h.recovered, h.recoveredAt = true, x.m.now
	}
	c.Recoveries++
	c.State = devlink.Healthy
	x.change(devlink.Status, &c, 0)
	return nil
}

func (x *modelInstance) setState(k devlink.Key, s devlink.HealthState) error {
	r := x.reporter(k)
	if r == nil {
		return switchdev.ErrNotExist
	}
	if r.State != s {
		c := *r
		c.State = s
		x.change(devlink.Status, &c, 0)
	}
	return nil
}

// ofReporter is what users' commands on a reporter begin with.
func (x *modelInstance) ofReporter(k devlink.Key, alsoFailed bool) error {
	err := x.usable()
	switch {
	case err != nil && (err != devlink.ErrReloadFailed || !alsoFailed):
		return err
	case !x.hasPort(k):
		return switchdev.ErrNoDevice
	case x.reporter(k) == nil:
		return switchdev.ErrInvalid
	}
	return nil
}

func (x *modelInstance) policer(id uint32) *devlink.PolicerInfo {
	p, _ := x.find(devlink.KindPolicer, devlink.Key{ID: uint64(id)}).(*devlink.PolicerInfo)
	return p
}

func (x *modelInstance) group(name string) *devlink.GroupInfo {
	g, _ := x.find(devlink.KindGroup, devlink.Key{Name: name}).(*devlink.GroupInfo)
	return g
}

func (x *modelInstance) trap(name string) *devlink.TrapInfo {
	t, _ := x.find(devlink.KindTrap, devlink.Key{Name: name}).(*devlink.TrapInfo)
	return t
}

func newPolicer(id uint32) devlink.PolicerInfo {
	return devlink.PolicerInfo{ID: id, Rate: 100, Burst: 16, MinRate: 1, MaxRate: 8000, MinBurst: 8, MaxBurst: 65536}
}

func (x *modelInstance) removePolicer(id uint32) error {
	p := x.policer(id)
	switch {
	case p == nil:
		return switchdev.ErrNotExist
	case slices.ContainsFunc(x.objs[devlink.KindGroup], func(o devlink.Object) bool { return o.(*devlink.GroupInfo).Policer == id }):
		return switchdev.ErrBusy
	}
	x.take(p, 0)
	return nil
}

func (x *modelInstance) removeGroup(name string) error {
	g := x.group(name)
	switch {
	case g == nil:
		return switchdev.ErrNotExist
	case slices.ContainsFunc(x.objs[devlink.KindTrap], func(o devlink.Object) bool { return o.(*devlink.TrapInfo).Group == name }):
		return switchdev.ErrBusy
	}
	x.take(g, 0)
	return nil
}

func (x *modelInstance) removeTrap(name string) error {
	t := x.trap(name)
	if t == nil {
		return switchdev.ErrNotExist
	}
	x.setAction(t, devlink.ActionDrop)
	x.take(x.trap(name), 0)
	return nil
}

func (x *modelInstance) setAction(t *devlink.TrapInfo, a devlink.TrapAction) {
	c := *t
	c.Action = a
	x.change(devlink.Changed, &c, devlink.Silent)
}

func (x *modelInstance) setTrap(t *devlink.TrapInfo, a devlink.TrapAction) error {
	switch {
	case t.Action != a && t.Type != devlink.TrapDrop:
		return nil // a warning
	case x.chip.refuse:
		return errChip
	}
	x.setAction(t, a)
	return nil
}

func (x *modelInstance) userTrap(name string, a devlink.TrapAction) error {
	err := x.usable()
	switch {
	case err != nil:
		return err
	case len(x.objs[devlink.KindTrap]) == 0:
		return switchdev.ErrUnsupported
	case x.trap(name) == nil:
		return switchdev.ErrNotExist
	case a > devlink.ActionMirror:
		return switchdev.ErrInvalid
	}
	return x.setTrap(x.trap(name), a)
}

func (x *modelInstance) userGroup(name string, a *devlink.TrapAction, policer *uint32) error {
	err := x.usable()
	switch {
	case err != nil:
		return err
	case len(x.objs[devlink.KindGroup]) == 0:
		return switchdev.ErrUnsupported
	case x.group(name) == nil:
		return switchdev.ErrNotExist
	}
	if a != nil {
		for _, o := range slices.Clone(x.objs[devlink.KindTrap]) {
			if t := o.(*devlink.TrapInfo); t.Group == name {
				if err := x.setTrap(t, *a); err != nil {
					return err
				}
			}
		}
	}
	switch {
	case policer == nil:
		return nil
	case *policer != 0 && x.policer(*policer) == nil:
		return switchdev.ErrNotExist
	case x.chip.refuse:
		return errChip
	}
	c := *x.group(name)
	c.Policer = *policer
	x.change(devlink.Changed, &c, devlink.Silent)
	return nil
}

func (x *modelInstance) userPolicer(id uint32, rate uint64) error {
	err, p := x.usable(), x.policer(id)
	switch {
	case err != nil:
		return err
	case len(x.objs[devlink.KindPolicer]) == 0:
		return switchdev.ErrUnsupported
	case p == nil:
		return switchdev.ErrNotExist
	case rate < p.MinRate || rate > p.MaxRate:
		return switchdev.ErrInvalid
	case x.chip.refuse:
		return errChip
	}
	c := *p
	c.Rate = rate
	x.change(devlink.Changed, &c, devlink.Silent)
	return nil
}
