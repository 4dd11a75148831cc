package lab

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// Verify executes a transcript in a lab of its own, which it ends, and compares what
// was printed with what stands there. It returns the differences, none if all is as
// wanted, and the transcript with the outputs of the lab. The error is that of [New], of
// [Lab.Replay] or of [Lab.Close]; differences found until then come with it.
func Verify(ctx context.Context, cfg Config, want *Transcript) (diffs []Difference, got *Transcript, err error) {
	l, err := New(cfg)
	if err != nil {
		return nil, nil, err
	}
	got, err = l.Replay(ctx, want)
	if closing := l.Close(); err == nil {
		err = closing
	}
	done := *want
	if err != nil {
		done.Steps = done.Steps[:min(len(done.Steps), len(got.Steps))]
	}
	return Diff(&done, got), got, err
}

// Test is a golden test: every file that matches glob (see package filepath) is a
// transcript, is executed in a lab of its own with the configuration, and has to print
// what stands in it. Each file is a subtest, named by its path from where the pattern
// begins to vary, without ".txt". A pattern that matches nothing fails, and so does a
// file without a command. Of cfg one may be given, none is the zero configuration; a file
// that names its quirks has those, see [Transcript.Quirks].
//
// If the test binary has a boolean flag "update" that is set, files that differ are
// rewritten in place of being complained about. Declare it in a test file:
//
//	var _ = flag.Bool("update", false, "rewrite the transcripts in testdata")
//
// Test must be called from the test's own goroutine.
func Test(t *testing.T, glob string, cfg ...Config) {
	t.Helper()
	if len(cfg) > 1 {
		t.Fatalf("lab.Test: %d configurations, want at most one", len(cfg))
	}
	files, err := filepath.Glob(glob)
	if err != nil {
		t.Fatalf("lab.Test: %s: %v", glob, err)
	}
	if len(files) == 0 {
		t.Fatalf("lab.Test: no file matches %s", glob)
	}
	for _, file := range files {
		t.Run(subtest(glob, file), func(t *testing.T) {
			t.Helper()
			one := Config{}
			if len(cfg) == 1 {
				one = cfg[0]
			}
			golden(t, file, one)
		})
	}
}

// subtest names a file: what of its path the pattern does not spell out.
func subtest(glob, file string) string {
	glob, file = filepath.ToSlash(glob), filepath.ToSlash(file)
	fixed := glob
	if i := strings.IndexAny(glob, `*?[\`); i >= 0 {
		fixed = glob[:i]
	}
	dir, _ := path.Split(fixed)
	return strings.TrimSuffix(strings.TrimPrefix(file, dir), ".txt")
}

func golden(t *testing.T, file string, cfg Config) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(want.Steps) == 0 {
		t.Fatalf("%s: no command, so nothing is checked", file)
	}
	if cfg, err = cfg.as(want); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	diffs, got, err := Verify(t.Context(), cfg, want)
	switch {
	case err != nil:
		t.Errorf("%s: %v", file, err)
	case len(diffs) > 0 && updating():
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Error(err)
		}
		t.Logf("%s: rewritten", file)
		return
	}
	for _, d := range diffs {
		t.Errorf("%s: %v", file, d)
	}
}

// updating reports whether the test binary has a flag for it that is set.
func updating() bool {
	f := flag.Lookup("update")
	if f == nil {
		return false
	}
	get, ok := f.Value.(flag.Getter)
	if !ok {
		return false
	}
	on, ok := get.Get().(bool)
	return ok && on
}
