package hwsim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// profileBench is a chip of the profile with ports 1 to 3 in domain 0.
func profileBench(t *testing.T, p Profile, cfg Config) *bench {
	cfg.Hardware.Profile = p
	b := newBench(t, cfg)
	b.join(0, 1, 2, 3)
	b.clear()
	return b
}

// told is outcome, and what was reported.
func (b *bench) told(port switchdev.PortID, f []byte) string {
	text := b.outcome(port, f)
	if h := b.heard(); h != "" {
		text += " " + h
	}
	return text
}

// TestProfilesForwardAndReport sends the same frames through a chip of each
// profile: station 1 talks at port 1, moves to port 2, and is talked to.
func TestProfilesForwardAndReport(t *testing.T) {
	one, two := mac(1), mac(2)
	tests := []struct {
		profile Profile
		want    []string
	}{
		{Autonomous, []string{
			"[2 3 host:unknown+] learned1@1", "[2 3 host:unknown+]", "[1] learned2@3",
			"[3] learned1@2", "[2]",
			"[2]", "[host:moved]", "[2]",
		}},
		{Secure, []string{
			// The copy of the first frame says unknown, for the flood is reason enough.
			"[2 3 host:unknown+] learned1@1", "[2 3 host:unknown+]", "[1 2 host:unknown+] learned2@3",
			"[1 3 host:unknown+] learned1@2", "[1 2 host:unknown+]",
			"[2 host:learn+] learned2@3", "[2 3 host:unknown+] learned1@1", "[2]",
		}},
		{Polled, []string{
			"[2 3 host:unknown+]", "[2 3 host:unknown+]", "[1]",
			"[3]", "[2]",
			"[2]", "[host:moved]", "[2]",
		}},
		{Rocker, []string{
			"[2 3 host:unknown+] learned1@1", "[2 3 host:unknown+]", "[1] learned2@3",
			"[3] learned1@2", "[2]",
			"[2]", "[host:moved]", "[2]",
		}},
	}
	for _, tt := range tests {
		b := profileBench(t, tt.profile, Config{})
		got := []string{
			b.told(1, frame(two, one)), b.told(1, frame(two, one)), b.told(3, frame(one, two)),
			b.told(2, frame(two, one)), b.told(3, frame(one, two)),
		}
		b.must(b.fdb(setOp(one, 0, 2, 0), deleteOp(mac(9), 0)))
		if tt.profile == Secure {
			b.after(time.Second)
		}
		got = append(got, b.told(3, frame(one, two)), b.told(1, frame(two, one)), b.told(3, frame(one, two)))
		for i := range tt.want {
			if got[i] != tt.want[i] {
				t.Errorf("%v, frame %d: %s, want %s", tt.profile, i, got[i], tt.want[i])
			}
		}
		b.quiet()
	}
}

// TestSecureChipHoldsWhatItWasToldAndNothingElse.
func TestSecureChipHoldsWhatItWasToldAndNothingElse(t *testing.T) {
	b := profileBench(t, Secure, Config{})
	b.learn(1, mac(1))
	if len(b.Rows()) != 0 || b.heard() != "learned1@1" {
		t.Errorf("rows %v, heard %s", b.Rows(), b.heard())
	}
	b.must(b.fdb(setOp(mac(1), 0, 1, 0), setOp(mac(2), 0, 2, 0)))
	if got := b.told(1, frame(mac(2), mac(1))); got != "[2]" {
		t.Errorf("by its rows: %s", got)
	}
	// Moved: once, forwarded, and then not again for a second.
	want := []string{"[2 host:moved+] learned1@3", "[2]", "[2]"}
	for i := range want {
		if got := b.told(3, frame(mac(2), mac(1))); got != want[i] {
			t.Errorf("moved, frame %d: %s, want %s", i, got, want[i])
		}
	}
	b.after(time.Second)
	if got := b.told(3, frame(mac(2), mac(1))); got != want[0] {
		t.Errorf("a second later: %s", got)
	}
	if got := b.rowsAt(); got != "12.." {
		t.Errorf("the chip moved a row by itself: %s", got)
	}
	b.must(b.fdb(setOp(mac(1), 0, 3, 0)))
	if got := b.told(3, frame(mac(2), mac(1))); got != "[2]" {
		t.Errorf("when software has moved it: %s", got)
	}
	// What software has put elsewhere, although it was told, is news at once.
	b.learn(2, mac(1))
	b.must(b.fdb(setOp(mac(1), 0, 1, 0)))
	if got := b.told(2, frame(mac(3), mac(1))); got != "[1 3 host:unknown+] learned1@2" {
		t.Errorf("put elsewhere: %s", got)
	}
	b.must(b.fdb(setOp(mac(1), 0, 3, 0)))
	// A deleted station is news at once.
	b.must(b.fdb(deleteOp(mac(1), 0)))
	if got := b.told(3, frame(mac(2), mac(1))); got != "[2 host:learn+] learned1@3" {
		t.Errorf("after a delete: %s", got)
	}
	// A flush and a reset make it forget whom it has told of.
	b.must(b.flushLearnedRows(switchdev.FDBFlushOp{Port: 3}))
	if got := b.told(3, frame(mac(2), mac(1))); got != "[2 host:learn+] learned1@3" {
		t.Errorf("after a flush: %s", got)
	}
	b.quiet()
}

func TestSecureChipLeavesStaticRowsAndDeafPortsAlone(t *testing.T) {
	b := profileBench(t, Secure, Config{})
	b.must(b.fdb(setOp(mac(1), 0, 1, switchdev.FDBStatic), setOp(mac(3), 0, 1, switchdev.FDBSticky), setOp(mac(2), 0, 2, 0)))
	b.must(b.ports(flagsOp(3, 0, switchdev.PortLearns)))
	for src, want := range map[int]string{1: "[2 host:learn+]", 3: "[2]", 4: "[2 host:learn+]"} {
		if got := b.told(3, frame(mac(2), mac(src))); got != want {
			t.Errorf("station %d: %s, want %s", src, got, want)
		}
	}
	b.must(b.ports(flagsOp(3, switchdev.PortLearns|switchdev.PortLocked|switchdev.PortMAB, 0)))
	b.clear()
	b.learn(3, mac(4))
	b.learn(3, mac(4))
	if len(b.reports) != 1 || !b.reports[0].Locked || len(b.Rows()) != 3 {
		t.Errorf("MAB: %+v, rows %v", b.reports, b.Rows())
	}
	b.must(b.fdb(setOp(mac(4), 0, 3, 0)))
	if got := b.told(3, frame(mac(2), mac(4))); got != "[2]" {
		t.Errorf("authorised: %s", got)
	}
}

// TestSecureChipBoundsItsQuestions: a flood of addresses does not grow it.
func TestSecureChipBoundsItsQuestions(t *testing.T) {
	b := profileBench(t, Secure, Config{})
	for i := range 3 * mostAsked {
		b.learn(1, switchdev.MACFromUint64(macA.Uint64()+uint64(i)))
	}
	if n := b.Stats().NotLearned; len(b.reports) != mostAsked || n != 2*mostAsked {
		t.Errorf("%d reports, %d not learned", len(b.reports), n)
	}
	b.after(time.Second)
	b.learn(1, mac(7))
	if len(b.reports) != mostAsked+1 {
		t.Error("questions that are old keep new ones out")
	}
}

// TestPolledChipReportsInBursts: at the tick, what is different by then, in the
// order in which it changed, 640 at a time.
func TestPolledChipReportsInBursts(t *testing.T) {
	b := profileBench(t, Polled, Config{})
	b.after(30 * time.Millisecond)
	b.learn(1, mac(2))
	b.learn(2, mac(1))
	b.learn(2, mac(3))
	b.learn(3, mac(2)) // moved before anybody looked
	b.must(b.fdb(deleteOp(mac(3), 0)))
	if next := b.after(0); next != b.now.Add(70*time.Millisecond) || b.heard() != "" {
		t.Errorf("heard %q, next poll in %v", b.heard(), next.Sub(b.now))
	}
	if got := b.rowsAt(); got != "23.." {
		t.Errorf("the chip has learned at once: %s", got)
	}
	b.after(70*time.Millisecond - 1)
	if b.heard() != "" {
		t.Errorf("too early: %s", b.heard())
	}
	if next := b.after(1); b.heard() != "learned2@3 learned1@2" || next.Sub(b.now) < time.Minute {
		t.Errorf("heard %q, next %v", b.heard(), next.Sub(b.now))
	}
	b.clear()
	for i := range 1500 {
		b.learn(1, switchdev.MACFromUint64(macA.Uint64()+uint64(i)))
	}
	for _, want := range []int{640, 1280, 1500, 1500} {
		b.after(100 * time.Millisecond)
		if len(b.reports) != want {
			t.Errorf("%d reports, want %d", len(b.reports), want)
		}
	}
	if !slices.IsSortedFunc(b.reports, func(x, y switchdev.Report) int { return x.Key.Compare(y.Key) }) {
		t.Error("not in the order in which they were learned")
	}
	b.quiet()
}

// TestPolledChipReportsAgeingLate, and a station that is back by then as alive.
func TestPolledChipReportsAgeingLate(t *testing.T) {
	b := profileBench(t, Polled, Config{Hardware: Hardware{Poll: 10 * time.Second}})
	b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrAgeing, Ageing: 12 * time.Second}))
	b.learn(1, mac(1))
	b.learn(1, mac(2))
	b.learn(1, mac(4))
	b.after(10 * time.Second)
	b.clear()
	b.after(4 * time.Second)                                // they have aged out
	b.must(b.fdb(setOp(mac(4), 0, 1, switchdev.FDBStatic))) // and software says otherwise
	b.learn(2, mac(2))
	b.learn(3, mac(3))
	b.must(b.fdb(setOp(mac(3), 0, 2, 0))) // software was faster
	if b.heard() != "" || b.rowsAt() != ".221" {
		t.Errorf("heard %q, rows %s", b.heard(), b.rowsAt())
	}
	b.after(6 * time.Second)
	if got := b.heard(); got != "aged1@1 learned2@2 learned3@2" {
		t.Errorf("heard %q", got)
	}
	// A flush by software is reported at once, and no row of it again.
	b.clear()
	b.must(b.flushLearnedRows(switchdev.FDBFlushOp{}))
	b.after(time.Hour)
	if got := b.heard(); got != "flushed" {
		t.Errorf("heard %q", got)
	}
	b.quiet()
}

// TestPolledChipForgetsWithItsRows: what a port took along when it left, or a reset,
// has not aged.
func TestPolledChipForgetsWithItsRows(t *testing.T) {
	for _, what := range []string{"flushed", "reset", "flushed port-gone"} {
		b := profileBench(t, Polled, Config{Hardware: Hardware{Refresh: time.Millisecond}})
		b.learn(1, mac(1))
		b.after(time.Second)
		b.learn(1, mac(1)) // so that the next poll looks at it
		b.clear()
		switch what {
		case "flushed":
			b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortLeave, Port: 1}))
		case "reset":
			_, err := b.Reset(t.Context())
			b.must(err)
		default:
			b.Port(1).Remove()
		}
		b.after(time.Hour)
		if got := b.heard(); got != what {
			t.Errorf("heard %q, want %q", got, what)
		}
	}
}

// TestPollIsLateInOrder: what was due earlier happens earlier, however late Poll is.
func TestPollIsLateInOrder(t *testing.T) {
	b := profileBench(t, Autonomous, Config{})
	b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrAgeing, Ageing: 5 * time.Second}))
	b.inject("late:report.learned:7s:nth=1:count=1")
	b.inject("late:report.learned:3s:count=1:nth=2")
	b.learn(1, mac(1))
	b.learn(2, mac(2))
	b.after(time.Hour)
	if got := b.heard(); got != "learned2@2 aged1@1 aged2@2 learned1@1" {
		t.Errorf("heard %q", got)
	}
}

// TestPolledChipTellsOfLiveStations: also of rows that it was told to hold.
func TestPolledChipTellsOfLiveStations(t *testing.T) {
	b := profileBench(t, Polled, Config{})
	b.must(b.fdb(setOp(mac(1), 0, 1, 0), setOp(mac(2), 0, 1, switchdev.FDBStatic)))
	for range 35 {
		b.after(100 * time.Millisecond)
		b.learn(1, mac(1))
		b.learn(1, mac(2))
	}
	b.after(time.Second)
	if got := b.heard(); got != "learned1@1 learned1@1 learned1@1" {
		t.Errorf("heard %q", got)
	}
}

// TestRockerLeavesTheOldRowBehind until it ages; an operation clears it away.
func TestRockerLeavesTheOldRowBehind(t *testing.T) {
	b := profileBench(t, Rocker, Config{Limits: switchdev.Limits{FDB: 3}})
	b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrAgeing, Ageing: 10 * time.Second}))
	b.learn(1, mac(1))
	b.after(5 * time.Second)
	b.learn(2, mac(1))
	rows := func() (text string) {
		for _, r := range b.Rows() {
			text += fmt.Sprint(r.Key.MAC[5], "@", r.Port, " ")
		}
		return strings.TrimSpace(text)
	}
	dump := 0
	_, err := b.DumpFDB(t.Context(), 0, func(switchdev.FDBRow) bool { dump++; return true })
	b.must(err)
	if rows() != "1@2 1@1" || b.Usage().FDB != 2 || dump != 2 {
		t.Errorf("rows %s, use %+v, %d dumped", rows(), b.Usage(), dump)
	}
	b.learn(1, mac(1)) // back: its old row is the newest again
	if rows() != "1@1 1@2" || b.Usage().FDB != 2 {
		t.Errorf("back: %s", rows())
	}
	b.clear()
	b.learn(3, mac(1))
	b.learn(3, mac(2)) // no room, and reported all the same
	if rows() != "1@3 1@1 1@2" || b.heard() != "learned1@3 learned2@3" || b.Stats().NotLearned != 1 {
		t.Errorf("full: %s, heard %s", rows(), b.heard())
	}
	b.clear()
	b.after(5 * time.Second)
	b.learn(3, mac(1))
	b.clear()
	b.after(5 * time.Second) // the rows left behind age, and the station is alive
	if rows() != "1@3" || b.heard() != "aged1@1 aged1@2 space" {
		t.Errorf("aged: %s, heard %s", rows(), b.heard())
	}
	b.learn(1, mac(1))
	b.must(b.fdb(setOp(mac(1), 0, 2, 0)))
	if rows() != "1@2" || b.Usage().FDB != 1 {
		t.Errorf("set: %s, use %+v", rows(), b.Usage())
	}
	b.must(b.fdb(deleteOp(mac(1), 0)))
	b.learn(1, mac(1))
	b.learn(2, mac(1))
	b.must(b.fdb(deleteOp(mac(1), 0)))
	if rows() != "" || b.Usage().FDB != 0 {
		t.Errorf("deleted: %s, use %+v", rows(), b.Usage())
	}
	b.learn(1, mac(1))
	b.learn(2, mac(1))
	b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortLeave, Port: 2}))
	if rows() != "1@1" || b.Usage().FDB != 1 {
		t.Errorf("the port of the newest left: %s, use %+v", rows(), b.Usage())
	}
	b.quiet()
}

// TestProfilesAndQuirksHaveNames, and what is none is refused.
func TestProfilesAndQuirksHaveNames(t *testing.T) {
	for p, want := range []string{"autonomous", "secure", "polled", "rocker", "profile(4)"} {
		if got := Profile(p).String(); got != want {
			t.Errorf("profile %d is %q", p, got)
		}
	}
	if n := len(strings.Split((quirksEnd - 1).String(), ",")); n != len(quirkNames) {
		t.Errorf("%d quirks, %d names", n, len(quirkNames))
	}
	if got := (QuirkSilent | quirksEnd).String(); got != "silent,quirks(262144)" {
		t.Error(got)
	}
	for _, hw := range []Hardware{{Profile: numProfiles}, {Poll: -1}, {Quirks: quirksEnd}} {
		if _, err := New(Config{Hardware: hw}); err == nil {
			t.Errorf("%+v is accepted", hw)
		}
	}
}

// TestKnownStationsCostNoAllocation with any profile, also where the chip waits for
// software to write the row.
func TestKnownStationsCostNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for p := range numProfiles {
		b := profileBench(t, p, Config{Host: Host{Queue: -1}})
		b.must(b.fdb(setOp(mac(1), 0, 1, 0), setOp(mac(2), 0, 2, 0)))
		for id := range switchdev.PortID(3) {
			b.Port(id + 1).OnEgress(nil)
		}
		known, asked := frame(mac(2), mac(1)), frame(mac(2), mac(3))
		port := b.Port(3)
		port.Ingress(asked)
		for name, f := range map[string]func(){"known": func() { b.Port(1).Ingress(known) }, "heard before": func() { port.Ingress(asked) }} {
			if n := testing.AllocsPerRun(200, f); n != 0 {
				t.Errorf("%v, %s: %v allocations", p, name, n)
			}
		}
	}
}
