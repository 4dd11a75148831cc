package fdb

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// selfLearner is a chip that learns by itself, and can be read.
type selfLearner struct{ *chip }

func (l selfLearner) DumpFDB(_ context.Context, _ switchdev.Domain, yield func(switchdev.FDBRow) bool) (switchdev.Epoch, error) {
	for _, e := range l.table() {
		if !yield(switchdev.FDBRow{FDBEntry: e}) {
			break
		}
	}
	return l.Epoch(), nil
}

// learns makes the chip hold a row of its own and say so.
func (c *chip) learns(k Key, p switchdev.PortID) {
	c.corrupt(func(rows map[Key]switchdev.FDBEntry) {
		rows[k] = switchdev.FDBEntry{Key: k, Port: p, Flags: switchdev.FDBHWLearned}
	})
	c.report(switchdev.Report{Kind: switchdev.ReportLearned, Key: k, Port: p, Epoch: c.Epoch()})
}

// ages makes the chip lose a row and say so.
func (c *chip) ages(k Key) {
	p := switchdev.PortID(0)
	c.corrupt(func(rows map[Key]switchdev.FDBEntry) {
		p = rows[k].Port
		delete(rows, k)
	})
	c.report(switchdev.Report{Kind: switchdev.ReportAged, Key: k, Port: p, Epoch: c.Epoch()})
}

func agesItself(c switchdev.Driver, ports ...switchdev.PortID) Config {
	return Config{Hardware: Hardware{Devices: []Device{{Driver: c, Ages: true, Ports: ports}}}}
}

// TestDeviceOwnsWhatItLearned (case 49, 23): the entry is the device's and in
// hardware from the beginning; the table neither sends nor ages it, and it leaves
// when a dump shows that the row did (rule 26).
func TestDeviceOwnsWhatItLearned(t *testing.T) {
	for name, dumped := range map[string]bool{"read": true, "not read": false} {
		t.Run(name, func(t *testing.T) {
			c := newChip("sw0")
			cfg := agesItself(c)
			if dumped {
				cfg = agesItself(selfLearner{c})
			}
			b := newBench(t, cfg)
			known := map[Key]Entry{}
			c.learns(key(1), 1)
			b.Poll(b.now)
			b.follow(known, b.wantEvents("learned", "added offload"))
			if got := b.get(key(1)); got != "1 extern_learn driver" {
				t.Errorf("Get = %v", got)
			}
			b.wantOffload("learned", key(1), Offloaded)
			b.through(3 * DefaultAgeing)
			b.wantAt("long after", key(1), 1)
			c.learns(key(1), 2)
			b.Poll(b.now)
			b.follow(known, b.wantEvents("moved", "moved offload"))
			if calls, _ := c.counts(); calls != 0 {
				t.Errorf("%d calls for what the device did by itself", calls)
			}
			c.report(switchdev.Report{Kind: switchdev.ReportAged, Key: key(1), Port: 1, Epoch: 1}) // late (case 51)
			b.through(2 * time.Second)
			b.wantAt("late age-out", key(1), 2)
			if b.Stats().Hardware.Stale != 1 {
				t.Errorf("Stale = %d", b.Stats().Hardware.Stale)
			}
			c.ages(key(1))
			b.through(2 * time.Second)
			b.wantAt("aged", key(1), 0)
			events := b.events()
			if n := len(events); n == 0 || events[n-1].Kind != Aged {
				t.Errorf("events %q", kinds(events))
			}
			b.follow(known, events)
			if calls, _ := c.counts(); calls != 0 {
				t.Errorf("%d calls for what the device did by itself", calls)
			}
		})
	}
}

// TestFalseAgeOut (rule 26): the dump shows the row, and the entry stays.
func TestFalseAgeOut(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, agesItself(selfLearner{c}))
	c.learns(key(1), 1)
	b.Poll(b.now)
	c.report(switchdev.Report{Kind: switchdev.ReportAged, Key: key(1), Port: 1, Epoch: 1})
	b.through(2 * time.Second)
	if got := b.get(key(1)); got != "1 extern_learn driver" {
		t.Errorf("Get = %v", got)
	}
	b.wantOffload("false", key(1), Offloaded)
	if calls, _ := c.counts(); calls != 0 {
		t.Errorf("%d calls", calls)
	}
}

// TestAgeOutOfManyIsReadOnce: a device that ages everything is not read for each.
func TestAgeOutOfManyIsReadOnce(t *testing.T) {
	c := newChip("sw0")
	dumps := 0
	r := &readable{chip: c, dumping: func(context.Context) error { dumps++; return nil }}
	b := newBench(t, agesItself(r))
	for n := range 200 {
		c.learns(stationKey(n), 1)
	}
	b.Poll(b.now)
	for n := range 200 {
		c.ages(stationKey(n))
		b.pass(10 * time.Millisecond)
	}
	b.through(3 * time.Second)
	if b.Len() != 0 || dumps > 4 {
		t.Errorf("%d entries are left after %d dumps", b.Len(), dumps)
	}
}

// TestDeviceThatCannotBeReadJustNow is read later, and then the entry leaves.
func TestDeviceThatCannotBeReadJustNow(t *testing.T) {
	c := newChip("sw0")
	busy := true
	b := newBench(t, agesItself(&readable{chip: c, dumping: func(context.Context) error {
		if busy {
			return switchdev.ErrBusy
		}
		return nil
	}}))
	c.learns(key(1), 1)
	b.Poll(b.now)
	c.ages(key(1))
	b.through(10 * time.Second)
	b.wantAt("not read", key(1), 1)
	b.wantOffload("not read", key(1), OffloadNone)
	busy = false
	b.through(10 * time.Second)
	b.wantAt("read", key(1), 0)
}

// TestDeviceLearningMeetsOthers: what a device reports over what is there.
func TestDeviceLearningMeetsOthers(t *testing.T) {
	for name, x := range map[string]struct {
		make func(b *bench)
		want string
		row  bool // the device keeps its row at port 2
	}{
		"learned": {func(b *bench) { b.Learn(key(1), 1) }, "2 extern_learn driver", true},
		"static":  {func(b *bench) { b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})) }, "2 static,user user", true},
		"sticky":  {func(b *bench) { b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static | Sticky})) }, "1 static,sticky,user user", false},
		"local":   {func(b *bench) { b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Permanent})) }, "1 static,local,user user", false},
		"control": {func(b *bench) { b.must(b.SubmitReplace(Entry{Key: key(1), Port: 1, Flags: Extern})) }, "2 user control", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChip("sw0")
			b := newBench(t, agesItself(c))
			x.make(b)
			b.Poll(b.now)
			c.learns(key(1), 2)
			b.through(2 * time.Second)
			if got := b.get(key(1)); got != x.want {
				t.Errorf("Get = %v, want %v", got, x.want)
			}
			if r, ok := c.row(key(1)); ok != (x.row || r.Port == 1) {
				t.Errorf("row %+v, %v", r, ok)
			}
			if r, ok := c.row(key(1)); ok && r.Flags&switchdev.FDBHWLearned == 0 {
				sameRows(t, b.Table, c, everyPort)
			}
		})
	}
}

// TestDeviceLearningAtTheLimit (case 23): the report is refused, and the device
// forgets the station.
func TestDeviceLearningAtTheLimit(t *testing.T) {
	c := newChip("sw0")
	cfg := agesItself(c)
	cfg.Learning.Max = 1
	b := newBench(t, cfg)
	c.learns(key(1), 1)
	b.Poll(b.now)
	c.learns(key(2), 1)
	b.Poll(b.now)
	if _, ok := c.row(key(2)); ok || b.at(key(2)) != 0 || b.Len() != 1 {
		t.Errorf("row %v, port %d, %d entries", ok, b.at(key(2)), b.Len())
	}
	if n := b.Stats().Hardware.Objected; n != 1 {
		t.Errorf("Objected = %d", n)
	}
	c.learns(key(1), 2) // moves at the limit
	b.Poll(b.now)
	b.wantAt("moved", key(1), 2)
}

// TestLockedReports (case 49): only where nothing is known, and never sent back.
func TestLockedReports(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, agesItself(c))
	locked := func(n byte, p switchdev.PortID) {
		c.report(switchdev.Report{Kind: switchdev.ReportLearned, Key: key(n), Port: p, Epoch: 1, Locked: true})
		b.Poll(b.now)
	}
	locked(1, 1)
	if got := b.get(key(1)); got != "1 extern_learn,locked driver" {
		t.Errorf("Get = %v", got)
	}
	locked(1, 1) // again
	locked(1, 2) // elsewhere: EINVAL in Linux
	b.Learn(key(2), 1)
	b.Poll(b.now)
	_, before := c.counts()
	locked(2, 1) // over one that is not locked: EINVAL in Linux
	if b.get(key(1)) != "1 extern_learn,locked driver" || b.get(key(2)) != "1 dynamic learned" {
		t.Errorf("%v, %v", b.get(key(1)), b.get(key(2)))
	}
	if n := b.Stats().Hardware.Objected; n != 2 {
		t.Errorf("Objected = %d", n)
	}
	if r, ok := c.row(key(1)); ok {
		t.Errorf("row %+v (case 60)", r)
	}
	if _, after := c.counts(); after > before+1 {
		t.Errorf("%d operations", after-before)
	}
	c.report(switchdev.Report{Kind: switchdev.ReportAged, Key: key(1), Port: 1, Epoch: 1})
	b.Poll(b.now)
	b.wantAt("aged", key(1), 0)
}

// TestResetKeepsDevicesStations: the device lost its tables, and its stations are
// learned ones now: still found, in hardware again, and aged by the table.
func TestResetKeepsDevicesStations(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, agesItself(c))
	known := map[Key]Entry{}
	c.learns(key(1), 1)
	b.Poll(b.now)
	_, _ = c.Reset(t.Context())
	b.Poll(b.now)
	b.follow(known, b.events())
	if got := b.get(key(1)); got != "1 dynamic learned" {
		t.Errorf("Get = %v", got)
	}
	b.wantOffload("reset", key(1), Offloaded)
	sameRows(t, b.Table, c, everyPort)
	c.report(switchdev.Report{Kind: switchdev.ReportLearned, Key: key(1), Port: 1, Epoch: c.Epoch()}) // it still sends
	b.Poll(b.now)
	if got := b.get(key(1)); got != "1 dynamic learned" { // the device was told to hold it
		t.Errorf("Get = %v", got)
	}
	b.through(2 * DefaultAgeing)
	b.wantAt("aged", key(1), 0)
}

// TestUserTakesADevicesStation: what the user does goes through the device, as
// for any other entry.
func TestUserTakesADevicesStation(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, agesItself(c))
	c.learns(key(1), 1)
	b.Poll(b.now)
	b.must(b.SubmitDelete(key(1), 1))
	if _, ok := c.row(key(1)); ok {
		t.Error("the device keeps its row")
	}
	c.learns(key(1), 1)
	b.Poll(b.now)
	if b.Learn(key(1), 2); b.at(key(1)) != 2 { // a frame elsewhere
		t.Error("not moved")
	}
	b.Poll(b.now)
	if got := b.get(key(1)); got != "2 dynamic learned" {
		t.Errorf("Get = %v", got)
	}
	sameRows(t, b.Table, c, everyPort)
}

// TestAdopt: Reconcile takes in what it finds in the device.
func TestAdopt(t *testing.T) {
	for _, adopt := range []bool{true, false} {
		c := &readable{chip: newChip("sw0")}
		b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c, Adopt: adopt}}}})
		c.corrupt(func(rows map[Key]switchdev.FDBEntry) {
			rows[key(1)] = switchdev.FDBEntry{Key: key(1), Port: 1}
			rows[key(2)] = switchdev.FDBEntry{Key: key(2), Port: 2, Flags: switchdev.FDBStatic}
		})
		for range 2 { // the second finds nothing new
			b.must(b.SubmitReconcile(c))
		}
		if !adopt {
			if b.Len() != 0 || len(c.table()) != 0 {
				t.Errorf("%d entries, %v", b.Len(), c.table())
			}
			continue
		}
		if b.get(key(1)) != "1 extern_learn driver" || b.get(key(2)) != "2 static,extern_learn driver" {
			t.Errorf("%v, %v", b.get(key(1)), b.get(key(2)))
		}
		b.wantOffload("adopted", key(1), Offloaded)
		if _, ops := c.counts(); ops != 0 || b.Stats().Hardware.Adopted != 2 {
			t.Errorf("%d operations, adopted %d", ops, b.Stats().Hardware.Adopted)
		}
	}
}

// TestReconcileMakesUpForLostReports: rows of a device with Ages that have no
// entry get one, and entries whose row is gone are the table's to age.
func TestReconcileMakesUpForLostReports(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, agesItself(selfLearner{c}))
	c.learns(key(1), 1)
	b.Poll(b.now)
	c.corrupt(func(rows map[Key]switchdev.FDBEntry) {
		delete(rows, key(1))
		rows[key(2)] = switchdev.FDBEntry{Key: key(2), Port: 2, Flags: switchdev.FDBHWLearned}
	})
	k := b.SubmitReconcile(b.devs[0].Driver)
	b.must(k)
	if b.get(key(1)) != "1 dynamic learned" || b.get(key(2)) != "2 extern_learn driver" {
		t.Errorf("%v, %v", b.get(key(1)), b.get(key(2)))
	}
	if err := k.Err(); err != nil && !errors.Is(err, switchdev.ErrBusy) {
		t.Error(err)
	}
}
