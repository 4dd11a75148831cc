package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("LAB_PROGRAM") != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// call runs the program.
func call(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

func file(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const head = "# t\n$ lab bridge br0 ports p1 p2\n$ lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff\n"

func TestPromptAnswers(t *testing.T) {
	status, out, errs := call(t, "lab bridge br0 ports p1 p2\n# nothing\n\n  $ lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff\nlab nosuch\nquit\nlab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff\n")
	if status != 0 || errs != "" {
		t.Errorf("status %d, %q", status, errs)
	}
	first, rest, _ := strings.Cut(out, "\n")
	if first != "rx: br0 h2" || !strings.HasPrefix(rest, "? lab nosuch: ") || strings.Count(rest, "\n") != 1 {
		t.Errorf("printed %q", out)
	}
}

// TestInterruptLeavesThePrompt although it waits for a line.
func TestInterruptLeavesThePrompt(t *testing.T) {
	if runtime.GOARCH == "wasm" || runtime.GOOS == "windows" {
		t.Skip("no interrupts on " + runtime.GOOS)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "LAB_PROGRAM=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if _, err := in.Write([]byte("lab nosuch\n")); err != nil || !lines.Scan() {
		t.Errorf("no answer: %v", err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	for lines.Scan() { // to the end of the program
		t.Errorf("printed %q", lines.Text())
	}
	if err := cmd.Wait(); err == nil {
		t.Error("ended as if nothing had happened")
	}
}

func TestPromptHelps(t *testing.T) {
	_, all, _ := call(t, "help\n")
	_, one, _ := call(t, "help bridge fdb\n")
	for _, word := range []string{"bridge fdb", "ip link", "lab send", "lab hw"} {
		if !strings.Contains(all, word) {
			t.Errorf("help has nothing of %q:\n%s", word, all)
		}
	}
	if !strings.Contains(one, "flush") || strings.Contains(one, "lab send") {
		t.Errorf("help bridge fdb:\n%s", one)
	}
}

func TestPromptReportsABrokenInput(t *testing.T) {
	var out, errs bytes.Buffer
	broken := iotest.ErrReader(errors.New("broken"))
	if status := run(t.Context(), nil, broken, &out, &errs); status != 1 || !strings.Contains(errs.String(), "broken") {
		t.Errorf("status %d, %q", status, errs.String())
	}
}

func TestRunPrintsTheTranscriptAsItWent(t *testing.T) {
	dir := t.TempDir()
	a := file(t, dir, "a.txt", head+"rx: nobody\n")
	status, out, errs := call(t, "$ lab ports p1\n", "run", a, "-")
	if want := head + "rx: br0 h2\n\n$ lab ports p1\n"; status != 0 || out != want || errs != "" {
		t.Errorf("status %d, printed %q and %q, want %q", status, out, errs, want)
	}
	status, out, errs = call(t, "", "run", file(t, dir, "b.txt", head+"$ lab nosuch\n"))
	if status != 1 || out != head+"rx: br0 h2\n" || !strings.Contains(errs, "b.txt: line 4: lab nosuch: ") {
		t.Errorf("status %d, printed %q and %q", status, out, errs)
	}
	if status, out, errs = call(t, "", "run", filepath.Join(dir, "none.txt")); status != 1 || out != "" || !strings.Contains(errs, "none.txt") {
		t.Errorf("status %d, printed %q and %q", status, out, errs)
	}
}

func TestVerifySaysWhatDiffers(t *testing.T) {
	dir := t.TempDir()
	good := file(t, dir, "a/good.txt", head+"rx: br0 h2\n")
	bad := file(t, dir, "a/deep/bad.txt", head+"rx: br0\n")
	file(t, dir, "a/README.md", "no transcript")
	odd := file(t, dir, "b/odd", head+"rx: br0 h2\n$ lab nosuch\n")
	broken := file(t, dir, "b/broken.txt", "rx\n")
	blank := file(t, dir, "c/blank.txt", "# what was to be checked\n")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	in := func(path string) string { return filepath.Join(dir, filepath.FromSlash(path)) }
	for _, c := range []struct {
		paths  []string
		status int
		want   string
	}{
		{[]string{good}, 0, "0 deviations\n1 passed, 0 failed\n"},
		{[]string{in("a")}, 1, bad + ": line 3: $ lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff\n    - rx: br0\n    + rx: br0 h2\n0 deviations\n1 passed, 1 failed\n"},
		{[]string{good, odd}, 1, odd + ": line 5: lab nosuch: "},
		{[]string{in("b")}, 1, broken + ": line 1: "},
		{[]string{in("c")}, 1, blank + ": no command"},
		{[]string{good, good}, 0, "0 deviations\n2 passed, 0 failed\n"},
	} {
		status, out, errs := call(t, "", append([]string{"verify"}, c.paths...)...)
		if status != c.status || !strings.HasPrefix(out, c.want) || errs != "" {
			t.Errorf("verify %v: status %d, printed %q and %q, want %q", c.paths, status, out, errs, c.want)
		}
	}
	for _, path := range []string{"none", "empty"} {
		if status, out, errs := call(t, "", "verify", in(path)); status != 1 || out != "" || !strings.Contains(errs, path) {
			t.Errorf("verify %s: status %d, printed %q and %q", path, status, out, errs)
		}
	}
}

// TestVerifyTheRecordings: with the profile all of them pass; without it exactly those fail of
// which lab/testdata/fixed has another version.
func TestVerifyTheRecordings(t *testing.T) {
	const testdata = "../../lab/testdata/"
	status, out, _ := call(t, "", "verify", testdata+"linux-6.1")
	if status != 0 || !strings.HasSuffix(out, "\n66 passed, 0 failed\n") {
		t.Errorf("status %d, printed\n%s", status, out)
	}
	status, out, _ = call(t, "", "verify", testdata+"linux-6.1", "-fixed")
	failed := map[string]bool{}
	for line := range strings.Lines(out) {
		if name, _, ok := strings.Cut(line, ".txt: "); ok {
			failed[filepath.ToSlash(name)] = true
		}
	}
	fixed, err := filepath.Glob(testdata + "fixed/*/*.txt")
	if err != nil || status != 1 || len(fixed) == 0 {
		t.Fatalf("%d fixed transcripts, %v, status %d", len(fixed), err, status)
	}
	for _, f := range fixed {
		name := strings.TrimSuffix(strings.Replace(filepath.ToSlash(f), "/fixed/", "/linux-6.1/", 1), ".txt")
		if !failed[name] {
			t.Errorf("%s has a fixed version, but passes without quirks", name)
		}
		delete(failed, name)
	}
	for name := range failed {
		t.Errorf("%s fails without quirks, but has no fixed version", name)
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if status := run(ctx, []string{"verify", "../../lab/testdata/linux-6.1"}, nil, &out, &errs); status != 1 || out.Len() > 0 {
		t.Errorf("status %d, printed %q and %q", status, out.String(), errs.String())
	}
}

func TestArgumentsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run"}, "run needs a file"},
		{[]string{"verify"}, "verify needs a path"},
		{[]string{"dance"}, `"dance" is no command`},
		{[]string{"-nosuch"}, "not defined: -nosuch"},
		{[]string{"-quirks", "Nosuch"}, `unknown quirk "Nosuch"`},
		{[]string{"-fixed", "-quirks", "Rocker"}, "-fixed and -quirks contradict each other"},
	} {
		status, out, errs := call(t, "", c.args...)
		if status != 2 || out != "" || !strings.Contains(errs, c.want) || !strings.Contains(errs, "usage: lab") {
			t.Errorf("%v: status %d, printed %q and %q", c.args, status, out, errs)
		}
	}
	if status, _, errs := call(t, "", "-h"); status != 0 || !strings.Contains(errs, "-fixed") {
		t.Errorf("-h: status %d, %q", status, errs)
	}
}

func TestFlagsChooseTheKernel(t *testing.T) {
	const script = "lab bridge br0 ports p1\nbridge vlan del vid 1 dev br0 self\nlab events fdb\nbridge fdb add 02:bb:00:00:00:01 dev br0 self\nlab events fdb\n"
	for _, c := range []struct {
		args  []string
		lines int
	}{{nil, 2}, {[]string{"-fixed"}, 1}, {[]string{"-quirks", "linux-6.1"}, 2}, {[]string{"-quirks", "Rocker"}, 1}, {[]string{"-quirks=SelfEcho"}, 2}} {
		if _, out, _ := call(t, script, c.args...); strings.Count(out, "\n") != c.lines {
			t.Errorf("%v: %d events, want %d:\n%s", c.args, strings.Count(out, "\n"), c.lines, out)
		}
	}
}

// TestReadme: the session there is what happens.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```\n")
	session, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("no session in README.md")
	}
	if status, out, errs := call(t, "", "verify", file(t, t.TempDir(), "session.txt", session)); status != 0 {
		t.Errorf("%s%s", out, errs)
	}
}
