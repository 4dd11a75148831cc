package main

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeShowsTheDefaultRun checks the sample in README.md, whose table is shortened.
func TestReadmeShowsTheDefaultRun(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "```\n")
	sample, _, found := strings.Cut(rest, "```\n")
	out, _ := runs(t, 0, "-q")
	for line := range strings.Lines(sample) {
		if line != "...\n" && !strings.Contains(out, line) {
			t.Errorf("the program does not print %q", line)
		}
	}
	if !found || !strings.HasSuffix(sample, "unintended floods: 0\n") {
		t.Errorf("sample\n%s", sample)
	}
}
