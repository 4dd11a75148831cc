package fdb

import (
	"context"
	"testing"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// TestJoinBelievesNoRowOfAFormerMembership: the withdrawal of a row had no answer and
// was never executed, and the row went when the port left the device. When the port
// joins again the row is sent again.
func TestJoinBelievesNoRowOfAFormerMembership(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{})
	ports := func(verb switchdev.PortVerb) {
		t.Helper()
		results := make([]switchdev.Result, 1)
		op := switchdev.PortOp{Op: switchdev.Op{Token: 1 << 40}, Verb: verb, Port: 1, State: switchdev.PortForwarding, Up: true}
		if s.chip0().ApplyPorts(context.Background(), []switchdev.PortOp{op}, results); results[0].Err != nil {
			t.Fatal(results[0].Err)
		}
	}
	ports(switchdev.PortJoin)
	s.put(key(1), 1, Static)
	hang := s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultHang, Match: hwsim.Selector{Role: hwsim.RoleFDB, Verb: "delete"}})
	leave := s.SubmitLeave(s.chip0(), 1)
	s.pass(10 * time.Second)
	if leave.Err() == nil {
		t.Fatal("the device has withdrawn it")
	}
	ports(switchdev.PortLeave)
	if p := rowAt(s.chip0(), key(1)); p != 0 {
		t.Fatalf("a row of a port that has left, at %d", p)
	}
	ports(switchdev.PortJoin)
	join := s.SubmitJoin(s.chip0(), 1)
	hang.Release()
	s.pass(time.Minute)
	s.must(join)
	if p := rowAt(s.chip0(), key(1)); p != 1 {
		t.Errorf("the row is at %d", p)
	}
	s.wantOffload("static", key(1), Offloaded)
}
