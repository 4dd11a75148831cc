package devlink_test

import (
	"slices"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// how a callback ends.
type how uint8

const (
	well how = iota
	refuses
	tornDown
	panics
	short // it says that it went well, without what was asked for
)

// plan is what a chip does when it is reloaded or removed. It is made before, for the
// chip and for the model.
type plan struct {
	unwilling        bool // CheckReload refuses
	down, up, remove []act
	downHow, upHow   how
}

// reload is what a user asks for.
func (x *modelInstance) reload(q devlink.ReloadRequest) error {
	r := devlink.Reload{Action: q.Action, Namespace: x.home}
	if r.Action == devlink.ActionUnspec {
		r.Action = devlink.ActionDriverReinit
	}
	limits := 0
	for l := range devlink.ReloadLimit(8) {
		if q.Limits.Has(l) {
			limits++
			r.Limit = l
		}
	}
	caps := x.info.Reloads
	switch {
	case !x.state.Visible():
		return switchdev.ErrNoDevice
	case !x.resourcesFit():
		return switchdev.ErrInvalid
	case !caps.Actions.Has(r.Action):
		return switchdev.ErrUnsupported
	case limits == 0 && q.LimitsGiven:
		return switchdev.ErrInvalid
	case limits > 1, limits == 1 && !caps.Limits.Has(r.Limit):
		return switchdev.ErrUnsupported
	case r.Limit == devlink.LimitNoReset && r.Action == devlink.ActionDriverReinit:
		return switchdev.ErrInvalid
	case len(q.To) > 1:
		return switchdev.ErrInvalid
	case len(q.To) == 1 && q.To[0] != x.home && !x.m.namespaces[q.To[0]]:
		return switchdev.ErrInvalid
	case len(q.To) == 1 && q.Allowed != nil && !q.Allowed(q.To[0]):
		return switchdev.ErrPermission
	case len(q.To) == 1 && q.To[0] != x.home && r.Action != devlink.ActionDriverReinit:
		return switchdev.ErrUnsupported
	}
	if len(q.To) == 1 {
		r.Namespace = q.To[0]
	}
	return x.restart(r)
}

func (x *modelInstance) progress() {
	x.tell(devlink.Status, &devlink.ReloadProgress{}, devlink.Silent)
}

// restart is a reload that is carried out.
func (x *modelInstance) restart(r devlink.Reload) error {
	p := x.chip.plan
	var wrong error // the first of what went wrong without making the reload go wrong
	note := func(err error) {
		if wrong == nil {
			wrong = err
		}
	}
	already := x.state == devlink.Failed && x.down
	before := x.state
	if x.state = devlink.GoingDown; already {
		x.state = devlink.Between
	}
	x.meddled = false
	x.progress()
	if !already {
		if p.unwilling {
			return x.refused(r, before)
		}
		if r.Limit != devlink.LimitNoReset {
			x.removeAll()
		}
		x.call(p.down)
		switch p.downHow {
		case refuses:
			_ = x.probeAll()
			return x.refused(r, before)
		case tornDown:
			x.removeAll() // those that no_reset has left
			return x.failed(errChip, func(devlink.Object) bool { return true }, nil)
		case panics:
			x.removeAll()
			return x.failed(switchdev.ErrOutcomeUnknown, func(devlink.Object) bool { return true }, nil)
		}
		x.state = devlink.Between
	}
	var saved [2][]devlink.Object
	if r.Action == devlink.ActionDriverReinit {
		x.sweep(func(devlink.Object) bool { return true })
		saved = [2][]devlink.Object{x.objs[devlink.KindParam], x.objs[devlink.KindResource]}
		for _, o := range saved[0] {
			x.setting(o.(*devlink.ParamInfo), devlink.ParamDriverInit, devlink.Silent, func(s *devlink.ParamSetting) {
				if s.Pending() {
					s.Current = s.Value
				}
			})
		}
	}
	kept := x.objs
	if r.Namespace != x.home && !x.m.namespaces[r.Namespace] {
		r.Namespace = ""
	}
	if r.Namespace != x.home {
		x.rebind(r.Namespace, nil)
	}
	x.state = devlink.ComingUp
	x.call(p.up)
	if p.upHow != well && p.upHow != short {
		err := errChip
		if p.upHow == panics {
			err = switchdev.ErrOutcomeUnknown
		}
		x.removeAll()
		return x.failed(err, func(o devlink.Object) bool {
			return slices.ContainsFunc(kept[o.Kind()], func(p devlink.Object) bool { return p.Key() == o.Key() })
		}, &saved)
	}
	if r.Limit != devlink.LimitNoReset {
		note(x.probeAll())
	}
	if p.upHow == short || x.meddled {
		note(devlink.ErrContract)
	}
	x.state, x.down = devlink.Registered, false
	if x.info.ReloadFailed {
		x.info.ReloadFailed = false
		info := x.info
		x.tell(devlink.Changed, &info, 0)
	}
	if p.upHow == well {
		x.info.Local[r.Limit][r.Action]++
	}
	info := x.info
	x.tell(devlink.Changed, &info, 0)
	x.progress()
	return wrong
}

// refused is the end of a reload that the driver does not want.
func (x *modelInstance) refused(r devlink.Reload, before devlink.State) error {
	if r.Forced {
		x.rebind(r.Namespace, func() { x.state, x.info.ReloadFailed = devlink.Failed, true })
	} else {
		x.state = before
	}
	x.progress()
	return errChip
}

// failed is the end of a reload after which the driver is down.
func (x *modelInstance) failed(err error, stays func(devlink.Object) bool, saved *[2][]devlink.Object) error {
	if saved != nil {
		x.restore(saved)
	}
	x.sweep(stays)
	x.state, x.down = devlink.Failed, true
	if !x.info.ReloadFailed {
		x.info.ReloadFailed = true
		info := x.info
		x.tell(devlink.Changed, &info, 0)
	}
	x.progress()
	return err
}

// restore has parameters wait for the next reload again, and gives resources the sizes
// that they had.
func (x *modelInstance) restore(saved *[2][]devlink.Object) {
	for _, o := range saved[0] {
		was := o.(*devlink.ParamInfo)
		before, _ := was.Setting(devlink.ParamDriverInit)
		if now := x.param(was.Key()); now != nil && before.Pending() {
			more := devlink.Marks(0)
			if s, _ := now.Setting(devlink.ParamDriverInit); s.Value == before.Value {
				more = devlink.Silent
			}
			x.setting(now, devlink.ParamDriverInit, more, func(s *devlink.ParamSetting) {
				s.Value, s.Current = before.Value, before.Current
			})
		}
	}
	for _, o := range saved[1] {
		was := o.(*devlink.ResourceInfo)
		if now := x.resource(was.Key()); now != nil && now.SizeNew == was.SizeNew {
			c := *now
			c.Size = was.Size
			x.change(devlink.Changed, &c, devlink.Silent)
		}
	}
}

// probeAll probes the auxiliary drivers that are not, and returns the first error.
func (x *modelInstance) probeAll() (first error) {
	for _, a := range x.aux {
		if err := x.probe(a); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (x *modelInstance) probe(a *modelAux) error {
	if a.probed {
		return nil
	}
	p := x.chip.auxPlan[a.name]
	x.call(p.probe)
	if p.fails {
		return errChip
	}
	a.probed = true
	return nil
}

func (x *modelInstance) removeAll() {
	for _, a := range slices.Backward(x.aux) {
		if a.probed {
			a.probed = false
			x.call(x.chip.auxPlan[a.name].remove)
		}
	}
}
