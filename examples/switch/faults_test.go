package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// play replays a recording, calls meddle after every frame, and returns the switch for a look.
func play(t *testing.T, rec *recording, opt options, meddle func(s *ethernetSwitch, done int)) *ethernetSwitch {
	t.Helper()
	s, err := newSwitch(rec, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	for i, f := range rec.frames {
		s.receive(f)
		if meddle != nil {
			meddle(s, i+1)
		}
	}
	return s
}

func stations(t *testing.T) *recording {
	t.Helper()
	rec, err := load("", 0)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func faults(t *testing.T, specs ...string) (list []fault) {
	t.Helper()
	for _, spec := range specs {
		f, err := hwsim.ParseFault(spec)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fault{spec, f})
	}
	return list
}

// TestNoFaultMakesAFlood is the promise: once a station has been learned frames for it are not
// flooded, whatever becomes of the hardware.
func TestNoFaultMakesAFlood(t *testing.T) {
	rec := stations(t)
	for _, specs := range [][]string{
		{"slow:fdb:1ns"}, {"hang:fdb"}, {"hang:fdb:done"}, {"hang:fdb:deaf"}, {"hang:fdb.delete"}, {"hang:fdb.set:nth=20"},
		{"slow:fdb:1ms"}, {"slow:fdb:200ms"}, {"slow:fdb:3s"}, {"slow:fdb:1h"},
		{"full:fdb:0"}, {"full:fdb:3"}, {"full:fdb:10"}, {"full:fdb:40"},
		{"refuse:fdb"}, {"refuse:fdb:p=0.3"}, {"refuse:fdb:err=timeout"}, {"refuse:fdb:err=unsupported"},
		{"refuse:fdb.delete"}, {"refuse:fdb.set:err=no-space:nth=30"}, {"refuse:fdb:err=unknown:p=0.5"},
		{"reset:fdb:after=5"}, {"reset:fdb:after=25"}, {"reset:fdb:before=30"}, {"reset:fdb:p=0.05:count=10"},
		{"full:fdb:12", "slow:fdb:50ms"}, {"refuse:fdb:p=0.2", "reset:fdb:after=20", "slow:fdb:20ms"},
	} {
		t.Run(fmt.Sprint(specs), func(t *testing.T) {
			for seed := range uint64(1 + 2*strings.Count(specs[0], ":p=")) {
				opt := options{ageing: 3 * time.Second, seed: seed, faults: faults(t, specs...)}
				s := play(t, rec, opt, nil)
				checkSums(t, s, rec)
				if n := s.observer.floods; n != 0 {
					t.Errorf("seed %d: %d unintended floods", seed, n)
				}
				for i, in := range s.faults {
					if in.Hits() == 0 && in.Fault.Probability == 1 && in.Fault.Kind != hwsim.FaultFull {
						t.Errorf("%s struck nothing", specs[i])
					}
				}
			}
		})
	}
}

// The next tests break the switch in ways that the observer must see. Each is what a wrong bridge,
// table or chip would do.

func TestObserverSeesATableThatForgets(t *testing.T) {
	s := play(t, stations(t), options{ageing: 10 * time.Second}, func(s *ethernetSwitch, done int) {
		if done%10 == 0 { // nobody told the observer, so to it the table has lost everybody
			s.bridge.Table().SubmitFlush(fdb.Everything())
			s.settle()
		}
	})
	if s.observer.floods < 10 {
		t.Errorf("%d unintended floods seen", s.observer.floods)
	}
}

func TestObserverSeesATableThatLosesOneStation(t *testing.T) {
	victim := fdb.Key{MAC: switchdev.MAC{2, 0, 0, 0, 2, 1}}
	rec, lost := stations(t), false
	s := play(t, rec, options{ageing: 10 * time.Second}, func(s *ethernetSwitch, done int) {
		if done < 500 || lost {
			return
		}
		hit, ok := s.bridge.Table().Lookup(victim)
		if next := rec.frames[done]; ok && next.port != hit.Port && switchdev.MAC(next.data) == victim.MAC {
			lost = true
			s.bridge.Table().SubmitDelete(victim, hit.Port)
			s.settle()
		}
	})
	if n := s.observer.floods; !lost || n < 1 || n > 5 {
		t.Errorf("%d unintended floods seen, want a few: the station soon speaks, and is known again", n)
	}
}

func TestObserverSeesABridgeThatDoesNotLearn(t *testing.T) {
	s := play(t, stations(t), options{ageing: 10 * time.Second}, func(s *ethernetSwitch, done int) {
		if done == 1 {
			for _, p := range s.bridge.Ports() {
				s.bridge.SubmitSetPortFlags(p.ID, 0, switchdev.PortLearns)
			}
			s.settle()
		}
	})
	if s.observer.floods < 100 {
		t.Errorf("%d unintended floods seen", s.observer.floods)
	}
}

func TestObserverSeesAChipThatFloods(t *testing.T) {
	s := play(t, stations(t), options{ageing: 10 * time.Second, faults: faults(t, "full:fdb:0")}, func(s *ethernetSwitch, done int) {
		if done == 1 {
			var results [5]switchdev.Result
			ops := make([]switchdev.PortOp, 5)
			for i := range ops {
				ops[i] = switchdev.PortOp{
					Op: switchdev.Op{Domain: domain, Token: 1}, Verb: switchdev.PortSet, Port: switchdev.PortID(i + 1),
					Set: switchdev.PortAttrFlags, Flags: switchdev.PortFlood, FlagMask: switchdev.PortFlood,
				}
			}
			s.chip.ApplyPorts(t.Context(), ops, results[:])
			for _, r := range results {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
		}
	})
	if s.observer.floods < 100 {
		t.Errorf("%d unintended floods seen", s.observer.floods)
	}
}

// TestObserverTellsFloodsFromLateFrames walks the observer through one passage at a time.
func TestObserverTellsFloodsFromLateFrames(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(second int, port switchdev.PortID, from, to byte) frame {
		return frame{start.Add(time.Duration(second) * time.Second), port, speak(from, to)}
	}
	steps := []struct {
		name         string
		frame        frame
		leaves       []switchdev.PortID
		floods, late int
	}{
		{"unknown destination", at(0, 1, 1, 2), []switchdev.PortID{2, 3}, 0, 0},
		{"answer", at(0, 2, 2, 1), []switchdev.PortID{1}, 0, 0},
		{"answer that all see", at(1, 2, 2, 1), []switchdev.PortID{1, 3}, 1, 0},
		{"answer that only others see", at(1, 2, 2, 1), []switchdev.PortID{3}, 1, 0},
		{"answer that is lost", at(1, 2, 2, 1), nil, 0, 0},
		{"move", at(2, 3, 2, 1), []switchdev.PortID{1}, 0, 0},
		{"late frame", at(2, 1, 1, 2), []switchdev.PortID{2}, 0, 1},
		{"both places", at(2, 1, 1, 2), []switchdev.PortID{2, 3}, 1, 0},
		{"just before forgetting", at(11, 1, 1, 2), []switchdev.PortID{2, 3}, 1, 0},
		{"forgotten", at(12, 1, 1, 2), []switchdev.PortID{2, 3}, 0, 0},
		{"own address", at(12, 1, 1, 9), []switchdev.PortID{2, 3}, 0, 0},
	}
	o := newObserver(10*time.Second, 1518, switchdev.MAC(speak(9, 9)))
	o.arrives(at(0, 3, 9, 1)) // a bridge learns nothing from its own address
	o.settles()
	for _, step := range steps {
		floods, late := o.floods, o.late
		o.arrives(step.frame)
		for _, port := range step.leaves {
			o.leaves(port, false)
		}
		o.settles()
		if o.floods-floods != step.floods || o.late-late != step.late {
			t.Errorf("%s: %d floods and %d late, want %d and %d", step.name, o.floods-floods, o.late-late, step.floods, step.late)
		}
	}
	if o.moves != 1 {
		t.Errorf("%d moves", o.moves)
	}
}
