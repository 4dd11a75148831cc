// Package switchdevtest checks drivers of package switchdev against the
// contract, and makes working ones fail.
//
// [Run] is the conformance kit: it takes a function that makes a driver and
// checks every sentence of the contract for the roles that the driver has. Each
// is a [Rule]; a failure prints its text. In a test of the driver's package:
//
//	func TestDriver(t *testing.T) {
//		switchdevtest.Run(t, func(t testing.TB) switchdev.Driver {
//			return mychip.New(mychip.Config{})
//		},
//			switchdevtest.Require[switchdev.FDBOffloader](),
//			switchdevtest.WithHang(func(d switchdev.Driver) (release func()) {
//				chip, _ := switchdev.As[*mychip.Chip](d)
//				return chip.StallFirmware()
//			}),
//			switchdevtest.Skip("dump/cancelled", "the firmware cannot stop a dump"),
//		)
//	}
//
// What the kit can do on its own it does; what it needs help for, such as a
// device that hangs or that learns a station, it skips without the option that
// gives it the means. Everything that was skipped, and why, stands in a log at
// the end of the run, so that a green run cannot hide an unchecked role.
//
// [Faulty] is the other half: a decorator that stands before any driver and
// makes it refuse, delay, hang, panic, forget, reset, end a batch early or lie
// about an outcome, per operation, and lose, delay, duplicate or reorder its
// reports, as an [Injector] decides. It is for the tests of whoever uses drivers.
//
//	d := switchdevtest.Faulty(chip, switchdevtest.Only(
//		switchdevtest.OnNth(3, switchdevtest.Fault{Kind: switchdevtest.FaultNoSpace}),
//		switchdevtest.RoleFDB))
//
// # Time
//
// Every rule runs in a bubble of testing/synctest with a driver made in it, so
// latency costs nothing and a goroutine left behind is seen. A driver that does
// real input and output needs [WithRealTime]. A driver that waits for a mutex
// held by a sleeping goroutine stops virtual time; the kit then panics after
// two minutes with the name of the rule.
//
// The rules that call from many goroutines at once, those of the group
// "parallel", and those that look for a lock held too long always run in real
// time. Run them with the race detector.
//
// # Concurrency
//
// Run is called like any test function, and its rules run one after the other.
// The driver that Faulty returns may be used as the contract allows: one call
// per role at a time, from any goroutine. [Toggle] and [Counter] may be used
// from any goroutine while the driver asks them; the other injectors belong to
// one driver, which asks them one call at a time.
//
// # Errors
//
// Run reports through the test. Faulty answers injected refusals with the error
// in the [Fault], [switchdev.ErrBusy] if there is none; what a reset caught with
// an error that is ErrBusy; what Close caught with [switchdev.ErrClosed]; and
// the roles that the driver inside lacks with [switchdev.ErrUnsupported].
//
// # Differences from Linux
//
// Linux has nothing of the kind: the rules for switchdev drivers are in their
// reviewers' heads and, in part, in tools/testing/selftests/drivers/net, which
// drive one machine from a shell. Faults are injected there per function
// (fail_function) or by netdevsim's debugfs files; here per operation.
package switchdevtest
