package devlink

import "github.com/switchcore/switchcore/switchdev"

// ReloadCounts are how often what was done, by limit and action; those that are
// unspecified as actions are 0. They wrap around. Linux: struct devlink_stats.
type ReloadCounts [numLimits][numActions]uint32

// Of returns one count, 0 if there is none.
func (c ReloadCounts) Of(l ReloadLimit, a ReloadAction) uint32 {
	if l >= numLimits || a >= numActions {
		return 0
	}
	return c[l][a]
}

func (c ReloadCounts) plus(l ReloadLimit, s ReloadActions) ReloadCounts {
	for _, a := range s.Each() {
		c[l][a]++
	}
	return c
}

// RemoteReloaded is for a driver to tell that somebody else has reloaded the device,
// such as another host that shares it: it counts that, and tells. It may be called from
// anywhere and waits for nobody. The errors match ErrInvalid for what is no action or
// limit, ErrNoDevice if the instance is not registered and [ErrContract] while it is
// being reloaded itself, whose outcome then matches that too. Linux:
// devlink_remote_reload_actions_performed (net/devlink/dev.c).
func (i *Instance) RemoteReloaded(l ReloadLimit, performed ReloadActions) error {
	const what = "devlink.reload.remote"
	if l >= numLimits || performed == 0 || performed&^(1<<numActions-1) != 0 || performed.Has(ActionUnspec) {
		return i.refuse(what, "", "no such actions or limit", switchdev.ErrInvalid)
	}
	var err error
	i.tell(func() []Event {
		if err = i.step(onRemote); err != nil {
			i.meddled = true
			err = i.refuse(what, "", "", err)
			return nil
		}
		n := *i.info
		n.Remote = n.Remote.plus(l, performed)
		i.info = &n
		return []Event{{Verb: Changed, Object: &n}}
	})
	return err
}
