package devlink

import (
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// Roles that the driver of an instance may have: what it does about traps.
type (
	// TrapInstaller is told of a trap that is being added, and can refuse it, and of one
	// that has been removed.
	TrapInstaller interface {
		// InstallTrap is told of one that is being added; with an error it is not.
		InstallTrap(ctx context.Context, l *Locked, t *TrapInfo) error
		// UninstallTrap is told of one that has been removed, or not been added.
		UninstallTrap(ctx context.Context, l *Locked, t *TrapInfo)
	}
	// TrapActionSetter sets the action of a trap. Of a trap that is being removed it is
	// ActionDrop, and the error does not count.
	TrapActionSetter interface {
		SetTrapAction(ctx context.Context, l *Locked, t *TrapInfo, a TrapAction) error
	}
	// TrapDropCounter returns how many packets of a trap the device has dropped.
	TrapDropCounter interface {
		TrapDrops(ctx context.Context, l *Locked, t *TrapInfo) (uint64, error)
	}
)

// AddTraps adds traps: all, or none and an error, told in one step. What it returns is
// for the data path, in the same order. The errors match ErrInvalid for a bad name, a
// generic one that Linux does not know or knows with another type, a type or an action
// that is none, or a group that is not there; ErrExist for a name that is in use, or
// generic and not meant so; else they are those of a [TrapInstaller]. Linux:
// devl_traps_register (net/devlink/trap.c).
func (l *Locked) AddTraps(list ...TrapInfo) ([]*Trap, error) {
	const what = "devlink.trap.add"
	if err := l.live(what); err != nil {
		return nil, err
	}
	objs, traps := make([]Object, len(list)), make([]*Trap, len(list))
	for n := range list {
		t := list[n]
		if err := l.checkTrap(what, &t); err != nil {
			return nil, err
		}
		t.trap = &Trap{name: t.Name}
		t.trap.action.Store(uint32(t.Action))
		objs[n], traps[n] = &t, t.trap
	}
	if err := l.vacant(what, objs); err != nil {
		return nil, err
	}
	undo, err := l.installTraps(what, objs)
	if err == nil {
		err = l.addAll(what, objs)
	}
	if err != nil {
		undo()
		return nil, err
	}
	return traps, nil
}

func (l *Locked) checkTrap(what string, t *TrapInfo) error {
	reason := ""
	kind, known := genericTrap(t.Name)
	switch {
	case !validName(t.Name):
		reason = "bad name"
	case t.Generic && !known:
		reason = "no generic trap has this name"
	case !t.Generic && known:
		return l.refuse(what, t.Name, "a generic trap has this name", switchdev.ErrExist)
	case t.Generic && t.Type != kind:
		reason = "the generic trap has another type"
	case t.Type > TrapControl:
		reason = "no such type"
	case t.Action > ActionMirror:
		reason = "Invalid trap action"
	default:
		l.inst.mu.Lock()
		defer l.inst.mu.Unlock()
		if l.inst.objs.get(KindGroup, Key{Name: t.Group}) == nil {
			reason = "no such group"
		}
	}
	if reason == "" {
		return nil
	}
	return l.refuse(what, t.Name, reason, switchdev.ErrInvalid)
}

func (l *Locked) installTraps(what string, objs []Object) (undo func(), err error) {
	installer, ok := switchdev.As[TrapInstaller](l.inst.driver)
	done := 0
	undo = func() {
		for ; done > 0; done-- {
			installer.UninstallTrap(l.ctx, l, objs[done-1].(*TrapInfo))
		}
	}
	if !ok {
		return undo, nil
	}
	for _, o := range objs {
		t := o.(*TrapInfo)
		if err := installer.InstallTrap(l.ctx, l, t); err != nil {
			return undo, l.inst.driverError(what, t.Name, err)
		}
		done++
	}
	return undo, nil
}

// RemoveTraps removes traps, the last first; all or none. First the action of each becomes
// ActionDrop, which the driver is asked for; then nothing is counted any more, and nobody
// is counting; then they have gone. ErrNotExist if one is not there. Linux:
// devl_traps_unregister (net/devlink/trap.c).
func (l *Locked) RemoveTraps(names ...string) error {
	const what = "devlink.trap.remove"
	list, err := l.findTraps(what, names)
	if err != nil {
		return err
	}
	if setter, ok := switchdev.As[TrapActionSetter](l.inst.driver); ok {
		for _, t := range slices.Backward(list) {
			_ = setter.SetTrapAction(l.ctx, l, t, ActionDrop)
		}
	}
	l.inst.noteActions(list, ActionDrop)
	for _, t := range list {
		t.trap.quiesce()
	}
	if err := l.deleteTraps(what, names); err != nil {
		return err
	}
	if installer, ok := switchdev.As[TrapInstaller](l.inst.driver); ok {
		for _, t := range slices.Backward(list) {
			installer.UninstallTrap(l.ctx, l, t)
		}
	}
	return nil
}

// findTraps finds traps for their removal.
func (l *Locked) findTraps(what string, names []string) (list []*TrapInfo, err error) {
	if err := l.live(what); err != nil {
		return nil, err
	}
	l.inst.mu.Lock()
	defer l.inst.mu.Unlock()
	for n, name := range names {
		t, _ := l.inst.objs.get(KindTrap, Key{Name: name}).(*TrapInfo)
		if t == nil || slices.Contains(names[:n], name) {
			return nil, l.refuse(what, name, "", switchdev.ErrNotExist)
		}
		list = append(list, t)
	}
	return list, nil
}

// deleteTraps removes traps that count nothing any more. Their groups remember what they
// have counted.
func (l *Locked) deleteTraps(what string, names []string) error {
	return l.tell(what, func() (events []Event, err error) {
		for _, name := range slices.Backward(names) {
			t, _ := l.inst.objs.remove(KindTrap, Key{Name: name}).(*TrapInfo)
			if t == nil {
				continue
			}
			if g, _ := l.inst.objs.get(KindGroup, Key{Name: t.Group}).(*GroupInfo); g != nil {
				packets, bytes := t.trap.counted()
				g.past.packets += packets
				g.past.bytes += bytes
			}
			events = append(events, Event{Verb: Deleted, Object: t})
		}
		return events, nil
	})
}

// Trap returns a trap for the data path, nil if there is none.
func (l *Locked) Trap(name string) *Trap {
	if t := l.inst.trap(name); t != nil {
		return t.trap
	}
	return nil
}

func (i *Instance) trap(name string) *TrapInfo {
	i.mu.Lock()
	defer i.mu.Unlock()
	t, _ := i.objs.get(KindTrap, Key{Name: name}).(*TrapInfo)
	return t
}

// TrapTicket stands for a SetTrap or SetGroup that was submitted.
type TrapTicket struct {
	*Ticket
	warning string // written before Done is closed
}

// Warning returns what the user should be told though nothing went wrong, "" if nothing
// or not yet.
func (k *TrapTicket) Warning() string {
	if !k.ended() {
		return ""
	}
	return k.warning
}

func (i *Instance) submitTrap(what string, f func(o *op, k *TrapTicket) error) *TrapTicket {
	k := &TrapTicket{}
	k.Ticket = i.submit(what, func(o *op) error {
		if err := i.usable(what, false); err != nil {
			return err
		}
		return f(o, k)
	})
	return k
}

// SetTrap sets the action of a trap. That of a trap that is not of type TrapDrop stays,
// which is no error but a warning. The errors match ErrUnsupported if there are no traps
// or the driver is no [TrapActionSetter]; ErrNotExist for one that is not there;
// ErrInvalid for an action that is none; ErrNoDevice for an instance that nobody can see;
// ErrReloadFailed; else they are the driver's. Linux: devlink_nl_trap_set_doit
// (net/devlink/trap.c), which tells nobody: the change is marked [Silent].
func (i *Instance) SetTrap(ctx context.Context, name string, a TrapAction) (warning string, err error) {
	k := i.SubmitSetTrap(name, a)
	err = k.Wait(ctx)
	return k.Warning(), err
}

// SubmitSetTrap is SetTrap without the wait. It never blocks.
func (i *Instance) SubmitSetTrap(name string, a TrapAction) *TrapTicket {
	return i.submitTrap("devlink.trap.set", func(o *op, k *TrapTicket) error {
		t, err := i.findTrap(o.what, name)
		if err != nil {
			return err
		}
		if a > ActionMirror {
			return i.refuse(o.what, name, "Invalid trap action", switchdev.ErrInvalid)
		}
		return o.call(func(_ context.Context, l *Locked) error {
			k.warning, err = l.setTrap(o.what, t, a)
			return err
		})
	})
}

// setTrap sets the action of one trap.
func (l *Locked) setTrap(what string, t *TrapInfo, a TrapAction) (warning string, err error) {
	if t.Action != a && t.Type != TrapDrop {
		return "Cannot change action of non-drop traps. Skipping", nil
	}
	setter, ok := switchdev.As[TrapActionSetter](l.inst.driver)
	if !ok {
		return "", l.refuse(what, t.Name, "", switchdev.ErrUnsupported)
	}
	if err := setter.SetTrapAction(l.ctx, l, t, a); err != nil {
		return "", l.inst.driverError(what, t.Name, err)
	}
	l.inst.noteActions([]*TrapInfo{t}, a)
	return "", nil
}

// noteActions makes the new action of traps visible, as far as they are there.
func (i *Instance) noteActions(list []*TrapInfo, a TrapAction) {
	i.tell(func() (events []Event) {
		for _, t := range list {
			was, _ := i.objs.get(KindTrap, t.Key()).(*TrapInfo)
			if was == nil || was.trap != t.trap || was.Action == a {
				continue
			}
			n := *was
			n.Action = a
			n.trap.action.Store(uint32(a))
			i.objs.put(&n)
			events = append(events, Event{Verb: Changed, Object: &n, Marks: Silent})
		}
		return events
	})
}

// findTrap finds the trap that a user names.
func (i *Instance) findTrap(what, name string) (*TrapInfo, error) {
	i.mu.Lock()
	none := len(i.objs[KindTrap]) == 0
	i.mu.Unlock()
	if none {
		return nil, i.refuse(what, name, "", switchdev.ErrUnsupported)
	}
	if t := i.trap(name); t != nil {
		return t, nil
	}
	return nil, i.refuse(what, name, "Device did not register this trap", switchdev.ErrNotExist)
}

// StatsTicket stands for a TrapStats or PolicerStats that was submitted.
type StatsTicket struct {
	*Ticket
	stats TrapStats // written before Done is closed
}

// Stats returns what was counted, when the ticket has ended.
func (k *StatsTicket) Stats() TrapStats {
	if !k.ended() {
		return TrapStats{}
	}
	return k.stats
}

func (i *Instance) submitStats(what string, f func(o *op) (TrapStats, error)) *StatsTicket {
	k := &StatsTicket{}
	k.Ticket = i.submit(what, func(o *op) (err error) {
		if err = i.usable(what, true); err == nil {
			k.stats, err = f(o)
		}
		return err
	})
	return k
}

// TrapStats returns what was counted of a trap, and asks the driver what the device
// dropped. The errors match ErrUnsupported if there are no traps, ErrNotExist for one that
// is not there, ErrNoDevice for an instance that nobody can see; else they are the
// driver's. Linux: devlink_trap_stats_put (net/devlink/trap.c).
func (i *Instance) TrapStats(ctx context.Context, name string) (TrapStats, error) {
	k := i.SubmitTrapStats(name)
	err := k.Wait(ctx)
	return k.Stats(), err
}

// SubmitTrapStats is TrapStats without the wait. It never blocks.
func (i *Instance) SubmitTrapStats(name string) *StatsTicket {
	return i.submitStats("devlink.trap.get", func(o *op) (s TrapStats, err error) {
		t, err := i.findTrap(o.what, name)
		if err != nil {
			return s, err
		}
		if counter, ok := switchdev.As[TrapDropCounter](i.driver); ok {
			err = o.call(func(ctx context.Context, l *Locked) (err error) {
				s.Drops, err = counter.TrapDrops(ctx, l, t)
				return err
			})
			if err != nil {
				return TrapStats{}, i.driverError(o.what, name, err)
			}
			s.Counted = true
		}
		s.Packets, s.Bytes = t.trap.counted()
		return s, nil
	})
}
