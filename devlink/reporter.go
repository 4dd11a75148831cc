package devlink

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// reporter returns the reporter that a user names.
func (i *Instance) reporter(what string, key Key) (*Reporter, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.objs.hasPortOf(key) {
		return nil, i.refuse(what, key.path(), "", switchdev.ErrNoDevice)
	}
	if n, _ := i.objs.get(KindReporter, Key{Port: key.Port, OnPort: key.OnPort, Name: key.Name}).(*ReporterInfo); n != nil {
		return n.reporter, nil
	}
	return nil, i.refuse(what, key.path(), "", switchdev.ErrInvalid)
}

// submitReporter submits a command to a reporter.
func (i *Instance) submitReporter(what string, key Key, alsoFailed bool, f func(o *op, r *Reporter) error) *Ticket {
	return i.submit(what, func(o *op) error {
		if err := i.usable(what, alsoFailed); err != nil {
			return err
		}
		r, err := i.reporter(what, key)
		if err != nil {
			return err
		}
		return f(o, r)
	})
}

// ReporterChange says what to set of a health reporter; what is nil stays.
type ReporterChange struct {
	// Grace and Burst are as in [ReporterConfig]. A Grace of 0 sets Burst to 0, too.
	Grace, Burst *time.Duration
	// AutoRecover and AutoDump are as in [ReporterInfo].
	AutoRecover, AutoDump *bool
}

// SetReporter sets something of a health reporter. The errors match ErrInvalid for a
// reporter that is not there, a negative period, a burst period without a grace period;
// ErrUnsupported for a grace period or AutoRecover of one that cannot recover, and AutoDump of
// one that cannot dump; ErrNoDevice for a port that is not there or an instance that
// nobody can see; ErrReloadFailed. Linux: devlink_nl_health_reporter_set_doit
// (net/devlink/health.c), which tells nobody and, when it refuses the burst period, has
// set the grace period.
func (i *Instance) SetReporter(ctx context.Context, reporter Key, c ReporterChange) error {
	return i.SubmitSetReporter(reporter, c).Wait(ctx)
}

// SubmitSetReporter is SetReporter without the wait. It never blocks.
func (i *Instance) SubmitSetReporter(reporter Key, c ReporterChange) *Ticket {
	const what = "devlink.health.set"
	c = ReporterChange{copied(c.Grace), copied(c.Burst), copied(c.AutoRecover), copied(c.AutoDump)}
	return i.submitReporter(what, reporter, false, func(_ *op, r *Reporter) error {
		var reason string
		var err error
		present, _ := r.update(Changed, Silent, func(n *ReporterInfo) bool {
			was := *n
			reason, err = c.apply(n)
			return err == nil && *n != was
		})
		switch {
		case !present:
			return i.refuse(what, reporter.path(), "", switchdev.ErrInvalid)
		case err != nil:
			return i.refuse(what, reporter.path(), reason, err)
		}
		return nil
	})
}

func (c *ReporterChange) apply(n *ReporterInfo) (reason string, err error) {
	switch {
	case !n.Abilities.Recover && (c.Grace != nil || c.AutoRecover != nil):
		return "", switchdev.ErrUnsupported
	case !n.Abilities.Dump && c.AutoDump != nil:
		return "", switchdev.ErrUnsupported
	case c.Grace != nil && *c.Grace < 0, c.Burst != nil && *c.Burst < 0:
		return "negative period", switchdev.ErrInvalid
	}
	if c.Grace != nil {
		if n.Grace = *c.Grace; n.Grace == 0 {
			n.Burst = 0
		}
	}
	if c.Burst != nil {
		if n.Burst = *c.Burst; n.Burst > 0 && n.Grace == 0 {
			return burstWithoutGrace, switchdev.ErrInvalid
		}
	}
	if c.AutoRecover != nil {
		n.AutoRecover = *c.AutoRecover
	}
	if c.AutoDump != nil {
		n.AutoDump = *c.AutoDump
	}
	return "", nil
}

// RecoverReporter has the driver recover from the error that a reporter is in; a healthy
// one needs nothing. The errors match ErrInvalid, ErrNoDevice and ErrReloadFailed as with
// SetReporter, ErrUnsupported if it cannot recover; else the driver's. Linux:
// devlink_nl_health_reporter_recover_doit.
func (i *Instance) RecoverReporter(ctx context.Context, reporter Key) error {
	return i.SubmitRecoverReporter(reporter).Wait(ctx)
}

// SubmitRecoverReporter is RecoverReporter without the wait. It never blocks.
func (i *Instance) SubmitRecoverReporter(reporter Key) *Ticket {
	return i.submitReporter("devlink.health.recover", reporter, false, func(o *op, r *Reporter) error {
		return o.recoverFrom(r, nil)
	})
}

// TestReporter has the driver make an error happen. The errors are those of
// RecoverReporter. Linux: devlink_nl_health_reporter_test_doit.
func (i *Instance) TestReporter(ctx context.Context, reporter Key) error {
	return i.SubmitTestReporter(reporter).Wait(ctx)
}

// SubmitTestReporter is TestReporter without the wait. It never blocks.
func (i *Instance) SubmitTestReporter(reporter Key) *Ticket {
	const what = "devlink.health.test"
	return i.submitReporter(what, reporter, false, func(o *op, r *Reporter) error {
		if r.cfg.Test == nil {
			return i.refuse(what, reporter.path(), "", switchdev.ErrUnsupported)
		}
		return i.driverError(what, reporter.path(), o.call(r.cfg.Test))
	})
}

// MessageTicket stands for a dump or a diagnosis that was asked for.
type MessageTicket struct {
	*Ticket
	message *Message // written before Done is closed
}

// Message returns what the reporter said; nil if it did not, or not yet.
func (k *MessageTicket) Message() *Message {
	if !k.ended() {
		return nil
	}
	return k.message
}

func (i *Instance) submitMessage(what string, key Key, f func(o *op, r *Reporter) (*Message, error)) *MessageTicket {
	k := &MessageTicket{}
	k.Ticket = i.submitReporter(what, key, true, func(o *op, r *Reporter) (err error) {
		k.message, err = f(o, r)
		return err
	})
	return k
}

// DiagnoseReporter asks a reporter how things are. The errors are those of
// RecoverReporter, and ErrInvalid for a driver that writes no whole message; it is asked
// after a reload that went wrong, too. Linux: devlink_nl_health_reporter_diagnose_doit.
func (i *Instance) DiagnoseReporter(ctx context.Context, reporter Key) (*Message, error) {
	k := i.SubmitDiagnoseReporter(reporter)
	err := k.Wait(ctx)
	return k.Message(), err
}

// SubmitDiagnoseReporter is DiagnoseReporter without the wait. It never blocks.
func (i *Instance) SubmitDiagnoseReporter(reporter Key) *MessageTicket {
	return i.submitMessage("devlink.health.diagnose", reporter, func(o *op, r *Reporter) (*Message, error) {
		if r.cfg.Diagnose == nil {
			return nil, i.refuse(o.what, reporter.path(), "", switchdev.ErrUnsupported)
		}
		return o.write(r, r.cfg.Diagnose)
	})
}

// DumpReporter returns the dump that a reporter has stored; if there is none it makes and
// stores one. It does not change any more. The errors are those of DiagnoseReporter.
// Linux: devlink_nl_health_reporter_dump_get_dumpit.
func (i *Instance) DumpReporter(ctx context.Context, reporter Key) (*Message, error) {
	k := i.SubmitDumpReporter(reporter)
	err := k.Wait(ctx)
	return k.Message(), err
}

// SubmitDumpReporter is DumpReporter without the wait. It never blocks.
func (i *Instance) SubmitDumpReporter(reporter Key) *MessageTicket {
	return i.submitMessage("devlink.health.dump", reporter, func(o *op, r *Reporter) (*Message, error) {
		if r.cfg.Dump == nil {
			return nil, i.refuse(o.what, reporter.path(), "", switchdev.ErrUnsupported)
		}
		return o.storeDump(r, nil)
	})
}

// storeDump stores a dump if there is none, and returns the one that there is.
func (o *op) storeDump(r *Reporter, private any) (*Message, error) {
	if m := r.stored(); m != nil || r.cfg.Dump == nil {
		return m, nil
	}
	m, err := o.write(r, func(ctx context.Context, l *Locked, m *Message) error {
		return r.cfg.Dump(ctx, l, m, private)
	})
	if err != nil {
		return nil, err
	}
	now := o.inst.reg.now()
	present, _ := r.update(Changed, Silent, func(n *ReporterInfo) bool {
		r.dump, n.DumpTime = m, now
		return true
	})
	if !present {
		return nil, o.inst.refuse(o.what, r.key.path(), "", switchdev.ErrInvalid)
	}
	return m, nil
}

// write has the driver write a message.
func (o *op) write(r *Reporter, f func(ctx context.Context, l *Locked, m *Message) error) (*Message, error) {
	m := &Message{}
	err := o.call(func(ctx context.Context, l *Locked) error { return f(ctx, l, m) })
	if err != nil {
		return nil, o.inst.driverError(o.what, r.key.path(), err)
	}
	if bad := (*switchdev.OpError)(nil); errors.As(m.finish(), &bad) {
		return nil, o.inst.refuse(o.what, r.key.path(), bad.Reason, bad.Err)
	}
	return &Message{items: slices.Clip(m.items)}, nil // the driver may have kept its own
}

// stored returns the dump that is stored, nil if none is.
func (r *Reporter) stored() *Message {
	r.inst.mu.Lock()
	defer r.inst.mu.Unlock()
	return r.dump
}

// ClearDump forgets the dump that a reporter has stored, so that the next error is
// dumped; with none it does nothing. The errors are those of RecoverReporter. Linux:
// devlink_nl_health_reporter_dump_clear_doit, which tells nobody.
func (i *Instance) ClearDump(ctx context.Context, reporter Key) error {
	return i.SubmitClearDump(reporter).Wait(ctx)
}

// SubmitClearDump is ClearDump without the wait. It never blocks.
func (i *Instance) SubmitClearDump(reporter Key) *Ticket {
	const what = "devlink.health.clear"
	return i.submitReporter(what, reporter, false, func(_ *op, r *Reporter) error {
		if r.cfg.Dump == nil {
			return i.refuse(what, reporter.path(), "", switchdev.ErrUnsupported)
		}
		r.update(Changed, Silent, func(n *ReporterInfo) bool {
			had := r.dump != nil
			r.dump, n.DumpTime = nil, time.Time{}
			return had
		})
		return nil
	})
}

// DumpReader reads a stored dump as JSON, a piece at a time, and refuses to go on when it
// is not stored any more, as Linux does, so that who reads the whole reads of one error.
// It is for one goroutine.
type DumpReader struct {
	reporter *Reporter
	message  *Message
	rest     []byte
}

// OpenDump begins to read a dump. The errors are those of DumpReporter.
func (i *Instance) OpenDump(ctx context.Context, reporter Key) (*DumpReader, error) {
	const what = "devlink.health.dump"
	m, err := i.DumpReporter(ctx, reporter)
	if err != nil {
		return nil, err
	}
	r, err := i.reporter(what, reporter)
	if err != nil {
		return nil, err
	}
	text, err := m.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	return &DumpReader{r, m, text}, nil
}

// Read implements io.Reader. The errors match ErrTrampled when the dump has been cleared
// or replaced, or the reporter has gone.
func (d *DumpReader) Read(p []byte) (int, error) {
	i := d.reporter.inst
	i.mu.Lock()
	current := d.reporter.dump == d.message && d.reporter.info() != nil
	i.mu.Unlock()
	switch {
	case !current:
		return 0, i.refuse("devlink.health.dump", d.reporter.key.path(), "Dump trampled, please retry", ErrTrampled)
	case len(d.rest) == 0:
		return 0, io.EOF
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// Message returns the dump as a whole.
func (d *DumpReader) Message() *Message { return d.message }
