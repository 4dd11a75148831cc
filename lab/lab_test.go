package lab

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

func newLab(t testing.TB, cfg Config) *Lab {
	t.Helper()
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// do executes a command that must work.
func do(t testing.TB, l *Lab, command string) string {
	t.Helper()
	out, err := l.Exec(t.Context(), command)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExecPrintsWhatTheToolPrints(t *testing.T) {
	l := newLab(t, Config{})
	for _, c := range [][2]string{
		{"lab bridge br0 ports p1 p2", ""},
		{"lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff count 2", "rx: br0*2 h2*2\n"},
		{"bridge fdb add 02:aa:00:00:00:01 dev nosuch master", "! Cannot find device \"nosuch\"\n"},
		{"bridge fdb add 02:aa:00:00:00:01 dev h1 master", "! RTNETLINK answers: Operation not supported\n"},
		{"bridge -j fdb show br br0 dynamic", `{"mac":"02:dd:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":""}` + "\n"},
	} {
		if got := do(t, l, c[0]); got != c[1] {
			t.Errorf("%s: %q, want %q", c[0], got, c[1])
		}
	}
}

// TestExecRefusesWhatIsNotInTheLanguage: the error says which word, and nothing has changed.
func TestExecRefusesWhatIsNotInTheLanguage(t *testing.T) {
	l := newLab(t, Config{})
	do(t, l, "lab bridge br0 ports p1 p2")
	before := do(t, l, "bridge -j fdb show br br0")
	for _, line := range []string{
		"rm -rf /", "bridge mdb show", "bridge fdb frobnicate 02:aa:00:00:00:01 dev p1", "ip route", "lab send h1",
		"lab wait soon", "lab bridge", "lab nosuch", `bridge fdb add "02:aa:00:00:00:01`,
	} {
		out, err := l.Exec(t.Context(), line)
		var ce *CommandError
		if out != "" || !errors.As(err, &ce) || !errors.Is(err, errors.ErrUnsupported) || ce.Command != line || ce.Reason == "" {
			t.Errorf("%q: %q, %v, want a CommandError that is ErrUnsupported", line, out, err)
		}
	}
	if after := do(t, l, "bridge -j fdb show br br0"); after != before {
		t.Errorf("refused commands changed\n%sto\n%s", before, after)
	}
}

// TestErrorsAreOneLine whatever somebody pastes.
func TestErrorsAreOneLine(t *testing.T) {
	l := newLab(t, Config{})
	for line, want := range map[string]string{
		"lab ports p1\nlab ports p2": `"lab ports p1\nlab ports p2": not a line of text`,
		"bridge\x00":                 `"bridge\x00": not a line of text`,
		strings.Repeat("x", 1000):    strings.Repeat("x", 200) + `...: "` + strings.Repeat("x", 200) + `...": not in the lab, which has bridge, ip, lab`,
	} {
		if _, err := l.Exec(t.Context(), line); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %v", line, err, want)
		}
	}
}

func TestRunStopsAtWhatItCannotDo(t *testing.T) {
	l := newLab(t, Config{})
	got, err := l.Run(t.Context(), strings.NewReader("# t\n$ lab ports p1\n\n$ lab nosuch\n$ lab ports p2\n"))
	var ce *CommandError
	if !errors.As(err, &ce) || ce.Line != 4 || !strings.HasPrefix(err.Error(), "line 4: lab nosuch: ") {
		t.Errorf("error %v", err)
	}
	if got == nil || len(got.Steps) != 1 || got.Title != "t" {
		t.Errorf("got %+v", got)
	}
	if got, err := l.Run(t.Context(), strings.NewReader("output\n")); got != nil || err == nil {
		t.Errorf("a file that is no transcript: %v, %v", got, err)
	}
}

func TestRunPutsInWhatWasPrinted(t *testing.T) {
	l := newLab(t, Config{})
	got, err := l.Run(t.Context(), strings.NewReader("# t\n\n$ lab bridge br0 ports p1 p2\nnonsense\n# comment\n$ lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "# t\n\n$ lab bridge br0 ports p1 p2\n# comment\n$ lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff\nrx: br0 h2\n"; got.String() != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClosedLabAnswersSo(t *testing.T) {
	l, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	do(t, l, "lab switch br0 ports s1 s2 p5")
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Exec(t.Context(), "lab ports p1"); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

func TestExecObeysItsContext(t *testing.T) {
	l := newLab(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Exec(ctx, "lab ports p1"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	if out := do(t, l, "bridge fdb add 02:aa:00:00:00:01 dev p1"); !strings.HasPrefix(out, "! Cannot find device") {
		t.Errorf("the command was executed: %s", out)
	}
}

func TestCommandsTakeTurns(t *testing.T) {
	l := newLab(t, Config{})
	do(t, l, "lab bridge br0 ports p1 p2")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				do(t, l, "lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff")
				do(t, l, "bridge -j fdb show br br0")
			}
		})
	}
	wg.Wait()
}

func TestHelpKnowsTheCommands(t *testing.T) {
	l := newLab(t, Config{})
	all := strings.Join(l.Help(), "\n")
	for _, word := range []string{"bridge fdb", "bridge vlan", "bridge link", "ip link", "lab send", "lab bridge", "lab wait", "lab events"} {
		if !strings.Contains(all, word) {
			t.Errorf("help has nothing of %q", word)
		}
	}
	if one := l.Help("bridge", "fdb"); len(one) == 0 || !strings.Contains(strings.Join(one, "\n"), "flush") {
		t.Errorf("help of bridge fdb: %q", one)
	}
}

// TestGoldenProbe is no test by itself: TestGoldenTest runs it in a process of its own.
func TestGoldenProbe(t *testing.T) {
	glob := os.Getenv("LAB_GOLDEN_PROBE")
	if glob == "" {
		t.Skip("only for TestGoldenTest")
	}
	Test(t, glob)
}

func TestGoldenTest(t *testing.T) {
	if runtime.GOARCH == "wasm" {
		t.Skip("no processes on " + runtime.GOARCH)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const head = "# t\n$ lab bridge br0 ports p1 p2\n$ lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff\n"
	write("a/good.txt", head+"rx: br0 h2\n")
	bad := write("b/bad.txt", head+"rx: br0\n")
	write("c/broken.txt", "rx: br0\n")
	write("e/empty.txt", "") // checks nothing, as a pattern that matches nothing
	write("e/title.txt", "# what was to be checked\n")
	write("d/foreign.txt", head+"rx: br0\n$ lab nosuch\n")
	probe := func(glob string, args ...string) (string, bool) {
		cmd := exec.Command(self, append([]string{"-test.run=^TestGoldenProbe$", "-test.v"}, args...)...)
		cmd.Env = append(os.Environ(), "LAB_GOLDEN_PROBE="+filepath.Join(dir, filepath.FromSlash(glob)))
		out, err := cmd.CombinedOutput()
		return string(out), err == nil
	}
	for _, c := range []struct {
		glob string
		ok   bool
		want []string
	}{
		{"a/*.txt", true, []string{"TestGoldenProbe/good "}},
		{"*/good.txt", true, []string{"TestGoldenProbe/a/good "}},
		{"b/*.txt", false, []string{"TestGoldenProbe/bad ", "bad.txt: line 3: $ lab send h1", "    - rx: br0\n", "    + rx: br0 h2\n"}},
		{"c/*.txt", false, []string{"broken.txt: line 1: "}},
		{"d/*.txt", false, []string{"    + rx: br0 h2\n", "foreign.txt: line 5: lab nosuch: "}},
		{"none/*.txt", false, []string{"no file matches"}},
		{"e/*.txt", false, []string{"empty.txt: no command", "title.txt: no command"}},
		{"[", false, []string{"syntax error in pattern"}},
	} {
		out, ok := probe(c.glob)
		for _, want := range c.want {
			if ok != c.ok || !strings.Contains(out, want) {
				t.Errorf("%s: ok %v, want %v with %q:\n%s", c.glob, ok, c.ok, want, out)
			}
		}
	}
	if out, ok := probe("b/*.txt", "-update"); !ok || !strings.Contains(out, "rewritten") {
		t.Errorf("-update: %s", out)
	}
	if out, ok := probe("b/*.txt"); !ok {
		t.Errorf("after -update: %s", out)
	}
	if text, err := os.ReadFile(bad); err != nil || string(text) != head+"rx: br0 h2\n" {
		t.Errorf("-update wrote %q, %v", text, err)
	}
}
