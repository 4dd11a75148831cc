package fdb

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tested returns the numbers of the cases that have a test here.
func tested() map[int]bool {
	has := make(map[int]bool)
	for _, c := range tableCases() {
		has[c.number] = true
	}
	for _, c := range deviceCases() {
		has[c.number] = true
	}
	return has
}

// partly are the cases that another package decides and whose part that is the
// table's is tested here: what counts as learned, that an exclusive add excludes
// whatever else is asked for, what several states amount to, and that a deleted
// address stays away.
func partly() map[int]string { return map[int]string{22: "lab", 29: "lab", 37: "lab", 39: "bridge"} }

// assigned reads the list of cases in ARCHITECTURE.md: whose each is.
func assigned(t *testing.T) map[int]string {
	t.Helper()
	text, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(string(text), "\n## Conformance cases\n")
	if !ok {
		t.Skip("there is no list of cases")
	}
	list, _, _ = strings.Cut(list, "\n## ")
	where := make(map[int]string)
	for _, m := range regexp.MustCompile(`(?m)^\| *(\d+) *\|(.*)\| *(\w+) *\|$`).FindAllStringSubmatch(list, -1) {
		n, _ := strconv.Atoi(m[1])
		if where[n] != "" {
			t.Errorf("case %d is listed twice", n)
		}
		if strings.TrimSpace(m[2]) == "" || !slices.Contains([]string{"table", "bridge", "lab"}, m[3]) {
			t.Errorf("case %d: %q", n, m[0])
		}
		where[n] = m[3]
	}
	return where
}

// TestEveryCaseHasATest holds the list of cases in ARCHITECTURE.md and the tests
// of this package against each other.
func TestEveryCaseHasATest(t *testing.T) {
	const cases = 110
	where, has := assigned(t), tested()
	for n := 1; n <= cases; n++ {
		switch {
		case where[n] == "":
			t.Errorf("case %d is not listed", n)
		case partly()[n] != "" && partly()[n] != where[n]:
			t.Errorf("case %d is listed as the %s's, and was the %s's", n, where[n], partly()[n])
		case partly()[n] != "":
		case where[n] == "table" && !has[n]:
			t.Errorf("case %d is the table's, and has no test", n)
		case where[n] != "table" && has[n]:
			t.Errorf("case %d has a test, and is the %s's", n, where[n])
		}
	}
	for _, n := range slices.Sorted(maps.Keys(where)) {
		if n < 1 || n > cases {
			t.Errorf("case %d is listed", n)
		}
	}
	for n := range has {
		if n < 1 || n > cases {
			t.Errorf("case %d has a test", n)
		}
	}
}
