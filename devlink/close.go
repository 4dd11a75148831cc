package devlink

import (
	"context"
	"errors"
	"maps"

	"github.com/switchcore/switchcore/switchdev"
)

// Close unregisters every instance, the newest first, and ends the registry.
// Operations that have not begun are refused with [switchdev.ErrClosed], as is what is
// submitted from now on; only what callbacks unregister and free themselves is carried
// out. The ctx of the callbacks that are out ends, and Close waits for them. Then
// notifiers are told the rest, subscribers read what there is left. The error joins
// what went wrong. Another Close waits for the first.
//
// A callback that calls it waits for itself, as Close does not know that it is one: call
// CloseContext with the callback's ctx where that may be. On a Manual registry Close does
// what Poll does.
func (r *Registry) Close() error { return r.CloseContext(context.Background()) }

// CloseContext is Close with a ctx that ends the wait: the registry is closed all the
// same, what notifiers have not heard by then they do not hear, and the error names the
// instances whose drivers have not returned. From inside a callback, which is known by
// its ctx, the error matches [switchdev.ErrDeadlock] and nothing is closed; what a callback
// of another registry would wait for here is not known.
func (r *Registry) CloseContext(ctx context.Context) error {
	r.ranks.free()
	if c := r.caller(ctx); c != nil && c.reg == r {
		return &switchdev.OpError{Op: "devlink.close", Err: switchdev.ErrDeadlock}
	}
	list, first := r.beginClose()
	if !first {
		return r.attend(ctx, r.gone)
	}
	defer close(r.gone)
	for _, i := range list {
		for _, o := range i.slot.waiting() {
			o.ticket.withdraw(o.refuse("", switchdev.ErrClosed))
		}
	}
	r.cancel() // not before, as what a callback that hurries leaves room for would begin
	errs := r.unregisterAll(ctx, list)
	var late error
	for idle := r.shut(false); idle != nil; idle = r.shut(late != nil) {
		late = r.attend(ctx, idle)
	}
	errs = append(errs, late, r.endNotifiers(ctx))
	r.end()
	return errors.Join(errs...)
}

// beginClose stops admission and returns the instances, the newest first, to the
// first who asks.
func (r *Registry) beginClose() (list []*Instance, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return nil, false
	}
	r.closing = true
	return newestFirst(maps.Values(r.instances)), true
}

// unregisterAll unregisters what is registered. When ctx has ended it waits for nobody any
// more, and who is not doing anything then is only late.
func (r *Registry) unregisterAll(ctx context.Context, list []*Instance) (errs []error) {
	for _, i := range list {
		late, idle := ctx.Err() != nil, i.slot.now() == nil
		k := i.submitLast("devlink.unregister", func(o *op) error {
			if !i.State().Visible() {
				return nil
			}
			return i.unregister(o)
		})
		switch err := r.attend(ctx, k.done); {
		case err == nil && i.State() != Freed:
			errs = append(errs, k.err)
		case err != nil && !(late && idle):
			errs = append(errs, &switchdev.OpError{Op: "devlink.close", Object: i.handle.String(), Reason: "its driver has not returned", Err: err})
		}
	}
	return errs
}

// endNotifiers closes the ring and waits until the notifiers have been told the rest.
func (r *Registry) endNotifiers(ctx context.Context) (err error) {
	r.hub.ring.Close()
	list := *r.hub.notifiers.Load()
	for _, n := range list {
		if n.drop {
			n.Stop()
		}
		n.kick()
	}
	for _, n := range list {
		if err = r.attend(ctx, n.ended); err != nil {
			break
		}
	}
	if err != nil {
		for _, n := range list {
			n.Stop()
		}
	}
	return err
}

// attend waits for a channel to be closed; on a Manual registry it carries out what
// there is meanwhile.
func (r *Registry) attend(ctx context.Context, done <-chan struct{}) error {
	for {
		var news <-chan struct{}
		if r.cfg.Manual {
			news = r.news()
			r.Poll(r.now())
		}
		select {
		case <-done:
			return nil
		default:
		}
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
		}
	}
}
