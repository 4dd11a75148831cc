package devlink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// part is an auxiliary driver.
type part struct {
	name  string
	log   func(format string, a ...any)
	begin func(ctx context.Context, l *Locked) error
	end   func(ctx context.Context, l *Locked)
}

func (p *part) Name() string { return p.name }

func (p *part) Probe(ctx context.Context, l *Locked) error {
	p.log("probe %s in %v", p.name, l.Instance().State())
	if p.begin == nil {
		return nil
	}
	return p.begin(ctx, l)
}

func (p *part) Remove(ctx context.Context, l *Locked) {
	p.log("remove %s in %v", p.name, l.Instance().State())
	if p.end != nil {
		p.end(ctx, l)
	}
}

func TestAuxiliariesComeAfterTheDriverAndGoBeforeIt(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: c})
		if err != nil {
			t.Fatal(err)
		}
		x, y, z := &part{name: "x", log: c.note}, &part{name: "y", log: c.note}, &part{name: "z", log: c.note}
		do(t, i, func(l *Locked) error {
			return errors.Join(put(l, newThing(KindParam, "p", 0)), c.fill(l), l.AddAuxiliary(x), l.AddAuxiliary(y))
		})
		same(t, c.calls(), nil)
		finish(t, i.SubmitRegister())
		do(t, i, func(l *Locked) error {
			mustBe(t, l.AddAuxiliary(z), nil)
			mustBe(t, l.AddAuxiliary(x), switchdev.ErrExist)
			mustBe(t, l.RemoveAuxiliary("w"), switchdev.ErrNotExist)
			return nil
		})
		same(t, c.calls(), []string{"probe x in registered", "probe y in registered", "probe z in registered"})
		if _, err := reloaded(i, ReloadRequest{}); err != nil {
			t.Fatal(err)
		}
		same(t, c.calls(), []string{
			"remove z in going-down", "remove y in going-down", "remove x in going-down", `down driver_reinit in ""`,
			`up driver_reinit in "" already=false`, "probe x in coming-up", "probe y in coming-up", "probe z in coming-up",
		})
		// one that refuses is as it was, its parts begun anew
		c.down = func(context.Context, *Locked, Reload) error { return switchdev.ErrBusy }
		_, err = reloaded(i, ReloadRequest{})
		mustBe(t, err, switchdev.ErrBusy)
		if got := c.calls(); len(got) != 7 || got[4] != "probe x in going-down" {
			t.Fatal(got)
		}
		c.check = c.down
		_, err = reloaded(i, ReloadRequest{})
		mustBe(t, err, switchdev.ErrBusy)
		same(t, c.calls(), nil)
		c.check, c.down, c.up = nil, nil, failUp
		reloaded(i, ReloadRequest{})
		c.calls()
		do(t, i, func(l *Locked) error { return l.RemoveAuxiliary("y") }) // not there, no call
		c.up = nil
		if _, err = reloaded(i, ReloadRequest{}); err != nil {
			t.Fatal(err)
		}
		same(t, c.calls(), []string{`up driver_reinit in "" already=true`, "probe x in coming-up", "probe z in coming-up"})
		do(t, i, func(l *Locked) error { return l.RemoveAuxiliary("x") })
		finish(t, i.SubmitUnregister())
		same(t, c.calls(), []string{"remove x in registered", "remove z in unregistering", "remove already=false"})
	})
}

func TestAuxiliariesThatGoWrong(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		i := c.start(t, r, "")
		bad := &part{name: "bad", log: c.note, begin: func(context.Context, *Locked) error { return syscall.EIO }}
		k := i.SubmitDo(func(_ context.Context, l *Locked) error { return l.AddAuxiliary(bad) })
		mustBe(t, outcome(k), syscall.EIO)
		same(t, c.calls(), []string{"probe bad in registered"})
		bad.begin, bad.end = nil, func(context.Context, *Locked) { panic("at the end") }
		do(t, i, func(l *Locked) error {
			return errors.Join(l.AddAuxiliary(bad), l.AddAuxiliary(&part{name: "good", log: c.note}))
		})
		_, err := reloaded(i, ReloadRequest{})
		if p := (*PanicError)(nil); !errors.As(err, &p) || i.State() != Registered {
			t.Fatal(err)
		}
		bad.begin = func(context.Context, *Locked) error { panic("at the beginning") }
		bad.end = nil
		if _, err = reloaded(i, ReloadRequest{}); err == nil || i.State() != Registered || info(t, i).Local.Of(0, ActionDriverReinit) != 2 {
			t.Fatal(err)
		}
		if got := c.calls(); !slices.Contains(got, "probe good in coming-up") {
			t.Fatal(got)
		}
		bad.begin = func(_ context.Context, l *Locked) error {
			mustBe(t, l.RemoveAuxiliary("bad"), switchdev.ErrBusy)
			return l.AddAuxiliary(&part{name: "late", log: c.note})
		}
		if _, err = reloaded(i, ReloadRequest{}); err != nil {
			t.Fatal(err)
		}
		if got := c.calls(); got[len(got)-1] != "probe late in coming-up" {
			t.Fatal(got)
		}
	})
}

// chain is a part that does in its callbacks whatever cannot be done in Linux while a
// namespace is being deleted: a notifier that hears everything, an instance that is
// nested, objects.
func chain(t testing.TB, r *Registry, name string, log func(string, ...any), told func(Event)) *part {
	var n *Notifier
	var child *Instance
	p := &part{name: name, log: log}
	p.begin = func(ctx context.Context, l *Locked) (err error) {
		if n, err = r.Notify(NotifyOptions{SubscribeOptions: SubscribeOptions{AllNamespaces: true}}, func(_ context.Context, e Event) { told(e) }); err != nil {
			return err
		}
		child, err = r.NewInstance(InstanceConfig{Handle: Handle{"nested", l.Instance().Handle().Device}, Namespace: l.Instance().Namespace()})
		if errors.Is(err, switchdev.ErrNotExist) { // it dies
			child, err = r.NewInstance(InstanceConfig{Handle: Handle{"nested", l.Instance().Handle().Device}})
		}
		if err != nil {
			return err
		}
		return errors.Join(put(l, newThing(KindReporter, name, 0)), l.Nest(child), child.Register(ctx))
	}
	p.end = func(ctx context.Context, l *Locked) {
		err := errors.Join(child.Unregister(ctx), child.Free(ctx), n.Close(ctx), drop(l, newThing(KindReporter, name, 0)))
		if err != nil {
			t.Errorf("remove %s: %v", name, err)
		}
	}
	return p
}

// Case 50: the deadlock of November 2021, and while it does not happen others answer.
func TestCase50NamespaceDeletionWithGlobalNotifiersCompletes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		namespaces(t, r, "n1")
		c := newCard("a")
		c.restarts = true
		i := c.start(t, r, "n1")
		told := make(chan Event, 1000)
		do(t, i, func(l *Locked) error {
			return l.AddAuxiliary(chain(t, r, "rdma", c.note, func(e Event) { told <- e }))
		})
		other := newCard("b").start(t, r, "")
		slow := func(context.Context, *Locked, Reload) error { time.Sleep(5 * time.Second); return nil }
		c.down = slow
		before := time.Now()
		k := r.SubmitDeleteNamespace("n1")
		synctest.Wait() // in ReloadDown
		for range 100 {
			if _, err := other.Reload(t.Context(), ReloadRequest{}); err != nil {
				t.Fatal(err)
			}
			if err := r.AddNamespace("m"); err != nil {
				t.Fatal(err)
			}
			if err := r.DeleteNamespace(t.Context(), "m"); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(before); d != 0 {
			t.Fatalf("others waited %v", d)
		}
		finish(t, k)
		if d := time.Since(before); d != 5*time.Second || i.Namespace() != "" || i.State() != Registered {
			t.Fatal(d, i.Namespace(), i.State())
		}
		if n := info(t, i); len(n.Nested) != 1 || n.Nested[0].Namespace != "" {
			t.Fatal(n.Nested)
		}
		synctest.Wait() // the notifier has a goroutine of its own
		if len(told) == 0 {
			t.Fatal("the notifier heard nothing")
		}
		c.down = nil
		finish(t, i.SubmitUnregister())
	})
}

// The same in one goroutine.
func TestCase50OnAManualRegistry(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	namespaces(t, r, "n1")
	c := newCard("a")
	c.restarts = true
	i := c.start(t, r, "n1")
	told := 0
	do(t, i, func(l *Locked) error { return l.AddAuxiliary(chain(t, r, "rdma", c.note, func(Event) { told++ })) })
	finish(t, r.SubmitDeleteNamespace("n1"))
	if i.Namespace() != "" || i.State() != Registered || told == 0 {
		t.Fatal(i.Namespace(), i.State(), told)
	}
	finish(t, i.SubmitUnregister())
}

// Case 97: one callback takes five seconds; ten thousand reads, and reloads of others,
// take no time.
func TestCase97SlowCallbackDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		a, b := newCard("a"), newCard("b")
		i, j := a.start(t, r, ""), b.start(t, r, "")
		a.up = func(context.Context, *Locked, Reload) (ReloadActions, error) {
			time.Sleep(5 * time.Second)
			return 0, nil
		}
		before := time.Now()
		k := i.SubmitReload(ReloadRequest{})
		synctest.Wait()
		if i.State() != ComingUp {
			t.Fatal(i.State())
		}
		for n := range 10_000 {
			if _, err := r.Instance("", i.Handle()); err != nil {
				t.Fatal(err)
			}
			if s := r.Snapshot(); s.Len() != 2 {
				t.Fatal(s.Len())
			}
			if n%10 != 0 {
				continue
			}
			if _, err := j.Reload(t.Context(), ReloadRequest{}); err != nil {
				t.Fatal(err)
			}
			s, err := r.Subscribe(SubscribeOptions{Replay: true})
			if err != nil {
				t.Fatal(err)
			}
			if list := rest(t, s); list[len(list)-1].Verb != Synced {
				t.Fatal("no replay")
			}
			s.Close()
		}
		if d := time.Since(before); d != 0 {
			t.Fatalf("waited %v", d)
		}
		finish(t, k.Ticket)
		if d := time.Since(before); d != 5*time.Second {
			t.Fatal(d)
		}
	})
}

// Case 38, and 39 in both orders.
func TestCase38And39OperationsOfOneInstanceAreSerial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		c := newCard("a")
		i := c.start(t, r, "")
		c.down = func(context.Context, *Locked, Reload) error { time.Sleep(time.Second); return nil }
		before := time.Now()
		k1, k2 := i.SubmitReload(ReloadRequest{}), i.SubmitReload(ReloadRequest{})
		finish(t, k1.Ticket)
		finish(t, k2.Ticket)
		if d := time.Since(before); d != 2*time.Second || info(t, i).Local.Of(0, ActionDriverReinit) != 2 {
			t.Fatal(d)
		}
		k1 = i.SubmitReload(ReloadRequest{})
		u, k2 := i.SubmitUnregister(), i.SubmitReload(ReloadRequest{})
		finish(t, k1.Ticket)
		finish(t, u)
		mustBe(t, outcome(k2.Ticket), switchdev.ErrNoDevice) // ENODEV
		if i.State() != Allocated {
			t.Fatal(i.State())
		}
	})
}

// Case 96, with everything that a callback could wait for.
func TestCase96CallbacksThatWaitForThemselvesAreRefused(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		namespaces(t, r, "n")
		c := newCard("a")
		i := c.start(t, r, "n")
		calls := 0
		refused := func(ctx context.Context, l *Locked) {
			calls++
			for n, f := range []func() error{
				func() error { return i.Register(ctx) },
				func() error { return i.Unregister(ctx) },
				func() error { _, err := i.Reload(ctx, ReloadRequest{}); return err },
				func() error { return i.Move(ctx, "") },
				func() error { return i.Do(ctx, func(context.Context, *Locked) error { return nil }) },
				func() error { return i.SplitPort(l.Context(), 0, 2) },
			} {
				if err := f(); !errors.Is(err, switchdev.ErrDeadlock) { // EDEADLK
					t.Error(n, err)
				}
			}
		}
		c.down = func(ctx context.Context, l *Locked, _ Reload) error { refused(ctx, l); return nil }
		c.check = c.down
		c.up = func(ctx context.Context, l *Locked, _ Reload) (ReloadActions, error) { refused(ctx, l); return 0, nil }
		do(t, i, func(l *Locked) error {
			return l.AddAuxiliary(&part{name: "x", log: c.note,
				begin: func(ctx context.Context, l *Locked) error { refused(ctx, l); return nil },
				end:   refused})
		})
		if _, err := reloaded(i, ReloadRequest{}); err != nil || calls != 6 {
			t.Fatal(err, calls)
		}
		c.removed = c.down
		mustBe(t, outcome(i.SubmitUnregister()), nil)
		if calls != 8 {
			t.Fatal(calls)
		}
	})
}

// Case 98.
func TestCase98PanicInUpLetsGoOfTheInstance(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		i := c.start(t, r, "")
		c.up = func(context.Context, *Locked, Reload) (ReloadActions, error) { panic("boo") }
		_, err := reloaded(i, ReloadRequest{})
		if p := (*PanicError)(nil); !errors.As(err, &p) || p.Value != "boo" {
			t.Fatal(err)
		}
		do(t, i, func(*Locked) error { return nil })
		if i.State() != Failed {
			t.Fatal(i.State())
		}
	})
}

// Case 51.
func TestCase51ManyInstancesAndDyingNamespaces(t *testing.T) {
	const instances, rounds = 12, 25
	r := newRegistry(t, Config{Events: 1 << 14})
	var list []*Instance
	var cards []*card
	for n := range instances {
		c := newCard(fmt.Sprint(n))
		c.restarts, c.ports = n%2 == 0, n%3
		list, cards = append(list, c.start(t, r, "")), append(cards, c)
		if n%3 == 0 {
			do(t, list[n], func(l *Locked) error { return l.AddAuxiliary(chain(t, r, "rdma", c.note, func(Event) {})) })
		}
	}
	done := make(chan error, 2*instances+2)
	for n := range 2 {
		go func() {
			for range rounds {
				name := fmt.Sprint("ns", n)
				if err := r.AddNamespace(name); err != nil {
					done <- err
					return
				}
				for at, i := range list {
					if at%2 == n {
						i.SubmitReload(ReloadRequest{To: []string{name}})
					}
				}
				if err := r.DeleteNamespace(context.Background(), name); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for _, i := range list {
		go func() {
			for range rounds {
				if _, err := i.Reload(context.Background(), ReloadRequest{}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range instances + 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for n, i := range list {
		do(t, i, func(*Locked) error { return nil })
		if i.Namespace() != "" || i.State() != Registered {
			t.Errorf("%d: %v in %q", n, i.State(), i.Namespace())
		}
		k := i.SubmitUnregister()
		if err := outcome(k); err != nil {
			t.Error(err)
		}
		cards[n].calls()
	}
	if n := r.Snapshot().Len(); n != 0 {
		t.Fatal(n, "instances are left")
	}
}
