package hwsim

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestQuirksGoWrongAsTheirDriversDo: each quirk's defect shows, is counted and
// noted, and is the chip's fault to the auditor. Without the quirk the same calls
// are sound.
func TestQuirksGoWrongAsTheirDriversDo(t *testing.T) {
	user := switchdev.FDBUser
	tests := []struct {
		quirk  Quirks
		do     func(b *bench) string
		wrong  string // with the quirk
		right  string
		silent bool // nothing is answered that was not done
	}{
		{QuirkStaleRowOnMove, func(b *bench) string {
			b.must(b.fdb(setOp(mac(1), 0, 1, 0)))
			b.must(b.fdb(setOp(mac(1), 0, 2, 0)))
			text := fmt.Sprint(len(b.Rows()), b.told(3, frame(mac(1), mac(3))))
			op := deleteOp(mac(1), 0)
			op.Entry.Port = 2
			b.must(b.fdb(op))
			return text + b.rowsAt()
		}, "2[2] learned3@31.3.", "1[2] learned3@3..3.", false},
		{QuirkDeleteUserOnly, func(b *bench) string {
			b.must(b.fdb(setOp(mac(1), 0, 1, 0), setOp(mac(2), 0, 1, user)))
			b.must(b.fdb(deleteOp(mac(1), 0), deleteOp(mac(2), 0)))
			return b.rowsAt()
		}, "1...", "....", false},
		{QuirkOffloadBeforeWrite, func(b *bench) string {
			b.must(b.fdb(setOp(mac(1), 0, 1, 0), setOp(mac(2), 0, 2, 0)))
			text := b.rowsAt()
			b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortLeave, Port: 1})) // before the write
			b.after(time.Millisecond)
			return text + b.rowsAt()
		}, "....12..", "12...2..", false},
		{QuirkStaticOverLearnedIgnored, func(b *bench) string {
			b.learn(1, mac(1))
			b.must(b.fdb(setOp(mac(1), 0, 1, switchdev.FDBStatic)))
			b.after(time.Hour)
			return b.rowsAt()
		}, "....", "1...", false},
		{QuirkAddOutsideVLANSucceeds, func(b *bench) string {
			b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: true}))
			b.must(b.vlans(memberOp(1, 10, 0)))
			b.must(b.fdb(setOp(mac(1), 10, 1, 0), setOp(mac(2), 10, 2, 0)))
			return b.rowsAt()
		}, "1...", "12..", false},
		{QuirkErrorsSwallowed, func(b *bench) string {
			b.inject("refuse:fdb:count=1")
			return fmt.Sprint(errors.Is(b.fdb(setOp(mac(1), 0, 1, 0)), switchdev.ErrBusy), b.rowsAt())
		}, "false....", "true....", false},
		{QuirkDeleteAbsentFails, func(b *bench) string {
			return fmt.Sprint(errors.Is(b.fdb(deleteOp(mac(1), 0)), switchdev.ErrNotExist))
		}, "true", "false", true},
		{QuirkStaticOnly, func(b *bench) string {
			return fmt.Sprint(errors.Is(b.fdb(setOp(mac(1), 0, 1, 0)), errors.ErrUnsupported), b.fdb(setOp(mac(2), 0, 1, switchdev.FDBStatic)), b.rowsAt())
		}, "true <nil>.1..", "false <nil>11..", true},
		{QuirkSilent, func(b *bench) string {
			b.clear()
			b.learn(1, mac(1))
			b.learn(2, mac(1))
			text := b.rowsAt()
			b.after(time.Hour)
			return text + b.rowsAt() + b.heard()
		}, "2.......", "2.......learned1@1 learned1@2 aged1@2", true},
		{QuirkRowsSurviveLeave, func(b *bench) string {
			b.must(b.fdb(setOp(mac(1), 0, 1, 0), setOp(mac(2), 0, 2, 0)))
			b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortLeave, Port: 1}))
			return b.rowsAt()
		}, "12..", ".2..", false},
		{QuirkLAGRowsSurvive, func(b *bench) string {
			for range 2 {
				b.must(b.lags(lagOp(9, 4)))
				b.join(0, 9)
				if len(b.Rows()) == 0 {
					b.must(b.fdb(setOp(mac(1), 0, 9, 0), setOp(mac(2), 0, 2, 0)))
				} else {
					break
				}
				b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortLeave, Port: 9}))
				b.must(b.lags(switchdev.LAGOp{Verb: switchdev.LAGDelete, Port: 9}))
			}
			b.learn(3, mac(3))
			return b.rowsAt() + b.outcome(3, frame(mac(1), mac(3)))
		}, "923.[4]", ".23.[1 2 4 host:unknown+]", false},
		{QuirkOldestRowWins, func(b *bench) string {
			b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrAgeing, Ageing: 10 * time.Second}))
			b.learn(1, mac(1))
			b.after(5 * time.Second)
			b.learn(2, mac(1))
			text := fmt.Sprint(len(b.Rows()), b.told(3, frame(mac(1), mac(3))))
			b.after(5 * time.Second)
			text += b.told(3, frame(mac(1), mac(3)))
			b.must(b.fdb(setOp(mac(1), 0, 3, 0)))
			return text + b.rowsAt()
		}, "2[1] learned3@3[2] learned3@33.3.", "1[2] learned3@3[2] learned3@33.3.", true},
		{QuirkSetRowsSurviveLeave, func(b *bench) string {
			b.must(b.fdb(setOp(mac(1), 0, 1, 0), setOp(mac(2), 0, 2, 0)))
			b.learn(1, mac(3))
			b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortLeave, Port: 1}))
			return b.rowsAt()
		}, "12..", ".2..", false},
		{QuirkRowsSurviveVLAN, func(b *bench) string {
			b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: true}))
			b.must(b.vlans(memberOp(1, 10, switchdev.VLANPVID|switchdev.VLANUntagged)))
			b.clear()
			b.learn(1, mac(1))
			b.must(b.vlans(switchdev.VLANOp{Verb: switchdev.VLANDeleteMember, Port: 1, VLAN: 10}))
			return b.rowsAt() + b.heard()
		}, "1...learned1@1", "....learned1@1 flushed", false},
		{QuirkUntaggedInVLANZero, func(b *bench) string {
			b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: true}))
			b.must(b.vlans(memberOp(1, 10, switchdev.VLANPVID|switchdev.VLANUntagged)))
			text := b.told(1, frame(mac(2), mac(1)))
			return fmt.Sprint(text, b.Rows()[0].Key.VLAN, b.traps)[:len(text)+1]
		}, "[2 3 host:unknown+] learned1@10", "[drop1:no-port] learned1@11", true},
		{QuirkAgeingAtJoin, func(b *bench) string {
			b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrAgeing, Ageing: 10 * time.Second}))
			b.join(0, 4)
			b.learn(1, mac(1))
			b.learn(4, mac(4))
			b.after(10 * time.Second)
			return b.rowsAt()
		}, "1...", "....", false},
		{QuirkDownDropsLearned, func(b *bench) string {
			b.clear()
			text := ""
			for _, s := range []switchdev.PortState{switchdev.PortLearning, switchdev.PortBlocking, switchdev.PortDisabled} {
				b.must(b.ports(stateOp(1, switchdev.PortForwarding)))
				b.learn(1, mac(1))
				b.must(b.ports(stateOp(1, s)))
				text += b.rowsAt()[:1]
			}
			return text + b.heard()
		}, "1..learned1@1 learned1@1", "111learned1@1", true},
		{QuirkFloodLost, func(b *bench) string {
			b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortLeave, Port: 1}))
			text := b.outcome(2, frame(mac(9), mac(2)))
			b.join(0, 1)
			return text + b.outcome(2, frame(mac(9), mac(2)))
		}, "[drop2:no-port][1 3 host:unknown+]", "[3 host:unknown+][1 3 host:unknown+]", true},
	}
	seen := Quirks(0)
	for _, tt := range tests {
		seen |= tt.quirk
		for _, q := range []Quirks{tt.quirk, 0} {
			b := newBench(t, Config{Hardware: Hardware{Quirks: q}})
			b.join(0, 1, 2, 3)
			want := tt.right
			if q != 0 {
				want = tt.wrong
			}
			if got := tt.do(b); got != want {
				t.Errorf("%v, turned on %t: %q, want %q", tt.quirk, q != 0, got, want)
			}
			noted := Quirks(0)
			for r := range b.Chip.Log() {
				noted |= r.Quirks
			}
			if lies := q != 0 && !tt.silent; lies != (noted == q && q != 0) || lies != (b.Stats().Quirks > 0) {
				t.Errorf("%v, turned on %t: noted %v, counted %d", tt.quirk, q != 0, noted, b.Stats().Quirks)
			}
			for _, v := range b.Audit() { // a row outside its VLAN is the user's own doing
				if v.Rule != RuleCorrupt && v.Rule != RuleVLAN {
					t.Errorf("%v, turned on %t: %v", tt.quirk, q != 0, v)
				}
			}
		}
	}
	if seen != quirksEnd-1 {
		t.Errorf("not every quirk was tried: %v", quirksEnd-1&^seen)
	}
}

// TestStaleRowComesToLife: the failure class "two rows for one MAC".
func TestStaleRowComesToLife(t *testing.T) {
	b := newBench(t, Config{Hardware: Hardware{Profile: Rocker, Quirks: QuirkStaleRowOnMove}})
	b.join(0, 1, 2, 3)
	b.must(b.fdb(setOp(mac(1), 0, 1, 0)))
	b.must(b.fdb(setOp(mac(1), 0, 2, 0)))
	b.must(b.fdb(deleteOp(mac(1), 0))) // software deletes, and the old row is there
	b.learn(3, mac(3))
	if got := b.outcome(3, frame(mac(1), mac(3))); got != "[1]" {
		t.Errorf("a frame for the deleted station: %s", got)
	}
	if got := b.corrupted(); got != string(RuleCorrupt) {
		t.Errorf("the auditor found %q", got)
	}
	b.must(b.fdb(deleteOp(mac(1), 0)))
	if b.rowsAt() != "..3." {
		t.Errorf("rows %s", b.rowsAt())
	}
	b.quiet()
}
