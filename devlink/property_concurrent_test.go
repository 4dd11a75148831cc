package devlink_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/devlinktest"
	"github.com/switchcore/switchcore/switchdev"
)

// TestConcurrentOperations has users and drivers of several instances do what they can at
// the same time, and holds what each subscriber read against everything that was told.
func TestConcurrentOperations(t *testing.T) {
	rounds := 400
	if slowBuild || testing.Short() {
		rounds = 120
	}
	for seed := range uint64(4) {
		if err := crowd(seed, rounds); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// heard is what a subscriber read, or that it has fallen behind.
type heard struct {
	event devlink.Event
	lost  bool
}

// listener is a subscriber with a goroutine of its own.
type listener struct {
	sub    *devlink.Subscription
	stream *devlinktest.Stream
	list   []heard
}

func (l *listener) listen() {
	for {
		e, err := l.sub.Next(context.Background())
		if err != nil && !errors.Is(err, switchdev.ErrOverrun) {
			return
		}
		l.list = append(l.list, heard{event: e, lost: err != nil})
	}
}

// replay holds it against everything that was told.
func (l *listener) replay() error {
	for _, h := range l.list {
		if h.lost {
			l.stream.Lost()
		} else if err := l.stream.Hear(h.event); err != nil {
			return err
		}
	}
	return l.stream.Drained()
}

// throng is what the goroutines share.
type throng struct {
	reg   *devlink.Registry
	insts []*devlink.Instance
}

func crowd(seed uint64, rounds int) (err error) {
	c := &throng{}
	if c.reg, err = devlink.New(devlink.Config{Events: 64 << (seed % 2 * 8)}); err != nil {
		return err
	}
	defer c.reg.Close()
	for n := range 5 {
		i, err := c.reg.NewInstance(devlink.InstanceConfig{
			Handle: devlink.Handle{Bus: "pci", Device: fmt.Sprint(n)},
			Driver: &lump{c: c, restarts: n%2 == 0, rng: rand.New(rand.NewPCG(seed, uint64(n)))},
		})
		if err != nil {
			return err
		}
		c.insts = append(c.insts, i)
	}
	var log devlinktest.Log
	var all, ears sync.WaitGroup
	var full []devlink.Event
	var listeners []*listener
	if _, err := c.reg.Notify(devlink.NotifyOptions{SubscribeOptions: devlink.SubscribeOptions{AllNamespaces: true}}, func(_ context.Context, e devlink.Event) {
		full = append(full, e) // one call at a time
	}); err != nil {
		return err
	}
	for n := range 6 {
		o := devlink.SubscribeOptions{AllNamespaces: n < 4, Replay: n%2 == 0, CompatKernel: n == 3, Coalesce: n == 2}
		if n == 5 {
			o.Filter = devlink.Filter{Bus: "pci", Device: "1"}
		}
		sub, err := c.reg.Subscribe(o)
		if err != nil {
			return err
		}
		l := &listener{sub: sub, stream: devlinktest.NewStream(o)}
		l.stream.Follow(&log)
		listeners = append(listeners, l)
		ears.Go(l.listen)
	}
	errs := make(chan error, 8)
	for n := range 4 {
		all.Go(func() {
			if err := c.use(rand.New(rand.NewPCG(seed, uint64(100+n))), rounds); err != nil {
				errs <- err
			}
		})
	}
	all.Wait()
	for _, i := range c.insts {
		_ = i.Do(context.Background(), func(context.Context, *devlink.Locked) error { return nil })
	}
	snap := c.reg.Snapshot()
	c.reg.Close()
	ears.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	overran := false
	for _, e := range full {
		overran = overran || e.Verb == devlink.Overrun
		log.Add(e)
	}
	for n, l := range listeners {
		if overran {
			l.stream.Follow(nil) // nobody knows everything
		}
		if err := l.replay(); err != nil {
			return fmt.Errorf("subscriber %d: %w", n, err)
		}
	}
	return c.placed(snap)
}

// placed checks that every instance is somewhere, and that only once.
func (c *throng) placed(snap *devlink.Snapshot) error {
	seen := map[devlink.Handle]bool{}
	for ns := range snap.Namespaces() {
		for life := range snap.Instances(ns) {
			if seen[life.Handle] {
				return fmt.Errorf("%v is in two places", life.Handle)
			}
			seen[life.Handle] = true
		}
	}
	return nil
}

// use is a user.
func (c *throng) use(rng *rand.Rand, rounds int) error {
	ctx := context.Background()
	for range rounds {
		i := c.insts[rng.IntN(len(c.insts))]
		ns := []string{"", "n1", "n2"}[rng.IntN(3)]
		var err error
		switch rng.IntN(14) {
		case 0, 1, 2:
			err = i.Register(ctx)
		case 3:
			err = i.Unregister(ctx)
		case 4, 5:
			err = i.Move(ctx, ns)
		case 6, 7:
			_, err = i.Reload(ctx, devlink.ReloadRequest{To: []string{ns}})
		case 8:
			err = c.reg.AddNamespace(ns)
		case 9:
			err = c.reg.DeleteNamespace(ctx, ns)
		case 10:
			err = i.SetParam(ctx, devlink.Key{Name: "p"}, devlink.ParamDriverInit, devlink.Uint32Value(rng.Uint32()))
		case 11:
			_, err = i.NewSnapshot(ctx, devlink.Key{Name: "r"})
		case 12:
			err = i.RemoteReloaded(devlink.LimitUnspec, devlink.ActionsOf(devlink.ActionFWActivate))
		default:
			err = i.Do(ctx, func(ctx context.Context, l *devlink.Locked) error {
				_ = l.AddPort(*newPort(uint32(rng.IntN(4)), 1))
				_ = l.RemovePort(uint32(rng.IntN(4)))
				return c.insts[rng.IntN(len(c.insts))].Do(ctx, func(_ context.Context, l *devlink.Locked) error {
					return l.AddPort(*newPort(uint32(rng.IntN(4)), 1))
				})
			})
		}
		if err != nil && !expected(err) {
			return err
		}
	}
	return nil
}

// expected are the errors that there may be.
func expected(err error) bool {
	for _, e := range []error{
		switchdev.ErrInvalid, switchdev.ErrNoDevice, switchdev.ErrBusy, switchdev.ErrExist, switchdev.ErrNotExist, switchdev.ErrDeadlock,
		switchdev.ErrOutcomeUnknown, switchdev.ErrNoSpace, devlink.ErrContract, errChip,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// lump is a driver that does something each time. Its instance is its own while it does.
type lump struct {
	c        *throng
	restarts bool
	rng      *rand.Rand
	region   *devlink.Region
	ear      *devlink.Notifier
}

func (*lump) Name() string { return "lump" }
func (*lump) Close() error { return nil }

func (d *lump) Reloads() devlink.ReloadCapabilities {
	return devlink.ReloadCapabilities{Actions: devlink.ActionsOf(devlink.ActionDriverReinit)}
}

func (d *lump) RestartsToMove() bool { return d.restarts }

func (d *lump) ReloadDown(ctx context.Context, l *devlink.Locked, _ devlink.Reload) error {
	switch d.rng.IntN(8) {
	case 0:
		return errChip
	case 1:
		return devlink.TornDown(errChip)
	case 2:
		panic("down")
	}
	for n := range uint32(4) {
		if d.rng.IntN(4) > 0 { // else it leaks
			_ = l.RemovePort(n)
		}
	}
	if d.ear != nil {
		if err := d.ear.Close(ctx); err != nil && !errors.Is(err, switchdev.ErrDeadlock) {
			return err
		}
		d.ear = nil
	}
	return nil
}

func (d *lump) ReloadUp(ctx context.Context, l *devlink.Locked, r devlink.Reload) (devlink.ReloadActions, error) {
	for n := range uint32(4) {
		_ = l.AddPort(*newPort(n, 4))
	}
	_ = l.AddGroups(devlink.GroupInfo{Name: "g"})
	_, _ = l.AddTraps(devlink.TrapInfo{Name: "t", Group: "g"})
	_ = l.AddParam(devlink.ParamConfig{Name: "p", Type: devlink.ParamUint32, Modes: devlink.ParamDriverInit})
	if d.region == nil || d.rng.IntN(8) == 0 {
		_ = l.RemoveRegion(d.region)
		d.region, _ = l.AddRegion(devlink.RegionConfig{
			Name: "r", Size: 8, MaxSnapshots: 4,
			Snapshot: func(context.Context, *devlink.Locked) ([]byte, error) { return make([]byte, 8), nil },
		})
	}
	if d.ear == nil {
		o := devlink.NotifyOptions{SubscribeOptions: devlink.SubscribeOptions{AllNamespaces: true, Replay: true}}
		d.ear, _ = d.c.reg.Notify(o, func(context.Context, devlink.Event) {})
	}
	if d.rng.IntN(6) == 0 {
		return 0, errChip
	}
	return devlink.ActionsOf(r.Action), nil
}
