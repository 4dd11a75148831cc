package devlink_test

import (
	"context"
	"testing"
	"time"

	"github.com/switchcore/switchcore/devlink"
)

// What TestRandomOperations found once.

// bench is a Manual registry with a parent that has a port, and a child.
type bench struct {
	t             *testing.T
	reg           *devlink.Registry
	parent, child *devlink.Instance
}

func newBench(t *testing.T) *bench {
	reg, err := devlink.New(devlink.Config{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reg.Close() })
	b := &bench{t: t, reg: reg}
	for _, i := range []**devlink.Instance{&b.parent, &b.child} {
		h := devlink.Handle{Bus: "pci", Device: map[bool]string{true: "parent", false: "child"}[i == &b.parent]}
		if *i, err = reg.NewInstance(devlink.InstanceConfig{Handle: h}); err != nil {
			t.Fatal(err)
		}
	}
	b.do(b.parent, func(l *devlink.Locked) error { return l.AddPort(devlink.PortInfo{Index: 1}) })
	return b
}

func (b *bench) finish(k *devlink.Ticket) {
	b.t.Helper()
	b.reg.Poll(time.Time{})
	if err := k.Err(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) do(i *devlink.Instance, f func(l *devlink.Locked) error) {
	b.t.Helper()
	b.finish(i.SubmitDo(func(_ context.Context, l *devlink.Locked) error { return f(l) }))
}

// TestUnregisterEndsNestingInPorts: a port that stays with its unregistered instance does
// not show, after the next registration, what was nested in it before.
func TestUnregisterEndsNestingInPorts(t *testing.T) {
	b := newBench(t)
	b.do(b.parent, func(l *devlink.Locked) error { return l.NestInPort(1, b.child) })
	b.finish(b.parent.SubmitRegister())
	b.finish(b.child.SubmitRegister())
	port := func() *devlink.PortInfo {
		o := b.reg.Snapshot().Object("", b.parent.Handle(), devlink.KindPort, devlink.Key{Port: 1, OnPort: true})
		return o.(*devlink.PortInfo)
	}
	if f := port().Function; f == nil || f.Nested == nil {
		t.Fatalf("the port shows %+v", f)
	}
	b.finish(b.parent.SubmitUnregister())
	b.finish(b.child.SubmitUnregister())
	b.finish(b.parent.SubmitRegister())
	if f := port().Function; f != nil && f.Nested != nil {
		t.Errorf("the port shows %+v, which has gone", f.Nested)
	}
}

// TestNamespaceOfUnregisteredChildPokesNobody: what nobody can see is no news.
func TestNamespaceOfUnregisteredChildPokesNobody(t *testing.T) {
	b := newBench(t)
	if err := b.reg.AddNamespace("n"); err != nil {
		t.Fatal(err)
	}
	child, err := b.reg.NewInstance(devlink.InstanceConfig{Handle: devlink.Handle{Bus: "pci", Device: "far"}, Namespace: "n"})
	if err != nil {
		t.Fatal(err)
	}
	b.do(b.parent, func(l *devlink.Locked) error { return l.NestInPort(1, child) })
	b.finish(b.parent.SubmitRegister())
	before := b.reg.Snapshot().Seq()
	b.finish(b.reg.SubmitDeleteNamespace("n"))
	if after := b.reg.Snapshot().Seq(); after != before || child.Namespace() != "" {
		t.Errorf("%d events, child in %q", after-before, child.Namespace())
	}
}

// TestRemovedPartLetsTheOthersFit: parts that are too large together are no more when one
// of them is removed, and the instance can be reloaded again.
func TestRemovedPartLetsTheOthersFit(t *testing.T) {
	b := newBench(t)
	b.do(b.parent, func(l *devlink.Locked) error {
		for id, parent := range []uint64{0, 1, 1} {
			if err := l.AddResource(devlink.ResourceConfig{ID: uint64(id + 1), Parent: parent, Name: string(rune('a' + id)), Size: 10}); err != nil {
				return err
			}
		}
		return nil
	})
	b.finish(b.parent.SubmitRegister())
	b.finish(b.parent.SubmitSetResource(devlink.Key{ID: 2}, 9))
	valid := func() bool {
		o := b.reg.Snapshot().Object("", b.parent.Handle(), devlink.KindResource, devlink.Key{ID: 1})
		return o.(*devlink.ResourceInfo).SizeValid
	}
	if valid() {
		t.Fatal("9 and 10 are no more than 10")
	}
	b.do(b.parent, func(l *devlink.Locked) error { return l.RemoveResource(devlink.Key{ID: 3}) })
	if !valid() {
		t.Error("9 is more than 10")
	}
}

// TestFreedResourceAsksNobody: the driver has gone with the instance.
func TestFreedResourceAsksNobody(t *testing.T) {
	b := newBench(t)
	b.do(b.child, func(l *devlink.Locked) error {
		return l.AddResource(devlink.ResourceConfig{ID: 1, Name: "r", Occupancy: func() uint64 { return 7 }})
	})
	b.finish(b.child.SubmitRegister())
	r := b.reg.Snapshot().Object("", b.child.Handle(), devlink.KindResource, devlink.Key{ID: 1}).(*devlink.ResourceInfo)
	if n, ok := r.Occupancy(); !ok || n != 7 {
		t.Fatalf("%d, %v", n, ok)
	}
	b.finish(b.child.SubmitUnregister())
	k := b.child.SubmitFree()
	b.reg.Poll(time.Time{})
	if k.Err() == nil {
		t.Fatal("freed with a resource, and no error")
	}
	if n, ok := r.Occupancy(); ok {
		t.Errorf("%d after the end", n)
	}
}
