//go:build explore

package overlay

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var variants = flag.String("explore.variants", "*", "the broken variants to run")

// variant is a way to break the protocol: text to replace in the sources.
type variant struct {
	about, program string
	edits          []edit
}

type edit struct{ file, old, new string }

func readVariant(t *testing.T, path string) (v variant) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var into *string
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case strings.HasPrefix(line, "about: "):
			v.about = rest
		case strings.HasPrefix(line, "program: "):
			v.program = rest
		case word == "file":
			v.edits, into = append(v.edits, edit{file: rest}), nil
		case line == "--- old\n":
			into = &v.edits[len(v.edits)-1].old
		case line == "--- new\n":
			into = &v.edits[len(v.edits)-1].new
		case line == "--- end\n":
			into = nil
		case into != nil:
			*into += line
		}
	}
	return v
}

// overlayOf writes the broken sources and the file that tells the go command of
// them. What a variant replaces must be there exactly once, so that none outlives
// the code that it breaks.
func (v variant) overlayOf(t *testing.T) string {
	dir, sources := t.TempDir(), map[string]string{}
	for _, e := range v.edits {
		path, err := filepath.Abs(e.file)
		if err != nil {
			t.Fatal(err)
		}
		text, ok := sources[path]
		if !ok {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		old, text2 := strings.TrimSuffix(e.old, "\n"), text
		if n := strings.Count(text2, old); n != 1 || old == "" {
			t.Fatalf("%s: %d places to break, want 1", e.file, n)
		}
		sources[path] = strings.Replace(text2, old, strings.TrimSuffix(e.new, "\n"), 1)
	}
	replace := map[string]string{}
	for path, text := range sources {
		broken := filepath.Join(dir, filepath.Base(path))
		replace[path] = broken
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestVariantsAreCaught breaks the shipped code in every known wrong way; the
// explorer must object to each.
func TestVariantsAreCaught(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "variants", *variants+".txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no variants: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			v := readVariant(t, file)
			args := []string{"test", "-tags", "explore", "-vet=off", "-overlay", v.overlayOf(t), "-run", "^TestEveryInterleaving$",
				".", "-explore.schedules", "100000"}
			if v.program != "" {
				args = append(args, "-explore.only", v.program)
			}
			out, err := exec.Command("go", args...).CombinedOutput()
			switch {
			case err == nil:
				t.Errorf("not caught: %s", v.about)
			case !strings.Contains(string(out), "schedule "):
				t.Errorf("%s: %s", v.about, out)
			default:
				line, _, _ := strings.Cut(string(out[strings.Index(string(out), "explore_test.go"):]), "\n")
				t.Logf("%s: %s", v.about, line)
			}
		})
	}
}
