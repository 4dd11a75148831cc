package devlink

import (
	"context"
	"fmt"

	"github.com/switchcore/switchcore/switchdev"
)

// State is where an instance is in its life.
type State uint8

// The states. From Registered to Failed everybody can see the instance.
const (
	// Allocated: nobody can see it; objects are added in silence.
	Allocated State = iota
	// Registered: it works.
	Registered
	// GoingDown: a reload is in the driver's ReloadDown.
	GoingDown
	// Between: a reload has taken the driver down and not begun to bring it up.
	Between
	// ComingUp: a reload is in the driver's ReloadUp.
	ComingUp
	// Failed: a reload went wrong. The driver is down; only what needs no driver
	// works, and another reload.
	Failed
	// Unregistering: nobody can see it any more, and its driver removes what it has.
	Unregistering
	// Freed: it is no more.
	Freed
	numStates
)

var stateNames = [numStates]string{
	"allocated", "registered", "going-down", "between", "coming-up", "failed", "unregistering", "freed",
}

// String returns the state's name, for instance "going-down".
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return "state?"
}

// Visible reports whether an instance in this state can be seen.
func (s State) Visible() bool { return s >= Registered && s <= Failed }

// errNotRegistered: the instance is not registered, which nobody but its driver can
// say of it.
var errNotRegistered error = fmt.Errorf("not registered: %w", switchdev.ErrNoDevice)

// errFreed: the instance is no more.
var errFreed error = fmt.Errorf("freed: %w", switchdev.ErrNoDevice)

// InstanceConfig describes an instance.
type InstanceConfig struct {
	// Handle is its name, which no other instance of the registry has.
	Handle Handle
	// Namespace is where it will be seen; "" is the initial one.
	Namespace string
	// Driver is whose instance it is. Its abilities are looked for once, by
	// [switchdev.As]. Nil: it has none. It stays its maker's: nothing here closes it.
	Driver switchdev.Driver
}

// Instance is a device as its users see it, and the lock that its driver works
// under: one operation at a time, in the order in which they were submitted. All
// methods may be called concurrently. Make one with [Registry.NewInstance].
type Instance struct {
	reg    *Registry
	handle Handle
	index  uint64
	driver switchdev.Driver
	slot   queue

	topic uint64 // of its events; does not change

	// guarded by the hub's lock
	newest *stale // the newest event, if it can be superseded
	shown  *view  // what the last change has put in the tree

	// mu guards the rest. It is held over memory work only, and inside it nothing
	// but objects' own and the hub's (L6).
	mu         mutex
	state      State
	namespace  string
	generation uint64
	life       *Life // while it can be seen
	info       *InstanceInfo
	objs       objects
	able       abilities    // what the driver can do; does not change
	aux        []*auxiliary // replaced, never written to
	nested     *nesting     // where it is part of another instance, nil if it is not
	endings    uint64       // how often it was unregistered
	down       bool         // its driver was taken down by a reload and has not come up
	meddled    bool         // its driver told of remote actions during a reload
	portsBorn  uint32       // how many ports there have been, for Port
	held       numbers      // of snapshots
}

// InstanceInfo is what can be seen of an instance itself.
type InstanceInfo struct {
	// ReloadFailed tells that a reload went wrong and none has gone well since.
	ReloadFailed bool
	// Reloads is what the driver can do when it is reloaded, nothing if it cannot be.
	Reloads ReloadCapabilities
	// Local counts reloads that went well, Remote those by others that share the device.
	Local, Remote ReloadCounts
	// Nested are the instances that are part of this one and can be seen, in the order
	// in which that began or changed.
	Nested []NestedIn
}

// Kind implements [Object].
func (*InstanceInfo) Kind() Kind { return KindInstance }

// Key implements [Object].
func (*InstanceInfo) Key() Key { return Key{} }

// failed returns the information with another ReloadFailed.
func (n *InstanceInfo) failed(is bool) *InstanceInfo {
	c := *n
	c.ReloadFailed = is
	return &c
}

// NewInstance makes an instance that nobody can see. What its driver adds to it
// before [Instance.Register] is told with the registration. The errors match
// ErrInvalid for a bad handle or a driver whose abilities contradict each other,
// ErrExist for a handle that is in use, ErrNotExist for a namespace that is not
// there or dies, ErrClosed. Linux: devlink_alloc_ns (net/devlink/core.c).
func (r *Registry) NewInstance(c InstanceConfig) (*Instance, error) {
	refuse := func(reason string, err error) (*Instance, error) {
		return nil, &switchdev.OpError{Op: "devlink.alloc", Object: c.Handle.String(), Reason: reason, Err: err}
	}
	if !c.Handle.Valid() {
		return refuse("bad handle", switchdev.ErrInvalid)
	}
	i := &Instance{reg: r, handle: c.Handle, driver: c.Driver, namespace: c.Namespace, topic: c.Handle.topic(), info: &InstanceInfo{}}
	i.mu.place(r.ranks, rankInstance)
	i.slot.mu.place(r.ranks, rankQueue)
	if err := i.equip(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closing:
		return refuse("", switchdev.ErrClosed)
	case r.instances[c.Handle] != nil:
		return refuse("", switchdev.ErrExist)
	case !r.live(c.Namespace):
		return refuse("no such namespace", switchdev.ErrNotExist)
	}
	r.index++
	i.index = r.index
	r.instances[c.Handle] = i
	r.namespaces[c.Namespace].members[i] = true
	return i, nil
}

// Handle returns the instance's name.
func (i *Instance) Handle() Handle { return i.handle }

// Index returns the instance's number, which no other instance of the registry has
// had before.
func (i *Instance) Index() uint64 { return i.index }

// Registry returns whose instance it is.
func (i *Instance) Registry() *Registry { return i.reg }

// Namespace returns where the instance is, or will be when it is registered.
func (i *Instance) Namespace() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.namespace
}

// State returns where the instance is in its life. It may be another when the caller
// looks at it.
func (i *Instance) State() State {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.state
}

func (i *Instance) visibleIn(namespace string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.state.Visible() && i.namespace == namespace
}

// Register makes the instance visible, with everything that it has: subscribers hear
// of it first and then of its objects, none before one that it depends on, and
// whoever can find it finds all of it. Then its auxiliary drivers are probed; where one
// goes wrong that is the error, and the instance is registered. ErrBusy if it is already.
// Linux: devl_register.
func (i *Instance) Register(ctx context.Context) error { return i.SubmitRegister().Wait(ctx) }

// SubmitRegister is Register without the wait. It never blocks.
func (i *Instance) SubmitRegister() *Ticket { return i.submit("devlink.register", i.register) }

func (i *Instance) register(o *op) error {
	i.mu.Lock()
	if err := i.step(onRegister); err != nil {
		i.mu.Unlock()
		return o.refuse("already registered", err)
	}
	i.begin()
	i.reg.hub.enter(i.view())
	i.mu.Unlock()
	i.altered()
	return i.arrive(o)
}

// begin begins a life. The caller holds mu.
func (i *Instance) begin() {
	i.generation++
	i.life = &Life{Handle: i.handle, Index: i.index, Namespace: i.namespace, Generation: i.generation}
}

// view is the instance as it is now. The caller holds mu.
func (i *Instance) view() *view { return &view{life: i.life, info: i.info, objs: i.objs, inst: i} }

// Unregister hides the instance: subscribers hear of the end of all its objects, in
// the reverse order, and of its own, in one step; then its auxiliary drivers, the newest
// first, and its driver, if it is a [Remover], remove in silence what they have. It may
// be registered again. The error matches ErrNoDevice if it is not registered, others are
// the drivers'. Linux: devl_unregister.
func (i *Instance) Unregister(ctx context.Context) error { return i.SubmitUnregister().Wait(ctx) }

// SubmitUnregister is Unregister without the wait. It never blocks.
func (i *Instance) SubmitUnregister() *Ticket {
	return i.submitLast("devlink.unregister", i.unregister)
}

func (i *Instance) unregister(o *op) error {
	i.mu.Lock()
	if err := i.step(onUnregister); err != nil {
		i.mu.Unlock()
		return o.refuse("", err)
	}
	i.reg.hub.leave(i.view())
	i.life = nil
	i.mu.Unlock()
	i.altered()
	defer func() { // also when the driver ends its goroutine
		i.mu.Lock()
		defer i.mu.Unlock()
		i.must(onRemoved)
		i.info = i.info.failed(false)
		i.forgetNested()
		i.endings, i.down = i.endings+1, false
	}()
	return i.retreat(o)
}

// tell changes the instance, and makes that visible with its events if the instance
// is. change returns the events; it is called with mu held.
func (i *Instance) tell(change func() []Event) {
	i.mu.Lock()
	defer i.mu.Unlock()
	events := change()
	if i.state.Visible() {
		i.reg.hub.change(i, events)
	}
}
