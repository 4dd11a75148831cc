package devlink

import (
	"context"
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// Roles that the driver of an instance may have: what it does about policers of traps.
type (
	// PolicerInstaller is told of a policer that is being added, and can refuse it, and of
	// one that has been removed.
	PolicerInstaller interface {
		// InstallPolicer is told of one that is being added; with an error it is not.
		InstallPolicer(ctx context.Context, l *Locked, p *PolicerInfo) error
		// UninstallPolicer is told of one that has been removed, or not been added.
		UninstallPolicer(ctx context.Context, l *Locked, p *PolicerInfo)
	}
	// PolicerSetter sets rate and burst size of a policer, which are within its limits.
	PolicerSetter interface {
		SetPolicer(ctx context.Context, l *Locked, p *PolicerInfo, rate, burst uint64) error
	}
	// PolicerCounter returns how many packets a policer has dropped.
	PolicerCounter interface {
		PolicerDrops(ctx context.Context, l *Locked, p *PolicerInfo) (uint64, error)
	}
)

// PolicerInfo describes a policer of traps, and is what can be seen of one. Its key has
// its number.
type PolicerInfo struct {
	// ID is its number, not 0.
	ID uint32
	// Rate is how many packets a second it lets pass, Burst how many at a time.
	Rate, Burst uint64
	// The limits, both ends included.
	MinRate, MaxRate, MinBurst, MaxBurst uint64
}

// Kind implements [Object].
func (*PolicerInfo) Kind() Kind { return KindPolicer }

// Key implements [Object].
func (p *PolicerInfo) Key() Key { return Key{ID: uint64(p.ID)} }

func policerName(id uint32) string { return "policer/" + strconv.FormatUint(uint64(id), 10) }

// outside says which limit a rate or a burst size breaks, "" if none.
func (p *PolicerInfo) outside(rate, burst uint64) string {
	switch {
	case rate < p.MinRate:
		return "Policer rate lower than limit"
	case rate > p.MaxRate:
		return "Policer rate higher than limit"
	case burst < p.MinBurst:
		return "Policer burst size lower than limit"
	case burst > p.MaxBurst:
		return "Policer burst size higher than limit"
	}
	return ""
}

// AddPolicers adds policers: all, or none and an error, told in one step. The errors
// match ErrInvalid for the number 0 and values outside the limits, ErrExist for a number
// in use; else they are those of a [PolicerInstaller]. Linux:
// devl_trap_policers_register (net/devlink/trap.c).
func (l *Locked) AddPolicers(list ...PolicerInfo) error {
	const what = "devlink.trap.policer.add"
	if err := l.live(what); err != nil {
		return err
	}
	objs := make([]Object, len(list))
	for n := range list {
		p := list[n]
		reason := p.outside(p.Rate, p.Burst)
		if p.ID == 0 {
			reason = "no number"
		}
		if reason != "" {
			return l.refuse(what, policerName(p.ID), reason, switchdev.ErrInvalid)
		}
		objs[n] = &p
	}
	if err := l.vacant(what, objs); err != nil {
		return err
	}
	undo, err := l.installPolicers(what, objs)
	if err == nil {
		err = l.addAll(what, objs)
	}
	if err != nil {
		undo()
	}
	return err
}

func (l *Locked) installPolicers(what string, objs []Object) (undo func(), err error) {
	installer, ok := switchdev.As[PolicerInstaller](l.inst.driver)
	done := 0
	undo = func() {
		for ; done > 0; done-- {
			installer.UninstallPolicer(l.ctx, l, objs[done-1].(*PolicerInfo))
		}
	}
	if !ok {
		return undo, nil
	}
	for _, o := range objs {
		p := o.(*PolicerInfo)
		if err := installer.InstallPolicer(l.ctx, l, p); err != nil {
			return undo, l.inst.driverError(what, policerName(p.ID), err)
		}
		done++
	}
	return undo, nil
}

// RemovePolicers removes policers, the last first; all or none. ErrNotExist if one is not
// there, ErrBusy if a group is bound to it. Linux: devl_trap_policers_unregister, which
// looks at neither.
func (l *Locked) RemovePolicers(ids ...uint32) error {
	keys, list := make([]Key, len(ids)), make([]*PolicerInfo, len(ids))
	for n, id := range ids {
		keys[n], list[n] = Key{ID: uint64(id)}, l.inst.policer(id)
	}
	err := l.removeAll("devlink.trap.policer.remove", KindPolicer, keys, func(o Object) string {
		for _, g := range l.inst.objs[KindGroup] {
			if g, ok := g.(*GroupInfo); ok && uint64(g.Policer) == o.Key().ID {
				return "a group is bound to it"
			}
		}
		return ""
	})
	if err != nil {
		return err
	}
	if installer, ok := switchdev.As[PolicerInstaller](l.inst.driver); ok {
		for n := len(list) - 1; n >= 0; n-- {
			installer.UninstallPolicer(l.ctx, l, list[n])
		}
	}
	return nil
}

// policer returns a policer, nil if there is none.
func (i *Instance) policer(id uint32) *PolicerInfo {
	i.mu.Lock()
	defer i.mu.Unlock()
	p, _ := i.objs.get(KindPolicer, Key{ID: uint64(id)}).(*PolicerInfo)
	return p
}

const noPolicer = "Device did not register this trap policer"

// findPolicer finds the policer that a user names.
func (i *Instance) findPolicer(what string, id uint32) (*PolicerInfo, error) {
	i.mu.Lock()
	none := len(i.objs[KindPolicer]) == 0
	i.mu.Unlock()
	if none {
		return nil, i.refuse(what, policerName(id), "", switchdev.ErrUnsupported)
	}
	if p := i.policer(id); p != nil {
		return p, nil
	}
	return nil, i.refuse(what, policerName(id), noPolicer, switchdev.ErrNotExist)
}

// PolicerChange says what to set of a policer; what is nil stays.
type PolicerChange struct {
	// Rate and Burst are as in [PolicerInfo].
	Rate, Burst *uint64
}

// SetPolicer sets something of a policer. The errors match ErrUnsupported if there are no
// policers or the driver cannot set them; ErrNotExist for one that is not there;
// ErrInvalid outside its limits; ErrNoDevice for an instance that nobody can see;
// ErrReloadFailed; else they are the driver's. After an error it is as it was. Linux:
// devlink_nl_trap_policer_set_doit (net/devlink/trap.c), which tells nobody: the change is
// marked [Silent].
func (i *Instance) SetPolicer(ctx context.Context, id uint32, c PolicerChange) error {
	return i.SubmitSetPolicer(id, c).Wait(ctx)
}

// SubmitSetPolicer is SetPolicer without the wait. It never blocks.
func (i *Instance) SubmitSetPolicer(id uint32, c PolicerChange) *Ticket {
	c = PolicerChange{copied(c.Rate), copied(c.Burst)}
	return i.submit("devlink.trap.policer.set", func(o *op) error {
		if err := i.usable(o.what, false); err != nil {
			return err
		}
		setter, ok := switchdev.As[PolicerSetter](i.driver)
		if !ok {
			return i.refuse(o.what, policerName(id), "", switchdev.ErrUnsupported)
		}
		p, err := i.findPolicer(o.what, id)
		if err != nil {
			return err
		}
		rate, burst := p.Rate, p.Burst
		if c.Rate != nil {
			rate = *c.Rate
		}
		if c.Burst != nil {
			burst = *c.Burst
		}
		if reason := p.outside(rate, burst); reason != "" {
			return i.refuse(o.what, policerName(id), reason, switchdev.ErrInvalid)
		}
		err = o.call(func(ctx context.Context, l *Locked) error { return setter.SetPolicer(ctx, l, p, rate, burst) })
		if err != nil {
			return i.driverError(o.what, policerName(id), err)
		}
		i.notePolicer(id, rate, burst)
		return nil
	})
}

func (i *Instance) notePolicer(id uint32, rate, burst uint64) {
	i.tell(func() []Event {
		was, _ := i.objs.get(KindPolicer, Key{ID: uint64(id)}).(*PolicerInfo)
		if was == nil || was.Rate == rate && was.Burst == burst {
			return nil
		}
		n := *was
		n.Rate, n.Burst = rate, burst
		i.objs.put(&n)
		return []Event{{Verb: Changed, Object: &n, Marks: Silent}}
	})
}

// PolicerStats asks the driver how many packets a policer has dropped; without a
// [PolicerCounter] nothing is Counted. The errors are those of SetPolicer but that of a
// failed reload.
func (i *Instance) PolicerStats(ctx context.Context, id uint32) (TrapStats, error) {
	k := i.SubmitPolicerStats(id)
	err := k.Wait(ctx)
	return k.Stats(), err
}

// SubmitPolicerStats is PolicerStats without the wait. It never blocks.
func (i *Instance) SubmitPolicerStats(id uint32) *StatsTicket {
	return i.submitStats("devlink.trap.policer.get", func(o *op) (s TrapStats, err error) {
		p, err := i.findPolicer(o.what, id)
		if err != nil {
			return s, err
		}
		counter, ok := switchdev.As[PolicerCounter](i.driver)
		if !ok {
			return s, nil
		}
		err = o.call(func(ctx context.Context, l *Locked) (err error) {
			s.Drops, err = counter.PolicerDrops(ctx, l, p)
			return err
		})
		if err != nil {
			return TrapStats{}, i.driverError(o.what, policerName(id), err)
		}
		s.Counted = true
		return s, nil
	})
}
