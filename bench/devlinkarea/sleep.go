package devlinkarea

import (
	"fmt"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/internal/notify"
)

// asleep is how many subscribers do not read.
const asleep = 1000

// sleepers measures what subscribers cost the producer who do not read, or no more.
func sleepers() measure.Group {
	const changes = "changes of a port beside 1000 subscribers that "
	kinds := []sleeper{
		{"never", "have never read", false, false},
		{"no-more", "have read everything once and then no more", true, false},
		{"filtered", "have a filter for the instance that changes and have never read", false, true},
	}
	var rows []measure.Row
	for _, k := range kinds {
		rows = append(rows,
			measure.Row{Name: "1k/sleep/allocations/" + k.name, Ours: k.name + "/allocations", Needs: k.name, Unit: measure.Count, Rule: measure.Zero,
				Text: "allocations in all " + changes + k.text + ", less those without subscribers"},
			measure.Row{Name: "1k/sleep/visits/" + k.name, Ours: k.name + "/visits", Needs: k.name, Unit: measure.Count, Rule: measure.Zero,
				Text: "how often the producer looked at a subscriber in all appends to a ring, the one under a registry, beside 1000 subscriptions that " + k.text},
			measure.Row{Name: "1k/sleep/time/" + k.name, Ours: k.name, Peer: "one", Rule: measure.Within,
				Text: changes + k.text + ", beside changes with one subscriber that has never read"},
		)
	}
	return measure.Group{Name: "sleep", Rows: rows, Run: func(s *measure.Session, rec *measure.Record) error {
		var failed error
		check := func(err error) {
			if err != nil && failed == nil {
				failed = err
			}
		}
		count := s.Size(1<<17, 1<<10)
		bare, err := newSleep(0, sleeper{})
		if err != nil {
			return err
		}
		defer bare.Close()
		one, err := newSleep(1, sleeper{})
		if err != nil {
			return err
		}
		defer one.Close()
		time := func(w *sleep) (ns float64) {
			check(w.toggle(count)) // so that all find the same left behind
			measure.Quiet(func() {
				ns = measure.PerOp(count, func() { check(w.toggle(count)) })
			})
			return ns
		}
		cases := []measure.Case{{Series: "one", Run: func() float64 { return time(one) }}}
		for _, k := range kinds {
			w, err := newSleep(asleep, k)
			if err != nil {
				return err
			}
			defer w.Close()
			cases = append(cases, measure.Case{Series: k.name, Run: func() float64 {
				without := mallocs(func() { check(bare.toggle(count)) })
				with := mallocs(func() { check(w.toggle(count)) })
				rec.Add(k.name+"/allocations", float64(max(with, without)-without))
				visits, err := k.visits(count)
				check(err)
				rec.Add(k.name+"/visits", float64(visits))
				return time(w)
			}})
		}
		s.Interleave(rec, cases...)
		return failed
	}}
}

// sleeper says how subscribers came to sleep.
type sleeper struct {
	name, text        string
	hasRead, filtered bool
}

// sleep is a Manual registry with one instance of one port, which changes.
type sleep struct {
	*world
	port devlink.Port
	subs []*devlink.Subscription
	at   int
}

func newSleep(count int, k sleeper) (*sleep, error) {
	w, err := newWorld(manual(), 1, 1)
	if err != nil {
		return nil, err
	}
	s := &sleep{world: w}
	o := devlink.SubscribeOptions{}
	if k.filtered {
		h := handleOf(0)
		o.Filter = devlink.Filter{Bus: h.Bus, Device: h.Device}
	}
	for range count {
		sub, err := w.Subscribe(o)
		if err != nil {
			_ = w.Close()
			return nil, err
		}
		s.subs = append(s.subs, sub)
	}
	if s.port, err = w.port(0); err == nil {
		err = s.toggle(1)
	}
	for _, sub := range s.subs {
		for ok := k.hasRead; ok && err == nil; {
			_, ok, err = sub.TryNext()
		}
	}
	// What a subscriber that has read everything is told first is that there is more, once.
	if err == nil {
		err = s.toggle(1)
	}
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	return s, nil
}

// toggle changes the port so often.
func (s *sleep) toggle(count int) error {
	for range count {
		s.at++
		if err := s.port.SetNetdev("swp1", uint32(10+s.at&1)); err != nil {
			return err
		}
	}
	return nil
}

// visits counts how often a ring has looked at its subscriptions in so many appends,
// after each was told once that there is something to read.
func (k sleeper) visits(count int) (uint64, error) {
	r, err := notify.New(notify.Config[devlink.Event]{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	topic := uint64(0)
	if k.filtered {
		topic = 1
	}
	for range asleep {
		s, err := r.Subscribe(notify.Options[devlink.Event]{Topic: topic})
		if err != nil {
			return 0, err
		}
		if k.hasRead {
			if _, _, err := s.TryNext(); err != nil {
				return 0, err
			}
		}
	}
	r.AppendTopic(1, devlink.Event{})
	before := r.Stats().Wakes
	for range count {
		r.AppendTopic(1, devlink.Event{})
	}
	if st := r.Stats(); st.Subscriptions != asleep || st.Records != uint64(count)+1 {
		return 0, fmt.Errorf("the ring has %+v", st)
	}
	return r.Stats().Wakes - before, nil
}
