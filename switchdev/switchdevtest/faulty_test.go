package switchdevtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// sets builds n sets on distinct keys with tokens from 1.
func sets(n int) ([]switchdev.FDBOp, []switchdev.Result) {
	ops := make([]switchdev.FDBOp, n)
	for i := range ops {
		ops[i] = switchdev.FDBOp{Op: switchdev.Op{Token: switchdev.Token(i + 1)}, Verb: switchdev.FDBSet,
			Entry: switchdev.FDBEntry{Key: switchdev.FDBKey{MAC: switchdev.MAC{2, 0, 0, 0, 0, byte(i + 1)}}, Port: 1}}
	}
	return ops, make([]switchdev.Result, n)
}

// held returns the last bytes of the addresses that the device holds.
func held(t *testing.T, d switchdev.Driver) (last []byte) {
	t.Helper()
	_, err := refOf(d).DumpFDB(context.Background(), 0, func(r switchdev.FDBRow) bool {
		last = append(last, r.Key.MAC[5])
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(last)
	return last
}

// TestFaultStrikesOneOperation: in a batch of three the second is struck; the
// others are as the fault says.
func TestFaultStrikesOneOperation(t *testing.T) {
	own := errors.New("own")
	tests := []struct {
		fault Fault
		want  [3]error // errors; errLost: the result is zero
		rows  []byte
	}{
		{Fault{Kind: FaultRefuse}, [3]error{nil, switchdev.ErrBusy, nil}, []byte{1, 3}},
		{Fault{Kind: FaultRefuse, Err: own}, [3]error{nil, own, nil}, []byte{1, 3}},
		{Fault{Kind: FaultNoSpace}, [3]error{nil, switchdev.ErrNoSpace, nil}, []byte{1, 3}},
		{Fault{Kind: FaultDelay, Delay: time.Minute}, [3]error{}, []byte{1, 2, 3}},
		{Fault{Kind: FaultUnknownDone}, [3]error{nil, switchdev.ErrOutcomeUnknown, nil}, []byte{1, 2, 3}},
		{Fault{Kind: FaultUnknownLost}, [3]error{nil, switchdev.ErrOutcomeUnknown, nil}, []byte{1, 3}},
		{Fault{Kind: FaultLost}, [3]error{nil, errLost, nil}, []byte{1, 2, 3}},
		{Fault{Kind: FaultPartial}, [3]error{nil, switchdev.ErrBusy, switchdev.ErrBusy}, []byte{1}},
		{Fault{Kind: FaultCut}, [3]error{nil, errLost, errLost}, []byte{1}},
		{Fault{Kind: FaultCutDone}, [3]error{nil, errLost, errLost}, []byte{1, 2, 3}},
		{Fault{Kind: FaultIgnore}, [3]error{}, []byte{1, 3}},
		{Fault{Kind: FaultDuplicate}, [3]error{}, []byte{1, 2, 3}}, // a fault of reports: ignored
	}
	for _, tt := range tests {
		for _, form := range forms {
			t.Run(tt.fault.Kind.String()+"/"+form.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := Faulty(newReference(t, ""), Only(OnNth(2, tt.fault), RoleFDB))
					defer d.Close()
					r := findRoles(d)
					ops, results := sets(3)
					form.apply(&r, context.Background(), ops, results)
					for i, res := range results {
						lost := res == switchdev.Result{}
						if (tt.want[i] == errLost) != lost || !lost && (res.Token != ops[i].Token || !errors.Is(res.Err, tt.want[i])) {
							t.Errorf("result %d: %+v, want %v", i, res, tt.want[i])
						}
					}
					if got := held(t, d); !slices.Equal(got, tt.rows) {
						t.Errorf("the device holds %v, want %v", got, tt.rows)
					}
				})
			})
		}
	}
}

var errLost = errors.New("lost answer")

// TestNothingStrikesAfterTheEnd: what a batch's end has cut off is not struck any
// more, nor executed by a fault that would.
func TestNothingStrikesAfterTheEnd(t *testing.T) {
	for kind, rows := range map[FaultKind][]byte{FaultPartial: {1}, FaultCut: {1}, FaultCutDone: {1, 2, 3}} {
		for _, form := range forms {
			synctest.Test(t, func(t *testing.T) {
				d := Faulty(newReference(t, ""), Only(Script(Fault{}, Fault{Kind: kind}, Fault{Kind: FaultUnknownDone}), RoleFDB))
				defer d.Close()
				r := findRoles(d)
				ops, results := sets(3)
				form.apply(&r, context.Background(), ops, results)
				if got := held(t, d); !slices.Equal(got, rows) || results[1] != (switchdev.Result{}) && kind != FaultPartial || errors.Is(results[2].Err, switchdev.ErrOutcomeUnknown) {
					t.Errorf("%v/%s: the device holds %v, want %v; results %+v", kind, form.name, got, rows, results)
				}
			})
		}
	}
}

func TestFaultResetBeforeOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Faulty(newReference(t, ""), Only(OnNth(2, Fault{Kind: FaultReset}), RoleFDB))
		defer d.Close()
		ops, results := sets(3)
		// The batch itself is of the life that the reset ended, so the pieces
		// after it are calls of their own and of the new life.
		fdb, _ := switchdev.As[switchdev.FDBOffloader](d)
		fdb.ApplyFDB(context.Background(), ops, results)
		if results[0].Epoch != 1 || results[1].Epoch != 2 || results[2].Epoch != 2 {
			t.Errorf("epochs %v %v %v, want 1 2 2", results[0].Epoch, results[1].Epoch, results[2].Epoch)
		}
		if got := held(t, d); !slices.Equal(got, []byte{2, 3}) {
			t.Errorf("the device holds %v after a reset before the second operation", got)
		}
	})
}

func TestFaultPanicHitsTheCaller(t *testing.T) {
	d := Faulty(newReference(t, ""), Every(2, Fault{Kind: FaultPanic}))
	defer d.Close()
	r := findRoles(d)
	for _, form := range forms {
		ops, results := sets(2)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", form.name)
				}
			}()
			form.apply(&r, context.Background(), ops, results)
		}()
	}
}

// TestFaultHangEnds: a hung operation ends by release, ctx, Reset and Close,
// each with its own answer.
func TestFaultHangEnds(t *testing.T) {
	tests := []struct {
		name string
		end  func(d switchdev.Driver, cancel func(), release chan struct{})
		want error
		rows []byte
	}{
		{"release", func(_ switchdev.Driver, _ func(), release chan struct{}) { close(release) }, nil, []byte{1, 2, 3}},
		{"cancel", func(_ switchdev.Driver, cancel func(), _ chan struct{}) { cancel() }, context.Canceled, []byte{1}},
		{"reset", func(d switchdev.Driver, _ func(), _ chan struct{}) {
			r, _ := switchdev.As[switchdev.Resetter](d)
			_, _ = r.Reset(context.Background())
		}, switchdev.ErrBusy, nil},
		{"close", func(d switchdev.Driver, _ func(), _ chan struct{}) { _ = d.Close() }, switchdev.ErrClosed, nil},
	}
	for _, tt := range tests {
		for _, form := range forms {
			t.Run(tt.name+"/"+form.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					release := make(chan struct{})
					d := Faulty(newReference(t, ""), Only(OnNth(2, Fault{Kind: FaultHang, Release: release}), RoleFDB))
					defer d.Close()
					r := findRoles(d)
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					ops, results := sets(3)
					done := make(chan struct{})
					go func() {
						defer close(done)
						form.apply(&r, ctx, ops, results)
					}()
					time.Sleep(time.Hour)
					select {
					case <-done:
						t.Fatal("the call has returned")
					default:
					}
					tt.end(d, cancel, release)
					<-done
					for i, res := range results {
						want := tt.want
						if i == 0 {
							want = nil
						}
						if res.Token != ops[i].Token || !errors.Is(res.Err, want) || want == nil && res.Err != nil {
							t.Errorf("result %d: %+v, want %v", i, res, want)
						}
					}
					if tt.name != "close" {
						if got := held(t, d); !slices.Equal(got, tt.rows) {
							t.Errorf("the device holds %v, want %v", got, tt.rows)
						}
					}
				})
			})
		}
	}
}

func TestFaultsOfReports(t *testing.T) {
	tests := []struct {
		fault Fault
		want  []byte // last bytes of the stations, as reported
		late  []byte // the same after an hour
	}{
		{Fault{}, []byte{1, 2, 3}, []byte{1, 2, 3}},
		{Fault{Kind: FaultLost}, []byte{1, 3}, []byte{1, 3}},
		{Fault{Kind: FaultDuplicate}, []byte{1, 2, 2, 3}, []byte{1, 2, 2, 3}},
		{Fault{Kind: FaultReorder}, []byte{1, 3, 2}, []byte{1, 3, 2}},
		{Fault{Kind: FaultDelay, Delay: time.Minute}, []byte{1, 3}, []byte{1, 3, 2}},
		{Fault{Kind: FaultDuplicate, Copies: 3}, []byte{1, 2, 2, 2, 2, 3}, []byte{1, 2, 2, 2, 2, 3}},
		{Fault{Kind: FaultDuplicate, Delay: time.Minute}, []byte{1, 2, 3}, []byte{1, 2, 3, 2}},
		{Fault{Kind: FaultReorder, Behind: 2}, []byte{1, 3}, []byte{1, 3}}, // a second one never comes
		{Fault{Kind: FaultReorder, Behind: 2, Delay: time.Minute}, []byte{1, 3}, []byte{1, 3, 2}},
		{Fault{Kind: FaultReorder, Delay: time.Minute}, []byte{1, 3, 2}, []byte{1, 3, 2}},
		{Fault{Kind: FaultRefuse}, []byte{1, 2, 3}, []byte{1, 2, 3}}, // a fault of operations: ignored
	}
	for _, tt := range tests {
		t.Run(tt.fault.Kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := Faulty(newReference(t, ""), Only(OnNth(2, tt.fault), RoleReport))
				defer d.Close()
				reports, _ := switchdev.As[switchdev.Reporter](d)
				s := &sink{}
				unbind := reports.Bind(s)
				for i := range 3 {
					learnReference(d, 0, 1, switchdev.FDBKey{MAC: switchdev.MAC{2, 0, 0, 0, 0, byte(i + 1)}})
				}
				if got := stations(s); !slices.Equal(got, tt.want) {
					t.Errorf("reported %v, want %v", got, tt.want)
				}
				time.Sleep(time.Hour)
				if got := stations(s); !slices.Equal(got, tt.late) {
					t.Errorf("reported in the end %v, want %v", got, tt.late)
				}
				unbind()
				unbind()
			})
		})
	}
}

// TestUnbindStopsLateReports: what is delayed when unbind returns never comes.
func TestUnbindStopsLateReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Faulty(newReference(t, ""), Every(1, Fault{Kind: FaultDelay, Delay: time.Minute}))
		defer d.Close()
		reports, _ := switchdev.As[switchdev.Reporter](d)
		s := &sink{}
		unbind := reports.Bind(s)
		learnReference(d, 0, 1, switchdev.FDBKey{MAC: switchdev.MAC{2}})
		unbind()
		time.Sleep(time.Hour)
		if got := stations(s); got != nil {
			t.Errorf("reported %v after unbind", got)
		}
	})
}

func stations(s *sink) (last []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.reports {
		last = append(last, r.Key.MAC[5])
	}
	return last
}

// bare has a name and nothing else.
type bare struct{}

func (bare) Name() string { return "bare" }
func (bare) Close() error { return nil }

// TestFaultyOverNothing: roles that the inner driver lacks say so.
func TestFaultyOverNothing(t *testing.T) {
	d := Faulty(bare{}, Every(1, Fault{Kind: FaultRefuse}))
	for _, found := range []bool{has[switchdev.Reporter](d), has[switchdev.FDBSubmitter](d)} {
		if found {
			t.Error("a role is found that could not say that it is missing")
		}
	}
	r, ctx := findRoles(d), context.Background()
	all := switchdev.Result{Token: 9, Err: switchdev.ErrUnsupported}
	op, result := switchdev.Op{Token: 9}, make([]switchdev.Result, 1)
	calls := map[string]func(){
		"fdb":          func() { r.fdb.ApplyFDB(ctx, []switchdev.FDBOp{{Op: op}}, result) },
		"flush":        func() { r.flush.FlushFDB(ctx, []switchdev.FDBFlushOp{{Op: op}}, result) },
		"port":         func() { r.ports.ApplyPorts(ctx, []switchdev.PortOp{{Op: op}}, result) },
		"check port":   func() { r.ports.CheckPorts(ctx, []switchdev.PortOp{{Op: op}}, result) },
		"bridge":       func() { r.bridge.ApplyBridge(ctx, []switchdev.BridgeOp{{Op: op}}, result) },
		"check bridge": func() { r.bridge.CheckBridge(ctx, []switchdev.BridgeOp{{Op: op}}, result) },
		"vlan":         func() { r.vlans.ApplyVLANs(ctx, []switchdev.VLANOp{{Op: op}}, result) },
		"header": func() {
			role, _ := switchdev.As[switchdev.HeaderOffloader](d)
			role.ApplyHeaders(ctx, []switchdev.HeaderOp{{Op: op}}, result)
		},
		"flow": func() {
			role, _ := switchdev.As[switchdev.FlowOffloader](d)
			flows := make([]switchdev.FlowResult, 1)
			role.ApplyFlows(ctx, []switchdev.FlowOp{{Op: op}}, flows)
			if result[0] = flows[0].Result; flows[0].State != switchdev.FlowRefused {
				t.Errorf("flow: state %v", flows[0].State)
			}
		},
	}
	for name, call := range calls {
		clear(result)
		call()
		if result[0] != all {
			t.Errorf("%s: %+v, want %+v", name, result[0], all)
		}
	}
	stats, _ := switchdev.As[switchdev.FlowStatsReader](d)
	_, err1 := stats.ReadFlowStats(ctx, 0, nil, nil)
	_, err2 := r.dump.DumpFDB(ctx, 0, nil)
	_, err3 := r.list.Ports(ctx)
	_, err4 := r.reset.Reset(ctx)
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if r.limits.Limits() != (switchdev.Limits{}) || r.limits.Usage() != (switchdev.Usage{}) || r.reset.Epoch() != 0 {
		t.Error("limits, usage or epoch are said to be known")
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Error(err)
	}
	calls["fdb"]()
	if !errors.Is(result[0].Err, switchdev.ErrClosed) {
		t.Errorf("after Close: %v", result[0].Err)
	}
}

func has[T any](d switchdev.Driver) bool {
	_, ok := switchdev.As[T](d)
	return ok
}

// TestSingleCallsCanFail: the calls that take no batch.
func TestSingleCallsCanFail(t *testing.T) {
	own := errors.New("own")
	toggle := &Toggle{}
	counter := &Counter{Inside: toggle}
	d := Faulty(newReference(t, ""), counter)
	defer d.Close()
	r, ctx := findRoles(d), context.Background()
	dump := func() error {
		_, err := r.dump.DumpFDB(ctx, 0, func(switchdev.FDBRow) bool { return true })
		return err
	}
	list := func() error { _, err := r.list.Ports(ctx); return err }
	reset := func() error { _, err := r.reset.Reset(ctx); return err }
	calls := []func() error{dump, list, reset}
	for i, call := range calls {
		toggle.On(Fault{Kind: FaultRefuse, Err: own})
		if err := call(); !errors.Is(err, own) {
			t.Errorf("call %d refused: %v", i, err)
		}
		toggle.On(Fault{Kind: FaultUnknownDone})
		if err := call(); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
			t.Errorf("call %d with an unknown outcome: %v", i, err)
		}
		toggle.Off()
		if err := call(); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if e := r.reset.Epoch(); e != 3 { // one refused, one done with its answer lost, one done
		t.Errorf("the epoch is %v, want 3", e)
	}
	if n := counter.Calls()[RoleDump]; n != 3 {
		t.Errorf("%d dumps counted, want 3", n)
	}
	if n := counter.Faults()[FaultRefuse]; n != 3 {
		t.Errorf("%d refusals counted, want 3", n)
	}
}

// TestFaultyTellsTheTruth: whatever is injected, the device holds what the
// results say: nil is done, an unknown or lost answer either, all else not.
func TestFaultyTellsTheTruth(t *testing.T) {
	odds := []Odds{
		{0.1, Fault{Kind: FaultRefuse}}, {0.1, Fault{Kind: FaultNoSpace}}, {0.1, Fault{Kind: FaultDelay, Delay: time.Second}},
		{0.1, Fault{Kind: FaultUnknownDone}}, {0.1, Fault{Kind: FaultUnknownLost}}, {0.1, Fault{Kind: FaultLost}}, {0.05, Fault{Kind: FaultPartial}},
		{0.05, Fault{Kind: FaultCut}}, {0.05, Fault{Kind: FaultCutDone}},
	}
	for seed := range uint64(20) {
		for _, form := range forms {
			synctest.Test(t, func(t *testing.T) {
				d := Faulty(newReference(t, ""), Only(Seeded(seed, odds...), RoleFDB))
				defer d.Close()
				r := findRoles(d)
				rows := map[byte]switchdev.PortID{}
				for round := range 30 {
					ops, results := sets(8)
					for i := range ops {
						ops[i].Entry.Port = switchdev.PortID(round%3 + 1)
						if (round+i)%4 == 0 {
							ops[i].Verb = switchdev.FDBDelete
						}
					}
					ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
					form.apply(&r, ctx, ops, results)
					cancel()
					now := map[byte]switchdev.PortID{}
					_, _ = refOf(d).DumpFDB(context.Background(), 0, func(r switchdev.FDBRow) bool {
						now[r.Key.MAC[5]] = r.Port
						return true
					})
					for i, res := range results {
						err, key := read(res), ops[i].Entry.Key.MAC[5]
						done, undone := ops[i].Entry.Port, rows[key]
						if ops[i].Verb == switchdev.FDBDelete {
							done = 0
						}
						unknown := errors.Is(err, switchdev.ErrOutcomeUnknown)
						if now[key] != done && now[key] != undone || err == nil && now[key] != done || err != nil && !unknown && now[key] != undone {
							t.Fatalf("seed %d, round %d, %s, %v of %d: %v, the row was on port %d, is on port %d, was to be on port %d",
								seed, round, form.name, ops[i].Verb, key, err, undone, now[key], done)
						}
					}
					rows = now
				}
			})
		}
	}
}
