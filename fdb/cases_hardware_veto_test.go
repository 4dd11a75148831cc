package fdb

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func dropConfig(devices ...Device) Config {
	return Config{Learning: Learning{Vetoed: PolicyRefuse}, Hardware: Hardware{Devices: devices}}
}

// answered lets a queued device execute everything, and the table hear of it.
func (b *bench) answered(q *queued) {
	for b.Poll(b.now); q.complete(); {
		b.Poll(b.now)
	}
}

// TestDropPolicyTellsWhatIsInHardware (I18): a station is found at once, and told
// when the device has it.
func TestDropPolicyTellsWhatIsInHardware(t *testing.T) {
	q := newQueued("sw0")
	b := newBench(t, dropConfig(Device{Driver: q}))
	known := map[Key]Entry{}
	b.Learn(key(1), 1)
	b.Poll(b.now)
	b.wantAt("learned", key(1), 1)
	b.follow(known, b.wantEvents("learned", ""))
	if _, err := b.Get(t.Context(), key(1)); !errors.Is(err, switchdev.ErrNotExist) {
		t.Errorf("Get = %v", err)
	}
	b.answered(q)
	b.follow(known, b.wantEvents("taken", "added offload"))
	b.wantOffload("taken", key(1), Offloaded)
	b.Learn(key(1), 2)
	b.Poll(b.now)
	b.wantAt("moved", key(1), 2)
	b.follow(known, b.wantEvents("moved", "offload")) // it is no longer where it was told to be
	if e, err := b.Get(t.Context(), key(1)); err != nil || e.Port != 1 || e.Offload != OffloadNone {
		t.Errorf("Get = %+v, %v", e, err)
	}
	b.answered(q)
	b.follow(known, b.wantEvents("taken", "moved offload"))
	b.Learn(key(1), 1)
	b.Poll(b.now)
	b.Learn(key(1), 2) // and back before the device has answered
	b.Poll(b.now)
	b.answered(q)
	b.follow(known, b.wantEvents("there and back", "offload offload"))
}

// TestDropPolicyVeto (I18, case 103): what the device refuses is gone, said once,
// and not tried again frame by frame.
func TestDropPolicyVeto(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, dropConfig(Device{Driver: c}))
	known := map[Key]Entry{}
	c.become(nil, full(2))
	b.Learn(key(1), 2)
	b.Poll(b.now)
	b.wantAt("refused", key(1), 0)
	events := b.wantEvents("refused", "vetoed")
	if e := events[0]; e.Entry.Key != key(1) || e.Entry.Port != 2 || e.Old != (Entry{}) {
		t.Errorf("%+v", e)
	}
	b.follow(known, events)
	_, before := c.counts()
	for range 100 {
		if got := b.Learn(key(1), 2); got != Refused || got.Accepted() {
			t.Fatalf("Learn = %v", got)
		}
		b.pass(time.Millisecond)
	}
	if _, after := c.counts(); after != before {
		t.Errorf("%d operations because of frames", after-before)
	}
	if got := b.Learn(key(1), 3); got != Queued { // another port is another matter
		t.Errorf("Learn = %v", got)
	}
	b.Poll(b.now)
	b.follow(known, b.wantEvents("elsewhere", "added offload"))
	b.Learn(key(1), 2)
	b.Poll(b.now)
	events = b.wantEvents("moved to where it is refused", "offload vetoed")
	if e := events[1]; e.Entry.Port != 2 || e.Old.Port != 3 {
		t.Errorf("%+v", e)
	}
	b.follow(known, events)
	b.wantAt("refused", key(1), 0)
	if len(c.table()) != 0 {
		t.Errorf("the device holds %v: the old location is not withdrawn", c.table())
	}
	c.become(nil, nil)
	b.through(70 * time.Second)
	if got := b.Learn(key(1), 2); got != Queued {
		t.Errorf("after the pause Learn = %v", got)
	}
	b.Poll(b.now)
	b.follow(known, b.wantEvents("room again", "added offload"))
	if s := b.Stats().Hardware; s.Vetoed != 2 {
		t.Errorf("Vetoed = %d", s.Vetoed)
	}
}

// TestVetoPausesGrow: 1, 2, 4 and at most 64 seconds.
func TestVetoPausesGrow(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, dropConfig(Device{Driver: c}))
	c.become(nil, full(1))
	var last time.Time
	want := time.Second
	for n := 0; n < 9; {
		if b.Learn(key(1), 1) == Queued {
			if b.Poll(b.now); !last.IsZero() {
				if got := b.now.Sub(last); got < want || got > want+200*time.Millisecond {
					t.Errorf("pause %d lasted %v, want %v", n, got, want)
				}
				want = min(2*want, 64*time.Second)
			}
			last = b.now
			n++
		}
		b.pass(100 * time.Millisecond)
	}
}

// TestHungDeviceUnderDropPolicy: the station stays found, nobody is told, and
// nothing else waits.
func TestHungDeviceUnderDropPolicy(t *testing.T) {
	hung, fine := newQueued("hung"), newQueued("fine")
	b := newBench(t, dropConfig(Device{Driver: hung, Ports: []switchdev.PortID{1}}, Device{Driver: fine, Ports: []switchdev.PortID{2}}))
	known := map[Key]Entry{}
	b.Learn(key(1), 1)
	b.Learn(key(2), 2)
	b.Learn(key(3), 3) // which nobody claims
	b.Poll(b.now)
	b.answered(fine)
	b.follow(known, b.wantEvents("one hangs", "added added offload"))
	for range 10 {
		b.pass(10 * time.Second)
		b.wantAt("hung", key(1), 1)
	}
	b.Learn(key(1), 2) // a move to where there is no trouble
	b.Poll(b.now)
	b.answered(fine)
	b.follow(known, b.wantEvents("moved away", "added offload"))
	b.answered(hung)
	b.follow(known, b.events())
	if len(hung.table()) != 0 {
		t.Errorf("%v is left where it was", hung.table())
	}
}

// TestOperationsOnProvisionalStations: users, flushes and the sweep meet what
// nobody has been told of, and no event is wrong.
func TestOperationsOnProvisionalStations(t *testing.T) {
	ctx := context.Background()
	for name, do := range map[string]struct {
		do     func(b *bench) *Ticket
		events string
		port   switchdev.PortID
		told   bool // the station was told on port 1 before
	}{
		"delete":      {do: func(b *bench) *Ticket { return b.SubmitDelete(key(1), 2) }},
		"delete told": {do: func(b *bench) *Ticket { return b.SubmitDelete(key(1), 2) }, told: true, events: "deleted"},
		"remove":      {do: func(b *bench) *Ticket { return b.SubmitRemove(key(1), 2) }, told: true, events: "deleted"},
		"add":         {do: func(b *bench) *Ticket { return b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}) }, events: "added offload", port: 2},
		"replace": {do: func(b *bench) *Ticket { return b.SubmitReplace(Entry{Key: key(1), Port: 3, Flags: Static}) },
			events: "added offload", port: 3},
		"replace told": {do: func(b *bench) *Ticket { return b.SubmitReplace(Entry{Key: key(1), Port: 3, Flags: Static}) },
			told: true, events: "moved offload", port: 3},
		"replace where it was told": {do: func(b *bench) *Ticket { return b.SubmitReplace(Entry{Key: key(1), Port: 1, Flags: Static}) },
			told: true, events: "changed offload", port: 1},
		"use":        {do: func(b *bench) *Ticket { return b.SubmitUse(key(1), 2) }, events: "added", port: 2},
		"flush":      {do: func(b *bench) *Ticket { return b.SubmitFlush(OnPort(2)) }},
		"flush told": {do: func(b *bench) *Ticket { return b.SubmitFlush(OnPort(2)) }, told: true, events: "flushed"},
		"port gone":  {do: func(b *bench) *Ticket { return b.SubmitRemovePort(2) }, told: true, events: "flushed"},
		"ageing": {do: func(b *bench) *Ticket { b.through(2 * DefaultAgeing); return b.SubmitFlush(OnPort(9)) },
			told: true}, // and what was told is that it aged
	} {
		t.Run(name, func(t *testing.T) {
			q := newQueued("sw0")
			b := newBench(t, dropConfig(Device{Driver: q}))
			known := map[Key]Entry{}
			if do.told {
				b.Learn(key(1), 1)
				b.answered(q)
			}
			b.follow(known, b.events())
			b.Learn(key(1), 2)
			b.Poll(b.now)
			b.follow(known, b.events())
			k := do.do(b)
			b.follow(known, b.events())
			b.answered(q)
			if name != "add" {
				b.must(k)
			} else if err := b.do(k); !errors.Is(err, switchdev.ErrExist) { // for Lookup finds it
				t.Errorf("Add = %v", err)
			}
			b.follow(known, b.wantEvents(name, do.events))
			b.wantAt(name, key(1), do.port)
			if e, err := b.Get(ctx, key(1)); (err == nil) != (do.port != 0) || e.Port != do.port {
				t.Errorf("Get = %+v, %v", e, err)
			}
			if n := b.untold.new; n != 0 || b.untold.of != nil && b.untold.of.Len() != 0 {
				t.Errorf("%d are still provisional", b.untold.of.Len())
			}
			sameRows(t, b.Table, q.chip, everyPort)
		})
	}
}

// TestRefusedOperationOnAProvisionalStation leaves it what it was.
func TestRefusedOperationOnAProvisionalStation(t *testing.T) {
	q := newQueued("sw0")
	b := newBench(t, dropConfig(Device{Driver: q}))
	known := map[Key]Entry{}
	b.Learn(key(1), 1)
	b.Poll(b.now)
	q.become(nil, full(2))
	k := b.SubmitReplace(Entry{Key: key(1), Port: 2, Flags: Static})
	b.answered(q)
	if err := b.do(k); !errors.Is(err, switchdev.ErrNoSpace) {
		t.Errorf("Replace = %v", err)
	}
	b.follow(known, b.wantEvents("refused", "added offload"))
	b.wantAt("refused", key(1), 1)
}

// TestDropPolicySparesWhatIsNotLearned: a user's static entry that frames move,
// and what no device claims, are not vetoed.
func TestDropPolicySparesWhatIsNotLearned(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, dropConfig(Device{Driver: c, Ports: []switchdev.PortID{1, 2}}))
	b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}))
	b.events()
	c.become(nil, full(2))
	b.Learn(key(1), 2)
	b.Learn(key(2), 3)
	b.Poll(b.now)
	b.wantAt("moved", key(1), 2)
	b.wantAt("nobody's", key(2), 3)
	b.wantOffload("moved", key(1), OffloadFailed)
	if s := b.Stats().Hardware; s.Vetoed != 0 {
		t.Errorf("Vetoed = %d", s.Vetoed)
	}
}

// TestDropPolicySnapshots: a snapshot shows what was told, and goes on to.
func TestDropPolicySnapshots(t *testing.T) {
	q := newQueued("sw0")
	b := newBench(t, dropConfig(Device{Driver: q}))
	b.Learn(key(1), 1)
	b.answered(q)
	b.Learn(key(1), 2)
	b.Learn(key(2), 2)
	b.Poll(b.now)
	s := b.Snapshot()
	b.answered(q)
	count := 0
	for e := range s.All() {
		if count++; e.Key != key(1) || e.Port != 1 {
			t.Errorf("%+v", e)
		}
	}
	if _, ok := s.Lookup(key(2)); ok || count != 1 || s.Len() != 1 {
		t.Errorf("%d entries, Len %d", count, s.Len())
	}
	sub, err := b.Subscribe(SubscribeOptions{Replay: true})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	b.Learn(key(3), 1)
	b.Poll(b.now)
	var events []Event
	for e, ok, _ := sub.TryNext(); ok; e, ok, _ = sub.TryNext() {
		events = append(events, e)
	}
	if got := kinds(events); got != "existing existing synced" {
		t.Errorf("replay: %v", got)
	}
	b.answered(q)
}

// TestDropPolicyUnanswered: no answer is no refusal, and a reset begins again.
func TestDropPolicyUnanswered(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, dropConfig(Device{Driver: c}))
	known := map[Key]Entry{}
	c.become(func(context.Context, []switchdev.FDBOp) error { return switchdev.ErrOutcomeUnknown }, nil)
	b.Learn(key(1), 1)
	b.Poll(b.now)
	b.wantAt("no answer", key(1), 1)
	b.follow(known, b.wantEvents("no answer", ""))
	c.become(nil, nil)
	_, _ = c.Reset(t.Context())
	b.Poll(b.now)
	b.follow(known, b.wantEvents("after a reset", "added offload"))
}
