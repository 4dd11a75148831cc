package offload

import (
	"errors"
	"testing"
)

func anyRow(byte) bool { return true }

// made puts a row that device 0 made by itself into device and table.
func (r *rig) made(k int, port byte) {
	r.chips[0].rows[k] = port
	r.rows[k] = want{port: port}
	r.e.Own(0, k, port)
	r.e.Touch(k)
}

func TestOwnRowIsNotSent(t *testing.T) {
	r := newRig(t, 8, "1", "1")
	r.made(1, 1)
	r.wantForm(0, "")
	r.wantForm(1, "1=1") // which did not make it
	r.back(1)
	r.wantState(1, true, false)
	if !r.e.Owned(1) || r.e.Told(0, 1, anyRow) || !r.e.Told(1, 1, anyRow) {
		t.Error("whose row is it?")
	}
}

func TestDoubtedRowIsNotSent(t *testing.T) { // rule 26
	for _, present := range []bool{true, false} {
		r := newRig(t, 8, "1")
		r.made(1, 1)
		port := r.age(0, 1)
		mark, _ := r.e.Mark(0)
		if !r.e.Aged(0, 1, 1, func(p byte) bool { return p == port }, r.now) {
			t.Fatal("not doubted")
		}
		r.wantState(1, false, false)
		r.wantForm(0, "")
		if !r.e.Owned(1) {
			t.Error("no longer the device's")
		}
		if doubted, sure := r.e.Doubted(0, 1, mark); !doubted || !sure {
			t.Errorf("doubted %v, sure %v", doubted, sure)
		}
		r.e.Verify(0, 1, present)
		if !present {
			r.drop(1)
		} else {
			r.chips[0].rows[1] = 1
			r.e.Touch(1)
		}
		r.wantForm(0, "")
		r.wantState(1, present, false)
	}
}

func TestDoubtEndsWithAnOperation(t *testing.T) {
	r := newRig(t, 8, "1")
	r.made(1, 1)
	r.age(0, 1)
	mark, _ := r.e.Mark(0)
	r.e.Aged(0, 1, 1, anyRow, r.now)
	op := r.set(1, 1)
	r.wantForm(0, "1=1")
	if doubted, sure := r.e.Doubted(0, 1, mark); !doubted || sure {
		t.Errorf("with a call out: doubted %v, sure %v", doubted, sure)
	}
	r.back(0)
	r.wantErr(op, nil)
	if doubted, _ := r.e.Doubted(0, 1, mark); doubted || r.e.Owned(1) {
		t.Error("still the device's own")
	}
}

func TestDoubtThatNobodyCanSettle(t *testing.T) {
	r := newRig(t, 8, "1")
	r.made(1, 1)
	r.age(0, 1)
	r.e.Aged(0, 1, 1, anyRow, r.now)
	r.e.Trust(0, 1)
	r.wantForm(0, "1=1")
	r.back(0)
	r.wantState(1, true, false)
}

func TestDoubtedRowThatGoes(t *testing.T) {
	r := newRig(t, 8, "1")
	r.made(1, 1)
	r.age(0, 1)
	r.e.Aged(0, 1, 1, anyRow, r.now)
	r.drop(1) // nobody wants it any more: no need to look
	r.wantForm(0, "-1")
	r.back(0)
	if n := len(r.e.devs[0].cells); n != 0 {
		t.Errorf("%d cells for no station", n)
	}
}

func TestOwnRowDuringACallIsVoid(t *testing.T) { // rule 26
	r := newRig(t, 8, "1")
	r.put(1, 1)
	r.form(0)
	if r.e.Own(0, 1, 1) {
		t.Error("believed with a call out")
	}
	r.back(0)
	r.wantState(1, false, false)
	r.wantForm(0, "1=1")
}

func TestResetForgetsOwnRows(t *testing.T) {
	r := newRig(t, 8, "1")
	r.made(1, 1)
	r.made(2, 1)
	r.age(0, 2)
	r.e.Aged(0, 2, 1, anyRow, r.now)
	r.lose(0)
	r.hear(0)
	if r.e.Owned(1) || r.e.Owned(2) {
		t.Error("still the device's own")
	}
	r.wantForm(0, "1=1 2=1")
}

func TestLateAgeOutOfAnOwnRow(t *testing.T) { // case 51
	r := newRig(t, 8, "12")
	r.made(1, 1)
	r.made(1, 2)
	if r.e.Aged(0, 1, 1, func(p byte) bool { return p == 1 }, r.now) {
		t.Error("doubted")
	}
	r.wantState(1, true, false)
	if r.e.Stats().Stale != 1 {
		t.Error("not counted")
	}
}

func TestSuspectedRowIsBroughtBack(t *testing.T) {
	r := newRig(t, 8, "1")
	r.chips[0].rows[5] = 1 // of which the table wants nothing
	r.e.Suspect(0, 5)
	r.wantForm(0, "-5")
	r.back(0)
	r.wantRows(0, rows{})
}

func TestDistrust(t *testing.T) {
	r := newRig(t, 8, "12")
	r.made(1, 1)
	r.put(2, 1)
	r.put(3, 2)
	r.run()
	var w Walk[int, byte]
	for !r.e.Distrust(0, &w, func(_ int, p byte) bool { return p == 1 }) {
	}
	r.wantForm(0, "1=1 2=1")
	if r.e.Owned(1) {
		t.Error("still the device's own")
	}
	r.wantState(3, true, false)
}

func TestAdoptInAnAudit(t *testing.T) {
	r := newRig(t, 8, "1")
	r.put(1, 1)
	r.run()
	c := r.chips[0]
	c.rows[2], c.rows[3] = 1, 1
	mark, _ := r.e.Mark(0)
	a := &Audit[int, byte]{Dev: 0, Mark: mark, Rows: rows{1: 1, 2: 1, 3: 1}, Keys: []int{1, 2, 3},
		Adopt: func(k int, port byte) (byte, bool) {
			if k == 3 {
				return 0, false
			}
			r.rows[k] = want{port: port}
			return port, true
		}}
	for !r.e.Judge(a) {
	}
	if a.Adopted != 1 || a.Differ != 1 {
		t.Errorf("adopted %d, differ %d", a.Adopted, a.Differ)
	}
	r.e.Touch(2)
	r.wantForm(0, "-3")
	r.back(0)
	r.wantState(2, true, false)
}

// TestRowThatIsMadeWhileAnotherIsDeclined: a device that learns a station while it is asked to
// hold it, and then does not take the row, holds one that nobody knows of.
func TestRowThatIsMadeWhileAnotherIsDeclined(t *testing.T) {
	r := newRig(t, 8, "1")
	r.put(1, 1)
	r.wantForm(0, "1=1")
	r.chips[0].rows[1] = 1 // by itself
	if !r.e.Told(0, 1, anyRow) {
		t.Fatal("a call is out")
	}
	r.refuse(0, errors.ErrUnsupported)
	r.wantForm(0, "-1") // and not that it holds none
	r.back(0)
	r.wantRows(0, map[int]byte{})
	r.wantForm(0, "")
}
