package devlink

import (
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// SetParam sets a parameter in one mode. With ParamDriverInit the value waits for the
// next reload, and is shown from now on; with other modes the driver sets it. Where
// nothing is otherwise afterwards nobody is told. It works also while the instance is
// Failed. The errors match ErrInvalid if there is no such parameter, the value is of
// another type or a string too long, ErrUnsupported if it has not that mode; else they
// are the driver's. Linux: devlink_nl_param_set_doit (net/devlink/param.c).
func (i *Instance) SetParam(ctx context.Context, k Key, m ParamMode, v ParamValue) error {
	return i.SubmitSetParam(k, m, v).Wait(ctx)
}

// SubmitSetParam is SetParam without the wait. It never blocks.
func (i *Instance) SubmitSetParam(k Key, m ParamMode, v ParamValue) *Ticket {
	const what = "devlink.param.set"
	return i.submitParam(what, k, func(ctx context.Context, l *Locked, p *ParamInfo) error {
		name := paramObject(k)
		if v.typ != p.Type || v.check() != "" {
			return i.refuse(what, name, v.check(), switchdev.ErrInvalid)
		}
		if validate := p.def.Validate; validate != nil {
			if err := validate(ctx, l, v); err != nil {
				return i.driverError(what, name, err)
			}
		}
		switch _, err := i.setting(what, p, m); {
		case err != nil:
			return err
		case m == ParamDriverInit:
			return l.changeSetting(what, k, func(s *ParamSetting) { s.Value = v })
		}
		if err := p.def.Set(ctx, l, m, v); err != nil {
			return i.driverError(what, name, err)
		}
		return l.reread(what, k)
	})
}

// submitParam submits a command on a parameter.
func (i *Instance) submitParam(what string, k Key, f func(ctx context.Context, l *Locked, p *ParamInfo) error) *Ticket {
	return i.submit(what, func(o *op) error {
		if err := i.usable(what, true); err != nil {
			return err
		}
		p, err := i.param(what, k)
		if err != nil {
			return err
		}
		return o.call(func(ctx context.Context, l *Locked) error { return f(ctx, l, p) })
	})
}

// setting returns a parameter in a mode that a user has named.
func (i *Instance) setting(what string, p *ParamInfo, m ParamMode) (ParamSetting, error) {
	s, ok := p.Setting(m)
	switch {
	case m == 0 || m&^paramModes != 0 || m&(m-1) != 0:
		return s, i.refuse(what, paramObject(p.Key()), "", switchdev.ErrInvalid)
	case !ok:
		return s, i.refuse(what, paramObject(p.Key()), "", switchdev.ErrUnsupported)
	}
	return s, nil
}

// ResetParam sets a parameter in one mode to its default. With ParamDriverInit that is
// the value that the driver began with. The errors match ErrInvalid if there is no such
// parameter, ErrUnsupported if it has not that mode or no default there; else they are
// the driver's. Linux: DEVLINK_ATTR_PARAM_RESET_DEFAULT.
func (i *Instance) ResetParam(ctx context.Context, k Key, m ParamMode) error {
	return i.SubmitResetParam(k, m).Wait(ctx)
}

// SubmitResetParam is ResetParam without the wait. It never blocks.
func (i *Instance) SubmitResetParam(k Key, m ParamMode) *Ticket {
	const what = "devlink.param.reset"
	return i.submitParam(what, k, func(ctx context.Context, l *Locked, p *ParamInfo) error {
		s, err := i.setting(what, p, m)
		switch {
		case err != nil:
			return err
		case m == ParamDriverInit && s.Default.typ != 0:
			return l.changeSetting(what, k, func(s *ParamSetting) { s.Value = s.Default })
		case m == ParamDriverInit || p.def.ResetDefault == nil:
			return i.refuse(what, paramObject(k), "", switchdev.ErrUnsupported)
		}
		if err := p.def.ResetDefault(ctx, l, m); err != nil {
			return i.driverError(what, paramObject(k), err)
		}
		return l.reread(what, k)
	})
}

// RefreshParam has the driver say the values of a parameter anew; after it they can be
// seen. It is for those that a device changes by itself. ErrInvalid if there is no such
// parameter. Ours: Linux asks the driver whenever somebody reads a parameter.
func (i *Instance) RefreshParam(ctx context.Context, k Key) error {
	return i.SubmitRefreshParam(k).Wait(ctx)
}

// SubmitRefreshParam is RefreshParam without the wait. It never blocks.
func (i *Instance) SubmitRefreshParam(k Key) *Ticket {
	const what = "devlink.param.refresh"
	return i.submitParam(what, k, func(_ context.Context, l *Locked, p *ParamInfo) error { return l.reread(what, k) })
}

// ParamChanged is for the driver to say that values have changed in the device: they
// are read, and if they are otherwise that is told. ErrInvalid if there is no such
// parameter. Linux: devl_param_value_changed.
func (l *Locked) ParamChanged(k Key) error { return l.reread("devlink.param.changed", k) }

func (l *Locked) reread(what string, k Key) error {
	return l.changeParam(what, k, l.read)
}

// changeSetting changes a parameter with respect to the mode ParamDriverInit.
func (l *Locked) changeSetting(what string, k Key, change func(s *ParamSetting)) error {
	return l.changeParam(what, k, func(p *ParamInfo) *ParamInfo {
		s, _ := p.Setting(ParamDriverInit)
		change(&s)
		return p.with(s)
	})
}

// changeParam puts another parameter in the place of one, and tells of it if it is
// otherwise. change is called with no lock held, and anew if the parameter has become
// another one meanwhile.
func (l *Locked) changeParam(what string, k Key, change func(p *ParamInfo) *ParamInfo) error {
	for {
		if err := l.live(what); err != nil {
			return err
		}
		was, err := l.inst.param(what, k)
		if err != nil {
			return err
		}
		n, current := change(was), false
		err = l.tell(what, func() ([]Event, error) {
			if current = l.inst.objs.get(KindParam, k) == Object(was); !current {
				return nil, nil
			}
			return l.inst.replaceParam(was, n, 0), nil
		})
		if current || err != nil {
			return err
		}
	}
}

// replaceParam puts a parameter in the place of what it was, and returns what is to be
// told. The caller holds mu.
func (i *Instance) replaceParam(was, p *ParamInfo, more Marks) []Event {
	if slices.Equal(was.Values, p.Values) {
		return nil
	}
	i.objs.put(p)
	return []Event{{Verb: Changed, Object: p, Marks: p.marks() | more}}
}

// DriverInit returns the value that the driver is to work with, for its begin and its
// ReloadUp: what users have set since the last reload is in it only after the next one
// has begun. The errors match ErrInvalid if there is no such parameter, ErrUnsupported
// if it has not the mode ParamDriverInit or nobody has ever given it a value. Linux:
// devl_param_driverinit_value_get (net/devlink/param.c).
func (l *Locked) DriverInit(k Key) (ParamValue, error) {
	const what = "devlink.param.driverinit"
	if err := l.live(what); err != nil {
		return ParamValue{}, err
	}
	p, err := l.inst.param(what, k)
	if err != nil {
		return ParamValue{}, err
	}
	s, err := l.inst.setting(what, p, ParamDriverInit)
	if err == nil && s.Current.typ == 0 {
		err = l.refuse(what, paramObject(k), "it has no value yet", switchdev.ErrUnsupported)
	}
	return s.Current, err
}

// SetDriverInit is for the driver to say what it works with, first of all with what it
// begins; that becomes the default. A value that waits for a reload stays as it is.
// The errors match ErrInvalid if there is no such parameter or the value is of another
// type, ErrUnsupported if it has not the mode ParamDriverInit. Linux:
// devl_param_driverinit_value_set.
func (l *Locked) SetDriverInit(k Key, v ParamValue) error {
	const what = "devlink.param.driverinit"
	p, err := l.inst.param(what, k)
	if err != nil {
		return err
	}
	switch _, err := l.inst.setting(what, p, ParamDriverInit); {
	case err != nil:
		return err
	case v.typ != p.Type:
		return l.refuse(what, paramObject(k), "a value of another type", switchdev.ErrInvalid)
	case v.check() != "":
		return l.refuse(what, paramObject(k), v.check(), switchdev.ErrInvalid)
	}
	return l.changeSetting(what, k, func(s *ParamSetting) {
		if !s.Pending() {
			s.Value = v
		}
		s.Current, s.Default = v, v
	})
}

// promoteParams gives the driver the values that wait for a reload. It is called between
// ReloadDown and ReloadUp; what it returns takes that back, so that they wait again.
// Linux: devlink_params_driverinit_load_new, which tells nobody.
func (i *Instance) promoteParams() (undo func()) {
	promoted := make(map[*ParamConfig]ParamSetting)
	i.eachParam(func(p *ParamInfo, s ParamSetting) ParamSetting {
		if s.Pending() {
			promoted[p.def] = s
			s.Current = s.Value
		}
		return s
	})
	return func() {
		i.eachParam(func(p *ParamInfo, s ParamSetting) ParamSetting {
			if was, ok := promoted[p.def]; ok {
				s.Value, s.Current = was.Value, was.Current
			}
			return s
		})
	}
}

// eachParam changes parameters with respect to the mode ParamDriverInit. Linux shows
// nothing of Current, and so tells nobody of that.
func (i *Instance) eachParam(change func(p *ParamInfo, s ParamSetting) ParamSetting) {
	i.tell(func() (events []Event) {
		for _, o := range slices.Clone(i.objs[KindParam]) {
			p, ok := o.(*ParamInfo)
			if !ok || !p.Modes.Has(ParamDriverInit) {
				continue
			}
			was, _ := p.Setting(ParamDriverInit)
			s, more := change(p, was), Marks(0)
			if s.Value == was.Value {
				more = Silent
			}
			events = append(events, i.replaceParam(p, p.with(s), more)...)
		}
		return events
	})
}
