package fdb

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// full refuses to set rows of a port.
func full(p switchdev.PortID) func(switchdev.FDBOp) error {
	return func(op switchdev.FDBOp) error {
		if op.Verb == switchdev.FDBSet && op.Entry.Port == p {
			return switchdev.ErrNoSpace
		}
		return nil
	}
}

// stuck does not delete rows.
func stuck(op switchdev.FDBOp) error {
	if op.Verb == switchdev.FDBDelete {
		return switchdev.ErrBusy
	}
	return nil
}

func (b *bench) wantOffload(when string, k Key, want OffloadState) {
	b.t.Helper()
	e, err := b.Get(b.t.Context(), k)
	if err != nil || e.Offload != want {
		b.t.Errorf("%s: Get = %+v, %v; want %v", when, e, err, want)
	}
}

func (b *bench) wantEvents(when, want string) []Event {
	b.t.Helper()
	events := b.events()
	if got := kinds(events); got != want {
		b.t.Errorf("%s: events %q, want %q", when, got, want)
	}
	return events
}

// follow applies events to what a follower knows, and fails if one is wrong.
func (b *bench) follow(known map[Key]Entry, events []Event) {
	b.t.Helper()
	for _, e := range events {
		old, had := known[e.Entry.Key]
		switch {
		case e.Kind == Vetoed && e.Old == (Entry{}):
			if had {
				b.t.Errorf("%v says that nothing was known, and %+v was", e.Kind, old)
			}
		case e.Kind == Added:
			if had {
				b.t.Errorf("%+v added, known is %+v", e.Entry, old)
			}
			known[e.Entry.Key] = e.Entry
		case e.Kind.Removes():
			if !had || old.Port != e.Old.Port || old.Flags != e.Old.Flags {
				b.t.Errorf("%v of %+v, known is %+v", e.Kind, e.Old, old)
			}
			delete(known, e.Entry.Key)
		default:
			if !had || e.Kind != OffloadChanged && (old.Port != e.Old.Port || old.Flags != e.Old.Flags) {
				b.t.Errorf("%v %+v of %+v, known is %+v", e.Kind, e.Entry, e.Old, old)
			}
			known[e.Entry.Key] = e.Entry
		}
	}
	shown := make(map[Key]string)
	for e := range b.All() {
		shown[e.Key] = describe(e) + e.Offload.String()
	}
	told := make(map[Key]string)
	for k, e := range known {
		told[k] = describe(e) + e.Offload.String()
	}
	if fmt.Sprint(shown) != fmt.Sprint(told) {
		b.t.Errorf("the table shows %v, the events told %v", shown, told)
	}
	if n := b.Snapshot().Len(); n != len(shown) {
		b.t.Errorf("a snapshot says it has %d entries, and has %d", n, len(shown))
	}
}

// TestSoftwarePolicyMakesTheEntry: what a device refuses a user gets all the same
// (cases 94, 101, 110 as Linux has them).
func TestSoftwarePolicyMakesTheEntry(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, withChips(Config{Hardware: Hardware{Vetoed: PolicySoftware}}, c))
	e := Entry{Key: key(1), Port: 1, Flags: Static}
	b.must(b.SubmitAdd(e))
	c.become(nil, full(2))
	e.Port = 2
	b.must(b.SubmitReplace(e))
	if r, ok := c.row(key(1)); ok {
		t.Errorf("the device forwards to %v", r.Port)
	}
	b.wantAt("refused", key(1), 2)
	b.wantOffload("refused", key(1), OffloadFailed)
	calls := 0
	for range 64 { // pauses of 1, 2, 4, ... seconds
		before, _ := c.counts()
		b.through(time.Second)
		after, _ := c.counts()
		calls += after - before
	}
	if calls < 5 || calls > 7 {
		t.Errorf("%d calls in 64 s", calls)
	}
	c.become(nil, nil)
	b.through(70 * time.Second)
	b.wantOffload("room again", key(1), Offloaded)
	sameRows(t, b.Table, c, everyPort)
	c.become(nil, func(switchdev.FDBOp) error { return errors.ErrUnsupported })
	b.must(b.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static}))
	b.wantOffload("unsupported", key(2), OffloadNone)
}

// TestSoftwarePolicyDoesNotHideADelete: what a device does not let go of is the
// answer of Delete, whatever the policy is.
func TestSoftwarePolicyDoesNotHideADelete(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, withChips(Config{Hardware: Hardware{Vetoed: PolicySoftware}}, c))
	b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}))
	c.become(nil, stuck)
	if err := b.do(b.SubmitDelete(key(1), 1)); !errors.Is(err, switchdev.ErrBusy) {
		t.Errorf("Delete = %v", err)
	}
	b.wantAt("refused", key(1), 1)
}

// TestHungDeviceUnderSoftwarePolicy (case 102): the entry is there when the time
// is over, later ones at once, and the device gets them when it returns.
func TestHungDeviceUnderSoftwarePolicy(t *testing.T) {
	c := newQueued("sw0")
	b := newBench(t, Config{Hardware: Hardware{Vetoed: PolicySoftware, Devices: []Device{{Driver: c}}}})
	for n := byte(1); n <= 3; n++ {
		add := b.SubmitAdd(Entry{Key: key(n), Port: 1, Flags: Static})
		b.through(DefaultTimeout)
		b.must(add)
		b.wantOffload("hung", key(n), OffloadFailed)
	}
	if s := b.Devices()[0]; s.Breaker != BreakerOpen || s.InFlight != 1 {
		t.Errorf("%+v", s)
	}
	b.must(b.SubmitAdd(Entry{Key: key(4), Port: 1, Flags: Static}))
	for c.complete() {
		b.Poll(b.now)
	}
	for n := byte(1); n <= 4; n++ {
		b.wantOffload("returned", key(n), Offloaded)
	}
	if s := b.Devices()[0]; s.Breaker != BreakerClosed || s.Rows != 4 || s.InFlight+s.Queued+s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

// TestBreaker (I19, case 102): after three operations without an answer the next
// is refused at once, other devices go on, and a call that returns closes it.
func TestBreaker(t *testing.T) {
	hung, fine := newQueued("hung"), newChip("fine")
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{
		{Driver: hung, Ports: []switchdev.PortID{1}}, {Driver: fine, Ports: []switchdev.PortID{2}},
	}}})
	status := func(want BreakerState) {
		t.Helper()
		if s := b.Devices(); s[0].Breaker != want || s[1].Breaker != BreakerClosed || s[0].Name != "hung" || s[0].Epoch != 1 {
			t.Errorf("%+v, want %v", s, want)
		}
	}
	for n := byte(1); n <= 3; n++ {
		status(BreakerClosed)
		add := b.SubmitAdd(Entry{Key: key(n), Port: 1, Flags: Static})
		b.through(2 * DefaultTimeout)
		if err := b.do(add); !errors.Is(err, switchdev.ErrDeviceUnavailable) && !errors.Is(err, switchdev.ErrOutcomeUnknown) {
			t.Errorf("Add = %v", err)
		}
	}
	status(BreakerOpen)
	var oe *switchdev.OpError
	if err := b.do(b.SubmitAdd(Entry{Key: key(4), Port: 1, Flags: Static})); !errors.Is(err, switchdev.ErrDeviceUnavailable) || !errors.As(err, &oe) || oe.Device != "hung" {
		t.Errorf("Add = %v", err)
	}
	b.must(b.SubmitAdd(Entry{Key: key(5), Port: 2, Flags: Static})) // which needs the other device alone
	if b.Learn(key(6), 1); b.at(key(6)) != 1 {
		t.Error("nothing is learned")
	}
	hung.complete()
	b.Poll(b.now)
	status(BreakerHalfOpen)
	hung.complete()
	b.Poll(b.now)
	status(BreakerClosed)
	add := b.SubmitAdd(Entry{Key: key(4), Port: 1, Flags: Static})
	for b.Poll(b.now); hung.complete(); {
		b.Poll(b.now)
	}
	b.must(add)
	sameRows(t, b.Table, hung.chip, onPorts(1))
}

// TestRemove: main first, and the device is asked until it lets go (I21).
func TestRemove(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, withChips(Config{}, c))
	b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Permanent}))
	b.events()
	c.become(nil, stuck)
	if err := b.do(b.SubmitRemove(key(1), 2)); !errors.Is(err, switchdev.ErrNotExist) {
		t.Errorf("Remove from the wrong port = %v", err)
	}
	b.must(b.SubmitRemove(key(1), 1))
	b.wantAt("removed", key(1), 0)
	b.wantEvents("removed", "deleted")
	if _, ok := c.row(key(1)); !ok || b.Devices()[0].Failed != 1 {
		t.Errorf("row %v, %+v", ok, b.Devices())
	}
	if err := b.do(b.SubmitRemove(key(1), 1)); !errors.Is(err, switchdev.ErrNotExist) {
		t.Errorf("Remove again = %v", err)
	}
	c.become(nil, nil)
	b.through(2 * time.Second)
	if _, ok := c.row(key(1)); ok || b.Devices()[0].Failed != 0 {
		t.Errorf("row %v, %+v", ok, b.Devices())
	}
}

// TestRemoveDoesNotWaitForHungHardware.
func TestRemoveDoesNotWaitForHungHardware(t *testing.T) {
	c := newQueued("sw0")
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
	add := b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	b.Poll(b.now)
	c.complete()
	b.must(add)
	b.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static})
	b.Poll(b.now) // is out, and never returns
	b.must(b.SubmitRemove(key(1), 1))
	c.complete()
	b.Poll(b.now)
	c.complete()
	b.Poll(b.now)
	sameRows(t, b.Table, c.chip, everyPort)
}

// TestDeleteOfAnAbsentRow: ErrNotExist from a device is what was asked for (I21).
func TestDeleteOfAnAbsentRow(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, withChips(Config{}, c))
	b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}))
	c.become(nil, func(op switchdev.FDBOp) error {
		if op.Verb == switchdev.FDBDelete {
			return switchdev.ErrNotExist
		}
		return nil
	})
	b.must(b.SubmitDelete(key(1), 1))
	b.wantAt("deleted", key(1), 0)
	if s := b.Devices()[0]; s.Rows != 0 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}
