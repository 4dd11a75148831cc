package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// device is a device of a bridge.
type device struct {
	b *Bridge
	Device
	name   string
	ports  switchdev.PortOffloader   // nil: the device has no ports to tell
	ageing switchdev.BridgeOffloader // nil: it is not told how long rows live
	unbind func()
	resets atomic.Uint64
	held   atomic.Pointer[hold] // nil: nobody knows how long its rows live
	// turn is taken by who calls the driver, so that there is one call at a
	// time. It belongs to the call until that returns, however late, and so
	// does what is below.
	turn    chan struct{}
	members map[switchdev.PortID]bool
}

func (b *Bridge) attach(cfg Device) {
	d := &device{b: b, Device: cfg, name: cfg.Driver.Name(), turn: make(chan struct{}, 1), members: make(map[switchdev.PortID]bool)}
	d.ports, _ = switchdev.As[switchdev.PortOffloader](cfg.Driver)
	d.ageing, _ = switchdev.As[switchdev.BridgeOffloader](cfg.Driver)
	d.turn <- struct{}{}
	b.devices = append(b.devices, d)
	if r, ok := switchdev.As[switchdev.Reporter](cfg.Driver); ok && (d.ports != nil || d.ageing != nil) {
		d.unbind = r.Bind(d)
	}
}

// device returns the device of a driver, nil for a nil driver.
func (b *Bridge) device(driver switchdev.Driver) (*device, bool) {
	if driver == nil {
		return nil, true
	}
	for _, d := range b.devices {
		if d.Driver == driver {
			return d, true
		}
	}
	return nil, false
}

// Report hears that the device was reset: it has forgotten its ports, and how
// long rows live.
func (d *device) Report(r switchdev.Report) {
	if r.Kind == switchdev.ReportReset {
		d.resets.Add(1)
		d.doubt(true)
	}
}

// doubt notes that what the device holds of its ports and of the bridge is not
// known. With atOnce the first attempt to mend that is made without a pause.
func (d *device) doubt(atOnce bool) {
	for _, p := range d.b.view.Load().ports {
		if p.device == d {
			d.b.doubtPort(d, p.ID, atOnce)
		}
	}
}

// attributes is what the device is told of a port: Op and Verb are still to be
// filled in.
func (b *Bridge) attributes(p *Port) switchdev.PortOp {
	o := switchdev.PortOp{
		Port: p.ID, State: p.State, Flags: p.Flags, FlagMask: keptFlags, Up: p.Up,
		Set: switchdev.PortAttrState | switchdev.PortAttrFlags | switchdev.PortAttrUp,
	}
	if b.cfg.Hardware.PortFlags == SoftwareLearns {
		o.Flags &^= softwareFlags
	}
	return o
}

// tell asks the device whether it takes a change of a port, and then makes it.
// The error is nil, matches ErrUnsupported where the device leaves the change to
// software, or says why nothing has changed; ErrOutcomeUnknown is the exception.
func (d *device) tell(name string, op switchdev.PortOp) error {
	object := "port " + op.Port.String()
	if d.ports == nil {
		return refusal(name, object, "", switchdev.ErrUnsupported)
	}
	if op.Verb != switchdev.PortLeave {
		check := func(ctx context.Context, header switchdev.Op, results []switchdev.Result) {
			op.Op = header
			d.ports.CheckPorts(ctx, []switchdev.PortOp{op}, results)
		}
		if err := d.call(name, object, check, nil); err != nil {
			return err
		}
	}
	apply := func(ctx context.Context, header switchdev.Op, results []switchdev.Result) {
		op.Op = header
		d.ports.ApplyPorts(ctx, []switchdev.PortOp{op}, results)
	}
	return d.call(name, object, apply, func(err error) { d.count(op, err) })
}

// count keeps members up to date. The caller has the turn.
func (d *device) count(op switchdev.PortOp, err error) {
	switch {
	case op.Verb == switchdev.PortJoin && (err == nil || errors.Is(err, switchdev.ErrOutcomeUnknown)):
		d.members[op.Port] = true
	case op.Verb == switchdev.PortLeave && hasLeft(err):
		delete(d.members, op.Port)
		if len(d.members) == 0 {
			d.held.Store(nil) // a device may forget a bridge that it has no ports of
		}
	}
}

// hasLeft reports whether a device that answered a PortLeave so has not the port:
// one that was taken out of it has left, too.
func hasLeft(err error) bool {
	return err == nil || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, switchdev.ErrNoDevice) || errors.Is(err, switchdev.ErrNotExist)
}

// driverCall calls a driver with a batch of one operation, which gets the header.
type driverCall func(ctx context.Context, header switchdev.Op, results []switchdev.Result)

// call makes one call of the driver and waits for it, but not for ever: after
// the table's hardware timeout its ctx is cancelled, and after as long again the
// call is left to itself, and the device gets no other until it returns. What
// came of it is told to note, if that is not nil, before the next call.
func (d *device) call(name, object string, f driverCall, note func(error)) error {
	b := d.b
	fail := func(reason string, err error) error {
		return &switchdev.OpError{Op: name, Device: d.name, Object: object, Reason: reason, Err: err}
	}
	timeout := b.cfg.Table.Hardware.Timeout
	if !d.take(timeout) {
		return fail("the device is busy with an earlier call", switchdev.ErrDeviceUnavailable)
	}
	header := switchdev.Op{Domain: d.Domain, Token: switchdev.Token(b.token.Add(1))}
	results := make([]switchdev.Result, 1)
	ctx, cancel := context.WithCancel(context.WithValue(b.callsEnd, callbackKey{b}, true))
	done := make(chan struct{})
	run := func() {
		defer func() {
			cancel()
			if p := recover(); p != nil {
				results[0] = switchdev.Result{}
				b.cfg.Logger.Error("bridge: driver panicked", "bridge", b.cfg.Name, "device", d.name, "panic", fmt.Sprint(p))
			}
			if results[0].Token != header.Token {
				results[0].Err = errNoAnswer
			}
			if note != nil {
				note(results[0].Err)
			}
			d.turn <- struct{}{}
			close(done)
		}()
		f(ctx, header, results)
	}
	if b.cfg.Manual {
		run()
	} else {
		b.calls.Go(run)
		if !within(done, timeout) {
			cancel()
			if !within(done, timeout) {
				return fail("the device does not answer", switchdev.ErrOutcomeUnknown)
			}
		}
	}
	switch err := results[0].Err; {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fail("the device did not take it in time", errors.Join(switchdev.ErrDeviceUnavailable, err))
	default:
		return fail("", err)
	}
}

// errNoAnswer is what a driver is taken to have said that said nothing.
var errNoAnswer = fmt.Errorf("%w: the device gave no answer", switchdev.ErrOutcomeUnknown)

// take waits for the device's turn, on a Manual bridge not at all.
func (d *device) take(timeout time.Duration) bool {
	select {
	case <-d.turn:
		return true
	default:
	}
	return !d.b.cfg.Manual && within(d.turn, timeout)
}

func within(done <-chan struct{}, timeout time.Duration) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// closeDevices ends the calls that are out and names the devices that do not
// return.
func (b *Bridge) closeDevices() error {
	for _, d := range b.devices {
		if d.unbind != nil {
			d.unbind()
		}
	}
	b.endCalls()
	over := make(chan struct{})
	go func() {
		b.calls.Wait()
		close(over)
	}()
	if within(over, b.cfg.Table.Hardware.Timeout) {
		return nil
	}
	var errs []error
	for _, d := range b.devices {
		select {
		case <-d.turn:
		default:
			errs = append(errs, &switchdev.OpError{Op: "bridge.close", Device: d.name, Reason: "driver does not return", Err: switchdev.ErrDeviceUnavailable})
		}
	}
	return errors.Join(errs...)
}
