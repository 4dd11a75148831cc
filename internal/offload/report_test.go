package offload

import (
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

func TestOlderEpochCountsAsNeverSent(t *testing.T) { // rule 21
	r := newRig(t, 8, "1")
	op := r.set(1, 1)
	r.form(0)
	r.exec(0, nil)
	r.lose(0)
	r.hear(0)
	r.back(0)
	r.wantOpen(op)
	r.wantForm(0, "1=1")
	r.back(0)
	r.wantErr(op, nil)
}

func TestNewerEpochIsTheNotice(t *testing.T) { // rule 21
	r := newRig(t, 8, "1")
	r.put(1, 1)
	r.run()
	op := r.set(2, 1)
	r.form(0)
	r.lose(0)
	r.back(0)
	r.wantErr(op, nil)
	r.wantState(1, false, false)
	r.wantForm(0, "1=1")
	r.back(0)
	r.hear(0) // known already
	r.wantForm(0, "")
	if got := r.e.Stats().Resets; got != 1 {
		t.Fatalf("Resets = %d", got)
	}
}

func TestResetTakesAcksBack(t *testing.T) { // rule 22
	r := newRig(t, 8, "1", "1")
	op := r.set(1, 1)
	r.form(0)
	r.back(0)
	r.lose(0)
	r.hear(0)
	r.form(1)
	r.back(1)
	r.wantOpen(op)
	r.wantForm(0, "1=1")
	r.back(0)
	r.wantErr(op, nil)
}

func TestResetLeavesUnknownUnknown(t *testing.T) {
	r := newRig(t, 8, "1")
	op := r.set(1, 1)
	r.form(0)
	r.pass(timeout)
	r.lose(0)
	c := r.chips[0]
	c.rows[1] = 1 // in the new epoch, and not answered
	c.out = append(c.out, Outcome{})
	r.back(0)
	r.wantErr(op, switchdev.ErrOutcomeUnknown)
	r.hear(0)
	r.wantForm(0, "-1")
}

func TestUserRowsAreReplayedFirst(t *testing.T) { // rule 23
	r := newRig(t, 1, "1")
	r.put(1, 1)
	r.wantErrOf(r.set(5, 1), nil)
	r.run()
	op := r.set(0, 1)
	r.lose(0)
	r.hear(0)
	r.wantForm(0, "5=1")
	r.back(0)
	r.wantForm(0, "0=1")
	r.back(0)
	r.wantErr(op, nil)
	r.wantForm(0, "1=1")
}

func TestOffloadedNeedsEveryClaimer(t *testing.T) { // rule 24
	r := newRig(t, 8, "1", "12")
	r.put(1, 1)
	r.form(0)
	r.back(0)
	r.wantState(1, false, false)
	r.form(1)
	r.wantState(1, false, false)
	r.back(1)
	r.wantState(1, true, false)
	before := r.settled[1]
	r.set(1, 2)
	r.wantState(1, false, false)
	if r.settled[1] == before {
		t.Fatal("the table was not told that the entry is in flight")
	}
}

func TestOffloadedAfterMoreIsClaimed(t *testing.T) { // rule 24
	r := newRig(t, 8, "1", "")
	r.put(1, 1)
	r.run()
	r.wantState(1, true, false)
	before := r.settled[1]
	r.claims[1][1] = true
	r.e.Touch(1)
	r.wantState(1, false, false)
	if r.settled[1] == before {
		t.Fatal("the table was not told")
	}
	r.run()
	r.wantState(1, true, false)
}

func TestAgedProvesNoAbsence(t *testing.T) { // rule 25
	r := newRig(t, 8, "12")
	r.put(1, 1)
	r.run()
	port := r.age(0, 1)
	r.put(1, 2)
	r.run()
	r.hearAged(0, 1, port, 1) // it means the row on port 1
	r.wantState(1, true, false)
	if got := r.e.Stats().Stale; got != 1 {
		t.Fatalf("Stale = %d", got)
	}
	r.hearAged(0, 1, 2, 1) // it could mean this one
	r.wantState(1, false, false)
	r.drop(1)
	r.wantForm(0, "-1") // the row may be there
}

func TestAgedVoidsTheCallThatIsOut(t *testing.T) { // rule 26
	for _, err := range []error{nil, errRefused} {
		r := newRig(t, 8, "12")
		r.put(1, 1)
		r.run()
		r.put(1, 2)
		r.form(0)
		r.exec(0, err)
		port := r.age(0, 1)
		r.hearAged(0, 1, port, 1)
		r.back(0)
		r.put(1, port) // what is believed if the report counts for nothing
		r.wantState(1, false, false)
		if r.form(0) == "" {
			t.Fatal("the row that aged is believed")
		}
	}
}

func TestReconcileActsOnNothing(t *testing.T) { // rule 28
	r := newRig(t, 8, "1")
	r.put(1, 1)
	r.put(2, 1)
	r.run()
	c := r.chips[0]
	delete(c.rows, 1)
	c.rows[3] = 1
	mark, epoch := r.e.Mark(0)
	if epoch != 1 {
		t.Fatalf("epoch %d", epoch)
	}
	dump := rows{2: 1, 3: 1}
	if n := r.reconcile(0, mark, dump); n != 2 {
		t.Fatalf("%d rows differ, want 2", n)
	}
	r.wantRows(0, rows{2: 1, 3: 1})
	r.wantState(1, false, false)
	r.wantForm(0, "1=1 -3")
	r.back(0)
	r.wantRows(0, rows{1: 1, 2: 1})
	mark, _ = r.e.Mark(0)
	if n := r.reconcile(0, mark, c.rows); n != 0 {
		t.Fatalf("%d rows differ, want none", n)
	}
}

func TestReconcileSkipsWhatMoved(t *testing.T) { // rule 28
	r := newRig(t, 8, "1")
	mark, _ := r.e.Mark(0)
	op := r.set(1, 1)
	r.put(2, 1)
	r.form(0)
	if n := r.reconcile(0, mark, rows{}); n != 0 { // calls are out
		t.Fatalf("%d rows differ", n)
	}
	r.back(0)
	r.wantErr(op, nil)
	if n := r.reconcile(0, mark, rows{}); n != 0 { // and have returned since
		t.Fatalf("%d rows differ", n)
	}
	r.wantState(1, true, false)
}

// A device that answers for ever from an epoch that is over is refused like any
// other that does not do what it is told, or the table would ask it without end.
func TestAnswersFromAnEpochThatIsOverEnd(t *testing.T) {
	r := newRig(t, 8, "1")
	r.put(1, 1)
	old := Outcome{Answered: true, Epoch: 1}
	r.e.Reset(0, 7, r.now)
	for range 2 {
		call := r.e.Form(0, r.now)
		if call == nil {
			t.Fatal("not sent again after one answer")
		}
		r.e.Return(call, []Outcome{old}, r.now)
	}
	if call := r.e.Form(0, r.now); call != nil {
		t.Fatal("sent a third time without a pause")
	}
	if next := r.e.Next(); !next.After(r.now) {
		t.Fatalf("next try at %v", next)
	}
}
