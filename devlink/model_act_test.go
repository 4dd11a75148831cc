package devlink_test

import (
	"context"
	"fmt"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// act is one thing that a driver does, with everything that was drawn for it: by do of
// chip for real, by do of modelInstance in the model.
type act struct {
	what  string
	port  uint32
	key   devlink.Key
	n     uint64
	name  string
	to    devlink.Handle
	inner []act
}

// do does it for real.
func (c *chip) do(ctx context.Context, l *devlink.Locked, a act) (err error) {
	switch a.what {
	case "port":
		return l.AddPort(*newPort(a.port, uint32(a.n)))
	case "port-":
		return l.RemovePort(a.port)
	case "port~":
		return l.UpdatePort(a.port, func(p *devlink.PortInfo) { p.Lanes, p.Splittable = uint32(a.n), a.n > 1 && !p.Split })
	case "type":
		return l.SetPortType(a.port, devlink.PortType(a.n%4))
	case "netdev":
		return l.SetPortNetdev(a.port, a.name, uint32(a.n))
	case "policer":
		return l.AddPolicers(newPolicer(uint32(a.n)))
	case "policer-":
		return l.RemovePolicers(uint32(a.n))
	case "group":
		return l.AddGroups(devlink.GroupInfo{Name: a.name, Policer: uint32(a.n)})
	case "group-":
		return l.RemoveGroups(a.name)
	case "trap":
		_, err = l.AddTraps(devlink.TrapInfo{Name: a.name, Group: a.key.Name, Type: devlink.TrapType(a.n % 3), Action: devlink.TrapAction(a.n / 3 % 3)})
		return err
	case "trap-":
		return l.RemoveTraps(a.name)
	case "region":
		return c.addRegion(l, a.key)
	case "region-":
		return l.RemoveRegion(c.regions[a.key])
	case "snapshot":
		return c.addSnapshot(a.key)
	case "resource":
		return l.AddResource(devlink.ResourceConfig{
			Port: a.key.Port, OnPort: a.key.OnPort, ID: a.key.ID, Parent: uint64(a.port), Name: "r", Size: a.n, Max: 1000,
		})
	case "resource-":
		return l.RemoveResource(a.key)
	case "size":
		_, err = l.ResourceSize(a.key)
		return err
	case "reporter":
		return c.addReporter(l, a.key, time.Duration(a.n)*time.Second)
	case "reporter-":
		return l.RemoveReporter(c.reporters[a.key])
	case "report":
		if c.reporters[a.key] == nil {
			return switchdev.ErrNotExist
		}
		return c.reporters[a.key].SetState(devlink.HealthState(a.n % 2))
	case "param":
		return l.AddParam(c.param(a.key, devlink.ParamMode(a.n)))
	case "param-":
		return l.RemoveParam(a.key)
	case "driverinit":
		return l.SetDriverInit(a.key, devlink.Uint32Value(uint32(a.n)))
	case "remote":
		return c.i.RemoteReloaded(devlink.LimitUnspec, devlink.ActionsOf(devlink.ActionFWActivate))
	default:
		return c.doElsewhere(ctx, l, a)
	}
}

// doElsewhere is what a callback does with other instances, and with what would wait for
// itself.
func (c *chip) doElsewhere(ctx context.Context, l *devlink.Locked, a act) error {
	other := c.w.chips[a.to]
	switch a.what {
	case "wait":
		return other.i.Do(ctx, func(ctx context.Context, l *devlink.Locked) error {
			other.act(ctx, l, a.inner)
			return nil
		})
	case "register":
		return other.i.Register(ctx)
	case "unregister":
		return other.i.Unregister(ctx)
	case "move":
		return other.i.Move(ctx, a.name)
	case "nest":
		if a.n%2 == 0 {
			return l.Nest(other.i)
		}
		return l.NestInPort(a.port, other.i)
	case "close":
		return c.w.reg.CloseContext(ctx)
	}
	panic("what is " + a.what)
}

func (c *chip) addRegion(l *devlink.Locked, k devlink.Key) (err error) {
	var r *devlink.Region
	if k.OnPort {
		r, err = l.AddPortRegion(k.Port, c.region(k))
	} else {
		r, err = l.AddRegion(c.region(k))
	}
	if err == nil {
		c.regions[k] = r
	}
	return err
}

// addSnapshot may be called from anywhere.
func (c *chip) addSnapshot(k devlink.Key) error {
	r := c.regions[k]
	if r == nil {
		return switchdev.ErrNotExist
	}
	id := c.i.TakeSnapshotID()
	err := r.AddSnapshot(id, make([]byte, regionSize))
	if e := c.i.ReleaseSnapshotID(id); e != nil {
		c.w.fail("%v", e)
	}
	return err
}

func (c *chip) addReporter(l *devlink.Locked, k devlink.Key, grace time.Duration) (err error) {
	var r *devlink.Reporter
	if k.OnPort {
		r, err = l.AddPortReporter(k.Port, c.reporter(k, grace))
	} else {
		r, err = l.AddReporter(c.reporter(k, grace))
	}
	if err == nil {
		c.reporters[k] = r
	}
	return err
}

// do does it in the model.
func (x *modelInstance) do(a act) error {
	switch a.what {
	case "port":
		return x.addPort(newPort(a.port, uint32(a.n)))
	case "port-":
		return x.removePort(a.port)
	case "port~":
		return x.updatePort(a.port, func(p *devlink.PortInfo) { p.Lanes, p.Splittable = uint32(a.n), a.n > 1 && !p.Split })
	case "type":
		return x.updatePort(a.port, func(p *devlink.PortInfo) { p.Type, p.Netdev, p.NetdevIndex = devlink.PortType(a.n%4), "", 0 })
	case "netdev":
		return x.updatePort(a.port, func(p *devlink.PortInfo) {
			p.Type, p.Netdev, p.NetdevIndex = devlink.PortEth, a.name, uint32(a.n)
		})
	case "policer":
		if x.policer(uint32(a.n)) != nil {
			return switchdev.ErrExist
		}
		x.add(new(newPolicer(uint32(a.n))), 0)
	case "policer-":
		return x.removePolicer(uint32(a.n))
	case "group":
		return x.addGroup(a)
	case "group-":
		return x.removeGroup(a.name)
	case "trap":
		return x.addTrap(a)
	case "trap-":
		return x.removeTrap(a.name)
	case "region":
		return x.addRegion(a.key)
	case "region-":
		return x.removeRegion(a.key)
	case "snapshot":
		return x.addSnapshot(a.key)
	case "resource":
		return x.addResource(a)
	case "resource-":
		r := x.resource(a.key)
		if r == nil {
			return switchdev.ErrNotExist
		}
		x.dropResource(r, 0)
		x.judge(parentOf(r))
	case "size":
		r := x.resource(a.key)
		if r == nil {
			return switchdev.ErrInvalid
		}
		c := *r
		c.Size = c.SizeNew
		x.change(devlink.Changed, &c, devlink.Silent)
	case "reporter":
		return x.addReporter(a.key, time.Duration(a.n)*time.Second)
	case "reporter-":
		r := x.reporter(a.key)
		if r == nil {
			return switchdev.ErrNotExist
		}
		x.take(r, devlink.Silent)
	case "report":
		return x.setState(a.key, devlink.HealthState(a.n%2))
	case "param":
		return x.addParam(a.key, devlink.ParamMode(a.n))
	case "param-":
		p := x.param(a.key)
		if p == nil {
			return switchdev.ErrNotExist
		}
		x.take(p, paramMarks(p))
	case "driverinit":
		return x.setDriverInit(a.key, devlink.Uint32Value(uint32(a.n)))
	case "remote":
		return x.remote()
	default:
		return x.doElsewhere(a)
	}
	return nil
}

func (x *modelInstance) addGroup(a act) error {
	switch {
	case a.n != 0 && x.policer(uint32(a.n)) == nil:
		return switchdev.ErrInvalid
	case x.group(a.name) != nil:
		return switchdev.ErrExist
	}
	x.add(&devlink.GroupInfo{Name: a.name, Policer: uint32(a.n)}, 0)
	return nil
}

func (x *modelInstance) addTrap(a act) error {
	switch {
	case x.group(a.key.Name) == nil:
		return switchdev.ErrInvalid
	case x.trap(a.name) != nil:
		return switchdev.ErrExist
	}
	x.add(&devlink.TrapInfo{Name: a.name, Group: a.key.Name, Type: devlink.TrapType(a.n % 3), Action: devlink.TrapAction(a.n / 3 % 3)}, 0)
	return nil
}

func (x *modelInstance) addRegion(k devlink.Key) error {
	switch {
	case !x.hasPort(k):
		return switchdev.ErrNoDevice
	case x.find(devlink.KindRegion, k) != nil:
		return switchdev.ErrExist
	}
	x.add(&devlink.RegionInfo{Name: k.Name, Port: k.Port, OnPort: k.OnPort, Size: regionSize, MaxSnapshots: 3}, 0)
	return nil
}

func (x *modelInstance) addResource(a act) error {
	r := &devlink.ResourceInfo{
		Port: a.key.Port, OnPort: a.key.OnPort, ID: a.key.ID, Parent: uint64(a.port), Name: "r",
		Size: a.n, SizeNew: a.n, Max: 1000, Granularity: 1, SizeValid: true,
	}
	switch {
	case x.resource(a.key) != nil:
		return switchdev.ErrExist
	case r.Parent != 0 && x.resource(parentOf(r)) == nil:
		return switchdev.ErrInvalid
	case !x.hasPort(a.key):
		return switchdev.ErrNotExist
	}
	x.add(r, devlink.Silent)
	return nil
}

func (x *modelInstance) remote() error {
	switch {
	case !x.state.Visible():
		return switchdev.ErrNoDevice
	case x.state != devlink.Registered && x.state != devlink.Failed:
		x.meddled = true
		return devlink.ErrContract
	}
	x.info.Remote[devlink.LimitUnspec][devlink.ActionFWActivate]++
	info := x.info
	x.tell(devlink.Changed, &info, 0)
	return nil
}

func (x *modelInstance) doElsewhere(a act) error {
	m, y := x.m, x.m.last[a.to]
	if a.what == "nest" {
		return x.nest(y, a.n%2 != 0, a.port)
	}
	for _, z := range m.active {
		if a.what == "close" || z == y {
			return switchdev.ErrDeadlock
		}
	}
	y.evict()
	switch a.what {
	case "wait":
		if y.state == devlink.Freed {
			return switchdev.ErrNoDevice
		}
		y.call(a.inner)
	case "register":
		return y.register()
	case "unregister":
		return y.unregister()
	case "move":
		return y.move(a.name)
	default:
		panic(fmt.Sprintf("what is %q", a.what))
	}
	return nil
}
