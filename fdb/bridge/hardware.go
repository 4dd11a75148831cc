package bridge

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// device is a device of a bridge.
type device struct {
	b *Bridge
	Device
	name   string
	table  switchdev.Driver          // as the table knows it
	bit    uint64                    // its own, in a set of devices
	ports  switchdev.PortOffloader   // nil: the device has no ports to tell
	bridge switchdev.BridgeOffloader // nil: it is told nothing of the bridge
	vlans  switchdev.VLANOffloader   // nil: nor of VLANs
	lags   switchdev.LAGOffloader    // nil: it has no ports that have links
	unbind func()
	resets atomic.Uint64
	lives  lives
	held   atomic.Pointer[told] // nil: it may lack something of the bridge
	ledger ledger
	count  atomic.Int32 // of members
	joins  atomic.Int32 // of ports that are about to be members
	// tellings counts what the device was told of the bridge.
	tellings atomic.Uint64
	// turn is taken by who calls the driver, so that there is one call at a
	// time. It belongs to the call until that returns, however late, and so
	// does what is below.
	turn    chan struct{}
	members map[switchdev.PortID]bool
}

// newDevice looks for the roles of a device. The table knows it by a driver that
// tells the lives of its ports apart, if it reports anything.
func newDevice(cfg Device, i int) *device {
	d := &device{
		Device: cfg, name: cfg.Driver.Name(), table: cfg.Driver, bit: 1 << i,
		turn: make(chan struct{}, 1), members: make(map[switchdev.PortID]bool),
	}
	d.ports, _ = switchdev.As[switchdev.PortOffloader](cfg.Driver)
	d.bridge, _ = switchdev.As[switchdev.BridgeOffloader](cfg.Driver)
	d.vlans, _ = switchdev.As[switchdev.VLANOffloader](cfg.Driver)
	d.lags, _ = switchdev.As[switchdev.LAGOffloader](cfg.Driver)
	if r, ok := switchdev.As[switchdev.Reporter](cfg.Driver); ok && d.ports != nil {
		d.table = &sieve{Driver: cfg.Driver, reporter: r, lives: &d.lives}
	}
	d.turn <- struct{}{}
	return d
}

// bind begins to listen to the device.
func (d *device) bind(b *Bridge) {
	d.b = b
	if r, ok := switchdev.As[switchdev.Reporter](d.Driver); ok && (d.ports != nil || d.bridge != nil) {
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

// Report hears that the device was reset: it has forgotten its ports, and what
// it was told of the bridge.
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
func (d *device) tell(name string, op switchdev.PortOp, gen switchdev.Generation) error {
	object := "port " + op.Port.String()
	if d.ports == nil {
		return refusal(name, object, "", switchdev.ErrUnsupported)
	}
	if op.Verb != switchdev.PortLeave {
		check := func(ctx context.Context, headers []switchdev.Op, results []switchdev.Result) {
			op.Op = headers[0]
			d.ports.CheckPorts(ctx, []switchdev.PortOp{op}, results)
		}
		if err := d.one(name, object, check, nil); err != nil {
			return err
		}
	}
	apply := func(ctx context.Context, headers []switchdev.Op, results []switchdev.Result) {
		op.Op = headers[0]
		op.Gen = gen
		d.ports.ApplyPorts(ctx, []switchdev.PortOp{op}, results)
	}
	return d.one(name, object, apply, func(results []switchdev.Result) { d.tally(op, results[0].Err) })
}

// tally keeps members up to date. The caller has the turn.
func (d *device) tally(op switchdev.PortOp, err error) {
	switch {
	case op.Verb == switchdev.PortJoin && (err == nil || errors.Is(err, switchdev.ErrOutcomeUnknown)):
		d.members[op.Port] = true
	case op.Verb == switchdev.PortLeave && hasLeft(err):
		delete(d.members, op.Port)
		d.ledger.forget(op.Port)
		if len(d.members) == 0 {
			d.held.Store(nil)
			d.ledger.left()
		}
	case op.Verb == switchdev.PortLeave && errors.Is(err, switchdev.ErrOutcomeUnknown):
		d.ledger.doubt(op.Port)
	}
	d.count.Store(int32(len(d.members)))
}

// hasLeft reports whether a device that answered a PortLeave so has not the port:
// one that was taken out of it has left, too.
func hasLeft(err error) bool {
	return err == nil || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, switchdev.ErrNoDevice) || errors.Is(err, switchdev.ErrNotExist)
}

// driverCall calls a driver with a batch of as many operations as there are
// headers.
type driverCall func(ctx context.Context, headers []switchdev.Op, results []switchdev.Result)

// one makes a call with one operation.
func (d *device) one(name, object string, f driverCall, note func([]switchdev.Result)) error {
	errs, err := d.call(name, object, 1, f, note)
	if err != nil {
		return err
	}
	return errs[0]
}

// call makes one call of the driver and waits for it, but not for ever: after
// the table's hardware timeout its ctx is cancelled, and after as long again the
// call is left to itself, and the device gets no other until it returns. What
// came of it is told to note, if that is not nil, before the next call. It returns
// what became of each of the n operations, or what became of all of them.
func (d *device) call(name, object string, n int, f driverCall, note func([]switchdev.Result)) ([]error, error) {
	b := d.b
	fail := func(reason string, err error) error {
		return &switchdev.OpError{Op: name, Device: d.name, Object: object, Reason: reason, Err: err}
	}
	timeout := b.cfg.Table.Hardware.Timeout
	if !d.take(timeout) {
		return nil, fail("the device is busy with an earlier call", switchdev.ErrDeviceUnavailable)
	}
	headers, results := make([]switchdev.Op, n), make([]switchdev.Result, n)
	for i := range headers {
		headers[i] = switchdev.Op{Domain: d.Domain, Token: switchdev.Token(b.token.Add(1))}
	}
	ctx, cancel := context.WithCancel(context.WithValue(b.callsEnd, callbackKey{b}, true))
	done := make(chan struct{})
	run := func() {
		defer func() {
			cancel()
			if p := recover(); p != nil {
				clear(results)
				b.cfg.Logger.Error("bridge: driver panicked", "bridge", b.cfg.Name, "device", d.name,
					"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
			for i := range results {
				if results[i].Token != headers[i].Token {
					results[i].Err = errNoAnswer
				}
			}
			if note != nil {
				note(results)
			}
			d.turn <- struct{}{}
			close(done)
		}()
		f(ctx, headers, results)
	}
	if b.cfg.Manual {
		run()
	} else {
		b.calls.Go(run)
		if !within(done, timeout) {
			cancel()
			if !within(done, timeout) {
				return nil, fail("the device does not answer", switchdev.ErrOutcomeUnknown)
			}
		}
	}
	errs := make([]error, n)
	for i := range results {
		switch err := results[i].Err; {
		case err == nil:
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			errs[i] = fail("the device did not take it in time", errors.Join(switchdev.ErrDeviceUnavailable, err))
		default:
			errs[i] = fail("", err)
		}
	}
	return errs, nil
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

// batch returns the largest batch that the device takes at once.
func (d *device) batch() int {
	if l, ok := switchdev.As[switchdev.Limiter](d.Driver); ok {
		if most := l.Limits().Batch; most > 0 {
			return most
		}
	}
	return 256
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
