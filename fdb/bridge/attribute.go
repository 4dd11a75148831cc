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

// told is what a device was told, after which of its resets, and after how many tellings.
type told struct {
	want
	resets, tellings uint64
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
		if err := d.hold(name); err != nil {
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
		if failed := d.hold(name); failed != nil {
			d.doubt(false)
			err = errors.Join(err, switchdev.ErrOutcomeUnknown, failed)
		}
	}
	return err
}

// wanted is what the device is to know now. One that has no port of the bridge
// knows its ageing time and nothing else of it, unless a port is about to join.
func (d *device) wanted() want {
	w := *d.b.want.Load()
	if !d.concerned() {
		w.filtering, w.protocol, w.host = false, switchdev.EtherTypeVLAN, membership{}
		return w
	}
	if w.filtering {
		w.host = *d.reach().union(&w.host)
	}
	return w
}

// concerned reports whether the device has a port of the bridge or is about to.
func (d *device) concerned() bool { return d.count.Load() > 0 || d.joins.Load() > 0 }

// hold sees to it that the device knows of the bridge what it is to know. Several
// operations may be at it at once, one of which may undo what another one has just found
// done: whoever tells the device something counts that as a telling, and who sees that
// others did so meanwhile looks once more.
func (d *device) hold(name string) error {
	for {
		tellings := d.tellings.Load()
		w := d.wanted()
		now := told{w, d.resets.Load(), tellings} // a reset during the call makes the number an old one
		was := d.held.Load()
		if was != nil && *was == now {
			return nil
		}
		if err := d.bring(name, &now); err != nil {
			return err
		}
		if d.wanted() == w && d.tellings.Load() == now.tellings {
			return nil
		}
	}
}

// tells counts a telling, for others and for whoever does it.
func (d *device) tells(now *told) {
	d.tellings.Add(1)
	now.tellings++
}

// bring makes the device know of the bridge what is wanted now. A device that is told
// nothing of VLANs has the defaults.
func (d *device) bring(name string, now *told) error {
	err := d.tellTags(name, now)
	if err == nil && d.ledger.lacks(&now.want, now.resets)&switchdev.BridgeAttrAgeing != 0 {
		err = d.post(name, switchdev.BridgeAttrAgeing, now)
	}
	if err != nil {
		d.held.Store(nil)
		return err
	}
	d.held.Store(now)
	return nil
}

// tellTags tells the device of the bridge's own VLANs, and of what becomes of tags.
func (d *device) tellTags(name string, now *told) error {
	asked, err := d.tellVLANs(name, switchdev.PortHost, &now.host)
	if asked {
		d.tells(now)
	}
	if err != nil {
		return err
	}
	if set := d.ledger.lacks(&now.want, now.resets) &^ switchdev.BridgeAttrAgeing; set != 0 {
		return d.post(name, set, now)
	}
	return nil
}

// post tells the device some attributes of the bridge, and writes down what becomes of
// that. One that leaves them to software has taken them, if it may.
func (d *device) post(name string, set switchdev.BridgeAttr, now *told) error {
	w, began := now.want, now.resets
	write := func(err error, resets uint64) {
		if !errors.Is(err, errors.ErrUnsupported) || !d.mustTake(set, &w) {
			d.ledger.post(set, &w, err, resets)
		}
	}
	err := d.tellBridge(name, set, &w, switchdev.BridgeOffloader.ApplyBridge, func(results []switchdev.Result) {
		err, resets := results[0].Err, d.resets.Load()
		if resets != began { // it may have been done before the reset, or after it
			err = switchdev.ErrOutcomeUnknown
		}
		write(err, resets)
	})
	d.tells(now)
	if d.bridge == nil || errors.Is(err, switchdev.ErrOutcomeUnknown) { // or else the call is over, and has written
		write(err, began)
	}
	return err
}

// mustTake reports whether the device cannot leave attributes to software: one that
// forwards and does not look at VLANs would join what is to be kept apart.
func (d *device) mustTake(set switchdev.BridgeAttr, w *want) bool {
	return d.ports != nil && set&(switchdev.BridgeAttrFiltering|switchdev.BridgeAttrProtocol) != 0 && w.filtering
}

// unhold takes back what the device was told of the bridge for a port that did not
// join, if it has no other.
func (d *device) unhold(name string) error {
	if d.ports == nil || d.count.Load() > 0 {
		return nil
	}
	return d.hold(name)
}

// abandon leaves nothing of the bridge's VLANs in a device that has no port of it any
// more. A port that has come meanwhile may have found there what is gone after this.
func (d *device) abandon(name string) error {
	if d.concerned() {
		return d.hold(name)
	}
	err := d.tellTags(name, &told{want: d.wanted(), resets: d.resets.Load()})
	if d.concerned() {
		err = errors.Join(err, d.hold(name))
	}
	return err
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

// tellBridge calls the device with attributes of the bridge. The error is nil if it
// leaves them to software and may.
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
	if d.mustTake(set, w) {
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
