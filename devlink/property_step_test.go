package devlink_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/devlinktest"
	"github.com/switchcore/switchcore/switchdev"
)

// step does one operation that was drawn.
func (w *world) step() (what string, err error) {
	if w.rng.IntN(4) == 0 {
		w.m.now = w.m.now.Add(time.Duration(w.rng.IntN(3000)) * time.Millisecond)
	}
	switch n := w.rng.IntN(100); {
	case len(w.m.instances) == 0 || n < 3:
		return w.makeInstance()
	case n < 14:
		return w.watch(n)
	case n < 17:
		return w.namespace()
	}
	x := w.draw()
	c := w.chips[x.life.Handle]
	switch n := w.rng.IntN(100); {
	case n < 16:
		return w.life(x, c)
	case n < 24:
		return w.reload(x, c)
	case n < 30:
		w.replan(c)
		return "plan", nil
	case n < 34:
		return w.auxiliary(x, c)
	case n < 38:
		return w.post(x, c)
	case n < 40:
		return w.deadToken(c)
	case n < 72:
		acts := w.acts(1+w.rng.IntN(5), 2, true)
		k := c.i.SubmitDo(func(ctx context.Context, l *devlink.Locked) error { c.act(ctx, l, acts); return nil })
		return fmt.Sprintf("%v do %v", x.life.Device, acts), w.submit(k, func() error {
			if x.state == devlink.Freed {
				return switchdev.ErrNoDevice
			}
			x.call(acts)
			return nil
		})
	default:
		return w.command(x, c)
	}
}

func (w *world) draw() *modelInstance {
	list := w.m.sorted()
	return list[w.rng.IntN(len(list))]
}

func (w *world) handle() devlink.Handle {
	return devlink.Handle{Bus: []string{"pci", "aux"}[w.rng.IntN(2)], Device: string(rune('a' + w.rng.IntN(2)))}
}

func (w *world) space() string { return []string{"", "n1", "n2", "n3"}[w.rng.IntN(4)] }

func (w *world) makeInstance() (string, error) {
	h, ns := w.handle(), w.space()
	c := newChip(w, w.rng.IntN(4) > 0, w.rng.IntN(3) == 0)
	c.restarts = c.restarts && c.reloads
	i, err := w.reg.NewInstance(devlink.InstanceConfig{Handle: h, Namespace: ns, Driver: c.driver()})
	_, want := w.m.make(h, ns, c)
	if err == nil {
		c.i = i
		w.chips[h] = c
		w.replan(c)
	}
	return fmt.Sprintf("new %v in %q", h, ns), agree(err, want)
}

func (w *world) life(x *modelInstance, c *chip) (string, error) {
	switch n := w.rng.IntN(16); {
	case n < 7 && x.state == devlink.Allocated || n == 0:
		return x.life.Device + " register", w.submit(c.i.SubmitRegister(), x.register)
	case n < 9:
		to := w.space()
		return fmt.Sprintf("%v move to %q", x.life.Device, to), w.submit(c.i.SubmitMove(to), func() error { return x.move(to) })
	case n < 11:
		return x.life.Device + " unregister", w.submit(c.i.SubmitUnregister(), x.unregister)
	case n < 12:
		return x.life.Device + " free", w.submit(c.i.SubmitFree(), x.free)
	case n < 14:
		c.mute = w.rng.IntN(4) == 0
		return "mute", nil
	default:
		c.refuse = w.rng.IntN(4) == 0
		return "refuse", nil
	}
}

func (w *world) reload(x *modelInstance, c *chip) (string, error) {
	q := devlink.ReloadRequest{Action: devlink.ReloadAction(w.rng.IntN(8) / 3), LimitsGiven: w.rng.IntN(20) == 0}
	if w.rng.IntN(6) == 0 {
		q.Limits = devlink.ReloadLimits(w.rng.IntN(4))
	}
	if w.rng.IntN(3) == 0 {
		q.To = []string{w.space()}
	}
	if w.rng.IntN(30) == 0 {
		q.To = append(q.To, w.space())
	}
	if w.rng.IntN(10) == 0 {
		q.Allowed = func(ns string) bool { return ns != "n2" }
	}
	if w.rng.IntN(2) == 0 {
		w.replan(c)
	}
	return fmt.Sprintf("%v reload %+v plan %+v", x.life.Device, q, c.plan), w.submit(c.i.SubmitReload(q).Ticket, func() error { return x.reload(q) })
}

// replan draws what a chip does next.
func (w *world) replan(c *chip) {
	hows := []how{well, well, well, well, refuses, tornDown, panics, short}
	c.plan = plan{
		unwilling: w.rng.IntN(8) == 0, downHow: hows[w.rng.IntN(7)], upHow: hows[w.rng.IntN(len(hows))],
		down: w.acts(w.rng.IntN(8), 1, true), up: w.acts(w.rng.IntN(8), 1, false), remove: w.acts(w.rng.IntN(4), 1, true),
	}
	for _, name := range []string{"rdma", "vnet"} {
		c.auxPlan[name] = auxPlan{probe: w.acts(w.rng.IntN(3), 1, false), remove: w.acts(w.rng.IntN(3), 1, true), fails: w.rng.IntN(8) == 0}
	}
}

func (w *world) namespace() (string, error) {
	ns := w.space()
	if w.rng.IntN(3) > 0 {
		err := w.reg.AddNamespace(ns)
		want := error(nil)
		switch {
		case ns == "":
			want = switchdev.ErrInvalid
		case w.m.namespaces[ns]:
			want = switchdev.ErrExist
		default:
			w.m.namespaces[ns] = true
		}
		return "add " + ns, agree(err, want)
	}
	return "delete " + ns, w.submit(w.reg.SubmitDeleteNamespace(ns), func() error { return w.m.deleteNamespace(ns) })
}

func (w *world) auxiliary(x *modelInstance, c *chip) (string, error) {
	name := []string{"rdma", "vnet"}[w.rng.IntN(2)]
	at := slices.IndexFunc(x.aux, func(a *modelAux) bool { return a.name == name })
	if w.rng.IntN(3) > 0 {
		k := c.i.SubmitDo(func(_ context.Context, l *devlink.Locked) error { return l.AddAuxiliary(&auxChip{c: c, name: name}) })
		return "auxiliary " + name, w.submit(k, func() error {
			if at >= 0 {
				return switchdev.ErrExist
			}
			a := &modelAux{name: name}
			x.aux = append(x.aux, a)
			if x.state != devlink.Registered {
				return nil
			}
			err := x.probe(a)
			if err != nil {
				x.aux = slices.DeleteFunc(x.aux, func(b *modelAux) bool { return a == b })
			}
			return err
		})
	}
	k := c.i.SubmitDo(func(_ context.Context, l *devlink.Locked) error { return l.RemoveAuxiliary(name) })
	return "no auxiliary " + name, w.submit(k, func() error {
		if at < 0 {
			return switchdev.ErrNotExist
		}
		a := x.aux[at]
		x.aux = slices.Delete(x.aux, at, at+1)
		if a.probed {
			x.call(c.auxPlan[name].remove)
		}
		return nil
	})
}

// post is what drivers tell from anywhere, without the instance to themselves.
func (w *world) post(x *modelInstance, c *chip) (string, error) {
	a := w.act(0, false)
	a.what = []string{"snapshot", "report", "remote"}[w.rng.IntN(3)]
	if a.what != "report" || w.rng.IntN(2) == 0 {
		return fmt.Sprint("post ", a), agree(c.do(context.Background(), nil, a), x.do(a))
	}
	r := c.reporters[a.key]
	if r == nil {
		return "no report", nil
	}
	return fmt.Sprint("report ", a), w.submit(r.SubmitReport(a.name, nil), func() error { return x.report(a.key, a.name) })
}

// deadToken uses the token of a callback that has returned.
func (w *world) deadToken(c *chip) (string, error) {
	l := c.dead
	if l == nil {
		return "no token", nil
	}
	_, errTrap := l.AddTraps(devlink.TrapInfo{Name: "late", Group: "g1"})
	_, errRegion := l.AddRegion(devlink.RegionConfig{Name: "late"})
	_, errReporter := l.AddReporter(devlink.ReporterConfig{Name: "late"})
	for n, err := range []error{
		l.AddPort(*newPort(99, 1)), l.AddPolicers(newPolicer(99)), l.AddGroups(devlink.GroupInfo{Name: "late"}), errTrap, errRegion, errReporter,
		l.AddResource(devlink.ResourceConfig{ID: 99, Name: "late"}), l.AddParam(c.param(devlink.Key{Name: "late"}, devlink.ParamDriverInit)),
		l.RemovePort(1), l.RemoveTraps(), l.RemoveGroups("g1"), l.RemovePolicers(1), l.RemoveResources(), l.RemoveParam(devlink.Key{Name: "p1"}),
		l.RemoveRegion(c.regions[devlink.Key{Name: "r1"}]), l.AddAuxiliary(&auxChip{c: c, name: "late"}), l.RemoveAuxiliary("rdma"), l.Nest(c.i),
	} {
		if !errors.Is(err, switchdev.ErrClosed) && !errors.Is(err, switchdev.ErrInvalid) {
			return "dead token", fmt.Errorf("call %d answers %v", n, err)
		}
	}
	return "dead token", nil
}

// watch begins, changes and ends subscriptions.
func (w *world) watch(n int) (string, error) {
	o := devlink.SubscribeOptions{
		Namespace: w.space(), AllNamespaces: w.rng.IntN(2) == 0, Replay: w.rng.IntN(3) > 0,
		CompatKernel: w.rng.IntN(5) == 0, Coalesce: w.rng.IntN(4) == 0,
	}
	if w.rng.IntN(2) == 0 {
		o.Filter = w.filter()
	}
	want := error(nil)
	if !o.AllNamespaces && !w.m.namespaces[o.Namespace] {
		want = switchdev.ErrNotExist
	}
	switch {
	case n == 3 && len(w.ears) < 3:
		e, err := w.reg.Notify(devlink.NotifyOptions{SubscribeOptions: o}, w.newEar(o))
		if err == nil {
			w.ears = append(w.ears, e)
			w.reg.Poll(w.m.now)
		}
		return "notify", agree(err, want)
	case n == 4 && len(w.ears) > 0:
		at := w.rng.IntN(len(w.ears))
		err := w.ears[at].Close(context.Background())
		w.ears = slices.Delete(w.ears, at, at+1)
		return "deaf", err
	case n < 8 && len(w.readers) < 10:
		return w.subscribe(o, want)
	case n < 10 && len(w.readers) > 4:
		at := w.rng.IntN(len(w.readers))
		err := w.readers[at].sub.Close()
		w.readers = slices.Delete(w.readers, at, at+1)
		return "unsubscribe", err
	case len(w.readers) > 0:
		r, f := w.readers[w.rng.IntN(len(w.readers))], w.filter()
		if w.rng.IntN(3) > 0 {
			return "nothing", nil // there are some that keep their filter
		}
		after, err := r.sub.SetFilter(f)
		r.stream.SetFilter(f, after)
		if last := w.reg.Snapshot().Seq(); err == nil && after != last {
			err = fmt.Errorf("a filter after %d, and %d was the last", after, last)
		}
		return "filter", err
	}
	return "nothing", nil
}

func (w *world) subscribe(o devlink.SubscribeOptions, want error) (string, error) {
	sub, err := w.reg.Subscribe(o)
	if err == nil {
		r := &reader{sub, devlinktest.NewStream(o), w.rng.IntN(3) == 0, w.log.Len()}
		r.stream.Follow(&w.log)
		w.readers = append(w.readers, r)
	}
	return fmt.Sprintf("subscribe %+v", o), agree(err, want)
}

func (w *world) filter() (f devlink.Filter) {
	if w.rng.IntN(2) == 0 {
		f.Bus = w.handle().Bus
	}
	if w.rng.IntN(2) == 0 {
		f.Device = w.handle().Device
	}
	if w.rng.IntN(3) == 0 {
		f.OnPort, f.Port = true, uint32(1+w.rng.IntN(4))
	}
	if w.rng.IntN(3) == 0 {
		f.Kinds = devlink.Kinds(w.rng.IntN(1 << 10))
	}
	return f
}
