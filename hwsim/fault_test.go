package hwsim

import (
	"errors"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestParseFaultReads(t *testing.T) {
	seven := switchdev.Domain(7)
	tests := []struct {
		spec string
		want Fault
	}{
		{"slow:fdb:50ms", Fault{Kind: FaultSlow, Match: Selector{Role: RoleFDB}, Delay: 50 * time.Millisecond}},
		{"full:fdb:100", Fault{Kind: FaultFull, Match: Selector{Role: RoleFDB}, Rows: 100}},
		{"full", Fault{Kind: FaultFull}},
		{"hang:fdb", Fault{Kind: FaultHang, Match: Selector{Role: RoleFDB}}},
		{"hang:dump:deaf:done", Fault{Kind: FaultHang, Match: Selector{Role: RoleDump}, Deaf: true, After: true}},
		{"refuse:fdb:p=0.1", Fault{Kind: FaultRefuse, Match: Selector{Role: RoleFDB}, Probability: 0.1}},
		{"refuse:vlan.set:err=no-space", Fault{Kind: FaultRefuse, Match: Selector{Role: RoleVLAN, Verb: "set"}, Err: switchdev.ErrNoSpace}},
		{"refuse:mac=02-00-00-00-00-0a:vlan=5:port=3:domain=7:nth=2:count=4",
			Fault{Kind: FaultRefuse, Match: Selector{MAC: macA, VLAN: 5, Port: 3, Domain: &seven}, Nth: 2, Count: 4}},
		{"reset:after=100", Fault{Kind: FaultReset, After: true, Nth: 100}},
		{"reset:port:before=1", Fault{Kind: FaultReset, Match: Selector{Role: RolePort}, Nth: 1}},
		{"lost:report.learned:p=0.1", Fault{Kind: FaultLost, Match: Selector{Role: RoleReport, Verb: "learned"}, Probability: 0.1}},
		{"late:report.aged:200ms", Fault{Kind: FaultLate, Match: Selector{Role: RoleReport, Verb: "aged"}, Delay: 200 * time.Millisecond}},
		{"late:1s:port=2", Fault{Kind: FaultLate, Match: Selector{Port: 2}, Delay: time.Second}},
		{"duplicate", Fault{Kind: FaultDuplicate}},
		{"duplicate:report:2:50ms", Fault{Kind: FaultDuplicate, Match: Selector{Role: RoleReport}, Copies: 2, Delay: 50 * time.Millisecond}},
		{"reorder:report.port-gone:1m:3", Fault{Kind: FaultReorder, Match: Selector{Role: RoleReport, Verb: "port-gone"}, Behind: 3, Delay: time.Minute}},
		{"partial:fdb:3", Fault{Kind: FaultPartial, Match: Selector{Role: RoleFDB}, Answered: 3}},
		{"partial:dump:5:done", Fault{Kind: FaultPartial, Match: Selector{Role: RoleDump}, Answered: 5, After: true}},
		{"ignore:fdb.delete:nth=2", Fault{Kind: FaultIgnore, Match: Selector{Role: RoleFDB, Verb: "delete"}, Nth: 2}},
		{"misplace:fdb:target=3", Fault{Kind: FaultMisplace, Match: Selector{Role: RoleFDB}, Target: 3}},
		{"vanish:10s", Fault{Kind: FaultVanish, Delay: 10 * time.Second}},
		{"drift:fdb.set:10s:target=2", Fault{Kind: FaultDrift, Match: Selector{Role: RoleFDB, Verb: "set"}, Delay: 10 * time.Second, Target: 2}},
		{"gone:fdb:after=20:5s", Fault{Kind: FaultGone, Match: Selector{Role: RoleFDB}, Nth: 20, Delay: 5 * time.Second, After: true}},
	}
	for _, tt := range tests {
		got, err := ParseFault(tt.spec)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseFault(%q) = %+v, %v; want %+v", tt.spec, got, err, tt.want)
		}
	}
}

func TestParseFaultRefusesPrecisely(t *testing.T) {
	tests := []struct{ spec, reason string }{
		{"", "want one of refuse, full, slow, hang, reset, lost"},
		{"burn:fdb", `not "burn"`},
		{"slow:fdb", "slow wants a duration"},
		{"slow:fdb:-1s", `"-1s": want a duration`},
		{"slow:fdb:1s:2s", "said twice"},
		{"full:vlan", "only the forwarding database"},
		{"full:fdb:-1", "want a number of rows"},
		{"hang:fdb.eat", "not understood"},
		{"hang:fdb.", "not understood"},
		{"hang:fdb:", `"": not understood`},
		{"refuse:fdb:p=0", "want a probability"},
		{"refuse:fdb:p=NaN", "want a probability"},
		{"refuse:fdb:p=1.5", "want a probability"},
		{"refuse:nth=0", "want a number from 1 on"},
		{"refuse:err=gone", "no such error"},
		{"hang:err=busy", "only for refuse"},
		{"refuse:after=1", "only for hang, reset and gone"},
		{"refuse:vlan=4095", "invalid vlan id"},
		{"refuse:port=0", "want a number from 1 on"},
		{"refuse:mac=zz", "want aa:bb"},
		{"refuse:mac=000000000000", "zero address"},
		{"refuse:domain=-1", "want a number from 0"},
		{"reset:nth=1:after=2", "said twice"},
		{"refuse:deaf", "not understood"},
		{"refuse:report", "does not strike report"},
		{"lost:fdb", "does not strike fdb"},
		{"lost:report.moved", "not understood"},
		{"lost:1s", "not understood"},
		{"late:report", "late wants a duration"},
		{"duplicate:report:2:3", "said twice"},
		{"reorder:report:-1", "want a duration"},
		{"partial:fdb:1s", "want a number of operations"},
		{"partial:reset", "does not strike reset"},
		{"ignore:port", "does not strike port"},
		{"misplace:fdb.delete", "strikes sets only"},
		{"misplace:vlan", "does not strike vlan"},
		{"misplace:target=0", "want a number from 1 on"},
		{"misplace:target=70000", "want a number from 0 to 65535"},
		{"vanish:target=1", "only for misplace, drift and gone"},
		{"ignore:done", "not understood"},
		{"gone:dump", "does not strike dump"},
	}
	for _, tt := range tests {
		f, err := ParseFault(tt.spec)
		if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), tt.reason) || f != (Fault{}) {
			t.Errorf("ParseFault(%q) = %+v, %v; want %q", tt.spec, f, err, tt.reason)
		}
	}
}

func FuzzParseFault(f *testing.F) {
	for _, s := range []string{"slow:fdb:50ms", "full:fdb:100", "hang:fdb", "refuse:fdb:p=0.1", "reset:after=100", "refuse:vlan.set:err=busy:mac=0200.0000.000a:domain=0", "hang:any.set:deaf:done:nth=3", "::", "full:full",
		"lost:report.learned:p=0.5", "late:report.aged:1ms", "duplicate:2:1s", "reorder:report:3:1h", "partial:fdb:3:done", "ignore:vlan.set",
		"misplace:target=4", "vanish:1s:vlan=2", "drift:fdb.set:1ns:target=1", "gone:before=3:2s", "gone:any.join:done"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		got, err := ParseFault(spec)
		if err != nil {
			var parse *switchdev.ParseError
			if !errors.As(err, &parse) || got != (Fault{}) {
				t.Fatalf("ParseFault(%q) = %+v, %v", spec, got, err)
			}
			return
		}
		again, err := ParseFault(got.String())
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("%q is %+v; written as %q it is %+v, %v", spec, got, got, again, err)
		}
	})
}

func TestInjectRefusesNonsense(t *testing.T) {
	b := newBench(t, Config{})
	for _, f := range []Fault{{}, {Kind: 99}, {Kind: FaultHang, Nth: -1}, {Kind: FaultSlow, Delay: -1}, {Kind: FaultRefuse, Probability: 2},
		{Kind: FaultFull, Match: Selector{Role: RoleVLAN}}, {Kind: FaultHang, Match: Selector{Role: 77}}} {
		if in, err := b.Inject(f); in != nil || !errors.Is(err, switchdev.ErrInvalid) {
			t.Errorf("Inject(%+v) = %v, %v", f, in, err)
		}
	}
}

func TestFaultsSelect(t *testing.T) {
	ops := []switchdev.FDBOp{setOp(macA, 0, 1, 0), setOp(macB, 5, 2, 0), deleteOp(macA, 0), setOp(macA, 5, 1, 0)}
	tests := []struct{ spec, want string }{
		{"refuse", "xxxx"},
		{"refuse:port", "...."},
		{"refuse:fdb.delete", "..x."},
		{"refuse:mac=0200.0000.000a", "x.xx"},
		{"refuse:vlan=5", ".x.x"},
		{"refuse:port=2", ".x.."},
		{"refuse:domain=1", "...."},
		{"refuse:domain=0:nth=2", ".xxx"},
		{"refuse:nth=2:count=2", ".xx."},
		{"full:2", "...."},
		{"full:1", ".x.."},
		{"full", "xx.x"},
	}
	for _, tt := range tests {
		b := newBench(t, Config{})
		f, err := ParseFault(tt.spec)
		b.must(err)
		in, err := b.Inject(f)
		b.must(err)
		got := ""
		for _, op := range ops {
			if err := b.fdb(op); err == nil {
				got += "."
			} else if want := map[FaultKind]error{FaultRefuse: switchdev.ErrBusy, FaultFull: switchdev.ErrNoSpace}[f.Kind]; errors.Is(err, want) {
				got += "x"
			} else {
				t.Errorf("%s: %v", tt.spec, err)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.spec, got, tt.want)
		}
		b.quiet()
		b.clear()
		in.Release()
		if f.Kind == FaultFull && tt.spec != "full:2" && (len(b.reports) != 1 || b.reports[0].Kind != switchdev.ReportSpace) &&
			tt.spec != "full:1" { // there a delete has already made room
			t.Errorf("%s: reports on release %+v", tt.spec, b.reports)
		}
		b.must(b.fdb(ops...))
	}
}

// TestProbabilityComesFromTheSeed: the same seed strikes the same operations.
func TestProbabilityComesFromTheSeed(t *testing.T) {
	run := func(seed uint64) (text string) {
		b := newBench(t, Config{Seed: seed})
		_, err := b.Inject(Fault{Kind: FaultRefuse, Probability: 0.25})
		b.must(err)
		mac := macA
		for range 400 {
			if b.fdb(setOp(mac, 0, 1, 0)) == nil {
				text += "."
			} else {
				text += "x"
			}
			mac = mac.Next()
		}
		return text
	}
	one := run(1)
	if one != run(1) || one == run(2) {
		t.Error("a seed does not decide")
	}
	if n := strings.Count(one, "x"); n < 60 || n > 140 {
		t.Errorf("%d of 400 struck with probability 1/4", n)
	}
}

func TestHungDumpIsBusy(t *testing.T) {
	b := newBench(t, Config{})
	b.must(b.injectHang(Selector{Role: RoleDump}))
	if _, err := b.DumpFDB(t.Context(), 0, nil); !errors.Is(err, switchdev.ErrBusy) {
		t.Error(err)
	}
	b.ReleaseAll()
	if _, err := b.DumpFDB(t.Context(), 0, nil); err != nil {
		t.Error(err)
	}
}
