package offload

import (
	"errors"
	"fmt"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// leaver is a table that leaves the rows of keys behind that it has.
type leaver struct{ *rig }

func (l leaver) Abandons(_ int, k int, _ byte) bool { _, ok := l.rows[k]; return ok }

func newLeaver(t tester, claims ...string) *rig {
	r := newRig(t, 8, claims...)
	r.strict = false
	r.e = New(leaver{r}, Config{Timeout: timeout, RetryMin: 4 * timeout, RetryMax: 16 * timeout, Batch: 8, Breaker: 1})
	for i := range claims {
		r.e.Attach(fmt.Sprint("chip", i), 1, 0)
	}
	return r
}

// change is an operation after which the table has a row at a port.
func (r *rig) change(k int, port byte, set bool) *Op[int, byte] {
	op := &Op[int, byte]{Key: k, New: port, Set: set, Abandon: true}
	r.e.Begin(op, r.now)
	return op
}

// TestRowsAreLeftBehind: what is wanted elsewhere is forgotten where it was, what is
// wanted nowhere is withdrawn.
func TestRowsAreLeftBehind(t *testing.T) {
	r := newLeaver(t, "1", "2")
	r.put(1, 1)
	r.run()
	r.put(1, 2) // a move
	r.wantForm(0, "")
	r.wantForm(1, "1=2")
	r.back(1)
	r.wantRows(0, rows{1: 1})
	r.wantState(1, true, false)
	r.drop(1)
	r.run()
	r.wantRows(0, rows{1: 1})
	r.wantRows(1, rows{})
	for dev := range r.chips {
		if n := len(r.e.devs[dev].cells); n != 0 {
			t.Errorf("%d cells of nothing", n)
		}
	}
}

func TestOperationsLeaveRowsBehind(t *testing.T) {
	r := newLeaver(t, "1", "2")
	op := r.change(1, 1, true)
	r.run()
	r.wantErr(op, nil)
	op = r.change(1, 2, true)
	r.wantForm(0, "")
	r.wantForm(1, "1=2")
	r.back(1)
	r.wantErr(op, nil)
	r.wantRows(0, rows{1: 1})
	op = r.change(1, 3, false) // nothing for hardware any more
	r.wantErr(op, nil)
	r.rows[1] = want{3, true}
	r.e.Touch(1)
	r.run()
	r.wantRows(1, rows{1: 2})
	del := r.remove(1)
	r.wantErr(del, nil) // nobody is believed to hold anything
	r.wantRows(1, rows{1: 2})

	op = r.change(2, 1, true)
	r.run()
	r.wantErr(op, nil)
	del = r.remove(2)
	r.wantForm(0, "-2")
	r.back(0)
	r.wantErr(del, nil)
	r.wantRows(0, rows{1: 1})
}

// TestLeftBehindBesideACall: a call that is out when an operation begins is waited
// for, and what it sets is left behind as well.
func TestLeftBehindBesideACall(t *testing.T) {
	r := newLeaver(t, "1", "2")
	r.put(1, 1)
	r.wantForm(0, "1=1")
	op := r.change(1, 2, true)
	r.wantForm(1, "1=2")
	r.back(1)
	r.wantOpen(op)
	r.back(0)
	r.wantForm(0, "")
	r.wantErr(op, nil)
	r.wantRows(0, rows{1: 1})
	r.wantRows(1, rows{1: 2})
}

// TestUndoLeavesNothingBehind: what an operation has set and another device refuses
// is taken back.
func TestUndoLeavesNothingBehind(t *testing.T) {
	r := newLeaver(t, "12", "2")
	r.put(1, 1)
	r.run()
	op := r.change(1, 2, true)
	r.wantForm(0, "1=2")
	r.back(0)
	r.wantForm(1, "1=2")
	r.refuse(1, switchdev.ErrNoSpace)
	r.wantForm(0, "1=1")
	r.back(0)
	r.wantErr(op, switchdev.ErrNoSpace)
	r.wantRows(0, rows{1: 1})

	op = r.change(2, 2, true) // where there was nothing
	r.wantForm(0, "2=2")
	r.back(0)
	r.wantForm(1, "2=2")
	r.refuse(1, switchdev.ErrNoSpace)
	r.wantForm(0, "-2")
	r.back(0)
	r.wantErr(op, switchdev.ErrNoSpace)
	r.wantRows(0, rows{1: 1})
}

// TestLeavingNeedsNobody: an operation that leaves the row of a device behind does
// not need the device.
func TestLeavingNeedsNobody(t *testing.T) {
	r := newLeaver(t, "1", "2")
	r.put(1, 1)
	r.run()
	stuck := r.set(9, 1)
	r.wantForm(0, "9=1")
	r.pass(timeout) // its breaker opens
	r.wantErr(stuck, switchdev.ErrOutcomeUnknown)
	op := r.change(1, 2, true)
	r.wantForm(1, "1=2")
	r.back(1)
	r.wantErr(op, nil)
	if _, ok := r.results[r.remove(9)]; !ok {
		t.Error("the breaker is not open")
	}
	if !errors.Is(r.results[stuck], switchdev.ErrOutcomeUnknown) {
		t.Error("not unknown")
	}
}
