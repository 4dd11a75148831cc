package bridge

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// want is what every device of the bridge is to know of it as a whole.
type want struct {
	ageing    time.Duration // with the meaning of fdb.Config.Ageing
	filtering bool
	protocol  switchdev.EtherType
	host      membership // the bridge's own, and where software is to see frames
}

// told is what a device was told, and after which of its resets.
type told struct {
	want
	resets uint64
}

// change makes the devices want something else, and then software, if apply is
// not nil: every device is asked first, then every device is told. If one refuses,
// or apply does, all are as before. Only one operation at a time does this: those
// of the bridge itself, which wait for each other.
func (b *Bridge) change(name string, edit func(*want), apply func() error) error {
	old := b.want.Load()
	next := *old
	edit(&next)
	for _, d := range b.devices {
		if err := d.check(name, &next); err != nil {
			return err
		}
	}
	b.want.Store(&next)
	for i, d := range b.devices {
		if err := d.hold(name, false); err != nil {
			if errors.Is(err, switchdev.ErrOutcomeUnknown) {
				d.doubt(false)
			}
			return b.unchange(name, b.told(i+1), old, err)
		}
	}
	if apply == nil {
		return nil
	}
	if err := apply(); err != nil {
		return b.unchange(name, b.devices, old, err)
	}
	return nil
}

// told returns the first n devices, and those of the others that have a port: what
// else goes on may have told them.
func (b *Bridge) told(n int) []*device {
	told := slices.Clone(b.devices[:n])
	for _, d := range b.devices[n:] {
		if d.count.Load() > 0 {
			told = append(told, d)
		}
	}
	return told
}

// unchange takes back what devices were told, because of err.
func (b *Bridge) unchange(name string, devices []*device, old *want, err error) error {
	b.want.Store(old)
	for _, d := range devices {
		if failed := d.hold(name, false); failed != nil {
			d.doubt(false)
			err = errors.Join(err, switchdev.ErrOutcomeUnknown, failed)
		}
	}
	return err
}

// wanted is what the device is to know now. One that has no port of the bridge
// knows its ageing time and nothing else of it, unless a port is about to join.
func (d *device) wanted(joining bool) want {
	w := *d.b.want.Load()
	if !joining && d.count.Load() == 0 {
		w.filtering, w.protocol, w.host = false, switchdev.EtherTypeVLAN, membership{}
		return w
	}
	if w.filtering {
		w.host = *d.reach().union(&w.host)
	}
	return w
}

// hold sees to it that the device knows of the bridge what it is to know. VLANs
// come before the filtering that makes use of them.
func (d *device) hold(name string, joining bool) error {
	for {
		w := d.wanted(joining)
		now := told{w, d.resets.Load()} // a reset during the call makes the number an old one
		was := d.held.Load()
		if was != nil && *was == now {
			return nil
		}
		if err := d.bring(name, was, &now); err != nil {
			return err
		}
		if d.wanted(joining) == w {
			return nil
		}
	}
}

// bring takes the device from what it was told, nil if nobody knows what it made
// of it, to what it is to know. A device that is told nothing of VLANs has the
// defaults.
func (d *device) bring(name string, was, now *told) error {
	if err := d.tellVLANs(name, switchdev.PortHost, &now.host); err != nil {
		d.held.Store(nil)
		return err
	}
	note := func(results []switchdev.Result) {
		if err := results[0].Err; errors.Is(err, switchdev.ErrOutcomeUnknown) {
			d.vague.Store(true)
		}
	}
	same := was != nil && was.resets == now.resets
	var set switchdev.BridgeAttr
	known := want{protocol: switchdev.EtherTypeVLAN}
	if same {
		known = was.want
	}
	vague := d.vague.Swap(false)
	if vague || known.filtering != now.filtering {
		set |= switchdev.BridgeAttrFiltering
	}
	if vague || known.protocol != now.protocol {
		set |= switchdev.BridgeAttrProtocol
	}
	if set != 0 {
		if err := d.tellBridge(name, set, &now.want, switchdev.BridgeOffloader.ApplyBridge, note); err != nil {
			d.held.Store(nil) // the call may still be out
			return err
		}
		if d.resets.Load() != now.resets { // it may have been done before the reset, or after it
			d.vague.Store(true)
		}
	}
	if !same || was.ageing != now.ageing {
		if err := d.tellBridge(name, switchdev.BridgeAttrAgeing, &now.want, switchdev.BridgeOffloader.ApplyBridge, nil); err != nil {
			if set != 0 || errors.Is(err, switchdev.ErrOutcomeUnknown) {
				d.held.Store(nil)
				d.vague.Store(set != 0)
			}
			return err
		}
	}
	d.held.Store(now)
	return nil
}

// unhold takes back what the device was told of the bridge for a port that did not
// join, if it has no other.
func (d *device) unhold(name string) error {
	if d.ports == nil || d.count.Load() > 0 {
		return nil
	}
	return d.hold(name, false)
}

// abandon leaves nothing of the bridge's VLANs in a device that has no port of it any
// more and was told as much as was says.
func (d *device) abandon(name string, was *told) error {
	if err := d.tellVLANs(name, switchdev.PortHost, new(membership)); err != nil {
		return err
	}
	w := d.wanted(false)
	if was == nil || was.filtering == w.filtering && was.protocol == w.protocol || d.count.Load() > 0 {
		return nil
	}
	set := switchdev.BridgeAttrFiltering | switchdev.BridgeAttrProtocol
	return d.tellBridge(name, set, &w, switchdev.BridgeOffloader.ApplyBridge, nil)
}

// check asks the device whether it takes what is wanted.
func (d *device) check(name string, next *want) error {
	old := d.b.want.Load()
	var set switchdev.BridgeAttr
	if d.count.Load() > 0 {
		if next.filtering != old.filtering {
			set |= switchdev.BridgeAttrFiltering
		}
		if next.protocol != old.protocol {
			set |= switchdev.BridgeAttrProtocol
		}
	}
	var err error
	if set != 0 {
		err = d.tellBridge(name, set, next, switchdev.BridgeOffloader.CheckBridge, nil)
	}
	if err == nil && next.ageing != old.ageing {
		err = d.tellBridge(name, switchdev.BridgeAttrAgeing, next, switchdev.BridgeOffloader.CheckBridge, nil)
	}
	return err
}

type bridgeCall func(switchdev.BridgeOffloader, context.Context, []switchdev.BridgeOp, []switchdev.Result)

// tellBridge calls the device with attributes of the bridge. A device that leaves
// them to software has taken them, but one that forwards and cannot look at VLANs
// would join what is to be kept apart.
func (d *device) tellBridge(name string, set switchdev.BridgeAttr, w *want, f bridgeCall, note func([]switchdev.Result)) error {
	object := d.b.cfg.Name
	if set == switchdev.BridgeAttrAgeing {
		object = "ageing time " + w.ageing.String()
	}
	err := error(switchdev.ErrUnsupported)
	if d.bridge != nil {
		err = d.one(name, object, func(ctx context.Context, headers []switchdev.Op, results []switchdev.Result) {
			op := switchdev.BridgeOp{Op: headers[0], Set: set, Filtering: w.filtering, Protocol: w.protocol}
			if set&switchdev.BridgeAttrAgeing != 0 {
				op.Ageing = d.hardwareAgeing(w.ageing)
			}
			f(d.bridge, ctx, []switchdev.BridgeOp{op}, results)
		}, note)
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if d.ports != nil && set&(switchdev.BridgeAttrFiltering|switchdev.BridgeAttrProtocol) != 0 && w.filtering {
		return &switchdev.OpError{Op: name, Device: d.name, Object: d.b.cfg.Name, Reason: "the device does not look at VLANs", Err: switchdev.ErrUnsupported}
	}
	return nil
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
