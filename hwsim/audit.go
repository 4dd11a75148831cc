package hwsim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// Rule names what an auditor holds a log against.
type Rule string

// The rules of [Audit].
const (
	// RuleFold: the rows at the end are what the executed operations add up to.
	RuleFold Rule = "fold"
	// RuleKey: no two FDB operations of one key and domain are in flight at
	// once.
	RuleKey Rule = "one-per-key"
	// RuleBatch: no two batches of one role are in flight at once.
	RuleBatch Rule = "one-batch-per-role"
	// RuleVLAN: where VLANs are filtered, a membership is there before the rows
	// of its VLAN and goes after them.
	RuleVLAN Rule = "vlan-before-fdb"
	// RuleLeave: nothing is set on a port that has left, before it joins again.
	RuleLeave Rule = "after-leave"
	// RuleLAG: a port is a link of one LAG at most, and no member of a domain by
	// itself meanwhile; nothing is set on a link, nor on a LAG that has ended
	// before it is made again.
	RuleLAG Rule = "lag"
	// RuleEpoch: epochs never go back, and change only by a reset.
	RuleEpoch Rule = "epoch"
	// RuleBudget: no table exceeds its limit or the shared budget.
	RuleBudget Rule = "budget"
	// RuleRepeat: repeating an operation whose effect is there succeeds and
	// changes nothing.
	RuleRepeat Rule = "repeat"
	// RuleAnswer: an operation has a token, is executed between being handed
	// over and being answered, once, and nil is answered only to what was
	// executed.
	RuleAnswer Rule = "answer"
	// RuleAcknowledged: when nothing is in flight the rows are what the answers
	// said. It is judged by what callers were told alone, where RuleFold trusts
	// what the chip wrote down of itself.
	RuleAcknowledged Rule = "acknowledged"
	// RuleCorrupt: a row differs from what was acknowledged, and a fault or a
	// quirk of the chip is to blame. It is the device that broke its word, and
	// neither rule above is held against those who drive it for such a row.
	RuleCorrupt Rule = "corrupt"
)

// Violation is a rule that was broken.
type Violation struct {
	Rule   Rule
	Record Record // the operation that broke it; zero where it was none
	Detail string
}

// String returns the violation as one line.
func (v Violation) String() string {
	text := string(v.Rule) + ": " + v.Detail
	if v.Record.Submitted.Seq != 0 {
		text += " [" + v.Record.String() + "]"
	}
	return text
}

// History is what [Audit] judges: a chip's log and how it ended.
type History struct {
	// Records is the log, in the order of submission.
	Records []Record
	// Whole tells that nothing is missing at the beginning. Without it the
	// rules that need to know the beginning judge only what the log shows.
	Whole bool
	// Rows is the forwarding database at the end.
	Rows   []Row
	Limits switchdev.Limits
}

// History returns the log and the state at one moment.
func (c *Chip) History() History {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return History{
		Records: c.log.records(), Whole: c.log.total == uint64(len(c.log.ring)) && c.log.capacity > 0,
		Rows: c.allRows(), Limits: c.cfg.Limits,
	}
}

// Audit holds what the chip remembers against the rules. It returns nil when
// none is broken. Some rules bind the chip, others those who drive it.
func (c *Chip) Audit() []Violation { return Audit(c.History()) }

// Audit holds a history against the rules.
func Audit(h History) []Violation {
	a := &auditor{history: h}
	a.overlaps()
	a.answers()
	a.replay()
	a.compare()
	a.acknowledged()
	return a.found
}

type memberKey struct {
	domain switchdev.Domain
	port   switchdev.PortID
	vlan   switchdev.VLAN
}

type portKey struct {
	domain switchdev.Domain
	port   switchdev.PortID
}

type wantedRow struct {
	port  switchdev.PortID
	flags switchdev.FDBFlags
	gen   switchdev.Generation
}

// auditor is a slow and obvious model of the chip.
type auditor struct {
	history   History
	found     []Violation
	rows      map[rowKey]wantedRow
	touched   map[rowKey]bool // rows of which the log tells
	members   map[memberKey]bool
	filtering map[switchdev.Domain]bool
	left      map[portKey]bool
	gone      map[switchdev.PortID]bool
	joined    map[portKey]bool
	lags      map[switchdev.PortID][]switchdev.PortID // the links of each
	ended     map[switchdev.PortID]bool               // numbers of LAGs that were
	epoch     switchdev.Epoch
	cleared   bool // a reset was seen: the beginning no longer matters
	// corrupt holds why a row, and corruptMember that a membership, may be other
	// than it was acknowledged to be.
	corrupt       map[rowKey]string
	corruptMember map[memberKey]bool
	corruptLAG    map[switchdev.PortID]bool // whose links may be others
}

func (a *auditor) blame(rule Rule, r *Record, format string, args ...any) {
	v := Violation{Rule: rule, Detail: fmt.Sprintf(format, args...)}
	if r != nil {
		v.Record = *r
	}
	a.found = append(a.found, v)
}

// overlaps checks what is in flight at once: it follows the moments of handing
// over and answering in their order.
func (a *auditor) overlaps() {
	type moment struct {
		seq   uint64
		start bool
		r     *Record
	}
	var moments []moment
	for i := range a.history.Records {
		r := &a.history.Records[i]
		if r.Batch == 0 {
			continue
		}
		moments = append(moments, moment{r.Submitted.Seq, true, r})
		if r.Returned.Seq != 0 {
			moments = append(moments, moment{r.Returned.Seq, false, r})
		}
	}
	slices.SortStableFunc(moments, func(x, y moment) int { return cmp.Compare(x.seq, y.seq) })
	keys := make(map[rowKey]int)
	batches := make(map[Role]map[OperationID]int)
	for _, m := range moments {
		k, isRow := makeRowKey(m.r.Domain, m.r.Key), m.r.Role == RoleFDB
		if batches[m.r.Role] == nil {
			batches[m.r.Role] = make(map[OperationID]int)
		}
		flying := batches[m.r.Role]
		if !m.start {
			if isRow {
				keys[k]--
			}
			if flying[m.r.Batch]--; flying[m.r.Batch] == 0 {
				delete(flying, m.r.Batch)
			}
			continue
		}
		flying[m.r.Batch]++
		if len(flying) > 1 && flying[m.r.Batch] == 1 {
			a.blame(RuleBatch, m.r, "%d batches of role %s in flight", len(flying), m.r.Role)
		}
		if !isRow {
			continue
		}
		if keys[k]++; keys[k] > 1 {
			a.blame(RuleKey, m.r, "%d operations of %s in flight", keys[k], m.r.Key)
		}
	}
}

// answers checks each record by itself, and that a batch runs in order.
func (a *auditor) answers() {
	last := make(map[OperationID]uint64)
	for i := range a.history.Records {
		r := &a.history.Records[i]
		executed, returned := r.Executed.Seq, r.Returned.Seq
		switch {
		case r.Batch != 0 && r.Role != RoleReset && r.Token == 0 && r.Outcome == nil && executed != 0:
			a.blame(RuleAnswer, r, "executed without a token")
		case executed != 0 && executed < r.Submitted.Seq:
			a.blame(RuleAnswer, r, "executed before it was handed over")
		case returned != 0 && returned < max(executed, r.Submitted.Seq):
			a.blame(RuleAnswer, r, "answered before it was executed")
		case returned != 0 && r.Err == nil && executed == 0:
			a.blame(RuleAnswer, r, "answered nil and never executed")
		case executed != 0 && r.Err == nil && r.Epoch == 0:
			a.blame(RuleAnswer, r, "executed in no epoch")
		case executed != 0 && returned != 0 && (r.Err == nil) != (r.Outcome == nil) && !errors.Is(r.Err, switchdev.ErrOutcomeUnknown):
			a.blame(RuleAnswer, r, "answered %v, and the outcome was %v", r.Err, r.Outcome)
		case r.Batch != 0 && executed != 0 && executed < last[r.Batch]:
			a.blame(RuleAnswer, r, "out of order in its batch")
		}
		if executed != 0 {
			last[r.Batch] = executed
		}
	}
}
