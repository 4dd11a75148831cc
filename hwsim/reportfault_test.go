package hwsim

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// inject parses and injects.
func (b *bench) inject(spec string) *Injected {
	b.Helper()
	f, err := ParseFault(spec)
	b.must(err)
	in, err := b.Inject(f)
	b.must(err)
	return in
}

func mac(n int) switchdev.MAC { return switchdev.MAC{2, 0, 0, 0, 1, byte(n)} }

// heard is what the sink was told, as text: "learned1@2" is station 1 at port 2.
func (b *bench) heard() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	words := make([]string, len(b.reports))
	for i, r := range b.reports {
		words[i] = r.Kind.String()
		if !r.Key.MAC.IsZero() {
			words[i] += fmt.Sprintf("%d@%d", r.Key.MAC[5], r.Port)
		}
	}
	return strings.Join(words, " ")
}

// TestFaultsOfReports: three stations are learned at once; what the sink hears at
// once, a second later and in the end.
func TestFaultsOfReports(t *testing.T) {
	tests := []struct {
		spec            string
		now, soon, late string
		struck          int
	}{
		{"slow:fdb:1s", "1 2 3", "1 2 3", "1 2 3", 0}, // not of reports
		{"lost:report.learned:nth=2:count=1", "1 3", "1 3", "1 3", 1},
		{"lost:report.aged", "1 2 3", "1 2 3", "1 2 3", 0},
		{"lost:port=2", "1 3", "1 3", "1 3", 1},
		{"lost:vlan=1", "1 2 3", "1 2 3", "1 2 3", 0},
		{"lost", "", "", "", 3},
		{"late:1s:nth=2:count=1", "1 3", "1 3 2", "1 3 2", 1},
		{"late:5s", "", "", "1 2 3", 3},
		{"duplicate:nth=2:count=1", "1 2 2 3", "1 2 2 3", "1 2 2 3", 1},
		{"duplicate:2:mac=0200.0000.0101", "1 1 1 2 3", "1 1 1 2 3", "1 1 1 2 3", 1},
		{"duplicate:1s:nth=2:count=1", "1 2 3", "1 2 3 2", "1 2 3 2", 1},
		{"reorder:count=1", "2 1 3", "2 1 3", "2 1 3", 1},
		{"reorder:2:count=1", "2 3 1", "2 3 1", "2 3 1", 1},
		{"reorder:9:count=1", "2 3", "2 3 1", "2 3 1", 1},
		{"reorder:9:3s:count=1", "2 3", "2 3", "2 3 1", 1},
		{"reorder:2:count=2", "3", "3 1 2", "3 1 2", 2}, // nobody is left to go before
	}
	for _, tt := range tests {
		b := newBench(t, Config{})
		b.join(0, 1, 2, 3)
		in := b.inject(tt.spec)
		b.clear()
		for i := range 3 {
			b.learn(switchdev.PortID(i+1), mac(i+1))
		}
		text := func() string {
			s := b.heard()
			for i := range 3 {
				s = strings.ReplaceAll(s, fmt.Sprintf("learned%d@%d", i+1, i+1), fmt.Sprint(i+1))
			}
			return s
		}
		got := []string{text()}
		b.after(time.Second)
		got = append(got, text())
		b.after(time.Minute)
		got = append(got, text())
		if want := []string{tt.now, tt.soon, tt.late}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: heard %q, want %q", tt.spec, got, want)
		}
		if in.Hits() != tt.struck || b.Stats().Faults[in.Fault.Kind] != uint64(tt.struck) {
			t.Errorf("%s: %d hits, counted %d, want %d", tt.spec, in.Hits(), b.Stats().Faults[in.Fault.Kind], tt.struck)
		}
		logged := 0
		for r := range b.Chip.Log() {
			if r.Role == RoleReport && r.Faults.Has(in.Fault.Kind) && r.Verb == "learned" {
				logged++
			}
		}
		if logged != tt.struck {
			t.Errorf("%s: %d in the log, want %d", tt.spec, logged, tt.struck)
		}
		b.quiet()
	}
}

// TestLateReportsKeepTheirEpochAndPort: a report that is late tells of the time when
// it was made, whatever has become of the device and the sinks since.
func TestLateReportsKeepTheirEpochAndPort(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	b.inject("late:report.learned:10s:count=1")
	b.inject("lost:report.reset")
	gone := &noteSink{}
	unbind := b.Bind(gone)
	b.clear()
	b.learn(1, macA)
	_, err := b.Reset(t.Context())
	b.must(err)
	unbind()
	late := &noteSink{}
	b.Bind(late)
	b.after(10 * time.Second)
	if len(b.reports) != 1 || b.reports[0].Epoch != 1 || b.reports[0].Port != 1 || b.Epoch() != 2 {
		t.Errorf("heard %+v in epoch %d", b.reports, b.Epoch())
	}
	if len(gone.all)+len(late.all) != 0 {
		t.Errorf("sinks that were not bound heard %+v, %+v", gone.all, late.all)
	}
	b.inject("late:report:1s")
	b.Port(1).SetCarrier(false)
	b.must(b.Close())
	b.clear()
	b.after(time.Minute)
	if len(b.reports) != 0 {
		t.Errorf("reports after Close: %+v", b.reports)
	}
}

type noteSink struct{ all []switchdev.Report }

func (s *noteSink) Report(r switchdev.Report) { s.all = append(s.all, r) }

// TestLateReportsComeInTime: on a chip with a worker, and Poll says when to come.
func TestLateReportsComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t, Config{})
		b.inject("late:report.port-down:10s")
		b.clear()
		b.Port(1).SetCarrier(false)
		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		if got := b.heard(); got != "" {
			t.Errorf("heard %q too early", got)
		}
		time.Sleep(1)
		synctest.Wait()
		if got := b.heard(); got != "port-down" {
			t.Errorf("heard %q", got)
		}
		b.must(b.Close())
	})
	b := newBench(t, Config{})
	b.inject("late:report:10s")
	select {
	case <-b.Wake():
	default:
	}
	b.Port(1).SetCarrier(false)
	select {
	case <-b.Wake():
	default:
		t.Error("Wake does not say that there is something to do")
	}
	if next := b.after(time.Second); next != b.now.Add(9*time.Second) {
		t.Errorf("next in %v, want 9s", next.Sub(b.now))
	}
	select {
	case <-b.Wake():
		t.Error("Wake has something to say when nothing is due before what Poll promised")
	default:
	}
}

// TestStruckReportOfAResetIsNoFault: the report of a reset is made before the reset
// is over, so what a fault did to it stands in the log before it.
func TestStruckReportOfAResetIsNoFault(t *testing.T) {
	for _, spec := range []string{"lost:report.reset", "late:report.reset:1s", "duplicate:report.reset"} {
		b := newBench(t, Config{})
		b.join(0, 1, 2)
		b.inject(spec)
		if _, err := b.Chip.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.after(time.Minute)
		if found := b.Chip.Audit(); len(found) != 0 {
			t.Errorf("%s: %v", spec, found)
		}
		b.quiet()
	}
}
