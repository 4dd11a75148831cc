package devlink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// card is a driver that can be reloaded, with ports, one trap with what it needs, a
// region that comes anew and a parameter that stays.
type card struct {
	name     string
	caps     ReloadCapabilities
	restarts bool
	ports    int

	// what goes wrong, called at the end of the callback, before it or instead of it
	check, down, removed func(ctx context.Context, l *Locked, r Reload) error
	up                   func(ctx context.Context, l *Locked, r Reload) (ReloadActions, error)

	mu  sync.Mutex
	log []string
}

func newCard(name string) *card {
	return &card{name: name, ports: 2, caps: ReloadCapabilities{Actions: ActionsOf(ActionDriverReinit)}}
}

func (c *card) Name() string                { return c.name }
func (c *card) Close() error                { return nil }
func (c *card) Reloads() ReloadCapabilities { return c.caps }
func (c *card) RestartsToMove() bool        { return c.restarts }
func (c *card) note(format string, a ...any) {
	c.mu.Lock()
	c.log = append(c.log, fmt.Sprintf(format, a...))
	c.mu.Unlock()
}

func (c *card) calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.log
	c.log = nil
	return list
}

func (c *card) CheckReload(ctx context.Context, l *Locked, r Reload) error {
	if c.check == nil {
		return nil
	}
	return c.check(ctx, l, r)
}

func (c *card) ReloadDown(ctx context.Context, l *Locked, r Reload) error {
	c.note("down %v in %q", r.Action, r.Namespace)
	if c.down != nil {
		if err := c.down(ctx, l, r); err != nil {
			return err
		}
	}
	return c.empty(l)
}

func (c *card) ReloadUp(ctx context.Context, l *Locked, r Reload) (ReloadActions, error) {
	c.note("up %v in %q already=%v", r.Action, r.Namespace, r.AlreadyDown)
	if c.up != nil {
		if done, err := c.up(ctx, l, r); err != nil || done != 0 {
			return done, err
		}
	}
	return ActionsOf(r.Action), c.fill(l)
}

func (c *card) Remove(ctx context.Context, l *Locked, alreadyDown bool) error {
	c.note("remove already=%v", alreadyDown)
	if c.removed != nil {
		return c.removed(ctx, l, Reload{})
	}
	if !alreadyDown {
		if err := c.empty(l); err != nil {
			return err
		}
	}
	return drop(l, newThing(KindParam, "p", 0))
}

func (c *card) things() []Object {
	return []Object{newThing(KindPolicer, "pol", 0), newThing(KindGroup, "grp", 0), newThing(KindTrap, "trp", 0), newThing(KindRegion, "reg", 0)}
}

func (c *card) fill(l *Locked) error {
	var errs []error
	for _, o := range c.things() {
		errs = append(errs, put(l, o))
	}
	for n := range c.ports {
		errs = append(errs, l.AddPort(PortInfo{Index: uint32(n)}))
	}
	return errors.Join(errs...)
}

func (c *card) empty(l *Locked) error {
	var errs []error
	for n := c.ports - 1; n >= 0; n-- {
		errs = append(errs, l.RemovePort(uint32(n)))
	}
	for _, o := range slices.Backward(c.things()) {
		errs = append(errs, drop(l, o))
	}
	return errors.Join(errs...)
}

// start makes an instance of a card, registered.
func (c *card) start(t testing.TB, r *Registry, namespace string) *Instance {
	t.Helper()
	i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", c.name}, Namespace: namespace, Driver: c})
	if err != nil {
		t.Fatal(err)
	}
	do(t, i, func(l *Locked) error { return errors.Join(put(l, newThing(KindParam, "p", 0)), c.fill(l)) })
	finish(t, i.SubmitRegister())
	return i
}

func namespaces(t testing.TB, r *Registry, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := r.AddNamespace(name); err != nil {
			t.Fatal(err)
		}
	}
}

// reloaded reloads and returns what became of it.
func reloaded(i *Instance, q ReloadRequest) (ReloadResult, error) {
	k := i.SubmitReload(q)
	err := outcome(k.Ticket)
	return k.Result(), err
}

func info(t testing.TB, i *Instance) *InstanceInfo {
	t.Helper()
	n, _ := i.reg.Snapshot().Object(i.Namespace(), i.Handle(), KindInstance, Key{}).(*InstanceInfo)
	if n == nil {
		t.Fatalf("%v is not there", i.Handle())
	}
	return n
}

func objectsOf(i *Instance) (s []string) {
	for o := range i.reg.Snapshot().Objects(i.Namespace(), i.Handle()) {
		s = append(s, o.Kind().String()+o.Key().suffix())
	}
	return s
}

// reason is the kernel's text of an error.
func reason(err error) string {
	var e *switchdev.OpError
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}
