package hwsim

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Chip is a simulated switch chip. Make one with [New].
//
// All methods may be called concurrently, except that a Manual chip has one
// goroutine at a time for Poll, Execute and Complete.
type Chip struct {
	cfg   Config
	epoch atomic.Uint64
	wake  chan struct{}
	quit  chan struct{} // closed by Close: ends the worker and the wires

	workers  sync.WaitGroup
	capture  atomic.Pointer[Capture]
	reports  reporter
	stats    counters
	hostOnce sync.Once
	hostQ    chan HostFrame

	// mu guards everything below, and the fields of Port and domain that say
	// so. The data plane holds it shared and for one decision; no callback,
	// channel operation or wait happens under it.
	mu      sync.RWMutex
	closed  bool
	base    time.Time // the instant that elapsed counts from
	based   bool
	elapsed int64 // of a Manual chip, nanoseconds
	ports   []*Port
	lags    []*Port                   // ordered by id, like ports
	gone    map[switchdev.PortID]bool // numbers that some port has had
	domains map[switchdev.Domain]*domain
	rows    rowTable
	vlans   int // memberships
	// starved says which tables have refused something for want of space.
	starved struct{ fdb, vlan, lag bool }

	lanes  [numRoles][]*job
	jobs   int // in all lanes
	lastID OperationID
	faults []*Injected
	rng    *rand.Rand
	held   []*heldReport // that others are to overtake
	driver driver
	groups groups
	agenda []event // ordered by time
	// promised is when the chip is to be driven next, 0 for never; stepping is
	// set while it is.
	promised int64
	stepping bool
	log      history
}

var (
	_ switchdev.Driver          = (*Chip)(nil)
	_ switchdev.PortOffloader   = (*Chip)(nil)
	_ switchdev.PortLister      = (*Chip)(nil)
	_ switchdev.LAGOffloader    = (*Chip)(nil)
	_ switchdev.BridgeOffloader = (*Chip)(nil)
	_ switchdev.VLANOffloader   = (*Chip)(nil)
	_ switchdev.FDBOffloader    = (*Chip)(nil)
	_ switchdev.FDBSubmitter    = (*Chip)(nil)
	_ switchdev.FDBFlusher      = (*Chip)(nil)
	_ switchdev.FDBDumper       = (*Chip)(nil)
	_ switchdev.Reporter        = (*Chip)(nil)
	_ switchdev.Limiter         = (*Chip)(nil)
	_ switchdev.Resetter        = (*Chip)(nil)
)

// Name implements [switchdev.Driver].
func (c *Chip) Name() string { return c.cfg.Name }

// Close implements [switchdev.Driver]. Operations that were not executed are
// answered with ErrClosed, wires are detached, and later calls of every role
// answer ErrClosed. It returns nil.
func (c *Chip) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		c.failAll(func(*job) error { return switchdev.ErrClosed })
		c.faults, c.agenda, c.held = nil, nil, nil
		close(c.quit)
	}
	c.mu.Unlock()
	c.flush()
	c.workers.Wait()
	return nil
}

// Limits implements [switchdev.Limiter]: the limits of the configuration, which
// don't change as ports come and go.
func (c *Chip) Limits() switchdev.Limits { return c.cfg.Limits }

// Usage implements [switchdev.Limiter].
func (c *Chip) Usage() switchdev.Usage {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.usage()
}

func (c *Chip) usage() switchdev.Usage {
	return switchdev.Usage{VLANs: c.vlans, FDB: c.rows.used, LAGs: len(c.lags)}
}

// Epoch implements [switchdev.Resetter].
func (c *Chip) Epoch() switchdev.Epoch { return switchdev.Epoch(c.epoch.Load()) }

// Reset implements [switchdev.Resetter]. Carrier, wires, counters, faults and
// the log survive a reset; memberships, attributes, VLANs, rows and LAGs do not.
func (c *Chip) Reset(ctx context.Context) (switchdev.Epoch, error) {
	var result [1]switchdev.Result
	j := &job{role: RoleReset, n: 1, results: result[:]}
	c.do(ctx, j)
	return result[0].Epoch, result[0].Err
}

// reset does it, under mu: what is in flight is answered, except the operation
// whose execution it is.
func (c *Chip) reset(except *job, token switchdev.Token) {
	c.failAll(func(j *job) error {
		if j == except {
			return nil
		}
		return c.refusal("reset", "", "device was reset", switchdev.ErrDeviceUnavailable)
	})
	before := c.usage()
	epoch := switchdev.Epoch(c.epoch.Add(1))
	c.rows = rowTable{}
	c.driver.forgetAll()
	c.domains = nil
	c.vlans = 0
	c.starved.fdb, c.starved.vlan, c.starved.lag = false, false, false
	c.loseLAGs()
	for _, p := range c.ports {
		p.standAlone()
	}
	c.beginGroups()
	if except == nil {
		c.log.note(c, Operation{Role: RoleReset, Verb: "reset"}, before)
	}
	c.stats.resets.Add(1)
	c.report(switchdev.Report{Kind: switchdev.ReportReset, Epoch: epoch, Token: token})
	c.info("reset", "epoch", uint64(epoch))
}

// refusal is the error that the chip gives for an operation.
func (c *Chip) refusal(op, object, reason string, err error) error {
	return &switchdev.OpError{Op: "hwsim." + op, Device: c.cfg.Name, Object: object, Reason: reason, Err: err}
}

// now returns the chip's time as nanoseconds since its base.
func (c *Chip) now() int64 {
	if !c.cfg.Manual {
		return int64(time.Since(c.base))
	}
	return c.elapsed
}

// instant turns chip time into wall time. Before the first Poll of a Manual
// chip that is the zero time.
func (c *Chip) instant(ns int64) time.Time {
	if !c.based {
		return time.Time{}
	}
	return c.base.Add(time.Duration(ns))
}

// info logs, where somebody listens: in its turn among the reports, so it may
// be called under mu.
func (c *Chip) info(msg string, args ...any) {
	if l := c.cfg.Log.Logger; l != nil {
		c.reports.post(dispatch{note: func() { l.Info(msg, append([]any{"device", c.cfg.Name}, args...)...) }})
	}
}

// flush delivers the reports and answers that were queued under mu, in their
// order. It is called without mu after everything that may have queued some.
func (c *Chip) flush() { c.reports.deliver() }
