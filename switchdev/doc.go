// Package switchdev is the contract between the control plane and switching
// hardware: the values that both speak of, and the roles that a device may
// play. It imports nothing but the standard library, so that a driver depends
// on this package alone.
//
// A [Driver] is an identity and a lifetime. Everything else is a role: a small
// interface that the driver implements if the device can do it, and that its
// user finds with [As].
//
//	role              what the device does
//	PortOffloader     makes ports members of a bridge, with state and flags
//	PortLister        tells which ports it has
//	LAGOffloader      joins ports into link aggregation groups
//	BridgeOffloader   takes over ageing, filtering and the tag protocol
//	VLANOffloader     has a VLAN table
//	FDBOffloader      has a forwarding database
//	FDBSubmitter      completes rows by itself, asynchronously
//	FDBFlusher        learns by itself, and forgets on demand
//	FDBDumper         can be read
//	FlowOffloader     has a flow table
//	FlowStatsReader   counts what flows carry
//	HeaderOffloader   builds tunnel headers
//	Limiter           knows its sizes
//	Resetter          can be reset, and tells its epoch
//	Reporter          reports upward: learned, aged, reset, carrier, room
//
// A [Router] is no role of a device: it finds the way to a tunnel's endpoint.
//
// Operations are batches with one [Result] each, and carry a forwarding
// [Domain], a [Token] and a [Generation]; the result says what became of the
// operation, and in which [Epoch]. Package switchdevtest checks the rules of
// batches and of roles: a driver is done when it passes.
//
// The smallest useful driver has one role. This one keeps its rows in memory:
//
//	type chip struct {
//		mu     sync.Mutex
//		closed bool
//		rows   map[switchdev.Domain]map[switchdev.FDBKey]switchdev.FDBEntry
//	}
//
//	func (c *chip) Name() string { return "chip0" }
//
//	func (c *chip) Close() error {
//		c.mu.Lock()
//		defer c.mu.Unlock()
//		c.closed = true
//		return nil
//	}
//
//	func (c *chip) ApplyFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
//		for i, op := range ops {
//			results[i] = switchdev.Result{Token: op.Token, Epoch: 1, Err: c.apply(ctx, op)}
//		}
//	}
//
//	func (c *chip) apply(ctx context.Context, op switchdev.FDBOp) error {
//		if err := ctx.Err(); err != nil {
//			return err
//		}
//		if err := op.Entry.Key.Check(); err != nil {
//			return err
//		}
//		c.mu.Lock()
//		defer c.mu.Unlock()
//		switch rows := c.rows[op.Domain]; {
//		case c.closed:
//			return switchdev.ErrClosed
//		case rows == nil:
//			return switchdev.ErrUnsupported // a domain that is kept in software
//		case op.Verb == switchdev.FDBSet:
//			rows[op.Entry.Key] = op.Entry
//		case op.Verb == switchdev.FDBDelete:
//			delete(rows, op.Entry.Key)
//		default:
//			return switchdev.ErrInvalid
//		}
//		return nil
//	}
//
// It is a test of this package too, and passes the kit.
//
// # Batches
//
// Every role method named Apply… takes a batch of operations and a slice of as
// many results, results[i] answering ops[i], and keeps these rules:
//
//   - Operations of one batch take effect in order. Each is executed wholly or
//     not at all; the failure of one does not undo or skip another.
//   - Set operations are upserts and idempotent. Deleting what is not there
//     succeeds.
//   - A result with a nil error is final: when the call returns, the hardware
//     forwards by it.
//   - Calls may come from several goroutines. Callers keep to one call per
//     role and device at a time; a driver serialises on its own what its
//     hardware cannot do at once, and never with a lock that a [Sink] call, or
//     Name, Epoch, Limits or Usage would need.
//   - ctx ends the wait. When it ends, the driver answers what it executed, and
//     answers the rest either with ctx's error, which promises that it was not
//     and will not be executed, or with ErrOutcomeUnknown. A batch whose ctx had
//     ended before the call is not executed and is answered with ctx's error.
//   - ops and results, the slices inside LAG operations included, belong to the
//     driver until the call returns, and not afterwards.
//   - A driver never calls the table that called it. What it has to say it
//     reports to the sink, which only queues.
//
// # Concurrency
//
// Values are values: copy them. Those with slices or pointers inside, [Flow],
// [Action] and [Header], are not changed by anybody once they were handed over.
// A [VLANSet] may be read concurrently.
//
// A driver may be called from any goroutine. Its user makes one call per role
// and device at a time; calls of different roles, Name, Epoch, Usage and Close
// come at any time. A driver holds no lock across a call of a [Sink], and a
// sink only queues, so reports never deadlock.
//
// # Errors
//
// The conditions of the whole module are the sentinels of this package. Each
// wraps an errno, so that errors.Is finds the sentinel, the errno and the
// standard library's own: ErrExist is also syscall.EEXIST and fs.ErrExist. They
// come bare or in an [*OpError], which says what was attempted, where and why.
// A text that cannot be parsed is a [*ParseError].
//
// A driver's answer means: nil, it is done and final; an error that is
// [errors.ErrUnsupported], keep it in software; [ErrOutcomeUnknown], read the
// device before you trust it; anything else, refused, and nothing has changed.
//
// # Differences from Linux
//
//   - Linux calls drivers through notifier chains and drops the errors of
//     forwarding rows (net/switchdev/switchdev.c, net/bridge/br_switchdev.c).
//     Here each operation has an answer, and the answer is final.
//   - Linux defers operations in one global queue for callers that may not
//     sleep. Here a device that completes by itself says so (FDBSubmitter), and
//     tables queue for the others.
//   - Operations carry token, generation and epoch, so that a late answer and a
//     reset are told from news; reports about rows carry the generation of the
//     join, so that the lives of a port number are. Linux has no such numbers.
//   - A link aggregation group has a number of its own, and one operation makes
//     the whole of it. In Linux drivers hear of a bond link by link.
//   - A row has one key, address and VLAN, in one domain; a driver whose
//     hardware keys rows by port, such as rocker, has to remove the old one.
//   - Devices are asked what they hold (FDBDumper) and how much they can hold
//     (Limiter); Linux knows the first from the driver's own dump only, and the
//     second not at all.
//   - Multicast groups (MDB), MRP and MST are not modelled.
package switchdev
