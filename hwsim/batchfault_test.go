package hwsim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// results as text: "." is nil, "-" unanswered, "x" an error.
func marks(results []switchdev.Result) string {
	text := ""
	for _, r := range results {
		switch {
		case r == (switchdev.Result{}):
			text += "-"
		case r.Err == nil && r.Token != 0 && r.Epoch != 0:
			text += "."
		default:
			text += "x"
		}
	}
	return text
}

// rowsAt tells where stations 1 to 9 have their rows: "1.2" is 1 at port 1 and 3 at port 2.
func (b *bench) rowsAt() string {
	text := []byte("....")
	for _, r := range b.Rows() {
		text[r.Key.MAC[5]-1] = '0' + byte(r.Port)
	}
	return string(text)
}

// TestPartialBatches: a batch of four sets to port 1, in every form.
func TestPartialBatches(t *testing.T) {
	tests := []struct{ spec, answers, rows string }{
		{"partial:fdb:2", "..--", "11.."},
		{"partial:fdb", "----", "...."},
		{"partial:fdb:2:done", "..--", "1111"},
		{"partial:fdb:done", "----", "1111"},
		{"partial:fdb:9", "....", "1111"},
		{"partial:fdb:nth=4", "...-", "111."},
		{"partial:fdb:mac=0200.0000.0103", "..--", "11.."},
	}
	for _, tt := range tests {
		for _, form := range []string{"apply", "submit", "step"} {
			b := newBench(t, Config{})
			b.join(0, 1)
			in := b.inject(tt.spec)
			ops, results := setBatch(b, mac(1), mac(2), mac(3), mac(4))
			for i := range results {
				results[i].Token = 77 // of a caller that does not clear
			}
			done := 0
			switch form {
			case "apply":
				b.ApplyFDB(t.Context(), ops, results)
			case "submit":
				b.SubmitFDB(t.Context(), ops, results, func() { done++ })
				b.after(0)
			case "step":
				b.SubmitFDB(t.Context(), ops, results, func() { done++ })
				id := b.Operations()[0].ID
				for left, err := b.Execute(id); left > 0 && err == nil; left, err = b.Execute(id) {
				}
				if n := b.Operations()[0].Executed; n != strings.Count(tt.rows, "1") {
					t.Errorf("%s: %d executed, want %s", tt.spec, n, tt.rows)
				}
				b.must(b.Complete(id))
			}
			if got := marks(results); got != tt.answers || b.rowsAt() != tt.rows || form != "apply" && done != 1 {
				t.Errorf("%s/%s: answers %s rows %s, want %s %s; done %d times", tt.spec, form, got, b.rowsAt(), tt.answers, tt.rows, done)
			}
			if hits := in.Hits(); (hits > 0) != strings.Contains(tt.answers, "-") {
				t.Errorf("%s/%s: %d hits", tt.spec, form, hits)
			}
			for r := range b.Chip.Log() {
				if r.Role == RoleFDB && (r.Unanswered != (tt.answers[r.Key.MAC[5]-1] == '-') || r.Unanswered != errors.Is(r.Err, switchdev.ErrOutcomeUnknown)) {
					t.Errorf("%s/%s: record %s, unanswered %t", tt.spec, form, r, r.Unanswered)
				}
			}
			b.quiet()
		}
	}
}

// TestPartialDump: a dump that ends early says so.
func TestPartialDump(t *testing.T) {
	b := newBench(t, Config{})
	ops, results := setBatch(b, mac(1), mac(2), mac(3))
	b.ApplyFDB(t.Context(), ops, results)
	b.inject("partial:dump:2:count=1")
	for _, want := range []int{2, 3} {
		n := 0
		_, err := b.DumpFDB(t.Context(), 0, func(switchdev.FDBRow) bool { n++; return true })
		if n != want || errors.Is(err, switchdev.ErrBusy) != (want == 2) {
			t.Errorf("%d rows, %v; want %d", n, err, want)
		}
	}
	if n := b.Stats().Faults[FaultPartial]; n != 1 {
		t.Errorf("counted %d", n)
	}
	b.quiet()
}

// corrupted returns what the auditor found, by rule.
func (b *bench) corrupted() string {
	var rules []string
	for _, v := range b.Audit() {
		rules = append(rules, string(v.Rule))
	}
	return strings.Join(rules, " ")
}

// TestCorruptionIsSilentAndFound: nil is answered, the table is wrong, the auditor
// blames the chip, and the next sound operation puts it right.
func TestCorruptionIsSilentAndFound(t *testing.T) {
	tests := []struct {
		spec string
		rows string // of stations 1 and 2 at ports 1 and 2, after a minute
	}{
		{"ignore:fdb:count=1", ".2.."},
		{"misplace:fdb:count=1:target=3", "32.."},
		{"vanish:fdb:count=1", ".2.."},
		{"vanish:fdb:count=1:30s", ".2.."},
		{"drift:fdb:30s:count=1:target=3", "32.."},
	}
	for _, tt := range tests {
		b := newBench(t, Config{})
		b.join(0, 1, 2, 3)
		in := b.inject(tt.spec)
		b.clear()
		b.must(b.fdb(setOp(mac(1), 0, 1, 0), setOp(mac(2), 0, 2, 0)))
		b.after(0)
		b.after(time.Minute)
		if got := b.rowsAt(); got != tt.rows || in.Hits() != 1 || b.Stats().Faults[in.Fault.Kind] != 1 {
			t.Errorf("%s: rows %s, want %s; %d hits", tt.spec, got, tt.rows, in.Hits())
		}
		if b.heard() != "" {
			t.Errorf("%s is not silent: %s", tt.spec, b.heard())
		}
		if got := b.corrupted(); got != string(RuleCorrupt) {
			t.Errorf("%s: the auditor found %q", tt.spec, got)
		}
		b.must(b.fdb(setOp(mac(1), 0, 1, 0)))
		b.must(b.fdb(setOp(mac(1), 0, 1, 0)))
		b.quiet()
		b.inject("ignore:fdb.delete:count=1")
		b.must(b.fdb(deleteOp(mac(1), 0)))
		if got := b.corrupted(); got != string(RuleCorrupt) || b.rowsAt() != "12.." {
			t.Errorf("an ignored delete: %q, rows %s", got, b.rowsAt())
		}
		b.must(b.fdb(deleteOp(mac(1), 0)))
		b.quiet()
	}
}

// TestDecayStrikesTheRowThatWasSet and no later one of that key.
func TestDecayStrikesTheRowThatWasSet(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	b.inject("vanish:fdb:10s:count=1")
	b.must(b.fdb(setOp(mac(1), 0, 1, 0)))
	b.must(b.fdb(setOp(mac(1), 0, 2, 0)))
	b.after(time.Minute)
	if got := b.rowsAt(); got != "2..." {
		t.Errorf("a row that was moved since: %s", got)
	}
	b.inject("vanish:fdb:10s:nth=2:count=1")
	b.must(b.fdb(setOp(mac(2), 0, 1, 0), setOp(mac(3), 0, 1, 0)))
	_, err := b.Reset(t.Context())
	b.must(err)
	b.must(b.fdb(setOp(mac(3), 0, 1, 0)))
	b.after(time.Minute)
	if got := b.rowsAt(); got != "..1." {
		t.Errorf("rows %s", got)
	}
	b.quiet()
}

// TestIgnoredMembershipsAndFlushes: what is ignored is not held against the user.
func TestIgnoredMembershipsAndFlushes(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: true}))
	b.inject("ignore:vlan.set:count=1")
	b.inject("ignore:flush:count=1")
	b.must(b.vlans(memberOp(1, 10, 0)))
	b.must(b.fdb(setOp(mac(1), 10, 1, 0)))
	if b.Usage().VLANs != 0 {
		t.Error("the membership is there")
	}
	b.must(b.vlans(memberOp(1, 10, switchdev.VLANPVID)))
	b.learn(1, mac(2))
	for _, left := range []int{2, 1} {
		b.must(b.flushLearnedRows(switchdev.FDBFlushOp{}))
		if n := len(b.Rows()); n != left {
			t.Errorf("%d rows, want %d", n, left)
		}
	}
	b.quiet()
}

// TestRowsCanBeTamperedWith: without any operation.
func TestRowsCanBeTamperedWith(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	b.must(b.fdb(setOp(mac(1), 0, 1, 0), setOp(mac(2), 0, 1, 0)))
	key := func(n int) switchdev.FDBKey { return switchdev.FDBKey{MAC: mac(n)} }
	if !b.DropRow(0, key(1)) || b.DropRow(0, key(1)) || b.DropRow(1, key(2)) || !b.MoveRow(0, key(2), 2) || b.MoveRow(0, key(3), 2) {
		t.Error("what was there was not found, or what was not there")
	}
	if got := b.corrupted(); b.rowsAt() != ".2.." || got != "corrupt corrupt" {
		t.Errorf("rows %s, found %q", b.rowsAt(), got)
	}
	if s := b.Stats(); s.Faults[FaultVanish] != 1 || s.Faults[FaultDrift] != 1 {
		t.Errorf("counted %v", s.Faults)
	}
}

// TestPortGoesAndComesBack: in the middle of a batch, with its rows; the number
// comes back as another port.
func TestPortGoesAndComesBack(t *testing.T) {
	for _, spec := range []string{"gone:fdb:before=3:5s", "gone:fdb:after=2:5s", "gone:fdb:nth=3:5s:target=1"} {
		b := newBench(t, Config{})
		b.join(0, 1, 2)
		in := b.inject(spec)
		b.clear()
		old := b.Port(1)
		ops, results := setBatch(b, mac(1), mac(2), mac(3))
		b.ApplyFDB(t.Context(), ops, results)
		if marks(results) != "..x" || !errors.Is(results[2].Err, switchdev.ErrPortGone) || b.rowsAt() != "...." || b.heard() != "port-gone" {
			t.Errorf("%s: %s %v, rows %s, heard %q", spec, marks(results), results[2].Err, b.rowsAt(), b.heard())
		}
		b.after(5*time.Second - 1)
		if b.Port(1) != nil {
			t.Errorf("%s: back too early", spec)
		}
		b.after(1)
		if p := b.Port(1); p == nil || p == old || p.Name() != old.Name() || b.heard() != "port-gone port-up" {
			t.Errorf("%s: %v, heard %q", spec, p, b.heard())
		}
		if in.Hits() != 1 || b.Stats().Faults[FaultGone] != 1 {
			t.Errorf("%s: %d hits", spec, in.Hits())
		}
		b.must(b.ports(joinOp(1)))
		b.must(b.fdb(setOp(mac(1), 0, 1, 0)))
		b.quiet()
	}
	b := newBench(t, Config{Seed: 3})
	b.inject("gone:bridge") // no port in the operation: one is drawn
	b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: true}))
	if n := len(b.ports2()); n != 3 {
		t.Errorf("%d ports left", n)
	}
}

// TestEveryKindStrikesAndIsCounted: no kind is only a name.
func TestEveryKindStrikesAndIsCounted(t *testing.T) {
	for k := FaultRefuse; k < NumFaultKinds; k++ {
		b := newBench(t, Config{})
		b.join(0, 1, 2)
		in, err := b.Inject(Fault{Kind: k, Delay: time.Second, Count: 1})
		b.must(err)
		if f, err := ParseFault(in.Fault.String()); err != nil || f.Kind != k {
			t.Errorf("%v is written %q: %v, %v", k, in.Fault, f, err)
		}
		ops, results := setBatch(b, mac(1))
		b.SubmitFDB(t.Context(), ops, results, func() {})
		b.after(0)
		b.learn(2, mac(2))
		b.after(2 * time.Second)
		if in.Hits() != 1 || b.Stats().Faults[k] != 1 {
			t.Errorf("%v: %d hits, %d counted", k, in.Hits(), b.Stats().Faults[k])
		}
		logged := slices.ContainsFunc(b.History().Records, func(r Record) bool { return r.Faults.Has(k) })
		if k != FaultReset && !logged {
			t.Errorf("%v: not in the log", k)
		}
		if strings.Contains(FaultKinds(1<<k).String(), "fault") || fmt.Sprint(FaultKinds(1<<k)) != k.String() {
			t.Errorf("%v has no name in a set", k)
		}
		b.ReleaseAll()
		b.after(time.Second)
		for _, v := range b.Audit() {
			if v.Rule != RuleCorrupt {
				t.Errorf("%v: %v", k, v)
			}
		}
	}
}
