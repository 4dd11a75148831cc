package hwsim

import (
	"context"

	"github.com/switchcore/switchcore/switchdev"
)

// CheckPorts implements [switchdev.PortOffloader]. Faults don't concern it.
func (c *Chip) CheckPorts(ctx context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	c.check(ctx, len(ops), results, func(i int) (switchdev.Token, error) {
		_, err := c.checkPort(&ops[i])
		return ops[i].Token, err
	})
}

// ApplyPorts implements [switchdev.PortOffloader].
//
// A PortJoin begins with [switchdev.DefaultPortFlags], of which FlagMask names
// those that Flags replaces. PortLeave of a port that is not a member succeeds.
func (c *Chip) ApplyPorts(ctx context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	c.do(ctx, &job{role: RolePort, n: min(len(ops), len(results)), port: ops, results: results})
}

// CheckBridge implements [switchdev.BridgeOffloader]. Faults don't concern it.
func (c *Chip) CheckBridge(ctx context.Context, ops []switchdev.BridgeOp, results []switchdev.Result) {
	c.check(ctx, len(ops), results, func(i int) (switchdev.Token, error) {
		return ops[i].Token, c.checkBridge(&ops[i])
	})
}

// ApplyBridge implements [switchdev.BridgeOffloader].
func (c *Chip) ApplyBridge(ctx context.Context, ops []switchdev.BridgeOp, results []switchdev.Result) {
	c.do(ctx, &job{role: RoleBridge, n: min(len(ops), len(results)), bridge: ops, results: results})
}

// ApplyVLANs implements [switchdev.VLANOffloader].
func (c *Chip) ApplyVLANs(ctx context.Context, ops []switchdev.VLANOp, results []switchdev.Result) {
	c.do(ctx, &job{role: RoleVLAN, n: min(len(ops), len(results)), vlan: ops, results: results})
}

// ApplyFDB implements [switchdev.FDBOffloader].
//
// As on real chips a row may point to a port that is no member of the domain,
// and be of a VLAN that the port is not in; frames for it are then dropped, and
// [Audit] has something to say. FDBDelete removes what the chip learned of the
// key as well. In Manual the call takes no time, unless a fault makes it hang.
func (c *Chip) ApplyFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	c.do(ctx, &job{role: RoleFDB, n: min(len(ops), len(results)), fdb: ops, results: results})
}

// SubmitFDB implements [switchdev.FDBSubmitter]. In Manual the batch is
// executed by [Chip.Poll], or step by step by [Chip.Execute]; a ctx that ends
// is noticed by Poll.
func (c *Chip) SubmitFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result, done func()) {
	c.submit(ctx, &job{role: RoleFDB, n: min(len(ops), len(results)), fdb: ops, results: results}, done)
}

// FlushFDB implements [switchdev.FDBFlusher].
func (c *Chip) FlushFDB(ctx context.Context, ops []switchdev.FDBFlushOp, results []switchdev.Result) {
	c.do(ctx, &job{role: RoleFlush, n: min(len(ops), len(results)), flush: ops, results: results})
}

// check answers a batch of one of the Check methods.
func (c *Chip) check(ctx context.Context, n int, results []switchdev.Result, one func(int) (switchdev.Token, error)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for i := range min(n, len(results)) {
		token, err := one(i)
		switch most := c.cfg.Limits.Batch; {
		case c.closed:
			err = switchdev.ErrClosed
		case ctx.Err() != nil:
			err = ctx.Err()
		case token == 0:
			err = c.refusal("check", "", "token is zero", switchdev.ErrInvalid)
		case most > 0 && i >= most:
			err = c.refusal("check", "", "batch is longer than Limits.Batch", switchdev.ErrInvalid)
		}
		results[i] = switchdev.Result{Token: token, Epoch: c.Epoch(), Err: err}
	}
}
