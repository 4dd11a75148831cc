package notify

import (
	"maps"
	"slices"
	"sync/atomic"
)

// topic chains the records that were appended under one topic while somebody was
// subscribed to it. It exists as long as somebody is: one who subscribes later starts
// behind all that was appended before, and needs no chain to it.
type topic[E any] struct {
	id   uint64
	subs int // subscriptions that read it or, after a change, are still to finish it

	// count is how many records the chain ever had, lost how many of these the ring has
	// overwritten, always the oldest. count is written under the lock of the ring.
	count atomic.Uint64
	lost  uint64
	// oldest and newest are the positions of records lost and count-1; they mean
	// something while lost < count.
	oldest, newest uint64

	waiting []*Subscription[E] // the armed subscriptions
}

// link is a slot's place in the chain of its topic. Links are beside the slots and not
// in them: a ring without subscriptions to topics has none.
type link[E any] struct {
	topic *topic[E]
	next  uint64 // position of the next record, unless this is the newest
}

// chain puts the record about to be stored at position head into the chain of its
// topic, and takes the one that it overwrites out of its own. Who waits for the topic
// goes among those whom the append wakes. The lock is held.
func (r *Ring[E]) chain(head, id uint64) {
	mask := uint64(len(r.links) - 1)
	l := &r.links[head&mask]
	if l.topic != nil {
		l.topic.lost++
		l.topic.oldest = l.next
		l.topic = nil
	}
	if id == 0 {
		return
	}
	t := r.topics[id]
	if t == nil {
		return
	}
	count := t.count.Load()
	if t.lost == count {
		t.oldest = head
	} else {
		r.links[t.newest&mask].next = head
	}
	l.topic, t.newest = t, head
	t.count.Store(count + 1)
	r.rouse(t)
}

// rouse moves who waits for a topic to those whom the next detach takes; that is in the
// same step, as the lock is held from here to there.
func (r *Ring[E]) rouse(t *topic[E]) {
	if len(t.waiting) == 0 {
		return
	}
	r.waiting = append(r.waiting, t.waiting...)
	r.asleep -= len(t.waiting)
	clear(t.waiting)
	t.waiting = t.waiting[:0]
}

// rouseAll is rouse for every topic, in the order of the topics. The lock is held.
func (r *Ring[E]) rouseAll() {
	for _, id := range slices.Sorted(maps.Keys(r.topics)) {
		r.rouse(r.topics[id])
	}
}

// hold gives the chain of a topic to one more subscription, nil for no topic. The lock
// is held.
func (r *Ring[E]) hold(id uint64) *topic[E] {
	if id == 0 {
		return nil
	}
	if r.links == nil {
		r.links = make([]link[E], r.cfg.Capacity)
	}
	t := r.topics[id]
	if t == nil {
		t = &topic[E]{id: id}
		if r.topics == nil {
			r.topics = make(map[uint64]*topic[E])
		}
		r.topics[id] = t
	}
	t.subs++
	return t
}

// drop undoes hold. Links which still refer to the chain of a topic that nobody reads
// any more go when their records do. The lock is held.
func (r *Ring[E]) drop(t *topic[E]) {
	if t == nil {
		return
	}
	if t.subs--; t.subs > 0 {
		return
	}
	if delete(r.topics, t.id); len(r.topics) == 0 {
		r.topics, r.links = nil, nil
	}
}

// cursor is a place in the ring or, with a topic, in its chain.
type cursor[E any] struct {
	topic *topic[E]
	// at counts the records before the cursor: of the topic, or without one all, so that
	// it is the position of the next.
	at uint64
	// from is the position of the topic's last record before the cursor. It means
	// something while the ring has that record.
	from uint64
}

// newest is the cursor behind the newest record. The lock is held.
func (r *Ring[E]) newest(t *topic[E]) cursor[E] {
	if t == nil {
		return cursor[E]{at: r.head.Load()}
	}
	return cursor[E]{topic: t, at: t.count.Load(), from: t.newest}
}

// limit is what at can rise to.
func (c *cursor[E]) limit(r *Ring[E]) uint64 {
	if c.topic == nil {
		return r.head.Load()
	}
	return c.topic.count.Load()
}

// lost is how many of the cursor's records the ring has overwritten, whether read or
// not. The lock is held.
func (c *cursor[E]) lost(r *Ring[E]) uint64 {
	if c.topic != nil {
		return c.topic.lost
	}
	if head, capacity := r.head.Load(), uint64(r.cfg.Capacity); head > capacity {
		return head - capacity
	}
	return 0
}

// passed is a position behind the last record that was read, or before it.
func (c *cursor[E]) passed() uint64 {
	if c.topic == nil {
		return c.at
	}
	return c.from + 1
}

// take copies the next records into buf and moves the cursor behind them. All of them
// are in the ring. The lock is held.
func (c *cursor[E]) take(r *Ring[E], buf []record[E]) {
	mask := uint64(len(r.slots) - 1)
	if c.topic == nil {
		n := copy(buf, r.slots[c.at&mask:])
		copy(buf[n:], r.slots)
		c.at += uint64(len(buf))
		return
	}
	for i := range buf {
		if c.at == c.topic.lost {
			c.from = c.topic.oldest
		} else {
			c.from = r.links[c.from&mask].next
		}
		buf[i] = r.slots[c.from&mask]
		c.at++
	}
}
