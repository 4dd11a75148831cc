package hwsim

import (
	"slices"
	"sync"

	"github.com/switchcore/switchcore/switchdev"
)

// reporter queues what the chip has to say, reports and answers, and delivers
// it in order, without any lock held: whoever finds nobody delivering delivers,
// the others leave theirs to him. One order for all is what lets Reset promise
// that everybody before it has been answered.
type reporter struct {
	mu    sync.Mutex
	queue []dispatch
	busy  bool
	sinks []*binding
}

// dispatch is one report, with those who were bound when it happened, or the
// answer to a batch, or a line of the log.
type dispatch struct {
	report switchdev.Report
	sinks  []*binding
	job    *job
	note   func()
}

// binding is one sink. Its slot is held while the sink runs, so that unbind can
// wait for it.
type binding struct {
	sink    switchdev.Sink
	slot    chan struct{}
	unbound bool // guarded by slot
}

// Bind implements [switchdev.Reporter].
func (c *Chip) Bind(sink switchdev.Sink) (unbind func()) {
	b := &binding{sink: sink, slot: make(chan struct{}, 1)}
	r := &c.reports
	// Copied on every change: queued reports refer to the list of their time.
	r.mu.Lock()
	r.sinks = append(slices.Clone(r.sinks), b)
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		r.sinks = slices.DeleteFunc(slices.Clone(r.sinks), func(o *binding) bool { return o == b })
		r.mu.Unlock()
		b.slot <- struct{}{}
		b.unbound = true
		<-b.slot
	}
}

// report queues r, or does with it what a fault says. Called under the chip's mu,
// so the order of reports is the order in which things happened.
func (c *Chip) report(r switchdev.Report) {
	if r.Epoch == 0 {
		r.Epoch = c.Epoch()
	}
	c.stats.reports.Add(1)
	d := dispatch{report: r, sinks: c.reports.bound()}
	f := c.judgeReport(&r)
	if f.lost {
		return
	}
	for _, dup := range f.copies {
		for range dup.Copies {
			if dup.Delay == 0 {
				defer c.reports.tell(d) // behind the original
			} else {
				c.schedule(addClamped(c.now(), int64(dup.Delay+f.delay)), func() { c.reports.tell(d) })
			}
		}
	}
	switch {
	case f.behind > 0:
		c.hold(d, f)
	case f.delay > 0:
		c.schedule(addClamped(c.now(), int64(f.delay)), func() { c.reports.tell(d) })
	default:
		c.reports.tell(d)
		c.overtaken()
	}
}

// heldReport is a report that others are to overtake.
type heldReport struct {
	dispatch
	behind int // so many more
}

// hold keeps a report back until enough others have gone before, or for so long.
func (c *Chip) hold(d dispatch, f fate) {
	h := &heldReport{d, f.behind}
	c.held = append(c.held, h)
	c.schedule(addClamped(c.now(), int64(f.hold+f.delay)), func() {
		if i := slices.Index(c.held, h); i >= 0 {
			c.held = slices.Delete(c.held, i, i+1)
			c.reports.tell(d)
		}
	})
}

// overtaken lets those go that were waiting for the report that just went.
func (c *Chip) overtaken() {
	if len(c.held) == 0 {
		return
	}
	c.held = slices.DeleteFunc(c.held, func(h *heldReport) bool {
		if h.behind--; h.behind > 0 {
			return false
		}
		c.reports.tell(h.dispatch)
		return true
	})
}

// bound returns the sinks that are bound.
func (q *reporter) bound() []*binding {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.sinks
}

// tell queues a report for those who were bound when it was made.
func (q *reporter) tell(d dispatch) {
	if len(d.sinks) > 0 {
		q.post(d)
	}
}

func (q *reporter) post(d dispatch) {
	q.mu.Lock()
	q.queue = append(q.queue, d)
	q.mu.Unlock()
}

// take returns what is queued, or nothing when somebody else delivers. With
// nothing queued the baton is given back.
func (q *reporter) take(mine bool) []dispatch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy && !mine {
		return nil
	}
	batch := q.queue
	q.queue = nil
	q.busy = len(batch) > 0
	return batch
}

func (q *reporter) deliver() {
	batch := q.take(false)
	if len(batch) == 0 {
		return
	}
	finished := false
	defer func() {
		if finished {
			return
		}
		q.mu.Lock() // a callee panicked: the others are not to suffer
		q.queue = append(batch, q.queue...)
		q.busy = false
		q.mu.Unlock()
	}()
	for len(batch) > 0 {
		d := batch[0]
		batch = batch[1:]
		d.send()
		if len(batch) == 0 {
			batch = q.take(true)
		}
	}
	finished = true
}

func (d *dispatch) send() {
	switch {
	case d.note != nil:
		d.note()
	case d.job != nil:
		d.job.answer()
	}
	for _, b := range d.sinks {
		b.send(d.report)
	}
}

func (b *binding) send(r switchdev.Report) {
	b.slot <- struct{}{}
	defer func() { <-b.slot }()
	if !b.unbound {
		b.sink.Report(r)
	}
}
