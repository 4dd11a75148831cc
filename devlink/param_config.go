package devlink

import (
	"context"
	"errors"
	"fmt"

	"github.com/switchcore/switchcore/switchdev"
)

// ParamConfig describes a parameter. The functions are called with the instance to
// themselves. Linux: struct devlink_param (include/net/devlink.h).
type ParamConfig struct {
	// Port, OnPort, Name, Generic, Type and Modes are those of [ParamInfo]. A generic
	// parameter has a name that Linux knows as such, and the type that goes with it;
	// another one has not.
	Port    uint32
	OnPort  bool
	Name    string
	Generic bool
	Type    ParamType
	Modes   ParamMode

	// ParamOps reads and writes. It is empty where ParamDriverInit is the only mode, and
	// has Get and Set else.
	ParamOps

	// Validate refuses values for any mode, such as numbers out of range; nil refuses
	// none. The error, which should be an OpError with a Reason, is the user's.
	Validate func(ctx context.Context, l *Locked, v ParamValue) error
}

// ParamOps reads and writes the values of a parameter in the device. The mode is never
// ParamDriverInit.
type ParamOps struct {
	Get func(ctx context.Context, l *Locked, m ParamMode) (ParamValue, error)
	Set func(ctx context.Context, l *Locked, m ParamMode, v ParamValue) error
	// GetDefault returns what ResetDefault resets to. Either may be nil.
	GetDefault   func(ctx context.Context, l *Locked, m ParamMode) (ParamValue, error)
	ResetDefault func(ctx context.Context, l *Locked, m ParamMode) error
}

func (c *ParamConfig) key() Key { return Key{Port: c.Port, OnPort: c.OnPort, Name: c.Name} }

// check says what is wrong with a parameter. Linux: devlink_param_verify and
// devlink_param_register (net/devlink/param.c), which mostly warn.
func (c *ParamConfig) check() (reason string, err error) {
	bad := switchdev.ErrInvalid
	switch {
	case !validName(c.Name):
		return "bad name", bad
	case c.Port != 0 && !c.OnPort:
		return "port without OnPort", bad
	case c.Type == 0 || c.Type > ParamBool:
		return "no such type", bad
	case c.Modes == 0 || c.Modes&^paramModes != 0:
		return "no such mode", bad
	case c.Modes == ParamDriverInit && (c.Get != nil || c.Set != nil):
		return "nobody calls Get and Set", bad
	case c.Modes != ParamDriverInit && (c.Get == nil || c.Set == nil):
		return "Get and Set are needed", bad
	}
	switch t, known := generic(c.Name); {
	case c.Generic && !known:
		return "no generic parameter has this name", switchdev.ErrNotExist
	case c.Generic && t != c.Type:
		return "the generic parameter has another type", bad
	case !c.Generic && known:
		return "a generic parameter has this name", switchdev.ErrExist
	}
	return "", nil
}

// paramObject is what a parameter is called in errors, behind the handle.
func paramObject(k Key) string {
	if k.OnPort {
		return portName(k.Port) + "/" + k.Name
	}
	return k.Name
}

// AddParam adds a parameter, after its values have been read. It stays over reloads.
// The errors match ErrInvalid if c contradicts itself, ErrExist for a name that is in
// use, or generic and not meant so, ErrNotExist for a port that is not there or a
// generic name that Linux does not know. Linux: devl_params_register
// (net/devlink/param.c).
func (l *Locked) AddParam(c ParamConfig) error {
	const what = "devlink.param.add"
	name := paramObject(c.key())
	if reason, err := c.check(); err != nil {
		return l.refuse(what, name, reason, err)
	}
	if err := l.live(what); err != nil {
		return err
	}
	p := &ParamInfo{
		Port: c.Port, OnPort: c.OnPort, Name: c.Name, Generic: c.Generic, Type: c.Type, Modes: c.Modes, def: &c,
	}
	for _, m := range c.Modes.Each() {
		p.Values = append(p.Values, ParamSetting{Mode: m})
	}
	if l.inst.object(KindParam, p.Key()) == nil {
		p = l.read(p)
	}
	return l.tell(what, func() ([]Event, error) {
		objs := &l.inst.objs
		switch {
		case objs.get(KindParam, p.Key()) != nil:
			return nil, l.refuse(what, name, "", switchdev.ErrExist)
		case c.OnPort && objs.get(KindPort, Key{Port: c.Port, OnPort: true}) == nil:
			return nil, l.refuse(what, name, "no such port", switchdev.ErrNotExist)
		}
		objs.put(p)
		return []Event{{Verb: Added, Object: p, Marks: p.marks()}}, nil
	})
}

// RemoveParam removes a parameter. The device's parameters have keys with just a Name,
// those of ports have a Port and OnPort too. ErrNotExist if there is none. Linux:
// devl_params_unregister.
func (l *Locked) RemoveParam(k Key) error {
	const what = "devlink.param.remove"
	return l.tell(what, func() ([]Event, error) {
		was, _ := l.inst.objs.get(KindParam, k).(*ParamInfo)
		if was == nil {
			return nil, l.refuse(what, paramObject(k), "", switchdev.ErrNotExist)
		}
		l.inst.objs.remove(KindParam, k)
		return []Event{{Verb: Deleted, Object: was, Marks: was.marks()}}, nil
	})
}

// object returns an object, whether anybody can see it or not.
func (i *Instance) object(k Kind, key Key) Object {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.objs.get(k, key)
}

// param returns a parameter. What the kernel answers if there is none is EINVAL.
func (i *Instance) param(what string, k Key) (*ParamInfo, error) {
	if p, _ := i.object(KindParam, k).(*ParamInfo); p != nil {
		return p, nil
	}
	return nil, i.refuse(what, paramObject(k), "", switchdev.ErrInvalid)
}

// read returns a parameter with what the driver says of its values now. No lock is held.
func (l *Locked) read(p *ParamInfo) *ParamInfo {
	n := *p
	n.Values = make([]ParamSetting, 0, len(p.Values))
	for _, s := range p.Values {
		if s.Mode != ParamDriverInit {
			s.Value = l.ask(p, s.Mode, p.def.Get)
			s.Default = l.ask(p, s.Mode, p.def.GetDefault)
		}
		n.Values = append(n.Values, s)
	}
	return &n
}

// ask asks a driver for a value. If it does not say, or something that it cannot be,
// it is none; all but that it has none is logged.
func (l *Locked) ask(p *ParamInfo, m ParamMode, get func(context.Context, *Locked, ParamMode) (ParamValue, error)) ParamValue {
	if get == nil {
		return ParamValue{}
	}
	v, err := get(l.ctx, l, m)
	switch {
	case err != nil:
	case v.typ != p.Type:
		err = fmt.Errorf("a value of type %v, want %v", v.typ, p.Type)
	case v.check() != "":
		err = errors.New(v.check())
	}
	if err != nil {
		l.inst.reg.cfg.Logger.Warn("devlink: the driver does not say the value of a parameter",
			"instance", l.inst.handle.String(), "param", paramObject(p.Key()), "mode", m.String(), "err", err)
		return ParamValue{}
	}
	return v
}
