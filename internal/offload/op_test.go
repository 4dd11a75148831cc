package offload

import (
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

type rows = map[int]byte

func TestLevelNotQueue(t *testing.T) { // rule 12
	r := newRig(t, 8, "12")
	r.put(1, 1)
	r.put(1, 2) // overtaken before it was sent
	r.wantForm(0, "1=2")
	r.put(1, 1)
	r.wantForm(0, "") // one call for a key
	r.back(0)
	r.wantState(1, false, false)
	r.wantForm(0, "1=1")
	r.drop(1)
	r.back(0)
	r.wantForm(0, "-1")
	r.back(0)
	r.wantForm(0, "")
	r.wantRows(0, rows{})
	if n := len(r.e.devs[0].cells); n != 0 {
		t.Fatalf("%d cells are left of nothing", n)
	}
}

func TestUserWorkGoesFirst(t *testing.T) { // rule 13
	r := newRig(t, 2, "1")
	for k := range 6 {
		r.put(k, 1)
	}
	op := r.set(9, 1)
	r.wantForm(0, "9=1 0=1")
	r.back(0)
	r.wantErr(op, nil)
	r.wantForm(0, "1=1 2=1")
	del := r.remove(2) // its offload is out
	r.back(0)
	r.wantForm(0, "-2 3=1")
	r.back(0)
	r.wantErr(del, nil)
}

func TestSetThenWithdrawThenDone(t *testing.T) { // rule 14
	r := newRig(t, 8, "1", "2")
	r.wantErrOf(r.set(1, 1), nil)
	op := r.set(1, 2)
	r.wantForm(0, "")
	r.wantForm(1, "1=2")
	r.back(1)
	r.wantOpen(op)
	r.wantForm(0, "-1")
	r.back(0)
	r.wantErr(op, nil)
	r.wantRows(0, rows{})
	r.wantRows(1, rows{1: 2})
}

// wantErrOf carries an operation through.
func (r *rig) wantErrOf(op *Op[int, byte], want error) {
	r.t.Helper()
	r.run()
	r.wantErr(op, want)
}

func TestNothingIsSentBehindTheWithdrawal(t *testing.T) { // promise 1
	r := newRig(t, 8, "1", "1")
	r.put(1, 1)
	r.wantForm(1, "1=1")
	r.back(1)
	op := r.remove(1) // device 0 has not been handed the row yet
	r.wantForm(0, "")
	r.wantForm(1, "-1")
	r.back(1)
	r.wantErr(op, nil)
	r.wantForm(0, "")
}

func TestWithdrawalGoesToEveryHolder(t *testing.T) { // rule 15
	r := newRig(t, 8, "1", "2")
	op := r.set(1, 2)
	r.wantForm(1, "1=2")
	r.pass(timeout)
	r.wantErr(op, switchdev.ErrOutcomeUnknown)
	op = r.set(1, 1) // device 1 claims nothing of it, but has a call out
	r.wantForm(0, "1=1")
	r.back(0)
	r.wantOpen(op)
	r.back(1)
	r.wantForm(1, "-1")
	r.back(1)
	r.wantErr(op, nil)
}

func TestRefusalIsUndone(t *testing.T) { // rule 16
	r := newRig(t, 8, "12", "12")
	r.wantErrOf(r.set(1, 1), nil)
	op := r.set(1, 2)
	r.wantForm(0, "1=2")
	r.wantForm(1, "1=2")
	r.refuse(0, switchdev.ErrNoSpace)
	r.wantOpen(op) // waits for every answer
	r.back(1)
	r.wantOpen(op) // and for the undo
	r.wantForm(1, "1=1")
	r.wantForm(0, "") // holds it, it refused
	r.back(1)
	r.wantErr(op, switchdev.ErrNoSpace)
	r.wantRows(0, rows{1: 1})
	r.wantRows(1, rows{1: 1})
	if got := r.e.Stats().Undone; got != 1 {
		t.Fatalf("Undone = %d", got)
	}
}

func TestUndoRefusedIsUnknown(t *testing.T) { // rule 17
	r := newRig(t, 8, "12", "12")
	r.wantErrOf(r.set(1, 1), nil)
	op := r.set(1, 2)
	r.form(0)
	r.form(1)
	r.refuse(0, errRefused)
	r.back(1)
	r.form(1)
	r.refuse(1, switchdev.ErrNoSpace)
	r.wantErr(op, switchdev.ErrOutcomeUnknown)
	r.wantErr(op, errRefused)
	r.run()
	r.wantRows(1, rows{1: 1}) // brought there all the same
}

func TestUnansweredIsUnknown(t *testing.T) { // rule 17
	r := newRig(t, 8, "1")
	op := r.set(1, 1)
	r.form(0)
	c := r.chips[0]
	c.rows[1] = 1 // done, and not said
	c.out = append(c.out, Outcome{})
	r.back(0)
	r.wantForm(0, "-1") // what the table wants is nothing
	r.back(0)
	r.wantErr(op, switchdev.ErrOutcomeUnknown)
	r.wantRows(0, rows{})
}

func TestDeadlineEndsTheWaitNotTheCall(t *testing.T) { // rules 17, 18, 20
	r := newRig(t, 8, "1")
	op := r.set(1, 1)
	r.wantForm(0, "1=1")
	r.pass(timeout - 1)
	r.wantOpen(op)
	r.pass(1)
	r.wantErr(op, switchdev.ErrOutcomeUnknown)
	r.wantForm(0, "")
	r.back(0) // late: it was carried out
	r.wantErr(op, switchdev.ErrOutcomeUnknown)
	r.wantForm(0, "-1")
	r.back(0)
	r.wantRows(0, rows{})
}

func TestQueuedWorkAtTheDeadlineWasNotHandedOver(t *testing.T) { // rule 19
	r := newRig(t, 8, "12", "12")
	r.put(7, 1)
	r.wantForm(0, "7=1") // device 0 is occupied
	r.form(1)
	r.back(1)
	op := r.set(1, 1)
	r.wantForm(1, "1=1")
	r.back(1)
	r.pass(timeout)
	r.wantOpen(op) // device 1 is taken back first
	r.wantForm(1, "-1")
	r.back(1)
	r.wantErr(op, switchdev.ErrDeviceUnavailable)
	r.back(0)
	r.wantForm(0, "")
}

func TestUndoHasADeadlineOfItsOwn(t *testing.T) {
	r := newRig(t, 8, "12", "12")
	op := r.set(1, 1)
	r.form(0)
	r.form(1)
	r.refuse(0, errRefused)
	r.pass(timeout / 2)
	r.back(1)
	r.wantForm(1, "-1")
	r.pass(timeout - 1)
	r.wantOpen(op)
	r.pass(1)
	r.wantErr(op, switchdev.ErrOutcomeUnknown)
}
