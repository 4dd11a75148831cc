package devlink

import (
	"context"
	"errors"
	"strings"
)

// ReloadAction is something that a reload does. The numbers are those of Linux (enum
// devlink_reload_action).
type ReloadAction uint8

// The actions.
const (
	// ActionUnspec is none. In a request it stands for ActionDriverReinit.
	ActionUnspec ReloadAction = iota
	// ActionDriverReinit takes the driver down and brings it up, with what was set to
	// take effect then.
	ActionDriverReinit
	// ActionFWActivate activates firmware that was flashed.
	ActionFWActivate
	numActions
)

var actionNames = [numActions]string{"unspec", "driver_reinit", "fw_activate"}

// String returns the action's name, for instance "driver_reinit".
func (a ReloadAction) String() string {
	if a < numActions {
		return actionNames[a]
	}
	return "action?"
}

// ReloadActions is a set of actions. The zero ReloadActions is empty.
type ReloadActions uint8

// ActionsOf returns the set of some actions.
func ActionsOf(list ...ReloadAction) (s ReloadActions) {
	for _, a := range list {
		s |= 1 << a
	}
	return s
}

// Has reports whether an action is in the set.
func (s ReloadActions) Has(a ReloadAction) bool { return a < 8 && s&(1<<a) != 0 }

// Each returns the actions of the set in their order.
func (s ReloadActions) Each() (list []ReloadAction) {
	for a := range numActions {
		if s.Has(a) {
			list = append(list, a)
		}
	}
	return list
}

// String returns the names with commas between.
func (s ReloadActions) String() string {
	var names []string
	for _, a := range s.Each() {
		names = append(names, a.String())
	}
	return strings.Join(names, ",")
}

// ReloadLimit is what a reload must not do. The numbers are those of Linux (enum
// devlink_reload_limit).
type ReloadLimit uint8

// The limits.
const (
	// LimitUnspec: there is none.
	LimitUnspec ReloadLimit = iota
	// LimitNoReset: no link goes down, no configuration is lost.
	LimitNoReset
	numLimits
)

var limitNames = [numLimits]string{"unspecified", "no_reset"}

// String returns the limit's name, "unspecified" or "no_reset".
func (l ReloadLimit) String() string {
	if l < numLimits {
		return limitNames[l]
	}
	return "limit?"
}

// ReloadLimits is a set of limits. The zero ReloadLimits is empty.
type ReloadLimits uint8

// LimitsOf returns the set of some limits.
func LimitsOf(list ...ReloadLimit) (s ReloadLimits) {
	for _, l := range list {
		s |= 1 << l
	}
	return s
}

// Has reports whether a limit is in the set.
func (s ReloadLimits) Has(l ReloadLimit) bool { return l < 8 && s&(1<<l) != 0 }

// ReloadCapabilities are what a driver can do. Neither set contains what is
// unspecified.
type ReloadCapabilities struct {
	Actions ReloadActions
	Limits  ReloadLimits
}

// ReloadRequest is what a user asks for. The zero ReloadRequest asks for
// ActionDriverReinit where the instance is.
type ReloadRequest struct {
	Action ReloadAction
	// Limits has at most one; with LimitsGiven it is refused if it is empty, as in Linux.
	Limits      ReloadLimits
	LimitsGiven bool
	// To is where the instance is to be afterwards, "" being the initial namespace; nil is
	// where it is. More than one is refused, as Linux does with more than one attribute
	// that names a namespace.
	To []string
	// Allowed says whether the user may do so in a namespace; nil allows all. It is called
	// as a driver's callback is, but has no ctx, so it must not wait for the instance.
	Allowed func(namespace string) bool
}

// Reload is what a driver is asked for.
type Reload struct {
	Action ReloadAction
	Limit  ReloadLimit
	// Namespace is where the instance will be when the driver comes up. In ReloadUp it
	// is where it is, which is another one if that namespace was deleted meanwhile.
	Namespace string
	// NamespaceGiven tells that a namespace was asked for, be it the same one. Linux: the
	// argument netns_change.
	NamespaceGiven bool
	// AlreadyDown tells ReloadUp that ReloadDown was not called, as the reload before
	// went wrong.
	AlreadyDown bool
	// Forced tells that the namespace is being deleted. A refusal leaves the driver as it
	// is, and the instance failed in the initial namespace.
	Forced bool
}

// ReloadResult is what became of a reload.
type ReloadResult struct {
	// Performed is what the driver did, Replied whether Linux would say so in its answer:
	// only if an action or a limit was asked for.
	Performed ReloadActions
	Replied   bool
	// Leaked are the objects that the driver left behind where it was to remove them,
	// the newest first. They were removed.
	Leaked []Object
}

// ReloadProgress tells of the beginning and the end of a reload, with the verb Status
// and the mark Silent. It is no object that stays: it does not take the place of the
// *[InstanceInfo].
type ReloadProgress struct {
	Reload
	// Ended tells the end. Then Performed is what the driver did and Err the outcome.
	Ended     bool
	Performed ReloadActions
	Err       error
}

// Kind implements [Object].
func (*ReloadProgress) Kind() Kind { return KindInstance }

// Key implements [Object].
func (*ReloadProgress) Key() Key { return Key{} }

// text says what the progress is.
func (p *ReloadProgress) text() (s string) {
	switch {
	case !p.Ended:
		return "reload begins"
	case p.Performed == 0:
		s = "reload has failed"
	default:
		s = "reload has performed " + p.Performed.String()
	}
	if p.Err != nil {
		s += ": " + p.Err.Error()
	}
	return s
}

// ReloadTicket is the [Ticket] of a reload.
type ReloadTicket struct {
	*Ticket
	result ReloadResult
}

// Result returns what became of a reload that has ended, and the zero ReloadResult
// before that.
func (k *ReloadTicket) Result() ReloadResult {
	if k.ended() {
		return k.result
	}
	return ReloadResult{}
}

// Reload reloads the instance, in the order in which operations were submitted. Users
// hear of the end of what the driver takes down, of the instance's move if there is one,
// of what comes up and last of the instance, with its new counts. Others than this
// instance wait for nothing.
//
// Before anything happened the errors match, in this order: ErrNoDevice if the instance
// is not registered, ErrInvalid if the sizes of its resources do not fit, ErrUnsupported
// for an action or a limit that the driver has not, ErrInvalid for an unknown namespace
// or a limit that does not go with the action, ErrPermission for a namespace that is not
// allowed, ErrUnsupported for another namespace without ActionDriverReinit. Then comes
// the driver's: after one of ReloadDown everything is as it was; after one that
// [TornDown] has marked, a panic or one of ReloadUp the instance is Failed, which another
// reload may mend, and is where it was to go. After one that matches [ErrContract] or is
// an auxiliary driver's, the reload has gone well otherwise. Linux: devlink_reload
// (net/devlink/dev.c).
func (i *Instance) Reload(ctx context.Context, q ReloadRequest) (ReloadResult, error) {
	k := i.SubmitReload(q)
	err := k.Wait(ctx)
	return k.Result(), err
}

// SubmitReload is Reload without the wait. It never blocks.
func (i *Instance) SubmitReload(q ReloadRequest) *ReloadTicket {
	k := new(ReloadTicket)
	q.To = append([]string(nil), q.To...)
	o := i.newOp("devlink.reload", func(o *op) error { return i.reload(o, q, &k.result) })
	k.Ticket = o.ticket
	i.enqueue(o)
	return k
}

// TornDownError is the error of a driver that went down although it did not go well: it
// works no more.
type TornDownError struct{ Err error }

// TornDown marks the error of a ReloadDown that has left the driver down. It is nil if
// err is.
func TornDown(err error) error {
	if err == nil {
		return nil
	}
	return &TornDownError{err}
}

// Error returns the text of Err.
func (e *TornDownError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *TornDownError) Unwrap() error { return e.Err }

// torn reports whether the driver is down after an error of its ReloadDown. A panic that it
// only hands on is that of another driver.
func (o *op) torn(err error) bool {
	var t *TornDownError
	p, panicked := err.(*PanicError)
	return errors.As(err, &t) || panicked && p.op == o
}

// join is errors.Join, which does not wrap what is alone.
func join(list ...error) error {
	var some []error
	for _, err := range list {
		if err != nil {
			some = append(some, err)
		}
	}
	if len(some) == 1 {
		return some[0]
	}
	return errors.Join(some...)
}
