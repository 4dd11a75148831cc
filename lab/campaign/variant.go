package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// The broken variants: one file each, see variants/README.
//
//go:embed variants
var variantFiles embed.FS

// variant is a deliberate bug.
type variant struct {
	name   string
	breaks string // the invariant, as it is expected
	about  string
	hours  string
	seeds  string
	world  world
	edits  []edit
}

// edit replaces old, which the file has exactly once.
type edit struct{ file, old, new string }

// readVariants returns the variants, by name.
func readVariants() (vs []variant, err error) {
	files, err := fs.Glob(variantFiles, "variants/*.txt")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := fs.ReadFile(variantFiles, f)
		if err != nil {
			return nil, err
		}
		v, err := parseVariant(strings.ReplaceAll(string(text), "\r\n", "\n"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		v.name = strings.TrimSuffix(filepath.Base(f), ".txt")
		vs = append(vs, v)
	}
	return vs, nil
}

func parseVariant(text string) (v variant, err error) {
	head, rest, ok := strings.Cut(text, "\nfile: ")
	if !ok {
		return v, errors.New("no file")
	}
	v.hours, v.seeds, v.world = "0.5", "400", tableWorld
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "breaks":
			v.breaks = value
		case "about":
			v.about = value
		case "hours":
			v.hours = value
		case "seeds":
			v.seeds = value
		case "world":
			err = v.world.UnmarshalText([]byte(value))
		default:
			return v, fmt.Errorf("what is %q", name)
		}
	}
	if err != nil {
		return v, err
	}
	if v.breaks == "" || v.about == "" {
		return v, errors.New("no breaks or no about")
	}
	for part := range strings.SplitSeq(rest, "\nfile: ") {
		file, body, ok1 := strings.Cut(part, "\n--- old\n")
		old, repl, ok2 := strings.Cut(body, "\n--- new\n")
		repl, _, ok3 := strings.Cut("\n"+repl, "\n--- end")
		if !ok1 || !ok2 || !ok3 || old == "" {
			return v, fmt.Errorf("bad edit of %q", file)
		}
		v.edits = append(v.edits, edit{strings.TrimSpace(file), old, strings.TrimPrefix(repl, "\n")})
	}
	return v, nil
}

// apply returns the edited files, by their paths from the root of the module.
func (v variant) apply(root string) (map[string]string, error) {
	files := make(map[string]string)
	for _, e := range v.edits {
		text, ok := files[e.file]
		if !ok {
			raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.file)))
			if err != nil {
				return nil, fmt.Errorf("stale: %w", err)
			}
			text = strings.ReplaceAll(string(raw), "\r\n", "\n")
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("stale: %s: %d places match %q", e.file, n, e.old)
		}
		files[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return files, nil
}

// build makes a campaign with the bug in it.
func (v variant) build(root, dir string) (binary string, err error) {
	files, err := v.apply(root)
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	for file, text := range files {
		to := filepath.Join(dir, strconv.Itoa(len(replace))+".go")
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(file))] = to
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "campaign.exe")
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./lab/campaign")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("does not build: %w\n%s", err, out)
	}
	return binary, nil
}

// caught runs seeds until some break an invariant, and returns what the first of
// them says that the code as it is gets right; "" if there is none.
func (v variant) caught(ctx context.Context, root, dir string) (string, error) {
	binary, err := v.build(root, dir)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, binary, "-world", worldNames[v.world], "-seeds", v.seeds, "-hours", v.hours, "-shrink", "0", "-most", "4", "-hang", "20s")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return "", nil
	}
	found := false
	for line := range strings.Lines(string(out)) {
		number, ok := strings.CutPrefix(line, "seed ")
		if !ok {
			continue
		}
		found = true
		if v.innocent(number) {
			return strings.TrimSpace(line), nil
		}
	}
	if found {
		return "", nil // the code as it is does the same
	}
	return "", fmt.Errorf("failed in an unexpected way: %w\n%s", err, out)
}

// innocent reports whether the code as it is gets a seed right.
func (v variant) innocent(line string) bool {
	end := strings.IndexAny(line, ":,")
	if end < 0 {
		return false
	}
	seed, err := strconv.ParseUint(line[:end], 10, 64)
	hours, err2 := strconv.ParseFloat(v.hours, 64)
	return err == nil && err2 == nil && v.world.of(seed).run(seed, sim.Options{Hours: hours}).violation == nil
}

// runVariants runs all variants, or the one that was named.
func (c *command) runVariants(errs io.Writer) int {
	vs, err := readVariants()
	if err == nil && c.variant != "" {
		vs, err = only(vs, c.variant)
	}
	root := ""
	if err == nil {
		root, err = moduleRoot()
	}
	if err != nil {
		fmt.Fprintln(errs, "campaign:", err)
		return 2
	}
	n := 0
	for _, v := range vs {
		what, err := v.try(root)
		switch {
		case err != nil:
			fmt.Fprintf(c.out, "%-28s FAILED: %v\n", v.name, err)
		case what == "":
			fmt.Fprintf(c.out, "%-28s NOT CAUGHT: %s (breaks %s)\n", v.name, v.about, v.breaks)
		default:
			n++
			fmt.Fprintf(c.out, "%-28s caught: %s\n", v.name, what)
		}
	}
	fmt.Fprintf(c.out, "caught %d/%d\n", n, len(vs))
	if n < len(vs) {
		return 1
	}
	return 0
}

// variantTime bounds one variant.
const variantTime = 5 * time.Minute

func (v variant) try(root string) (string, error) {
	dir, err := os.MkdirTemp("", "campaign-variant-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), variantTime)
	defer cancel()
	return v.caught(ctx, root, dir)
}

func only(vs []variant, name string) ([]variant, error) {
	for _, v := range vs {
		if v.name == name {
			return []variant{v}, nil
		}
	}
	return nil, fmt.Errorf("no variant %q", name)
}

// moduleRoot returns the directory of the module that the command is run in.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("the go command: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if filepath.Base(mod) != "go.mod" {
		return "", errors.New("not in the module")
	}
	return filepath.Dir(mod), nil
}
