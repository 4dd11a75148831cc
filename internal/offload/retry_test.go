package offload

import (
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestRefusedRowsAreRetriedWithBackOff(t *testing.T) { // rule 29
	r := newRig(t, 8, "1")
	r.put(1, 1)
	r.form(0)
	r.refuse(0, switchdev.ErrNoSpace)
	r.wantState(1, false, true)
	for _, pause := range []time.Duration{4, 8, 16, 16} {
		pause *= timeout
		r.wantForm(0, "")
		if got := r.e.Next(); !got.Equal(r.now.Add(pause)) {
			t.Fatalf("next try in %v, want %v", got.Sub(r.now), pause)
		}
		r.pass(pause - 1)
		r.wantForm(0, "")
		r.pass(1)
		if !r.e.Pending(0, r.now) {
			t.Fatal("due, and not pending")
		}
		r.wantForm(0, "1=1")
		if got := r.e.Next(); !got.IsZero() {
			t.Fatalf("next is %v while the call is out", got)
		}
		r.refuse(0, switchdev.ErrNoSpace)
	}
	r.put(1, 1) // still the same row
	r.wantForm(0, "")
	r.e.Space(0, r.now)
	r.wantForm(0, "1=1")
	r.back(0)
	r.wantState(1, true, false)
	if got := r.e.Next(); !got.IsZero() {
		t.Fatalf("next is %v, and nothing is left", got)
	}
}

func TestAnotherRowIsTriedAtOnce(t *testing.T) {
	r := newRig(t, 8, "12")
	r.put(1, 1)
	r.form(0)
	r.refuse(0, errRefused)
	r.put(1, 2)
	r.wantForm(0, "1=2")
}

func TestRetryOfAHungDeviceIsNotDue(t *testing.T) {
	r := newRig(t, 8, "12")
	r.put(1, 1)
	r.form(0)
	r.refuse(0, errRefused)
	r.put(2, 1)
	r.form(0) // and never returns
	r.pass(100 * timeout)
	if got := r.e.Next(); !got.IsZero() {
		t.Fatalf("next is %v: whoever waits until then spins", got)
	}
}

func TestUnsupportedStaysInSoftware(t *testing.T) {
	r := newRig(t, 8, "12", "1")
	r.wantErrOf(r.set(1, 2), nil)
	op := r.set(1, 1)
	r.form(0)
	r.form(1)
	r.refuse(0, errors.ErrUnsupported)
	r.back(1)
	r.wantForm(0, "-1") // the old row has to go all the same
	r.strict = false
	r.back(0)
	r.wantErr(op, nil)
	r.wantState(1, true, false) // by the one that does it
	r.wantForm(0, "")
	r.lose(0)
	r.hear(0)
	r.wantForm(0, "1=1") // another life, another answer
}

func TestSetOfWhatIsWantedHasNothingToUndo(t *testing.T) {
	r := newRig(t, 8, "1")
	r.rows[1] = want{1, true}
	op := r.set(1, 1)
	r.wantForm(0, "1=1")
	r.refuse(0, errRefused)
	r.wantErr(op, errRefused)
	r.run()
	r.wantRows(0, rows{1: 1})
}

func TestWaiter(t *testing.T) {
	r := newRig(t, 8, "1", "1")
	r.put(1, 1)
	r.put(2, 1)
	r.run()
	var w Waiter
	var got []error
	ended := 0
	for k := 1; k <= 2; k++ {
		r.drop(k)
		r.e.Await(&w, k)
	}
	w.Arm(func(errs []error) { got, ended = errs, ended+1 })
	r.form(0)
	r.back(0)
	if ended != 0 {
		t.Fatal("ended early")
	}
	r.form(1)
	r.exec(1, nil)
	r.refuse(1, errRefused)
	if ended != 1 || len(got) != 1 || !errors.Is(got[0], errRefused) {
		t.Fatalf("ended %d times with %v", ended, got)
	}
	r.pass(4 * timeout)
	r.run()
	r.wantRows(1, rows{}) // rule 29: withdrawn as soon as it lets itself be told
	if ended != 1 {
		t.Fatal("ended again")
	}
	var none Waiter
	none.Arm(func(errs []error) { ended += 10 })
	if ended != 11 {
		t.Fatal("a waiter for nothing waits")
	}
}

func TestReviewAfterLeave(t *testing.T) {
	r := newRig(t, 8, "12")
	r.put(1, 1)
	r.put(2, 2)
	r.run()
	delete(r.claims[0], 1)
	var w Waiter
	ended := false
	r.review(0, &w)
	w.Arm(func([]error) { ended = true })
	r.wantForm(0, "-1")
	r.back(0)
	if !ended {
		t.Fatal("left, and still waiting")
	}
	r.wantRows(0, rows{2: 2})
}

func TestClose(t *testing.T) { // rule 30
	r := newRig(t, 1, "12", "12")
	half, queued := r.set(1, 1), r.set(2, 1)
	r.wantForm(0, "1=1")
	r.back(0)
	r.wantForm(0, "2=1")
	r.wantForm(1, "1=1")
	r.e.Close(r.now)
	r.wantOpen(half) // its call may still answer
	r.back(1)
	r.wantErr(half, nil)
	r.wantOpen(queued) // handed to device 0, never to device 1
	r.back(0)
	r.wantForm(0, "-2")
	r.back(0)
	r.wantErr(queued, switchdev.ErrClosed)
	r.put(3, 1)
	r.wantForm(0, "")
	r.wantRows(0, rows{1: 1})
}

func TestCloseReleasesWaiters(t *testing.T) {
	r := newRig(t, 8, "1")
	r.put(1, 1)
	var w Waiter
	var got []error
	r.e.Await(&w, 1)
	w.Arm(func(errs []error) { got = errs })
	r.e.Close(r.now)
	if len(got) != 1 || !errors.Is(got[0], switchdev.ErrClosed) {
		t.Fatalf("released with %v", got)
	}
}

func TestAbort(t *testing.T) { // rule 30
	r := newRig(t, 1, "12", "12")
	out, queued := r.set(1, 1), r.set(2, 1)
	r.form(0)
	r.e.Abort(r.now)
	r.wantErr(out, switchdev.ErrOutcomeUnknown)
	r.wantErr(queued, switchdev.ErrClosed)
	if n := r.e.InFlight(); n != 0 {
		t.Fatalf("%d in flight", n)
	}
	r.back(0) // late
}

// TestRefusalOfAnOldRowDoesNotDelayTheNew: the station has moved while the call was
// out, so the pause is not for where it is now.
func TestRefusalOfAnOldRowDoesNotDelayTheNew(t *testing.T) {
	r := newRig(t, 8, "12")
	r.put(1, 1)
	r.form(0)
	r.put(1, 2)
	r.refuse(0, errRefused)
	r.wantForm(0, "1=2")
}
