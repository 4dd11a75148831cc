package offload

import (
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func (r *rig) wantBreaker(dev int, b Breaker) {
	r.t.Helper()
	if got := r.e.Device(dev).Breaker; got != b {
		r.t.Fatalf("breaker of device %d is %v, want %v", dev, got, b)
	}
}

// tripped is a rig whose device 1 has not answered n operations.
func tripped(t *testing.T, n int) *rig {
	r := newRig(t, 1, "1", "2")
	r.e.cfg.Breaker = 3
	for k := range n {
		op := r.set(k, 2)
		if k == 0 {
			r.form(1)
		}
		r.pass(timeout)
		want := switchdev.ErrDeviceUnavailable
		if k == 0 {
			want = switchdev.ErrOutcomeUnknown
		}
		r.wantErr(op, want)
	}
	return r
}

func TestBreakerOpensAfterTimeouts(t *testing.T) { // I19
	r := tripped(t, 2)
	r.wantBreaker(1, Closed)
	op := r.set(7, 2)
	r.wantOpen(op)
	r.pass(timeout)
	r.wantBreaker(1, Open)
	op = r.set(8, 2)
	r.wantErr(op, switchdev.ErrDeviceUnavailable) // at once
	r.wantForm(0, "")
	ok := r.set(9, 1) // a device that is not needed counts for nothing
	r.wantForm(0, "9=1")
	r.back(0)
	r.wantErr(ok, nil)
	if s := r.e.Stats(); s.Tripped != 1 {
		t.Errorf("Tripped = %d", s.Tripped)
	}
}

func TestBreakerSparesTheOthers(t *testing.T) { // nothing is handed to device 0
	r := tripped(t, 3)
	before := r.e.Stats().Undone
	r.claims[0][2] = true
	op := r.set(8, 2)
	r.wantErr(op, switchdev.ErrDeviceUnavailable)
	r.wantForm(0, "")
	if s := r.e.Stats(); s.Undone != before {
		t.Errorf("Undone = %d and nobody was handed anything", s.Undone-before)
	}
}

func TestBreakerCloses(t *testing.T) {
	r := tripped(t, 3)
	r.wantBreaker(1, Open)
	r.back(1) // late
	r.wantBreaker(1, HalfOpen)
	r.wantForm(1, "-0") // what was carried out late
	op := r.set(8, 2)
	r.wantOpen(op)
	r.back(1)
	r.wantBreaker(1, Closed)
	r.wantForm(1, "8=2")
	r.back(1)
	r.wantErr(op, nil)
}

func TestBreakerOpensAgainAtOnce(t *testing.T) {
	r := tripped(t, 3)
	r.back(1)
	r.form(1)
	op := r.set(8, 2)
	r.pass(timeout)
	r.wantErr(op, switchdev.ErrDeviceUnavailable)
	r.wantBreaker(1, Open)
	r.back(1)
	r.wantBreaker(1, HalfOpen)
}

// TestBreakerOfAnIdleDevice: one that has nothing to return from must not stay
// open for ever.
func TestBreakerOfAnIdleDevice(t *testing.T) {
	r := newRig(t, 1, "1")
	r.e.cfg.Breaker = 3
	for k := range 3 {
		r.set(k, 1) // nobody forms
	}
	r.pass(timeout)
	r.wantBreaker(0, HalfOpen)
	op := r.set(9, 1)
	r.form(0)
	r.back(0)
	r.wantErr(op, nil)
	r.wantBreaker(0, Closed)
}

func TestBreakerOff(t *testing.T) {
	r := newRig(t, 1, "1")
	r.e.cfg.Breaker = -1
	for k := range 10 {
		r.set(k, 1)
	}
	r.form(0)
	r.pass(timeout)
	r.wantBreaker(0, Closed)
}

func TestSoftOperationDoesNotWaitForAnOpenBreaker(t *testing.T) {
	r := tripped(t, 3)
	r.strict = false
	op := r.soft(8, 2)
	r.wantErr(op, nil)
	r.wantState(8, false, true)
	r.back(1)
	r.run()
	r.wantState(8, true, false)
}

func TestAnswersInTimeAreCountedFromTheCall(t *testing.T) {
	r := newRig(t, 8, "1")
	r.e.cfg.Breaker = 2
	r.set(1, 1)
	r.form(0)
	r.pass(timeout)
	r.back(0) // late, and what is next is in time
	r.set(2, 1)
	r.form(0)
	r.now = r.now.Add(timeout - time.Millisecond)
	r.back(0)
	r.set(3, 1)
	r.form(0)
	r.pass(timeout)
	r.wantBreaker(0, Closed)
}

func TestDeviceState(t *testing.T) {
	r := newRig(t, 2, "1")
	for k := range 5 {
		r.put(k, 1)
	}
	r.form(0)
	r.exec(0, errRefused)
	r.back(0)
	r.form(0)
	if got, want := r.e.Device(0), (DeviceState{Rows: 1, Queued: 1, InFlight: 2, Failed: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	r.lose(0)
	r.hear(0)
	if got := r.e.Device(0).Rows; got != 0 {
		t.Errorf("%d rows after a reset", got)
	}
}
