package notify_test

import (
	"testing"

	"github.com/switchcore/switchcore/internal/notify"
)

// TestBeginAndEndAreUpdate: what is appended between is numbered and wakes its readers
// at the end; what appends nothing wakes nobody, and a closed ring has no beginning.
func TestBeginAndEndAreUpdate(t *testing.T) {
	r, err := notify.New(notify.Config[event]{})
	if err != nil {
		t.Fatal(err)
	}
	s := subscribe(t, r, opts{})
	if _, ok, _ := s.TryNext(); ok {
		t.Fatal("there is something to read")
	}
	tx, _ := r.Begin()
	tx.End()
	if len(s.Ready()) != 0 {
		t.Error("nothing wakes a reader")
	}
	tx, ok := r.Begin()
	if !ok || tx.Append(event{}) != 1 || tx.Append(event{}) != 2 {
		t.Error("events have other numbers")
	}
	if tx.End(); len(s.Ready()) != 1 {
		t.Error("two events wake nobody")
	}
	if got := readAll(s); len(got) != 2 {
		t.Errorf("read %v", got)
	}
	r.Close()
	if _, ok := r.Begin(); ok {
		t.Error("a closed ring can be begun with")
	}
}
