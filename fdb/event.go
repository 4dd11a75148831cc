package fdb

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/internal/notify"
	"github.com/switchcore/switchcore/switchdev"
)

// EventKind says what happened to an entry.
type EventKind uint8

// The kinds of events.
const (
	// Existing: part of a replay; Entry is there.
	Existing EventKind = iota + 1
	// Synced: the replay is complete; what follows is news.
	Synced
	// Added: Entry is new.
	Added
	// Changed: Entry took the place of Old, on the same port.
	Changed
	// MovedTo: Entry took the place of Old, which was on another port.
	MovedTo
	// Deleted: Old was removed by a user or by its owner.
	Deleted
	// Flushed: Old was removed by a flush.
	Flushed
	// Aged: Old was removed because nothing was heard of it.
	Aged
	// OffloadChanged: Entry.Offload is new; nothing else changed.
	OffloadChanged
	// Vetoed: a device refused Entry, a station that was learned, and it is not
	// in the table; see Learning.Vetoed. Old is what the table had of the
	// station, which has gone with it, if it had anything.
	Vetoed
)

var eventNames = [...]string{"", "existing", "synced", "added", "changed", "moved", "deleted", "flushed", "aged", "offload", "vetoed"}

// String returns the kind's name, for instance "added".
func (k EventKind) String() string {
	if int(k) < len(eventNames) && k != 0 {
		return eventNames[k]
	}
	return "event?"
}

// Removes reports whether the event ends the life of its entry. A Vetoed event is
// also told of stations that had none.
func (k EventKind) Removes() bool { return k == Deleted || k == Flushed || k == Aged || k == Vetoed }

// Event is one change of a table.
type Event struct {
	// Kind says what happened.
	Kind EventKind
	// Seq numbers the events of a table in the order in which the changes
	// became visible (rule 3). It grows strictly; a jump alone tells of no
	// loss, only ErrOverrun does.
	Seq uint64
	// Op is the number of the operation that made the change. Operations are
	// numbered when they are accepted, so these numbers can come out of order.
	Op uint64
	// Entry is the entry as it is after the change, and the one removed for
	// the kinds that remove.
	Entry Entry
	// Old is the entry before the change, if there was one.
	Old Entry
	// Before is how Old stood with hardware before the operation began. Old.Offload
	// tells of the moment before the change: while an operation is with the devices
	// nobody says that they hold the entry.
	Before OffloadState
	// Respelt says that the request for Entry was spelt otherwise, so that Linux
	// would tell of it whatever has changed; see [QuirkStaticReaddNotifies],
	// without which it is never set.
	Respelt bool
}

// changed is told by the overlay of every change of the main table. The slot is
// held. Whether an entry was stale is settled now, the event may be made later.
func (t *Table) changed(c overlay.Change) {
	t.sweep.heard(t, c)
	if c.Cause == overlay.Expired || t.stale(c.Old.Hot) {
		c.Old.Hot |= expired
	}
	if t.stale(c.New.Hot) {
		c.New.Hot |= expired
	}
	t.changes = append(t.changes, c)
}

// bulk is what a flush or the sweep removed together, in its place among the
// changes.
type bulk struct {
	overlay.Bulk
	after int    // how many changes come before it
	limit uint64 // for who was stale then; see overdue
}

// bulked is told by the overlay of what was removed together; only where no device
// has a say, else each entry is a change of its own. The slot is held.
func (t *Table) bulked(b overlay.Bulk) {
	if len(t.sweep.watched.keys) > 0 {
		for k, e := range b.Gone.All() {
			t.sweep.watched.note(overlay.Change{Key: k, Old: e})
		}
	}
	t.bulks = append(t.bulks, bulk{Bulk: b, after: len(t.changes), limit: t.staleBefore()})
}

// flushChanges tells subscribers and devices what was changed, in the order in
// which it was. The caller holds the slot.
func (t *Table) flushChanges() {
	for t.settle(); len(t.changes)+len(t.bulks) > 0; t.settle() {
		changes, bulks := t.changes, t.bulks
		t.changes, t.told, t.bulks = t.told[:0], nil, nil
		from, kept := 0, false
		for _, b := range bulks {
			kept = t.pass(changes[from:b.after]) || kept
			t.tellBulk(b)
			from = b.after
		}
		if kept = t.pass(changes[from:]) || kept; !kept {
			clear(changes)
			t.told = changes[:0]
		}
	}
}

// pass tells of some changes and reports whether the slice is still needed.
func (t *Table) pass(changes []overlay.Change) (kept bool) {
	told := t.withhold(t.loud(changes))
	kept = len(told) > 0 && t.tell(told)
	for _, c := range changes {
		if c.Cause == overlay.Roamed && t.withdraws(c.Old) && !slices.Contains(t.roamed, c.Key) {
			t.roamed = append(t.roamed, c.Key)
		}
		t.devices.Touch(uint64(c.Key))
		if c.Cause == overlay.Flushed {
			t.awaitFlushed(c)
		}
	}
	t.arrive()
	return kept
}

// tellBulk puts what was removed together into the ring, as one record that
// refers to what the overlay took out. Each subscriber makes the events of one
// part of it at a time.
func (t *Table) tellBulk(b bulk) {
	n := uint64(b.Gone.Len())
	if t.ring.Quiet() {
		t.ring.AppendBulk(n, nil)
		return
	}
	kind := Flushed
	if b.Cause == overlay.Expired {
		kind = Aged
	}
	t.ring.AppendFill(n, func(dst []Event, pos uint64) (int, uint64, bool) {
		var items [64]cam.Item
		n, next, more := b.Gone.Copy(items[:min(len(dst), len(items))], pos)
		for i := range items[:n] {
			v, e := &items[i].Entry, &dst[i]
			e.Kind, e.Op = kind, b.Seq
			t.fillEntry(&e.Entry, items[i].Key, v)
			e.Entry.Stale = kind == Aged && dynamic(v.Hot) || overdue(v.Hot, b.limit)
			e.Old, e.Before = e.Entry, e.Entry.Offload
		}
		return n, next, more
	})
}

// tell puts changes into the ring and reports whether it keeps the slice. Several
// are one record, of which each subscriber makes events when it comes to it; so
// a change costs the table the same however many read.
func (t *Table) tell(changes []overlay.Change) (kept bool) {
	switch {
	case t.ring.Quiet():
		t.ring.AppendBulk(uint64(len(changes)), nil)
		return false
	case len(changes) == 1:
		t.event(t.eventOf(changes[0]))
		return false
	}
	t.ring.AppendFill(uint64(len(changes)), func(dst []Event, pos uint64) (int, uint64, bool) {
		some := changes[pos:min(pos+uint64(len(dst)), uint64(len(changes)))]
		for i := range some {
			dst[i] = t.eventOf(some[i])
		}
		next := pos + uint64(len(some))
		return len(some), next, next < uint64(len(changes))
	})
	return true
}

func (t *Table) event(e Event) { t.ring.Append(e) }

func (t *Table) eventOf(c overlay.Change) Event {
	e := Event{Op: c.Seq, Respelt: c.Note&noteRespelt != 0, Before: before(&c)}
	if c.Old.Hot != 0 {
		e.Old = t.entryOf(c.Key, c.Old)
	}
	if c.New.Hot != 0 {
		e.Entry = t.entryOf(c.Key, c.New)
		switch {
		case c.Old.Hot == 0:
			e.Kind = Added
		case c.Old.Port() != c.New.Port():
			e.Kind = MovedTo
		default:
			e.Kind = Changed
		}
		return e
	}
	e.Entry = e.Old
	switch c.Cause {
	case overlay.Flushed:
		e.Kind = Flushed
	case overlay.Expired:
		e.Kind = Aged
	default:
		e.Kind = Deleted
	}
	return e
}

// SubscribeOptions says what a subscription reads. The zero value reads every
// event from now on.
type SubscribeOptions struct {
	// Replay begins with an Existing event for every entry, then Synced, and
	// does so again after an overrun. No change is missing and none is told
	// twice between the replay and the news.
	Replay bool
	// Filter says which events are read; Synced is never filtered. It is called
	// by the reader with no lock held.
	Filter func(*Event) bool
}

// Subscription reads the events of a table, in the order of their numbers. Its
// methods may be called concurrently; each event goes to one reader. A slow
// subscription delays nobody: when it has fallen behind by more than
// Config.Events it gets [switchdev.ErrOverrun] once and goes on from the present.
type Subscription struct {
	t      *Table
	filter func(*Event) bool
	sub    *notify.Subscription[Event]

	// first is the replay that was taken when subscribing. Those after an
	// overrun are taken when they are read, by the reader and with the slot:
	// floor is the last event that the table had told then.
	first notify.Walk[Event]
	floor uint64
}

// Subscribe begins to read the events of the table. It waits for the commit
// slot, which nobody holds for long, and fails with [switchdev.ErrClosed] on a
// closed table. A subscription that is read no more is to be closed.
func (t *Table) Subscribe(o SubscribeOptions) (*Subscription, error) {
	s := &Subscription{t: t, filter: o.Filter}
	opt := notify.Options[Event]{Filter: o.Filter}
	<-t.slot
	defer t.unlock()
	if o.Replay {
		s.first = t.replay()
		opt.Replay, opt.Filter = s.replay, s.wanted
		opt.Synced = func() Event { return Event{Kind: Synced, Seq: s.floor} }
	}
	var err error
	if s.sub, err = t.ring.Subscribe(opt); err != nil {
		return nil, err
	}
	return s, nil
}

// replay walks the table as it is now. The caller holds the slot.
func (t *Table) replay() notify.Walk[Event] {
	snap, shown := t.stations.Snapshot(), t.untold.freeze()
	return notify.Chunks(func(dst []Event, pos uint64) ([]Event, uint64, bool) {
		next, more := snap.Walk(int(pos), func(k cam.Key, e cam.Entry) bool {
			if e, ok := shown.entry(k, e); ok {
				dst = append(dst, Event{Kind: Existing, Entry: t.entry(k, e)})
			}
			return true
		})
		return dst, uint64(next), more
	})()
}

// replay is called under the lock of the ring, where nobody may wait for the
// slot; the walk that it returns is not.
func (s *Subscription) replay() notify.Walk[Event] {
	walk := s.first
	s.first = nil
	return func() (Event, bool) {
		if walk == nil {
			<-s.t.slot
			walk, s.floor = s.t.replay(), s.t.ring.Last()
			s.t.unlock()
		}
		return walk()
	}
}

// wanted passes over what happened before the replay was taken, and is in it.
func (s *Subscription) wanted(e *Event) bool {
	if e.Kind == Existing {
		e.Seq = max(e.Seq, s.floor)
	} else if e.Seq <= s.floor {
		return false
	}
	return s.filter == nil || s.filter(e)
}

// Next returns the next event and waits for it. It returns ctx's error only when
// there is nothing to read, [switchdev.ErrOverrun] once when it fell behind, and
// [switchdev.ErrClosed] after Close, or when the table was closed and everything
// has been read.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	e, err := s.sub.Next(ctx)
	s.t.overran(err)
	return e, err
}

// Ready returns a channel that holds a token whenever something may be read.
func (s *Subscription) Ready() <-chan struct{} { return s.sub.Ready() }

// TryNext is Next that does not wait: ok is false if there is nothing to read.
func (s *Subscription) TryNext() (e Event, ok bool, err error) {
	e, ok, err = s.sub.TryNext()
	s.t.overran(err)
	return e, ok, err
}

// Read fills dst with the next events, as far as there are any, and returns how
// many it read: at least one, or an error, for which it waits as Next does. It is
// for readers that have much to read; an event costs it half of what it costs Next.
func (s *Subscription) Read(ctx context.Context, dst []Event) (int, error) {
	if len(dst) == 0 {
		return 0, nil
	}
	for {
		if n, err := s.sub.TryRead(dst); n > 0 || err != nil {
			s.t.overran(err)
			return n, err
		}
		e, err := s.sub.Next(ctx)
		s.t.overran(err)
		if err != nil {
			return 0, err
		}
		dst[0] = e
		return 1, nil
	}
}

// All reads until the subscription ends. An overrun is yielded as an error and
// does not end the loop.
func (s *Subscription) All(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			e, err := s.Next(ctx)
			if !yield(e, err) || (err != nil && !errors.Is(err, switchdev.ErrOverrun)) {
				return
			}
		}
	}
}

// Close ends the subscription.
func (s *Subscription) Close() error { return s.sub.Close() }
