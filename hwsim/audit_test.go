package hwsim

import (
	"slices"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// soundHistory is a short run that breaks no rule: every rule's test doctors
// it.
func soundHistory(t *testing.T) *bench {
	b := newBench(t, Config{Limits: switchdev.Limits{FDB: 8, VLANs: 8, Shared: 12}})
	b.join(0, 1, 2)
	b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: true}))
	b.must(b.vlans(memberOp(1, 10, 0), memberOp(2, 10, 0)))
	b.must(b.fdb(setOp(macA, 10, 1, 0), setOp(macB, 10, 2, 0)))
	b.must(b.fdb(setOp(macA, 10, 1, 0))) // repeated below with the same generation
	b.must(b.fdb(deleteOp(macB, 10)))
	b.must(b.vlans(switchdev.VLANOp{Verb: switchdev.VLANDeleteMember, Port: 2, VLAN: 10}))
	b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortLeave, Port: 2}))
	return b
}

// pick returns the nth record of a role and verb, counted from 0.
func pick(h *History, role Role, verb string, n int) *Record {
	for i := range h.Records {
		r := &h.Records[i]
		if r.Role == role && r.Verb == verb {
			if n == 0 {
				return r
			}
			n--
		}
	}
	panic("no such record")
}

// TestAuditFindsEachBrokenRule: every rule can fail, and a sound history breaks
// none.
func TestAuditFindsEachBrokenRule(t *testing.T) {
	sound := soundHistory(t)
	if found := sound.Audit(); found != nil {
		t.Fatalf("a sound history: %v", found)
	}
	tests := []struct {
		name   string
		rule   Rule
		doctor func(h *History)
	}{
		{"a row is missing", RuleFold, func(h *History) { h.Rows = nil }},
		{"a row is elsewhere", RuleFold, func(h *History) { h.Rows[0].Port = 2 }},
		{"a row that nobody set", RuleFold, func(h *History) {
			extra := h.Rows[0]
			extra.Key.MAC = macC
			h.Rows = append(h.Rows, extra)
		}},
		{"a set went elsewhere", RuleFold, func(h *History) { pick(h, RoleFDB, "set", 2).Gen++ }},
		{"two rows of a key", RuleFold, func(h *History) {
			second := h.Rows[0]
			second.Port = 2
			h.Rows = append(h.Rows, second)
		}},
		{"the answers say otherwise", RuleAcknowledged, func(h *History) { r := pick(h, RoleFDB, "set", 2); r.Port = 2 }},
		{"an answer of a delete says otherwise", RuleAcknowledged, func(h *History) { pick(h, RoleFDB, "delete", 0).Key = pick(h, RoleFDB, "set", 0).Key }},
		{"a row that the answer lacks", RuleAcknowledged, func(h *History) { h.Rows = nil }},
		{"a row is corrupt", RuleCorrupt, func(h *History) {
			pick(h, RoleFDB, "set", 2).Faults = 1 << FaultMisplace
			h.Rows[0].Port = 2
		}},
		{"a quirk left a row", RuleCorrupt, func(h *History) {
			pick(h, RoleFDB, "set", 2).Quirks = QuirkStaleRowOnMove
			second := h.Rows[0]
			second.Port = 2
			h.Rows = append(h.Rows, second)
		}},
		{"two operations of one key", RuleKey, func(h *History) { pick(h, RoleFDB, "set", 0).Returned.Seq = 1 << 20 }},
		{"one key twice in a batch", RuleKey, func(h *History) { pick(h, RoleFDB, "set", 1).Key = pick(h, RoleFDB, "set", 0).Key }},
		{"two batches of one role", RuleBatch, func(h *History) { pick(h, RolePort, "join", 0).Returned.Seq = 1 << 20 }},
		{"row before its VLAN", RuleVLAN, func(h *History) { pick(h, RoleVLAN, "set", 0).Outcome = switchdev.ErrNoSpace }},
		{"VLAN deleted before its row", RuleVLAN, func(h *History) { pick(h, RoleVLAN, "delete", 0).Port = 1 }},
		{"a row after the leave", RuleLeave, func(h *History) {
			r := *pick(h, RoleFDB, "set", 0)
			r.Port, r.Batch = 2, 99
			r.Submitted.Seq, r.Executed.Seq, r.Returned.Seq = 1001, 1002, 1003
			h.Records = append(h.Records, r)
		}},
		{"a VLAN after the port was removed", RuleLeave, func(h *History) {
			gone := Record{Operation: Operation{Role: RolePort, Verb: "gone", Port: 1}, Epoch: 1,
				Submitted: Stamp{Seq: 1000}, Executed: Stamp{Seq: 1000}, Returned: Stamp{Seq: 1000}}
			r := *pick(h, RoleVLAN, "set", 0)
			r.Batch = 99
			r.Submitted.Seq, r.Executed.Seq, r.Returned.Seq = 1001, 1002, 1003
			h.Records = append(h.Records, gone, r)
			h.Rows = nil
		}},
		{"the epoch goes back", RuleEpoch, func(h *History) { pick(h, RolePort, "join", 0).Epoch = 2 }},
		{"the epoch grows without a reset", RuleEpoch, func(h *History) { pick(h, RolePort, "leave", 0).Epoch = 2 }},
		{"a reset without a new epoch", RuleEpoch, func(h *History) {
			r := pick(h, RolePort, "leave", 0)
			r.Role, r.Verb = RoleReset, "reset"
		}},
		{"too many rows", RuleBudget, func(h *History) { h.Limits.FDB = 1 }},
		{"too many memberships", RuleBudget, func(h *History) { h.Limits.VLANs = 1 }},
		{"too much together", RuleBudget, func(h *History) { h.Limits.Shared = 3 }},
		{"a repeated set grows the table", RuleRepeat, func(h *History) { pick(h, RoleFDB, "set", 2).After.FDB++ }},
		{"a repeated set is refused", RuleRepeat, func(h *History) { pick(h, RoleFDB, "set", 2).Outcome = switchdev.ErrNoSpace }},
		{"a repeated membership grows the table", RuleRepeat, func(h *History) {
			r := *pick(h, RoleVLAN, "set", 0)
			r.Batch = 99
			r.Submitted.Seq, r.Executed.Seq, r.Returned.Seq = 1001, 1002, 1003
			h.Records = append(h.Records, r)
		}},
		{"a refusal changes the table", RuleRepeat, func(h *History) { pick(h, RoleFDB, "set", 1).Outcome = switchdev.ErrBusy }},
		{"a delete grows the table", RuleRepeat, func(h *History) {
			r := pick(h, RoleFDB, "delete", 0)
			r.Key.MAC, r.After.FDB = macC, 3
		}},
		{"no token", RuleAnswer, func(h *History) { pick(h, RoleFDB, "set", 0).Token = 0 }},
		{"executed before it came", RuleAnswer, func(h *History) { r := pick(h, RoleFDB, "set", 0); r.Executed.Seq = r.Submitted.Seq - 1 }},
		{"answered before execution", RuleAnswer, func(h *History) { r := pick(h, RoleFDB, "set", 0); r.Returned.Seq = r.Submitted.Seq }},
		{"nil for what was not executed", RuleAnswer, func(h *History) { pick(h, RoleFDB, "set", 0).Executed.Seq = 0 }},
		{"nil for what was refused", RuleAnswer, func(h *History) { pick(h, RoleFDB, "set", 0).Outcome = switchdev.ErrBusy }},
		{"refused what was executed", RuleAnswer, func(h *History) { pick(h, RoleFDB, "set", 0).Err = switchdev.ErrBusy }},
		{"no epoch", RuleAnswer, func(h *History) { pick(h, RoleFDB, "set", 0).Epoch = 0 }},
		{"a batch out of order", RuleAnswer, func(h *History) {
			a, b := pick(h, RoleFDB, "set", 0), pick(h, RoleFDB, "set", 1)
			a.Executed, b.Executed = b.Executed, a.Executed
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := sound.History()
			tt.doctor(&h)
			for _, v := range Audit(h) {
				if v.Rule == tt.rule {
					return
				}
			}
			t.Errorf("%s was not found: %v", tt.rule, Audit(h))
		})
	}
}

// TestAuditBelievesAnswersOnly: what nobody knows is not judged, what is not yet
// answered is not judged yet, and corruption is not blamed on anybody else.
func TestAuditBelievesAnswersOnly(t *testing.T) {
	tests := []struct {
		name   string
		doctor func(h *History)
		want   []Rule
	}{
		{"unknown, and there", func(h *History) { pick(h, RoleFDB, "set", 2).Err = switchdev.ErrOutcomeUnknown }, nil},
		{"unknown, and as before", func(h *History) {
			r := pick(h, RoleFDB, "set", 2)
			r.Err = switchdev.ErrOutcomeUnknown
			h.Rows[0].Gen = pick(h, RoleFDB, "set", 0).Gen
		}, []Rule{RuleFold}},
		{"unknown, and elsewhere", func(h *History) {
			pick(h, RoleFDB, "set", 2).Err = switchdev.ErrOutcomeUnknown
			h.Rows[0].Port = 2
		}, []Rule{RuleFold, RuleAcknowledged}},
		{"not yet answered", func(h *History) {
			pick(h, RolePort, "leave", 0).Returned.Seq = 0
			h.Rows = nil
		}, []Rule{RuleFold}},
		{"corrupt", func(h *History) { pick(h, RoleFDB, "set", 2).Faults = 1 << FaultIgnore; h.Rows = nil }, []Rule{RuleCorrupt}},
		{"corrupt once, sound since, and wrong", func(h *History) {
			pick(h, RoleFDB, "set", 0).Faults = 1 << FaultMisplace
			h.Rows = nil
		}, []Rule{RuleFold, RuleAcknowledged}},
		{"struck by a harmless fault", func(h *History) { pick(h, RoleFDB, "set", 2).Faults = 1 << FaultSlow; h.Rows = nil }, []Rule{RuleFold, RuleAcknowledged}},
	}
	for _, tt := range tests {
		h := soundHistory(t).History()
		tt.doctor(&h)
		var got []Rule
		for _, v := range Audit(h) {
			got = append(got, v.Rule)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestAuditOfPartOfALog: what the ring has dropped is not held against anybody.
func TestAuditOfPartOfALog(t *testing.T) {
	b := newBench(t, Config{Log: LogConfig{Capacity: 5}})
	b.join(0, 1, 2)
	mac := macA
	for range 20 {
		b.must(b.fdb(setOp(mac, 0, 1, 0)))
		mac = mac.Next()
	}
	b.quiet()
	h := b.History()
	if h.Whole || len(h.Records) != 5 || h.Records[0].Key.MAC != macA.Next().Next().Next().Next().Next().Next().Next().Next().Next().Next().Next().Next().Next().Next().Next() {
		t.Errorf("whole %v, %d records", h.Whole, len(h.Records))
	}
	h.Rows = h.Rows[:10]
	if len(Audit(h)) == 0 {
		t.Error("the log tells of rows that are not there, and the auditor is content")
	}
	off := newBench(t, Config{Log: LogConfig{Capacity: -1}})
	off.must(off.fdb(setOp(macA, 0, 1, 0)))
	off.quiet()
	for range off.Chip.Log() {
		t.Error("a log that is off")
	}
}
