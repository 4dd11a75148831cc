package switchdevtest

import (
	"context"
	"errors"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// TestFaultyStrikesLAGs: the role is seen by the injector under its name, and each
// fault of operations does to a LAG what it says.
func TestFaultyStrikesLAGs(t *testing.T) {
	tests := []struct {
		kind  FaultKind
		err   error // of the second operation
		there []switchdev.PortID
	}{
		{FaultRefuse, switchdev.ErrBusy, []switchdev.PortID{11}},
		{FaultNoSpace, switchdev.ErrNoSpace, []switchdev.PortID{11}},
		{FaultUnknownDone, switchdev.ErrOutcomeUnknown, []switchdev.PortID{11, 12}},
		{FaultUnknownLost, switchdev.ErrOutcomeUnknown, []switchdev.PortID{11}},
		{FaultLost, switchdev.ErrOutcomeUnknown, []switchdev.PortID{11, 12}},
		{FaultIgnore, nil, []switchdev.PortID{11}},
		{FaultCut, switchdev.ErrOutcomeUnknown, []switchdev.PortID{11}},
		{FaultReset, nil, []switchdev.PortID{12}},
	}
	for _, tt := range tests {
		d := Faulty(newReference(t, ""), Only(OnNth(2, Fault{Kind: tt.kind}), RoleLAG))
		lags, ok := switchdev.As[switchdev.LAGOffloader](d)
		if _, whole := lags.(*reference); !ok || whole {
			t.Fatalf("the role is %T", lags)
		}
		ops, results := make([]switchdev.LAGOp, 2), make([]switchdev.Result, 2)
		for i := range ops {
			ops[i] = switchdev.LAGOp{Op: switchdev.Op{Token: switchdev.Token(i + 1)}, Verb: switchdev.LAGSet, Port: switchdev.PortID(11 + i)}
		}
		lags.ApplyLAGs(context.Background(), ops, results)
		if err := read(results[0]); err != nil {
			t.Errorf("%v: the first operation: %v", tt.kind, err)
		}
		if err := read(results[1]); !errors.Is(err, tt.err) {
			t.Errorf("%v: %v, want %v", tt.kind, err, tt.err)
		}
		ref := refOf(d)
		if len(ref.lags) != len(tt.there) || ref.lags[tt.there[0]] == nil {
			t.Errorf("%v: the device has %v, want %v", tt.kind, ref.lags, tt.there)
		}
	}
	bareLAGs, _ := switchdev.As[switchdev.LAGOffloader](Faulty(bare{}, nil))
	results := make([]switchdev.Result, 1)
	bareLAGs.ApplyLAGs(context.Background(), []switchdev.LAGOp{{Op: switchdev.Op{Token: 3}}}, results)
	if !errors.Is(results[0].Err, errors.ErrUnsupported) || results[0].Token != 3 {
		t.Errorf("of a device without LAGs: %+v", results[0])
	}
}
