package devlink

import (
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// An instance can be part of another one, or of the function that a port of another one
// leads to. Then the other is told again when the instance is registered, moved or
// unregistered. That is posted after the instance's own events, with no lock and no slot
// of the instance held, and dropped if what it is nested in has gone meanwhile (L7).
// Linux: devlink_rel (net/devlink/core.c).

// nesting is where an instance is nested.
type nesting struct {
	in         *Instance
	endings    uint64 // of in
	onPort     bool
	port, born uint32
}

// Nest makes child, which is not registered yet, part of the instance. From the child's
// registration on the instance shows it; with its unregistration that ends. The errors
// match ErrInvalid for nil, the instance itself or one of another registry, ErrBusy for one
// that is registered or nested already. Linux: devl_nested_devlink_set.
func (l *Locked) Nest(child *Instance) error {
	return l.nest("devlink.nest", child, &nesting{in: l.inst})
}

// NestInPort is [Locked.Nest] into the function of a port, and ErrNoDevice if there is no
// such port. Linux: devl_port_fn_devlink_set.
func (l *Locked) NestInPort(port uint32, child *Instance) error {
	const what = "devlink.port.nest"
	p, err := l.inst.port(what, port)
	if err != nil {
		return err
	}
	return l.nest(what, child, &nesting{in: l.inst, onPort: true, port: port, born: p.born})
}

func (l *Locked) nest(what string, child *Instance, n *nesting) error {
	if child == nil || child == l.inst || child.reg != l.inst.reg {
		return l.refuse(what, "", "bad nested instance", switchdev.ErrInvalid)
	}
	l.inst.mu.Lock()
	err := l.live(what)
	n.endings = l.inst.endings
	l.inst.mu.Unlock()
	if err != nil {
		return err
	}
	child.mu.Lock()
	defer child.mu.Unlock()
	if child.state != Allocated || child.nested != nil {
		return l.refuse(what, "", "already registered or nested", switchdev.ErrBusy)
	}
	child.nested = n
	if err = l.live(what); err != nil { // meanwhile, as two instances are not locked at once
		child.nested = nil
	}
	return err
}

// altered is called, with no lock held, after an instance was registered, moved or
// unregistered, for whom it is nested in.
func (i *Instance) altered() {
	i.mu.Lock()
	n, visible, namespace := i.nested, i.state.Visible(), i.namespace
	if i.state == Unregistering {
		i.nested = nil
	}
	i.mu.Unlock()
	if n == nil {
		return
	}
	var now *NestedIn
	if visible {
		now = &NestedIn{Handle: i.handle, Namespace: namespace}
	}
	n.in.tell(func() []Event { return n.in.poke(n, i.handle, now) })
}

// poke shows what is nested as it is now, nil if it cannot be seen. The caller holds mu.
func (i *Instance) poke(n *nesting, h Handle, now *NestedIn) []Event {
	if i.endings != n.endings || i.state == Freed {
		return nil // unregistered meanwhile
	}
	if !n.onPort {
		c := *i.info
		c.Nested = slices.DeleteFunc(slices.Clone(c.Nested), func(o NestedIn) bool { return o.Handle == h })
		if now != nil {
			c.Nested = append(c.Nested, *now)
		}
		i.info = &c
		return []Event{{Verb: Changed, Object: &c, Marks: Poked}}
	}
	was, _ := i.objs.get(KindPort, Key{Port: n.port, OnPort: true}).(*PortInfo)
	if was == nil || was.born != n.born {
		return nil
	}
	p := was.clone()
	if p.Function == nil {
		p.Function = &PortFunction{}
	}
	p.Function.Nested = now
	i.objs.put(p)
	return []Event{{Verb: Changed, Object: p, Marks: Poked}}
}

// forgetNested ends that instances are part of this one, which nobody can see. The caller
// holds mu.
func (i *Instance) forgetNested() {
	c := *i.info
	c.Nested, i.info = nil, &c
	for _, o := range i.objs[KindPort] {
		if p, ok := o.(*PortInfo); ok && p.Function != nil && p.Function.Nested != nil {
			n := p.clone()
			n.Function.Nested = nil
			i.objs.put(n)
		}
	}
}
