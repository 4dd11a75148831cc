package devlink_test

import (
	"fmt"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// kinds of acts, and those that come up more often.
func actNames() []string {
	return []string{
		"port", "port", "port", "port-", "port~", "type", "netdev", "policer", "policer-", "group", "group", "group-", "trap", "trap",
		"trap-", "region", "region", "region-", "snapshot", "snapshot", "resource", "resource", "size", "reporter", "reporter-",
		"report", "param", "param", "driverinit", "driverinit", "remote", "wait", "register", "unregister", "move", "nest", "close",
		"param-", "resource-", // not while a driver comes up
	}
}

// acts draws what a callback does. With taking it may remove what stays over a reload.
func (w *world) acts(n, deep int, taking bool) (list []act) {
	for range n {
		list = append(list, w.act(deep, taking))
	}
	return list
}

func (w *world) act(deep int, taking bool) act {
	names := actNames()
	if !taking {
		names = names[:len(names)-2]
	}
	a := act{what: names[w.rng.IntN(len(names))], port: uint32(1 + w.rng.IntN(4)), n: uint64(w.rng.IntN(9))}
	a.name, a.to = fmt.Sprint("eth", w.rng.IntN(3)), w.handle()
	if w.rng.IntN(3) == 0 {
		a.key.Port, a.key.OnPort = a.port, true
	}
	switch a.what {
	case "port", "port~":
		a.n = 1 << w.rng.IntN(4)
	case "policer", "policer-":
		a.n = uint64(1 + w.rng.IntN(2))
	case "group", "group-":
		a.name, a.n = fmt.Sprint("g", 1+w.rng.IntN(2)), uint64(w.rng.IntN(3))
	case "trap", "trap-":
		a.name, a.key = fmt.Sprint("t", 1+w.rng.IntN(3)), devlink.Key{Name: fmt.Sprint("g", 1+w.rng.IntN(2))}
	case "resource", "resource-", "size":
		a.key.ID, a.port, a.n = uint64(1+w.rng.IntN(4)), uint32(w.rng.IntN(3)), uint64(w.rng.IntN(500))
		if uint64(a.port) >= a.key.ID {
			a.port = 0
		}
	case "param", "param-", "driverinit":
		a.key.Name = fmt.Sprint("p", 1+w.rng.IntN(3))
		if a.what == "param" {
			a.n = uint64(1 + w.rng.IntN(3))
		}
	case "move":
		a.name = w.space()
	case "wait", "register", "unregister", "nest", "close":
		if w.chips[a.to] == nil || deep == 0 {
			a.what = "port-"
		} else if a.what == "wait" {
			a.inner = w.acts(w.rng.IntN(3), deep-1, taking)
		}
	case "region", "region-":
		a.key.Name = fmt.Sprint("r", 1+w.rng.IntN(2))
	case "reporter", "reporter-":
		a.key.Name = fmt.Sprint("h", 1+w.rng.IntN(2))
	}
	if a.what == "move" && (w.chips[a.to] == nil || deep == 0) {
		a.what = "port-"
	}
	return a
}

// command is what a user does.
func (w *world) command(x *modelInstance, c *chip) (string, error) {
	a := w.act(0, true)
	i, key := c.i, devlink.Key{Port: a.key.Port, OnPort: a.key.OnPort}
	name := func(k string, n int) string { return fmt.Sprint(k, 1+w.rng.IntN(n)) }
	what := func(s string) string { return fmt.Sprintf("%v %s %+v", x.life.Device, s, a) }
	switch w.rng.IntN(17) {
	case 0, 1, 2:
		key.Name = name("p", 3)
		m, v := devlink.ParamMode(1+w.rng.IntN(2)), devlink.Uint32Value(uint32(8+w.rng.IntN(7)))
		if w.rng.IntN(10) == 0 {
			v = devlink.StringValue("x")
		}
		return what("set param"), w.submit(i.SubmitSetParam(key, m, v), func() error { return x.setParam(key, m, v) })
	case 3:
		key.Name = name("p", 3)
		return what("reset param"), w.submit(i.SubmitResetParam(key, devlink.ParamDriverInit), func() error { return x.resetParam(key) })
	case 4, 5:
		key.ID = uint64(1 + w.rng.IntN(4))
		size := uint64(w.rng.IntN(1100))
		return what("set resource"), w.submit(i.SubmitSetResource(key, size), func() error { return x.setSize(key, size) })
	case 6:
		t, action := name("t", 3), devlink.TrapAction(w.rng.IntN(4))
		return what("set trap"), w.submit(i.SubmitSetTrap(t, action).Ticket, func() error { return x.userTrap(t, action) })
	case 7:
		return w.setGroup(x, c)
	case 8:
		id, rate := uint32(1+w.rng.IntN(2)), uint64(w.rng.IntN(9000))
		return what("set policer"), w.submit(i.SubmitSetPolicer(id, devlink.PolicerChange{Rate: &rate}), func() error { return x.userPolicer(id, rate) })
	case 9, 10:
		key.Name = name("h", 2)
		return w.setReporter(x, c, key)
	case 11:
		key.Name = name("r", 2)
		return what("new snapshot"), w.submit(i.SubmitNewSnapshot(key).Ticket, func() error { return x.userSnapshot(key) })
	case 12:
		key.Name = name("r", 2)
		id := uint32(w.rng.IntN(4))
		return what("delete snapshot"), w.submit(i.SubmitDeleteSnapshot(key, id), func() error { return x.deleteSnapshot(key, id) })
	default:
		return w.portCommand(x, c, a)
	}
}

func (w *world) setGroup(x *modelInstance, c *chip) (string, error) {
	name := fmt.Sprint("g", 1+w.rng.IntN(2))
	var change devlink.GroupChange
	if w.rng.IntN(2) == 0 {
		change.Action = new(devlink.TrapAction(w.rng.IntN(3)))
	}
	if w.rng.IntN(2) == 0 {
		change.Policer = new(uint32(w.rng.IntN(3)))
	}
	return "set group " + name, w.submit(c.i.SubmitSetGroup(name, change).Ticket, func() error {
		return x.userGroup(name, change.Action, change.Policer)
	})
}

func (w *world) setReporter(x *modelInstance, c *chip, key devlink.Key) (string, error) {
	i := c.i
	switch w.rng.IntN(4) {
	case 0:
		return "recover", w.submit(i.SubmitRecoverReporter(key), func() error {
			if err := x.ofReporter(key, false); err != nil {
				return err
			}
			return x.recover(key)
		})
	case 1:
		return "dump", w.submit(i.SubmitDumpReporter(key).Ticket, func() error {
			if err := x.ofReporter(key, true); err != nil {
				return err
			}
			return x.dump(key)
		})
	case 2:
		return "clear", w.submit(i.SubmitClearDump(key), func() error {
			if err := x.ofReporter(key, false); err != nil {
				return err
			}
			x.clearDump(key)
			return nil
		})
	}
	auto, grace := w.rng.IntN(3) > 0, time.Duration(w.rng.IntN(4))*time.Second
	change := devlink.ReporterChange{AutoRecover: &auto, Grace: &grace}
	return "set reporter", w.submit(i.SubmitSetReporter(key, change), func() error {
		if err := x.ofReporter(key, false); err != nil {
			return err
		}
		n := *x.reporter(key)
		n.AutoRecover, n.Grace = auto, grace
		x.change(devlink.Changed, &n, devlink.Silent)
		return nil
	})
}

func (x *modelInstance) userSnapshot(k devlink.Key) error {
	err, r := x.usable(), x.find(devlink.KindRegion, k)
	switch {
	case err != nil:
		return err
	case !x.hasPort(k):
		return switchdev.ErrNoDevice
	case r == nil:
		return switchdev.ErrInvalid
	case len(x.snapshots(k)) >= 3:
		return switchdev.ErrNoSpace
	case x.chip.refuse:
		return errChip
	}
	return x.addSnapshot(k)
}

func (x *modelInstance) deleteSnapshot(k devlink.Key, id uint32) error {
	err := x.usable()
	switch {
	case err != nil:
		return err
	case !x.hasPort(k):
		return switchdev.ErrNoDevice
	}
	k.ID = uint64(id)
	s := x.find(devlink.KindSnapshot, k)
	if s == nil {
		return switchdev.ErrInvalid
	}
	x.take(s, 0)
	return nil
}

// portCommand is a command on a port.
func (w *world) portCommand(x *modelInstance, c *chip, a act) (string, error) {
	port, count := a.port, uint32(1)<<w.rng.IntN(4)
	if w.rng.IntN(3) == 0 {
		port = 100 + port*8 + uint32(w.rng.IntN(2))
	}
	of := func(f func(p *devlink.PortInfo) error) func() error {
		return func() error {
			if err := x.usable(); err != nil {
				return err
			}
			p := x.port(port)
			switch {
			case p == nil:
				return switchdev.ErrNoDevice
			}
			return f(p)
		}
	}
	switch w.rng.IntN(4) {
	case 0:
		return fmt.Sprint("split ", port), w.submit(c.i.SubmitSplitPort(port, count), of(func(p *devlink.PortInfo) error {
			switch {
			case !p.Splittable || count < 2 || count > p.Lanes:
				return switchdev.ErrInvalid
			case c.refuse:
				return errChip
			}
			err := x.removePort(port)
			for n := range count {
				q := part(port, count, n)
				if e := x.addPort(&q); e != nil {
					err = e
				}
			}
			return err
		}))
	case 1:
		return fmt.Sprint("unsplit ", port), w.submit(c.i.SubmitUnsplitPort(port), of(func(*devlink.PortInfo) error {
			if port < 100 || c.refuse {
				return errChip
			}
			whole := (port - 100) / 8
			for n := range uint32(8) {
				_ = x.removePort(100 + whole*8 + n)
			}
			return x.addPort(newPort(whole, 8))
		}))
	case 2:
		r := devlink.PortRequest{Flavour: devlink.FlavourPCISF, Index: &port, PF: new(uint32(0))}
		if w.rng.IntN(8) == 0 {
			r.PF = nil
		}
		return fmt.Sprint("new port ", port), w.submit(c.i.SubmitNewPort(r).Ticket, func() error {
			err := x.usable()
			switch {
			case err != nil:
				return err
			case r.PF == nil:
				return switchdev.ErrInvalid
			case c.refuse:
				return errChip
			}
			return x.addPort(newPort(port, 1))
		})
	default:
		return fmt.Sprint("delete port ", port), w.submit(c.i.SubmitDeletePort(port), of(func(*devlink.PortInfo) error {
			if c.refuse {
				return errChip
			}
			return x.removePort(port)
		}))
	}
}
