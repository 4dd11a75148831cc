package devlink

import (
	"context"
	"slices"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// Roles that the driver of an instance may have: what it does about groups of traps.
type (
	// GroupInstaller is told of a group that is being added, and can refuse it.
	GroupInstaller interface {
		InstallGroup(ctx context.Context, l *Locked, g *GroupInfo) error
	}
	// GroupActionSetter sets the action of all traps of a group of type TrapDrop at once.
	// A driver without this role is asked trap by trap.
	GroupActionSetter interface {
		SetGroupAction(ctx context.Context, l *Locked, g *GroupInfo, a TrapAction) error
	}
	// GroupPolicerSetter binds a group to a policer, or to none if that is nil.
	GroupPolicerSetter interface {
		SetGroupPolicer(ctx context.Context, l *Locked, g *GroupInfo, p *PolicerInfo) error
	}
)

// GroupInfo describes a group of traps, and is what can be seen of one. Its key has its
// name.
type GroupInfo struct {
	Name string
	// Generic tells that it is one of those that Linux knows, see [GenericGroup].
	Generic bool
	// Policer is the policer that what the host gets from the group passes; 0 is none.
	Policer uint32

	past *pastTraps
}

// pastTraps counts for the traps of a group that were removed. It is guarded by
// Instance.mu.
type pastTraps struct{ packets, bytes uint64 }

// Kind implements [Object].
func (*GroupInfo) Kind() Kind { return KindGroup }

// Key implements [Object].
func (g *GroupInfo) Key() Key { return Key{Name: g.Name} }

// AddGroups adds groups of traps: all, or none and an error, told in one step. The
// errors match ErrInvalid for a bad name, a generic one that Linux does not know, or a
// policer that is not there; ErrExist for a name that is in use, or generic and not meant
// so; else they are those of a [GroupInstaller]. Linux: devl_trap_groups_register
// (net/devlink/trap.c).
func (l *Locked) AddGroups(list ...GroupInfo) error {
	const what = "devlink.trap.group.add"
	if err := l.live(what); err != nil {
		return err
	}
	objs := make([]Object, len(list))
	for n := range list {
		g := list[n]
		g.past = &pastTraps{}
		objs[n] = &g
		if err := l.checkGroup(what, &g); err != nil {
			return err
		}
	}
	if err := l.vacant(what, objs); err != nil {
		return err
	}
	if installer, ok := switchdev.As[GroupInstaller](l.inst.driver); ok {
		for _, o := range objs {
			g := o.(*GroupInfo)
			if err := installer.InstallGroup(l.ctx, l, g); err != nil {
				return l.inst.driverError(what, g.Name, err)
			}
		}
	}
	return l.addAll(what, objs)
}

func (l *Locked) checkGroup(what string, g *GroupInfo) error {
	switch {
	case !validName(g.Name):
		return l.refuse(what, g.Name, "bad name", switchdev.ErrInvalid)
	case g.Generic && !GenericGroup(g.Name):
		return l.refuse(what, g.Name, "no generic group has this name", switchdev.ErrInvalid)
	case !g.Generic && GenericGroup(g.Name):
		return l.refuse(what, g.Name, "a generic group has this name", switchdev.ErrExist)
	case g.Policer != 0 && l.inst.policer(g.Policer) == nil:
		return l.refuse(what, g.Name, "no such policer", switchdev.ErrInvalid)
	}
	return nil
}

// addAll adds objects in one step, or none.
func (l *Locked) addAll(what string, list []Object) error {
	return l.tell(what, func() (events []Event, err error) {
		if err := l.clash(what, list); err != nil {
			return nil, err
		}
		for _, o := range list {
			l.inst.objs.put(o)
			events = append(events, Event{Verb: Added, Object: o})
		}
		return events, nil
	})
}

// vacant refuses objects that are there already, or twice in the list, before the driver
// is asked.
func (l *Locked) vacant(what string, list []Object) error {
	l.inst.mu.Lock()
	defer l.inst.mu.Unlock()
	return l.clash(what, list)
}

// clash is vacant for who holds mu.
func (l *Locked) clash(what string, list []Object) error {
	for n, o := range list {
		again := func(p Object) bool { return p.Key() == o.Key() }
		if l.inst.objs.get(o.Kind(), o.Key()) != nil || slices.ContainsFunc(list[:n], again) {
			return l.refuse(what, o.Key().short(), "", switchdev.ErrExist)
		}
	}
	return nil
}

// removeAll removes objects in the reverse of their order, in one step. If one is not
// there, or busy says why it cannot be, all stay.
func (l *Locked) removeAll(what string, k Kind, keys []Key, busy func(Object) string) error {
	return l.tell(what, func() (events []Event, err error) {
		for n, key := range keys {
			o := l.inst.objs.get(k, key)
			if o == nil || slices.Contains(keys[:n], key) {
				return nil, l.refuse(what, key.short(), "", switchdev.ErrNotExist)
			}
			if reason := busy(o); reason != "" {
				return nil, l.refuse(what, key.short(), reason, switchdev.ErrBusy)
			}
		}
		for _, key := range slices.Backward(keys) {
			events = append(events, Event{Verb: Deleted, Object: l.inst.objs.remove(k, key)})
		}
		return events, nil
	})
}

// short is the key in the names of objects in errors.
func (k Key) short() string { return strings.TrimPrefix(k.suffix(), " ") }

// RemoveGroups removes groups, the last first; all or none. ErrNotExist if one is not
// there, ErrBusy if it has traps. Linux: devl_trap_groups_unregister, which looks at
// neither.
func (l *Locked) RemoveGroups(names ...string) error {
	return l.removeAll("devlink.trap.group.remove", KindGroup, namesOf(names), func(o Object) string {
		for _, t := range l.inst.objs[KindTrap] {
			if t, ok := t.(*TrapInfo); ok && t.Group == o.Key().Name {
				return "has traps"
			}
		}
		return ""
	})
}

func namesOf(names []string) (keys []Key) {
	for _, name := range names {
		keys = append(keys, Key{Name: name})
	}
	return keys
}

// GroupChange says what to set of a group; what is nil stays.
type GroupChange struct {
	// Action is set of all its traps of type TrapDrop.
	Action *TrapAction
	// Policer is what it is bound to; 0 unbinds it.
	Policer *uint32
}

// SetGroup sets something of a group of traps, first the action and then the policer; if
// that is refused the action has been set all the same, and the error says so. The
// warning is as with SetTrap. A driver that is no [GroupActionSetter] is asked trap by trap,
// and where it refuses one those before it have been set. The errors match ErrUnsupported if there are no groups or
// the driver cannot; ErrNotExist for a group or a policer that is not there; ErrInvalid
// for an action that is none; ErrNoDevice for an instance that nobody can see;
// ErrReloadFailed; else they are the driver's. Linux: devlink_nl_trap_group_set_doit
// (net/devlink/trap.c), which tells nobody: the changes are marked [Silent].
func (i *Instance) SetGroup(ctx context.Context, name string, c GroupChange) (warning string, err error) {
	k := i.SubmitSetGroup(name, c)
	err = k.Wait(ctx)
	return k.Warning(), err
}

// SubmitSetGroup is SetGroup without the wait. It never blocks.
func (i *Instance) SubmitSetGroup(name string, c GroupChange) *TrapTicket {
	c = GroupChange{copied(c.Action), copied(c.Policer)}
	return i.submitTrap("devlink.trap.group.set", func(o *op, k *TrapTicket) error {
		g, err := i.findGroup(o.what, name)
		if err != nil {
			return err
		}
		return o.call(func(ctx context.Context, l *Locked) error {
			if c.Action != nil {
				if k.warning, err = l.setGroupAction(o.what, g, *c.Action); err != nil {
					return err
				}
			}
			if c.Policer == nil {
				return nil
			}
			if err = l.bind(o.what, g, *c.Policer); err != nil && c.Action != nil {
				return l.refuse(o.what, g.Name, "Trap group set failed, but some changes were committed already", err)
			}
			return err
		})
	})
}

func (l *Locked) setGroupAction(what string, g *GroupInfo, a TrapAction) (warning string, err error) {
	i := l.inst
	if a > ActionMirror {
		return "", l.refuse(what, g.Name, "Invalid trap action", switchdev.ErrInvalid)
	}
	traps := i.trapsOf(g.Name)
	if setter, ok := switchdev.As[GroupActionSetter](i.driver); ok {
		if err := setter.SetGroupAction(l.ctx, l, g, a); err != nil {
			return "", i.driverError(what, g.Name, err)
		}
		traps = slices.DeleteFunc(traps, func(t *TrapInfo) bool { return t.Type != TrapDrop })
		i.noteActions(traps, a)
		return "", nil
	}
	for _, t := range traps {
		w, err := l.setTrap(what, t, a)
		if err != nil {
			return "", err
		}
		if w != "" {
			warning = w
		}
	}
	return warning, nil
}

// bind binds a group to a policer.
func (l *Locked) bind(what string, g *GroupInfo, id uint32) error {
	i := l.inst
	setter, ok := switchdev.As[GroupPolicerSetter](i.driver)
	if !ok {
		return l.refuse(what, g.Name, "", switchdev.ErrUnsupported)
	}
	p := i.policer(id)
	if id != 0 && p == nil {
		return l.refuse(what, g.Name, noPolicer, switchdev.ErrNotExist)
	}
	if err := setter.SetGroupPolicer(l.ctx, l, g, p); err != nil {
		return i.driverError(what, g.Name, err)
	}
	i.tell(func() []Event {
		was, _ := i.objs.get(KindGroup, g.Key()).(*GroupInfo)
		if was == nil || was.Policer == id {
			return nil
		}
		n := *was
		n.Policer = id
		i.objs.put(&n)
		return []Event{{Verb: Changed, Object: &n, Marks: Silent}}
	})
	return nil
}

// findGroup finds the group that a user names.
func (i *Instance) findGroup(what, name string) (*GroupInfo, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.objs[KindGroup]) == 0 {
		return nil, i.refuse(what, name, "", switchdev.ErrUnsupported)
	}
	if g, _ := i.objs.get(KindGroup, Key{Name: name}).(*GroupInfo); g != nil {
		return g, nil
	}
	return nil, i.refuse(what, name, "Device did not register this trap group", switchdev.ErrNotExist)
}

// trapsOf returns the traps of a group.
func (i *Instance) trapsOf(group string) (list []*TrapInfo) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, o := range i.objs[KindTrap] {
		if t, ok := o.(*TrapInfo); ok && t.Group == group {
			list = append(list, t)
		}
	}
	return list
}

// GroupStats returns what was counted of all traps of a group, also of those that have
// been removed. No driver is asked. The errors match ErrUnsupported if there are no
// groups, ErrNotExist if there is none of the name, ErrNoDevice for an instance that
// nobody can see.
func (i *Instance) GroupStats(name string) (TrapStats, error) {
	const what = "devlink.trap.group.get"
	if err := i.usable(what, true); err != nil {
		return TrapStats{}, err
	}
	g, err := i.findGroup(what, name)
	if err != nil {
		return TrapStats{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	s := TrapStats{Packets: g.past.packets, Bytes: g.past.bytes}
	for _, o := range i.objs[KindTrap] {
		if t, ok := o.(*TrapInfo); ok && t.Group == name {
			packets, bytes := t.trap.counted()
			s.Packets += packets
			s.Bytes += bytes
		}
	}
	return s, nil
}
