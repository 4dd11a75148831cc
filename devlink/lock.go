package devlink

// The locks of a registry, and the order in which they are taken (L6). All guard
// memory work only: none is held across a driver, a callback of a subscriber, a
// channel operation or a wait.
//
//   - that of the registry's lists is taken alone, and nothing inside it;
//   - that of an instance's state may contain those of its objects, and all of them
//     that of the hub, which is the ring's;
//   - that of the graph of waits may contain those of the queues.
//
// A build with the tag devlinkdebug checks it, and panics where it is broken.

// rank is the place of a lock in the order.
type rank uint8

const (
	rankRegistry rank = iota + 1
	rankGraph
	rankQueue
	rankInstance
	rankObject
	rankHub
	rankCopy
)

var rankNames = [...]string{"none", "registry", "graph", "queue", "instance", "object", "hub", "copy"}

// String returns what the lock guards.
func (r rank) String() string { return rankNames[r] }
