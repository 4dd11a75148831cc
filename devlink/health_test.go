package devlink

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// patient is what netdevsim has for its reporters: "empty" says nothing, "dummy" breaks
// and can be made to fail.
type patient struct {
	empty, dummy *Reporter
	recovered    string // what the last recovery was from
	fail         bool
	dumps, cures int
	binary       int
}

var (
	emptyKey    = Key{Name: "empty"}
	dummyHealth = Key{Name: "dummy"}
)

func (p *patient) add(l *Locked) (err error) {
	p.empty, err = l.AddReporter(ReporterConfig{
		Name:     "empty",
		Dump:     func(context.Context, *Locked, *Message, any) error { return nil },
		Diagnose: func(context.Context, *Locked, *Message) error { return nil },
	})
	if err != nil {
		return err
	}
	p.dummy, err = l.AddReporter(ReporterConfig{
		Name: "dummy",
		Recover: func(_ context.Context, l *Locked, private any) error {
			if p.fail {
				return &switchdev.OpError{Reason: "User setup the recover to fail for testing purposes.", Err: syscall.EINVAL}
			}
			p.cures++
			p.recovered, _ = private.(string)
			return l.live("test")
		},
		Dump: func(_ context.Context, l *Locked, m *Message, private any) error {
			p.dumps++
			if text, ok := private.(string); ok {
				m.PutStringPair("break_message", text)
			}
			m.PutBinaryPair("test_binary", make([]byte, p.binary))
			return l.live("test")
		},
		Diagnose: func(_ context.Context, l *Locked, m *Message) error {
			if p.recovered != "" {
				m.PutStringPair("recovered_break_message", p.recovered)
			}
			return l.live("test")
		},
	})
	return err
}

// broken reports an error as netdevsim does when its knob is turned.
func (p *patient) broken(message string) error {
	return outcome(p.dummy.SubmitReport(message, message))
}

func withPatient(t testing.TB, r *Registry) (*Instance, *patient) {
	t.Helper()
	i, p := newInstance(t, r, "a"), &patient{}
	do(t, i, p.add)
	finish(t, i.SubmitRegister())
	return i, p
}

func health(t testing.TB, r *Reporter, state HealthState, errs, recoveries uint64) {
	t.Helper()
	if n := r.Info(); n.State != state || n.Errors != errs || n.Recoveries != recoveries {
		t.Fatalf("%v %d/%d, want %v %d/%d", n.State, n.Errors, n.Recoveries, state, errs, recoveries)
	}
}

// statuses are the states that were told, with their counters.
func statuses(t testing.TB, s *Subscription) (list []ReporterInfo) {
	t.Helper()
	for _, e := range rest(t, s) {
		n, ok := e.Object.(*ReporterInfo)
		if !ok || e.Verb != Status || e.Marks != 0 {
			t.Fatalf("told %v %+v", e, e.Object)
		}
		list = append(list, ReporterInfo{State: n.State, Errors: n.Errors, Recoveries: n.Recoveries})
	}
	return list
}

func told(t testing.TB, s *Subscription, want ...ReporterInfo) {
	t.Helper()
	got := statuses(t, s)
	if len(got) != len(want) {
		t.Fatalf("told %+v", got)
	}
	for n := range want {
		if got[n] != want[n] {
			t.Fatalf("told %+v, want %+v", got, want)
		}
	}
}

func status(s HealthState, errs, recoveries uint64) ReporterInfo {
	return ReporterInfo{State: s, Errors: errs, Recoveries: recoveries}
}

func text(t testing.TB, k *MessageTicket) string {
	t.Helper()
	finish(t, k.Ticket)
	b, err := json.Marshal(k.Message())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHealthCases(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, p := withPatient(t, r)
		s := subscribe(t, r, SubscribeOptions{CompatKernel: true})
		set := func(c ReporterChange) { t.Helper(); finish(t, i.SubmitSetReporter(dummyHealth, c)) }

		t.Run("case 61 empty", func(t *testing.T) {
			if n := p.empty.Info(); n.Abilities != (ReporterAbilities{Dump: true, Diagnose: true}) || n.AutoRecover || !n.AutoDump {
				t.Fatalf("%+v", n)
			}
			if got := text(t, i.SubmitDumpReporter(emptyKey)); got != "{}" {
				t.Fatal(got)
			}
			if got := text(t, i.SubmitDiagnoseReporter(emptyKey)); got != "{}" {
				t.Fatal(got)
			}
			finish(t, i.SubmitRecoverReporter(emptyKey))
		})
		t.Run("case 62 dummy", func(t *testing.T) {
			health(t, p.dummy, Healthy, 0, 0)
			if n := p.dummy.Info(); n.Grace != 0 || !n.AutoRecover || !n.AutoDump || !n.DumpTime.IsZero() {
				t.Fatalf("%+v", n)
			}
		})
		t.Run("case 63 auto_recover off", func(t *testing.T) {
			set(ReporterChange{AutoRecover: new(false)})
			if err := p.broken("foo bar"); err != nil {
				t.Fatal(err)
			}
			health(t, p.dummy, InError, 1, 0)
			told(t, s, status(InError, 1, 0))
			if p.dumps != 1 || p.dummy.Info().DumpTime.IsZero() || p.dummy.Info().LastError != "foo bar" {
				t.Fatal("not dumped")
			}
		})
		t.Run("case 64 dump show, clear", func(t *testing.T) {
			if got := text(t, i.SubmitDumpReporter(dummyHealth)); got != `{"break_message":"foo bar","test_binary":[]}` || p.dumps != 1 {
				t.Fatal(got)
			}
			finish(t, i.SubmitClearDump(dummyHealth))
			if !p.dummy.Info().DumpTime.IsZero() {
				t.Fatal("not cleared")
			}
		})
		t.Run("case 65 recover", func(t *testing.T) {
			finish(t, i.SubmitRecoverReporter(dummyHealth))
			health(t, p.dummy, Healthy, 1, 1)
			told(t, s, status(Healthy, 1, 1))
		})
		t.Run("case 66 auto_recover on", func(t *testing.T) {
			set(ReporterChange{AutoRecover: new(true)})
			if err := p.broken("foo bar"); err != nil {
				t.Fatal(err)
			}
			health(t, p.dummy, Healthy, 2, 2)
			if got := text(t, i.SubmitDiagnoseReporter(dummyHealth)); got != `{"recovered_break_message":"foo bar"}` {
				t.Fatal(got)
			}
			told(t, s, status(InError, 2, 1), status(Healthy, 2, 2))
		})
		t.Run("case 67 grace, a recovery that fails", func(t *testing.T) {
			set(ReporterChange{Grace: new(time.Nanosecond)})
			r.Poll(r.now().Add(10 * time.Millisecond))
			for r.now().Sub(p.dummy.recoveredAt) <= time.Nanosecond {
			}
			p.fail = true
			denied(t, p.broken("foo bar"), syscall.EINVAL, "User setup the recover to fail for testing purposes.")
			health(t, p.dummy, InError, 3, 2)
		})
		t.Run("case 68 recover fails, then not", func(t *testing.T) {
			denied(t, outcome(i.SubmitRecoverReporter(dummyHealth)), syscall.EINVAL, "User setup the recover to fail for testing purposes.")
			health(t, p.dummy, InError, 3, 2)
			p.fail = false
			finish(t, i.SubmitRecoverReporter(dummyHealth))
			health(t, p.dummy, Healthy, 3, 3)
			told(t, s, status(InError, 3, 2), status(Healthy, 3, 3))
		})
	})
}

func TestHealthGraceAndBurst(t *testing.T) {
	t.Run("case 69 within the grace period", func(t *testing.T) {
		r := newRegistry(t, Config{Manual: true})
		i, p := withPatient(t, r)
		finish(t, i.SubmitSetReporter(dummyHealth, ReporterChange{Grace: new(10 * time.Second)}))
		if err := p.broken("one"); err != nil {
			t.Fatal(err)
		}
		finish(t, i.SubmitClearDump(dummyHealth))
		dumps, cures := p.dumps, p.cures
		err := p.broken("two")
		denied(t, err, syscall.ECANCELED, "")
		mustBe(t, err, ErrNotRecovered)
		health(t, p.dummy, InError, 2, 1)
		if p.dumps != dumps || p.cures != cures {
			t.Fatal("the driver was asked")
		}
		finish(t, i.SubmitRecoverReporter(dummyHealth)) // a user may
		r.Poll(r.now().Add(10*time.Second - 1))
		denied(t, p.broken("three"), syscall.ECANCELED, "")
		finish(t, i.SubmitRecoverReporter(dummyHealth))
		r.Poll(r.now().Add(10 * time.Second))
		if err := p.broken("four"); err != nil {
			t.Fatal(err)
		}
		health(t, p.dummy, Healthy, 4, 4)
	})
	t.Run("burst", func(t *testing.T) {
		r := newRegistry(t, Config{Manual: true})
		i, p := withPatient(t, r)
		denied(t, outcome(i.SubmitSetReporter(dummyHealth, ReporterChange{Burst: new(time.Second)})), syscall.EINVAL, "Cannot set burst period without a grace period")
		finish(t, i.SubmitSetReporter(dummyHealth, ReporterChange{Grace: new(10 * time.Second), Burst: new(2 * time.Second)}))
		step := func(after time.Duration, recovers bool) {
			t.Helper()
			r.Poll(r.now().Add(after))
			if err := p.broken("x"); (err == nil) != recovers {
				t.Fatalf("error %v", err)
			}
			if !recovers {
				finish(t, i.SubmitRecoverReporter(dummyHealth))
			}
		}
		step(0, true)
		step(time.Second, true)       // within the burst, which the first began
		step(time.Second, false)      // 2 s: the grace period; a user's recovery begins anew
		step(time.Second, true)       // within the burst of that
		step(11*time.Second-1, false) // 12 s - 1 after it
		step(12*time.Second, true)    // over
		finish(t, i.SubmitSetReporter(dummyHealth, ReporterChange{Grace: new(time.Duration(0))}))
		if n := p.dummy.Info(); n.Burst != 0 {
			t.Fatalf("%+v", n)
		}
	})
	t.Run("of real time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, err := New(Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			i, p := withPatient(t, r)
			finish(t, i.SubmitSetReporter(dummyHealth, ReporterChange{Grace: new(5 * time.Second)}))
			if err := p.broken("msg1"); err != nil {
				t.Fatal(err)
			}
			denied(t, p.broken("msg2"), syscall.ECANCELED, "")
			finish(t, i.SubmitRecoverReporter(dummyHealth))
			time.Sleep(10 * time.Second)
			if err := p.broken("msg3"); err != nil {
				t.Fatal(err)
			}
			health(t, p.dummy, Healthy, 3, 3)
		})
	})
}

func TestHealthDumpCases(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, p := withPatient(t, r)
		t.Run("case 70 a reader of a dump that is cleared", func(t *testing.T) {
			p.binary = 8192
			finish(t, i.SubmitDumpReporter(dummyHealth).Ticket) // so that opening asks nobody
			open := func() *DumpReader {
				var d *DumpReader
				k := i.SubmitDo(func(context.Context, *Locked) error { return nil })
				finish(t, k)
				m := i.SubmitDumpReporter(dummyHealth)
				finish(t, m.Ticket)
				b, _ := m.Message().AppendJSON(nil)
				d = &DumpReader{p.dummy, m.Message(), b}
				return d
			}
			d := open()
			all, err := io.ReadAll(d)
			if err != nil || len(all) < 2*8192 || !json.Valid(all) {
				t.Fatalf("%d bytes, %v", len(all), err)
			}
			d = open()
			if _, err := io.ReadFull(d, make([]byte, 4096)); err != nil {
				t.Fatal(err)
			}
			finish(t, i.SubmitClearDump(dummyHealth))
			_, err = d.Read(make([]byte, 1))
			denied(t, err, syscall.EAGAIN, "Dump trampled, please retry")
			finish(t, i.SubmitDumpReporter(dummyHealth).Ticket) // another one
			_, err = d.Read(make([]byte, 1))
			mustBe(t, err, ErrTrampled)
			if d.Message() == nil {
				t.Fatal("no message")
			}
			d = open()
			do(t, i, func(l *Locked) error { return l.RemoveReporter(p.dummy) })
			_, err = d.Read(make([]byte, 1))
			mustBe(t, err, ErrTrampled)
		})
	})
}

func TestHealthBeforeRegistration(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		t.Run("case 71 reported before registration", func(t *testing.T) {
			s := subscribe(t, r, SubscribeOptions{})
			i, p := newInstance(t, r, "a"), &patient{}
			do(t, i, p.add)
			p.fail = true
			denied(t, p.broken("early"), syscall.EINVAL, "User setup the recover to fail for testing purposes.")
			denied(t, p.broken("again"), syscall.ECANCELED, "")
			if got := rest(t, s); len(got) != 0 {
				t.Fatalf("told %v", got)
			}
			finish(t, i.SubmitRegister())
			list := rest(t, s)
			last := list[len(list)-1]
			if n := last.Object.(*ReporterInfo); last.Verb != Added || !last.Marks.Has(Silent) || n.State != InError || n.Errors != 2 {
				t.Fatalf("told %v %+v", last, n)
			}
			if got := text(t, i.SubmitDumpReporter(dummyHealth)); got != `{"break_message":"early","test_binary":[]}` {
				t.Fatal(got) // the first is kept
			}
		})
	})
}

func TestHealthCommandsAnswerAsTheKernel(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, p := withPatient(t, r)
		denied(t, outcome(i.SubmitSetReporter(emptyKey, ReporterChange{AutoRecover: new(true)})), syscall.EOPNOTSUPP, "")
		denied(t, outcome(i.SubmitSetReporter(emptyKey, ReporterChange{Grace: new(5 * time.Millisecond)})), syscall.EOPNOTSUPP, "")
		denied(t, outcome(i.SubmitSetReporter(dummyHealth, ReporterChange{Grace: new(-time.Second)})), syscall.EINVAL, "negative period")
		denied(t, outcome(i.SubmitTestReporter(dummyHealth)), syscall.EOPNOTSUPP, "")
		none, port := Key{Name: "nosuch"}, Key{Name: "dummy", Port: 4, OnPort: true}
		for key, errno := range map[Key]syscall.Errno{none: syscall.EINVAL, port: syscall.ENODEV} {
			denied(t, outcome(i.SubmitSetReporter(key, ReporterChange{})), errno, "")
			denied(t, outcome(i.SubmitRecoverReporter(key)), errno, "")
			denied(t, outcome(i.SubmitTestReporter(key)), errno, "")
			denied(t, outcome(i.SubmitClearDump(key)), errno, "")
			denied(t, outcome(i.SubmitDumpReporter(key).Ticket), errno, "")
			denied(t, outcome(i.SubmitDiagnoseReporter(key).Ticket), errno, "")
		}
		do(t, i, func(l *Locked) error {
			_, err := l.AddReporter(ReporterConfig{Name: "dummy"})
			denied(t, err, syscall.EEXIST, "")
			_, err = l.AddReporter(ReporterConfig{Name: "x", Grace: 1})
			denied(t, err, syscall.EINVAL, "a grace period and no recovery")
			cure := func(context.Context, *Locked, any) error { return nil }
			_, err = l.AddReporter(ReporterConfig{Name: "x", Burst: 1, Recover: cure})
			denied(t, err, syscall.EINVAL, "Cannot set burst period without a grace period")
			_, err = l.AddPortReporter(4, ReporterConfig{Name: "x"})
			denied(t, err, syscall.ENODEV, "")
			bare, err := l.AddReporter(ReporterConfig{Name: "bare"})
			if err != nil {
				return err
			}
			return bare.SetState(InError)
		})
		bare := Key{Name: "bare"}
		denied(t, outcome(i.SubmitRecoverReporter(bare)), syscall.EOPNOTSUPP, "")
		denied(t, outcome(i.SubmitClearDump(bare)), syscall.EOPNOTSUPP, "")
		denied(t, outcome(i.SubmitDumpReporter(bare).Ticket), syscall.EOPNOTSUPP, "")
		denied(t, outcome(i.SubmitDiagnoseReporter(bare).Ticket), syscall.EOPNOTSUPP, "")
		denied(t, outcome(i.SubmitSetReporter(bare, ReporterChange{AutoDump: new(true)})), syscall.EOPNOTSUPP, "")

		s := subscribe(t, r, SubscribeOptions{CompatKernel: true})
		if err := errors.Join(p.dummy.SetState(InError), p.dummy.SetState(InError), p.dummy.RecoveryDone(), p.dummy.SetState(Healthy)); err != nil {
			t.Fatal(err)
		}
		told(t, s, status(InError, 0, 0), status(Healthy, 0, 1))
		mustBe(t, p.dummy.SetState(7), switchdev.ErrInvalid)

		// A dump that fails, or is no whole message, is none.
		bad := errors.New("bad")
		p.dummy.cfg.Dump = func(_ context.Context, _ *Locked, m *Message, _ any) error { return bad }
		mustBe(t, outcome(i.SubmitDumpReporter(dummyHealth).Ticket), bad)
		p.dummy.cfg.Dump = func(_ context.Context, _ *Locked, m *Message, _ any) error { m.OpenPair("x"); return nil }
		err := outcome(i.SubmitDumpReporter(dummyHealth).Ticket)
		mustBe(t, err, switchdev.ErrInvalid)
		if !strings.Contains(err.Error(), "devlink.health.dump "+i.Handle().String()+"/dummy: ") {
			t.Fatalf("%v does not say whose message it is", err)
		}
		if err := p.broken("dump fails, recovery does not"); err != nil || !p.dummy.Info().DumpTime.IsZero() {
			t.Fatal(err)
		}

		do(t, i, func(l *Locked) error { return l.RemoveReporter(p.dummy) })
		for _, err := range []error{p.broken("late"), p.dummy.SetState(InError), p.dummy.RecoveryDone()} {
			mustBe(t, err, switchdev.ErrNotExist)
		}
		finish(t, i.SubmitUnregister())
		denied(t, outcome(i.SubmitRecoverReporter(emptyKey)), syscall.ENODEV, "")
	})
}

// An error that is found with the instance held is counted and told at once, and
// recovered from later; who waits for that is told that he would wait for himself (L11).
func TestReportInsideACallbackIsDeferred(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, p := withPatient(t, r)
		s := subscribe(t, r, SubscribeOptions{Filter: Filter{Kinds: KindsOf(KindReporter)}, CompatKernel: true})
		do(t, i, func(l *Locked) error {
			err := p.dummy.Report(l.Context(), "inside", "inside")
			denied(t, err, syscall.EDEADLK, "it is recovered from later")
			mustBe(t, err, switchdev.ErrDeadlock)
			health(t, p.dummy, InError, 1, 0)
			told(t, s, status(InError, 1, 0))
			if p.cures != 0 {
				t.Error("recovered inside")
			}
			return nil
		})
		do(t, i, func(*Locked) error { return nil })
		health(t, p.dummy, Healthy, 1, 1)
		told(t, s, status(Healthy, 1, 1))
		// One that nothing follows is no wait.
		finish(t, i.SubmitSetReporter(dummyHealth, ReporterChange{AutoRecover: new(false), AutoDump: new(false)}))
		do(t, i, func(l *Locked) error { return p.dummy.Report(l.Context(), "counted", nil) })
		health(t, p.dummy, InError, 2, 1)
	})
}

// While an operation holds the instance an error is counted and told, and recovered from
// afterwards unless the reporter has gone by then (row 24).
func TestReportWaitsForTheInstance(t *testing.T) {
	r := newRegistry(t, Config{})
	i, p := withPatient(t, r)
	for _, gone := range []bool{false, true} {
		in, out := make(chan struct{}), make(chan struct{})
		k := i.SubmitDo(func(_ context.Context, l *Locked) error {
			close(in)
			<-out
			if gone {
				return l.RemoveReporter(p.dummy)
			}
			return nil
		})
		<-in
		report := p.dummy.SubmitReport("meanwhile", nil)
		if n := p.dummy.Info(); n.State != InError || report.ended() {
			t.Fatalf("%+v", n)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err := p.dummy.Report(ctx, "once more", nil)
		denied(t, err, syscall.ECANCELED, "") // the first was not recovered from
		close(out)
		finish(t, k)
		switch err := outcome(report); {
		case gone:
			denied(t, err, syscall.ECANCELED, "the reporter has gone")
		case err != nil:
			t.Fatal(err)
		default:
			health(t, p.dummy, Healthy, 2, 1)
		}
	}
}

// A ctx that ends ends the wait and not the recovery.
func TestReportWhoseCallerLeaves(t *testing.T) {
	r := newRegistry(t, Config{})
	i, p := withPatient(t, r)
	in, out := make(chan struct{}), make(chan struct{})
	k := i.SubmitDo(func(context.Context, *Locked) error { close(in); <-out; return nil })
	<-in
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.dummy.Report(ctx, "x", nil); err != context.Canceled {
		t.Fatal(err)
	}
	close(out)
	finish(t, k)
	do(t, i, func(*Locked) error { return nil })
	health(t, p.dummy, Healthy, 1, 1)
}

// Reports from everywhere while reporters come and go: nothing is counted twice or lost,
// and what is told is what there is.
func TestReportsUnderStress(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{Events: 1 << 16})
	i := newInstance(t, r, "a")
	var current atomic.Pointer[Reporter]
	add := func(l *Locked) error {
		rep, err := l.AddReporter(ReporterConfig{
			Name:    "x",
			Recover: func(context.Context, *Locked, any) error { return nil },
			Dump:    func(_ context.Context, _ *Locked, m *Message, _ any) error { m.PutBoolPair("a", true); return nil },
		})
		current.Store(rep)
		return err
	}
	do(t, i, add)
	finish(t, i.SubmitRegister())
	s := subscribe(t, r, SubscribeOptions{Filter: Filter{Kinds: KindsOf(KindReporter)}, Replay: true})
	var counted atomic.Int64
	var wg sync.WaitGroup
	for n := range uint64(4) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(n, 9))
			for range 300 {
				switch random.IntN(8) {
				case 0:
					_ = i.Do(ctx, func(_ context.Context, l *Locked) error {
						return errors.Join(l.RemoveReporter(current.Load()), add(l))
					})
				case 1:
					_ = i.ClearDump(ctx, Key{Name: "x"})
				default:
					if err := current.Load().Report(ctx, "e", nil); !errors.Is(err, switchdev.ErrNotExist) {
						counted.Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	var total uint64
	var last *ReporterInfo
	for _, e := range rest(t, s) {
		n, ok := e.Object.(*ReporterInfo)
		if !ok {
			continue
		}
		switch {
		case e.Verb == Deleted:
			total += n.Errors
			last = nil
		case last != nil && (n.Errors < last.Errors || n.Recoveries < last.Recoveries || n.Recoveries > n.Errors):
			t.Fatalf("%+v after %+v", n, last)
		default:
			last = n
		}
	}
	total += last.Errors
	if total != uint64(counted.Load()) {
		t.Fatalf("told %d errors, reported %d", total, counted.Load())
	}
	if n := current.Load().Info(); n != last {
		t.Fatalf("told last %+v, is %+v", last, n)
	}
}
