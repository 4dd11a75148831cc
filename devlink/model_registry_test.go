package devlink_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// model is a registry as it should be: slow, obvious, one thing after the other.
type model struct {
	now        time.Time
	index      uint64
	namespaces map[string]bool
	instances  map[devlink.Handle]*modelInstance
	last       map[devlink.Handle]*modelInstance // those that were freed, too
	active     []*modelInstance                  // whose callbacks are on the stack
	events     []told
	results    []error // of what callbacks did
}

func newModel(now time.Time) *model {
	return &model{now: now, namespaces: map[string]bool{"": true}, instances: make(map[devlink.Handle]*modelInstance), last: make(map[devlink.Handle]*modelInstance)}
}

func (m *model) make(h devlink.Handle, ns string, c *chip) (*modelInstance, error) {
	switch {
	case m.instances[h] != nil:
		return nil, switchdev.ErrExist
	case !m.namespaces[ns]:
		return nil, switchdev.ErrNotExist
	}
	m.index++
	x := &modelInstance{
		m: m, life: devlink.Life{Handle: h, Index: m.index, Namespace: ns}, home: ns, chip: c,
		born: make(map[uint32]int), hw: make(map[devlink.Key]uint32), health: make(map[devlink.Key]*modelHealth),
	}
	if c.reloads {
		x.info.Reloads = chipCaps()
	}
	m.instances[h], m.last[h] = x, x
	return x, nil
}

// sorted are the instances, the oldest first.
func (m *model) sorted() (list []*modelInstance) {
	for _, x := range m.instances {
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b *modelInstance) int { return cmp.Compare(a.life.Index, b.life.Index) })
	return list
}

// all are the objects of an instance in the order of a registration.
func (x *modelInstance) all() []devlink.Object {
	info := x.info
	list := []devlink.Object{&info}
	for _, objs := range x.objs {
		list = append(list, objs...)
	}
	return list
}

// begins and ends tell of everything.
func (x *modelInstance) begins() {
	x.life.Generation++
	x.life.Namespace = x.home
	for _, o := range x.all() {
		x.tell(devlink.Added, o, bracketMarks(o))
	}
}

func (x *modelInstance) ends() {
	for _, o := range slices.Backward(x.all()) {
		x.tell(devlink.Deleted, o, bracketMarks(o))
	}
}

// call runs a callback.
func (x *modelInstance) call(acts []act) {
	x.m.active = append(x.m.active, x)
	for _, a := range acts {
		x.m.results = append(x.m.results, x.do(a))
	}
	x.m.active = x.m.active[:len(x.m.active)-1]
}

func (x *modelInstance) register() error {
	switch {
	case x.state == devlink.Freed:
		return switchdev.ErrNoDevice
	case x.state != devlink.Allocated:
		return switchdev.ErrBusy
	}
	x.state = devlink.Registered
	x.begins()
	x.altered()
	return x.probeAll()
}

func (x *modelInstance) unregister() error {
	if !x.state.Visible() {
		return switchdev.ErrNoDevice
	}
	x.ends()
	x.state = devlink.Unregistering
	x.altered()
	x.removeAll()
	if x.chip.reloads {
		x.call(x.chip.plan.remove)
	}
	x.state, x.down = devlink.Allocated, false
	x.info.ReloadFailed, x.info.Nested = false, nil
	for _, o := range x.objs[devlink.KindPort] {
		if p := *o.(*devlink.PortInfo); p.Function != nil {
			p.Function = &devlink.PortFunction{}
			x.change(devlink.Changed, &p, 0)
		}
	}
	x.endings++
	return nil
}

func (x *modelInstance) free() error {
	switch {
	case x.state == devlink.Freed:
		return switchdev.ErrNoDevice
	case x.state != devlink.Allocated:
		return switchdev.ErrBusy
	}
	left := len(x.all()) > 1
	x.state, x.objs = devlink.Freed, [len(x.objs)][]devlink.Object{}
	delete(x.m.instances, x.life.Handle)
	if left {
		return switchdev.ErrBusy
	}
	return nil
}

// rebind takes an instance to another namespace.
func (x *modelInstance) rebind(to string, change func()) {
	x.ends()
	if change != nil {
		change()
	}
	x.home = to
	if x.state.Visible() {
		x.begins()
		x.altered()
	}
}

func (x *modelInstance) move(to string) error {
	switch {
	case !x.state.Visible():
		return switchdev.ErrNoDevice
	case to == x.home:
		return nil
	case !x.m.namespaces[to]:
		return switchdev.ErrInvalid
	case x.state == devlink.Failed || !x.chip.restarts:
		x.rebind(to, nil)
		return nil
	case !x.resourcesFit():
		return switchdev.ErrInvalid
	}
	return x.restart(devlink.Reload{Action: devlink.ActionDriverReinit, Namespace: to})
}

// altered tells whom an instance is nested in.
func (x *modelInstance) altered() {
	n := x.nested
	if x.state == devlink.Unregistering {
		x.nested = nil
	}
	if n == nil || n.in.endings != n.endings || n.in.state == devlink.Freed {
		return
	}
	var now *devlink.NestedIn
	if x.state.Visible() {
		now = &devlink.NestedIn{Handle: x.life.Handle, Namespace: x.home}
	}
	if !n.onPort {
		info := n.in.info
		info.Nested = slices.DeleteFunc(slices.Clone(info.Nested), func(o devlink.NestedIn) bool { return o.Handle == x.life.Handle })
		if now != nil {
			info.Nested = append(info.Nested, *now)
		}
		n.in.info = info
		n.in.tell(devlink.Changed, &info, devlink.Poked)
		return
	}
	if p := n.in.port(n.port); p != nil && n.in.born[n.port] == n.born {
		c := *p
		c.Function = &devlink.PortFunction{Nested: now}
		n.in.change(devlink.Changed, &c, devlink.Poked)
	}
}

func (x *modelInstance) nest(child *modelInstance, onPort bool, port uint32) error {
	switch {
	case onPort && x.port(port) == nil:
		return switchdev.ErrNoDevice
	case child == x:
		return switchdev.ErrInvalid
	case child.state != devlink.Allocated || child.nested != nil:
		return switchdev.ErrBusy
	}
	child.nested = &modelNest{x, x.endings, onPort, port, x.born[port]}
	return nil
}

func (m *model) deleteNamespace(name string) error {
	switch {
	case name == "":
		return switchdev.ErrInvalid
	case !m.namespaces[name]:
		return switchdev.ErrNotExist
	}
	delete(m.namespaces, name)
	for _, x := range m.sorted() {
		x.evicted = name
	}
	for _, x := range slices.Backward(m.sorted()) {
		x.evict()
	}
	return nil
}

// evict takes an instance out of the namespace that is being deleted, if it has not left
// it: when it is its turn, or before anything else that it is to do.
func (x *modelInstance) evict() {
	name := x.evicted
	x.evicted = ""
	if name == "" || x.home != name {
		return
	}
	if x.state != devlink.Registered || !x.chip.restarts {
		x.rebind("", nil)
		return
	}
	_ = x.restart(devlink.Reload{Action: devlink.ActionDriverReinit, Forced: true})
	if x.home == name {
		x.rebind("", func() { x.state, x.info.ReloadFailed = devlink.Failed, true })
	}
}

// fleeting are the kinds of which nothing stays over a reload.
func fleeting(k devlink.Kind) bool {
	return k == devlink.KindPort || k == devlink.KindPolicer || k == devlink.KindGroup || k == devlink.KindTrap
}

// sweep removes what should have gone.
func (x *modelInstance) sweep(stays func(devlink.Object) bool) {
	for k := devlink.KindParam; k > devlink.KindInstance; k-- {
		for _, o := range slices.Backward(slices.Clone(x.objs[k])) {
			switch {
			case x.find(k, o.Key()) == nil || stays(o) && !fleeting(k) && !o.Key().OnPort:
			case k == devlink.KindResource:
				x.dropResource(x.resource(o.Key()), devlink.Leaked)
			default:
				x.take(o, devlink.Leaked|bracketMarks(o))
			}
		}
	}
}

func (x *modelInstance) resourcesFit() bool {
	for _, o := range x.objs[devlink.KindResource] {
		if !o.(*devlink.ResourceInfo).SizeValid {
			return false
		}
	}
	return true
}
