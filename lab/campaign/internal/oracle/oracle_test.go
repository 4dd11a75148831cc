package oracle

import (
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

func station(n byte) fdb.Key { return fdb.Key{MAC: switchdev.MAC{2, 0, 0, 0, 0, n}, VLAN: 10} }

func at(n int) time.Time { return time.Unix(1000, 0).Add(time.Duration(n) * time.Second) }

// TestFoldIsInTheOrderOfAcceptance: an operation takes the place where it was
// staged, whenever it ends.
func TestFoldIsInTheOrderOfAcceptance(t *testing.T) {
	m, k := New(), station(1)
	m.Hold = -1
	m.Learn(k, 1, at(1))
	op := &Op{Verb: Replace, Key: k, Port: 2, Flags: fdb.Static}
	m.Decide(op, at(2))
	m.Learn(k, 3, at(3))
	if v := m.Value(k); v.Port != 3 || v.Flags != 0 {
		t.Errorf("under way: %v", v)
	}
	m.End(op, true)
	if v := m.Value(k); v.Port != 3 || v.Flags != fdb.Static|fdb.User || m.Busy(k) {
		t.Errorf("ended: %v", v)
	}
	again := &Op{Verb: Delete, Key: k, Port: 3}
	m.Decide(again, at(4))
	m.Learn(k, 1, at(5))
	m.End(again, false)
	if v := m.Value(k); v.Port != 1 || !v.Has(fdb.Static) {
		t.Errorf("refused: %v", v)
	}
}

func TestDecisionsAreThoseOfTheKernel(t *testing.T) {
	for _, tt := range []struct {
		verb Verb
		old  bool
		want error
	}{
		{Add, true, switchdev.ErrExist}, {Add, false, nil}, {Update, false, switchdev.ErrNotExist}, {Update, true, nil},
		{Delete, false, switchdev.ErrNotExist}, {Replace, false, nil}, {Replace, true, nil}, {Use, false, nil},
	} {
		m, k := New(), station(1)
		m.Hold = -1
		if tt.old {
			m.Learn(k, 1, at(1))
		}
		op := &Op{Verb: tt.verb, Key: k, Port: 1}
		if m.Decide(op, at(2)); !errors.Is(op.Refuse, tt.want) {
			t.Errorf("%v, there: %v: %v", tt.verb, tt.old, op.Refuse)
		}
	}
}

// TestTransitions are rows of the table of br_fdb.c.
func TestTransitions(t *testing.T) {
	const u = fdb.User
	for _, tt := range []struct {
		name       string
		old        fdb.Flags
		seen       switchdev.PortID
		port       switchdev.PortID
		flags      fdb.Flags
		counts     bool
		ages, sent bool
	}{
		{"learned moves", 0, 2, 2, 0, true, true, true},
		{"static moves and stays static", fdb.Static | u, 2, 2, fdb.Static | u, false, false, true},
		{"sticky stays", fdb.Sticky | u, 2, 1, fdb.Sticky | u, false, true, false},
		{"local is left alone", fdb.Permanent | u, 2, 1, fdb.Permanent | u, false, false, true},
		{"a control plane's is learned then", fdb.Extern | u, 2, 2, u, false, true, false},
		{"a control plane's is renewed", fdb.Extern | u, 1, 1, fdb.Extern | u, false, false, true},
		{"locked is let in elsewhere", fdb.Locked, 2, 2, 0, true, true, true},
		{"locked stays here", fdb.Locked, 1, 1, fdb.Locked, true, true, false},
	} {
		v := Value{Present: true, Port: 1, Flags: tt.old, Updated: at(1)}.learned(tt.seen, at(2))
		_, sent := v.Row()
		if v.Port != tt.port || v.Flags != tt.flags || v.Counted() != tt.counts || v.Ages() != tt.ages || sent != tt.sent {
			t.Errorf("%s: %v, counts %v, ages %v, in hardware %v", tt.name, v, v.Counted(), v.Ages(), sent)
		}
	}
}

func TestFlushSelectsAsTheKernelDoes(t *testing.T) {
	k := station(1)
	static := Value{Present: true, Port: 1, Flags: fdb.Static | fdb.User}
	extern := Value{Present: true, Port: 1, Flags: fdb.Extern}
	for _, tt := range []struct {
		f    fdb.Filter
		v    Value
		want bool
	}{
		{fdb.Filter{}, static, true}, {fdb.Filter{OnPort: true, Port: 2}, static, false}, {fdb.Filter{VLAN: 20}, static, false},
		{fdb.Filter{Mask: fdb.Static}, static, false}, {fdb.Filter{Mask: fdb.Static, Flags: fdb.Static | fdb.User}, static, false},
		{fdb.Filter{Flags: fdb.Sticky}, static, true}, {fdb.Filter{KeepExtern: true}, extern, false}, {fdb.Filter{KeepExtern: true}, static, true},
		{fdb.Filter{Mask: fdb.InHardware}, static, false}, {fdb.Filter{}, Value{}, false},
	} {
		if got := Selects(tt.f, k, tt.v); got != tt.want {
			t.Errorf("%+v selects %v: %v", tt.f, tt.v, got)
		}
	}
	m := New()
	m.Learn(k, 1, at(1))
	if killed := m.Flush(fdb.Filter{OnPort: true, Port: 1}); len(killed) != 1 || m.Len() != 0 || m.Counted() != 0 {
		t.Errorf("took %v, left %d", killed, m.Len())
	}
}

func TestOverdueIsRoundedToTicks(t *testing.T) {
	m := New()
	v := Value{Present: true, Updated: at(0)}
	for hold, want := range map[time.Duration]bool{-1: false, fdb.NoLearning: true, 10 * time.Second: true, 10*time.Second + 1: false, 11 * time.Second: false} {
		m.Hold = hold
		if got := m.Overdue(v, at(10).Add(10*time.Millisecond)); got != want {
			t.Errorf("hold %v: %v", hold, got)
		}
	}
	m.Hold = 10 * time.Second
	if m.Overdue(v, at(10)) {
		t.Error("a tick too early")
	}
}
