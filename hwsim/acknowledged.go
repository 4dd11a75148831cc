package hwsim

import (
	"cmp"
	"errors"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// believer is the second model of the auditor: what somebody who got the answers,
// and nothing else, may believe about the rows at the end.
type believer struct {
	*auditor
	final      switchdev.Epoch
	keys       map[rowKey]*belief
	departures []departure
}

// belief is what one key may hold. An answer that nobody understood leaves more
// than one possibility.
type belief struct {
	vague      bool // anything: the beginning is not known
	none       bool // perhaps no row
	rows       []wantedRow
	start, end uint64 // of the last operation, from handing over to answer
}

// departure is a port that left a domain, or the chip.
type departure struct {
	domain     switchdev.Domain
	all        bool // every domain
	port       switchdev.PortID
	start, end uint64
}

func (d *departure) concerns(k rowKey, w wantedRow) bool {
	return (d.all || d.domain == k.domain) && d.port == w.port && w.flags&switchdev.FDBLocal == 0
}

// acknowledged holds the rows at the end against the answers, if there is none
// outstanding.
func (a *auditor) acknowledged() {
	b := &believer{auditor: a, keys: make(map[rowKey]*belief)}
	order := make([]*Record, 0, len(a.history.Records))
	for i := range a.history.Records {
		r := &a.history.Records[i]
		if r.Returned.Seq == 0 {
			return // in flight: not the time to judge
		}
		b.final = max(b.final, r.Epoch)
		order = append(order, r)
	}
	slices.SortStableFunc(order, func(x, y *Record) int { return cmp.Compare(x.Returned.Seq, y.Returned.Seq) })
	for _, r := range order {
		b.hear(r)
	}
	b.judge()
}

func (b *believer) hear(r *Record) {
	unknown := errors.Is(r.Err, switchdev.ErrOutcomeUnknown)
	switch {
	case r.Err != nil && !unknown, r.Err == nil && r.Epoch < b.final:
		return // not done, or undone by a reset
	case r.Role == RoleFDB && r.Batch != 0:
		b.hearRow(r, unknown)
	case r.Role == RolePort && (r.Verb == "leave" || r.Verb == "gone"), r.Role == RoleLAG && r.Verb == "delete":
		b.hearDeparture(departure{r.Domain, r.Verb != "leave", r.Port, r.Submitted.Seq, r.Returned.Seq}, unknown)
	}
}

func (b *believer) hearRow(r *Record, unknown bool) {
	k := makeRowKey(r.Domain, r.Key)
	s := b.keys[k]
	if s == nil {
		s = &belief{none: true, vague: !b.knowsAll()}
		b.keys[k] = s
	}
	if !unknown {
		*s = belief{}
	}
	s.start, s.end = r.Submitted.Seq, r.Returned.Seq
	if r.Verb == "delete" {
		s.none = true
		return
	}
	want := wantedRow{r.Port, r.Flags &^ switchdev.FDBHWLearned, r.Gen}
	s.rows = append(s.rows, want)
	for _, d := range b.departures {
		if d.concerns(k, want) && d.end > s.start {
			s.none = true // the port may have left before or after
		}
	}
}

func (b *believer) hearDeparture(d departure, unknown bool) {
	b.departures = append(b.departures, d)
	for k, s := range b.keys {
		for i := len(s.rows) - 1; i >= 0; i-- {
			if !d.concerns(k, s.rows[i]) {
				continue
			}
			s.none = true
			if !unknown && s.end < d.start {
				s.rows = slices.Delete(s.rows, i, i+1)
			}
		}
	}
}

func (b *believer) judge() {
	have := make(map[rowKey]wantedRow)
	for _, row := range b.history.Rows {
		k := makeRowKey(row.Domain, row.Key)
		if _, second := have[k]; !second && row.Flags&switchdev.FDBHWLearned == 0 {
			have[k] = wantedRow{row.Port, row.Flags, row.Gen}
		}
	}
	keys := make([]rowKey, 0, len(b.keys))
	for k := range b.keys {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareRowKey)
	for _, k := range keys {
		s := b.keys[k]
		got, ok := have[k]
		switch {
		case s.vague, !ok && s.none, ok && slices.Contains(s.rows, got):
		case !ok:
			b.blameRow(RuleAcknowledged, k, "no row, and the answers say %+v", s.rows)
		default:
			b.blameRow(RuleAcknowledged, k, "row %+v, and the answers say %+v or none %t", got, s.rows, s.none)
		}
	}
}
