package fdb

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A variant is a broken pipeline: one of the obvious ways that the commit rules
// forbid, or a bug that was once there. testdata/variants has one per file, as
// replacements of source text. Each must be what the explorer catches.
type variant struct {
	name  string
	about string
	edits []edit
}

// edit replaces old, which the file has exactly once.
type edit struct{ file, old, new string }

const moduleRoot = ".."

func readVariants(t *testing.T) []variant {
	t.Helper()
	pattern := "testdata/variants/*.txt"
	if strings.Contains(os.Getenv("PIPELINE"), "long") {
		pattern = "testdata/variants/long/*.txt" // which take many minutes each
	}
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no variants: %v", err)
	}
	var vs []variant
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		v, err := parseVariant(strings.ReplaceAll(string(text), "\r\n", "\n"))
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		v.name = strings.TrimSuffix(filepath.Base(f), ".txt")
		vs = append(vs, v)
	}
	return vs
}

func parseVariant(text string) (v variant, err error) {
	head, rest, ok := strings.Cut(text, "\nfile: ")
	if !ok {
		return v, fmt.Errorf("no file")
	}
	_, about, ok := strings.Cut(head, "\nabout: ")
	if !ok || !strings.HasPrefix(head, "rule: ") {
		return v, fmt.Errorf("no rule, or not what it is about")
	}
	rule, _, _ := strings.Cut(strings.TrimPrefix(head, "rule: "), "\n")
	v.about = "rule " + rule + ": " + about
	for part := range strings.SplitSeq(rest, "\nfile: ") {
		file, body, ok1 := strings.Cut(part, "\n--- old\n")
		old, repl, ok2 := strings.Cut(body, "\n--- new\n")
		repl, _, ok3 := strings.Cut(repl, "\n--- end")
		if !ok1 || !ok2 || !ok3 || old == "" {
			return v, fmt.Errorf("bad edit of %q", file)
		}
		v.edits = append(v.edits, edit{file, old, repl})
	}
	return v, nil
}

// apply returns the edited files by their paths from the module's root.
func (v variant) apply() (map[string]string, error) {
	files := make(map[string]string)
	for _, e := range v.edits {
		text, ok := files[e.file]
		if !ok {
			raw, err := os.ReadFile(filepath.Join(moduleRoot, filepath.FromSlash(e.file)))
			if err != nil {
				return nil, err
			}
			text = strings.ReplaceAll(string(raw), "\r\n", "\n")
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("%s: %d places match %q", e.file, n, e.old)
		}
		files[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return files, nil
}

// write puts the edited files into dir, and returns the overlay that builds
// with them, and with no tests but the explorer.
func (v variant) write(dir string) (string, error) {
	files, err := v.apply()
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	n := 0
	for file, text := range files {
		n++
		to := filepath.Join(dir, fmt.Sprintf("%d.go", n))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		from, err := filepath.Abs(filepath.Join(moduleRoot, filepath.FromSlash(file)))
		if err != nil {
			return "", err
		}
		replace[from] = to
	}
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		return "", err
	}
	for _, f := range tests {
		if f == "main_test.go" || strings.HasPrefix(f, "pipeline_") && f != "pipeline_variants_test.go" {
			continue
		}
		from, err := filepath.Abs(f)
		if err != nil {
			return "", err
		}
		replace[from] = ""
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// explored runs the explorer on the variant and returns what it says first, ""
// if nothing.
func (v variant) explored(dir string) (string, error) {
	overlay, err := v.write(dir)
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "test", "-vet=off", "-count=1", "-timeout=20m", "-overlay", overlay, "-run", "^TestPipelineKeepsTheRules$", ".")
	cmd.Env = append(os.Environ(), "PIPELINE=full,stop")
	out, err := cmd.CombinedOutput()
	text := string(out)
	switch {
	case err == nil || strings.Contains(text, "panic: test timed out"):
		return "", nil
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		return "", fmt.Errorf("does not build:\n%s", text)
	}
	for line := range strings.Lines(text) {
		if _, what, ok := strings.Cut(line, ": program "); ok {
			return strings.TrimSpace(what), nil
		}
	}
	return "", fmt.Errorf("failed in an unexpected way:\n%s", text)
}

// innocent reports whether the code as it is keeps the rules in the program in
// which a variant was caught.
func innocent(what string) error {
	number, _, _ := strings.Cut(what, ":")
	i, err := strconv.Atoi(number)
	if ps := allPrograms(); err == nil && i < len(ps) {
		if v := newExplorer().run(ps[i]); v != nil {
			return fmt.Errorf("so is the code as it is: %v", v)
		}
		return nil
	}
	return fmt.Errorf("no program %q", number)
}

func TestVariantsMatchTheCode(t *testing.T) {
	for _, v := range readVariants(t) {
		if _, err := v.apply(); err != nil {
			t.Errorf("%s: %v", v.name, err)
		}
	}
}

// TestExplorerCatchesEveryVariant takes minutes, and runs with
// PIPELINE=variants; after a colon it takes a part of the names to run, and
// some-variants is every third.
func TestExplorerCatchesEveryVariant(t *testing.T) {
	mode, only, _ := strings.Cut(os.Getenv("PIPELINE"), ":")
	mode, every := strings.TrimPrefix(mode, "long-"), 1
	if mode == "some-variants" {
		mode, every = "variants", 3
	}
	if mode != "variants" {
		t.Skip("run with PIPELINE=variants")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		slots  = make(chan struct{}, 2)
		caught int
		all    int
	)
	for i, v := range readVariants(t) {
		if !strings.Contains(v.name, only) || i%every != 0 {
			continue
		}
		all++
		dir := t.TempDir()
		wg.Go(func() {
			slots <- struct{}{}
			what, err := v.explored(dir)
			if what != "" {
				err = innocent(what)
			}
			<-slots
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Errorf("%s: %v", v.name, err)
			case what == "":
				t.Errorf("%s (%s): not caught", v.name, v.about)
			default:
				caught++
				t.Logf("%s (%s): caught: %s", v.name, v.about, what)
			}
		})
	}
	wg.Wait()
	t.Logf("caught %d/%d", caught, all)
}
