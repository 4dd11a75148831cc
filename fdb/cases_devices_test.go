package fdb

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// deviceCase is one behaviour of table and devices together, by its number in the
// list of ARCHITECTURE.md.
type deviceCase struct {
	number int
	name   string
	run    func(t *testing.T)
}

// TestDeviceCases goes through the behaviours that take hardware or concurrency.
func TestDeviceCases(t *testing.T) {
	for _, c := range deviceCases() {
		t.Run(fmt.Sprintf("%03d %s", c.number, c.name), c.run)
	}
}

func deviceCases() []deviceCase {
	return []deviceCase{
		{49, "what a device adds and deletes by itself", deviceAddsAndDeletes},
		{50, "an external entry is offloaded where there is a device", externIsOffloaded},
		{51, "a device's late delete after a move", lateDelete},
		{52, "an acknowledgement of an unknown station", strayAcknowledgement},
		{74, "a flush in a storm of learning", flushInAStorm},
		{94, "a static add reaches hardware or fails", staticAdd},
		{95, "a user's dynamic and locked entries do not reach hardware", softwareEntries},
		{96, "a frame moves an offloaded static entry", staticMoves},
		{97, "a replace elsewhere removes the old row", replaceElsewhere},
		{98, "static to dynamic removes the row", staticToDynamic},
		{99, "join and leave", joinAndLeave},
		{100, "reset under load", resetUnderLoad},
		{101, "a full device, and room again", fullDevice},
		{102, "a device that hangs", hangingDevice},
		{103, "veto of a learned station, kept in software", vetoKept},
		{103, "veto of a learned station, dropped", vetoDropped},
		{104, "adds and deletes against dumps and learns", stress},
		{105, "add, delete, add at a slow device", addDeleteAdd},
		{106, "a learn at the moment of the seal", learnAtTheSeal},
		{107, "a delete against an older learn", deleteAgainstOlderLearn},
		{108, "a slow subscriber", slowSubscriber},
		{109, "the bound on what is pending", pendingBound},
		{110, "a veto with a text", vetoWithText},
	}
}

// refused wants an operation to fail so, and nothing changed, told, or left in a
// device.
func (s *sim) refused(errno syscall.Errno, k func() *Ticket) error {
	s.t.Helper()
	s.events()
	before := s.outside()
	err := s.do(k())
	if !errors.Is(err, errno) {
		s.t.Errorf("%v, want %v", err, errno)
	}
	if after := s.outside(); after != before {
		s.t.Errorf("it changed\n%s\nto\n%s", before, after)
	}
	for _, e := range s.events() {
		if e.Kind != OffloadChanged { // it was not in hardware while it was tried
			s.t.Errorf("told %v of %+v", e.Kind, e.Entry)
		}
	}
	return err
}

// outside is what is in the table and in the devices, without counters.
func (s *sim) outside() string {
	entries, _, _ := strings.Cut(s.state(), "\n{")
	for _, c := range s.chips {
		entries += fmt.Sprintf("\n%s %v", c.Name(), told(c))
	}
	return entries
}

// deviceAddsAndDeletes: SWITCHDEV_FDB_ADD_TO_BRIDGE makes an entry that is external
// and offloaded, SWITCHDEV_FDB_DEL_TO_BRIDGE removes it. Deleting what is not the
// device's is ENOENT in Linux, a locked station over one that is not EINVAL.
func deviceAddsAndDeletes(t *testing.T) {
	s := newSim(t, Config{}, Device{Ages: true}, hwsim.Config{})
	s.frame(key(1), 1)
	s.wantEvents("learned", "added offload")
	s.has(key(1), "1 extern_learn driver")
	s.wantOffload("learned", key(1), Offloaded)
	s.pass(DefaultAgeing + 10*time.Second) // the chip ages it, and says so
	s.has(key(1), "none")
	if rowAt(s.chip0(), key(1)) != 0 {
		t.Error("the row is left")
	}

	c := newChip("sw0")
	b := newBench(t, agesItself(c))
	b.put(key(1), 1, Static)
	b.events()
	for _, r := range []switchdev.Report{
		{Kind: switchdev.ReportAged, Key: key(1), Port: 1, Epoch: 1},                  // ENOENT
		{Kind: switchdev.ReportLearned, Key: key(1), Port: 1, Epoch: 1, Locked: true}, // EINVAL
		{Kind: switchdev.ReportLearned, Key: key(1), Port: 2, Epoch: 1, Locked: true}, // EINVAL
	} {
		c.report(r)
		b.Poll(b.now)
		b.has(key(1), "1 static,user user")
	}
	for _, e := range b.events() {
		if e.Kind != OffloadChanged { // the row is written again, if it should have gone
			t.Errorf("told %v", e.Kind)
		}
	}
	sameRows(t, b.Table, c, everyPort)
}

func externIsOffloaded(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{})
	s.put(key(1), 1, Extern)
	s.wantEvents("entered", "added offload")
	s.wantOffload("entered", key(1), Offloaded)
	if r := told(s.chip0())[key(1)]; r.Port != 1 || r.Flags&switchdev.FDBExtern == 0 {
		t.Errorf("row %+v", r)
	}
	s.put(key(2), 9, Extern) // a port without a device
	s.wantOffload("nobody's", key(2), OffloadNone)
	s.rest()
}

// lateDelete: the chip says that the station aged out on port 1, and says so when
// it has long been seen on port 2. Linux deletes the new entry.
func lateDelete(t *testing.T) {
	s := newSim(t, Config{}, Device{Ages: true}, hwsim.Config{})
	s.frame(key(1), 1)
	late := s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultLate, Delay: time.Minute, Match: hwsim.Selector{Role: hwsim.RoleReport, Verb: "aged"}})
	for late.Hits() == 0 { // the row is gone, and nobody knows
		s.pass(10 * time.Second)
	}
	s.has(key(1), "1 extern_learn driver")
	s.frame(key(1), 2)
	s.has(key(1), "2 extern_learn driver")
	s.events()
	s.pass(2 * time.Minute)
	s.has(key(1), "2 extern_learn driver")
	if rowAt(s.chip0(), key(1)) != 2 || s.Stats().Hardware.Stale != 1 {
		t.Errorf("row at %d, %d reports stale", rowAt(s.chip0(), key(1)), s.Stats().Hardware.Stale)
	}
	s.tells("")
}

// strayAcknowledgement: the chip carries out an add that nobody waits for any more,
// and acknowledges a station of which nothing is known.
func strayAcknowledgement(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{Hardware: hwsim.Hardware{Latency: hwsim.Latency{Op: DefaultTimeout + time.Second}}})
	k := s.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	s.pass(DefaultTimeout)
	if err := k.Err(); !ended(k) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("Add = %v", err)
	}
	s.has(key(1), "none")
	s.pass(2 * time.Second)
	if rowAt(s.chip0(), key(1)) != 1 {
		t.Fatal("the chip has not done it yet: this proves nothing")
	}
	s.has(key(1), "none")
	s.pass(time.Minute)
	s.tells("")
	s.rest()
}

func staticAdd(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{})
	s.must(s.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}))
	s.wantEvents("added", "added offload")
	s.wantOffload("added", key(1), Offloaded)
	s.rest()
	for _, err := range []error{switchdev.ErrBusy, switchdev.ErrNoSpace, switchdev.ErrInvalid} {
		in := s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultRefuse, Err: err, Match: hwsim.Selector{Role: hwsim.RoleFDB}})
		errno := map[error]syscall.Errno{switchdev.ErrBusy: syscall.EBUSY, switchdev.ErrNoSpace: syscall.ENOSPC, switchdev.ErrInvalid: syscall.EINVAL}[err]
		s.refused(errno, func() *Ticket { return s.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static}) })
		in.Release()
	}
	s.must(s.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static}))
	s.rest()
	// As a bridge of Linux has it: the entry is made and is not in hardware.
	s = newSim(t, Config{Hardware: Hardware{Vetoed: PolicySoftware}}, Device{}, hwsim.Config{})
	s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultRefuse})
	s.must(s.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}))
	s.wantOffload("kept", key(1), OffloadFailed)
	if len(told(s.chip0())) != 0 {
		t.Error("the chip took it")
	}
}

func softwareEntries(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{})
	before := s.chip0().Stats().Ops
	s.put(key(1), 1, 0)
	s.put(key(2), 1, Sticky)
	s.must(s.SubmitUse(key(3), 1))
	s.LearnLocked(key(4), 1)
	s.pass(time.Second)
	s.put(key(1), 2, 0)
	s.LearnLocked(key(4), 1)
	s.pass(time.Second)
	s.must(s.SubmitDelete(key(1), 2))
	s.must(s.SubmitDelete(key(4), 1))
	if after := s.chip0().Stats().Ops; after != before {
		t.Errorf("%d operations", after-before)
	}
	s.put(key(5), 1, Static) // and this is one
	if after := s.chip0().Stats().Ops; after != before+1 {
		t.Errorf("%d operations, want 1", after-before)
	}
}

// staticMoves: withdrawn there, set here, and said to be in hardware when it is.
func staticMoves(t *testing.T) {
	slow := hwsim.Config{Hardware: hwsim.Hardware{Latency: hwsim.Latency{Op: 100 * time.Millisecond}}}
	s := newSim(t, Config{}, Device{}, slow, slow)
	k := s.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	s.pass(time.Second)
	if k.Err() != nil {
		t.Fatal(k.Err())
	}
	s.wantOffload("added", key(1), Offloaded)
	for _, p := range []switchdev.PortID{3, 4, 1} { // another device, another port of it, and back
		s.events()
		s.seen(key(1), p)
		s.has(key(1), fmt.Sprintf("%d static,user user", p))
		s.wantOffload("moved", key(1), OffloadNone)
		s.pass(time.Second)
		s.wantOffload("acknowledged", key(1), Offloaded)
		s.tells("moved offload")
		s.rest()
	}
}

// replaceElsewhere: Linux tells the old port's driver nothing.
func replaceElsewhere(t *testing.T) {
	for _, f := range []Flags{Static, Permanent, Extern, Static | Sticky} {
		s := newSim(t, Config{}, Device{}, hwsim.Config{}, hwsim.Config{})
		for _, p := range []switchdev.PortID{1, 2, 3, 1, 9, 4, 2} {
			if f == Permanent && p == 9 {
				continue
			}
			s.put(key(1), p, f)
			s.rest()
			if p == 9 && len(told(s.chips[0]))+len(told(s.chips[1])) > 0 {
				t.Error("a row is left")
			}
		}
	}
}

// staticToDynamic: Linux leaves the row, which then never ages.
func staticToDynamic(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{})
	s.put(key(1), 1, Static)
	s.put(key(1), 1, 0)
	s.has(key(1), "1 user user")
	s.wantOffload("dynamic", key(1), OffloadNone)
	if p := rowAt(s.chip0(), key(1)); p != 0 {
		t.Errorf("the row at %d is left", p)
	}
	// So it is with a learned one that the user comes to own.
	s.seen(key(2), 2)
	s.wantOffload("learned", key(2), Offloaded)
	s.must(s.SubmitUse(key(2), 2))
	s.has(key(2), "2 user user")
	s.rest()
	s.put(key(1), 1, Static)
	s.wantOffload("static", key(1), Offloaded)
	s.rest()
}

// joinAndLeave: what is there is replayed once, entries of every kind; after a
// leave nothing is left. That VLANs come first is the bridge's.
func joinAndLeave(t *testing.T) {
	cfg := hwsim.Config{Hardware: hwsim.Hardware{Latency: hwsim.Latency{Op: time.Millisecond}}}
	s := newSim(t, Config{}, Device{}, cfg)
	s.must(s.SubmitLeave(s.chip0(), 1))
	kinds := []Flags{Static, Permanent, Extern, Static | Sticky, Extern | Static}
	for n, f := range kinds {
		k := s.SubmitReplace(Entry{Key: key(byte(n + 1)), Port: 1, Flags: f})
		s.pass(time.Second)
		if k.Err() != nil {
			t.Fatal(k.Err())
		}
	}
	s.put(key(20), 1, 0) // stays in software
	s.LearnLocked(key(21), 1)
	for n := range 500 {
		s.Learn(stationKey(n), 1)
	}
	s.pass(10 * time.Second)
	for k, r := range told(s.chip0()) {
		if r.Port == 1 && r.Flags&switchdev.FDBLocal == 0 {
			t.Fatalf("%v is there before the join", k)
		}
	}
	for range 2 {
		from := mark(s.chip0())
		had := len(told(s.chip0())) // what is local was there
		join := s.SubmitJoin(s.chip0(), 1)
		s.Learn(stationKey(7), 2) // meanwhile one moves, and one comes
		s.Learn(stationKey(1000), 1)
		s.pass(10 * time.Second)
		s.must(join)
		s.once(sets(s.chip0(), from), len(kinds)+501-had)
		s.rest()
		s.Learn(stationKey(7), 1)
		s.pass(time.Second)
		leave := s.SubmitLeave(s.chip0(), 1)
		for !ended(leave) {
			s.pass(time.Millisecond)
		}
		if leave.Err() != nil {
			t.Error(leave.Err())
		}
		for k, r := range told(s.chip0()) { // in that very instant
			if r.Port == 1 && r.Flags&switchdev.FDBLocal == 0 {
				t.Errorf("%v is left", k)
			}
		}
		s.must(s.SubmitDelete(stationKey(1000), 1))
	}
	if s.Len() != len(kinds)+2+500 {
		t.Errorf("%d entries", s.Len())
	}
}
