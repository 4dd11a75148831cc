package notify_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/switchcore/switchcore/internal/notify"
)

// modelRing is the slow and obvious ring: the whole history, every bulk written out.
type modelRing struct {
	capacity int
	topics   bool
	log      []modelRecord
	newest   uint64
	view     map[int]int
	closed   bool
}

type modelRecord struct {
	topic  uint64
	events []event
	end    uint64 // number of the last, used or not
}

func (m *modelRing) topic(key int) uint64 {
	if m.topics {
		return topicOf(key)
	}
	return 0
}

func (m *modelRing) record(topic uint64, slack int, events ...event) {
	if len(events)+slack == 0 {
		return
	}
	for i := range events {
		events[i].seq = m.newest + 1 + uint64(i)
	}
	m.newest += uint64(len(events) + slack)
	m.log = append(m.log, modelRecord{topic, events, m.newest})
}

func (m *modelRing) set(k, v int) {
	m.view[k] = v
	m.record(m.topic(k), 0, event{kind: set, key: k, val: v})
}

func (m *modelRing) del(k int) {
	if _, ok := m.view[k]; ok {
		delete(m.view, k)
		m.record(m.topic(k), 0, event{kind: del, key: k})
	}
}

func (m *modelRing) flush(topic uint64, slack int) {
	var events []event
	for _, k := range slices.Sorted(maps.Keys(m.view)) {
		if m.topic(k) == topic {
			events = append(events, event{kind: del, key: k})
			delete(m.view, k)
		}
	}
	m.record(topic, slack, events...)
}

// modelOptions are what a modelSub reads from a place of the log on.
type modelOptions struct {
	from         int
	topic        uint64
	filter       func(*event) bool
	replay, mark bool
}

func (o *modelOptions) reads(rec modelRecord) bool { return o.topic == 0 || rec.topic == o.topic }

// modelSub reads from modelRing. Records reach it in groups, as a reader that took a
// group off the ring cannot lose it any more.
type modelSub struct {
	pos         int
	last, given uint64
	queue       []event
	opts        []modelOptions // every change, oldest first
	fresh       bool
	resync      bool
	overruns    int
}

// at gives the options for a place of the log.
func (s *modelSub) at(i int) *modelOptions {
	o := &s.opts[0]
	for n := range s.opts {
		if s.opts[n].from <= i {
			o = &s.opts[n]
		}
	}
	return o
}

func (s *modelSub) snapshot(m *modelRing) {
	s.queue, s.pos, s.last, s.resync = nil, len(m.log), m.newest, false
	o := s.at(len(m.log))
	for _, k := range slices.Sorted(maps.Keys(m.view)) {
		if o.topic == 0 || m.topic(k) == o.topic {
			s.push(event{seq: m.newest, kind: existing, key: k, val: m.view[k]}, o)
		}
	}
	if o.mark {
		s.queue = append(s.queue, event{seq: m.newest, kind: synced})
	}
}

func (s *modelSub) push(e event, o *modelOptions) {
	if o.filter == nil || o.filter(&e) {
		s.queue = append(s.queue, e)
	}
}

// unread are the places of what it has not taken.
func (s *modelSub) unread(m *modelRing) (places []int) {
	for i := s.pos; i < len(m.log); i++ {
		if s.at(i).reads(m.log[i]) {
			places = append(places, i)
		}
	}
	return places
}

// next gives the answer as text, which also is how it is compared.
func (s *modelSub) next(m *modelRing) string {
	if s.fresh {
		s.fresh = false
		if places := s.unread(m); len(places) > 0 && places[0] < len(m.log)-m.capacity {
			return s.overrun(m)
		}
	}
	for {
		if s.resync && s.at(len(m.log)).replay {
			s.snapshot(m)
		}
		s.resync = false
		if len(s.queue) > 0 {
			e := s.queue[0]
			s.queue = s.queue[1:]
			e.prev, s.given = s.given, e.seq
			return detail(e)
		}
		places := s.unread(m)
		switch {
		case len(places) == 0 && m.closed:
			return "closed"
		case len(places) == 0:
			s.pos, s.last = len(m.log), m.newest
			return "none"
		case places[0] < len(m.log)-m.capacity:
			return s.overrun(m)
		}
		o := s.at(places[0])
		for _, i := range places[:min(len(places), notify.Batch)] {
			if s.at(i) != o {
				break
			}
			for _, e := range m.log[i].events {
				s.push(e, o)
			}
			s.pos, s.last = i+1, m.log[i].end
		}
	}
}

func (s *modelSub) overrun(m *modelRing) string {
	from := s.last + 1
	s.pos, s.last, s.given, s.queue = len(m.log), m.newest, m.newest, nil
	s.resync = s.at(s.pos).replay
	s.overruns++
	return fmt.Sprintf("overrun %d-%d", from, m.newest)
}

func (s *modelSub) peek(m *modelRing) string {
	c := *s
	c.queue = slices.Clone(s.queue)
	return c.next(m)
}

func answer(e event, ok bool, err error) string {
	if lost := (*notify.OverrunError)(nil); errors.As(err, &lost) {
		return fmt.Sprintf("overrun %d-%d", lost.From, lost.To)
	}
	switch {
	case errors.Is(err, notify.ErrClosed):
		return "closed"
	case err != nil:
		return err.Error()
	case !ok:
		return "none"
	}
	return fmt.Sprint(e)
}

// detail also tells the number before.
func detail(e event) string { return fmt.Sprintf("%v after %d", e, e.prev) }

func full(e event, ok bool, err error) string {
	if ok && err == nil {
		return detail(e)
	}
	return answer(e, ok, err)
}
