package devlink

import (
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// Auxiliary is a driver of a part of a device, such as the RDMA part of a network card:
// it lives below the driver of an instance and is probed when that is up, and removed
// before that goes down. Both have the instance to themselves, and may do what every
// callback may: add and remove objects, (un)register notifiers, those of the whole
// registry too, and (un)register instances that are nested in this one, with a wait on
// the ctx that they are given. Linux: struct auxiliary_driver, whose remove cannot
// unregister a notifier that hears all namespaces while one of them is deleted.
type Auxiliary interface {
	// Name names it among those of an instance. It is asked once, by AddAuxiliary.
	Name() string
	// Probe begins. After an error, or a panic, it is not removed: it has to have undone
	// what it did.
	Probe(ctx context.Context, l *Locked) error
	// Remove ends.
	Remove(ctx context.Context, l *Locked)
}

// auxiliary is one that was added.
type auxiliary struct {
	Auxiliary
	name         string
	probed, busy bool // guarded by Instance.mu
}

// AddAuxiliary adds an auxiliary driver. If the instance is registered it is probed at
// once, and not added if that goes wrong, which is the error; else when the instance is
// registered, or after the ReloadUp that runs, in the order in which they were added. From
// then on every reload, except one that is limited to LimitNoReset, removes them before
// ReloadDown, the newest first, and probes them after ReloadUp. One that goes wrong there
// is probed with the next reload again. ErrExist if there is one of its name, ErrInvalid
// for nil.
func (l *Locked) AddAuxiliary(a Auxiliary) error {
	const what = "devlink.auxiliary.add"
	if a == nil {
		return l.refuse(what, "", "no driver", switchdev.ErrInvalid)
	}
	x := &auxiliary{Auxiliary: a, name: a.Name()}
	now, err := l.link(what, x)
	if err != nil {
		return err
	}
	defer l.within.Done()
	if !now {
		return nil
	}
	if err = l.inst.probe(l.op, x); err != nil {
		l.inst.unlink(x)
	}
	return err
}

// link adds one, and reports whether it is to be probed. Without an error the callback
// goes on until within is done.
func (l *Locked) link(what string, x *auxiliary) (now bool, err error) {
	i := l.inst
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := l.live(what); err != nil {
		return false, err
	}
	if i.auxiliary(x.name) != nil {
		return false, l.refuse(what, x.name, "", switchdev.ErrExist)
	}
	l.within.Add(1)
	i.aux = append(slices.Clip(i.aux), x)
	return i.state == Registered, nil
}

// RemoveAuxiliary removes one, at once if it has been probed. The errors match
// ErrNotExist if there is none, ErrBusy from inside its own callbacks.
func (l *Locked) RemoveAuxiliary(name string) error {
	const what = "devlink.auxiliary.remove"
	x, err := l.linked(what, name)
	if err != nil {
		return err
	}
	defer l.within.Done()
	l.inst.unlink(x)
	return l.inst.remove(l.op, x)
}

// linked finds one that can be removed. Without an error the callback goes on until within
// is done.
func (l *Locked) linked(what, name string) (*auxiliary, error) {
	i := l.inst
	i.mu.Lock()
	defer i.mu.Unlock()
	x, err := i.auxiliary(name), l.live(what)
	switch {
	case err != nil:
		return nil, err
	case x == nil:
		return nil, l.refuse(what, name, "", switchdev.ErrNotExist)
	case x.busy:
		return nil, l.refuse(what, name, "", switchdev.ErrBusy)
	}
	l.within.Add(1)
	return x, nil
}

// auxiliary finds one. The caller holds mu.
func (i *Instance) auxiliary(name string) *auxiliary {
	for _, x := range i.aux {
		if x.name == name {
			return x
		}
	}
	return nil
}

func (i *Instance) unlink(x *auxiliary) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.aux = slices.DeleteFunc(slices.Clone(i.aux), func(y *auxiliary) bool { return y == x })
}

// enter and leave say that one of its callbacks runs. enter reports whether it is to.
func (i *Instance) enter(x *auxiliary, probed bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if x.probed != probed || x.busy {
		return false
	}
	x.busy, x.probed = true, false
	return true
}

func (i *Instance) leave(x *auxiliary, probed bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	x.busy, x.probed = false, probed
}

func (i *Instance) probe(o *op, x *auxiliary) (err error) {
	if !i.enter(x, false) {
		return nil
	}
	probed := false
	defer func() { i.leave(x, probed) }()
	if err = o.call(x.Probe); err != nil {
		err = i.auxError(o, x, err)
	}
	probed = err == nil
	return err
}

func (i *Instance) remove(o *op, x *auxiliary) (err error) {
	if !i.enter(x, true) {
		return nil
	}
	defer func() { i.leave(x, false) }()
	err = o.call(func(ctx context.Context, l *Locked) error { x.Remove(ctx, l); return nil })
	if err != nil {
		err = i.auxError(o, x, err)
	}
	return err
}

func (i *Instance) auxError(o *op, x *auxiliary, err error) error {
	i.reg.cfg.Logger.Warn("devlink: an auxiliary driver failed", "instance", i.handle.String(), "auxiliary", x.name, "err", err)
	return &switchdev.OpError{Op: o.what, Device: x.name, Object: i.handle.String(), Reason: "auxiliary driver failed", Err: err}
}

// auxiliaries are those of now.
func (i *Instance) auxiliaries() []*auxiliary {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.aux
}

// probeAll probes all, those too that others add meanwhile.
func (i *Instance) probeAll(o *op) error {
	var errs []error
	tried := map[*auxiliary]bool{}
	for again := true; again; {
		again = false
		for _, x := range i.auxiliaries() {
			if !tried[x] {
				tried[x], again = true, true
				errs = append(errs, i.probe(o, x))
			}
		}
	}
	return join(errs...)
}

// removeAll removes all, the newest first.
func (i *Instance) removeAll(o *op) error {
	var errs []error
	for _, x := range slices.Backward(i.auxiliaries()) {
		errs = append(errs, i.remove(o, x))
	}
	return join(errs...)
}
