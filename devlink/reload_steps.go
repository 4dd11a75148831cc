package devlink

import (
	"context"
	"fmt"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// reloading is a reload that is being carried out, with the slot.
type reloading struct {
	Reload
	inst     *Instance
	op       *op
	result   *ReloadResult
	finished bool
	again    bool    // it had failed before
	kept     objects // what the driver has not taken down
	restore  []func()
	wrong    []error // what went wrong without making the reload go wrong
}

// reload carries out what a user asked for.
func (i *Instance) reload(o *op, q ReloadRequest, result *ReloadResult) error {
	r, err := i.prepare(o, &q)
	if err != nil {
		return err
	}
	result.Replied = q.Action != ActionUnspec || q.Limits != 0
	return i.carryOut(&reloading{Reload: r, inst: i, op: o, result: result})
}

// prepare refuses what cannot be.
func (i *Instance) prepare(o *op, q *ReloadRequest) (Reload, error) {
	if err := i.reloadable(); err != nil {
		return Reload{}, o.refuse("", err)
	}
	r, err := i.validate(o, q)
	if err != nil {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.must(onInvalid)
	}
	return r, err
}

// reloadable says whether the state lets an instance be reloaded.
func (i *Instance) reloadable() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.state.Visible() {
		return nil
	}
	return i.step(onReload)
}

// restart reloads the driver on the way to another namespace, which the instance is
// let in to, and leaves the instance there, Registered or Failed. If it leaves it
// where it was the error says why.
func (i *Instance) restart(o *op, to string, forced bool) error {
	r := Reload{Action: ActionDriverReinit, Namespace: to, NamespaceGiven: true, Forced: forced}
	if !forced && !i.resourcesValid() {
		return o.refuse("resources size validation failed", switchdev.ErrInvalid)
	}
	return i.carryOut(&reloading{Reload: r, inst: i, op: o, result: new(ReloadResult)})
}

func (i *Instance) carryOut(r *reloading) error {
	from := i.Namespace()
	defer func() { // not moved
		if r.Namespace != i.Namespace() {
			i.unreserve(from, r.Namespace)
		}
	}()
	defer r.abandon()
	r.begin()
	r.at("begun")
	if !r.AlreadyDown {
		if err := r.goDown(); err != nil {
			return err
		}
	}
	r.commit()
	r.at("committed")
	r.move()
	r.at("moved")
	return r.comeUp()
}

// at is a place between two steps.
func (r *reloading) at(place string) {
	if pause := r.inst.able.pause; pause != nil {
		pause(r.inst, place)
	}
}

// step is a step with what becomes visible by it.
func (r *reloading) step(on trigger, change func() []Event) {
	r.inst.tell(func() []Event {
		r.inst.must(on)
		if change == nil {
			return nil
		}
		return change()
	})
}

// sweep is a step in which what the driver has left is removed, before what more
// becomes visible by it.
func (r *reloading) sweep(on trigger, kept *objects, more func() []Event) {
	i := r.inst
	var swept []Event
	var leaked []Object
	r.step(on, func() []Event {
		swept, leaked = i.sweep(kept)
		if more == nil {
			return swept
		}
		return append(slices.Clip(swept), more()...)
	})
	i.letGo(swept)
	i.accuse(leaked)
	r.result.Leaked = append(r.result.Leaked, leaked...)
}

func (r *reloading) begin() {
	i := r.inst
	i.tell(func() []Event {
		on := onReload
		switch {
		case i.state == Failed && i.down:
			on, r.AlreadyDown = onReloadDown, true
		case i.state == Failed:
			r.again = true
		case i.state == Registered && r.Forced:
			on = onDeathRestart
		}
		i.must(on)
		i.meddled = false
		return []Event{r.progress(nil)}
	})
}

// progress is what is told of the beginning, and with ended of the end.
func (r *reloading) progress(ended *ReloadProgress) Event {
	p := ended
	if p == nil {
		p = &ReloadProgress{}
	}
	p.Reload, p.Ended = r.Reload, ended != nil
	return Event{Verb: Status, Object: p, Marks: Silent}
}

// goDown takes the driver down. After an error that is over.
func (r *reloading) goDown() error {
	i := r.inst
	if c := i.able.check; c != nil {
		if err := r.call(c.CheckReload); err != nil {
			return r.refused(err)
		}
	}
	if r.Limit != LimitNoReset {
		r.note(i.removeAll(r.op))
	}
	err := r.call(i.able.reload.ReloadDown)
	switch {
	case err == nil:
		r.step(onDown, nil)
		return nil
	case r.op.torn(err):
		r.note(i.removeAll(r.op)) // those that LimitNoReset has left
		return r.fail(onTorn, err, nil)
	}
	r.note(i.probeAll(r.op))
	return r.refused(err)
}

// call calls the driver.
func (r *reloading) call(f func(context.Context, *Locked, Reload) error) error {
	return r.op.call(func(ctx context.Context, l *Locked) error { return f(ctx, l, r.Reload) })
}

func (r *reloading) note(err error) {
	if err != nil {
		r.wrong = append(r.wrong, err)
	}
}

// refused is the end of a reload that the driver does not want. It is as it was; but
// if its namespace is being deleted the instance leaves it, and has failed.
func (r *reloading) refused(err error) error {
	i := r.inst
	r.finished = true
	err = join(append(r.wrong, r.blame(err))...)
	if !r.Forced {
		on := onRefused
		if r.again {
			on = onRefusedAgain
		}
		r.step(on, func() []Event { return []Event{r.progress(&ReloadProgress{Err: err})} })
		return err
	}
	i.rebind(r.Namespace, func() {
		i.must(onRefusedForced)
		i.info = i.info.failed(true)
	})
	i.tell(func() []Event { return []Event{r.progress(&ReloadProgress{Err: err})} })
	return err
}

// blame makes the driver's error one of the reload, with the text that it has.
func (r *reloading) blame(err error) error { return r.inst.driverError(r.op.what, "", err) }

// fail is the end of a reload after which the driver is down. What it has left is
// removed, and what had changed between is as it was.
func (r *reloading) fail(on trigger, err error, kept *objects) error {
	i := r.inst
	r.finished = true
	err = join(append(r.wrong, r.blame(err))...)
	for _, restore := range r.restore {
		restore()
	}
	r.sweep(on, kept, func() (events []Event) {
		i.down = true
		if !i.info.ReloadFailed {
			i.info = i.info.failed(true)
			events = append(events, Event{Verb: Changed, Object: i.info})
		}
		return append(events, r.progress(&ReloadProgress{Err: err}))
	})
	return err
}

// commit makes sure that what has to be gone is, and gives the driver what was set to
// take effect now.
func (r *reloading) commit() {
	i := r.inst
	if r.Action == ActionDriverReinit {
		r.sweep(onCommit, nil, nil)
		r.restore = append(r.restore, i.promoteParams(), i.saveResources())
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.objs = i.objs.clip()
	r.kept = i.objs
}

// move takes the instance, with what it still has, to the namespace that it is to be
// in, or to the initial one if that dies.
func (r *reloading) move() {
	i := r.inst
	from := i.Namespace()
	if r.Namespace == from {
		return
	}
	if !i.reg.reserve(i, r.Namespace) {
		i.reg.release(i, r.Namespace)
		i.reg.cfg.Logger.Warn("devlink: the namespace is being deleted, the instance goes to the initial one",
			"instance", i.handle.String(), "namespace", r.Namespace)
		i.reg.reserve(i, "")
		r.Namespace = ""
	}
	if r.Namespace != from {
		i.rebind(r.Namespace, func() { i.must(onSwitch) })
	}
}

// comeUp brings the driver up.
func (r *reloading) comeUp() error {
	i := r.inst
	r.step(onUp, nil)
	err := r.call(func(ctx context.Context, l *Locked, q Reload) (err error) {
		r.result.Performed, err = i.able.reload.ReloadUp(ctx, l, q)
		return err
	})
	if err != nil {
		r.result.Performed = 0
		r.note(i.removeAll(r.op))
		return r.fail(onUpFailed, err, &r.kept)
	}
	if r.Limit != LimitNoReset {
		r.note(i.probeAll(r.op))
	}
	return r.end()
}

// end is the end of a reload that has gone well.
func (r *reloading) end() error {
	i, done := r.inst, r.result.Performed
	r.finished = true
	var err error
	i.tell(func() (events []Event) {
		on := onUpOK
		if reason := r.breach(); reason != "" {
			on = onUpShort
			r.note(r.op.refuse(reason, ErrContract))
		}
		i.must(on)
		i.down = false
		if i.info.ReloadFailed {
			i.info = i.info.failed(false)
			events = append(events, Event{Verb: Changed, Object: i.info})
		}
		n := *i.info
		n.Local = n.Local.plus(r.Limit, done&(1<<numActions-1))
		i.info = &n
		err = join(r.wrong...)
		return append(events, Event{Verb: Changed, Object: &n}, r.progress(&ReloadProgress{Performed: done, Err: err}))
	})
	return err
}

// breach says how the driver has not kept to its contract. The caller holds mu.
func (r *reloading) breach() string {
	switch done := r.result.Performed; {
	case !done.Has(r.Action):
		return fmt.Sprintf("the driver has not performed %v", r.Action)
	case done&^(1<<numActions-1) != 0 || done.Has(ActionUnspec):
		return "the driver has performed unknown actions"
	case r.inst.meddled:
		return "remote actions were reported meanwhile"
	}
	return ""
}

// abandon is the end of a reload whose driver has ended the goroutine.
func (r *reloading) abandon() {
	if r.finished {
		return
	}
	err := r.op.refuse("the driver ended its goroutine", switchdev.ErrOutcomeUnknown)
	defer func() { _ = r.inst.removeAll(r.op) }() // last, as one of them may do so again
	switch r.inst.State() {
	case GoingDown:
		r.fail(onTorn, err, nil)
	case ComingUp:
		r.fail(onUpFailed, err, &r.kept)
	}
}
