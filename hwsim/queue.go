package hwsim

import (
	"cmp"
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// answer tells the submitter, or whoever waits for a reset. Called once,
// without mu.
func (j *job) answer() {
	if j.stop != nil {
		j.stop()
	}
	if j.done != nil {
		j.done()
	} else {
		close(j.ready)
	}
}

// do runs a blocking call.
func (c *Chip) do(ctx context.Context, j *job) {
	if j.n == 0 {
		return
	}
	j.ctx = ctx
	c.mu.Lock()
	if c.refuseAtOnce(j) {
		c.mu.Unlock()
		return
	}
	c.enroll(j)
	if j.role == RoleReset {
		j.ready = make(chan struct{})
	}
	if c.cfg.Manual || c.canRunInline(j) {
		c.runNow(j)
	} else {
		c.poke()
	}
	if !j.gone && j.ready == nil { // else it is answered, and needs no channel
		j.ready = make(chan struct{})
	}
	wait := j.ready != nil
	c.mu.Unlock()
	c.flush()
	if wait {
		c.await(ctx, j)
	}
}

func (c *Chip) await(ctx context.Context, j *job) {
	select {
	case <-j.ready:
		return
	case <-ctx.Done():
	}
	c.mu.Lock()
	if !j.gone && !j.deaf() {
		c.cancel(j)
	}
	c.mu.Unlock()
	c.flush()
	<-j.ready
}

// canRunInline reports whether a batch needs neither time nor its turn, so that
// the caller may run it without waking the worker.
func (c *Chip) canRunInline(j *job) bool {
	return j.role != RoleReset && c.cfg.Hardware.Latency == (Latency{}) && len(c.faults) == 0 && len(c.lanes[j.role]) == 1
}

// runNow executes a batch without regard to time, up to a hang.
func (c *Chip) runNow(j *job) {
	for !j.gone && !j.stuck() {
		if j.next == j.n {
			c.finish(j)
			return
		}
		if !c.prepare(j) {
			return
		}
		c.execute(j)
	}
}

// submit starts a batch and returns.
func (c *Chip) submit(ctx context.Context, j *job, done func()) {
	j.ctx, j.done = ctx, done
	c.mu.Lock()
	if j.n == 0 || c.refuseAtOnce(j) {
		c.mu.Unlock()
		done()
		return
	}
	c.enroll(j)
	if ctx.Done() != nil {
		j.stop = context.AfterFunc(ctx, c.poke)
	}
	c.mu.Unlock()
	c.poke()
}

// refuseAtOnce answers a batch that is not even queued.
func (c *Chip) refuseAtOnce(j *job) bool {
	err := j.ctx.Err()
	if c.closed {
		err = switchdev.ErrClosed
	}
	if err == nil {
		return false
	}
	for i := range j.n {
		j.results[i] = switchdev.Result{Token: j.token(i), Epoch: c.Epoch(), Err: err}
	}
	return true
}

// enroll numbers a batch, queues it and writes it down.
func (c *Chip) enroll(j *job) {
	c.lastID++
	j.id = c.lastID
	c.lanes[j.role] = append(c.lanes[j.role], j)
	c.jobs++
	c.stats.batches.Add(1)
	c.log.submitted(c, j)
}

// prepare brings the next operation to the point where only time is missing,
// and reports false when a fault keeps it from being executed at all.
func (c *Chip) prepare(j *job) bool {
	if !j.started {
		j.started = true
		j.due = addClamped(c.now(), int64(c.cfg.Hardware.Latency.Batch))
	}
	if !j.judged {
		j.judged = true
		j.verdict = c.judge(j.operation(j.next), j.next)
		c.log.struck(j, j.next, j.verdict.struck)
		j.due = addClamped(j.due, int64(c.cfg.Hardware.Latency.Op+j.verdict.delay))
	}
	h := j.verdict.hang
	return h == nil || h.released || h.Fault.After
}

// deaf reports whether ctx does not end the batch.
func (j *job) deaf() bool {
	h := j.verdict.hang
	return h != nil && !h.released && h.Fault.Deaf
}

// stuck reports whether an operation took effect and a fault keeps the batch
// from going on.
func (j *job) stuck() bool {
	h := j.verdict.hang
	return !j.judged && h != nil && !h.released && h.Fault.After
}

// hung reports whether a fault keeps the batch, before or after an operation.
func (j *job) hung() bool {
	h := j.verdict.hang
	return j.stuck() || j.judged && h != nil && !h.released && !h.Fault.After
}

// execute carries out the next operation of a batch, whose verdict is known.
func (c *Chip) execute(j *job) {
	i := j.next
	v := j.verdict
	if v.goneBefore != nil {
		c.unplug(v.goneBefore, j.operation(i))
	}
	if v.resetBefore {
		c.reset(nil, 0)
		return // the reset has answered this batch too
	}
	if v.cut || v.mute {
		j.silence(i)
	}
	if v.cut {
		j.dropped = j.n - i
		j.next, j.judged = j.n, false // the rest is not even looked at
		c.aftermath(v, j.operation(i))
		return
	}
	before := c.usage()
	j.results[i] = c.answer(j, i, v)
	j.next++
	j.judged = false
	c.stats.ops.Add(1)
	if j.results[i].Err != nil {
		c.stats.refused.Add(1)
	}
	c.log.executed(c, j, i, before)
	for _, f := range v.decays {
		c.decay(f, j, i)
	}
	c.aftermath(v, j.operation(i))
}

// aftermath is what happens to the chip when an operation is over.
func (c *Chip) aftermath(v verdict, op Operation) {
	if v.goneAfter != nil {
		c.unplug(v.goneAfter, op)
	}
	if v.resetAfter {
		c.reset(nil, 0)
	}
}

// answer executes operation i, unless it is refused or ignored, and returns its
// result.
func (c *Chip) answer(j *job, i int, v verdict) switchdev.Result {
	token := j.token(i)
	result := switchdev.Result{Token: token, Epoch: c.Epoch()}
	switch {
	case token == 0 && j.role != RoleReset:
		result.Err = c.refusal(j.role.String(), "", "token is zero", switchdev.ErrInvalid)
	case c.cfg.Limits.Batch > 0 && i >= c.cfg.Limits.Batch:
		result.Err = c.refusal(j.role.String(), "", "batch is longer than Limits.Batch", switchdev.ErrInvalid)
	case v.err != nil:
		result.Err = c.swallow(j, i, v.err)
	case v.ignore:
	default:
		result.Err = c.swallow(j, i, c.apply(j, i, v))
		result.Epoch = c.Epoch()
	}
	return result
}

func (c *Chip) apply(j *job, i int, v verdict) error {
	switch j.role {
	case RolePort:
		return c.drivePort(j, i)
	case RoleLAG:
		return c.driveLAG(j, i)
	case RoleBridge:
		return c.driveBridge(j, i)
	case RoleVLAN:
		return c.driveVLAN(j, i)
	case RoleFDB:
		return c.driveFDB(j, i, v)
	case RoleFlush:
		return c.driveFlush(j, i)
	}
	c.reset(j, 0)
	return nil
}

// leaveLane takes a batch out of its queue.
func (c *Chip) leaveLane(j *job) {
	lane := c.lanes[j.role]
	if i := slices.Index(lane, j); i >= 0 {
		c.lanes[j.role] = slices.Delete(lane, i, i+1)
		c.jobs--
	}
	j.gone = true
}

// finish answers a batch, all of whose results are written: that of a reset in
// its turn, so that those before it are answered first. A blocking call that
// does not wait yet needs none.
func (c *Chip) finish(j *job) {
	c.leaveLane(j)
	if j.mute {
		clear(j.results[j.muted:j.n])
	}
	c.log.returned(c, j)
	switch {
	case j.done != nil || j.role == RoleReset:
		c.reports.post(dispatch{job: j})
	case j.ready != nil:
		close(j.ready) // at once, whatever those who get reports are doing
	}
}

// abandon answers what was not executed with err and finishes the batch.
func (c *Chip) abandon(j *job, err error) {
	for i := j.next; i < j.n; i++ {
		j.results[i] = switchdev.Result{Token: j.token(i), Epoch: c.Epoch(), Err: err}
	}
	c.finish(j)
}

// cancel ends a batch whose ctx has ended.
func (c *Chip) cancel(j *job) {
	if j.stuck() && j.next > 0 {
		i := j.next - 1 // executed, and its answer is lost
		j.results[i].Err = c.refusal(j.role.String(), "", "no answer", switchdev.ErrOutcomeUnknown)
	}
	c.abandon(j, j.ctx.Err())
}

// failAll answers every batch in flight with what why says; nil spares it.
func (c *Chip) failAll(why func(*job) error) {
	for _, j := range c.inFlight() {
		if err := why(j); err != nil {
			c.abandon(j, err)
		}
	}
}

// inFlight returns all batches in the order in which they were handed over.
func (c *Chip) inFlight() []*job {
	if c.jobs == 0 {
		return nil
	}
	all := make([]*job, 0, c.jobs)
	for _, lane := range c.lanes {
		all = append(all, lane...)
	}
	slices.SortFunc(all, func(a, b *job) int { return cmp.Compare(a.id, b.id) })
	return all
}
