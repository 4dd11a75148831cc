// Package devlinktest holds what a subscription to a registry of devlink reads against
// the rules of its order, slowly and obviously.
//
//	s := devlinktest.NewStream(o)          // the options of the subscription
//	for e, err := range sub.All(ctx) {
//		if err == nil {
//			err = s.Hear(e)                // what is wrong with it
//		} else if errors.Is(err, switchdev.ErrOverrun) {
//			s.Lost()
//			continue
//		}
//		...
//	}
//	err := s.Compare(r.Snapshot())         // when everything has been read
//
// A [Log] is everything that there was to read. A stream that has one is held against it
// event by event: nothing that passes the filter of its time is missing, nothing else is
// there.
//
// It is for tests: of the registry itself, of what passes its events on, and of drivers.
//
// # Concurrency
//
// A [Stream] and a [Log] belong to one goroutine at a time.
//
// # Errors
//
// Every error tells of a rule that was broken. After one a stream is of no use.
//
// # Differences from Linux
//
// The rules are those of package devlink; the notifications of Linux do not keep them.
package devlinktest
