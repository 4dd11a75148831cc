package switchdevtest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// probe is one check of one rule on one device: the device, what the kit uses
// on it, and verbs that fail the test with the text of the rule.
type probe struct {
	Rule
	tb      testing.TB
	cfg     *config
	variant string // form or family, "" for checks that have neither
	bubble  bool

	newDriver func(t testing.TB) switchdev.Driver
	d         switchdev.Driver
	roles     roles
	form      fdbForm
	family    family

	domain, other switchdev.Domain
	ports         []switchdev.PortID // in domain, once setUp has run; at least two
	otherPort     switchdev.PortID   // in other, once joinOther has run; 0: there is none
	vlans         []switchdev.VLAN
	vlan          switchdev.VLAN // of keys that need no particular one

	token  switchdev.Token
	gen    switchdev.Generation
	ending []func()
	before map[string]string // goroutines of the bubble before there was a driver
	placed int               // rows that place has set

	skipped     string
	unsupported bool // skipped because the driver answered ErrUnsupported
}

// stop is what skip panics with, so that a check ends in the same way in a
// bubble and outside.
type stop struct{}

// check makes the driver, runs the check and closes the driver.
func (p *probe) check(c check, newDriver func(t testing.TB) switchdev.Driver) {
	p.tb.Helper()
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(stop); !ok {
				panic(v)
			}
		}
	}()
	defer p.close()
	if c.forms {
		p.form = formNamed(p.variant)
	}
	if c.families {
		p.family = familyNamed(p.variant)
	}
	if c.bubbled {
		p.before = companions()
	}
	p.open(newDriver)
	c.run(p)
}

func (p *probe) open(newDriver func(t testing.TB) switchdev.Driver) {
	p.tb.Helper()
	p.newDriver, p.placed = newDriver, 0
	p.d = newDriver(p.tb)
	if p.d == nil {
		p.fatalf("newDriver returned nil")
	}
	p.roles = findRoles(p.d)
	p.domain, p.other = p.cfg.domains[0], p.cfg.domains[1]
	p.choosePorts()
}

// reopen closes the driver and goes on with a new one.
func (p *probe) reopen() {
	p.tb.Helper()
	p.close()
	p.open(p.newDriver)
}

func (p *probe) choosePorts() {
	all := p.cfg.ports
	if all == nil && p.roles.list != nil {
		var infos []switchdev.PortInfo
		p.do("Ports", func() { infos, _ = p.roles.list.Ports(context.Background()) })
		for _, info := range infos[:min(len(infos), 4)] {
			all = append(all, info.ID)
		}
	}
	if all == nil {
		all = []switchdev.PortID{1, 2, 3, 4}
	}
	p.ports, p.otherPort = all, 0
	if n := len(all); n >= 3 {
		p.ports, p.otherPort = all[:n-1], all[n-1]
	}
}

// close ends the driver. It is also what frees calls that a failed check left
// running.
func (p *probe) close() {
	p.tb.Helper()
	for len(p.ending) > 0 {
		last := len(p.ending) - 1
		f := p.ending[last]
		p.ending = p.ending[:last]
		f()
	}
	if d := p.d; d != nil {
		p.d = nil
		if !p.try(func() { _ = d.Close() }) {
			p.errorf("Close has not returned after %v", p.patience())
		}
	}
}

// atEnd has f called before the driver is closed.
func (p *probe) atEnd(f func()) { p.ending = append(p.ending, f) }

// errorf fails the test and goes on.
func (p *probe) errorf(format string, args ...any) {
	p.tb.Helper()
	p.tb.Errorf("%s\n\trule: %s", fmt.Sprintf(format, args...), p.Text)
}

// fatalf fails the test and ends the check.
func (p *probe) fatalf(format string, args ...any) {
	p.tb.Helper()
	p.tb.Fatalf("%s\n\trule: %s", fmt.Sprintf(format, args...), p.Text)
}

// skip ends the check without a verdict.
func (p *probe) skip(format string, args ...any) {
	p.skipped = fmt.Sprintf(format, args...)
	panic(stop{})
}

// skipUnsupported ends the check if err says that the device does not do it.
func (p *probe) skipUnsupported(what string, err error) {
	if errors.Is(err, errors.ErrUnsupported) {
		p.unsupported = true
		p.skip("the driver answers ErrUnsupported to %s", what)
	}
}

// do calls into the driver and fails if the call does not return, or panics.
func (p *probe) do(what string, f func()) {
	p.tb.Helper()
	if !p.try(f) {
		p.fatalf("%s has not returned after %v", what, p.patience())
	}
}

// try calls into the driver and tells whether the call returned in time.
func (p *probe) try(f func()) bool {
	p.tb.Helper()
	return p.start(f).wait(p)
}

// call is a call of the driver that may be running.
type call struct {
	done     chan struct{}
	panicked string
}

// start begins a call of the driver.
func (p *probe) start(f func()) *call {
	c := &call{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		defer func() {
			if v := recover(); v != nil {
				c.panicked = fmt.Sprintf("the driver panicked: %v\n%s", v, debug.Stack())
			}
		}()
		f()
	}()
	return c
}

// wait tells whether the call returned in time.
func (c *call) wait(p *probe) bool { p.tb.Helper(); return c.waitFor(p, p.patience()) }

func (c *call) waitFor(p *probe, d time.Duration) bool {
	p.tb.Helper()
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	select {
	case <-c.done:
	case <-timeout.C:
		return false
	}
	if c.panicked != "" {
		p.fatalf("%s", c.panicked)
	}
	return true
}

// settle gives what the device still has in hand time to happen.
func (p *probe) settle() {
	if p.bubble {
		time.Sleep(10 * time.Second)
		synctest.Wait()
		return
	}
	time.Sleep(20 * time.Millisecond)
}

// eventually waits until cond holds and tells whether it ever did.
func (p *probe) eventually(cond func() bool) bool {
	step := p.patience() / 1000
	for range 1000 {
		if p.bubble {
			synctest.Wait()
		}
		if cond() {
			return true
		}
		time.Sleep(step)
	}
	return cond()
}

func (p *probe) op(domain switchdev.Domain) switchdev.Op {
	p.token++
	p.gen++
	return switchdev.Op{Domain: domain, Token: p.token, Gen: p.gen}
}

// key returns the i-th station of the kit, in its usual VLAN. The addresses are
// locally administered and spread over the low bytes.
func (p *probe) key(i int) switchdev.FDBKey {
	return switchdev.FDBKey{MAC: switchdev.MACFromUint64(0x02005e000000 + uint64(i) + 1), VLAN: p.vlan}
}

// port returns one of the ports of the main domain.
func (p *probe) port(i int) switchdev.PortID { return p.ports[i%len(p.ports)] }

// read returns the error of a result by the rule that one without a token was
// not answered.
func read(r switchdev.Result) error {
	if r.Token == 0 {
		return switchdev.ErrOutcomeUnknown
	}
	return r.Err
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// patience is how long to wait for what must come.
func (p *probe) patience() time.Duration {
	if p.bubble || p.cfg.realTime {
		return p.cfg.patience
	}
	return min(p.cfg.patience, realPatience)
}

// realPatience bounds the wait of the rules that always run in real time.
const realPatience = 20 * time.Second
