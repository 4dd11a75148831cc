package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// testHours is how long the seeds of the tests are.
const testHours = "0.2"

func campaigned(args ...string) (text string, status int) {
	var out bytes.Buffer
	status = run(args, &out, &out)
	return out.String(), status
}

// TestSeedsKeepTheInvariants is the campaign in short.
func TestSeedsKeepTheInvariants(t *testing.T) {
	seeds := "60"
	if raceEnabled {
		seeds = "25" // ten times as slow
	}
	text, status := campaigned("-seeds", seeds, "-hours", testHours, "-shrink", "300")
	if status != 0 || !strings.Contains(text, seeds+" seeds, ") || !strings.Contains(text, " 0 violations") {
		t.Errorf("status %d:\n%s", status, text)
	}
}

// TestSameSeedIsTheSameRun compares all that happened, to the byte.
func TestSameSeedIsTheSameRun(t *testing.T) {
	if text, status := campaigned("-seeds", "10", "-hours", testHours, "-twice"); status != 0 {
		t.Errorf("status %d:\n%s", status, text)
	}
	one, _ := campaigned("-seed", "3", "-hours", testHours, "-v")
	two, _ := campaigned("-seed", "4", "-hours", testHours, "-v")
	if len(one) < 1000 || one == two {
		t.Errorf("seeds 3 and 4 are the same run, of %d bytes", len(one))
	}
}

// TestReplayIsTheRun: a program that was printed, and read again, does what the
// seed did.
func TestReplayIsTheRun(t *testing.T) {
	o := sim.Options{Hours: 0.1, Trace: true}
	for seed := range uint64(8) {
		build := [...]world{tableWorld, bridgeWorld, devlinkWorld}[seed%3].build()
		r := sim.Run(seed, build, o)
		var text bytes.Buffer
		if _, err := r.Program.WriteTo(&text); err != nil {
			t.Fatal(err)
		}
		p, err := sim.ParseProgram(&text)
		if err != nil {
			t.Fatal(err)
		}
		if again := sim.Replay(p, worldOf(p).build(), o); !bytes.Equal(again.Trace, r.Trace) {
			t.Errorf("seed %d: replayed it is another run", seed)
		}
	}
}

// TestRecordedPrograms replays programs that once broke an invariant.
func TestRecordedPrograms(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs: %v", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			if text, status := campaigned("-replay", f); status != 0 || !strings.Contains(text, "no violation") {
				t.Errorf("status %d: %s", status, text)
			}
		})
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-seeds", "0"}, {"-hours", "0"}, {"-hours", "x"}, {"-jobs", "-1"}, {"-world", "moon"}, {"more"}, {"-replay", "testdata/none"}, {"-variant", "none"},
	} {
		if text, status := campaigned(args...); status != 2 || text == "" {
			t.Errorf("%v: status %d, %q", args, status, text)
		}
	}
}

// TestVariantsMatchTheCode: a variant whose text is not in the code is stale.
func TestVariantsMatchTheCode(t *testing.T) {
	vs, err := readVariants()
	if err != nil || len(vs) < 10 {
		t.Fatalf("%d variants: %v", len(vs), err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vs {
		if _, err := v.apply(root); err != nil {
			t.Errorf("%s: %v", v.name, err)
		}
	}
}

// TestBadVariantsAreRefused: what cannot be meant is an error, and no variant.
func TestBadVariantsAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "breaks: I1\nabout: x\n", "about: x\nfile: f\n--- old\na\n--- new\nb\n--- end\n",
		"breaks: I1\nabout: x\nwhat: y\nfile: f\n--- old\na\n--- new\nb\n--- end\n",
		"breaks: I1\nabout: x\nfile: f\n--- old\na\n--- new\nb\n",
	} {
		if v, err := parseVariant(text); err == nil {
			t.Errorf("%q is %+v", text, v)
		}
	}
	v, err := parseVariant("breaks: I1\nabout: x\nfile: go.mod\n--- old\nmodule\n--- new\n--- end\n")
	if err != nil || len(v.edits) != 1 || v.edits[0].new != "" {
		t.Errorf("%+v, %v", v, err)
	}
	v.edits[0].old = "not in it"
	if _, err := v.apply("../.."); err == nil || !strings.Contains(err.Error(), "stale") {
		t.Errorf("a stale variant: %v", err)
	}
}

// TestVariantsAreCaught builds the code with one of its bugs; all of them take
// minutes: go run ./lab/campaign -variants.
func TestVariantsAreCaught(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("builds the campaign again")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command")
	}
	for _, name := range []string{"limit-off-by-one"} {
		if text, status := campaigned("-variant", name); status != 0 || !strings.Contains(text, "caught 1/1") {
			t.Errorf("%s: status %d: %s", name, status, text)
		}
	}
}

// TestReportShowsASmallProgram has a violation made, by a program that is not as
// it was, and looks at what is printed.
func TestReportShowsASmallProgram(t *testing.T) {
	var out bytes.Buffer
	c := command{out: &out, shrink: 200, hours: 0.1}
	r := sim.Run(7, breaking, sim.Options{Hours: 0.1})
	if r.Violation == nil {
		t.Fatal("nothing broke")
	}
	c.reportOf(7, r, breaking)
	for _, want := range []string{"seed 7, step ", "I0 (nobody steps)", "program of 1 steps", "step stumble"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
