package devlinkarea

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/switchcore/switchcore/devlink"
)

// burst is how many records the producer is ahead at most when it waits for the
// subscribers, so that none overruns: half of what a registry keeps by default. With
// channels each of them has a bound of its own.
const burst = devlink.DefaultEvents / 2

// listener is a subscriber that reads whatever it is told.
type listener struct {
	sub    *devlink.Subscription
	filter devlink.Filter
	read   reading

	seen   atomic.Uint64 // the number of the last event
	target atomic.Uint64 // that somebody waits for; 0 if nobody does
	there  chan struct{}

	tally
	err error
}

// tally is what a subscriber was told, for who checks that.
type tally struct {
	events, disorder int
	last             uint64
	verbs            [8]int
}

func (t *tally) add(seq uint64, v devlink.Verb) {
	if seq <= t.last {
		t.disorder++
	}
	t.last = seq
	t.events++
	t.verbs[v&7]++
}

// check says what was not told as it was to be.
func (t *tally) check(l load, of int) error {
	added, changed, status := of*(1+2*l.ports), of, 2*of
	if t.disorder > 0 || t.events != of*l.eventsOf() ||
		t.verbs[devlink.Added] != added || t.verbs[devlink.Deleted] != added ||
		t.verbs[devlink.Changed] != changed || t.verbs[devlink.Status] != status {
		return fmt.Errorf("a subscriber was told of %d events, %d out of order, %v by verb, instead of %d", t.events, t.disorder, t.verbs, of*l.eventsOf())
	}
	return nil
}

// reading is how a listener reads.
type reading func(ctx context.Context, n *listener) error

func byRead(ctx context.Context, n *listener) error {
	buf := make([]devlink.Event, 256)
	for {
		k, err := n.sub.Read(ctx, buf)
		if err != nil {
			return err
		}
		for i := range buf[:k] {
			n.add(buf[i].Seq, buf[i].Verb)
		}
		n.reached()
	}
}

func byNext(ctx context.Context, n *listener) error {
	for {
		e, err := n.sub.Next(ctx)
		if err != nil {
			return err
		}
		n.add(e.Seq, e.Verb)
		n.reached()
	}
}

// reached tells who waits that an event was read.
func (n *listener) reached() {
	n.seen.Store(n.last)
	if t := n.target.Load(); t != 0 && n.last >= t && n.target.CompareAndSwap(t, 0) {
		n.there <- struct{}{}
	}
}

// await waits until the listener has read an event, or ends.
func (n *listener) await(seq uint64, over <-chan struct{}) {
	n.target.Store(seq)
	if n.seen.Load() >= seq && n.target.CompareAndSwap(seq, 0) {
		return
	}
	select {
	case <-n.there:
	case <-over:
	}
}

// producer does to the instances what is told of, and waits for the listeners.
type producer struct {
	load
	all       []*devlink.Instance
	listeners []*listener         // the open ones first
	about     map[int][]*listener // the filtered ones, by instance
	over      chan struct{}       // closed when a listener has failed
	fail      sync.Once
}

// ours makes instances and subscribers. work does everything and returns when the last
// subscriber has read the last event.
func (l load) ours(read reading) (work func() error, end func(), err error) {
	r, err := devlink.New(devlink.Config{})
	if err != nil {
		return nil, nil, err
	}
	p := &producer{load: l, about: map[int][]*listener{}, over: make(chan struct{})}
	c := &chip{portsOf(l.ports)}
	if p.all, err = c.build(r, l.instances); err == nil {
		err = p.subscribe(r, read)
	}
	if err != nil {
		_ = r.Close()
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, n := range p.listeners {
		wg.Go(func() {
			if n.err = n.read(ctx, n); !errors.Is(n.err, context.Canceled) {
				p.fail.Do(func() { close(p.over) })
			}
		})
	}
	work = func() error {
		err := p.run()
		cancel()
		wg.Wait()
		return errors.Join(err, p.check())
	}
	return work, func() { cancel(); wg.Wait(); _ = r.Close() }, nil
}

func (p *producer) subscribe(r *devlink.Registry, read reading) error {
	for n := range p.open + p.filtered {
		s := &listener{read: read, there: make(chan struct{}, 1)}
		if f := n - p.open; f >= 0 {
			h := handleOf(p.subject(f))
			s.filter = devlink.Filter{Bus: h.Bus, Device: h.Device}
			p.about[p.subject(f)] = append(p.about[p.subject(f)], s)
		}
		var err error
		if s.sub, err = r.Subscribe(devlink.SubscribeOptions{Filter: s.filter}); err != nil {
			return err
		}
		p.listeners = append(p.listeners, s)
	}
	return nil
}

// run registers, reloads and unregisters all.
func (p *producer) run() error {
	for _, step := range []struct {
		submit  func(i *devlink.Instance) *devlink.Ticket
		records int
	}{
		{(*devlink.Instance).SubmitRegister, 1},
		{func(i *devlink.Instance) *devlink.Ticket { return i.SubmitReload(devlink.ReloadRequest{}).Ticket }, 2*p.ports + 3},
		{(*devlink.Instance).SubmitUnregister, 1},
	} {
		if err := p.each(step.submit, max(burst/step.records, 1)); err != nil {
			return err
		}
	}
	return nil
}

// each does something to every instance, and waits for the listeners after so many.
func (p *producer) each(submit func(*devlink.Instance) *devlink.Ticket, stride int) error {
	var heard []*listener
	var of []uint64
	for n, i := range p.all {
		t := submit(i)
		if err := t.Wait(context.Background()); err != nil {
			return err
		}
		for _, s := range p.about[n] {
			heard, of = append(heard, s), append(of, t.Seq())
		}
		if n%stride != stride-1 && n < len(p.all)-1 {
			continue
		}
		for _, s := range p.listeners[:p.open] {
			s.await(t.Seq(), p.over)
		}
		for k, s := range heard {
			s.await(of[k], p.over)
		}
		heard, of = heard[:0], of[:0]
	}
	return nil
}

func (p *producer) check() error {
	for n, s := range p.listeners {
		of := 1
		if n < p.open {
			of = p.instances
		}
		if !errors.Is(s.err, context.Canceled) {
			return s.err
		}
		if err := s.tally.check(p.load, of); err != nil {
			return err
		}
	}
	return nil
}
