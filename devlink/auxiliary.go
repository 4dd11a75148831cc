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
	// Name names it among those of an instance.
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
	probed, busy bool // guarded by Instance.mu
}

// AddAuxiliary adds an auxiliary driver. If the instance is registered it is probed at
// once, and not added if that goes wrong, which is the error; else when the instance is
// registered, or after the ReloadUp that runs, in the order in which they were added. From
// then on every reload, except one that is limited to LimitNoReset, removes them before
// ReloadDown, the newest first, and probes them after ReloadUp. One that goes wrong there
// is probed with the next reload again. ErrExist if there is one of its name.
func (l *Locked) AddAuxiliary(a Auxiliary) error {
	const what = "devlink.auxiliary.add"
	i, x := l.inst, &auxiliary{Auxiliary: a}
	name := a.Name()
	i.mu.Lock()
	err := l.live(what)
	if err == nil && i.auxiliary(name) != nil {
		err = l.refuse(what, name, "", switchdev.ErrExist)
	}
	if err == nil {
		i.aux = append(slices.Clip(i.aux), x)
	}
	now := i.state == Registered
	i.mu.Unlock()
	if err != nil || !now {
		return err
	}
	if err = i.probe(l.op, x); err != nil {
		i.unlink(x)
	}
	return err
}

// RemoveAuxiliary removes one, at once if it has been probed. The errors match
// ErrNotExist if there is none, ErrBusy from inside its own callbacks.
func (l *Locked) RemoveAuxiliary(name string) error {
	const what = "devlink.auxiliary.remove"
	i := l.inst
	i.mu.Lock()
	x, err := i.auxiliary(name), l.live(what)
	switch {
	case err != nil:
	case x == nil:
		err = l.refuse(what, name, "", switchdev.ErrNotExist)
	case x.busy:
		err = l.refuse(what, name, "", switchdev.ErrBusy)
	}
	i.mu.Unlock()
	if err != nil {
		return err
	}
	i.unlink(x)
	return i.remove(l.op, x)
}

// auxiliary finds one. The caller holds mu.
func (i *Instance) auxiliary(name string) *auxiliary {
	for _, x := range i.aux {
		if x.Name() == name {
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
	i.reg.cfg.Logger.Warn("devlink: an auxiliary driver failed", "instance", i.handle.String(), "auxiliary", x.Name(), "err", err)
	return &switchdev.OpError{Op: o.what, Device: x.Name(), Object: i.handle.String(), Reason: "auxiliary driver failed", Err: err}
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
