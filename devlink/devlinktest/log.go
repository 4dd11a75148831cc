package devlinktest

import (
	"fmt"
	"sort"

	"github.com/switchcore/switchcore/devlink"
)

// Log is everything that a registry told, of all namespaces and in its order. The zero
// Log is empty.
type Log struct{ events []devlink.Event }

// Add adds an event, as a subscription to all namespaces without filter reads it. Those
// of replays are left out.
func (l *Log) Add(e devlink.Event) {
	if e.Life != nil && e.Verb != devlink.Existing {
		l.events = append(l.events, e)
	}
}

// Since returns what came behind a number. It is not to be written to.
func (l *Log) Since(seq uint64) []devlink.Event { return l.events[l.after(seq):] }

// Len is how many events there are.
func (l *Log) Len() int { return len(l.events) }

// after is the place of the first event behind a number.
func (l *Log) after(seq uint64) int {
	return sort.Search(len(l.events), func(i int) bool { return l.events[i].Seq > seq })
}

// same reports whether two readers were told the same.
func same(a, b devlink.Event) bool {
	return a.Seq == b.Seq && a.Verb == b.Verb && a.Marks == b.Marks && a.Life == b.Life && a.Object == b.Object
}

// logged checks that an event is the next of the log that the stream has to read.
func (s *Stream) logged(e devlink.Event) error {
	if s.log == nil || s.replaying {
		return nil
	}
	for ; s.at < len(s.log.events); s.at++ {
		switch next := s.log.events[s.at]; {
		case same(next, e):
			s.at++
			return nil
		case next.Seq >= e.Seq:
			return fmt.Errorf("%v is not what there was: %v", e, next)
		case s.due(s.at):
			return fmt.Errorf("%v is missing before %v", next, e)
		}
	}
	return fmt.Errorf("%v is not in the log", e)
}

// due reports whether the stream has to read an event of the log.
func (s *Stream) due(at int) bool {
	e := &s.log.events[at]
	return s.wanted(s.filter(e.Seq), e) && !(s.opt.Coalesce && s.log.superseded(at))
}

// superseded reports whether the next event of the instance tells of the same object.
func (l *Log) superseded(at int) bool {
	e := l.events[at]
	for _, next := range l.events[at+1:] {
		if next.Life.Index == e.Life.Index {
			return e.Verb == devlink.Changed && next.Verb == devlink.Changed && next.Marks == e.Marks &&
				next.Object.Kind() == e.Object.Kind() && next.Object.Key() == e.Object.Key()
		}
	}
	return false
}

// Drained checks that there is nothing in the log that the stream has not been given,
// when its subscription has nothing more to read.
func (s *Stream) Drained() error {
	if s.replaying {
		return fmt.Errorf("nothing to read in the middle of a replay")
	}
	if s.log == nil || s.lost {
		return nil // of what was lost nothing is known before the next event
	}
	for at := s.at; at < len(s.log.events); at++ {
		if s.due(at) {
			return fmt.Errorf("%v was not given", s.log.events[at])
		}
	}
	return nil
}
