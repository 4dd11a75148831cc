package rack

import (
	"context"
	"errors"
	"fmt"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/devlinktest"
	"github.com/switchcore/switchcore/switchdev"
)

// maxDepth bounds callbacks that wait for others that wait for others.
const maxDepth = 3

// park is what happens while a driver takes long: it has its instance, and everybody else
// goes on.
func (c *card) park(ctx context.Context) {
	r := c.r
	r.look()
	if r.depth > maxDepth {
		return
	}
	r.w.Fault("parked driver")
	for range 1 + c.rng.IntN(3) {
		other := r.cards[c.rng.IntN(len(r.cards))]
		ns := spaces()[c.rng.IntN(len(spaces()))]
		circle, verb, err, name := other.in > 0, true, error(nil), ""
		switch c.rng.IntN(10) {
		case 0, 1:
			name, err = "wait", other.inst.Do(ctx, func(context.Context, *devlink.Locked) error { return nil })
		case 2:
			name, err = "register", other.inst.Register(ctx)
		case 3:
			name, err = "unregister", other.inst.Unregister(ctx)
		case 4:
			name, err = "move", other.inst.Move(ctx, ns)
		case 5:
			name = "reload"
			_, err = other.inst.Reload(ctx, devlink.ReloadRequest{})
		case 6:
			name, verb, err = "delete namespace", false, r.deleteInside(ctx, ns)
		case 7:
			name, verb, err = "try", false, r.try(ctx, other, c)
		default:
			name, verb, err = "notify", false, r.ear(c.rng.IntN(2) == 0)
		}
		r.answered(fmt.Sprintf("card %d inside, %s card %d", c.slot, name, other.slot), err)
		if verb && circle != errors.Is(err, switchdev.ErrDeadlock) {
			r.wrong(invOthers, "card %d: %s of card %d, which waits for it: %v: %v", c.slot, name, other.slot, circle, err)
		}
	}
}

// look is what everybody can always do: nobody is waited for.
func (r *Rack) look() {
	snap := r.reg.Snapshot()
	for ns := range snap.Namespaces() {
		for range r.reg.Instances(ns) {
		}
	}
	s, err := r.reg.Subscribe(devlink.SubscribeOptions{AllNamespaces: true, Replay: true})
	if err != nil {
		r.wrong(invOthers, "subscribe: %v", err)
	}
	check := devlinktest.NewStream(devlink.SubscribeOptions{AllNamespaces: true, Replay: true})
	if err = check.Read(s, 0); err == nil {
		err = check.Compare(snap)
	}
	if err != nil {
		r.wrong(invStream, "%v", err)
	}
	s.Close()
}

// deleteInside deletes a namespace from inside a callback, and waits for that.
func (r *Rack) deleteInside(ctx context.Context, ns string) error {
	k := r.reg.SubmitDeleteNamespace(ns)
	delete(r.namespaces, ns)
	r.namespaces[""] = true
	err := k.Wait(ctx)
	if errors.Is(err, switchdev.ErrDeadlock) {
		r.open = append(r.open, pending{"delete namespace", k}) // it goes on
	}
	return err
}

// try is TryDo.
func (r *Rack) try(ctx context.Context, other, c *card) error {
	ran, err := other.inst.TryDo(ctx, func(ctx context.Context, l *devlink.Locked) error {
		defer other.enter(ctx, l)()
		other.fiddle(l)
		return nil
	})
	if ran && err == nil && other == c {
		r.wrong(invSlot, "card %d has itself twice", c.slot)
	}
	return err
}

// ear adds a notifier to the whole registry, or removes one.
func (r *Rack) ear(add bool) error {
	if !add {
		if len(r.ears) > 0 {
			r.ears[0].Stop()
			r.ears = r.ears[1:]
		}
		return nil
	}
	if len(r.ears) > 3 {
		return nil
	}
	o := devlink.SubscribeOptions{AllNamespaces: true, Replay: true}
	n, err := r.reg.Notify(devlink.NotifyOptions{SubscribeOptions: o}, r.hear(o))
	if err == nil {
		r.ears = append(r.ears, n)
	}
	return err
}

// hear is what a notifier calls.
func (r *Rack) hear(o devlink.SubscribeOptions) func(context.Context, devlink.Event) {
	s := devlinktest.NewStream(o)
	return func(ctx context.Context, e devlink.Event) {
		if err := s.Hear(e); err != nil {
			r.wrong(invStream, "a notifier: %v", err)
		}
		if err := r.reg.CloseContext(ctx); !errors.Is(err, switchdev.ErrDeadlock) {
			r.wrong(invError, "Close from inside a notifier: %v", err)
		}
	}
}

// radio is an auxiliary driver, which listens to the whole registry while it is there.
type radio struct {
	c    *card
	name string
	ear  *devlink.Notifier
}

// Name implements [devlink.Auxiliary].
func (a *radio) Name() string { return a.name }

// Probe implements [devlink.Auxiliary].
func (a *radio) Probe(ctx context.Context, l *devlink.Locked) (err error) {
	if a.c.fault&stays != 0 {
		return errCard
	}
	o := devlink.SubscribeOptions{AllNamespaces: true, Replay: true}
	a.ear, err = a.c.r.reg.Notify(devlink.NotifyOptions{SubscribeOptions: o}, a.c.r.hear(o))
	return err
}

// Remove implements [devlink.Auxiliary].
func (a *radio) Remove(ctx context.Context, l *devlink.Locked) {
	if err := a.ear.Close(ctx); err != nil {
		a.c.r.wrong(invOthers, "a notifier, closed by an auxiliary driver: %v", err)
	}
}

// spaces are the names of namespaces.
func spaces() []string { return []string{"", "n1", "n2", "n3"} }
