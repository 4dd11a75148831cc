package fdbarea

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/switchdev"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestKeyIsTheSameStation: the tables are asked for the same stations, in two
// forms. The fast form is of little-endian machines only.
func TestKeyIsTheSameStation(t *testing.T) {
	for i := range uint64(1000) {
		packed := peer.Packed(i)
		k := key(i)
		if k != switchdev.UnpackFDBKey(packed) || k.Pack() != packed || !k.Valid() || k.MAC.IsMulticast() {
			t.Fatalf("station %d: %v is not %#x", i, k, packed)
		}
	}
}

// TestEveryLimitIsUsed: a gate under a name that no row has would never be
// looked at.
func TestEveryLimitIsUsed(t *testing.T) {
	used := map[string]bool{}
	for _, g := range Area().Groups {
		for _, r := range g.Rows {
			if r.Rule != measure.Info {
				used[r.Name] = true
			}
		}
	}
	for name := range limits {
		if !used[name] {
			t.Errorf("the gate of %s is of no row", name)
		}
	}
}

// TestLoopsFindWhatIsThere: the loops over both forms of our table.
func TestLoopsFindWhatIsThere(t *testing.T) {
	const n = 1 << 10
	tables, err := finders(n, func(string) bool { return true })
	defer func() { closeAll(tables) }()
	if err != nil {
		t.Fatal(err)
	}
	if want := 7; len(tables) != want {
		t.Errorf("%d tables, want %d", len(tables), want)
	}
	for _, f := range tables {
		for name, loop := range map[string]func(peer.Walk) uint64{"find": f.find, "chain": f.chain, "many": f.many} {
			if loop == nil {
				continue
			}
			if got := loop(peer.Walk{First: 64, Count: n, Mask: n - 1}); got != n {
				t.Errorf("%s %s finds %d of %d", f.name, name, got, n)
			}
			if got := loop(peer.Walk{First: 64, Count: n, Mask: n - 1, Base: peer.Beyond}); name != "chain" && got != 0 {
				t.Errorf("%s %s finds %d stations that are not there", f.name, name, got)
			}
		}
		if f.updates == nil {
			continue
		}
		u, err := f.updates()
		if err != nil {
			t.Fatal(err)
		}
		if err := u.fours(2000); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		if got := f.find(peer.Walk{Count: n, Mask: n - 1}); got != n {
			t.Errorf("%s has %d of %d stations after updates", f.name, got, n)
		}
	}
}

// TestWrongAnswersAreNoticed: a table that loses a station, or makes one up,
// would be fast.
func TestWrongAnswersAreNoticed(t *testing.T) {
	const n, count = 64, 256
	for _, tt := range []struct {
		name  string
		base  uint64
		found uint64
		want  bool
	}{
		{"hits", 0, count, true},
		{"a lost station", 0, count - 1, false},
		{"misses", peer.Beyond, 0, true},
		{"a station made up", peer.Beyond, 1, false},
	} {
		if _, right := timeWalk(func(peer.Walk) uint64 { return tt.found }, n, count, tt.base); right != tt.want {
			t.Errorf("%s: right is %v", tt.name, right)
		}
	}
	if err := wrongAnswers(map[string]bool{"a": false}); err != nil {
		t.Error(err)
	}
	if wrongAnswers(map[string]bool{"a": false, "b": true}) == nil {
		t.Error("a wrong answer is no error")
	}
}
