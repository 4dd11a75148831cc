package devlink

import (
	"fmt"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// AddPort adds a port whose commands the driver of the instance carries out. What p
// points to is copied. The errors match ErrInvalid if p contradicts itself, ErrBusy if
// the index is in use, as in Linux, and ErrReloadFailed after a reload that went wrong,
// where only another reload brings ports back, unless the driver is a [FailedWorker] that
// has "devlink.port.add" work. Linux: devl_port_register (net/devlink/port.c), which lets
// a failed instance have ports.
func (l *Locked) AddPort(p PortInfo) error { return l.addPort("devlink.port.add", p, nil) }

// AddPortOps is AddPort for a port whose commands are not the driver's of the instance
// but those of ops, which has some of the roles of ports, or none. Linux:
// devl_port_register_with_ops.
func (l *Locked) AddPortOps(p PortInfo, ops any) error {
	return l.addPort("devlink.port.add", p, &portOps{ops})
}

func (l *Locked) addPort(what string, p PortInfo, ops *portOps) error {
	n := p.clone()
	n.ops = ops
	n.keepNested(&PortInfo{})
	name := portName(n.Index)
	if reason := n.check(); reason != "" {
		return l.refuse(what, name, reason, switchdev.ErrInvalid)
	}
	works := l.inst.State() == Failed && l.inst.worksFailed(what)
	return l.tell(what, func() ([]Event, error) {
		i := l.inst
		if err := i.step(onAdd); err != nil && !(works && i.state == Failed) {
			return nil, l.refuse(what, name, "", err)
		}
		if i.objs.get(KindPort, n.Key()) != nil {
			return nil, l.refuse(what, name, "port index in use", switchdev.ErrBusy)
		}
		i.portsBorn++
		n.born = i.portsBorn
		i.objs.put(n)
		return []Event{{Verb: Added, Object: n}}, nil
	})
}

// RemovePort removes a port, whatever it is. What else belongs to it and was to be
// removed before is removed with it, marked [Leaked] and logged. ErrNoDevice if there
// is none. Linux: devl_port_unregister, which warns of a port that has a type; drivers
// make that PortNotSet first, which is told.
func (l *Locked) RemovePort(index uint32) error {
	const what = "devlink.port.remove"
	var left []Event
	err := l.tell(what, func() ([]Event, error) {
		i := l.inst
		p := i.objs.get(KindPort, Key{Port: index, OnPort: true})
		if p == nil {
			return nil, l.refuse(what, portName(index), "", switchdev.ErrNoDevice)
		}
		left = i.stripPort(index)
		i.objs.remove(KindPort, p.Key())
		return append(slices.Clip(left), Event{Verb: Deleted, Object: p}), nil
	})
	l.inst.letGo(left)
	for _, e := range left {
		l.inst.reg.cfg.Logger.Error("devlink: the driver removed a port and left something of it behind",
			"instance", l.inst.handle.String(), "object", e.Object.Kind().String()+e.Object.Key().suffix())
	}
	return err
}

// stripPort removes what belongs to a port, in the reverse order of a registration. The
// caller holds mu.
func (i *Instance) stripPort(index uint32) (events []Event) {
	for k := numKinds - 1; k > KindPort; k-- {
		for _, o := range slices.Backward(i.objs[k]) {
			if key := o.Key(); key.OnPort && key.Port == index {
				i.objs.remove(k, key)
				if r, ok := o.(*ResourceInfo); ok {
					r.record.occupancy.Store(nil)
				}
				events = append(events, Event{Verb: Deleted, Object: o, Marks: Leaked | marksOf(o)})
			}
		}
	}
	return events
}

// UpdatePort changes what can be seen of a port: change gets a copy that is its own,
// with all that it points to, and writes to it. It is called with no lock held, and once
// more when the port's type or device was set from elsewhere meanwhile. It cannot change
// the index. If nothing is otherwise nobody is told. The errors match ErrNoDevice if
// there is none, ErrInvalid if the result contradicts itself.
func (l *Locked) UpdatePort(index uint32, change func(p *PortInfo)) error {
	const what = "devlink.port.update"
	for {
		was, err := l.inst.port(what, index)
		if err != nil {
			return err
		}
		n := was.clone()
		change(n)
		n.Index, n.born, n.ops = was.Index, was.born, was.ops
		n = n.clone() // change may have kept its own
		n.keepNested(was)
		if reason := n.check(); reason != "" {
			return l.refuse(what, portName(index), reason, switchdev.ErrInvalid)
		}
		current := false
		err = l.tell(what, func() ([]Event, error) {
			current = l.inst.objs.get(KindPort, was.Key()) == Object(was)
			if !current || n.equal(was) {
				return nil, nil
			}
			l.inst.objs.put(n)
			return []Event{{Verb: Changed, Object: n}}, nil
		})
		if current || err != nil {
			return err
		}
	}
}

// port returns a port, whether anybody can see it or not.
func (i *Instance) port(what string, index uint32) (*PortInfo, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if p, _ := i.objs.get(KindPort, Key{Port: index, OnPort: true}).(*PortInfo); p != nil {
		return p, nil
	}
	return nil, i.refuse(what, portName(index), "", switchdev.ErrNoDevice)
}

// refuse is the error of what is asked of an instance; object is what in the instance
// it is about, if anything.
func (i *Instance) refuse(what, object, reason string, err error) error {
	name := i.handle.String()
	if object != "" {
		name += "/" + object
	}
	return &switchdev.OpError{Op: what, Object: name, Reason: reason, Err: err}
}

// Port stands for one port of an instance, for who sets its type or its device and does
// not have the instance to himself, such as whoever hears of network devices. The
// methods may be called from anywhere, at any time, and wait for nobody: they do not
// wait for the instance. When the port has gone they answer ErrNoDevice, also if
// another one has its index. Ports are small, can be copied, and compared with ==. The
// zero Port stands for none.
type Port struct {
	inst        *Instance
	index, born uint32
}

// Port returns what stands for a port, ErrNoDevice if there is none.
func (l *Locked) Port(index uint32) (Port, error) {
	p, err := l.inst.port("devlink.port.get", index)
	if err != nil {
		return Port{}, err
	}
	return Port{l.inst, index, p.born}, nil
}

// Index returns the index of the port.
func (p Port) Index() uint32 { return p.index }

// String returns handle and index, as in "pci/0000:01:00.0/1".
func (p Port) String() string {
	if p.inst == nil {
		return ""
	}
	return fmt.Sprintf("%v/%d", p.inst.handle, p.index)
}

// SetType makes the port one of a type, without a device of any kind. To what it is it
// is set in silence. ErrInvalid if there is no such type. Linux: devlink_port_type_clear
// and devlink_port_type_auto_set, which tell of it in every case.
func (p Port) SetType(t PortType) error {
	return p.set("devlink.port.type", t, "", 0, "")
}

// SetNetdev makes the port one of type eth with a network device of that name and
// number, all at once; with the name "", without. Linux: devlink_port_type_eth_set and
// what follows the netdev's events (net/devlink/port.c, devlink_port_netdevice_event).
func (p Port) SetNetdev(name string, index uint32) error {
	if name == "" {
		index = 0
	}
	return p.set("devlink.port.netdev", PortEth, name, index, "")
}

// SetIBDev makes the port one of type ib with an InfiniBand device of that name, all at
// once; with the name "", without. Linux: devlink_port_type_ib_set.
func (p Port) SetIBDev(name string) error {
	return p.set("devlink.port.ibdev", PortIB, "", 0, name)
}

func (p Port) set(what string, t PortType, netdev string, index uint32, ibdev string) (err error) {
	if p.inst == nil {
		return &switchdev.OpError{Op: what, Err: switchdev.ErrNoDevice}
	}
	i := p.inst
	if t > PortIB {
		return i.refuse(what, portName(p.index), "no such type", switchdev.ErrInvalid)
	}
	i.tell(func() []Event {
		was, _ := i.objs.get(KindPort, Key{Port: p.index, OnPort: true}).(*PortInfo)
		if was == nil || was.born != p.born {
			err = i.refuse(what, portName(p.index), "", switchdev.ErrNoDevice)
			return nil
		}
		n := *was
		n.setDevice(t, netdev, index, ibdev)
		if n.equal(was) {
			return nil
		}
		i.objs.put(&n)
		return []Event{{Verb: Changed, Object: &n}}
	})
	return err
}

// SetPortType is [Port.SetType] for who has the instance to himself.
func (l *Locked) SetPortType(index uint32, t PortType) error {
	return l.withPort(index, func(p Port) error { return p.SetType(t) })
}

// SetPortNetdev is [Port.SetNetdev] for who has the instance to himself.
func (l *Locked) SetPortNetdev(index uint32, name string, ifindex uint32) error {
	return l.withPort(index, func(p Port) error { return p.SetNetdev(name, ifindex) })
}

// SetPortIBDev is [Port.SetIBDev] for who has the instance to himself.
func (l *Locked) SetPortIBDev(index uint32, name string) error {
	return l.withPort(index, func(p Port) error { return p.SetIBDev(name) })
}

func (l *Locked) withPort(index uint32, set func(Port) error) error {
	if err := l.live("devlink.port.type"); err != nil {
		return err
	}
	p, err := l.Port(index)
	if err != nil {
		return err
	}
	return set(p)
}
