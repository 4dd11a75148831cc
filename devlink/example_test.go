package devlink_test

import (
	"context"
	"fmt"

	"github.com/switchcore/switchcore/devlink"
)

// A driver fills its instance while nobody can see it, and registers it; whoever
// subscribes, early or late, is told everything in order.
func Example() {
	ctx := context.Background()
	r, err := devlink.New(devlink.Config{})
	if err != nil {
		panic(err)
	}
	defer r.Close()
	early, err := r.Subscribe(devlink.SubscribeOptions{})
	if err != nil {
		panic(err)
	}

	chip, err := r.NewInstance(devlink.InstanceConfig{Handle: devlink.Handle{Bus: "pci", Device: "0000:01:00.0"}})
	if err != nil {
		panic(err)
	}
	err = chip.Do(ctx, func(_ context.Context, l *devlink.Locked) error {
		return l.AddPort(devlink.PortInfo{Index: 1})
	})
	if err == nil {
		err = chip.Register(ctx)
	}
	if err != nil {
		panic(err)
	}

	late, err := r.Subscribe(devlink.SubscribeOptions{Replay: true})
	if err != nil {
		panic(err)
	}
	for _, s := range []*devlink.Subscription{early, late} {
		for e, ok, _ := s.TryNext(); ok; e, ok, _ = s.TryNext() {
			fmt.Println(e)
		}
	}

	// Output:
	// 1 added dev pci/0000:01:00.0
	// 2 added port pci/0000:01:00.0 port 1
	// 2 existing dev pci/0000:01:00.0
	// 2 existing port pci/0000:01:00.0 port 1
	// 2 synced
}

// A notifier is told in its own time, and may command what it is told of.
func ExampleRegistry_Notify() {
	ctx := context.Background()
	r, err := devlink.New(devlink.Config{})
	if err != nil {
		panic(err)
	}
	defer r.Close()
	if err := r.AddNamespace("blue"); err != nil {
		panic(err)
	}
	moved := make(chan error)
	filter := devlink.Filter{Kinds: devlink.KindsOf(devlink.KindInstance)}
	n, err := r.Notify(devlink.NotifyOptions{SubscribeOptions: devlink.SubscribeOptions{Filter: filter}}, func(ctx context.Context, e devlink.Event) {
		if e.Verb != devlink.Added {
			return
		}
		chip, err := r.Instance("", e.Life.Handle)
		if err == nil {
			err = chip.Move(ctx, "blue")
		}
		moved <- err
	})
	if err != nil {
		panic(err)
	}
	defer n.Stop()
	chip, err := r.NewInstance(devlink.InstanceConfig{Handle: devlink.Handle{Bus: "pci", Device: "0000:01:00.0"}})
	if err == nil {
		err = chip.Register(ctx)
	}
	fmt.Println(err, <-moved, chip.Namespace())
	// Output: <nil> <nil> blue
}
