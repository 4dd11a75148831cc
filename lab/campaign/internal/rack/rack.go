package rack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/devlinktest"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// Mark is a setting that only this world has.
const Mark = "cards"

// Rack is a registry with cards, and those who use it.
type Rack struct {
	w     *sim.World
	reg   *devlink.Registry
	cards []*card
	next  int // number of the next card, for its name

	namespaces map[string]bool
	scribe     *devlink.Subscription
	log        devlinktest.Log
	readers    []*reader
	ears       []*devlink.Notifier
	events     int64 // of the ring

	open  []pending // operations that were submitted
	depth int       // of callbacks in one another

	violation string // the first, found where a panic would be the driver's
	broken    sim.Invariant
}

// pending is an operation and what it is called in a violation.
type pending struct {
	name   string
	ticket *devlink.Ticket
}

// Build puts a rack into a world.
func Build(w *sim.World) {
	r := &Rack{w: w, namespaces: map[string]bool{"": true}}
	cards := w.Setting(Mark, func(rng *rand.Rand) int64 { return 2 + rng.Int64N(4) })
	r.events = 256 << w.Setting("ring", func(rng *rand.Rand) int64 { return rng.Int64N(4) })
	restarts := w.Setting("restarts", func(rng *rand.Rand) int64 { return rng.Int64N(1 << 6) })
	reg, err := devlink.New(devlink.Config{Manual: true, Start: w.Start, Events: int(r.events)})
	if err != nil {
		panic(err)
	}
	r.reg = reg
	if r.scribe, err = reg.Subscribe(devlink.SubscribeOptions{AllNamespaces: true}); err != nil {
		panic(err)
	}
	for n := range int(min(max(cards, 1), 6)) {
		r.cards = append(r.cards, &card{r: r, slot: n, restarts: restarts&(1<<n) != 0})
		r.insert(r.cards[n])
	}
	w.Add(r)
}

// insert makes the instance of a card.
func (r *Rack) insert(c *card) {
	r.next++
	h := devlink.Handle{Bus: "rack", Device: fmt.Sprint(c.slot)}
	i, err := r.reg.NewInstance(devlink.InstanceConfig{Handle: h, Driver: c})
	if err != nil {
		r.wrong(invError, "%v: %v", h, err)
	}
	*c = card{r: r, slot: c.slot, restarts: c.restarts, inst: i, up: true, rng: rand.New(rand.NewPCG(uint64(r.next), 1))}
}

// wrong notes that an invariant does not hold. It may be called inside callbacks, whose
// panics are caught; raise ends the run.
func (r *Rack) wrong(inv sim.Invariant, format string, args ...any) {
	if r.violation == "" {
		r.broken, r.violation = inv, fmt.Sprintf(format, args...)
	}
}

func (r *Rack) raise() {
	if r.violation != "" {
		r.w.Fail(r.broken, "%s", r.violation)
	}
}

// Poll implements [sim.Part].
func (r *Rack) Poll(now time.Time) bool {
	select {
	case <-r.reg.Wake():
	default:
	}
	r.reg.Poll(now)
	for _, p := range r.open {
		select {
		case <-p.ticket.Done():
			r.answered(p.name, p.ticket.Err())
		default:
			r.wrong(invEnds, "%s has not ended", p.name)
		}
	}
	r.open = r.open[:0]
	r.listen()
	r.raise()
	return len(r.reg.Wake()) > 0
}

// Next implements [sim.Part].
func (r *Rack) Next() time.Time { return time.Time{} }

// answered looks at the outcome of an operation.
func (r *Rack) answered(name string, err error) {
	if r.w.Logging() {
		r.w.Log("%s: %v", name, err)
	}
	if err == nil {
		return
	}
	for _, e := range []error{
		switchdev.ErrInvalid, switchdev.ErrNoDevice, switchdev.ErrBusy, switchdev.ErrExist, switchdev.ErrNotExist, switchdev.ErrDeadlock,
		switchdev.ErrOutcomeUnknown, switchdev.ErrNoSpace, switchdev.ErrUnsupported, devlink.ErrContract, devlink.ErrNotRecovered,
		context.Canceled, errCard,
	} {
		if errors.Is(err, e) {
			return
		}
	}
	r.wrong(invError, "%s: %v", name, err)
}

// Check implements [sim.Part].
func (r *Rack) Check() {
	defer r.raise()
	snap := r.reg.Snapshot()
	places := map[devlink.Handle]string{}
	for ns := range snap.Namespaces() {
		if !r.namespaces[ns] && len(r.open) == 0 {
			r.wrong(invPlace, "there are cards in %q", ns)
		}
		for life, info := range snap.Instances(ns) {
			if other, twice := places[life.Handle]; twice {
				r.wrong(invPlace, "%v is in %q and %q", life.Handle, other, ns)
			}
			places[life.Handle] = ns
			r.checkCard(snap, life, info)
		}
	}
	for _, c := range r.cards {
		_, visible := places[c.inst.Handle()]
		if c.inst.State().Visible() != visible {
			r.wrong(invView, "%v: state %v", c.inst.Handle(), c.inst.State())
		}
	}
}

func (r *Rack) checkCard(snap *devlink.Snapshot, life *devlink.Life, info *devlink.InstanceInfo) {
	i, err := r.reg.Instance(life.Namespace, life.Handle)
	if r.namespaces[life.Namespace] && (err != nil || i.Index() != life.Index) {
		r.wrong(invView, "%v in %q: %v", life.Handle, life.Namespace, err)
	}
	if err != nil {
		return
	}
	switch i.State() {
	case devlink.Failed:
		if !info.ReloadFailed {
			r.wrong(invFailed, "%v has failed and does not say so", life.Handle)
		}
	case devlink.Registered:
		return
	default:
		r.wrong(invSlot, "%v is %v, and nothing runs", life.Handle, i.State())
	}
	if c := r.cardOf(life.Handle); c.up {
		return // it was driven out of a namespace, and has not gone down
	}
	for o := range snap.Objects(life.Namespace, life.Handle) {
		if k := o.Kind(); k == devlink.KindPort || k == devlink.KindTrap || k == devlink.KindGroup || k == devlink.KindPolicer {
			r.wrong(invFailed, "%v has failed and has %v%v", life.Handle, k, o.Key())
		}
	}
}

func (r *Rack) cardOf(h devlink.Handle) *card {
	for _, c := range r.cards {
		if c.inst.Handle() == h {
			return c
		}
	}
	return nil
}

// Release implements [sim.Part].
func (r *Rack) Release() {
	for _, c := range r.cards {
		c.fault = 0
	}
}

// Settling implements [sim.Part].
func (r *Rack) Settling() time.Duration { return time.Second }

// Rest implements [sim.Part]: every card is registered and reloaded, and works.
func (r *Rack) Rest() {
	defer r.raise()
	for _, c := range r.cards {
		if c.inst.State() == devlink.Allocated {
			r.must(c, "register", c.inst.SubmitRegister())
		}
	}
	for _, c := range r.cards {
		if c.inst.State() == devlink.Freed {
			continue
		}
		c.quiet = true
		r.must(c, "empty", c.inst.SubmitDo(func(_ context.Context, l *devlink.Locked) error { return l.RemoveResources() }))
		r.must(c, "reload", c.inst.SubmitReload(devlink.ReloadRequest{}).Ticket)
		c.quiet = false
		if s := c.inst.State(); s != devlink.Registered || !c.up {
			r.wrong(invRest, "%v is %v", c.inst.Handle(), s)
		}
		r.complete(c)
	}
	r.listen()
	for _, s := range r.readers {
		r.read(s, 0)
	}
}

// must has something done that has to go well.
func (r *Rack) must(c *card, name string, k *devlink.Ticket) {
	r.reg.Poll(r.w.Now)
	if err := k.Err(); err != nil {
		r.wrong(invRest, "%v: %s: %v", c.inst.Handle(), name, err)
	}
}

// complete checks that a card has what its driver adds when it comes up.
func (r *Rack) complete(c *card) {
	snap := r.reg.Snapshot()
	ns := c.inst.Namespace()
	if info, _ := snap.Object(ns, c.inst.Handle(), devlink.KindInstance, devlink.Key{}).(*devlink.InstanceInfo); info == nil || info.ReloadFailed {
		r.wrong(invRest, "%v: %+v", c.inst.Handle(), info)
	}
	for n := range uint32(cardPorts) {
		if snap.Object(ns, c.inst.Handle(), devlink.KindPort, devlink.Key{Port: n, OnPort: true}) == nil {
			r.wrong(invRest, "%v has no port %d", c.inst.Handle(), n)
		}
	}
}

// Close implements [sim.Part].
func (r *Rack) Close() {
	defer r.raise()
	for _, c := range r.cards {
		c.quiet = true
	}
	if err := r.reg.Close(); err != nil {
		r.wrong(invClose, "%v", err)
	}
	if n := r.reg.Snapshot().Len(); n > 0 {
		r.wrong(invClose, "%d cards can be seen", n)
	}
	for _, e := range r.ears {
		select {
		case <-e.Done():
		default:
			r.wrong(invClose, "a notifier has not ended")
		}
	}
}
