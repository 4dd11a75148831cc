package devlink

import (
	"context"
	"errors"

	"github.com/switchcore/switchcore/switchdev"
)

// FunctionState says whether a function is to work.
type FunctionState uint8

// The states. The zero value is that of a function that has none.
const (
	FunctionInactive FunctionState = iota + 1
	FunctionActive
)

// String returns the name that devlink(8) has for it, "" for the zero value.
func (s FunctionState) String() string {
	switch s {
	case FunctionInactive:
		return "inactive"
	case FunctionActive:
		return "active"
	case 0:
		return ""
	default:
		return "state?"
	}
}

// FunctionOpState says whether a driver is bound to a function.
type FunctionOpState uint8

// The states. The zero value is that of a function that has none.
const (
	FunctionDetached FunctionOpState = iota + 1
	FunctionAttached
)

// String returns the name that devlink(8) has for it, "" for the zero value.
func (s FunctionOpState) String() string {
	switch s {
	case FunctionDetached:
		return "detached"
	case FunctionAttached:
		return "attached"
	case 0:
		return ""
	default:
		return "opstate?"
	}
}

// FunctionCaps are what a function is allowed to do.
type FunctionCaps uint8

// The capabilities. Linux: DEVLINK_PORT_FN_CAP_ROCE and so on.
const (
	FunctionRoCE FunctionCaps = 1 << iota
	FunctionMigratable
	FunctionIPsecCrypto
	FunctionIPsecPacket

	functionCaps = 1<<iota - 1
)

// Has reports whether all of c are in the set.
func (s FunctionCaps) Has(c FunctionCaps) bool { return s&c == c }

// Each returns the single capabilities of the set in their order.
func (s FunctionCaps) Each() []FunctionCaps {
	var list []FunctionCaps
	for c := FunctionRoCE; c <= FunctionIPsecPacket; c <<= 1 {
		if s.Has(c) {
			list = append(list, c)
		}
	}
	return list
}

// String returns the name that devlink(8) has for one capability, for instance
// "ipsec_crypto"; of several, the names with commas between.
func (s FunctionCaps) String() (text string) {
	names := [...]string{"roce", "migratable", "ipsec_crypto", "ipsec_packet"}
	for i, name := range names {
		if s.Has(1 << i) {
			if text != "" {
				text += ","
			}
			text += name
		}
	}
	return text
}

// PortFunction is what can be seen of the function that a port leads to.
type PortFunction struct {
	// HWAddr is its hardware address, "" if it is not known.
	HWAddr HWAddr
	// State and OpState are 0 where a function has none.
	State   FunctionState
	OpState FunctionOpState
	// Caps are what it may do, of those in Known. What is not in Known is not shown.
	Caps, Known FunctionCaps
	// MaxIOEQs is how many event queues it may have, if HasMaxIOEQs is set.
	HasMaxIOEQs bool
	MaxIOEQs    uint32
	// Nested is the instance that the function has, as far as it can be seen; nil if it
	// has none. [Locked.NestInPort] says so, and nobody else can.
	Nested *NestedIn
}

// NestedIn names an instance that is part of another object, and where it is.
type NestedIn struct {
	Handle
	// Namespace is where it can be seen; "" is the initial one.
	Namespace string
}

func (f *PortFunction) check() string {
	switch {
	case len(f.HWAddr) > maxHWAddr:
		return "Port function hardware address too long"
	case f.State > FunctionActive || f.OpState > FunctionAttached:
		return "no such state"
	case f.Known&^functionCaps != 0 || f.Caps&^f.Known != 0:
		return "a capability that is not known"
	case !f.HasMaxIOEQs && f.MaxIOEQs != 0:
		return "event queues without HasMaxIOEQs"
	}
	return ""
}

func (f *PortFunction) equal(g *PortFunction) bool {
	if f == nil || g == nil {
		return f == g
	}
	a, b := *f, *g
	if !alike(a.Nested, b.Nested) {
		return false
	}
	a.Nested = b.Nested
	return a == b
}

// FunctionChange says what of a function a user wants to be otherwise. The zero value
// changes nothing.
type FunctionChange struct {
	// HWAddr is the new address; "" leaves it. On a port of type eth it has to be one of 6
	// bytes and no group's; the one of zeros is allowed.
	HWAddr HWAddr
	// Change says which capabilities to set, to what is in Caps.
	Caps, Change FunctionCaps
	// MaxIOEQs is the new number of event queues; nil leaves it.
	MaxIOEQs *uint32
	// State is the new state; 0 leaves it. It is set last.
	State FunctionState
}

// Roles that the driver of an instance may have, or what [Locked.AddPortOps] was given:
// what of a port's function can be set. The instance is theirs while they run. What
// they have set is shown from then on; they do not tell of it themselves.
type (
	// FunctionAddrSetter sets addresses.
	FunctionAddrSetter interface {
		SetFunctionAddr(ctx context.Context, l *Locked, port uint32, a HWAddr) error
	}
	// FunctionCapSetter sets capabilities.
	FunctionCapSetter interface {
		// FunctionCaps says which it can set on a port. It is called first, and must not
		// block.
		FunctionCaps(port uint32) FunctionCaps
		// SetFunctionCap sets one.
		SetFunctionCap(ctx context.Context, l *Locked, port uint32, c FunctionCaps, on bool) error
	}
	// FunctionQueueSetter sets the number of event queues.
	FunctionQueueSetter interface {
		SetFunctionMaxIOEQs(ctx context.Context, l *Locked, port, n uint32) error
	}
	// FunctionStateSetter sets states.
	FunctionStateSetter interface {
		SetFunctionState(ctx context.Context, l *Locked, port uint32, s FunctionState) error
	}
)

// SetPortFunction changes the function that a port leads to: the address, then the
// capabilities, then the number of event queues, then the state. Whatever cannot be set
// on this port is found before anything is, with ErrUnsupported or ErrInvalid. When the
// driver refuses one of them those before it have been set, and subscribers hear of
// that; Linux tells nobody then. ErrNoDevice if there is no such port. Linux:
// devlink_port_function_set (net/devlink/port.c).
func (i *Instance) SetPortFunction(ctx context.Context, port uint32, c FunctionChange) error {
	return i.SubmitSetPortFunction(port, c).Wait(ctx)
}

// SubmitSetPortFunction is SetPortFunction without the wait. It never blocks.
func (i *Instance) SubmitSetPortFunction(port uint32, c FunctionChange) *Ticket {
	c.MaxIOEQs = copied(c.MaxIOEQs)
	return i.submitPort("devlink.port.function.set", port, func(ctx context.Context, l *Locked, p *PortInfo) error {
		s := functionSetter{l: l, port: p, change: c}
		if err := s.validate(); err != nil {
			return err
		}
		return s.set(ctx)
	})
}

// functionSetter is one SetPortFunction.
type functionSetter struct {
	l      *Locked
	port   *PortInfo
	change FunctionChange

	addr  FunctionAddrSetter
	caps  FunctionCapSetter
	queue FunctionQueueSetter
	state FunctionStateSetter
}

func (s *functionSetter) refuse(reason string, err error) error {
	return s.l.refuse(s.l.op.what, portName(s.port.Index), reason, err)
}

func (s *functionSetter) validate() error {
	var ok bool
	c := &s.change
	if s.addr, ok = portRole[FunctionAddrSetter](s.l.inst, s.port); !ok && c.HWAddr != "" {
		return s.refuse("Port doesn't support function attributes", switchdev.ErrUnsupported)
	}
	if s.state, ok = portRole[FunctionStateSetter](s.l.inst, s.port); !ok && c.State != 0 {
		return s.refuse("Function does not support state setting", switchdev.ErrUnsupported)
	}
	if reason := s.unableCaps(); reason != "" {
		return s.refuse(reason, switchdev.ErrUnsupported)
	}
	if s.queue, ok = portRole[FunctionQueueSetter](s.l.inst, s.port); !ok && c.MaxIOEQs != nil {
		return s.refuse("Function does not support max_io_eqs setting", switchdev.ErrUnsupported)
	}
	if c.State > FunctionActive || c.Change&^functionCaps != 0 {
		return s.refuse("", switchdev.ErrInvalid)
	}
	if reason := s.badAddr(); reason != "" {
		return s.refuse(reason, switchdev.ErrInvalid)
	}
	return nil
}

func (s *functionSetter) unableCaps() string {
	var can FunctionCaps
	var ok bool
	if s.caps, ok = portRole[FunctionCapSetter](s.l.inst, s.port); ok {
		can = s.caps.FunctionCaps(s.port.Index)
	}
	for _, c := range s.change.Change.Each() {
		name := c.String()
		switch {
		case !can.Has(c) && c == FunctionRoCE:
			return "Port doesn't support RoCE function attribute"
		case !can.Has(c):
			return "Port doesn't support " + name + " function attribute"
		case c != FunctionRoCE && s.port.Flavour != FlavourPCIVF:
			return name + " function attribute supported for VFs only"
		}
	}
	return ""
}

func (s *functionSetter) badAddr() string {
	a := s.change.HWAddr
	switch m, ok := a.MAC(); {
	case len(a) > maxHWAddr:
		return "Port function hardware address too long"
	case a == "" || s.port.Type != PortEth:
		return ""
	case !ok:
		return "Address must be 6 bytes for Ethernet device"
	case m.IsMulticast():
		return "Non-unicast hardware address unsupported"
	}
	return ""
}

// set has the driver set one after the other, and shows what it has set, also when it
// refuses or panics half-way.
func (s *functionSetter) set(ctx context.Context) (err error) {
	var done []func(f *PortFunction)
	defer func() {
		if gone := s.show(done); err == nil && !errors.Is(gone, switchdev.ErrNoDevice) {
			err = gone
		}
	}()
	err = s.each(ctx, func(f func(f *PortFunction)) { done = append(done, f) })
	return s.l.inst.driverError(s.l.op.what, portName(s.port.Index), err)
}

func (s *functionSetter) show(done []func(f *PortFunction)) error {
	if len(done) == 0 {
		return nil
	}
	return s.l.UpdatePort(s.port.Index, func(p *PortInfo) {
		if p.Function == nil {
			p.Function = &PortFunction{}
		}
		for _, f := range done {
			f(p.Function)
		}
	})
}

func (s *functionSetter) each(ctx context.Context, did func(func(f *PortFunction))) error {
	c, l, index := s.change, s.l, s.port.Index
	if c.HWAddr != "" {
		if err := s.addr.SetFunctionAddr(ctx, l, index, c.HWAddr); err != nil {
			return err
		}
		did(func(f *PortFunction) { f.HWAddr = c.HWAddr })
	}
	for _, one := range c.Change.Each() {
		if err := s.caps.SetFunctionCap(ctx, l, index, one, c.Caps.Has(one)); err != nil {
			return err
		}
		did(func(f *PortFunction) { f.Known, f.Caps = f.Known|one, f.Caps&^one|c.Caps&one })
	}
	if c.MaxIOEQs != nil {
		if err := s.queue.SetFunctionMaxIOEQs(ctx, l, index, *c.MaxIOEQs); err != nil {
			return err
		}
		did(func(f *PortFunction) { f.HasMaxIOEQs, f.MaxIOEQs = true, *c.MaxIOEQs })
	}
	if c.State != 0 {
		if err := s.state.SetFunctionState(ctx, l, index, c.State); err != nil {
			return err
		}
		did(func(f *PortFunction) { f.State = c.State })
	}
	return nil
}
