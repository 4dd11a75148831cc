package bridge

import (
	"context"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// The table takes no shorter time, which is the step of its clock, and no longer one.
const (
	shortestAgeing = 10 * time.Millisecond
	longestAgeing  = 10 * 365 * 24 * time.Hour
)

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
//
// During a topology change a new time counts when that is over, but fdb.NoLearning
// does at once, and what ends it makes stations live as long as the topology
// change wants, as in the table: see [fdb.Table.Hold]. Linux tells devices the new
// time at once, and holds on to the other in software only.
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
	return b.onBridge(opAgeing, func(*op) error {
		if b.tree.aged() {
			if err := b.setHold(b.tree.hold()); err != nil {
				return err
			}
		}
		return b.change(opAgeing, func(w *want) {
			w.ageing = lifetime(d, b.shortened)
		}, func() error { return b.table.SetAgeing(d) })
	})
}

// TopologyChange tells the bridge that the spanning tree has changed, as a program
// that runs one outside does ([STPUser]): until it is called with 0, dynamic
// entries live for hold without being seen, in the table and in the devices, and
// those that are overdue leave at once. See [fdb.Table.TopologyChange], and
// [Bridge.SetAgeing] for the errors. ErrBusy while the bridge runs the tree itself.
//
// Linux: __br_set_topology_change (net/bridge/br_stp.c), which gives devices twice
// the time that it gives itself, and does not look for overdue entries before it
// would have done so anyway.
func (b *Bridge) TopologyChange(ctx context.Context, hold time.Duration) error {
	return b.SubmitTopologyChange(hold).Wait(ctx)
}

// SubmitTopologyChange is TopologyChange without the wait. It never blocks.
func (b *Bridge) SubmitTopologyChange(hold time.Duration) *Ticket {
	if hold != 0 && (hold < shortestAgeing || hold > longestAgeing) {
		return b.refused(refusal(opTopology, hold.String(), "not from 10 ms to ten years", switchdev.ErrInvalid))
	}
	return b.onBridge(opTopology, func(*op) error {
		if b.view.Load().stp == STPKernel {
			return refusal(opTopology, b.cfg.Name, "", switchdev.ErrBusy)
		}
		return b.setHold(hold)
	})
}

// setHold shortens the time that dynamic entries live, or ends that with 0.
func (b *Bridge) setHold(hold time.Duration) error {
	return b.change(opTopology, func(w *want) {
		w.ageing = lifetime(b.table.Ageing(), hold)
	}, func() error {
		err := b.table.TopologyChange(hold)
		if err == nil {
			b.shortened = hold
		}
		return err
	})
}

// lifetime is how long stations live whose ageing time is one and the time of a
// topology change the other, 0 if there is none: what the table says of itself by
// Hold when it has both.
func lifetime(ageing, change time.Duration) time.Duration {
	if change == 0 || ageing == fdb.NoLearning {
		return ageing
	}
	return change
}
