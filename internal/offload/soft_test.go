package offload

import (
	"errors"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

func (r *rig) soft(k int, port byte) *Op[int, byte] {
	op := &Op[int, byte]{Key: k, New: port, Set: true, Soft: true}
	r.e.Begin(op, r.now)
	return op
}

// TestSoftOperationIsPublishedWhatever: what a device refuses comes later, and
// the row that it holds instead goes first.
func TestSoftOperationIsPublishedWhatever(t *testing.T) {
	r := newRig(t, 8, "12", "12")
	r.wantErrOf(r.set(1, 1), nil)
	r.strict = false
	op := r.soft(1, 2)
	r.form(0)
	r.form(1)
	r.back(0)
	r.refuse(1, switchdev.ErrNoSpace)
	r.wantOpen(op)      // device 1 still forwards to port 1
	r.wantForm(1, "-1") // which ends before anybody hears of port 2
	r.back(1)
	r.wantErr(op, nil)
	r.wantState(1, false, true)
	r.wantForm(1, "")
	r.pass(4 * timeout)
	r.wantForm(1, "1=2") // offered again
	r.refuse(1, switchdev.ErrNoSpace)
	r.wantState(1, false, true)
	r.pass(4 * timeout)
	r.wantForm(1, "") // the pause has grown
	r.pass(4 * timeout)
	r.wantForm(1, "1=2")
	r.back(1)
	r.wantState(1, true, false)
}

// TestSoftOperationDoesNotWaitLonger: a device that does not answer gets the row
// when it returns.
func TestSoftOperationDoesNotWaitLonger(t *testing.T) {
	r := newRig(t, 8, "1", "1")
	r.strict = false
	op := r.soft(1, 1)
	r.form(0)
	r.back(0)
	r.form(1)
	r.pass(timeout)
	r.wantErr(op, nil)
	r.wantState(1, false, true)
	next := r.soft(2, 1) // not handed over at all
	r.form(0)
	r.back(0)
	r.pass(timeout)
	r.wantErr(next, nil)
	r.wantState(2, false, true)
	r.back(1)
	r.wantState(1, true, false)
	r.wantForm(1, "2=1")
	r.back(1)
	r.wantState(2, true, false)
}

func TestSoftOperationHeedsUnsupported(t *testing.T) {
	r := newRig(t, 8, "1")
	r.strict = false
	op := r.soft(1, 1)
	r.form(0)
	r.refuse(0, errors.ErrUnsupported)
	r.wantErr(op, nil)
	r.wantState(1, false, false) // no failure
}

// TestRefusedMoveIsWithdrawn: a device that does not take a station where it is
// now does not go on forwarding to where it was.
func TestRefusedMoveIsWithdrawn(t *testing.T) {
	r := newRig(t, 8, "12")
	r.put(1, 1)
	r.run()
	r.put(1, 2)
	r.wantForm(0, "1=2")
	r.refuse(0, switchdev.ErrNoSpace)
	r.wantForm(0, "-1")
	r.back(0)
	r.wantRows(0, rows{})
	r.wantForm(0, "")
	r.wantState(1, false, true)
	r.pass(4 * timeout)
	r.wantForm(0, "1=2")
	r.back(0)
	r.wantState(1, true, false)
}

// TestRowThatStaysWhereItIsRefused: it does not let go either, and is not asked
// without end.
func TestRowThatStaysWhereItIsRefused(t *testing.T) {
	r := newRig(t, 8, "12")
	r.put(1, 1)
	r.run()
	r.put(1, 2)
	for n := 4; n <= 8; n += 4 {
		r.wantForm(0, "1=2")
		r.refuse(0, errRefused)
		r.wantForm(0, "-1")
		r.refuse(0, errRefused)
		r.wantForm(0, "")
		r.wantState(1, false, true)
		for range n {
			r.pass(timeout)
		}
	}
	r.drop(1) // and what is not wanted at all is asked for at once
	r.wantForm(0, "-1")
	r.back(0)
	r.wantRows(0, rows{})
	if n := len(r.e.devs[0].cells); n != 0 {
		t.Errorf("%d cells are left of nothing", n)
	}
}

func TestVerdict(t *testing.T) {
	r := newRig(t, 8, "1", "1")
	want := func(what string, taken bool, refused error) {
		t.Helper()
		if ok, err := r.e.Verdict(1); ok != taken || !errors.Is(err, refused) || (err == nil) != (refused == nil) {
			t.Errorf("%s: %v %v, want %v %v", what, ok, err, taken, refused)
		}
	}
	r.put(1, 1)
	want("queued", false, nil)
	r.form(0)
	r.back(0)
	want("one has it", false, nil)
	r.form(1)
	r.chips[1].out = append(r.chips[1].out, Outcome{})
	r.back(1)
	want("no answer", false, nil) // which is no refusal
	r.pass(4 * timeout)
	r.form(1)
	r.refuse(1, switchdev.ErrNoSpace)
	want("refused", false, switchdev.ErrNoSpace)
	r.pass(8 * timeout)
	r.form(1)
	r.refuse(1, errors.ErrUnsupported)
	want("left to software", true, nil)
	r.put(1, 3)
	r.run()
	want("nobody's", true, nil)
}
