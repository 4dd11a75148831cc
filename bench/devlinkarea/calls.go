package devlinkarea

import (
	"context"
	"errors"
	"time"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

var errUnread = errors.New("a change is not to be read")

// caller is a registry to call, on one thread, and what is made use of there.
type caller struct {
	*world
	handles []devlink.Handle
	ports   []devlink.Port // the first of every instance
	snap    *devlink.Snapshot
	reader  *devlink.Subscription // nil where nobody hears
	at      int
	failed  error
}

func newCaller(instances int, heard bool) (c *caller, err error) {
	w, err := newWorld(manual(), instances, 64)
	if err != nil {
		return nil, err
	}
	c = &caller{world: w, ports: make([]devlink.Port, instances), snap: w.Snapshot()}
	for n := range instances {
		c.handles = append(c.handles, handleOf(n))
		if c.ports[n], err = w.port(n); err != nil {
			break
		}
	}
	if heard && err == nil {
		c.reader, err = w.Subscribe(devlink.SubscribeOptions{})
	}
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	return c, nil
}

// port returns what stands for the first port of an instance.
func (w *world) port(n int) (p devlink.Port, err error) {
	err = finish(w.Registry, w.all[n].SubmitDo(func(_ context.Context, l *devlink.Locked) (err error) {
		p, err = l.Port(0)
		return err
	}))
	return p, err
}

func (c *caller) check(err error) {
	if err != nil && c.failed == nil {
		c.failed = err
	}
}

// The calls. Each is about instance n.

func (c *caller) register(n int) { c.check(finish(c.Registry, c.all[n].SubmitRegister())) }

func (c *caller) unregister(n int) { c.check(finish(c.Registry, c.all[n].SubmitUnregister())) }

func (c *caller) snapshot(int) { c.snap = c.Snapshot() }

func (c *caller) find(n int) {
	_, err := c.Instance("", c.handles[n])
	c.check(err)
}

func (c *caller) findPort(n int) {
	if c.snap.Object("", c.handles[n], devlink.KindPort, devlink.Key{Port: uint32(n & 63), OnPort: true}) == nil {
		c.check(errors.New("a port is not to be found"))
	}
}

func (c *caller) findInstance(n int) {
	if c.snap.Object("", c.handles[n], devlink.KindInstance, devlink.Key{}) == nil {
		c.check(errors.New("an instance is not to be found"))
	}
}

func (c *caller) change(n int) {
	c.at++ // so that it is another one each time, and in each round
	c.check(c.ports[n].SetNetdev("swp1", uint32(10+c.at)))
}

func (c *caller) changeCaptured(n int) {
	c.snapshot(n)
	c.change(n)
}

func (c *caller) changeRead(n int) {
	c.change(n)
	if _, ok, err := c.reader.TryNext(); !ok {
		c.check(errors.Join(errUnread, err))
	}
}

// catchUp reads whatever there is.
func (c *caller) catchUp() {
	for {
		_, ok, err := c.reader.TryNext()
		if !ok && !errors.Is(err, switchdev.ErrOverrun) {
			c.check(err)
			return
		}
	}
}

// each makes one call for every instance, in an order that is not that in which they
// were made.
func (c *caller) each(call func(n int)) func() {
	return func() {
		n := 0
		for range c.all {
			call(n)
			n = (n + 7919) % len(c.all) // a prime, which no number of instances here is a multiple of
		}
	}
}

// calls measures single calls.
func calls() measure.Group {
	const among = ", among 10,000 instances of 64 ports"
	nothing := func(*caller) {}
	kinds := []struct {
		name, text    string
		heard         bool
		before, after func(c *caller)
		call          func(c *caller) func(n int)
	}{
		{"register/quiet", "one instance with 64 ports is registered, with the operation and the wait for it, and nobody hears of it", false,
			func(c *caller) { c.each(c.unregister)() }, nothing, func(c *caller) func(int) { return c.register }},
		{"register/heard", "the same with a subscriber that does not read", true,
			func(c *caller) { c.each(c.unregister)() }, nothing, func(c *caller) func(int) { return c.register }},
		{"unregister/quiet", "one instance with 64 ports is unregistered, and nobody hears of it", false,
			nothing, func(c *caller) { c.each(c.register)() }, func(c *caller) func(int) { return c.unregister }},
		{"snapshot", "Snapshot of everything, when nothing has changed since the last", false, nothing, nothing, func(c *caller) func(int) { return c.snapshot }},
		{"lookup/instance", "Registry.Instance", false, nothing, nothing, func(c *caller) func(int) { return c.find }},
		{"lookup/in-snapshot", "Snapshot.Object for an instance", false, nothing, nothing, func(c *caller) func(int) { return c.findInstance }},
		{"lookup/port", "Snapshot.Object for a port", false, (*caller).capture, nothing, func(c *caller) func(int) { return c.findPort }},
		{"change/quiet", "a port gets another device, and nobody hears of it", false, func(c *caller) { c.each(c.change)() }, nothing, func(c *caller) func(int) { return c.change }},
		{"change/captured", "the same and a Snapshot before: the change copies what the snapshot keeps", false, nothing, nothing, func(c *caller) func(int) { return c.changeCaptured }},
		{"change/heard", "a port gets another device, with a subscriber that does not read", true, func(c *caller) { c.each(c.change)() }, nothing, func(c *caller) func(int) { return c.change }},
		{"change/read", "the same with a subscriber that reads it by TryNext", true, (*caller).catchUp, nothing, func(c *caller) func(int) { return c.changeRead }},
	}
	var rows []measure.Row
	for _, k := range kinds {
		rows = append(rows, measure.Row{Name: "10k/" + k.name, Ours: k.name, Text: k.text + among})
	}
	rows = append(rows, measure.Row{Name: "10k/change/allocations", Ours: "change/allocations", Needs: "change/heard", Unit: measure.Count,
		Text: "allocations of one change that is heard"})
	return measure.Group{Name: "calls", Rows: rows, Run: func(s *measure.Session, rec *measure.Record) error {
		var callers [2]*caller
		for n := range callers {
			c, err := newCaller(s.Size(10_000, 64), n == 1)
			if err != nil {
				return err
			}
			defer c.Close()
			callers[n] = c
		}
		var cases []measure.Case
		for _, k := range kinds {
			c := callers[0]
			if k.heard {
				c = callers[1]
			}
			all := c.each(k.call(c))
			cases = append(cases, measure.Case{Series: k.name, Run: func() float64 {
				k.before(c)
				defer k.after(c)
				if k.name == "change/heard" {
					rec.Add("change/allocations", float64(mallocs(all))/float64(len(c.all)))
				}
				return measure.PerOp(len(c.all), all)
			}})
		}
		measure.Quiet(func() { s.Interleave(rec, cases...) })
		return errors.Join(callers[0].failed, callers[1].failed)
	}}
}

// capture takes a snapshot of everything as it is.
func (c *caller) capture() { c.snapshot(0) }

// manual is the configuration of a registry without goroutines, where nobody but who
// is measured does anything.
func manual() devlink.Config { return devlink.Config{Manual: true, Start: time.Unix(1, 0)} }
