package notify

import (
	"cmp"
	"errors"
	"slices"
)

// Keyed says how a coalescing subscription tells objects apart. All functions are
// called by the reader, one call at a time and with no lock held.
type Keyed[E any, K comparable] struct {
	// Key is the object that an event is about. Required.
	Key func(e *E) K
	// Gone reports that the event ends the object's life. Required.
	Gone func(e *E) bool
	// Vanished makes the event that tells of the end of an object which vanished while
	// the subscriber was behind. Required.
	Vanished func(key K) E
}

// errKeyed is a mistake of the wrapping package.
var errKeyed = errors.New("notify: a coalescing subscription needs Replay, Key, Gone and Vanished")

// SubscribeKeyed opens a coalescing subscription, for readers that mirror state: of
// the events queued for one key it gives the last, in the order of the numbers, and
// may drop those before. It has no overrun: when it falls behind it goes on with a
// fresh replay, then an event from Vanished for each key that it has given and that
// the replay did not contain, in the order in which they were last given, then the
// synced event. The filter comes first: what it drops neither replaces an event nor
// counts as contained.
//
// It holds, besides one round of coalesced events, every live key that it has given,
// so memory is bounded by the number of distinct keys. Replay must name every live
// key once. It fails with Config.Closed on a closed ring.
func SubscribeKeyed[E any, K comparable](r *Ring[E], opt Options[E], keyed Keyed[E, K]) (*Subscription[E], error) {
	if opt.Replay == nil || keyed.Key == nil || keyed.Gone == nil || keyed.Vanished == nil {
		return nil, errKeyed
	}
	return r.subscribe(opt, &merge[E, K]{keyed: keyed, live: make(map[K]uint64), index: make(map[K]int)})
}

// merger is merge without its key type.
type merger[E any] interface {
	absorb(e *E, seq uint64)
	seal()
	reset()
	held() int
	pop(e *E) (seq uint64, ok bool)
	given(e *E)
	begin()
	sweep(number func(*E, uint64), seq uint64)
}

// readKeyed gives a round of coalesced events, and when that is used up makes the
// next round from all that is queued. Rounds, rather than merging before every read,
// so that no key can be put off for ever by its own changes.
func (s *Subscription[E]) readKeyed() (bool, error) {
	if s.overtaken() {
		s.walk, s.resync = nil, true
	}
	for {
		if seq, ok := s.keys.pop(&s.cur); ok {
			s.give(&s.cur, seq)
			return true, nil
		}
		if s.resync {
			s.recapture()
		}
		switch s.step() {
		case replayed:
			s.keys.given(&s.cur)
			s.give(&s.cur, s.last)
			return true, nil
		case marker:
			s.give(&s.cur, s.last)
			return true, nil
		case live:
			s.absorb()
			continue
		}
		if s.keys.held() > 0 {
			continue
		}
		if ok, err := s.fill(); !ok {
			return false, err
		}
	}
}

// absorb makes a round of cur and everything that was appended before now.
func (s *Subscription[E]) absorb() {
	limit := s.ring.head.Load()
	s.keys.absorb(&s.cur, s.last)
	for {
		for s.stepLive() {
			s.keys.absorb(&s.cur, s.last)
		}
		if s.passed() >= limit {
			break
		}
		if ok, _ := s.fill(); !ok {
			break
		}
		if s.resync {
			// What the round has is older than the replay, which tells of all of it.
			s.keys.reset()
			return
		}
	}
	s.keys.seal()
}

// stepLive is step while no replay is due: the round in the making does not stop it.
func (s *Subscription[E]) stepLive() bool {
	for s.walk != nil || s.next < len(s.buf) {
		from := nowhere
		if s.walk != nil {
			from = s.stepBulk()
		} else {
			from = s.stepRecord()
		}
		if from != nowhere && s.wanted() {
			return true
		}
	}
	return false
}

type item[E any, K comparable] struct {
	key   K
	seq   uint64
	event E
}

type merge[E any, K comparable] struct {
	keyed Keyed[E, K]

	items []item[E, K] // the round, items[next:] yet to be given
	next  int
	index map[K]int // where a key is in items, while a round is made

	live  map[K]uint64 // keys that the reader believes alive, with the clock when given
	clock uint64
	since uint64 // clock when the present replay began
}

// keep is the size of a round up to which its memory is kept for the next one.
const keep = 1024

func (m *merge[E, K]) absorb(e *E, seq uint64) {
	k := m.keyed.Key(e)
	if i, ok := m.index[k]; ok {
		m.items[i].seq, m.items[i].event = seq, *e
		return
	}
	m.index[k] = len(m.items)
	m.items = append(m.items, item[E, K]{k, seq, *e})
}

func (m *merge[E, K]) seal() {
	slices.SortFunc(m.items, func(a, b item[E, K]) int { return cmp.Compare(a.seq, b.seq) })
	if len(m.items) > keep {
		m.index = make(map[K]int)
	} else {
		clear(m.index)
	}
}

func (m *merge[E, K]) reset() {
	clear(m.items)
	m.items, m.next = m.items[:0], 0
	if cap(m.items) > keep {
		m.items = nil
	}
	clear(m.index)
}

func (m *merge[E, K]) held() int { return len(m.items) - m.next }

func (m *merge[E, K]) pop(e *E) (seq uint64, ok bool) {
	if m.held() == 0 {
		return 0, false
	}
	it := &m.items[m.next]
	m.next++
	*e, seq = it.event, it.seq
	m.note(it.key, m.keyed.Gone(e))
	*it = item[E, K]{}
	if m.held() == 0 {
		m.reset()
	}
	return seq, true
}

func (m *merge[E, K]) given(e *E) { m.note(m.keyed.Key(e), m.keyed.Gone(e)) }

func (m *merge[E, K]) note(k K, gone bool) {
	if gone {
		delete(m.live, k)
		return
	}
	m.clock++
	m.live[k] = m.clock
}

func (m *merge[E, K]) begin() { m.since = m.clock }

// sweep makes a round of the keys that the replay which just ended did not contain.
func (m *merge[E, K]) sweep(number func(*E, uint64), seq uint64) {
	for k, clock := range m.live {
		if clock <= m.since {
			m.items = append(m.items, item[E, K]{key: k, seq: clock})
		}
	}
	for i := range m.items {
		it := &m.items[i]
		it.event = m.keyed.Vanished(it.key)
		if number != nil {
			number(&it.event, seq)
		}
	}
	m.seal()
	for i := range m.items {
		m.items[i].seq = seq
	}
}
