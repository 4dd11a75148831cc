package offload

import (
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestUnsupportedLeavesNothingBehind: a device that leaves every row to software
// costs nothing for the stations that are gone.
func TestUnsupportedLeavesNothingBehind(t *testing.T) {
	r := newRig(t, 1000, "1")
	for k := range 1000 {
		r.put(k, 1)
	}
	r.form(0)
	r.refuse(0, errors.ErrUnsupported)
	r.wantForm(0, "")
	for k := range 1000 {
		r.drop(k)
	}
	r.run()
	if n := len(r.e.devs[0].cells); n != 0 {
		t.Errorf("%d cells for no station", n)
	}
}

// TestHungDeviceKeepsNothingOfWhatIsGone: stations come and go while a device
// does not answer, and users give up.
func TestHungDeviceKeepsNothingOfWhatIsGone(t *testing.T) {
	r := newRig(t, 8, "1")
	r.put(-1, 1)
	r.form(0)
	for k := range 20000 {
		r.put(k%7000, 1)
		r.drop(k % 7000)
	}
	op := r.set(-2, 1)
	r.pass(timeout)
	r.wantErr(op, switchdev.ErrDeviceUnavailable)
	d := r.e.devs[0]
	if n := len(d.cells); n != 1 {
		t.Errorf("%d cells for one station", n)
	}
	for cl := range d.queues {
		if n := len(d.queues[cl].keys); n > 2*slack {
			t.Errorf("%d places in queue %d", n, cl)
		}
	}
	r.back(0)
	r.wantForm(0, "")
	r.wantRows(0, rows{-1: 1})
}

// TestQueueKeepsItsOrder: a key that left and came back stands last.
func TestQueueKeepsItsOrder(t *testing.T) {
	r := newRig(t, 8, "1")
	for k := 1; k <= 3; k++ {
		r.put(k, 1)
	}
	r.drop(1)
	r.put(1, 1)
	r.wantForm(0, "2=1 3=1 1=1")
}

// TestRestingRowIsOfferedToWhoAsks: who waits for a row that was refused, and is
// to be offered again later, gets the device's answer of now and no old one.
func TestRestingRowIsOfferedToWhoAsks(t *testing.T) {
	for _, answer := range []error{nil, errRefused} {
		r := newRig(t, 8, "1")
		r.put(1, 1)
		r.form(0)
		r.refuse(0, errRefused)
		var await, review Waiter
		r.e.Await(&await, 1)
		r.review(0, &review)
		got := map[string][]error{}
		await.Arm(func(errs []error) { got["await"] = errs })
		review.Arm(func(errs []error) { got["review"] = errs })
		if len(got) != 0 {
			t.Fatalf("told %v and nobody was asked", got)
		}
		r.wantForm(0, "1=1")
		r.exec(0, answer)
		r.back(0)
		for _, name := range []string{"await", "review"} {
			errs, ok := got[name]
			if !ok || answer == nil && len(errs) > 0 || answer != nil && (len(errs) != 1 || !errors.Is(errs[0], answer)) {
				t.Errorf("%s: %v, %v, want %v", name, errs, ok, answer)
			}
		}
	}
}

// TestWaitersThatGaveUpAreForgotten, however long the device does not answer.
func TestWaitersThatGaveUpAreForgotten(t *testing.T) {
	r := newRig(t, 8, "1")
	r.put(1, 1)
	r.form(0)
	for range 100 {
		var w Waiter
		r.e.Await(&w, 1)
		w.Arm(func([]error) { t.Error("told after it gave up") })
		w.Cancel()
	}
	if n := len(r.e.devs[0].cells[1].waiters); n > 1 {
		t.Errorf("%d waiters", n)
	}
	r.back(0)
}

// TestSpaceIsHeardOnceAPause: a full device that tells of every row that goes is
// not offered everything each time.
func TestSpaceIsHeardOnceAPause(t *testing.T) {
	r := newRig(t, 8, "1")
	offered := 0
	r.put(1, 1)
	for end := r.now.Add(20 * timeout); r.now.Before(end); r.pass(timeout / 10) {
		if r.form(0) != "" {
			offered++
			r.refuse(0, switchdev.ErrNoSpace)
		}
		r.e.Space(0, r.now)
	}
	if offered < 19 || offered > 42 { // twice a second at most
		t.Errorf("offered %d times in 20 s", offered)
	}
}

// TestHeldDeviceIsHandedNothing, and nobody is woken for it.
func TestHeldDeviceIsHandedNothing(t *testing.T) {
	r := newRig(t, 8, "1")
	r.put(1, 1)
	r.form(0)
	r.refuse(0, errRefused)
	r.put(2, 1)
	r.e.Hold(0, true)
	r.pass(time.Hour)
	r.wantForm(0, "")
	if next := r.e.Next(); !next.IsZero() || r.e.Pending(0, r.now) {
		t.Errorf("next %v, pending %v", next, r.e.Pending(0, r.now))
	}
	r.e.Hold(0, false)
	r.wantForm(0, "2=1 1=1")
}

// TestNextIsTheFirstDeadline whatever steps the operations are at.
func TestNextIsTheFirstDeadline(t *testing.T) {
	r := newRig(t, 2, "1", "12")
	check := func() {
		t.Helper()
		var first time.Time
		for _, op := range r.e.ops {
			if first.IsZero() || op.deadline.Before(first) {
				first = op.deadline
			}
		}
		if got := r.e.Next(); !got.Equal(first) {
			t.Fatalf("Next %v, want %v", got, first)
		}
		if r.e.order.n != len(r.e.ops) || len(r.e.order.all()) != len(r.e.ops) {
			t.Fatalf("%d and %d in the list, %d in flight", r.e.order.n, len(r.e.order.all()), len(r.e.ops))
		}
	}
	for k := range 40 {
		r.set(k, byte(1+k%2))
		check()
		r.pass(timeout / 16)
		check()
		if k%3 == 0 && r.form(1) != "" {
			r.back(1)
		}
		if k%5 == 0 && r.form(0) != "" {
			r.back(0)
		}
		check()
	}
	r.run()
	check()
	r.pass(time.Minute)
	if len(r.e.ops) != 0 {
		t.Errorf("%d left", len(r.e.ops))
	}
}

// TestManyThatAreDueAreDoneInChunks, and all are done.
func TestManyThatAreDueAreDoneInChunks(t *testing.T) {
	r := newRig(t, 256, "1")
	const n = 3 * chunk
	r.put(-1, 1)
	r.form(0)
	var ops []*Op[int, byte]
	for k := range n {
		ops = append(ops, r.set(k, 1))
	}
	r.now = r.now.Add(timeout)
	for calls := 1; len(r.e.ops) > 0; calls++ {
		if next := r.e.Next(); next.IsZero() || next.After(r.now) {
			t.Fatalf("next is %v with %d overdue", next, len(r.e.ops))
		}
		r.e.Expire(r.now)
		if left := len(r.e.ops); left != n-calls*chunk {
			t.Fatalf("%d left after %d calls", left, calls)
		}
	}
	for _, op := range ops {
		r.wantErr(op, switchdev.ErrDeviceUnavailable)
	}
	r.back(0)
	for k := range n {
		r.put(k, 1)
	}
	for r.form(0) != "" {
		r.refuse(0, switchdev.ErrNoSpace)
	}
	r.e.Space(0, r.now)
	calls := 0
	for ; r.e.Pending(0, r.now); calls++ {
		if r.form(0) != "" {
			r.back(0)
		}
	}
	if got := len(r.chips[0].rows); got != n+1 || calls < n/256 {
		t.Errorf("%d rows after %d calls", got, calls)
	}
}
