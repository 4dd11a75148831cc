package fdb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// resetUnderLoad: the chip loses everything again and again while stations come,
// move and go; in the end it holds what is wanted.
func resetUnderLoad(t *testing.T) {
	for seed := range uint64(8) {
		s := newSim(t, Config{Seed: seed + 1}, Device{}, hwsim.Config{Seed: seed, Hardware: hwsim.Hardware{Latency: hwsim.Latency{Op: time.Millisecond}}})
		s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultReset, Probability: 0.02, Count: 1000, After: seed%2 == 0, Match: hwsim.Selector{Role: hwsim.RoleFDB}})
		rng := rand.New(rand.NewPCG(seed, 1))
		for range 300 {
			s.load(rng)
			s.pass(time.Duration(rng.IntN(3)) * time.Millisecond)
			if rng.IntN(40) == 0 {
				if _, err := s.chip0().Reset(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.chip0().ReleaseAll()
		s.pass(2 * time.Minute)
		s.rest()
		for e := range s.All() {
			if _, ok := wantedRow(e); ok != (e.Offload == Offloaded) {
				t.Errorf("%+v", e)
			}
		}
		if n := s.Stats().Hardware.Resets; n < 3 {
			t.Errorf("%d resets: this proves nothing", n)
		}
	}
}

// load is something that happens to a table.
func (s *sim) load(rng *rand.Rand) *Ticket {
	k, p := stationKey(rng.IntN(60)), switchdev.PortID(1+rng.IntN(4))
	switch rng.IntN(10) {
	case 0:
		return s.SubmitAdd(Entry{Key: k, Port: p, Flags: Static})
	case 1:
		return s.SubmitReplace(Entry{Key: k, Port: p, Flags: []Flags{0, Static, Extern}[rng.IntN(3)]})
	case 2:
		return s.SubmitDelete(k, p)
	case 3:
		if rng.IntN(4) == 0 {
			return s.SubmitFlush(OnPort(p))
		}
	}
	s.Learn(k, p)
	return nil
}

// fullDevice: ENOSPC to the user, software only for the learned, and in hardware
// when there is room.
func fullDevice(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{Limits: switchdev.Limits{FDB: 2}})
	s.put(key(1), 1, Static)
	s.seen(key(2), 2)
	s.refused(syscall.ENOSPC, func() *Ticket { return s.SubmitAdd(Entry{Key: key(3), Port: 1, Flags: Static}) })
	s.seen(key(4), 3)
	s.wantAt("full", key(4), 3)
	s.wantOffload("full", key(4), OffloadFailed)
	s.seen(key(4), 4) // and it moves
	s.wantAt("full", key(4), 4)
	if rowAt(s.chip0(), key(1)) != 1 || rowAt(s.chip0(), key(2)) != 2 {
		t.Error("what was there made room")
	}
	s.pass(3 * time.Minute)
	if ops := sets(s.chip0(), 0); len(ops) > 16 {
		t.Errorf("%d sets: it is asked for all the time", len(ops))
	}
	s.events()
	s.must(s.SubmitDelete(key(1), 1))
	s.wantOffload("room", key(4), Offloaded) // at once
	s.changes("deleted")
	s.rest()
	s.must(s.SubmitDelete(key(2), 2))
	s.must(s.SubmitAdd(Entry{Key: key(3), Port: 1, Flags: Static}))
	s.rest()
}

// hangingDevice: whoever does not need the device does not notice, in the same
// virtual instant; whoever does is told when the time is over; and when it comes
// back it is brought to what the table wants.
func hangingDevice(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{}, hwsim.Config{})
	s.put(key(1), 1, Static)
	hang := s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultHang, Deaf: true, Match: hwsim.Selector{Role: hwsim.RoleFDB}})
	start := s.now
	k := s.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static})
	s.Poll(s.now)
	for n := range 1000 { // learns, lookups, moves, flushes and the other device
		if got := s.Learn(stationKey(n), switchdev.PortID(1+n%4)); got != Queued {
			t.Fatalf("Learn = %v", got)
		}
		if _, ok := s.Lookup(stationKey(n)); !ok {
			t.Fatal("not found")
		}
	}
	s.must(s.SubmitAdd(Entry{Key: key(3), Port: 3, Flags: Static}))
	s.wantOffload("the other device", key(3), Offloaded)
	s.wantAt("static", key(1), 1)
	flush := s.SubmitFlush(Filter{OnPort: true, Port: 4})
	s.must(flush)
	if flush.Count() != 250 || !s.now.Equal(start) {
		t.Errorf("%d flushed at %v, want 250 at %v", flush.Count(), s.now, start)
	}
	s.pass(DefaultTimeout - time.Nanosecond)
	if ended(k) {
		t.Errorf("ended early: %v", k.Err())
	}
	s.pass(time.Nanosecond)
	if !ended(k) || !errors.Is(k.Err(), syscall.EIO) { // the chip may yet do it
		t.Errorf("Add = %v", k.Err())
	}
	s.has(key(2), "none")
	late := s.SubmitAdd(Entry{Key: key(4), Port: 1, Flags: Static}) // never reaches the chip
	s.pass(DefaultTimeout)
	if !ended(late) || !errors.Is(late.Err(), syscall.ENXIO) || errors.Is(late.Err(), syscall.EIO) {
		t.Errorf("Add = %v", late.Err())
	}
	s.pass(time.Hour / 10)
	hang.Release()
	s.pass(time.Minute)
	s.rest()
	again := s.SubmitReconcile(s.chip0())
	s.must(again)
	if again.Count() != 0 {
		t.Errorf("%d rows differed", again.Count())
	}
	s.must(s.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static}))
	s.rest()
}

// vetoKept is Linux: the entry stays, and the chip is asked again, ever less often.
func vetoKept(t *testing.T) {
	s := newSim(t, Config{Learning: Learning{Vetoed: PolicySoftware}}, Device{}, hwsim.Config{})
	veto := s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultRefuse, Match: hwsim.Selector{Role: hwsim.RoleFDB, Verb: "set", Port: 2}})
	s.seen(key(1), 2)
	s.tells("added offload")
	s.has(key(1), "2 dynamic learned")
	s.wantOffload("refused", key(1), OffloadFailed)
	for range 630 { // frames come in all the time, and the pauses are 1, 2, 4, ... 32 s
		s.pass(100 * time.Millisecond)
		s.Learn(key(1), 2)
	}
	if n := veto.Hits(); n != 7 {
		t.Errorf("asked %d times in 63 s, want 7", n)
	}
	s.events()
	s.seen(key(1), 3)
	s.wantOffload("elsewhere", key(1), Offloaded)
	s.changes("moved")
	s.seen(key(1), 2)
	s.wantOffload("back", key(1), OffloadFailed)
	if rowAt(s.chip0(), key(1)) != 0 {
		t.Error("the chip forwards to where it was")
	}
	veto.Release()
	s.pass(70 * time.Second)
	s.wantOffload("taken", key(1), Offloaded)
	s.rest()
}

// vetoDropped: the station leaves with one event, and frames do not bring it back
// until the pause is over or it is seen elsewhere.
func vetoDropped(t *testing.T) {
	s := newSim(t, Config{Learning: Learning{Vetoed: PolicyRefuse}}, Device{}, hwsim.Config{})
	known := map[Key]Entry{}
	veto := s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultRefuse, Match: hwsim.Selector{Role: hwsim.RoleFDB, Verb: "set", Port: 2}})
	s.Learn(key(1), 2)
	s.wantAt("while it is asked", key(1), 2)
	s.Poll(s.now)
	s.wantAt("refused", key(1), 0)
	s.follow(known, s.tells("vetoed"))
	last, want := s.now, time.Second
	for n := 1; n < 7; { // frames come in all the time
		s.pass(50 * time.Millisecond)
		if s.seen(key(1), 2) == Refused {
			s.wantAt("in the pause", key(1), 0)
			continue
		}
		if got := s.now.Sub(last); got < want || got > want+100*time.Millisecond {
			t.Errorf("pause %d was %v, want %v", n, got, want)
		}
		last, want = s.now, 2*want
		if n++; veto.Hits() != n {
			t.Fatalf("asked %d times, want %d", veto.Hits(), n)
		}
		s.follow(known, s.tells("vetoed"))
	}
	if got := s.seen(key(1), 3); got != Queued {
		t.Errorf("Learn elsewhere = %v", got)
	}
	s.follow(known, s.tells("added offload"))
	veto.Release()
	s.pass(2 * time.Minute)
	s.seen(key(1), 2)
	s.follow(known, s.changes("moved"))
	s.rest()
}

// addDeleteAdd: every operation is decided on what the one before left.
func addDeleteAdd(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{Hardware: hwsim.Hardware{Latency: hwsim.Latency{Op: time.Second}}})
	add := func() *Ticket { return s.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}) }
	tickets := []*Ticket{add(), s.SubmitDelete(key(1), 1), add()}
	fourth := add() // EEXIST
	s.pass(DefaultTimeout)
	for n, k := range tickets {
		if !ended(k) || k.Err() != nil {
			t.Errorf("operation %d: %v, %v", n, ended(k), k.Err())
		}
	}
	if !errors.Is(fourth.Err(), syscall.EEXIST) {
		t.Errorf("Add = %v", fourth.Err())
	}
	var log []string
	for r := range s.chip0().Log() {
		if r.Role == hwsim.RoleFDB {
			log = append(log, r.Verb)
		}
	}
	if !slices.Equal(log, []string{"set", "delete", "set"}) {
		t.Errorf("the chip did %v", log)
	}
	s.has(key(1), "1 static,user user")
	s.rest()
}

// vetoWithText: as vxlan's netdevices do (vxlan_fdb_veto.sh): add, replace, append
// and update say why, and what was there is there again, in every device.
func vetoWithText(t *testing.T) {
	const text = "multicast destinations are not supported"
	s := newSim(t, Config{}, Device{}, hwsim.Config{}, hwsim.Config{})
	s.put(key(1), 1, Static)
	veto := &switchdev.OpError{Op: "fdb.set", Device: "sw1", Reason: text, Err: switchdev.ErrUnsupported}
	veto.Err = switchdev.ErrInvalid // what is unsupported stays in software, and is no refusal
	s.inject(s.chips[1], hwsim.Fault{Kind: hwsim.FaultRefuse, Err: veto, Match: hwsim.Selector{Role: hwsim.RoleFDB, Verb: "set"}})
	there := Entry{Key: key(1), Port: 3, Flags: Static}
	for name, op := range map[string]func() *Ticket{
		"add":     func() *Ticket { return s.SubmitAdd(Entry{Key: key(2), Port: 3, Flags: Static}) },
		"replace": func() *Ticket { return s.SubmitReplace(there) },
		"append":  func() *Ticket { return s.SubmitAppend(there) },
		"update":  func() *Ticket { return s.SubmitUpdate(there) },
		"extern":  func() *Ticket { return s.SubmitReplace(Entry{Key: key(1), Port: 4, Flags: Extern}) },
		"local":   func() *Ticket { return s.SubmitReplace(Entry{Key: key(1), Port: 2, Flags: Permanent}) }, // both hold it
	} {
		if err := s.refused(syscall.EINVAL, op); err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "sw1") {
			t.Errorf("%s: %v", name, err)
		}
		s.has(key(1), "1 static,user user")
		s.wantOffload(name, key(1), Offloaded)
		s.rest()
	}
	if got := fmt.Sprint(told(s.chips[1])); got != "map[]" {
		t.Errorf("sw1 holds %v", got)
	}
}
