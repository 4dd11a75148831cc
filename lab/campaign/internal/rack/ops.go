package rack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/devlinktest"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// reader is a subscriber.
type reader struct {
	sub    *devlink.Subscription
	stream *devlinktest.Stream
	slow   bool
}

// Ops implements [sim.Part]. Each has the number of a card and another number, for
// whatever there is to choose.
func (r *Rack) Ops() []sim.Op {
	draw := func(rng *rand.Rand) ([]int64, bool) { return []int64{rng.Int64N(6), rng.Int64N(1 << 30)}, true }
	op := func(name string, weight int, do func(c *card, n int64) *devlink.Ticket) sim.Op {
		return sim.Op{Name: "rack-" + name, Weight: weight, Draw: draw, Do: func(a []int64) {
			c := r.cards[index(sim.Arg(a, 0), len(r.cards))]
			c.rng = rand.New(rand.NewPCG(uint64(sim.Arg(a, 1)), uint64(c.slot)))
			if k := do(c, sim.Arg(a, 1)&(1<<30-1)); k != nil {
				r.open = append(r.open, pending{fmt.Sprintf("%s of card %d", name, c.slot), k})
			}
			if sim.Arg(a, 1)%4 > 0 { // else it waits for others to come
				r.Poll(r.w.Now)
			}
		}}
	}
	return append([]sim.Op{
		op("register", 10, func(c *card, _ int64) *devlink.Ticket { return c.inst.SubmitRegister() }),
		op("unregister", 4, func(c *card, _ int64) *devlink.Ticket { return c.inst.SubmitUnregister() }),
		op("replace", 1, func(c *card, _ int64) *devlink.Ticket { return r.replace(c) }),
		op("move", 8, func(c *card, n int64) *devlink.Ticket { return c.inst.SubmitMove(space(n)) }),
		op("reload", 14, func(c *card, n int64) *devlink.Ticket {
			q := devlink.ReloadRequest{}
			if n%3 == 0 {
				q.To = []string{space(n / 3)}
			}
			return c.inst.SubmitReload(q).Ticket
		}),
		op("drive", 20, func(c *card, _ int64) *devlink.Ticket {
			return c.inst.SubmitDo(func(ctx context.Context, l *devlink.Locked) error {
				defer c.enter(ctx, l)()
				c.fiddle(l)
				return nil
			})
		}),
		op("post", 5, func(c *card, _ int64) *devlink.Ticket { c.post(); return nil }),
		op("late", 2, func(c *card, _ int64) *devlink.Ticket { c.late(); return nil }),
		op("command", 12, r.command),
		op("auxiliary", 4, r.auxiliary),
		op("withdraw", 2, func(c *card, n int64) *devlink.Ticket {
			k := c.inst.SubmitReload(devlink.ReloadRequest{}).Ticket
			if n%2 == 0 {
				k.Withdraw()
			}
			return k
		}),
		op("add-namespace", 6, func(_ *card, n int64) *devlink.Ticket { r.addNamespace(space(n)); return nil }),
		op("delete-namespace", 5, func(_ *card, n int64) *devlink.Ticket { return r.deleteNamespace(space(n)) }),
		op("subscribe", 3, func(_ *card, n int64) *devlink.Ticket { r.subscribe(n); return nil }),
		op("unsubscribe", 2, func(_ *card, n int64) *devlink.Ticket { r.unsubscribe(n); return nil }),
		op("filter", 2, func(_ *card, n int64) *devlink.Ticket { r.refilter(n); return nil }),
		op("read", 8, func(_ *card, n int64) *devlink.Ticket { r.readSome(n); return nil }),
		op("notify", 2, func(_ *card, n int64) *devlink.Ticket { r.answered("notify", r.ear(n%3 > 0)); return nil }),
	}, r.faultOps(draw)...)
}

// faultOps are what goes wrong.
func (r *Rack) faultOps(draw func(*rand.Rand) ([]int64, bool)) (ops []sim.Op) {
	for f, name := range map[fault]string{
		refuses: "refusal", tears: "torn down", panicking: "driver panic", stays: "no coming up", leaks: "leak", parks: "slow driver", cheats: "broken contract",
	} {
		ops = append(ops, sim.Op{Name: fmt.Sprintf("rack-fault-%d", f), Weight: 1, Draw: draw, Fault: name, Do: func(a []int64) {
			r.cards[index(sim.Arg(a, 0), len(r.cards))].fault ^= f
		}})
	}
	slices.SortFunc(ops, func(a, b sim.Op) int { return strings.Compare(a.Name, b.Name) })
	return ops
}

// index makes an index of any argument.
func index(i int64, n int) int { return int((i%int64(n) + int64(n)) % int64(n)) }

func space(n int64) string { return spaces()[index(n, len(spaces()))] }

// replace frees an instance that is not registered, and makes another one.
func (r *Rack) replace(c *card) *devlink.Ticket {
	r.Poll(r.w.Now)
	if c.inst.State() != devlink.Allocated {
		return c.inst.SubmitFree() // is refused
	}
	k := c.inst.SubmitFree()
	r.reg.Poll(r.w.Now)
	r.answered("free", k.Err())
	r.insert(c)
	return nil
}

func (r *Rack) addNamespace(ns string) {
	err := r.reg.AddNamespace(ns)
	if err == nil {
		r.namespaces[ns] = true
	}
	r.answered("add namespace", err)
}

func (r *Rack) deleteNamespace(ns string) *devlink.Ticket {
	if ns != "" {
		delete(r.namespaces, ns)
	}
	return r.reg.SubmitDeleteNamespace(ns)
}

// command is what a user does.
func (r *Rack) command(c *card, n int64) *devlink.Ticket {
	i, port := c.inst, uint32(n/16)%(2*cardPorts)
	switch n % 9 {
	case 0:
		return i.SubmitSetParam(devlink.Key{Name: "p"}, devlink.ParamDriverInit, devlink.Uint32Value(uint32(n/9)%9))
	case 1:
		return i.SubmitSetResource(devlink.Key{ID: uint64(n/9)%4 + 1}, uint64(n/36)%30)
	case 2:
		return i.SubmitSetTrap(fmt.Sprint("t", n/9%3), devlink.TrapAction(n/27%3)).Ticket
	case 3:
		return i.SubmitNewSnapshot(devlink.Key{Name: "r"}).Ticket
	case 4:
		return i.SubmitDeleteSnapshot(devlink.Key{Name: "r"}, uint32(n/9)%3)
	case 5:
		return i.SubmitRecoverReporter(devlink.Key{Name: "h"})
	case 6:
		auto := n/9%2 == 0
		return i.SubmitSetReporter(devlink.Key{Name: "h"}, devlink.ReporterChange{AutoRecover: &auto})
	case 7:
		return i.SubmitDeletePort(port)
	default:
		return i.SubmitSetGroup("g", devlink.GroupChange{Action: new(devlink.TrapAction(n / 9 % 3))}).Ticket
	}
}

func (r *Rack) auxiliary(c *card, n int64) *devlink.Ticket {
	name := fmt.Sprint("radio", n%2)
	return c.inst.SubmitDo(func(_ context.Context, l *devlink.Locked) error {
		if n/2%3 == 0 {
			return l.RemoveAuxiliary(name)
		}
		return l.AddAuxiliary(&radio{c: c, name: name})
	})
}

// listen has the scribe read everything.
func (r *Rack) listen() {
	for {
		e, ok, err := r.scribe.TryNext()
		switch {
		case err != nil:
			r.wrong(invStream, "%v", err)
			return
		case !ok:
			return
		}
		if r.w.Logging() {
			r.w.Log("%v", e)
		}
		r.log.Add(e)
	}
}

func (r *Rack) subscribe(n int64) {
	if len(r.readers) >= 8 {
		return
	}
	r.listen()
	o := devlink.SubscribeOptions{AllNamespaces: n%3 > 0, Namespace: space(n / 3), Replay: n/16%4 > 0, CompatKernel: n/64%8 == 0, Coalesce: n/512%4 == 0}
	if n/2048%3 == 0 {
		o.Filter = filterOf(n)
	}
	sub, err := r.reg.Subscribe(o)
	r.answered("subscribe", err)
	if err != nil {
		return
	}
	s := &reader{sub: sub, stream: devlinktest.NewStream(o), slow: n/8192%3 == 0}
	s.stream.Follow(&r.log)
	r.readers = append(r.readers, s)
}

func filterOf(n int64) (f devlink.Filter) {
	if n%2 == 0 {
		f.Bus, f.Device = "rack", fmt.Sprint(n/2%6)
	}
	if n/12%2 == 0 {
		f.OnPort, f.Port = true, uint32(n/24%4)
	}
	if n/96%2 == 0 {
		f.Kinds = devlink.Kinds(n / 192 % (1 << 10))
	}
	return f
}

func (r *Rack) unsubscribe(n int64) {
	if len(r.readers) < 4 {
		return
	}
	at := index(n, len(r.readers))
	r.readers[at].sub.Close()
	r.readers = append(r.readers[:at], r.readers[at+1:]...)
}

func (r *Rack) refilter(n int64) {
	if len(r.readers) == 0 || n%3 > 0 {
		return // some keep theirs
	}
	s := r.readers[index(n/3, len(r.readers))]
	after, err := s.sub.SetFilter(filterOf(n))
	r.answered("filter", err)
	s.stream.SetFilter(filterOf(n), after)
}

// readSome has subscribers read, some of them not all that there is.
func (r *Rack) readSome(n int64) {
	r.listen()
	for at, s := range r.readers {
		if most := int(n>>at) % 16; !s.slow || n%64 == 0 {
			r.read(s, most)
		}
	}
}

func (r *Rack) read(s *reader, most int) {
	lost := s.stream.Overruns()
	err := s.stream.Read(s.sub, most)
	if err == nil && most == 0 {
		err = s.stream.Compare(r.reg.Snapshot())
	}
	if err != nil {
		r.wrong(invStream, "%v", err)
	}
	if s.stream.Overruns() > lost {
		r.w.Fault("slow subscriber")
	}
	if s.stream.Overruns() > lost+1 {
		r.wrong(invStream, "%v twice in one read", switchdev.ErrOverrun)
	}
}
