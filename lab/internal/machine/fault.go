package machine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// Fault is something that goes wrong with a switch of package hwsim: what that calls so,
// with ports by the names of their devices.
type Fault struct {
	// Fault is what goes wrong; its Match.Port and Target are not looked at.
	hwsim.Fault
	// Port is the device of Match.Port, To that of Target; "" for none.
	Port, To string
	// Text is what a refusal says besides its errno, as a driver does in the extended
	// acknowledgement; may be empty.
	Text string
}

// Injected is a fault at work.
type Injected struct {
	Fault
	Hits int // how many operations or reports it has struck
}

// injected is a fault that was let loose.
type injected struct {
	Fault
	in *hwsim.Injected
}

// deviceText is the answer of a device that says why.
type deviceText struct {
	text string
	err  error
}

// Error returns the text.
func (d *deviceText) Error() string { return d.text }

// Unwrap returns the error that the device would give without a text.
func (d *deviceText) Unwrap() error { return d.err }

// said returns the text of the device that refused, "" where none said why. That nobody
// knows the outcome is more than why one device refused.
func said(err error) string {
	var d *deviceText
	if !errors.As(err, &d) || errors.Is(err, switchdev.ErrOutcomeUnknown) && !errors.Is(d.err, switchdev.ErrOutcomeUnknown) {
		return ""
	}
	return d.text
}

// chipOf returns the chip of a switch: ENODEV if there is none of that name.
func (m *Machine) chipOf(name string) (*hwsim.Chip, error) {
	if !m.rack.shown || name != m.rack.name {
		return nil, refuse(ENODEV, "")
	}
	c, ok := m.rack.sw.(chip)
	if !ok {
		return nil, &Unsupported{What: "a fault of a switch that is not of package hwsim"}
	}
	return c.Chip, nil
}

// InjectFault lets a fault of a switch loose: ENODEV if there is no such switch or it has no
// such port.
func (m *Machine) InjectFault(name string, f Fault) error {
	c, err := m.chipOf(name)
	if err != nil {
		return err
	}
	f.Match.Port, f.Target = 0, 0
	for _, one := range [...]struct {
		name string
		to   *switchdev.PortID
	}{{f.Port, &f.Match.Port}, {f.To, &f.Target}} {
		if one.name == "" {
			continue
		}
		d := m.find("", one.name)
		if d == nil || d.kind != SwitchDevice {
			return refuse(ENODEV, one.name)
		}
		*one.to = d.port
	}
	with := f.Fault
	if f.Text != "" {
		with.Err = &deviceText{f.Text, with.Err}
	}
	in, err := c.Inject(with)
	if err != nil {
		return err
	}
	m.rack.faults = append(m.rack.faults, injected{f, in})
	return nil
}

// LiftFaults ends the faults of a kind, all of them for 0, and what hangs by them goes on.
func (m *Machine) LiftFaults(name string, kind hwsim.FaultKind) error {
	if _, err := m.chipOf(name); err != nil {
		return err
	}
	m.rack.faults = slices.DeleteFunc(m.rack.faults, func(f injected) bool {
		if kind != 0 && f.Kind != kind {
			return false
		}
		f.in.Release()
		return true
	})
	_, err := m.settle()
	return err
}

// Faults returns the faults at work in a switch, the oldest first.
func (m *Machine) Faults(name string) (all []Injected, err error) {
	if _, err := m.chipOf(name); err != nil {
		return nil, err
	}
	for _, f := range m.rack.faults {
		out := Injected{Fault: f.Fault, Hits: f.in.Hits()}
		out.Port, out.To = m.portName(f.Match.Port), m.portName(f.Target)
		all = append(all, out)
	}
	return all, nil
}

// portName returns the name of the device that is a port of the switch; "" for 0.
func (m *Machine) portName(id switchdev.PortID) string {
	if d := m.devices[m.indexOf(id)]; d != nil && id != 0 {
		return d.name
	}
	return ""
}

// ResetSwitch has a switch forget all that it was told.
func (m *Machine) ResetSwitch(name string) error {
	c, err := m.chipOf(name)
	if err != nil {
		return err
	}
	if _, err := c.Reset(context.Background()); err != nil {
		return err
	}
	_, err = m.settle()
	return err
}

// TamperRow has the rows of an address, in the domain of every bridge, vanish, or move to the
// port with the name to if that is not "". Nobody is told. ENOENT if there is none, ENODEV
// if there is no such switch or port.
func (m *Machine) TamperRow(name string, key switchdev.FDBKey, to string) error {
	c, err := m.chipOf(name)
	if err != nil {
		return err
	}
	d := m.find("", to)
	if to != "" && (d == nil || d.kind != SwitchDevice) {
		return refuse(ENODEV, to)
	}
	found := false
	for _, r := range c.Rows() {
		switch {
		case r.Key != key:
		case to == "":
			found = c.DropRow(r.Domain, key) || found
		default:
			found = c.MoveRow(r.Domain, key, d.port) || found
		}
	}
	if !found {
		return refuse(ENOENT, "")
	}
	return nil
}

// Reconcile has every bridge read a switch, and bring it to what it wants where it differs.
// It returns how many rows did.
func (m *Machine) Reconcile(name string) (differ int, err error) {
	if !m.rack.shown || name != m.rack.name {
		return 0, refuse(ENODEV, "")
	}
	for _, b := range m.bridges {
		k := b.b.Table().SubmitReconcile(m.rack.driver)
		if err := m.done(k); err != nil {
			return differ, refused(err)
		}
		differ += k.Count()
	}
	return differ, nil
}

// Waited returns how much time has passed but for the moment before each request.
func (m *Machine) Waited() time.Duration { return m.now.Sub(m.cfg.Start) - m.moments }

// loose ends every fault of the switch, for its end.
func (m *Machine) loose() {
	for _, f := range m.rack.faults {
		f.in.Release()
	}
	m.rack.faults = nil
}
