package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/bench/measure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestEverythingIsMeasured runs every measurement on small tables: each row has
// its numbers, or says why not, and none is judged.
func TestEverythingIsMeasured(t *testing.T) {
	var out, errs bytes.Buffer
	if err := run([]string{"-quick", "-json"}, &out, &errs); err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	var report measure.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, a := range areas() {
		for _, g := range a.Groups {
			rows += len(g.Rows)
		}
	}
	if len(report.Results) != rows || rows < 50 {
		t.Errorf("%d results of %d rows", len(report.Results), rows)
	}
	for _, r := range report.Results {
		switch {
		case r.Verdict == measure.Skipped:
			t.Logf("%s: SKIPPED: %s", r.Name, r.Why)
		case r.Verdict != measure.NoGate && r.Verdict != measure.Unjudged:
			t.Errorf("%s: %s %s", r.Name, r.Verdict, r.Why)
		case r.Ours == nil || *r.Ours < 0 || *r.Ours == 0 && r.Gate != "= 0" || r.PeerOf != "" && (r.Peer == nil || *r.Peer <= 0):
			t.Errorf("%s has no numbers: %+v", r.Name, r)
		}
	}
}

// TestNamesAreUnique: -run and the table's readers tell rows apart by them, and
// README.md explains each kind.
func TestNamesAreUnique(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	size := regexp.MustCompile("^[0-9]+[kM]/")
	seen := map[string]bool{}
	for _, a := range areas() {
		for _, g := range a.Groups {
			for _, r := range g.Rows {
				if seen[a.Name+"/"+r.Name] {
					t.Errorf("%s is there twice", r.Name)
				}
				seen[a.Name+"/"+r.Name] = true
				if r.Text == "" {
					t.Errorf("%s has no explanation", r.Name)
				}
				kind, _, _ := strings.Cut(size.ReplaceAllString(r.Name, ""), "/")
				if !bytes.Contains(readme, []byte("`"+kind+"`")) {
					t.Errorf("README.md does not explain %q", kind)
				}
			}
		}
	}
}

func TestListSelects(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-list", "-only", "fdb", "-run", "1M/hit/"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 5 || !strings.Contains(out.String(), "fdb/1M/hit/gvisor") {
		t.Errorf("lists %d rows:\n%s", n, &out)
	}
}

func TestOnlyWhatIsSelectedIsMeasured(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-quick", "-check", "-markdown", "-run", "chase/32KiB"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "| fdb/chase/32KiB |") || strings.Contains(out.String(), "2MiB") {
		t.Errorf("wrote:\n%s", &out)
	}
}

func TestBadArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-only", "nothing"}, {"-run", "("}, {"x"}, {"-nope"}, {"-quick", "-run", "^$"}} {
		if err := run(args, io.Discard, io.Discard); err == nil || errors.Is(err, errMissed) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := run([]string{"-h"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
}
