package devlink

import (
	"context"
	"math/bits"

	"github.com/switchcore/switchcore/switchdev"
)

// Reloader is the ability of a driver to be reloaded: what it has is taken down and
// brought up again, with the parameters and resources that were set meanwhile and
// perhaps in another namespace. Each callback has the instance to itself. Linux: struct
// devlink_ops, reload_down and reload_up.
type Reloader interface {
	// Reloads says what the driver can do. It is called once, by [Registry.NewInstance].
	Reloads() ReloadCapabilities

	// ReloadDown has the driver remove what has to come anew: with ActionDriverReinit
	// all ports, traps, groups and policers. What it leaves of these is removed in
	// its place and reported. An error leaves everything as it is, and the driver
	// working; an error that [TornDown] has marked, and a panic, mean that it works no
	// more.
	ReloadDown(ctx context.Context, l *Locked, r Reload) error

	// ReloadUp has it come up again, and says what was done: at least the action. An
	// error means that it is down, with everything gone that this call added: what it
	// leaves of that is removed and reported.
	ReloadUp(ctx context.Context, l *Locked, r Reload) (performed ReloadActions, err error)
}

// ReloadChecker is a [Reloader] that may refuse before anything is touched, its
// auxiliary drivers among them: its error is the outcome of the reload. Ours: in Linux
// drivers refuse in reload_down.
type ReloadChecker interface {
	CheckReload(ctx context.Context, l *Locked, r Reload) error
}

// NamespaceRestarter is a [Reloader] that can be another namespace's only after a
// restart, if RestartsToMove, which is called once, says so: then [Instance.Move] and the
// deletion of its namespace reload it. Others are moved without being asked. Linux
// reloads all drivers.
type NamespaceRestarter interface {
	RestartsToMove() bool
}

// Remover is the ability of a driver to remove what it has after its instance was
// unregistered. Nobody hears of it. With alreadyDown it has nothing that works, as a
// reload went wrong. The error is that of Unregister, which has happened all the same.
type Remover interface {
	Remove(ctx context.Context, l *Locked, alreadyDown bool) error
}

// FailedWorker is the ability of a driver to carry out some commands although a reload
// went wrong. WorksFailed is asked with the name of the command as in errors, such as
// "devlink.port.new", and answers at once; of others ErrReloadFailed is the outcome, as it
// is when it panics, which is logged.
type FailedWorker interface {
	WorksFailed(command string) bool
}

// worksFailed asks the driver whether it carries out a command though a reload went wrong.
// One that panics does not.
func (i *Instance) worksFailed(what string) (works bool) {
	if i.able.down == nil {
		return false
	}
	defer i.survive(what, func() { works = false })
	return i.able.down.WorksFailed(what)
}

// survive is deferred around what is called outside the callbacks of an operation: a panic
// is logged, and what is to be done then is done.
func (i *Instance) survive(what string, then func()) {
	if p := recover(); p != nil {
		i.panicked(what, p)
		then()
	}
}

// abilities are what the driver of an instance can do where its life is concerned.
type abilities struct {
	reload   Reloader
	caps     ReloadCapabilities
	check    ReloadChecker
	remove   Remover
	down     FailedWorker
	restarts bool

	// for tests: what happens in which state, and a place between two steps.
	trace func(i *Instance, s State, on trigger)
	pause func(i *Instance, at string)
}

// equip looks for the abilities of the driver, once, and says which contradict each
// other. Linux: devlink_reload_actions_valid (net/devlink/dev.c).
func (i *Instance) equip() error {
	a, d := &i.able, i.driver
	a.reload, _ = switchdev.As[Reloader](d)
	a.check, _ = switchdev.As[ReloadChecker](d)
	a.remove, _ = switchdev.As[Remover](d)
	a.down, _ = switchdev.As[FailedWorker](d)
	if m, ok := switchdev.As[NamespaceRestarter](d); ok {
		a.restarts = m.RestartsToMove()
	}
	reason := ""
	if a.reload == nil {
		reason = halfReloader(d)
	} else {
		a.caps = a.reload.Reloads()
		reason = a.caps.check()
	}
	switch {
	case reason != "":
	case a.check != nil && a.reload == nil:
		reason = "CheckReload without ReloadDown and ReloadUp"
	case a.restarts && !a.caps.Actions.Has(ActionDriverReinit):
		reason = "a restart for another namespace without the action driver_reinit"
	}
	if reason != "" {
		return i.refuse("devlink.alloc", "", reason, switchdev.ErrInvalid)
	}
	i.info.Reloads = a.caps
	return nil
}

// halfReloader finds a driver that was meant to be a Reloader.
func halfReloader(d switchdev.Driver) string {
	_, caps := switchdev.As[interface{ Reloads() ReloadCapabilities }](d)
	_, down := switchdev.As[interface {
		ReloadDown(context.Context, *Locked, Reload) error
	}](d)
	_, up := switchdev.As[interface {
		ReloadUp(context.Context, *Locked, Reload) (ReloadActions, error)
	}](d)
	switch {
	case down != up:
		return "one of ReloadDown and ReloadUp without the other"
	case caps:
		return "reload actions without ReloadDown and ReloadUp"
	case down:
		return "ReloadDown and ReloadUp without actions"
	}
	return ""
}

func (c ReloadCapabilities) check() string {
	const known, reset = ReloadActions(1<<numActions - 1), ReloadLimits(1<<numLimits - 1)
	switch {
	case c.Actions == 0 || c.Actions&^known != 0 || c.Actions.Has(ActionUnspec):
		return "bad reload actions"
	case c.Limits&^reset != 0 || c.Limits.Has(LimitUnspec):
		return "bad reload limits"
	case c.Limits != 0 && bits.OnesCount8(uint8(c.Actions)) == 1 && c.Actions.Has(ActionDriverReinit):
		return "a reload limit that goes with no action" // driver_reinit with no_reset
	}
	return ""
}

// restartsToMove reports whether the driver has to be restarted for another
// namespace.
func (i *Instance) restartsToMove() bool { return i.able.restarts }

// arrive is called after the instance was registered, with the slot.
func (i *Instance) arrive(o *op) error { return i.probeAll(o) }

// retreat has the driver remove what it has, after nobody can see the instance any
// more. The state is Unregistering.
func (i *Instance) retreat(o *op) error {
	err := i.removeAll(o)
	if i.able.remove == nil {
		return err
	}
	i.mu.Lock()
	down := i.down
	i.mu.Unlock()
	return join(err, o.call(func(ctx context.Context, l *Locked) error { return i.able.remove.Remove(ctx, l, down) }))
}
