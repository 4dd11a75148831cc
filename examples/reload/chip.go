package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// chip is the driver of one network card.
type chip struct {
	name  string
	pause time.Duration // of each half of a reload
	voice atomic.Pointer[func(format string, a ...any)]

	inst                 *devlink.Instance
	asked                atomic.Int64 // when a reload was submitted, in nanoseconds
	reloads, reads, sets tally
}

const ports = 4

// newChip makes a card with its ports and its RDMA part, registered.
func newChip(ctx context.Context, r *devlink.Registry, name, namespace string, say func(string, ...any)) (*chip, error) {
	c := &chip{name: name}
	c.hush(say)
	var err error
	c.inst, err = r.NewInstance(devlink.InstanceConfig{
		Handle: devlink.Handle{Bus: "pci", Device: name}, Namespace: namespace, Driver: c,
	})
	if err != nil {
		return nil, err
	}
	err = c.inst.Do(ctx, func(ctx context.Context, l *devlink.Locked) error {
		return errors.Join(
			l.AddParam(devlink.ParamConfig{Name: "max_macs", Generic: true, Type: devlink.ParamUint32, Modes: devlink.ParamDriverInit}),
			l.SetDriverInit(maxMACs, devlink.Uint32Value(32)),
			c.fill(l),
			l.AddAuxiliary(&rdma{chip: c, reg: r}))
	})
	if err != nil {
		return nil, err
	}
	return c, c.inst.Register(ctx)
}

// say says what the card is at, unless it was hushed.
func (c *chip) say(format string, a ...any) { (*c.voice.Load())(format, a...) }

func (c *chip) hush(say func(string, ...any)) { c.voice.Store(&say) }

var maxMACs = devlink.Key{Name: "max_macs"}

func (c *chip) Name() string { return c.name }
func (c *chip) Close() error { return nil }

// Reloads says that the card can be taken down and brought up again.
func (c *chip) Reloads() devlink.ReloadCapabilities {
	return devlink.ReloadCapabilities{Actions: devlink.ActionsOf(devlink.ActionDriverReinit)}
}

// RestartsToMove: what the card has belongs to a namespace.
func (c *chip) RestartsToMove() bool { return true }

func (c *chip) fill(l *devlink.Locked) error {
	for n := range uint32(ports) {
		if err := l.AddPort(devlink.PortInfo{Index: n, Flavour: devlink.FlavourPhysical}); err != nil {
			return err
		}
		if err := l.SetPortNetdev(n, fmt.Sprint("eth", n), n+1); err != nil {
			return err
		}
	}
	return nil
}

// ReloadDown takes the ports away, and the time that the firmware takes.
func (c *chip) ReloadDown(ctx context.Context, l *devlink.Locked, r devlink.Reload) error {
	c.reloads.note(time.Duration(time.Now().UnixNano() - c.asked.Load()))
	c.say("driver: ReloadDown, which takes %v", c.pause)
	if err := wait(ctx, c.pause); err != nil {
		return err
	}
	for n := range uint32(ports) {
		if err := l.RemovePort(ports - 1 - n); err != nil {
			return err
		}
	}
	return nil
}

// ReloadUp brings them back.
func (c *chip) ReloadUp(ctx context.Context, l *devlink.Locked, r devlink.Reload) (devlink.ReloadActions, error) {
	c.say("driver: ReloadUp in %s, which takes %v", where(r.Namespace), c.pause)
	if err := wait(ctx, c.pause); err != nil {
		return 0, err
	}
	return devlink.ActionsOf(r.Action), c.fill(l)
}

// Remove has nothing to do: the program ends.
func (c *chip) Remove(_ context.Context, l *devlink.Locked, alreadyDown bool) error {
	var errs []error
	for n := uint32(ports); n > 0 && !alreadyDown; n-- {
		errs = append(errs, l.RemovePort(n-1))
	}
	return errors.Join(append(errs, l.RemoveParam(maxMACs))...)
}

// rdma is the auxiliary driver of a card: the one that hung in 2021. It hears of network
// devices in all namespaces, and has an instance of its own, a sub-function that is
// nested in the card's first port.
type rdma struct {
	chip     *chip
	reg      *devlink.Registry
	notifier *devlink.Notifier
	function *devlink.Instance
	heard    atomic.Int64
}

// Name is that of the driver.
func (x *rdma) Name() string { return "rdma" }

// Probe begins.
func (x *rdma) Probe(ctx context.Context, l *devlink.Locked) (err error) {
	x.notifier, err = x.reg.Notify(devlink.NotifyOptions{
		SubscribeOptions: devlink.SubscribeOptions{AllNamespaces: true, Filter: devlink.Filter{Kinds: devlink.KindsOf(devlink.KindPort)}},
	}, func(context.Context, devlink.Event) { x.heard.Add(1) })
	if err != nil {
		return err
	}
	x.chip.say("rdma: registers a notifier that hears of all namespaces")
	x.function, err = x.reg.NewInstance(devlink.InstanceConfig{
		Handle: devlink.Handle{Bus: "auxiliary", Device: "sf." + x.chip.name}, Namespace: l.Instance().Namespace(),
	})
	if err != nil {
		return err
	}
	x.chip.say("rdma: registers the sub-function nested in port 0")
	return errors.Join(l.NestInPort(0, x.function), x.function.Register(ctx))
}

// Remove ends. It waits for the last call of the notifier, and for the end of an
// instance that may have something to do just now.
func (x *rdma) Remove(ctx context.Context, l *devlink.Locked) {
	x.chip.say("rdma: unregisters its notifier, from inside the deletion of the namespace")
	err := x.notifier.Close(ctx)
	x.chip.say("rdma: has heard %d events; unregisters the sub-function", x.heard.Load())
	err = errors.Join(err, x.function.Unregister(ctx), x.function.Free(ctx))
	if err != nil && !errors.Is(err, switchdev.ErrNoDevice) { // the registry was closed first
		x.chip.say("rdma: %v", err)
	}
}

// where names a namespace.
func where(namespace string) string {
	if namespace == "" {
		return "the initial namespace"
	}
	return "namespace " + namespace
}

// wait lets time pass.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
