package plant

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// job is a flush, a join, a leave or a reconciliation under way.
type job struct {
	what    string
	ticket  *fdb.Ticket
	elapsed time.Duration
	claim   func()          // what changes when the table begins it
	end     func(err error) // checks the outcome
	shared  bool            // another flush ended meanwhile, which may have removed the same
	filter  fdb.Filter      // of a flush
	since   uint64          // the last event when it was submitted
	at      time.Time       // when that was
	fair    bool            // the world was calm when it was submitted
}

// flushes reports whether the job is a flush, or has one in it.
func (j *job) flushes() bool { return j.what == "flush" || j.what == "removeport" }

// lateFlush is a flush that chooses when it is applied.
type lateFlush struct {
	filter fdb.Filter
	job    *job // nil for one of the table's own
}

// filters are what flushes select by; port and VLAN are drawn.
func (p *Plant) filter(kind, port, vlan int64) fdb.Filter {
	q := p.port(port)
	v := switchdev.NoVLAN
	if p.set.vlans > 0 {
		v = switchdev.VLAN(10 * (1 + index(vlan, p.set.vlans)))
	}
	filters := [...]fdb.Filter{
		{OnPort: true, Port: q}, fdb.OnPort(q), fdb.OnPort(q), fdb.Dynamic(), {VLAN: v}, fdb.Everything(),
		{Mask: fdb.User}, {Mask: fdb.Static | fdb.Local, Flags: fdb.Static}, {Mask: fdb.Extern, Flags: fdb.Extern},
		{Mask: fdb.InHardware, Flags: fdb.InHardware}, {Mask: fdb.InHardware | fdb.Static, VLAN: v}, {KeepExtern: true, VLAN: v},
		{Mask: fdb.Static, Flags: fdb.Static | fdb.User}, {Flags: fdb.Static, OnPort: true, Port: q}, {Mask: fdb.Locked, Flags: fdb.Locked},
		{Mask: fdb.Sticky, Flags: fdb.Sticky, OnPort: true, Port: q}, {Mask: fdb.Static | fdb.Local, VLAN: v},
	}
	return filters[index(kind, len(filters))]
}

func (p *Plant) jobOps() []sim.Op {
	draw := func(need bool) func(r *rand.Rand) ([]int64, bool) {
		return func(r *rand.Rand) ([]int64, bool) {
			return []int64{r.Int64N(64), r.Int64N(64), r.Int64N(64)}, !need || len(p.chips) > 0
		}
	}
	return []sim.Op{
		{Name: "flush", Weight: 5, Draw: draw(false), Do: func(a []int64) { p.flush(p.filter(sim.Arg(a, 0), sim.Arg(a, 1), sim.Arg(a, 2))) }},
		{Name: "join", Weight: 3, Draw: draw(true), Do: func(a []int64) { p.member(a, true) }},
		{Name: "leave", Weight: 2, Draw: draw(true), Do: func(a []int64) { p.member(a, false) }},
		{Name: "reconcile", Weight: 3, Draw: draw(true), Do: p.reconcile},
		{Name: "ageing", Weight: 1, Draw: draw(false), Do: p.setAgeing},
		{Name: "topology", Weight: 1, Draw: draw(false), Do: p.topologyChange},
		{Name: "limit", Weight: 2, Draw: draw(false), Do: p.setMax},
		{Name: "removeport", Weight: 1, Draw: draw(false), Do: func(a []int64) { p.removePort(p.port(sim.Arg(a, 0))) }},
		{Name: "addport", Weight: 2, Draw: draw(false), Do: func(a []int64) { p.addPort(a) }},
	}
}

func (p *Plant) addJob(j *job) {
	j.fair, j.since, j.at = p.calm && !p.ponderous(), p.follower.seq, p.w.Now
	p.jobs = append(p.jobs, j)
}

// ponderous reports whether a device may need longer than the timeout for a row of
// every station.
func (p *Plant) ponderous() bool {
	for _, c := range p.chips {
		if 2*c.set.latency*time.Duration(len(p.keys)) > p.set.timeout {
			return true
		}
	}
	return false
}

func (p *Plant) flush(f fdb.Filter) {
	killed, still := p.model.Flush(f), p.toChoose(f)
	p.unread = true
	p.w.Log("flush %+v takes %d", f, len(killed))
	j := &job{what: "flush", filter: f, ticket: p.table.SubmitFlush(f)}
	if oracle.Late(f) {
		p.late = append(p.late, lateFlush{f, j})
		for k, q := range p.queues {
			if len(q) > 0 {
				p.doubt[k] = true // it may come before or after what it chooses from
			}
		}
	}
	j.end = func(err error) {
		p.flushed(j, f, killed, err)
		p.choseAll(j, f, still)
	}
	p.addJob(j)
}

// toChoose are the entries that a flush chooses by the state in hardware, if
// nothing happens to them before it is applied.
func (p *Plant) toChoose(f fdb.Filter) (still map[fdb.Key]oracle.Value) {
	if !oracle.Late(f) || p.drops() {
		return nil
	}
	still = make(map[fdb.Key]oracle.Value)
	for k, e := range p.follower.state {
		v := p.model.Value(k)
		if oracle.Concerns(f, k, v) && chooses(f, e) && !p.doubt[k] && len(p.queues[k]) == 0 && oracle.Of(e).Same(v) {
			still[k] = v
		}
	}
	return still
}

// choseAll: an entry that nothing has happened to since is not there any more.
func (p *Plant) choseAll(j *job, f fdb.Filter, still map[fdb.Key]oracle.Value) {
	for k, v := range still {
		if p.last[k].Seq <= j.since && p.model.Value(k) == v && len(p.queues[k]) == 0 && p.follower.lost == 0 {
			if e, ok := p.follower.state[k]; ok && p.freed[k].Before(j.at) {
				p.w.Fail(invFlush, "flush %+v is over, and %s is still there", f, show(e))
			}
		}
	}
}

// flushed: what the flush removed is gone from the devices, unless something
// else has brought it back.
func (p *Plant) flushed(j *job, f fdb.Filter, killed map[fdb.Key]oracle.Value, err error) {
	if err != nil {
		if j.fair && p.calm {
			p.w.Fail(invFlush, "flush %+v: %v, and no device has a reason", f, err)
		}
		return
	}
	if j.shared {
		return
	}
	for _, other := range p.jobs {
		if other.flushes() {
			return // what was learned since may be waiting for it
		}
	}
	for _, k := range p.keys {
		if _, hit := killed[k]; !hit || p.doubt[k] || p.model.Value(k).Present || len(p.queues[k]) > 0 {
			continue
		}
		if v := p.told(k); v.Present {
			p.w.Fail(invFlush, "flush %+v is over and %v is still %v in main", f, k, v)
		}
		if e := p.last[k]; e.Kind != fdb.Flushed || e.Seq <= j.since {
			continue // it left in another way, and devices follow in their own time
		}
		for _, c := range p.chips {
			if row, on := c.see()[k]; on && !c.unsure() {
				p.w.Fail(invFlush, "flush %+v is over and %s holds %v at %+v", f, c.Name(), k, row)
			}
		}
	}
}

func (p *Plant) member(a []int64, join bool) {
	if len(p.chips) == 0 {
		return
	}
	c := p.chips[index(sim.Arg(a, 0), len(p.chips))]
	port := c.ports[index(sim.Arg(a, 1), len(c.ports))]
	if c.set.everyport {
		return
	}
	p.members++
	j := &job{what: "leave"}
	if join {
		j.what, j.ticket = "join", p.table.SubmitJoin(c.Chip, port)
		p.back(port)
		j.claim = func() { c.claims[port] = true }
		j.end = func(err error) { p.joined(j, c, port, err) }
	} else {
		j.ticket = p.table.SubmitLeave(c.Chip, port)
		j.claim = func() { delete(c.claims, port) }
		j.end = func(err error) { p.left(j, c, port, err) }
	}
	p.addJob(j)
}

func (p *Plant) joined(j *job, c *chip, port switchdev.PortID, err error) {
	if err != nil && j.fair && p.calm {
		p.w.Fail(invConverge, "join of %v on %s: %v, and no device has a reason", port, c.Name(), err)
	}
}

// left: no row of the port is on the device any more (I23).
func (p *Plant) left(j *job, c *chip, port switchdev.PortID, err error) {
	if err != nil {
		if j.fair && p.calm {
			p.w.Fail(invGone, "leave of %v on %s: %v, and no device has a reason", port, c.Name(), err)
		}
		return
	}
	if c.claims[port] || c.unsure() {
		return // it joined again
	}
	rows := c.see()
	for _, k := range p.keys {
		row, on := rows[k]
		if on && row.Port == port && row.Flags&switchdev.FDBLocal == 0 && len(p.queues[k]) == 0 {
			p.w.Fail(invGone, "port %v has left %s, which holds %v at %+v", port, c.Name(), k, row)
		}
	}
}

func (p *Plant) reconcile(a []int64) {
	if len(p.chips) == 0 {
		return
	}
	c := p.chips[index(sim.Arg(a, 0), len(p.chips))]
	still := p.calm && p.quiet()
	j := &job{what: "reconcile", ticket: p.table.SubmitReconcile(c.Chip)}
	j.end = func(err error) {
		switch {
		case err != nil && j.fair && p.calm:
			p.w.Fail(invConverge, "reconcile %s: %v, and no device has a reason", c.Name(), err)
		case err == nil && still && j.elapsed == 0 && !c.unsure() && j.ticket.Count() != 0 && !c.set.ages && !c.set.adopt:
			p.w.Fail(invConverge, "reconcile %s found %d rows that differ, and nothing has happened", c.Name(), j.ticket.Count())
		}
	}
	p.addJob(j)
}

// claimNow lets joins and leaves take effect, as they do when the table is polled.
func (p *Plant) claimNow() {
	for _, j := range p.jobs {
		if j.claim != nil {
			j.claim()
			j.claim = nil
		}
	}
}

func (p *Plant) endJobs() {
	for i := 0; i < len(p.jobs); {
		j := p.jobs[i]
		if !done(j.ticket) {
			i++
			continue
		}
		p.jobs = append(p.jobs[:i:i], p.jobs[i+1:]...)
		if j.flushes() {
			p.grace = p.polled // the sweep gave way to it
			for _, other := range p.jobs {
				other.shared = true
			}
		}
		p.late = slices.DeleteFunc(p.late, func(l lateFlush) bool { return l.job == j })
		p.w.Log("%s: %d %v", j.what, j.ticket.Count(), j.ticket.Err())
		j.end(j.ticket.Err())
	}
}

// deadlines: nothing waits longer than its steps may take. Time that nobody
// looked at counts as one step at most.
func (p *Plant) deadlines(elapsed time.Duration) {
	d := min(elapsed, p.set.timeout)
	if d == 0 {
		return
	}
	for _, j := range p.jobs {
		if j.elapsed += d; j.elapsed > 12*p.set.timeout {
			p.w.Fail(invDeadline, "%s has not ended after %v", j.what, j.elapsed)
		}
	}
	if p.waiting == 0 {
		return
	}
	for _, k := range p.keys {
		if len(p.queues[k]) == 0 {
			continue
		}
		o := p.queues[k][0]
		if o.elapsed += d; o.elapsed > 6*p.set.timeout {
			p.w.Fail(invDeadline, "%v %v has not ended after %v", o.Verb, k, o.elapsed)
		}
	}
}
