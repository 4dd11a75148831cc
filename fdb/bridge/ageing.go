package bridge

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// The table takes no shorter time, which is the step of its clock, and no longer one.
const (
	shortestAgeing = 10 * time.Millisecond
	longestAgeing  = 10 * 365 * 24 * time.Hour
)

// hold is the ageing time that a device was told, and after which of its resets.
type hold struct {
	ageing time.Duration // with the meaning of fdb.Config.Ageing
	resets uint64
}

// SetAgeing changes the ageing time, of the table and of the devices that have
// the role switchdev.BridgeOffloader: zero means fdb.DefaultAgeing, negative for
// ever, and fdb.NoLearning that nothing is learned and dynamic entries leave at
// once. Entries that are overdue by a shorter time leave at once as well.
//
// Every device is asked first, then every device is told, then the table
// follows. ErrInvalid for a time under 10 ms or over ten years; what a device says if it refuses,
// for instance ErrRange: then all are as before. After ErrOutcomeUnknown they are
// too, but for the device that it names, which will be brought to that. A device
// that answers ErrUnsupported leaves ageing to software. Linux: br_set_ageing_time
// (net/bridge/br_stp.c).
//
// Devices hear fdb.NoLearning as 0. For ever is the longest time that they have,
// their AgeingMax: what a device has learned by itself and has not seen for that
// long it may forget. The rows that it was given do not age there.
func (b *Bridge) SetAgeing(ctx context.Context, d time.Duration) error {
	return b.SubmitSetAgeing(d).Wait(ctx)
}

// SubmitSetAgeing is SetAgeing without the wait. It never blocks.
func (b *Bridge) SubmitSetAgeing(d time.Duration) *Ticket {
	switch {
	case d == 0:
		d = fdb.DefaultAgeing
	case d > 0 && d < shortestAgeing:
		return b.refused(refusal(opAgeing, d.String(), "too short", switchdev.ErrInvalid))
	case d > longestAgeing && d != fdb.NoLearning:
		return b.refused(refusal(opAgeing, d.String(), "too long", switchdev.ErrInvalid))
	}
	o := b.newOp(opAgeing, switchdev.PortHost)
	o.then(func() {
		if err := b.setAgeing(d); err != nil {
			o.fail(err)
		}
	})
	return b.submit(o)
}

func (b *Bridge) setAgeing(ageing time.Duration) error {
	for _, d := range b.devices {
		if err := d.checkAgeing(ageing); err != nil {
			return err
		}
	}
	for i, d := range b.devices {
		if err := d.tellAgeing(opAgeing, ageing); err != nil {
			if errors.Is(err, switchdev.ErrOutcomeUnknown) {
				d.doubt(false)
			}
			return unsetAgeing(b.devices[:i], err)
		}
	}
	if err := b.table.SetAgeing(ageing); err != nil {
		return unsetAgeing(b.devices, err)
	}
	for _, d := range b.devices { // a port that joined meanwhile may have brought the old time
		if err := d.hold(opAgeing); err != nil {
			d.doubt(false)
		}
	}
	return nil
}

// unsetAgeing takes back what devices were told, because of err.
func unsetAgeing(told []*device, err error) error {
	for _, d := range told {
		if failed := d.hold(opAgeing); failed != nil {
			d.doubt(false)
			err = errors.Join(err, switchdev.ErrOutcomeUnknown, failed)
		}
	}
	return err
}

// hold sees to it that the device has the table's ageing time.
func (d *device) hold(name string) error {
	for {
		want := d.b.table.Ageing()
		if err := d.tellAgeing(name, want); err != nil {
			return err
		}
		if d.b.table.Ageing() == want {
			return nil
		}
	}
}

// checkAgeing asks the device whether it takes an ageing time.
func (d *device) checkAgeing(ageing time.Duration) error {
	return d.callAgeing(opAgeing, ageing, switchdev.BridgeOffloader.CheckBridge, nil)
}

// tellAgeing tells the device an ageing time, unless it has it. A device that
// leaves that to software counts as one that has.
func (d *device) tellAgeing(name string, ageing time.Duration) error {
	told := hold{ageing, d.resets.Load()} // a reset during the call makes the number an old one
	if h := d.held.Load(); h != nil && *h == told {
		return nil
	}
	err := d.callAgeing(name, ageing, switchdev.BridgeOffloader.ApplyBridge, func(err error) {
		if err == nil || errors.Is(err, errors.ErrUnsupported) {
			d.held.Store(&told)
		}
	})
	if errors.Is(err, switchdev.ErrOutcomeUnknown) {
		d.held.Store(nil) // the call may still be out
	}
	return err
}

type bridgeCall func(switchdev.BridgeOffloader, context.Context, []switchdev.BridgeOp, []switchdev.Result)

func (d *device) callAgeing(name string, ageing time.Duration, f bridgeCall, note func(error)) error {
	if d.ageing == nil {
		return nil
	}
	err := d.call(name, "ageing time "+ageing.String(), func(ctx context.Context, header switchdev.Op, results []switchdev.Result) {
		op := switchdev.BridgeOp{Op: header, Set: switchdev.BridgeAttrAgeing, Ageing: d.hardwareAgeing(ageing)}
		f(d.ageing, ctx, []switchdev.BridgeOp{op}, results)
	}, note)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// hardwareAgeing is what an ageing time is called in the contract.
func (d *device) hardwareAgeing(ageing time.Duration) time.Duration {
	switch {
	case ageing == fdb.NoLearning:
		return 0
	case ageing >= 0:
		return ageing
	}
	if l, ok := switchdev.As[switchdev.Limiter](d.Driver); ok {
		if longest := l.Limits().AgeingMax; longest > 0 {
			return longest
		}
	}
	return math.MaxInt64
}
