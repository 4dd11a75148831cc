package fdb

import (
	"slices"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// entries returns what there is, in the order of the keys.
func (b *bench) entries() []Entry {
	return slices.SortedFunc(b.All(), func(x, y Entry) int { return x.Key.MAC.Compare(y.Key.MAC) })
}

// TestLearnOnABarredPortChangesNothing: whatever is known of the station, a frame
// on a port that was removed renews nothing.
func TestLearnOnABarredPortChangesNothing(t *testing.T) {
	b := newBench(t, Config{})
	b.put(key(1), 1, Static|Sticky)
	b.put(key(2), 1, Permanent)
	b.seen(key(3), 1)
	b.must(b.SubmitRemovePort(2))
	b.pass(time.Second)
	before := b.entries()
	for n := byte(1); n <= 4; n++ {
		if got := b.Learn(key(n), 2); got != Barred {
			t.Errorf("Learn(%d) = %v", n, got)
		}
		if got := b.LearnLocked(key(n), 2); got != Barred {
			t.Errorf("LearnLocked(%d) = %v", n, got)
		}
	}
	b.Poll(b.now)
	if after := b.entries(); !slices.Equal(after, before) {
		t.Errorf("it changed from %v to %v", before, after)
	}
	b.AddPort(2)
	if got := b.Learn(key(1), 2); got != Kept {
		t.Errorf("on a port that is there again Learn = %v", got)
	}
}

// TestLearnOnALostPortIsBarred: entries that stay on a port that a device said to be
// gone are not renewed by frames from there.
func TestLearnOnALostPortIsBarred(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, withChips(Config{}, c))
	b.put(key(1), 1, Static)
	c.report(switchdev.Report{Kind: switchdev.ReportPortGone, Port: 1, Epoch: c.Epoch()})
	b.Poll(b.now)
	b.pass(time.Second)
	was := b.updated(key(1))
	if got := b.seen(key(1), 1); got != Barred || !b.updated(key(1)).Equal(was) {
		t.Errorf("Learn = %v, updated from %v to %v", got, was, b.updated(key(1)))
	}
}

// TestLeaveCoversOperationsInFlight (I23): an operation that was handed over before
// the leave ends well, and its row has left the device when Leave returns.
func TestLeaveCoversOperationsInFlight(t *testing.T) {
	for _, deed := range []string{"executed before", "executed after"} {
		q := newQueued("sw0")
		b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: q, Ports: []switchdev.PortID{1, 2}}, {Driver: newQueued("sw1"), Ports: []switchdev.PortID{1}}}}})
		slow := b.cfg.Hardware.Devices[1].Driver.(*queued)
		add := b.SubmitReplace(Entry{Key: key(1), Port: 1, Flags: Static})
		b.Poll(b.now)
		if deed == "executed before" {
			b.answered(q)
		}
		leave := b.SubmitLeave(q, 1)
		b.Poll(b.now)
		b.answered(q)
		select {
		case <-leave.Done():
			t.Errorf("%s: it has left while the operation is in flight: %v", deed, leave.Err())
		default:
		}
		b.answered(slow)
		b.answered(q)
		b.must(add)
		b.must(leave)
		if _, on := q.row(key(1)); on {
			t.Errorf("%s: the row is still there", deed)
		}
	}
}

// TestOwnRowThatMovesAway: a device that ages by itself says that a station is on a
// port that is not the table's; the entry leaves with the row.
func TestOwnRowThatMovesAway(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c, Ages: true, Ports: []switchdev.PortID{1, 2}}}}})
	c.learns(key(1), 1)
	b.Poll(b.now)
	b.has(key(1), "1 extern_learn driver")
	c.learns(key(1), 3)
	b.Poll(b.now)
	b.through(10 * time.Second)
	b.has(key(1), "none")
}
