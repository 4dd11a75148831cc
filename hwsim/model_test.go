package hwsim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
	"pgregory.net/rapid"
)

// slowChip is what a chip is to do with its tables: lists, searched from the
// front.
type slowChip struct {
	profile Profile
	oldest  bool // frames go by the oldest row of a key
	limits  switchdev.Limits
	rows    []slowRow // the newest first, or the oldest
	members []memberKey
	ageing  map[switchdev.Domain]time.Duration
	domain  map[switchdev.PortID]switchdev.Domain // absent: none
	now     time.Duration
}

type slowRow struct {
	domain switchdev.Domain
	key    switchdev.FDBKey
	port   switchdev.PortID
	told   bool
	heard  time.Duration
}

func (m *slowChip) used() int { return len(m.rows) + len(m.members) }

func (m *slowChip) row(d switchdev.Domain, k switchdev.FDBKey) *slowRow {
	for i := range m.rows {
		if m.rows[i].domain == d && m.rows[i].key == k {
			return &m.rows[i]
		}
	}
	return nil
}

func (m *slowChip) room(n, limit int) bool {
	return (limit == 0 || n < limit) && (m.limits.Shared == 0 || m.used() < m.limits.Shared)
}

func (m *slowChip) set(d switchdev.Domain, k switchdev.FDBKey, p switchdev.PortID) error {
	if m.row(d, k) == nil && !m.room(len(m.rows), m.limits.FDB) {
		return switchdev.ErrNoSpace
	}
	m.drop(func(r slowRow) bool { return r.domain == d && r.key == k })
	m.add(slowRow{d, k, p, true, m.now})
	return nil
}

func (m *slowChip) add(r slowRow) {
	if m.oldest {
		m.rows = append(m.rows, r)
		return
	}
	m.rows = slices.Insert(m.rows, 0, r)
}

func (m *slowChip) drop(match func(slowRow) bool) { m.rows = slices.DeleteFunc(m.rows, match) }

func (m *slowChip) hear(p switchdev.PortID, k switchdev.FDBKey) {
	d, joined := m.domain[p]
	if !joined {
		return
	}
	r := m.row(d, k)
	if m.oldest && m.profile != Secure {
		m.hearAt(d, p, k)
		return
	}
	switch room := m.room(len(m.rows), m.limits.FDB); {
	case r != nil && r.port == p:
		r.heard = m.now
	case m.profile == Secure, r != nil && r.told:
	case r != nil && m.profile != Rocker:
		r.port, r.heard = p, m.now
	case slices.ContainsFunc(m.rows, func(r slowRow) bool { return r.domain == d && r.key == k && r.port == p }):
		m.drop(func(r slowRow) bool { return r.domain == d && r.key == k && r.port == p })
		m.add(slowRow{d, k, p, false, m.now})
	case room:
		m.add(slowRow{d, k, p, false, m.now})
	}
}

// hearAt is what a chip does whose ports don't know of each other's rows.
func (m *slowChip) hearAt(d switchdev.Domain, p switchdev.PortID, k switchdev.FDBKey) {
	for i, r := range m.rows {
		if r.domain == d && r.key == k && r.port == p {
			m.rows[i].heard = m.now
			return
		}
	}
	if m.room(len(m.rows), m.limits.FDB) {
		m.add(slowRow{d, k, p, false, m.now})
	}
}

func (m *slowChip) age() {
	m.drop(func(r slowRow) bool {
		ageing, ok := m.ageing[r.domain]
		if !ok {
			ageing = defaultAgeing
		}
		return !r.told && m.now-r.heard >= ageing
	})
}

func (m *slowChip) text() string {
	rows := slices.Clone(m.rows)
	slices.SortStableFunc(rows, func(a, b slowRow) int {
		return cmp.Or(cmp.Compare(a.domain, b.domain), a.key.Compare(b.key))
	})
	text := ""
	for _, r := range rows {
		text += fmt.Sprintln(r.domain, r.key, r.port, r.told, m.now-r.heard)
	}
	return text + fmt.Sprintln(len(m.members))
}

func (b *bench) text() string {
	text := ""
	for _, r := range b.Rows() {
		text += fmt.Sprintln(r.Domain, r.Key, r.Port, r.Flags&switchdev.FDBHWLearned == 0, r.Age)
	}
	return text + fmt.Sprintln(b.Usage().VLANs)
}

// TestTablesAgreeWithSlowModel drives the tables, the budget, learning and
// ageing at random.
func TestTablesAgreeWithSlowModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limits := switchdev.Limits{
			FDB:    rapid.IntRange(0, 5).Draw(rt, "FDB"),
			VLANs:  rapid.IntRange(0, 4).Draw(rt, "VLANs"),
			Shared: rapid.IntRange(0, 6).Draw(rt, "Shared"),
		}
		profile := rapid.SampledFrom([]Profile{Autonomous, Secure, Polled, Rocker, Rocker}).Draw(rt, "profile")
		oldest := rapid.IntRange(0, 2).Draw(rt, "oldest row wins") == 0
		hw := Hardware{Profile: profile, Refresh: -1}
		if oldest {
			hw.Quirks = QuirkOldestRowWins
		}
		b := newBench(t, Config{Limits: limits, Hardware: hw})
		defer b.Close()
		m := &slowChip{profile: profile, oldest: oldest, limits: limits, ageing: map[switchdev.Domain]time.Duration{}, domain: map[switchdev.PortID]switchdev.Domain{}}
		for p := range switchdev.PortID(rapid.IntRange(0, 3).Draw(rt, "joined")) {
			b.randomPort(0, p+1, m, func(got, _ error) { b.must(got) })
		}
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			b.randomStep(rt, m)
			if got, want := b.text(), m.text(); got != want {
				rt.Fatalf("chip:\n%s\nmodel:\n%s", got, want)
			}
		}
		for _, v := range b.Audit() {
			if v.Rule != RuleLeave { // the driver here sets rows wherever it likes
				rt.Error(v)
			}
		}
	})
}

func (b *bench) randomStep(rt *rapid.T, m *slowChip) {
	d := switchdev.Domain(rapid.IntRange(0, 3).Draw(rt, "domain") / 3) // mostly the first
	p := switchdev.PortID(rapid.IntRange(1, 3).Draw(rt, "port"))
	v := switchdev.VLAN(rapid.IntRange(1, 3).Draw(rt, "vlan"))
	mac := switchdev.MACFromUint64(macA.Uint64() + uint64(rapid.IntRange(0, 2).Draw(rt, "station")))
	key := switchdev.FDBKey{MAC: mac}
	same := func(got, want error) {
		if (got == nil) != (want == nil) || want != nil && !errors.Is(got, want) {
			rt.Fatalf("answered %v, want %v", got, want)
		}
	}
	switch rapid.SampledFrom([]int{0, 1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 8, 9}).Draw(rt, "what") {
	case 0, 1:
		op := setOp(mac, 0, p, 0)
		op.Domain = d
		same(b.fdb(op), m.set(d, key, p))
	case 2:
		op := deleteOp(mac, 0)
		op.Domain = d
		same(b.fdb(op), nil)
		m.drop(func(r slowRow) bool { return r.domain == d && r.key == key })
	case 3:
		b.randomPort(d, p, m, same)
	case 4, 5:
		b.Port(p).Ingress(frame(switchdev.Broadcast(), mac))
		m.hear(p, key)
	case 6:
		step := time.Duration(rapid.IntRange(0, 200).Draw(rt, "seconds")) * time.Second
		m.now += step
		m.age()
		b.after(step)
	case 7:
		k := memberKey{d, p, v}
		op := memberOp(p, v, 0)
		op.Domain = d
		want := error(nil)
		if !slices.Contains(m.members, k) {
			if m.room(len(m.members), m.limits.VLANs) {
				m.members = append(m.members, k)
			} else {
				want = switchdev.ErrNoSpace
			}
		}
		same(b.vlans(op), want)
	case 8:
		op := switchdev.VLANOp{Verb: switchdev.VLANDeleteMember, Port: p, VLAN: v}
		op.Domain = d
		same(b.vlans(op), nil)
		m.members = slices.DeleteFunc(m.members, func(k memberKey) bool { return k == memberKey{d, p, v} })
	case 9:
		op := switchdev.FDBFlushOp{Port: p}
		op.Domain = d
		same(b.flushLearnedRows(op), nil)
		m.drop(func(r slowRow) bool { return r.domain == d && r.port == p && !r.told })
	}
}

func (b *bench) randomPort(d switchdev.Domain, p switchdev.PortID, m *slowChip, same func(got, want error)) {
	old, joined := m.domain[p]
	if !joined || old != d {
		op := joinOp(p)
		op.Domain = d
		if joined {
			same(b.ports(op), switchdev.ErrBusy)
			return
		}
		same(b.ports(op), nil)
		m.domain[p] = d
		return
	}
	op := switchdev.PortOp{Verb: switchdev.PortLeave, Port: p}
	op.Domain = d
	same(b.ports(op), nil)
	delete(m.domain, p)
	m.drop(func(r slowRow) bool { return r.domain == d && r.port == p })
	m.members = slices.DeleteFunc(m.members, func(k memberKey) bool { return k.domain == d && k.port == p })
}
