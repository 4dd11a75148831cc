package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

// asProgram is the environment variable that makes the test binary the program itself.
const asProgram = "SWITCH_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// runs calls the program and returns what it printed.
func runs(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(args, &out, &errs); got != want {
		t.Fatalf("switch %q: exit status %d, want %d\n%s%s", args, got, want, &out, &errs)
	}
	return out.String(), errs.String()
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("output differs from %s (go test -update writes it anew); got\n%s", path, got)
	}
}

func TestDefaultRunPrintsGolden(t *testing.T) {
	for name, args := range map[string][]string{"default": nil, "json": {"-j"}, "hang": {"-fault", "hang:fdb"}} {
		t.Run(name, func(t *testing.T) {
			out, _ := runs(t, 0, args...)
			golden(t, name, out)
		})
	}
}

func TestSameArgumentsPrintTheSame(t *testing.T) {
	for _, spec := range []string{"refuse:fdb:p=0.3", "reset:fdb:p=0.1:count=5", "slow:fdb:30ms", "full:fdb:12"} {
		first, _ := runs(t, 0, "-q", "-seed", "7", "-fault", spec)
		for range 2 {
			if again, _ := runs(t, 0, "-q", "-seed", "7", "-fault", spec); again != first {
				t.Errorf("%s printed\n%s\nand then\n%s", spec, first, again)
			}
		}
	}
	one, _ := runs(t, 0, "-q", "-seed", "1", "-fault", "refuse:fdb:p=0.3")
	if two, _ := runs(t, 0, "-q", "-seed", "2", "-fault", "refuse:fdb:p=0.3"); one == two {
		t.Error("the seed changes nothing")
	}
}

func TestJSONTableIsWhatTheTextSays(t *testing.T) {
	text, _ := runs(t, 0, "-q")
	out, _ := runs(t, 0, "-q", "-j")
	var list []map[string]any
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "[") {
			if err := json.Unmarshal([]byte(line), &list); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(list) < 10 {
		t.Fatalf("%d entries in\n%s", len(list), out)
	}
	for _, e := range list {
		want := e["mac"].(string) + " dev " + e["ifname"].(string) + " "
		for _, f := range e["flags"].([]any) {
			want += f.(string) + " "
		}
		want += "master " + e["master"].(string) + " " + e["state"].(string) + "\n"
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q", want)
		}
	}
	if n := strings.Count(text, "master br0"); n != len(list) {
		t.Errorf("%d entries in the text, %d in JSON", n, len(list))
	}
}

func TestHelpNamesEveryOption(t *testing.T) {
	out, help := runs(t, 0, "-help")
	if out != "" {
		t.Errorf("stdout %q", out)
	}
	for _, option := range []string{"-capture", "-write", "-fault", "-ageing", "-seed", "-j", "-ports", "-q", "-live", "-for", "hang:fdb"} {
		if !strings.Contains(help, option) {
			t.Errorf("%s is missing in\n%s", option, help)
		}
	}
}

// TestHelpFaultsAreUnderstood runs every example that -help gives.
func TestHelpFaultsAreUnderstood(t *testing.T) {
	n := 0
	for line := range strings.Lines(faultHelp) {
		if spec, _, found := strings.Cut(strings.TrimPrefix(line, "  "), "  "); found && strings.HasPrefix(line, "  ") {
			n++
			out, _ := runs(t, 0, "-q", "-fault", strings.TrimSpace(spec))
			if !strings.Contains(out, "unintended floods: 0\n") {
				t.Errorf("%s:\n%s", spec, out)
			}
		}
	}
	if n < 7 {
		t.Errorf("only %d examples", n)
	}
}

func TestBadArgumentsExitWith2(t *testing.T) {
	for _, args := range [][]string{
		{"-nonsense"}, {"-fault", "explode"}, {"-ports", "1"}, {"-ports", "70000"}, {"-ageing", "1ms"}, {"-ageing", "2562047h47m16.854775807s"}, {"stations.pcapng"},
		{"-live", "tap0"}, {"-live", "tap0,tap0"}, {"-live", "tap0,"}, {"-live", "tap0,tap1", "-ports", "4"},
		{"-live", "tap0,tap1", "-write", "x"}, {"-live", "tap0,tap1", "-capture", "x"}, {"-live", "tap0,tap1", "-for", "-1s"}, {"-for", "1s"},
	} {
		if out, errs := runs(t, 2, args...); out != "" || errs == "" {
			t.Errorf("%q: stdout %q, stderr %q", args, out, errs)
		}
	}
}

func TestFloodsAndErrorsExitWith1(t *testing.T) {
	for _, c := range []struct {
		floods int
		err    error
		want   int
	}{{0, nil, 0}, {1, nil, 1}, {0, io.EOF, 1}, {2, io.EOF, 1}} {
		var errs bytes.Buffer
		if got := status(c.floods, c.err, &errs); got != c.want || (errs.Len() > 0) != (c.err != nil) {
			t.Errorf("%d floods and %v: exit status %d, want %d, stderr %q", c.floods, c.err, got, c.want, &errs)
		}
	}
}

func TestProgressIsPlainLinesAwayFromATerminal(t *testing.T) {
	_, errs := runs(t, 0)
	if !strings.Contains(errs, "(100%)") || strings.ContainsAny(errs, "\r\x1b") {
		t.Errorf("progress %q", errs)
	}
	if _, errs := runs(t, 0, "-q"); errs != "" {
		t.Errorf("with -q: %q", errs)
	}
}
