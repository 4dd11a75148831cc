package switchdevtest

import (
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestInjectors(t *testing.T) {
	f := Fault{Kind: FaultRefuse}
	pattern := func(inj Injector, n int) string {
		var b strings.Builder
		for i := range n {
			role := RoleFDB
			if i%2 == 1 {
				role = RoleVLAN
			}
			b.WriteByte(".x"[min(int(inj.Inject(Call{Role: role, Seq: uint64(i + 1)}).Kind), 1)])
		}
		return b.String()
	}
	tests := []struct {
		name string
		inj  Injector
		want string
	}{
		{"OnNth", OnNth(3, f), "..x....."},
		{"Every", Every(3, f), "..x..x.."},
		{"Every of one", Every(1, f), "xxxxxxxx"},
		{"Every of none", Every(0, f), "........"},
		{"Script", Script(f, Fault{}, f), "x.x....."},
		{"Latency", Latency(time.Second), "xxxxxxxx"},
		{"Only", Only(OnNth(2, f), RoleVLAN), "...x...."},
		{"First", First(OnNth(1, f), OnNth(1, f)), "xx......"},
		{"Seeded never", Seeded(1, Odds{0, f}), "........"},
		{"Seeded always", Seeded(1, Odds{1, f}), "xxxxxxxx"},
		{"Toggle off", &Toggle{}, "........"},
		{"Counter", &Counter{}, "........"},
	}
	for _, tt := range tests {
		if got := pattern(tt.inj, 8); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	a, b := pattern(Seeded(7, Odds{0.3, f}), 1000), pattern(Seeded(7, Odds{0.3, f}), 1000)
	if a != b || a == pattern(Seeded(8, Odds{0.3, f}), 1000) {
		t.Error("a seed does not decide")
	}
	if n := strings.Count(a, "x"); n < 230 || n > 370 {
		t.Errorf("%d of 1000 with a probability of 0.3", n)
	}
	aged := Call{Role: RoleReport, Report: switchdev.Report{Kind: switchdev.ReportAged}}
	for _, inj := range []Injector{OnlyReports(Every(1, f)), OnlyReports(Every(1, f), switchdev.ReportAged), OnlyReports(Every(1, f), switchdev.ReportReset)} {
		if inj.Inject(Call{Role: RoleFDB}) != (Fault{}) {
			t.Error("OnlyReports strikes an operation")
		}
	}
	if OnlyReports(Every(1, f)).Inject(aged) != f || OnlyReports(Every(1, f), switchdev.ReportAged).Inject(aged) != f ||
		OnlyReports(Every(1, f), switchdev.ReportReset).Inject(aged) != (Fault{}) {
		t.Error("OnlyReports does not tell kinds apart")
	}
	if Latency(time.Second).Inject(Call{Role: RoleReport}) != (Fault{}) {
		t.Error("Latency delays reports")
	}
	for k := range numFaults {
		if k.String() == "" || k.String() == "fault" {
			t.Errorf("fault %d has no name", k)
		}
	}
}
