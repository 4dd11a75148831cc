package devlink

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestResourcesOfPortsGoWithThem(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{})
	k := Key{Port: 4, OnPort: true, ID: 1}
	i := driven(t, r, role{}, func(l *Locked) error {
		return errors.Join(l.AddPort(PortInfo{Index: 4}),
			l.AddResource(ResourceConfig{Name: "sf", ID: 1, Size: 7, Occupancy: func() uint64 { return 1 }}),
			l.AddResource(ResourceConfig{Name: "sf", ID: 1, Size: 8, Port: 4, OnPort: true, Occupancy: func() uint64 { return 2 }}))
	})
	if err := i.SetResource(ctx, k, 9); err != nil {
		t.Fatal(err)
	}
	kept, device := resourceOf(t, i, k), resourceOf(t, i, resource(1))
	if kept.SizeNew != 9 || device.SizeNew != 7 {
		t.Fatal("the resource of the same number was set")
	}
	if n, ok := kept.Occupancy(); !ok || n != 2 {
		t.Fatal(n)
	}
	s := subscribe(t, r, SubscribeOptions{})
	do(t, i, func(l *Locked) error { return l.RemovePort(4) })
	equalTexts(t, texts(rest(t, s)), "deleted resource netdevsim10 port 4 1", "deleted port netdevsim10 port 4")
	if _, ok := kept.Occupancy(); ok {
		t.Fatal("the driver is asked for what has gone")
	}
	if n, ok := device.Occupancy(); !ok || n != 1 {
		t.Fatal(n)
	}
}

func TestResourcesOfPort0AreNotTheDevices(t *testing.T) {
	ctx := context.Background()
	on := Key{OnPort: true, ID: 2}
	i := driven(t, newRegistry(t, Config{}), role{}, func(l *Locked) error {
		return errors.Join(l.AddPort(PortInfo{Index: 0}), l.AddResource(ResourceConfig{Name: "all", ID: 1, Size: 9}),
			l.AddResource(ResourceConfig{Name: "part", ID: 2, Parent: 1, Size: 1}),
			l.AddResource(ResourceConfig{Name: "all", ID: 1, Size: 100, OnPort: true}),
			l.AddResource(ResourceConfig{Name: "part", ID: 2, Parent: 1, Size: 1, OnPort: true}))
	})
	if err := errors.Join(i.SetResource(ctx, on, 50), i.SetResource(ctx, resource(2), 2)); err != nil || !i.resourcesValid() {
		t.Fatal(err, resources(i))
	}
	do(t, i, func(l *Locked) error { return l.RemoveResource(resource(1)) })
	equalTexts(t, resources(i), "all 100", "part 1 new 50")
}

// A savepoint gives back sizes that a driver has taken over, and nothing else.
func TestSavepointOfResourcesLeavesWhatIsNew(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{})
	config := func(id uint64) ResourceConfig { return ResourceConfig{Name: "r", ID: id, Size: 10} }
	i := driven(t, r, role{}, func(l *Locked) error {
		return errors.Join(l.AddResource(config(1)), l.AddResource(config(2)), l.AddResource(config(3)), l.AddResource(config(4)))
	})
	for id := range uint64(3) {
		if err := i.SetResource(ctx, resource(id+1), 20); err != nil {
			t.Fatal(err)
		}
	}
	restore := i.saveResources()
	do(t, i, func(l *Locked) error {
		for id := range uint64(4) {
			if _, err := l.ResourceSize(resource(id + 1)); err != nil {
				return err
			}
		}
		other := config(2)
		other.Size = 20
		return errors.Join(l.RemoveResource(resource(2)), l.AddResource(other))
	})
	if err := i.SetResource(ctx, resource(3), 30); err != nil {
		t.Fatal(err)
	}
	s := subscribe(t, r, SubscribeOptions{})
	restore()
	equalTexts(t, resources(i), "r 10 new 20", "r 20 new 30", "r 10", "r 20")
	if list := rest(t, s); len(list) != 1 || list[0].Marks != Silent {
		t.Fatal(list)
	}
}

func TestRemoveResourcesFromTheLeavesUp(t *testing.T) {
	d := &simulator{}
	r := newRegistry(t, Config{})
	i := driven(t, r, d, d.build)
	fib := resourceOf(t, i, resource(fib6))
	s := subscribe(t, r, SubscribeOptions{})
	do(t, i, func(l *Locked) error { return l.RemoveResource(resource(ipv6)) })
	equalTexts(t, texts(rest(t, s)), "deleted resource netdevsim10 6", "deleted resource netdevsim10 5", "deleted resource netdevsim10 4")
	if _, ok := fib.Occupancy(); ok {
		t.Fatal("the driver is asked for what has gone")
	}
	do(t, i, func(l *Locked) error {
		return errors.Join(l.SetOccupancy(resource(ipv4), func() uint64 { return 42 }), l.SetOccupancy(resource(nexthops), nil))
	})
	if list := strings.Join(resources(i), ", "); list != "IPv4 unlimited occ 42, fib unlimited occ 0, fib-rules unlimited occ 0, nexthops unlimited" {
		t.Fatal(list)
	}
	do(t, i, func(l *Locked) error { return l.RemoveResources() })
	list := rest(t, s)
	equalTexts(t, texts(list), "deleted resource netdevsim10 7", "deleted resource netdevsim10 3", "deleted resource netdevsim10 2", "deleted resource netdevsim10 1")
	for _, e := range list {
		if e.Marks != Silent {
			t.Fatal(e)
		}
	}
	if len(resources(i)) != 0 {
		t.Fatal(resources(i))
	}
}

// What happens to resources is told so that a model that hears it is always right.
func TestResourceEventsMakeTheView(t *testing.T) {
	ctx := context.Background()
	d := &simulator{}
	r := newRegistry(t, Config{})
	s := subscribe(t, r, SubscribeOptions{Replay: true})
	i := driven(t, r, d, d.build)
	model := map[Key]ResourceInfo{}
	check := func() {
		t.Helper()
		for _, e := range rest(t, s) {
			switch o, ok := e.Object.(*ResourceInfo); {
			case ok && e.Verb == Deleted:
				delete(model, o.Key())
			case ok:
				model[o.Key()] = *o
			}
		}
		n := 0
		for o := range r.Snapshot().Objects("", i.handle) {
			if o, ok := o.(*ResourceInfo); ok {
				if n++; model[o.Key()] != *o {
					t.Fatalf("model %+v, view %+v", model[o.Key()], *o)
				}
			}
		}
		if n != len(model) {
			t.Fatal(n, len(model))
		}
	}
	check()
	for _, step := range []struct{ id, size uint64 }{{ipv4, 100}, {fib4, 60}, {rules4, 60}, {rules4, 40}, {ipv4, 99}, {ipv4, 200}} {
		if err := i.SetResource(ctx, resource(step.id), step.size); err != nil {
			t.Fatal(err)
		}
		check()
		do(t, i, d.ask)
		check()
	}
	do(t, i, func(l *Locked) error { return l.RemoveResource(resource(ipv4)) })
	check()
}
