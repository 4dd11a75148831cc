package lab

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	recordedDir = "testdata/linux-6.1"
	fixedDir    = "testdata/fixed"
	ownDir      = "testdata/own"
)

// recordings are the recordings by AREA/NAME.
func recordings(t *testing.T) map[string]*Transcript {
	t.Helper()
	return transcripts(t, recordedDir, "*/*.txt")
}

func transcripts(t *testing.T, dir, pattern string) map[string]*Transcript {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*Transcript{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.ToSlash(rel), ".txt")] = parse(t, string(text))
	}
	return all
}

// deviating are the deviations by AREA/NAME.
func deviating(t *testing.T) map[string]*Transcript {
	t.Helper()
	list, err := Deviations()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*Transcript{}
	for _, d := range list {
		all[d.Area+"/"+d.Name] = d.Transcript
	}
	return all
}

// TestRecordingsReplay: what Linux 6.1 printed is what the lab prints with the quirks of
// that kernel, byte for byte, but for the deviations.
func TestRecordingsReplay(t *testing.T) {
	all, deviations := recordings(t), deviating(t)
	if len(all) != 66 {
		t.Fatalf("%d recordings, want 66", len(all))
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			want := all[name]
			if d := deviations[name]; d != nil {
				if Diff(want, d) == nil {
					t.Error("the deviation does not deviate: remove it")
				}
				want = d
			}
			diffs, _, err := Verify(t.Context(), Config{Quirks: Linux61}, want)
			if err != nil {
				t.Error(err)
			}
			for _, d := range diffs {
				t.Error(d)
			}
		})
	}
	for name := range deviations {
		if all[name] == nil {
			t.Errorf("there is a deviation of %s, but no such recording", name)
		}
	}
}

// TestFixedModeDiffersWhereItSays: without quirks a recording replays as it is, unless
// testdata/fixed has what the lab prints in its place, and then exactly that.
func TestFixedModeDiffersWhereItSays(t *testing.T) {
	all, fixed := recordings(t), transcripts(t, fixedDir, "*/*.txt")
	for name := range fixed {
		if all[name] == nil {
			t.Errorf("%s is fixed, but was not recorded", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) { checkFixed(t, name, all[name], fixed[name]) })
	}
}

func checkFixed(t *testing.T, name string, recorded, fixed *Transcript) {
	want := recorded
	if fixed != nil {
		want = fixed
		if Diff(recorded, fixed) == nil {
			t.Error("the fixed transcript is the recorded one: remove it")
		}
	}
	diffs, got, err := Verify(t.Context(), Config{}, want)
	if err != nil {
		t.Fatal(err)
	}
	if updating() && len(diffs) > 0 {
		updateFixed(t, name, recorded, got)
		return
	}
	for _, d := range diffs {
		t.Error(d)
	}
}

// updateFixed makes testdata/fixed say what the lab prints.
func updateFixed(t *testing.T, name string, recorded, got *Transcript) {
	file := filepath.Join(fixedDir, filepath.FromSlash(name)+".txt")
	if Diff(recorded, got) == nil {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		return
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	// Title and notes say what the kernel does: they do not go along.
	text := *got
	text.Title, text.Notes = name+" without quirks", nil
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Error(err)
	}
}

// TestOwnTranscripts: other orders of the same commands. What stands in them was
// derived from the kernel's rules, and where a running kernel has the means it was held
// against one.
func TestOwnTranscripts(t *testing.T) {
	Test(t, ownDir+"/*.txt", Config{Quirks: Linux61})
}

// TestEveryQuirkShows: each quirk is what makes at least one transcript come out right.
func TestEveryQuirkShows(t *testing.T) {
	all := recordings(t)
	maps.Copy(all, ownOfLinux(t))
	for i, name := range quirkNames() {
		t.Run(name, func(t *testing.T) {
			var shows []string
			for _, file := range slices.Sorted(maps.Keys(all)) {
				diffs, _, err := Verify(t.Context(), Config{Quirks: Linux61 &^ (1 << i)}, all[file])
				if err != nil || len(diffs) > 0 {
					shows = append(shows, file)
				}
			}
			if len(shows) == 0 {
				t.Error("no transcript shows it")
			}
			t.Logf("%v shows in %s", Quirks(1<<i), strings.Join(shows, " "))
		})
	}
}

// TestReplayIsRepeatable: nothing of one lab shows in another, and nothing is left to chance.
func TestReplayIsRepeatable(t *testing.T) {
	all := recordings(t)
	for _, name := range []string{"fdb/042-ageing-kinds", "fdb/068-topology-change", "offload/016-mixed-ports"} {
		var first *Transcript
		for range 5 {
			_, got, err := Verify(t.Context(), Config{Quirks: Linux61}, all[name])
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = got
			}
			for _, d := range Diff(first, got) {
				t.Error(d)
			}
		}
	}
}
