package machine

import (
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// holder is a switch's driver whose reports of a frame wait until the host has seen the
// frame: the kernel hears of a station from a work item, after the frame that the device
// gave it. Linux: drivers/net/ethernet/rocker/rocker_ofdpa.c, ofdpa_port_fdb_learn.
type holder struct {
	switchdev.Driver
	reporter switchdev.Reporter
	rows     switchdev.FDBOffloader // nil: it holds none
	held     []heldReport
	holding  bool
	late     bool // what is not true any more is told all the same
}

// hold returns the driver as bridges are to have it. Legacy hides that it can be read:
// Linux never does, so nobody finds the rows that no entry stands for.
func hold(d switchdev.Driver, legacy bool) (switchdev.Driver, *holder) {
	var h *holder
	if r, ok := switchdev.As[switchdev.Reporter](d); ok {
		h = &holder{Driver: d, reporter: r, late: legacy}
		h.rows, _ = switchdev.As[switchdev.FDBOffloader](d)
		if to, ok := switchdev.As[switchdev.FDBSubmitter](d); ok {
			d = &submitting{h, to}
		} else {
			d = h
		}
	}
	if legacy {
		d = &unread{d}
	}
	return d, h
}

// unread is a driver whose device is not read.
type unread struct{ switchdev.Driver }

// Unwrap implements [switchdev.Unwrapper].
func (u *unread) Unwrap() switchdev.Driver { return u.Driver }

// DumpFDB implements [switchdev.FDBDumper].
func (u *unread) DumpFDB(context.Context, switchdev.Domain, func(switchdev.FDBRow) bool) (switchdev.Epoch, error) {
	return 0, switchdev.ErrUnsupported
}

// Unwrap implements [switchdev.Unwrapper].
func (h *holder) Unwrap() switchdev.Driver { return h.Driver }

// Bind implements [switchdev.Reporter].
func (h *holder) Bind(sink switchdev.Sink) (unbind func()) {
	s := &heldSink{h: h, sink: sink}
	end := h.reporter.Bind(s)
	return func() {
		end()
		s.over = true
	}
}

// ApplyFDB implements [switchdev.FDBOffloader].
func (h *holder) ApplyFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	if h.rows == nil {
		for i := range results {
			results[i].Err = switchdev.ErrUnsupported
		}
		return
	}
	h.rows.ApplyFDB(ctx, ops, results)
	h.overtaken(ops, results)
}

// overtaken drops the reports of stations whose rows were deleted before anybody heard of
// them: they are not true any more. Linux does not look.
func (h *holder) overtaken(ops []switchdev.FDBOp, results []switchdev.Result) {
	if h.late {
		return
	}
	for i, op := range ops {
		if op.Verb == switchdev.FDBDelete && results[i].Err == nil {
			h.held = slices.DeleteFunc(h.held, func(r heldReport) bool {
				return r.Kind == switchdev.ReportLearned && r.Domain == op.Domain && r.Key == op.Entry.Key
			})
		}
	}
}

// submitting is a holder whose driver takes operations without executing them at once.
type submitting struct {
	*holder
	to switchdev.FDBSubmitter
}

// SubmitFDB implements [switchdev.FDBSubmitter], as ApplyFDB.
func (s *submitting) SubmitFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result, done func()) {
	s.to.SubmitFDB(ctx, ops, results, func() {
		s.overtaken(ops, results)
		done()
	})
}

// release hands over what was held, and reports whether there was anything.
func (h *holder) release() bool {
	if h == nil {
		return false
	}
	held := slices.Clone(h.held)
	h.held = h.held[:0]
	for _, r := range held {
		if !r.to.over {
			r.to.sink.Report(r.Report)
		}
	}
	return len(held) > 0
}

// heldReport is a report that waits, and who is to hear it.
type heldReport struct {
	switchdev.Report
	to *heldSink
}

// heldSink is a sink of a holder.
type heldSink struct {
	h    *holder
	sink switchdev.Sink
	over bool
}

// Report implements [switchdev.Sink].
func (s *heldSink) Report(r switchdev.Report) {
	if !s.h.holding {
		s.sink.Report(r)
		return
	}
	s.h.held = append(s.h.held, heldReport{r, s})
}
