package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/switchcore/switchcore/lab"
)

// tally is what verify has seen.
type tally struct {
	passed, failed, deviations int
}

// verify executes transcripts, each on a machine of its own, and prints every difference. The last
// lines are the sums.
func verify(ctx context.Context, opt options, paths []string, stdout io.Writer) error {
	known, err := deviations(lab.Config{Quirks: opt.quirks})
	if err != nil {
		return err
	}
	files, err := find(paths)
	if err != nil {
		return err
	}
	var sum tally
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		problems, deviates := check(ctx, opt, file, known)
		for _, p := range problems {
			fmt.Fprintf(stdout, "%s: %s\n", file, p)
		}
		if deviates {
			sum.deviations++
		}
		if problems != nil {
			sum.failed++
		} else {
			sum.passed++
		}
	}
	fmt.Fprintf(stdout, "%d deviations\n%d passed, %d failed\n", sum.deviations, sum.passed, sum.failed)
	if sum.failed > 0 {
		return errFailed
	}
	return nil
}

// deviations are the recordings that are not followed, by AREA/NAME. Without the quirks of the recorded
// kernel nothing is.
func deviations(cfg lab.Config) (map[string]lab.Deviation, error) {
	known := map[string]lab.Deviation{}
	if cfg.Quirks != lab.Linux61 {
		return known, nil
	}
	list, err := lab.Deviations()
	for _, d := range list {
		known[d.Area+"/"+d.Name] = d
	}
	return known, err
}

// find returns the files, and the files *.txt below the folders. There has to be one.
func find(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && (file == path || filepath.Ext(file) == ".txt") {
				files = append(files, file)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no transcript (*.txt) in %s", strings.Join(paths, ", "))
	}
	return files, nil
}

// check executes one transcript and says what is wrong, and whether it is one that is not followed.
func check(ctx context.Context, opt options, file string, known map[string]lab.Deviation) (problems []string, deviates bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return []string{err.Error()}, false
	}
	want, err := lab.Parse(bytes.NewReader(text))
	if err != nil {
		return []string{err.Error()}, false
	}
	if len(want.Steps) == 0 {
		return []string{"no command, so nothing is checked"}, false
	}
	cfg, err := opt.config(want)
	if err != nil {
		return []string{err.Error()}, false
	}
	if d, ok := known[recording(file)]; ok && sameCommands(d.Transcript, want) {
		deviates = true
		if lab.Diff(d.Transcript, want) == nil {
			problems = append(problems, "is recorded as a deviation, but does not deviate any more")
		}
		want = d.Transcript
	}
	diffs, _, err := lab.Verify(ctx, cfg, want)
	for _, d := range diffs {
		problems = append(problems, d.String())
	}
	if err != nil {
		problems = append(problems, err.Error())
	}
	return problems, deviates
}

// recording is the AREA/NAME of a file.
func recording(file string) string {
	abs, err := filepath.Abs(file)
	if err != nil {
		abs = file
	}
	return filepath.Base(filepath.Dir(abs)) + "/" + strings.TrimSuffix(filepath.Base(abs), ".txt")
}

// sameCommands reports whether one transcript can stand for the other.
func sameCommands(a, b *lab.Transcript) bool {
	if len(a.Steps) != len(b.Steps) {
		return false
	}
	for i := range a.Steps {
		if a.Steps[i].Command != b.Steps[i].Command {
			return false
		}
	}
	return true
}
