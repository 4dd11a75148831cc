package fdb

import (
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// moving returns a table with the drop policy in which station 1 was told on port
// 1 and has moved to port 2, which the device has not answered yet.
func moving(t *testing.T, cfg Config) (*bench, *queued, map[Key]Entry) {
	t.Helper()
	q := newQueued("sw0")
	cfg.Learning.Vetoed = PolicyRefuse
	cfg.Hardware.Devices = []Device{{Driver: q}}
	b := newBench(t, cfg)
	known := map[Key]Entry{}
	b.Learn(key(1), 1)
	b.Poll(b.now)
	b.answered(q)
	b.follow(known, b.wantEvents("taken", "added offload"))
	b.Learn(key(1), 2)
	b.Poll(b.now)
	b.follow(known, b.wantEvents("moved", "offload"))
	return b, q, known
}

// TestAgedEventOfWithheldStationIsStale: what is told of a station that was never
// told to be where it aged out is that the entry that was told is stale.
func TestAgedEventOfWithheldStationIsStale(t *testing.T) {
	b, q, known := moving(t, Config{Ageing: 10 * time.Second})
	defer b.answered(q)
	b.pass(5 * time.Second)
	b.through(20 * time.Second)
	events := b.wantEvents("aged", "aged")
	b.follow(known, events)
	if e := events[0].Entry; !e.Stale || e.Port != 1 {
		t.Errorf("aged: %+v", e)
	}
}

// TestRemovedPortIsNotShown (I23): of a station that was told on a port nothing is
// shown there when the port was removed, although it has moved on before.
func TestRemovedPortIsNotShown(t *testing.T) {
	b, q, known := moving(t, Config{})
	k := b.SubmitRemovePort(1)
	b.Poll(b.now)
	b.follow(known, b.wantEvents("removed", "flushed"))
	b.has(key(1), "none")
	if n := b.Snapshot().Len(); n != 0 {
		t.Errorf("the snapshot has %d entries", n)
	}
	b.wantAt("moved before", key(1), 2)
	b.answered(q)
	b.must(k)
	b.follow(known, b.wantEvents("taken", "added offload"))
}

// TestSnapshotSaysTheSameTwice: All and Lookup of a snapshot agree, also on who is
// stale, while stations are provisional.
func TestSnapshotSaysTheSameTwice(t *testing.T) {
	b, q, _ := moving(t, Config{Ageing: 10 * time.Second})
	defer b.answered(q)
	if err := b.SetAgeing(-1); err != nil { // nobody leaves
		t.Fatal(err)
	}
	b.pass(time.Minute)
	b.Table.ageing.ticks.Store(uint64(10 * time.Second / tickLength))
	snap, n := b.Snapshot(), 0
	for e := range snap.All() {
		n++
		if one, ok := snap.Lookup(e.Key); !ok || one != e || !e.Stale {
			t.Errorf("%+v and %+v", e, one)
		}
	}
	if n != 1 {
		t.Errorf("%d entries", n)
	}
}

// TestThereAndBackIsNotTold: a station that moved to a port that a device claims
// and back to one that none claims, before the device answered.
func TestThereAndBackIsNotTold(t *testing.T) {
	q := newQueued("sw0")
	b := newBench(t, dropConfig(Device{Driver: q, Ports: []switchdev.PortID{2}}))
	b.seen(key(1), 1)
	b.tells("added")
	b.seen(key(1), 2)
	b.seen(key(1), 1)
	b.tells("")
	b.answered(q)
	b.tells("")
}

// TestOffloadEventFollowsTheMove (I10): what a report makes of a row is told of the
// entry that was told, although staging has just found it to have moved.
func TestOffloadEventFollowsTheMove(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, Config{Learning: Learning{Delay: time.Second}, Hardware: Hardware{Vetoed: PolicySoftware, Devices: []Device{{Driver: c, Ages: true}}}})
	known := map[Key]Entry{}
	c.become(nil, full(1))
	b.must(b.SubmitReplace(Entry{Key: key(1), Port: 1, Flags: Static}))
	b.follow(known, b.wantEvents("made in software", "added offload"))
	b.Learn(key(1), 2) // pending
	c.report(switchdev.Report{Kind: switchdev.ReportLearned, Key: key(1), Port: 3, Epoch: c.Epoch()})
	b.Poll(b.now)
	b.through(2 * time.Second)
	b.follow(known, b.events())
	b.wantAt("moved", key(1), 3)
	if e := known[key(1)]; e.Port != 3 {
		t.Errorf("told %+v", e)
	}
}
