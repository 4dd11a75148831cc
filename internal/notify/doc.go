// Package notify is the event ring: producers append numbered events under one
// leaf lock, subscribers pull them at their own pace.
//
//	r, err := notify.New(notify.Config[Event]{
//		Capacity: 4096,
//		Number:   func(e *Event, seq uint64) { e.Rev = seq },
//		Overrun:  switchdev.ErrOverrun,
//	})
//	...
//	r.Update(func(tx notify.Tx[Event]) { // commit: view and event in one step
//		view.Store(next)
//		tx.Append(Event{Kind: Added, New: entry})
//	})
//	...
//	sub, err := r.Subscribe(notify.Options[Event]{
//		Replay: func() notify.Walk[Event] { return existing(view.Load()) },
//		Synced: func() Event { return Event{Kind: Synced} },
//	})
//	for e, err := range sub.All(ctx) { ... }
//
// Packages wrap [Subscription] in a type of their own, so that its methods are
// in their documentation.
//
// # Numbers
//
// Every event has a number; numbers start at 1 and increase strictly in the order
// of the commits. A bulk record ([Tx.AppendBulk]) takes a contiguous range of
// numbers of the size the producer names; a walk that ends early leaves the rest
// of the range unused. So a jump in the numbers does not tell of a loss, only an
// overrun does. The events of a replay, the events made up for a coalescing
// subscriber and the synced marker carry the number of the last event that the
// snapshot contains, hence less than every live event that follows.
//
// # Order and losses
//
// A subscriber reads live events in the order of their numbers, each once. One
// that falls more than the capacity behind gets exactly one overrun error and
// then resynchronises: with a replay it starts again from a fresh one, without it
// continues behind the newest event at the time the error was returned, so that
// a dump which the reader makes after the error leaves no gap. A coalescing
// subscription ([SubscribeKeyed]) never sees the error: it starts again from a
// fresh replay and is told of every key that has vanished.
//
// [Config.Previous] tells with every event the number of what the subscription was given
// before, so that who keeps that number sees that nothing is missing between.
//
// # Topics
//
// A record may be appended under a topic ([Tx.AppendTopic]). A subscription with
// [Options.Topic] reads the records of its topic, which the ring chains while anybody is
// subscribed to it: neither reading nor waiting costs it anything for the records of
// others, nor them for it. It overruns when a record of its own topic was lost, and only
// then. Records without a topic are read by subscriptions without one only.
//
// [Subscription.Change] changes topic, filter and replay at a number that it returns:
// events up to it are read under the old options, those behind it under the new.
//
// # Concurrency
//
// Everything is safe for concurrent use. The lock of the ring is a leaf: it is
// held while a producer's function given to [Ring.Update], a subscriber's Replay
// function and that given to [Subscription.Change] run, which therefore must be short,
// must not block and must not call the ring; it is never held across a filter, a walk
// or a channel operation.
// Nobody starts a goroutine. A subscriber that never reads costs the producers
// nothing; one that waits is visited by the next append only, or the next of its topic,
// which puts one token into its channel. An append to a ring in which somebody is
// subscribed to a topic does one look-up in a map, however many are. Waits are channel
// operations and hence durably blocking in
// testing/synctest.
//
// # Memory
//
// The ring holds the last Capacity records by value, a bulk record with whatever
// its source refers to. With no subscription it holds nothing. A subscription is
// not referenced by the ring unless it waits. A subscription with a replay keeps the
// snapshot alive until it has read it or is closed. A ring with a subscription to a topic
// has 16 bytes more for each slot, and a chain for each topic that somebody is subscribed
// to; a topic without subscriptions has nothing, but for the chain of one that has just
// lost its last, which goes with its last record. The first subscription to any topic
// makes the links, without the lock unless it comes to its topic by Change.
//
// # Errors
//
// [ErrOverrun] and [ErrClosed], or what the wrapping package put in their place.
//
// # Differences from Linux
//
// Netlink multicast queues per socket and drops the newest message when a queue is
// full (net/netlink/af_netlink.c, netlink_broadcast_deliver and netlink_overrun);
// here all share one ring, the oldest are dropped, and the reader is resynchronised.
package notify
