package lab

import (
	"errors"
	"math/bits"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

func TestNewRefusesUnknownQuirks(t *testing.T) {
	if l, err := New(Config{Quirks: Linux61 + 1}); l != nil || !errors.Is(err, switchdev.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestQuirksReadWhatTheyWrite(t *testing.T) {
	for q := range Linux61 + 1 {
		got, err := ParseQuirks(q.String())
		if err != nil || got != q {
			t.Errorf("%#x is written %q and read as %#x, %v", uint32(q), q, uint32(got), err)
		}
	}
	for text, want := range map[string]Quirks{
		"": 0, "none": 0, " none , ROCKER": Rocker, "linux-6.1": Linux61, "Linux": Upstream, "selfecho,Texts61": SelfEcho | Texts61,
		"linux,rocker": Upstream | Rocker,
	} {
		if got, err := ParseQuirks(text); err != nil || got != want {
			t.Errorf("%q is read as %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"linux-5.4", "Rocker Texts61", "0x3"} {
		if q, err := ParseQuirks(text); err == nil || !strings.Contains(err.Error(), "StateSelection") || q != 0 {
			t.Errorf("%q is read as %v, %v", text, q, err)
		}
	}
	q := SelfEcho
	if err := q.UnmarshalText([]byte("no such")); err == nil || q != SelfEcho {
		t.Errorf("a bad text left %v, %v", q, err)
	}
	if text, err := (SelfEcho | Rocker).MarshalText(); err != nil || string(text) != "SelfEcho,Rocker" {
		t.Errorf("%q, %v", text, err)
	}
	if s := (SelfEcho | 1<<20).String(); s != "SelfEcho,0x100000" {
		t.Errorf("a flag without name is written %q", s)
	}
}

// TestEveryQuirkIsOneDecision: each flag sets one bit of one layer, and no two the same.
func TestEveryQuirkIsOneDecision(t *testing.T) {
	if n := len(quirkNames()); n != bits.OnesCount32(uint32(Linux61)) {
		t.Fatalf("%d names for %b", n, Linux61)
	}
	type layers struct {
		fdb     fdb.Quirks
		bridge  bridge.Quirks
		netlink machine.Quirks
		rocker  bool
	}
	seen := map[layers]Quirks{}
	for i := range quirkNames() {
		q := Quirks(1) << i
		c := Config{Quirks: q}.machine()
		l := layers{c.FDB, c.Bridge, c.Netlink, c.Rocker}
		n := bits.OnesCount(uint(l.fdb)) + bits.OnesCount(uint(l.bridge)) + bits.OnesCount(uint(l.netlink))
		if l.rocker {
			n++
		}
		if other, ok := seen[l]; ok || n != 1 {
			t.Errorf("%v is %+v, %d decisions, as %v", q, l, n, other)
		}
		seen[l] = q
	}
}
