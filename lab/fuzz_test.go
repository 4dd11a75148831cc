package lab

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// most bounds what a fuzzed program may do, which is slow otherwise, and no failure.
const (
	mostLines = 60
	mostTimes = 64
	longest   = 20 * time.Minute
)

// commands are all commands of the recordings and of testdata/own, each once.
func commands(f *testing.F) (all []string, files [][]string) {
	f.Helper()
	seen := map[string]bool{}
	for _, pattern := range []string{recordedDir + "/*/*.txt", ownDir + "/*.txt"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			text, err := os.Open(name)
			if err != nil {
				f.Fatal(err)
			}
			tr, err := Parse(text)
			text.Close()
			if err != nil {
				f.Fatal(err)
			}
			var lines []string
			for _, s := range tr.Steps {
				lines = append(lines, s.Command)
				seen[s.Command] = true
			}
			files = append(files, lines)
		}
	}
	return slices.Sorted(maps.Keys(seen)), files
}

// FuzzLines executes text: nothing panics, everything ends, and what is refused changes
// nothing.
func FuzzLines(f *testing.F) {
	_, files := commands(f)
	for i, lines := range files {
		f.Add(i%2 == 0, strings.Join(lines, "\n"))
	}
	f.Add(true, "lab bridge br0 ports p1 p2\nbridge fdb add \x00 dev p1\n\"\n\xff\nlab send h1 \t\nlab wait 1ns1s\nip link set dev p1 type\nbridge -n\nbridge -")
	f.Fuzz(func(t *testing.T, fixed bool, text string) {
		executed(t, fixed, slices.Collect(strings.SplitSeq(text, "\n")))
	})
}

// FuzzWords does so with lines that are made of the recorded ones: three bytes take a line,
// and change a word of it for another.
func FuzzWords(f *testing.F) {
	all, _ := commands(f)
	var words []string
	for _, line := range all {
		words = append(words, strings.Fields(line)...)
	}
	slices.Sort(words)
	words = append(slices.Compact(words), "", "-1", "4096", "nosuch", `"`, "65536", "99999999999999999999", "00:00:00:00:00:00")
	f.Add(true, []byte("abcdefghijklmnopqrstuvwxyz0123456789"))
	f.Add(false, []byte("the quick brown fox jumps over the lazy dog, and again and again and again"))
	f.Fuzz(func(t *testing.T, fixed bool, data []byte) {
		executed(t, fixed, slices.Concat([]string{"lab switch br0 vlan_filtering 1 ports s1 s2 p5 p6", "ip netns add red", "lab events fdb"}, recombined(all, words, data)))
	})
}

func recombined(all, words []string, data []byte) (lines []string) {
	for ; len(data) >= 5; data = data[5:] {
		line := strings.Fields(all[(int(data[0])<<8|int(data[1]))%len(all)])
		at, word := int(data[2])%len(line), words[(int(data[3])<<8|int(data[4]))%len(words)]
		switch data[2] >> 6 {
		case 0: // as it was recorded
		case 1:
			line[at] = word
		case 2:
			line = slices.Insert(line, at, word)
		case 3:
			line = append(slices.Delete(line, at, at+1), word)
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

func executed(t *testing.T, fixed bool, lines []string) {
	cfg := Config{Quirks: Linux61}
	if fixed {
		cfg.Quirks = 0
	}
	l := newLab(t, cfg)
	for _, line := range lines[:min(len(lines), mostLines)] {
		if slow(line) {
			continue
		}
		before, at := everything(l), l.machine.Now()
		out, err := l.Exec(t.Context(), line)
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Fatalf("%q: %v", line, err)
		}
		if err == nil && !mistaken(out) {
			continue
		}
		if after := everything(l); after != before && (l.machine.Now().Equal(at) || lasting(after) != lasting(before)) {
			t.Fatalf("%q is refused (%q, %v), and changes\n%s", line, out, err, changes(before, after))
		}
	}
}

// changes are the lines that only one of two states has.
func changes(before, after string) string {
	var b strings.Builder
	for i, text := range [...]string{before, after} {
		other := strings.SplitAfter([...]string{after, before}[i], "\n")
		for line := range strings.Lines(text) {
			if !slices.Contains(other, line) {
				b.WriteString([...]string{"- ", "+ "}[i] + line)
			}
		}
	}
	return b.String()
}

// slow reports whether a line takes longer than is good here.
func slow(line string) bool {
	for word := range strings.FieldsSeq(line) {
		if n, err := strconv.Atoi(word); strings.Contains(line, "count") && (err == nil && n > mostTimes) {
			return true
		}
		if d, err := time.ParseDuration(word); err == nil && d > longest {
			return true
		}
	}
	return false
}

// mistaken reports whether the tool has found a mistake, before the kernel was asked.
func mistaken(out string) bool {
	return slices.ContainsFunc([]string{"! Cannot find ", "! Invalid ", "! Error: argument ", "! Error: duplicate ", "! Error: either ", "! Command line ", "! Device "},
		func(text string) bool { return strings.HasPrefix(out, text) })
}

// everything is the whole state of a lab.
func everything(l *Lab) string {
	m := l.machine
	var b strings.Builder
	for _, ns := range []string{"", "red"} {
		for _, row := range m.FDB(ns) {
			text, _ := row.MarshalText()
			fmt.Fprintf(&b, "fdb %s %s\n", ns, text)
		}
		for _, link := range m.Links(ns) {
			vlans, _ := m.VLANs(ns, link.Name)
			fmt.Fprintf(&b, "link %s %+v %v\n", ns, link, vlans)
		}
		for _, p := range m.BridgePorts(ns) {
			fmt.Fprintf(&b, "port %s %+v\n", ns, p)
		}
	}
	rows, _ := m.SwitchRows("sw1")
	fmt.Fprintf(&b, "hw %v\n", rows)
	return b.String()
}

// lasting is what does not change when ten milliseconds pass: no entry that ages, no row of
// a switch, no state of a spanning tree.
func lasting(state string) string {
	var b strings.Builder
	for line := range strings.Lines(state) {
		if strings.HasPrefix(line, "link") || strings.HasPrefix(line, "fdb") && (strings.Contains(line, "permanent") || strings.Contains(line, "static")) {
			b.WriteString(line)
		}
	}
	return b.String()
}
