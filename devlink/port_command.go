package devlink

import (
	"context"
	"errors"
	"fmt"

	"github.com/switchcore/switchcore/switchdev"
)

// Roles that the driver of an instance may have, or what [Locked.AddPortOps] was given:
// what can be done with a port. The instance is theirs while they run.
type (
	// PortSplitter splits ports.
	PortSplitter interface {
		// SplitPort removes a port and adds the parts, as many as count says.
		SplitPort(ctx context.Context, l *Locked, port, count uint32) error
		// UnsplitPort is the reverse; port is any of the parts.
		UnsplitPort(ctx context.Context, l *Locked, port uint32) error
	}
	// PortTypeSetter makes a port one of another type, which is PortAuto, PortEth or
	// PortIB. What it becomes is told with [Locked.SetPortType] and its like, now or
	// later; until then the type is what the user desires.
	PortTypeSetter interface {
		ChangePortType(ctx context.Context, l *Locked, port uint32, t PortType) error
	}
	// PortMaker makes ports; only the driver of an instance can have this role. It adds
	// the port and returns its index.
	PortMaker interface {
		NewPort(ctx context.Context, l *Locked, r PortRequest) (index uint32, err error)
	}
	// PortDeleter removes ports that were made so.
	PortDeleter interface {
		DeletePort(ctx context.Context, l *Locked, port uint32) error
	}
)

// PortRequest says what port a user wants. What is nil is the driver's to choose, but
// Flavour and PF have to be given.
type PortRequest struct {
	Flavour PortFlavour
	// Index, Controller, PF and SF are as in [PortInfo] and [PCIFunction]. SF counts with
	// FlavourPCISF only.
	Index, Controller, PF, SF *uint32
}

func (r PortRequest) clone() PortRequest {
	r.Index, r.Controller, r.PF = copied(r.Index), copied(r.Controller), copied(r.PF)
	r.SF = copied(r.SF)
	if r.Flavour != FlavourPCISF {
		r.SF = nil
	}
	return r
}

// ErrReloadFailed: the last reload of the instance went wrong, and what was asked needs
// its driver. Another reload may mend that. It is a case of [switchdev.ErrBusy]. Ours:
// Linux asks the driver, which has been taken down.
var ErrReloadFailed error = fmt.Errorf("reload failed: %w", switchdev.ErrBusy)

// portRole finds a role for a port.
func portRole[T any](i *Instance, p *PortInfo) (T, bool) {
	if p.ops == nil {
		return switchdev.As[T](i.driver)
	}
	role, ok := p.ops.v.(T)
	return role, ok
}

// usable refuses a command on an instance that nobody can see, and unless alsoFailed on
// one whose last reload went wrong.
func (i *Instance) usable(what string, alsoFailed bool) error {
	on := onMutate
	if alsoFailed {
		on = onSetting
	}
	if err := i.gate(what, on); err != nil {
		return i.refuse(what, "", "", err)
	}
	return nil
}

// driverError is a driver's error with what it is about, if it does not say that.
func (i *Instance) driverError(what, object string, err error) error {
	var known *switchdev.OpError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return i.refuse(what, object, "", err)
}

// submitPort submits a command on a port.
func (i *Instance) submitPort(what string, port uint32, f func(ctx context.Context, l *Locked, p *PortInfo) error) *Ticket {
	return i.submit(what, func(o *op) error {
		if err := i.usable(what, false); err != nil {
			return err
		}
		p, err := i.port(what, port)
		if err != nil {
			return err
		}
		return o.call(func(ctx context.Context, l *Locked) error { return f(ctx, l, p) })
	})
}

// SplitPort splits a port into count parts. The errors match ErrUnsupported if it has no
// [PortSplitter], ErrInvalid if the port cannot be split or not into so many, a power
// of two from 2 to its lanes; ErrNoDevice if there is none. Linux:
// devlink_nl_port_split_doit (net/devlink/port.c).
func (i *Instance) SplitPort(ctx context.Context, port, count uint32) error {
	return i.SubmitSplitPort(port, count).Wait(ctx)
}

// SubmitSplitPort is SplitPort without the wait. It never blocks.
func (i *Instance) SubmitSplitPort(port, count uint32) *Ticket {
	const what = "devlink.port.split"
	return i.submitPort(what, port, func(ctx context.Context, l *Locked, p *PortInfo) error {
		splitter, ok := portRole[PortSplitter](i, p)
		if !ok {
			return i.refuse(what, portName(port), "", switchdev.ErrUnsupported)
		}
		if reason := p.unsplittable(count); reason != "" {
			return i.refuse(what, portName(port), reason, switchdev.ErrInvalid)
		}
		return i.driverError(what, portName(port), splitter.SplitPort(ctx, l, port, count))
	})
}

func (p *PortInfo) unsplittable(count uint32) string {
	switch {
	case !p.Splittable && p.Split:
		return "Port cannot be split further"
	case !p.Splittable:
		return "Port cannot be split"
	case count < 2 || count&(count-1) != 0 || count > p.Lanes:
		return "Invalid split count"
	}
	return ""
}

// UnsplitPort makes one port of the parts of one that was split, of which port is any.
// The errors match ErrUnsupported if it has no [PortSplitter], ErrNoDevice if there is
// none; whether it was split the driver knows. Linux: devlink_nl_port_unsplit_doit.
func (i *Instance) UnsplitPort(ctx context.Context, port uint32) error {
	return i.SubmitUnsplitPort(port).Wait(ctx)
}

// SubmitUnsplitPort is UnsplitPort without the wait. It never blocks.
func (i *Instance) SubmitUnsplitPort(port uint32) *Ticket {
	const what = "devlink.port.unsplit"
	return i.submitPort(what, port, func(ctx context.Context, l *Locked, p *PortInfo) error {
		splitter, ok := portRole[PortSplitter](i, p)
		if !ok {
			return i.refuse(what, portName(port), "", switchdev.ErrUnsupported)
		}
		return i.driverError(what, portName(port), splitter.UnsplitPort(ctx, l, port))
	})
}

// ChangePortType tells the driver that a user wants a port to be PortAuto, PortEth or
// PortIB; then its DesiredType says so. To what it is it is set by doing nothing. The
// errors match ErrUnsupported if it has no [PortTypeSetter], ErrInvalid for another
// type, ErrNoDevice if there is none. Linux: devlink_port_type_set
// (net/devlink/port.c).
func (i *Instance) ChangePortType(ctx context.Context, port uint32, t PortType) error {
	return i.SubmitChangePortType(port, t).Wait(ctx)
}

// SubmitChangePortType is ChangePortType without the wait. It never blocks.
func (i *Instance) SubmitChangePortType(port uint32, t PortType) *Ticket {
	const what = "devlink.port.type.set"
	return i.submitPort(what, port, func(ctx context.Context, l *Locked, p *PortInfo) error {
		setter, ok := portRole[PortTypeSetter](i, p)
		switch {
		case t < PortAuto || t > PortIB:
			return i.refuse(what, portName(port), "", switchdev.ErrInvalid)
		case !ok:
			return i.refuse(what, portName(port), "", switchdev.ErrUnsupported)
		case t == p.Type:
			return nil
		}
		if err := setter.ChangePortType(ctx, l, port, t); err != nil {
			return i.driverError(what, portName(port), err)
		}
		err := l.UpdatePort(port, func(p *PortInfo) { p.DesiredType = t })
		if errors.Is(err, switchdev.ErrNoDevice) {
			return nil // a driver may make another port of it
		}
		return err
	})
}

// NewPort has the driver make a port, and returns what it has become. The errors match
// ErrUnsupported if the driver is no [PortMaker], ErrInvalid if flavour or PF are not
// given. Linux: devlink_nl_port_new_doit (net/devlink/port.c).
func (i *Instance) NewPort(ctx context.Context, r PortRequest) (*PortInfo, error) {
	k := i.SubmitNewPort(r)
	err := k.Wait(ctx)
	return k.Port(), err
}

// PortTicket stands for a NewPort that was submitted.
type PortTicket struct {
	*Ticket
	port *PortInfo // written before Done is closed
}

// Port returns the port as it was when it was made; nil if it was not, or not yet.
func (k *PortTicket) Port() *PortInfo {
	if !k.ended() {
		return nil
	}
	return k.port
}

// SubmitNewPort is NewPort without the wait. It never blocks.
func (i *Instance) SubmitNewPort(r PortRequest) *PortTicket {
	const what = "devlink.port.new"
	r = r.clone()
	k := &PortTicket{}
	k.Ticket = i.submit(what, func(o *op) error {
		if err := i.usable(what, false); err != nil {
			return err
		}
		maker, ok := switchdev.As[PortMaker](i.driver)
		switch {
		case !ok:
			return i.refuse(what, "", "", switchdev.ErrUnsupported)
		case r.Flavour == FlavourNone || r.PF == nil:
			return i.refuse(what, "", "Port flavour or PCI PF are not specified", switchdev.ErrInvalid)
		case r.Flavour > FlavourUnused:
			return i.refuse(what, "", "", switchdev.ErrInvalid)
		}
		return o.call(func(ctx context.Context, l *Locked) error {
			index, err := maker.NewPort(ctx, l, r)
			if err == nil {
				k.port, err = i.port(what, index)
			}
			return i.driverError(what, "", err)
		})
	})
	return k
}

// DeletePort has the driver remove a port that was made with NewPort. The errors match
// ErrUnsupported if it has no [PortDeleter], ErrNoDevice if there is none. Linux:
// devlink_nl_port_del_doit (net/devlink/port.c).
func (i *Instance) DeletePort(ctx context.Context, port uint32) error {
	return i.SubmitDeletePort(port).Wait(ctx)
}

// SubmitDeletePort is DeletePort without the wait. It never blocks.
func (i *Instance) SubmitDeletePort(port uint32) *Ticket {
	const what = "devlink.port.del"
	return i.submitPort(what, port, func(ctx context.Context, l *Locked, p *PortInfo) error {
		deleter, ok := portRole[PortDeleter](i, p)
		if !ok {
			return i.refuse(what, portName(port), "", switchdev.ErrUnsupported)
		}
		return i.driverError(what, portName(port), deleter.DeletePort(ctx, l, port))
	})
}
