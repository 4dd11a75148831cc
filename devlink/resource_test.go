package devlink

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// The resources of the kernel's netdevsim.
const (
	ipv4 = iota + 1
	fib4
	rules4
	ipv6
	fib6
	rules6
	nexthops
)

func resource(id uint64) Key { return Key{ID: id} }

// simulator has those resources, and works with what it was told when it asked.
type simulator struct {
	role
	occ   [nexthops + 1]atomic.Uint64
	limit [nexthops + 1]uint64
}

func (d *simulator) build(l *Locked) error {
	add := func(id, parent uint64, name string, occ bool) error {
		c := ResourceConfig{ID: id, Parent: parent, Name: name, Size: Unlimited, Max: Unlimited, Granularity: 1}
		if occ {
			c.Occupancy = d.occ[id].Load
		}
		return l.AddResource(c)
	}
	return errors.Join(
		add(ipv4, 0, "IPv4", false), add(fib4, ipv4, "fib", true), add(rules4, ipv4, "fib-rules", true),
		add(ipv6, 0, "IPv6", false), add(fib6, ipv6, "fib", true), add(rules6, ipv6, "fib-rules", true),
		add(nexthops, 0, "nexthops", true), d.ask(l),
	)
}

// ask is what the driver does in ReloadUp.
func (d *simulator) ask(l *Locked) error {
	for _, id := range []uint64{fib4, rules4, fib6, rules6, nexthops} {
		size, err := l.ResourceSize(resource(id))
		if err != nil {
			return err
		}
		if d.limit[id] = size; d.occ[id].Load() > size {
			return &switchdev.OpError{Op: "chip", Reason: "Exceeded number of supported fib entries", Err: switchdev.ErrPermission}
		}
	}
	return nil
}

// add is a route more.
func (d *simulator) add(id int) error {
	if d.occ[id].Load() >= d.limit[id] {
		return switchdev.ErrNoSpace
	}
	d.occ[id].Add(1)
	return nil
}

// reload is what a reload does with resources: it is refused, or has the driver ask.
func reload(i *Instance, up func(l *Locked) error) error {
	if !i.resourcesValid() {
		return errors.New("resources size validation failed")
	}
	return outcome(i.SubmitDo(func(_ context.Context, l *Locked) error { return up(l) }))
}

func resourceOf(t testing.TB, i *Instance, k Key) *ResourceInfo {
	t.Helper()
	r, _ := i.reg.Snapshot().Object(i.Namespace(), i.handle, KindResource, k).(*ResourceInfo)
	if r == nil {
		t.Fatalf("no resource %v", k)
	}
	return r
}

// resources are the resources of an instance in the words of devlink(8).
func resources(i *Instance) (list []string) {
	size := func(n uint64) string {
		if n == Unlimited {
			return "unlimited"
		}
		return fmt.Sprint(n)
	}
	for o := range i.reg.Snapshot().Objects(i.Namespace(), i.handle) {
		r, ok := o.(*ResourceInfo)
		if !ok {
			continue
		}
		s := r.Name + " " + size(r.Size)
		if r.Pending() {
			s += " new " + size(r.SizeNew)
		}
		if n, ok := r.Occupancy(); ok {
			s += fmt.Sprint(" occ ", n)
		}
		if !r.SizeValid {
			s += " invalid"
		}
		list = append(list, s)
	}
	return list
}

func TestCasesOfResources(t *testing.T) {
	ctx := context.Background()
	t.Run("case 52 53 set and reload", func(t *testing.T) {
		r, d := newRegistry(t, Config{}), &simulator{}
		i := driven(t, r, d, d.build)
		d.occ[fib4].Store(3)
		kernel, all := subscribe(t, r, SubscribeOptions{CompatKernel: true}), subscribe(t, r, SubscribeOptions{})
		if err := i.SetResource(ctx, resource(fib4), 4); err != nil {
			t.Fatal(err)
		}
		equalTexts(t, resources(i), "IPv4 unlimited", "fib unlimited new 4 occ 3", "fib-rules unlimited occ 0",
			"IPv6 unlimited", "fib unlimited occ 0", "fib-rules unlimited occ 0", "nexthops unlimited occ 0")
		if d.limit[fib4] != Unlimited {
			t.Fatal("it works with the new size before it asked")
		}
		if err := reload(i, d.ask); err != nil {
			t.Fatal(err)
		}
		equalTexts(t, resources(i)[:2], "IPv4 unlimited", "fib 4 occ 3")
		if err := d.add(fib4); err != nil {
			t.Fatal(err)
		}
		mustBe(t, d.add(fib4), syscall.ENOSPC)
		equalTexts(t, resources(i)[:2], "IPv4 unlimited", "fib 4 occ 4")
		equalTexts(t, texts(rest(t, all)), "changed resource netdevsim10 2", "changed resource netdevsim10 2")
		if list := rest(t, kernel); len(list) != 0 {
			t.Fatal("Linux tells nobody", list)
		}
	})
	t.Run("case 54 below the occupancy", func(t *testing.T) {
		d := &simulator{}
		i := driven(t, newRegistry(t, Config{}), d, d.build)
		set := func(size uint64) {
			if err := i.SetResource(ctx, resource(fib4), size); err != nil {
				t.Fatal(err)
			}
		}
		set(100)
		if err := reload(i, d.ask); err != nil {
			t.Fatal(err)
		}
		d.occ[fib4].Store(20)
		set(10)
		restore := i.saveResources()
		mustBe(t, reload(i, d.ask), syscall.EPERM)
		if r := resourceOf(t, i, resource(fib4)); r.Size != 10 || r.Pending() {
			t.Fatal("the driver was told the size")
		}
		restore()
		if r := resourceOf(t, i, resource(fib4)); r.Size != 100 || r.SizeNew != 10 {
			t.Fatalf("%+v", r)
		}
		i.mu.Lock()
		i.state = Failed // a reload can be mended in this state
		i.mu.Unlock()
		set(100)
		i.mu.Lock()
		i.state = Registered
		i.mu.Unlock()
		if err := reload(i, d.ask); err != nil || d.limit[fib4] != 100 {
			t.Fatal(err)
		}
	})
	t.Run("case 55 unlimited", func(t *testing.T) {
		d := &simulator{}
		i := driven(t, newRegistry(t, Config{}), d, d.build)
		minusOne := -1
		for _, size := range []uint64{5, uint64(minusOne)} {
			if err := i.SetResource(ctx, resource(nexthops), size); err != nil {
				t.Fatal(err)
			}
		}
		if r := resourceOf(t, i, resource(nexthops)); r.SizeNew != Unlimited || r.Pending() {
			t.Fatalf("%+v", r)
		}
	})
	t.Run("case 56 limits", func(t *testing.T) {
		r := newRegistry(t, Config{})
		i := driven(t, r, role{}, func(l *Locked) error {
			return l.AddResource(ResourceConfig{ID: 1, Name: "hash", Size: 1024, Min: 512, Max: 4096, Granularity: 128})
		})
		s := subscribe(t, r, SubscribeOptions{})
		for _, c := range []struct {
			size uint64
			text string
		}{
			{384, "Size smaller than minimum"}, {4224, "Size larger than maximum"}, {1000, "Wrong granularity"},
			{511, "Wrong granularity"}, {4097, "Wrong granularity"}, {Unlimited, "Wrong granularity"},
		} {
			refused(t, i.SetResource(ctx, resource(1), c.size), syscall.EINVAL, c.text)
		}
		if list := rest(t, s); len(list) != 0 || resourceOf(t, i, resource(1)).SizeNew != 1024 {
			t.Fatal(list)
		}
		for _, size := range []uint64{512, 4096, 640} {
			if err := i.SetResource(ctx, resource(1), size); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, i.SetResource(ctx, resource(2), 640), syscall.EINVAL, "")
	})
	t.Run("case 57 parts", func(t *testing.T) {
		i := driven(t, newRegistry(t, Config{}), role{}, func(l *Locked) error {
			return errors.Join(l.AddResource(ResourceConfig{ID: 1, Name: "all", Size: 100}),
				l.AddResource(ResourceConfig{ID: 2, Parent: 1, Name: "a", Size: 10}), l.AddResource(ResourceConfig{ID: 3, Parent: 1, Name: "b", Size: 10}))
		})
		set := func(id, size uint64) {
			if err := i.SetResource(ctx, resource(id), size); err != nil {
				t.Fatal(err)
			}
		}
		none := func(l *Locked) error { return nil }
		set(2, 60)
		set(3, 60)
		equalTexts(t, resources(i), "all 100 invalid", "a 10 new 60", "b 10 new 60")
		if err := reload(i, none); err == nil {
			t.Fatal("reloaded")
		}
		set(2, 40)
		equalTexts(t, resources(i), "all 100", "a 10 new 40", "b 10 new 60")
		if err := reload(i, none); err != nil {
			t.Fatal(err)
		}
		set(1, 99)
		equalTexts(t, resources(i)[:1], "all 100 new 99 invalid")
		set(1, 200)
		set(2, Unlimited-10) // Linux: the sum overflows, and fits
		equalTexts(t, resources(i)[:1], "all 100 new 200 invalid")
		set(1, Unlimited)
		set(2, Unlimited)
		equalTexts(t, resources(i)[:1], "all 100 new unlimited")
	})
	t.Run("case 58 a tree as of Spectrum", func(t *testing.T) {
		const kvd, linear, hashDouble, hashSingle = 1, 2, 3, 4
		children := []ResourceConfig{
			{ID: linear, Parent: kvd, Name: "linear", Size: 98304, Min: 0, Max: 159744, Granularity: 128},
			{ID: hashDouble, Parent: kvd, Name: "hash_double", Size: 60416, Min: 32768, Max: 192512, Granularity: 128},
			{ID: hashSingle, Parent: kvd, Name: "hash_single", Size: 87040, Min: 65536, Max: 225280, Granularity: 128},
		}
		i := driven(t, newRegistry(t, Config{}), role{}, func(l *Locked) error {
			err := l.AddResource(ResourceConfig{ID: kvd, Name: "kvd", Size: 258048, Min: 258048, Max: 258048, Granularity: 128})
			for _, c := range children {
				err = errors.Join(err, l.AddResource(c))
			}
			return err
		})
		ask := func(l *Locked) error {
			for id := uint64(kvd); id <= hashSingle; id++ {
				if _, err := l.ResourceSize(resource(id)); err != nil {
					return err
				}
			}
			return nil
		}
		for n, c := range children {
			for k, other := range children { // room for this one
				if k != n {
					if err := i.SetResource(ctx, resource(other.ID), other.Min); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, size := range []uint64{c.Min, c.Max - 128} {
				if err := errors.Join(i.SetResource(ctx, resource(c.ID), size), reload(i, ask)); err != nil {
					t.Fatal(c.Name, size, err)
				}
				if r := resourceOf(t, i, resource(c.ID)); r.Size != size {
					t.Fatalf("%+v", r)
				}
			}
			refused(t, i.SetResource(ctx, resource(c.ID), c.Max+128), syscall.EINVAL, "Size larger than maximum")
		}
		for _, c := range children {
			if err := i.SetResource(ctx, resource(c.ID), c.Size); err != nil {
				t.Fatal(err)
			}
		}
		if err := reload(i, ask); err != nil {
			t.Fatal(err)
		}
		equalTexts(t, resources(i), "kvd 258048", "linear 98304", "hash_double 60416", "hash_single 87040")
	})
}

func TestFindResourceByPath(t *testing.T) {
	d := &simulator{}
	i := driven(t, newRegistry(t, Config{}), d, d.build)
	all := i.reg.Snapshot().Objects("", i.handle)
	for path, id := range map[string]uint64{"/IPv4": ipv4, "/IPv4/fib": fib4, "/IPv6/fib": fib6, "/IPv6/fib-rules": rules6, "/nexthops": nexthops} {
		if r := FindResource(all, path); r == nil || r.ID != id {
			t.Error(path, r)
		}
	}
	for _, path := range []string{"", "/", "IPv4", "/IPv4/", "/IPv4/nosuch", "/fib", "/IPv4/fib/fib", "//fib", "x/IPv4"} {
		if r := FindResource(all, path); r != nil {
			t.Errorf("%q is %v", path, r.ID)
		}
	}
}

// Linux answers EEXIST for a number in use (newest; EINVAL in 6.1), EINVAL for a parent
// that is not there.
func TestAddResourceRefuses(t *testing.T) {
	d := &simulator{}
	r := newRegistry(t, Config{})
	i := driven(t, r, d, func(l *Locked) error { return errors.Join(d.build(l), l.AddPort(PortInfo{Index: 4})) })
	s := subscribe(t, r, SubscribeOptions{})
	for _, c := range []struct {
		config ResourceConfig
		errno  syscall.Errno
		text   string
	}{
		{ResourceConfig{Name: "x", ID: fib4}, syscall.EEXIST, ""},
		{ResourceConfig{Name: "x", ID: 20, Parent: 19}, syscall.EINVAL, "no such parent"},
		{ResourceConfig{Name: "x"}, syscall.EINVAL, "0 is no number of a resource"},
		{ResourceConfig{Name: "a/b", ID: 20}, syscall.EINVAL, "bad name"},
		{ResourceConfig{ID: 20}, syscall.EINVAL, "bad name"},
		{ResourceConfig{Name: "x", ID: 20, Min: 3, Max: 2}, syscall.EINVAL, "Min above Max"},
		{ResourceConfig{Name: "x", ID: 20, Unit: 1}, syscall.EINVAL, "no such unit"},
		{ResourceConfig{Name: "x", ID: 20, Port: 4}, syscall.EINVAL, "port without OnPort"},
		{ResourceConfig{Name: "x", ID: 20, Port: 5, OnPort: true}, syscall.ENOENT, "no such port"},
		{ResourceConfig{Name: "x", ID: 20, Parent: ipv4, Port: 4, OnPort: true}, syscall.EINVAL, "no such parent"},
	} {
		do(t, i, func(l *Locked) error { refused(t, l.AddResource(c.config), c.errno, c.text); return nil })
	}
	do(t, i, func(l *Locked) error {
		_, err := l.ResourceSize(resource(20))
		refused(t, err, syscall.EINVAL, "")
		refused(t, l.SetOccupancy(resource(20), nil), syscall.EINVAL, "")
		refused(t, l.RemoveResource(resource(20)), syscall.ENOENT, "")
		return nil
	})
	if list := rest(t, s); len(list) != 0 {
		t.Fatal(list)
	}
}
