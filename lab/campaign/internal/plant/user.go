package plant

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// userOp is an operation of the user's on its way.
type userOp struct {
	oracle.Op
	ticket  *fdb.Ticket
	elapsed time.Duration // since it was staged, as the deadlines count it
	had     []rowAt       // what the chips held when it was staged
	unsure  bool          // the table was free to choose what it met
	members int           // how many joins and leaves there had been then

	batch   *batch // of which it is a part, nil for none
	told    bool   // the part has ended
	outcome error
}

// rowAt is what a chip held, and what it was to hold of the new entry.
type rowAt struct {
	oracle.Row
	on    bool
	epoch switchdev.Epoch
	works bool // at what it was handed before, which may come over the row

	want   oracle.Row
	wanted bool
}

// requests are the kinds of entries that a user asks for.
var requests = [...]fdb.Flags{
	0, 0, fdb.Static, fdb.Static, fdb.Static | fdb.Sticky, fdb.Sticky, fdb.Permanent, fdb.Local,
	fdb.Extern, fdb.Extern, fdb.Extern | fdb.Static,
	fdb.Static | fdb.Notify, fdb.Extern | fdb.Notify, fdb.Static | fdb.Notify | fdb.Inactive, fdb.Notify,
	fdb.NoRefresh, fdb.Static | fdb.NoRefresh, fdb.Static | fdb.Notify | fdb.NoRefresh,
}

func (p *Plant) userOps() []sim.Op {
	ops := []sim.Op{
		{Name: "again", Weight: 4, Draw: p.drawAgain, Do: func(a []int64) {
			p.submit(oracle.Replace, p.key(sim.Arg(a, 0)), p.port(sim.Arg(a, 1)), requests[index(sim.Arg(a, 2), len(requests))])
		}},
		{Name: "bad", Weight: 1, Draw: p.drawUser, Do: p.bad},
		{Name: "withdraw", Weight: 4, Draw: func(r *rand.Rand) ([]int64, bool) {
			return []int64{r.Int64N(64)}, p.waiting > 0
		}, Do: p.withdraw},
	}
	for v := range oracle.NumVerbs {
		do := func(a []int64) {
			p.submit(v, p.key(sim.Arg(a, 0)), p.port(sim.Arg(a, 1)), requests[index(sim.Arg(a, 2), len(requests))])
		}
		ops = append(ops, sim.Op{Name: v.String(), Weight: weights[v], Draw: p.drawUser, Do: do})
	}
	return ops
}

var weights = [oracle.NumVerbs]int{
	oracle.Add: 7, oracle.Replace: 7, oracle.Append: 2, oracle.Update: 3, oracle.Use: 3, oracle.Delete: 7, oracle.Remove: 2,
}

// drawUser draws a station, a port and a kind of entry; often a station that is
// there, and often the port where it is.
func (p *Plant) drawUser(r *rand.Rand) ([]int64, bool) {
	k := r.IntN(len(p.keys))
	for range 2 {
		if !p.model.Value(p.keys[k]).Present {
			k = r.IntN(len(p.keys))
		}
	}
	port := r.Int64N(int64(p.set.ports))
	if v := p.model.Value(p.keys[k]); v.Present && v.Port > 0 && r.IntN(3) > 0 {
		port = int64(v.Port) - 1
	}
	request := r.IntN(len(requests))
	if v := p.model.Value(p.keys[k]); r.IntN(4) == 0 {
		if i := slices.Index(requests[:], v.Flags&^fdb.User); i >= 0 {
			request = i // what there is already
		}
	}
	return []int64{int64(k), port, int64(request)}, true
}

// drawAgain asks for what there is already, above all where a device lacks it.
func (p *Plant) drawAgain(r *rand.Rand) ([]int64, bool) {
	n := r.IntN(len(p.keys))
	for pass := range 2 {
		for i := range p.keys {
			at := (n + i) % len(p.keys)
			e, ok := p.follower.state[p.keys[at]]
			if !ok || e.Port == 0 || pass == 0 && e.Offload != fdb.OffloadFailed {
				continue
			}
			if request := slices.Index(requests[:], e.Flags&^fdb.User); e.Flags&fdb.User != 0 && request >= 0 {
				return []int64{int64(at), int64(e.Port) - 1, int64(request)}, true
			}
		}
	}
	return nil, false
}

func (p *Plant) submit(v oracle.Verb, k fdb.Key, port switchdev.PortID, flags fdb.Flags) {
	o := &userOp{Op: oracle.Op{Verb: v, Key: k, Port: port, Flags: flags}}
	o.ticket = p.submitVerb(v, fdb.Entry{Key: k, Port: port, Flags: flags})
	p.enqueue(o)
}

// enqueue notes an operation that was submitted.
func (p *Plant) enqueue(o *userOp) {
	k := o.Key
	p.queues[k] = append(p.queues[k], o)
	p.waiting++
	if p.chosen(k, p.model.Value(k)) {
		p.doubt[k] = true // a flush that waits may take it first
	}
}

// badRequests are what nobody can mean.
var badRequests = [...]fdb.Entry{
	{Port: 1},
	{Key: fdb.Key{MAC: switchdev.MAC{2, 1}, VLAN: 4095}, Port: 1},
	{Key: fdb.Key{MAC: switchdev.MAC{2, 1}}, Port: 1, Flags: fdb.Locked},
	{Key: fdb.Key{MAC: switchdev.MAC{2, 1}}, Port: 1, Flags: fdb.Sticky | fdb.Local},
	{Key: fdb.Key{MAC: switchdev.MAC{2, 1}}, Flags: fdb.Static},
	{Key: fdb.Key{MAC: switchdev.MAC{2, 1}}, Port: 1, Flags: fdb.User},
	{Key: fdb.Key{MAC: switchdev.MAC{2, 1}}, Port: 1, Flags: 1 << 15},
	{Key: fdb.Key{MAC: switchdev.MAC{2, 1}}, Port: 1, Flags: fdb.Inactive | fdb.Static},
	{Key: fdb.Key{MAC: switchdev.MAC{2, 1}}, Port: 1, Flags: fdb.InHardware},
}

// bad submits something that is refused at once (EINVAL).
func (p *Plant) bad(a []int64) {
	e := badRequests[index(sim.Arg(a, 0), len(badRequests))]
	k := p.table.SubmitReplace(e)
	if index(sim.Arg(a, 1), 2) == 0 {
		k = p.table.SubmitAdd(e)
	}
	if !done(k) || !errors.Is(k.Err(), switchdev.ErrInvalid) {
		p.w.Fail(invInput, "%+v: %v", e, k.Err())
	}
}

func done(k *fdb.Ticket) bool {
	select {
	case <-k.Done():
		return true
	default:
		return false
	}
}

// withdraw has somebody lose patience with the nth operation that waits.
func (p *Plant) withdraw(a []int64) {
	if p.waiting == 0 {
		return
	}
	n := index(sim.Arg(a, 0), p.waiting)
	for _, k := range p.keys {
		q := p.queues[k]
		if n >= len(q) {
			n -= len(q)
			continue
		}
		o := q[n]
		if o.batch != nil {
			p.withdrawBatch(o.batch)
			return
		}
		if got := o.ticket.Withdraw(); got == o.Staged {
			p.w.Fail(invFence, "Withdraw of %v %v is %v, and it was staged: %v", o.Verb, o.Key, got, o.Staged)
		} else if got {
			p.queues[k] = slices.Delete(q, n, n+1)
			p.waiting--
		}
		return
	}
}

// stage follows what Poll did with the operations: the first of each key is
// staged, and the next once it has ended (rule 4).
func (p *Plant) stage(now time.Time) {
	if p.waiting == 0 {
		return
	}
	for _, k := range p.keys {
		for len(p.queues[k]) > 0 {
			o := p.queues[k][0]
			if !o.Staged && p.doubt[k] {
				o.Staged, o.unsure = true, true
			} else if !o.Staged {
				p.model.Decide(&o.Op, p.tick(now))
				if p.gone[o.Port] {
					o.Refuse = switchdev.ErrPortGone
				}
				p.staged(o)
			}
			o.unsure = o.unsure || p.doubt[k]
			if !o.over() {
				break
			}
			p.queues[k] = p.queues[k][1:]
			p.waiting--
			p.ended(o)
		}
	}
}

// ended holds an outcome against promise 1.
func (p *Plant) ended(o *userOp) {
	err := o.err()
	p.freed[o.Key] = p.polled
	p.w.Log("%v %v %v %v: %v", o.Verb, o.Key, o.Port, o.Flags, err)
	if o.unsure {
		p.model.End(&o.Op, err == nil)
		return // what the station has now is adopted when nothing is under way
	}
	decided := errors.Is(err, switchdev.ErrExist) || errors.Is(err, switchdev.ErrNotExist)
	switch {
	case o.Refuse != nil && !errors.Is(err, o.Refuse):
		p.w.Fail(invFence, "%v %v on %v: %v over %v, want %v", o.Verb, o.Key, o.Port, err, o.Old, o.Refuse)
	case o.Refuse != nil:
		p.model.End(&o.Op, false)
		return
	case decided:
		p.w.Fail(invFence, "%v %v on %v: %v, but Lookup said %v", o.Verb, o.Key, o.Port, err, o.Old)
	case err != nil && p.soft() && o.Verb != oracle.Delete:
		p.w.Fail(invPolicy, "%v %v on %v: %v, and the policy is software", o.Verb, o.Key, o.Port, err)
	case err != nil && p.calm:
		p.w.Fail(invSync, "%v %v on %v: %v, and no device has a reason", o.Verb, o.Key, o.Port, err)
	}
	p.model.End(&o.Op, err == nil)
	switch {
	case err == nil:
		p.held(o)
	case !errors.Is(err, switchdev.ErrOutcomeUnknown):
		p.unchanged(o, err)
	}
}

// held: after nil every device that claims the entry holds it, and no other
// holds the station. What a device claims may have changed on the way; it is
// brought to that afterwards.
func (p *Plant) held(o *userOp) {
	if o.Verb == oracle.Remove {
		return
	}
	for i, c := range p.chips {
		if c.unsure() {
			continue
		}
		row, on := c.see()[o.Key]
		want, ok := c.wants(o.Want)
		if was := o.had[i]; (was.want != want || was.wanted != ok) && on == was.wanted && row == was.want {
			continue
		}
		if p.soft() && o.Verb != oracle.Delete {
			continue // the offload state says how it stands
		}
		c.looked = -1
		there := ok && c.has(o.Key, o.Want, want)
		if c.looked = -1; there {
			continue
		}
		if on != ok || row != want {
			p.w.Fail(invSync, "%v %v on %v is nil, and %s holds %+v %v, want %+v %v", o.Verb, o.Key, o.Port, c.Name(), row, on, want, ok)
		}
	}
}

// soft reports whether a user's entry is made whatever devices say.
func (p *Plant) soft() bool { return fdb.Policy(p.set.vetoUser) == fdb.PolicySoftware }

// staged notes what the devices held.
func (p *Plant) staged(o *userOp) {
	if o.Refuse != nil {
		return
	}
	for _, c := range p.chips {
		row, on := c.see()[o.Key]
		want, wanted := c.wants(o.Want)
		o.had = append(o.had, rowAt{row, on, c.Epoch(), len(c.Operations()) > 0, want, wanted})
	}
	o.members = p.members
}

// unchanged: after an error whose outcome is known no device keeps what the
// operation gave it.
func (p *Plant) unchanged(o *userOp, err error) {
	want, ok := o.Want.Row()
	for i, c := range p.chips {
		if c.unsure() {
			continue
		}
		row, on := c.see()[o.Key]
		now, wanted := c.wants(p.told(o.Key))
		was := o.had[i]
		if ok && on && row == want && !(wanted && now == row) && !(was.on && was.Row == row) {
			p.w.Fail(invSync, "%v %v on %v: %v, and %s keeps %+v", o.Verb, o.Key, o.Port, err, c.Name(), row)
		}
		still := was.epoch == c.Epoch() && !was.works && o.members == p.members && !c.set.ages
		if still && was.on && wanted && was.Row == now && !(on && row == now) {
			p.w.Fail(invSync, "%v %v on %v: %v, and %s has %+v %v instead of %+v", o.Verb, o.Key, o.Port, err, c.Name(), row, on, now)
		}
	}
}

// told is what main has, as the events tell it.
func (p *Plant) told(k fdb.Key) oracle.Value {
	if e, ok := p.follower.state[k]; ok {
		return oracle.Of(e)
	}
	return oracle.Value{}
}
