package devlinktest

import (
	"errors"
	"fmt"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// Stream checks what one subscription reads, and keeps what there is as the events say.
// Make one with [NewStream].
type Stream struct {
	opt     devlink.SubscribeOptions
	filters []filterChange
	replay  devlink.Filter // of the replay that is being read
	log     *Log
	at      int // in the log

	lives map[uint64]*stay  // by index of the instance
	ended map[uint64]uint64 // the last generation that has ended
	seq   uint64

	replaying bool
	lost      bool   // an overrun, and nothing since
	given     uint64 // the number of the event before
	first     bool
	overruns  int
	events    int
}

// filterChange is a filter for the events behind a number.
type filterChange struct {
	after  uint64
	filter devlink.Filter
}

// NewStream returns the check of a subscription with the options, which has read nothing
// yet.
func NewStream(o devlink.SubscribeOptions) *Stream {
	return &Stream{
		opt: o, filters: []filterChange{{0, o.Filter}}, replay: o.Filter, replaying: o.Replay, first: true,
		lives: make(map[uint64]*stay), ended: make(map[uint64]uint64),
	}
}

// Follow has everything that is heard from now on held against a log, which has to be
// ahead of it; nil ends that. It is called when the log ends where the stream has got to.
func (s *Stream) Follow(l *Log) {
	if s.log = l; l != nil {
		s.at = len(l.events)
	}
}

// SetFilter tells of [devlink.Subscription.SetFilter] and of its result.
func (s *Stream) SetFilter(f devlink.Filter, after uint64) {
	s.filters = append(s.filters, filterChange{after, f})
}

// filter is the one that is in force for a number.
func (s *Stream) filter(seq uint64) (f devlink.Filter) {
	for _, c := range s.filters {
		if c.after < seq || c.after == 0 {
			f = c.filter
		}
	}
	return f
}

// strict reports whether the stream has everything: all of every life that it is about.
func (s *Stream) strict() bool {
	return s.opt.Replay && !s.opt.CompatKernel && len(s.filters) == 1 && s.opt.Filter == devlink.Filter{}
}

// complete reports whether the stream hears of the end of all objects of which it hears
// at all.
func (s *Stream) complete() bool { return len(s.filters) == 1 && !s.opt.CompatKernel }

// Overruns is how often the subscription has fallen behind.
func (s *Stream) Overruns() int { return s.overruns }

// Events is how many events were heard.
func (s *Stream) Events() int { return s.events }

// Lost tells that the subscription has returned ErrOverrun: what it reads next is a
// replay if it has one, and news else.
func (s *Stream) Lost() {
	s.lost = true
	s.overruns++
	s.replaying, s.replay = s.opt.Replay, s.filters[len(s.filters)-1].filter
	clear(s.lives)
}

// Read hears everything that there is to read of a subscription, at most a number of
// events if that is not 0. That it was closed is no error.
func (s *Stream) Read(sub *devlink.Subscription, most int) error {
	for n := 0; most == 0 || n < most; n++ {
		e, ok, err := sub.TryNext()
		switch {
		case errors.Is(err, switchdev.ErrOverrun):
			s.Lost()
			continue
		case errors.Is(err, switchdev.ErrClosed):
			return nil
		case err == nil && !ok:
			return s.Drained()
		case err == nil:
			err = s.Hear(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Hear checks one event.
func (s *Stream) Hear(e devlink.Event) error {
	s.events++
	if e.Verb == devlink.Overrun {
		if e.Life != nil || e.Object != nil || e.Seq < s.seq {
			return fmt.Errorf("%v after %d", e, s.seq)
		}
		s.Lost()
		s.given = e.Seq
		return nil
	}
	if err := s.number(e); err != nil {
		return err
	}
	if e.Verb == devlink.Synced {
		return s.synced(e)
	}
	if e.Life == nil || e.Object == nil {
		return fmt.Errorf("%v has no instance or no object", e)
	}
	if err := s.passes(e); err != nil {
		return err
	}
	if err := s.logged(e); err != nil {
		return err
	}
	return s.object(e)
}

// number checks the numbers of an event.
func (s *Stream) number(e devlink.Event) error {
	switch {
	case s.replaying && e.Seq < s.seq, !s.replaying && e.Seq <= s.seq:
		return fmt.Errorf("%v after %d, replay %v", e, s.seq, s.replaying)
	case s.first && !s.lost && e.Previous != 0:
		return fmt.Errorf("%v is the first, and %d was before it", e, e.Previous)
	case !s.first && !s.lost && e.Previous != s.given:
		return fmt.Errorf("%v after %d, and says %d", e, s.given, e.Previous)
	case s.lost && e.Previous < s.given, e.Previous > e.Seq:
		return fmt.Errorf("%v: %d was lost last, and %d read", e, e.Previous, s.given)
	}
	if s.lost && !s.replaying && s.log != nil {
		s.at = s.log.after(e.Previous)
	}
	s.seq, s.given, s.first, s.lost = e.Seq, e.Seq, false, false
	return nil
}

func (s *Stream) synced(e devlink.Event) error {
	if !s.replaying || e.Life != nil || e.Object != nil {
		return fmt.Errorf("%v without a replay", e)
	}
	s.replaying = false
	if s.log != nil {
		s.at = s.log.after(e.Seq)
	}
	return nil
}

// passes checks that an event is one that was asked for.
func (s *Stream) passes(e devlink.Event) error {
	f := s.filter(e.Seq)
	if s.replaying {
		f = s.replay
		if e.Verb != devlink.Existing {
			return fmt.Errorf("%v in a replay", e)
		}
	} else if e.Verb == devlink.Existing {
		return fmt.Errorf("%v and no replay", e)
	}
	if !s.wanted(f, &e) {
		return fmt.Errorf("%v does not pass %+v", e, f)
	}
	return nil
}

// wanted is the slow form of a filter.
func (s *Stream) wanted(f devlink.Filter, e *devlink.Event) bool {
	kinds := make(map[devlink.Kind]bool)
	for k := range f.Kinds.All() {
		kinds[k] = true
	}
	key := e.Object.Key()
	elsewhere := !s.opt.AllNamespaces && e.Life.Namespace != s.opt.Namespace
	muted := s.opt.CompatKernel && e.Marks.Has(devlink.Silent)
	otherBus := f.Bus != "" && e.Life.Bus != f.Bus
	otherDevice := f.Device != "" && e.Life.Device != f.Device
	otherKind := len(kinds) > 0 && !kinds[e.Object.Kind()]
	otherPort := f.OnPort && key.OnPort && key.Port != f.Port
	return !elsewhere && !muted && !otherBus && !otherDevice && !otherKind && !otherPort
}
