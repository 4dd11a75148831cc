package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// story runs the program in virtual time, where whoever does not wait takes no time.
func story(t *testing.T, live bool) string {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		if err := run(t.Context(), &out, live); err != nil {
			t.Fatal(err)
		}
	})
	return joined(out.String())
}

// joined puts what is told of the same into one line: how much the program puts there
// is a matter of how fast it reads.
func joined(out string) string {
	many := regexp.MustCompile(`^(\s*\S+s  event:   .*?)(?:, (\d+) of them)?$`)
	var lines []string
	last, count := -1, 0
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		m := many.FindStringSubmatch(line)
		if m == nil {
			lines = append(lines, line)
			continue
		}
		n := 1
		if m[2] != "" {
			n, _ = strconv.Atoi(m[2])
		}
		if last >= 0 && (lines[last] == m[1] || strings.HasPrefix(lines[last], m[1]+", ")) {
			count += n
			lines[last] = fmt.Sprintf("%s, %d of them", m[1], count)
			continue
		}
		last, count = len(lines), n
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestLinesOfTheSameAreJoined(t *testing.T) {
	const event = "  2.50s  event:   a: added port in n"
	for out, want := range map[string]string{
		event + ", 2 of them\n" + event + "\n  2.50s  driver: up\n" + event + "\n": event + ", 4 of them\n  2.50s  driver: up\n",
		event + "\n" + event + "s\n" + event + "\n":                                event + "\n" + event + "s\n" + event + "\n",
		event + ", 4 of them\nend\n":                                               event + ", 4 of them\nend\n",
	} {
		if got := joined(out); got != want {
			t.Errorf("%s\nis\n%s\nwant\n%s", out, got, want)
		}
	}
}

func TestNobodyWaitsForTheCardWhoseNamespaceDies(t *testing.T) {
	out := story(t, false)
	for _, want := range []string{
		"rdma: unregisters its notifier, from inside the deletion of the namespace",
		"event:   pci/0000:01:00.0: deleted port in namespace red, 4 of them",
		"event:   pci/0000:01:00.0: added port in the initial namespace, 4 of them",
		"event:   pci/0000:01:00.0: changed port (what is nested in it has changed) in the initial namespace",
		"namespace red has gone after 2s",
		"each within 0s",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q", want)
		}
	}
	rows := regexp.MustCompile(`(?m)^pci/\S+ +(\d+) +(\S+) +(\d+) +(\S+) +(\d+) +(\S+)$`).FindAllStringSubmatch(out, -1)
	if len(rows) != others {
		t.Fatalf("%d others", len(rows))
	}
	for _, row := range rows {
		if row[1] == "0" || row[3] == "0" || row[5] == "0" || row[2] != "0s" || row[4] != "0s" || row[6] != "0s" {
			t.Errorf("%s", row[0])
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestArgumentsAreRefused(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"-h"}, 0, "usage: reload"},
		{[]string{"-x"}, 2, "not defined: -x"},
		{[]string{"fast"}, 2, "usage: reload"},
	} {
		var out, errs bytes.Buffer
		if status := start(t.Context(), c.args, &out, &errs, false); status != c.status || out.Len() > 0 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%v: status %d, printed %q and %q", c.args, status, out.String(), errs.String())
		}
	}
}

func TestProgressIsOneLine(t *testing.T) {
	out := story(t, true)
	if !strings.Contains(out, "is going-down | others:") || !strings.Contains(out, "is coming-up | others:") {
		t.Error("no progress")
	}
	for line := range strings.Lines(out) {
		if at := strings.LastIndexByte(line, '\r'); strings.Contains(line[at+1:], "| others:") {
			t.Errorf("left behind: %q", line)
		}
	}
}

// What the README shows is what the program writes, but for the numbers.
func TestReadmeShowsTheOutput(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```\n")
	block, _, ok := strings.Cut(block, "```\n")
	if !ok {
		t.Fatal("no output")
	}
	numbers := regexp.MustCompile(`[0-9.]+(µs|ms|s)?|  +`)
	mask := func(s string) string { return strings.TrimSpace(numbers.ReplaceAllString(s, "#")) }
	lines := map[string]bool{}
	for line := range strings.Lines(story(t, false)) {
		lines[mask(line)] = true
	}
	for line := range strings.Lines(block) {
		if !lines[mask(line)] {
			t.Errorf("the program does not write %q", line)
		}
	}
}
