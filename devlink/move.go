package devlink

import (
	"context"
	"fmt"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// Move takes a registered instance to another namespace, "" being the initial one.
// Subscribers of the old one hear of the end of all its objects and of its own, those
// of the new one of its beginning and of its objects', in one step: nobody finds it
// nowhere, nor in both. Its generation is one more, everything else is as it was; no
// driver is asked, unless one has to be restarted for it, which is a reload then. To
// where it is it is moved by doing nothing.
//
// The errors match ErrInvalid for a namespace that is not there or is being deleted,
// ErrNoDevice if the instance is not registered. Ours: Linux moves an instance only
// by a reload.
func (i *Instance) Move(ctx context.Context, namespace string) error {
	return i.SubmitMove(namespace).Wait(ctx)
}

// SubmitMove is Move without the wait. It never blocks.
func (i *Instance) SubmitMove(namespace string) *Ticket {
	return i.submit("devlink.move", func(o *op) error { return i.move(o, namespace) })
}

func (i *Instance) move(o *op, to string) error {
	i.mu.Lock()
	state, from := i.state, i.namespace
	i.mu.Unlock()
	if err := i.gate(o.what, onMove); err != nil {
		return o.refuse("", err)
	}
	switch {
	case to == from:
		return nil
	case !i.reg.reserve(i, to):
		return o.refuse("Unknown network namespace", switchdev.ErrInvalid)
	case state == Failed || !i.restartsToMove():
		i.rebind(to, nil)
		return nil
	}
	err := i.restart(o, to, false)
	if i.Namespace() != to {
		i.reg.release(i, to)
	}
	return err
}

// rebind takes the instance from the namespace where it is to one that has let it in,
// with all that it has at the moment and, in the same step, another change.
func (i *Instance) rebind(to string, change func()) {
	from, visible := i.rebindLocked(to, change)
	if from != to {
		i.reg.release(i, from)
	}
	if visible {
		i.altered()
	}
}

func (i *Instance) rebindLocked(to string, change func()) (from string, visible bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	from, old := i.namespace, i.view()
	if change != nil {
		change()
	}
	i.namespace, visible = to, i.state.Visible()
	if visible {
		i.begin()
		i.reg.hub.move(old, i.view())
	}
	return from, visible
}

// Free ends an instance that is not registered; its handle can be used again. What it
// still has is a mistake of its driver: it is freed all the same, and the error is a
// [*LeftoverError]. ErrBusy if it is registered. Afterwards every operation answers
// ErrNoDevice. Linux: devlink_free.
func (i *Instance) Free(ctx context.Context) error { return i.SubmitFree().Wait(ctx) }

// SubmitFree is Free without the wait. It never blocks.
func (i *Instance) SubmitFree() *Ticket { return i.submitLast("devlink.free", i.free) }

func (i *Instance) free(o *op) error {
	i.mu.Lock()
	if err := i.step(onFree); err != nil {
		i.mu.Unlock()
		return o.refuse("registered", err)
	}
	left := &LeftoverError{Handle: i.handle}
	for obj := range i.view().backwards() {
		if obj.Kind() != KindInstance {
			left.Objects = append(left.Objects, obj)
		}
	}
	i.objs = objects{}
	namespace := i.namespace
	i.mu.Unlock()

	i.reg.mu.Lock()
	delete(i.reg.instances, i.handle)
	delete(i.reg.namespaces[namespace].members, i)
	i.reg.mu.Unlock()
	for _, obj := range left.Objects {
		release(obj)
	}
	if len(left.Objects) > 0 {
		return left
	}
	return nil
}

// LeftoverError tells of objects that a driver had left behind where it was to remove
// them. It matches [switchdev.ErrBusy]; what was to be done has been done.
type LeftoverError struct {
	Handle  Handle
	Objects []Object
}

// Error names the objects.
func (e *LeftoverError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: the driver left behind", e.Handle)
	for i, o := range e.Objects {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(" " + label(o))
	}
	return b.String()
}

// Unwrap returns [switchdev.ErrBusy].
func (e *LeftoverError) Unwrap() error { return switchdev.ErrBusy }
