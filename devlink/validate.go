package devlink

import (
	"context"
	"math/bits"

	"github.com/switchcore/switchcore/switchdev"
)

// validate makes of a request what the driver is asked for, and lets the instance in to
// where it is to go. The order of the checks, and the texts, are those of
// devlink_nl_reload_doit (net/devlink/dev.c).
func (i *Instance) validate(o *op, q *ReloadRequest) (r Reload, err error) {
	if !i.resourcesValid() {
		return r, o.refuse("resources size validation failed", switchdev.ErrInvalid)
	}
	if r.Action = q.Action; r.Action == ActionUnspec {
		r.Action = ActionDriverReinit
	}
	if !i.able.caps.Actions.Has(r.Action) {
		return r, o.refuse("Requested reload action is not supported by the driver", switchdev.ErrUnsupported)
	}
	if r.Limit, err = i.limit(o, q, r.Action); err != nil {
		return r, err
	}
	r.Namespace = i.Namespace()
	return r, i.target(o, q, &r)
}

// limit is the limit that a request has chosen.
func (i *Instance) limit(o *op, q *ReloadRequest, a ReloadAction) (l ReloadLimit, err error) {
	switch {
	case q.Limits == 0 && !q.LimitsGiven:
		return LimitUnspec, nil
	case q.Limits == 0:
		return l, o.refuse("Invalid limit selected", switchdev.ErrInvalid)
	case bits.OnesCount8(uint8(q.Limits)) > 1:
		return l, o.refuse("Multiselection of limit is not supported", switchdev.ErrUnsupported)
	case q.Limits&i.able.caps.Limits == 0:
		return l, o.refuse("Requested limit is not supported by the driver", switchdev.ErrUnsupported)
	}
	l = ReloadLimit(bits.TrailingZeros8(uint8(q.Limits)))
	if l == LimitNoReset && a == ActionDriverReinit {
		return l, o.refuse("Requested limit is invalid for this action", switchdev.ErrInvalid)
	}
	return l, nil
}

// target is the namespace that a request has chosen.
func (i *Instance) target(o *op, q *ReloadRequest, r *Reload) error {
	if len(q.To) == 0 {
		return nil
	}
	if len(q.To) > 1 {
		return o.refuse("multiple netns identifying attributes specified", switchdev.ErrInvalid)
	}
	from, to := r.Namespace, q.To[0]
	if to != from && !i.reg.reserve(i, to) {
		return o.refuse("Unknown network namespace", switchdev.ErrInvalid)
	}
	granted := false
	defer func() { // also when Allowed does not return
		if !granted {
			i.unreserve(from, to)
		}
	}()
	switch allowed, err := o.allows(q, to); {
	case err != nil:
		return err
	case !allowed:
		return o.refuse("", switchdev.ErrPermission)
	case to != from && r.Action != ActionDriverReinit:
		return o.refuse("Changing namespace is only supported for reinit action", switchdev.ErrUnsupported)
	}
	r.Namespace, r.NamespaceGiven, granted = to, true, true
	return nil
}

// allows asks the request, whose function may panic.
func (o *op) allows(q *ReloadRequest, to string) (allowed bool, err error) {
	if q.Allowed == nil {
		return true, nil
	}
	err = o.call(func(context.Context, *Locked) error {
		allowed = q.Allowed(to)
		return nil
	})
	return allowed, err
}

func (i *Instance) unreserve(from, to string) {
	if from != to {
		i.reg.release(i, to)
	}
}
