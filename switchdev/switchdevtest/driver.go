package switchdevtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing/synctest"

	"github.com/switchcore/switchcore/switchdev"
)

func driverChecks() []check {
	return []check{
		{Rule: Rule{"driver/name", "Driver", "Name is constant for the life of the driver, and not empty."}, run: checkName},
		{Rule: Rule{"driver/never-waits", "Driver", "Name may be called at any time, and Epoch is quick and never blocks: neither waits for an operation that is running."},
			hooks: hookHang, outside: true, run: checkNeverWaits},
		{Rule: Rule{"driver/close-twice", "Driver", "Close is idempotent."}, run: checkCloseTwice},
		{Rule: Rule{"driver/closed", "Driver", "After Close, calls of any role answer ErrClosed."}, families: true, run: checkClosed},
		{Rule: Rule{"driver/closed-calls", "Driver", "After Close, the calls that take no batch answer ErrClosed too."}, run: checkClosedCalls},
		{Rule: Rule{"driver/close-answers", "Driver", "Close makes running calls return; what they had not yet executed is answered with ErrClosed."},
			forms: true, hooks: hookHang, run: checkCloseAnswers},
		{Rule: Rule{"driver/close-waits", "Driver", "Close waits for the driver's own goroutines."}, bubbled: true, run: checkCloseWaits},
	}
}

func checkName(p *probe) {
	first, later := "", ""
	p.do("Name", func() { first = p.d.Name() })
	p.setUp()
	p.touch()
	p.do("Close", func() { _ = p.d.Close() })
	p.do("Name", func() { later = p.d.Name() })
	if first == "" || later != first {
		p.fatalf("Name was %q and is %q", first, later)
	}
}

// touch makes the device do a little of everything that it can.
func (p *probe) touch() {
	p.tb.Helper()
	for _, f := range families {
		if p.roles.found&f.need != 0 {
			w := f.make(p, p.batch(3))
			p.do("a batch of "+f.name, func() { w.apply(context.Background()) })
		}
	}
}

// hangUp hangs the device until the check ends or release is called.
func (p *probe) hangUp() (release func()) {
	release = sync.OnceFunc(p.cfg.hang(p.d))
	p.atEnd(release)
	return release
}

// stillRunning fails if a hook has not had its effect: without it the check
// would prove nothing.
func (p *probe) stillRunning(hook string, c *call) {
	p.tb.Helper()
	if hook == "WithHang" {
		p.settle()
	}
	select {
	case <-c.done:
		p.fatalf("%s had no effect: the call has returned", hook)
	default:
	}
}

func checkNeverWaits(p *probe) {
	p.setUp()
	p.hangUp()
	ctx, cancel := context.WithCancel(context.Background())
	p.atEnd(cancel)
	write, ops := p.write(), []switchdev.FDBOp{p.set(p.key(0), p.port(0))}
	running := p.start(func() { write(&p.roles, ctx, ops, make([]switchdev.Result, 1)) })
	p.stillRunning("WithHang", running)
	p.do("Name, while an operation hangs,", func() { _ = p.d.Name() })
	if p.roles.reset != nil {
		p.do("Epoch, while an operation hangs,", func() { _ = p.roles.reset.Epoch() })
	}
}

func checkCloseTwice(p *probe) {
	var errs [2]error
	for i := range errs {
		p.do("Close", func() { errs[i] = p.d.Close() })
	}
	if fmt.Sprint(errs[0]) != fmt.Sprint(errs[1]) {
		p.fatalf("the first Close returned %v and the second %v", errs[0], errs[1])
	}
}

func checkClosed(p *probe) {
	p.setUp()
	p.work(context.Background(), 2) // skips what the device does not do
	p.do("Close", func() { _ = p.d.Close() })
	for i, r := range p.work(context.Background(), 3).results {
		if err := read(r); !errors.Is(err, switchdev.ErrClosed) {
			p.fatalf("result %d after Close: %v", i, err)
		}
	}
}

func checkClosedCalls(p *probe) {
	p.do("Close", func() { _ = p.d.Close() })
	calls := []struct {
		name string
		role roleSet
		call func() error
	}{
		{"DumpFDB", roleDump, func() error {
			_, err := p.roles.dump.DumpFDB(context.Background(), p.domain, func(switchdev.FDBRow) bool { return true })
			return err
		}},
		{"Ports", roleList, func() error { _, err := p.roles.list.Ports(context.Background()); return err }},
		{"Reset", roleReset, func() error { _, err := p.roles.reset.Reset(context.Background()); return err }},
	}
	tried := false
	for _, c := range calls {
		if p.roles.found&c.role == 0 || c.role == roleReset && p.cfg.noReset != "" {
			continue
		}
		tried = true
		var err error
		p.do(c.name, func() { err = c.call() })
		if !errors.Is(err, switchdev.ErrClosed) && !errors.Is(err, errors.ErrUnsupported) {
			p.fatalf("%s after Close: %v", c.name, err)
		}
	}
	if !tried {
		p.skip("the driver has no role %v", roleDump|roleList|roleReset)
	}
}

func checkCloseAnswers(p *probe) {
	p.setUp()
	p.hangUp()
	write, results := p.write(), make([]switchdev.Result, p.batch(3))
	ops := make([]switchdev.FDBOp, len(results))
	for i := range ops {
		ops[i] = p.set(p.key(i), p.port(0))
	}
	running := p.start(func() { write(&p.roles, context.Background(), ops, results) })
	p.stillRunning("WithHang", running)
	p.do("Close, while an operation hangs,", func() { _ = p.d.Close() })
	if !running.wait(p) {
		p.fatalf("Close has returned and a call is still running after %v", p.patience())
	}
	for i, r := range results {
		err := read(r)
		p.skipUnsupported("an FDB operation", err)
		if !errors.Is(err, switchdev.ErrClosed) && (r.Token == 0 || !errors.Is(err, switchdev.ErrOutcomeUnknown)) {
			p.errorf("operation %d hung while the driver was closed: %v", i, err)
		}
	}
}

func checkCloseWaits(p *probe) {
	p.setUp()
	p.touch()
	p.do("Close", func() { _ = p.d.Close() })
	synctest.Wait()
	for id, stack := range companions() {
		if _, old := p.before[id]; !old {
			p.errorf("a goroutine is left after Close:\n%s", stack)
		}
	}
}

// companions returns the stacks of the goroutines in this bubble by their
// number, and nothing outside a bubble. There is no way to ask the runtime for
// them but to read its dump.
func companions() map[string]string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	all := strings.Split(string(buf), "\n\n")
	_, bubble := headOf(all[0])
	found := map[string]string{}
	for _, stack := range all[1:] {
		if id, where := headOf(stack); where == bubble && where != "" {
			found[id] = stack
		}
	}
	return found
}

// headOf returns what the head of a stack says: "goroutine 7" and "bubble 3".
func headOf(stack string) (id, bubble string) {
	head, _, _ := strings.Cut(stack, "]")
	id, state, _ := strings.Cut(head, " [")
	if _, n, ok := strings.Cut(state, "synctest bubble "); ok {
		bubble = "bubble " + n
	}
	return id, bubble
}
