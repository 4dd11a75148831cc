package fdb

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestRemovePort (I23, cases 86, 99): entries of every kind leave the table and
// the devices, nothing is learned on the port any more, and nobody can name it.
func TestRemovePort(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, withChips(Config{}, c))
	b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Permanent}))
	b.must(b.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static}))
	b.must(b.SubmitReplace(Entry{Key: key(3), Port: 1, Flags: Extern}))
	b.Learn(key(4), 1)
	b.Learn(key(5), 2)
	b.Poll(b.now)
	b.Learn(key(6), 1) // pending
	k := b.SubmitRemovePort(1)
	for n := byte(1); n <= 6; n++ {
		if want := switchdev.PortID(0); n != 5 {
			b.wantAt("at once", key(n), want)
		}
	}
	if got := b.Learn(key(7), 1); got != Barred || got.Accepted() {
		t.Errorf("Learn = %v", got)
	}
	if got := b.Learn(key(5), 1); got != Barred { // a move to there
		t.Errorf("Learn = %v", got)
	}
	b.must(k)
	if k.Count() != 5 {
		t.Errorf("%d entries, want 5", k.Count())
	}
	b.wantAt("after", key(5), 2)
	sameRows(t, b.Table, c, onPorts(2))
	if len(c.table()) != 1 {
		t.Errorf("rows %v", c.table())
	}
	for what, k := range map[string]*Ticket{
		"add": b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}), "replace": b.SubmitReplace(Entry{Key: key(5), Port: 1, Flags: Static}),
		"use": b.SubmitUse(key(1), 1), "update": b.SubmitUpdate(Entry{Key: key(5), Port: 1}), "delete": b.SubmitDelete(key(5), 1), "remove": b.SubmitRemove(key(1), 1),
	} {
		if err := b.do(k); !errors.Is(err, switchdev.ErrPortGone) || !errors.Is(err, switchdev.ErrNoDevice) {
			t.Errorf("%s = %v", what, err)
		}
	}
	b.must(b.SubmitRemovePort(1)) // again
	b.AddPort(1)
	if b.Learn(key(7), 1); b.at(key(7)) != 1 {
		t.Error("not learned on a port that is there again")
	}
	b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}))
	if err := b.do(b.SubmitRemovePort(0)); !errors.Is(err, switchdev.ErrInvalid) {
		t.Errorf("RemovePort(0) = %v", err)
	}
}

// TestRemovePortWaitsForCalls (I23): what is queued never goes out, and what is
// out is waited for and taken back.
func TestRemovePortWaitsForCalls(t *testing.T) {
	q := newQueued("sw0")
	b := newBench(t, Config{Hardware: Hardware{Batch: 1, Devices: []Device{{Driver: q}}}})
	b.Learn(key(1), 1)
	b.Poll(b.now)
	b.Learn(key(2), 1)
	b.Learn(key(3), 2)
	b.Poll(b.now) // 1 is out, the others wait
	k := b.SubmitRemovePort(1)
	for range 10 {
		b.Poll(b.now)
		select {
		case <-k.Done():
			for k, r := range q.table() {
				if r.Port == 1 {
					t.Fatalf("over, and %v is on port 1", k)
				}
			}
		default:
		}
		q.complete()
	}
	b.must(k)
	sameRows(t, b.Table, q.chip, everyPort)
	if _, ops := q.counts(); ops > 0 {
		t.Error("a queued device was called")
	}
}

// TestRemovePortMeetsAnOperation: one in flight for the port ends first.
func TestRemovePortMeetsAnOperation(t *testing.T) {
	q := newQueued("sw0")
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: q}}}})
	add := b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	b.Poll(b.now)
	k := b.SubmitRemovePort(1)
	b.Poll(b.now)
	b.answered(q)
	b.must(add)
	b.must(k)
	b.wantAt("after", key(1), 0)
	if len(q.table()) != 0 {
		t.Errorf("rows %v", q.table())
	}
}

// TestRemovePortOfHungHardware ends at the deadline, and the rows go when the
// device returns.
func TestRemovePortOfHungHardware(t *testing.T) {
	q := newQueued("sw0")
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: q}}}})
	b.Learn(key(1), 1)
	b.Poll(b.now)
	k := b.SubmitRemovePort(1)
	b.through(DefaultTimeout)
	if err := b.do(k); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
		t.Errorf("RemovePort = %v", err)
	}
	b.answered(q)
	if len(q.table()) != 0 {
		t.Errorf("rows %v", q.table())
	}
}

// TestFlushWaitsForWhatItMayCover and for no other operation in flight.
func TestFlushWaitsForWhatItMayCover(t *testing.T) {
	for name, x := range map[string]struct {
		flush Filter
		waits bool
	}{
		"the port it goes to":   {OnPort(2), true},
		"the port it was on":    {OnPort(1), true},
		"another port":          {OnPort(3), false},
		"another VLAN":          {Filter{VLAN: 7}, false},
		"everything":            {Filter{}, true},
		"only sticky ones":      {Filter{Mask: Sticky, Flags: Sticky}, false},
		"those of control":      {Filter{Mask: Extern, Flags: Extern}, false},
		"port and other VLAN":   {Filter{Port: 2, OnPort: true, VLAN: 7}, false},
		"port it goes to, VLAN": {Filter{Port: 2, OnPort: true, VLAN: 10}, true},
	} {
		t.Run(name, func(t *testing.T) {
			q := newQueued("sw0")
			b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: q, Ports: []switchdev.PortID{2}}}}})
			at := key(1)
			at.VLAN = 10
			b.Learn(at, 1)
			b.Poll(b.now)
			move := b.SubmitUse(at, 1)
			b.must(move) // user's, dynamic: nothing of it is in hardware
			set := b.SubmitReplace(Entry{Key: at, Port: 2, Flags: Extern})
			b.Poll(b.now)
			if name == "those of control" {
				b.answered(q)
				set = b.SubmitReplace(Entry{Key: Key{MAC: at.MAC, VLAN: 11}, Port: 2, Flags: Static})
				b.Poll(b.now)
			}
			k := b.SubmitFlush(x.flush)
			b.Poll(b.now)
			select {
			case <-k.Done():
				if x.waits {
					t.Error("over before the operation")
				}
			default:
				if !x.waits && name != "those of control" {
					t.Error("waits")
				}
			}
			b.answered(q)
			b.must(set)
			b.must(k)
			sameRows(t, b.Table, q.chip, onPorts(2))
		})
	}
}

// TestLeaveAsksOnceMore: a device that refused to let go of a row, and has
// recovered since, is not blamed for it.
func TestLeaveAsksOnceMore(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, Config{Hardware: Hardware{Retry: time.Hour, Devices: []Device{{Driver: c, Ports: []switchdev.PortID{1}}}}})
	b.Learn(key(1), 1)
	b.Poll(b.now)
	c.become(nil, stuck)
	if err := b.do(b.SubmitLeave(c, 1)); !errors.Is(err, switchdev.ErrBusy) {
		t.Errorf("Leave = %v", err)
	}
	if err := b.do(b.SubmitLeave(c, 1)); !errors.Is(err, switchdev.ErrBusy) {
		t.Errorf("Leave again = %v", err)
	}
	c.become(nil, nil)
	b.must(b.SubmitLeave(c, 1))
	if len(c.table()) != 0 {
		t.Errorf("rows %v", c.table())
	}
}

// TestReportFlushed: what the device says it dropped leaves the table, static
// entries come back to it, and a control plane's leave if they were in hardware
// (FLUSH_TO_BRIDGE).
func TestReportFlushed(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c, Ports: []switchdev.PortID{1, 2}}}}})
	on := func(n byte, vlan switchdev.VLAN) Key { k := key(n); k.VLAN = vlan; return k }
	b.Learn(on(1, 10), 1)
	b.Learn(on(2, 20), 1)
	b.Learn(on(3, 10), 2)
	b.Learn(on(4, 10), 3) // not this device's
	b.must(b.SubmitAdd(Entry{Key: on(5, 10), Port: 1, Flags: Static}))
	b.must(b.SubmitReplace(Entry{Key: on(6, 10), Port: 1, Flags: Extern}))
	b.Poll(b.now)
	flushed := func(p switchdev.PortID, vlan switchdev.VLAN) {
		c.corrupt(func(rows map[Key]switchdev.FDBEntry) {
			for k, r := range rows {
				if (p == 0 || r.Port == p) && (vlan == 0 || k.VLAN == vlan) {
					delete(rows, k)
				}
			}
		})
		c.report(switchdev.Report{Kind: switchdev.ReportFlushed, Port: p, Key: Key{VLAN: vlan}, Epoch: c.Epoch()})
		b.Poll(b.now)
		sameRows(t, b.Table, c, onPorts(1, 2))
	}
	ports := func(want ...switchdev.PortID) {
		t.Helper()
		for i, k := range []Key{on(1, 10), on(2, 20), on(3, 10), on(4, 10), on(5, 10), on(6, 10)} {
			b.wantAt("flushed", k, want[i])
		}
	}
	flushed(1, 10)
	ports(0, 1, 2, 3, 1, 0)
	b.wantOffload("came back", on(5, 10), Offloaded)
	flushed(9, 0) // not a port of this device
	c.report(switchdev.Report{Kind: switchdev.ReportFlushed, Port: 2})
	_, _ = c.Reset(t.Context())
	b.Poll(b.now)
	c.report(switchdev.Report{Kind: switchdev.ReportFlushed, Port: 1, Epoch: 1}) // of tables that are no more
	b.Poll(b.now)
	ports(0, 1, 0, 3, 1, 0)
	flushed(0, 0)
	ports(0, 0, 0, 3, 1, 0)
	flushed(0, 0) // twice
	ports(0, 0, 0, 3, 1, 0)
}

// TestReportPortGone: claims and rows of the port go, what lives by frames is
// flushed, and nothing is learned there until the port is back.
func TestReportPortGone(t *testing.T) {
	for name, ports := range map[string][]switchdev.PortID{"listed": {1, 2}, "every port": nil} {
		t.Run(name, func(t *testing.T) {
			c := newChip("sw0")
			b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c, Ports: ports}}}})
			b.Learn(key(1), 1)
			b.Learn(key(2), 2)
			b.must(b.SubmitAdd(Entry{Key: key(3), Port: 1, Flags: Static}))
			b.Poll(b.now)
			gone := func() {
				c.report(switchdev.Report{Kind: switchdev.ReportPortGone, Port: 1, Epoch: 1})
				b.Poll(b.now)
			}
			gone()
			b.wantAt("gone", key(1), 0)
			b.wantAt("gone", key(2), 2)
			b.wantAt("gone", key(3), 1)
			b.wantOffload("gone", key(3), OffloadNone)
			sameRows(t, b.Table, c, onPorts(2))
			if got := b.Learn(key(1), 1); got != Barred {
				t.Errorf("Learn = %v", got)
			}
			gone() // twice
			b.must(b.SubmitJoin(c, 1))
			b.wantOffload("back", key(3), Offloaded)
			if b.Learn(key(1), 1); b.at(key(1)) != 1 {
				t.Error("not learned")
			}
			b.Poll(b.now)
			sameRows(t, b.Table, c, onPorts(1, 2))
			if name == "every port" {
				if err := b.do(b.SubmitLeave(c, 2)); !errors.Is(err, switchdev.ErrInvalid) {
					t.Errorf("Leave = %v", err)
				}
			}
		})
	}
}

// TestPortOfTwoDevices: gone from one, it is still the other's.
func TestPortOfTwoDevices(t *testing.T) {
	left, right := newChip("left"), newChip("right")
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{
		{Driver: left, Ports: []switchdev.PortID{1}}, {Driver: right, Ports: []switchdev.PortID{1}},
	}}})
	b.Learn(key(1), 1)
	b.Poll(b.now)
	left.report(switchdev.Report{Kind: switchdev.ReportPortGone, Port: 1, Epoch: 1})
	b.Poll(b.now)
	b.wantAt("gone", key(1), 1)
	if len(left.table()) != 0 || len(right.table()) != 1 {
		t.Errorf("%v, %v", left.table(), right.table())
	}
	if got := b.Learn(key(2), 1); got != Queued {
		t.Errorf("Learn = %v", got)
	}
}

// TestRemovePortConcurrently: outside of a Manual table, with learns and
// operations on the port going on.
func TestRemovePortConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		c.before = func(context.Context, []switchdev.FDBOp) error { time.Sleep(time.Millisecond); return nil }
		table := newTable(t, withChips(Config{}, c))
		stop := make(chan struct{})
		go func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				time.Sleep(100 * time.Microsecond) // or the bubble has no time
				table.Learn(stationKey(n%500), switchdev.PortID(1+n%2))
				if n%10 == 0 {
					_ = table.Replace(t.Context(), Entry{Key: stationKey(n % 500), Port: 1, Flags: Static})
				}
			}
		}()
		time.Sleep(50 * time.Millisecond)
		if _, err := table.RemovePort(t.Context(), 1); err != nil {
			t.Error(err)
		}
		for k, r := range c.table() {
			if r.Port == 1 {
				t.Errorf("%v is on port 1", k)
			}
		}
		time.Sleep(50 * time.Millisecond)
		close(stop)
		synctest.Wait()
		time.Sleep(time.Minute)
		for e := range table.All() {
			if e.Port == 1 {
				t.Errorf("%+v", e)
			}
		}
		sameRows(t, table, c, everyPort)
	})
}
