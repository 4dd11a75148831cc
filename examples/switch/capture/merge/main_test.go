package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/internal/pcapng"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record writes a capture of one-octet frames at the given nanoseconds after second 100.
func record(t *testing.T, dir, name string, frames string, at ...int64) string {
	t.Helper()
	var packets []pcapng.Packet
	for i, ns := range at {
		packets = append(packets, pcapng.Packet{Time: time.Unix(100, ns), Data: []byte{frames[i]}})
	}
	path := filepath.Join(dir, name)
	if err := write(path, []string{"some"}, packets); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMergeOrdersByTimeThenByArgument(t *testing.T) {
	dir := t.TempDir()
	first := record(t, dir, "a", "adf", 1, 5, 9)
	second := record(t, dir, "b", "bceg", 1, 3, 5, 10)
	out := filepath.Join(dir, "out")
	for until, want := range map[string]string{
		"":              "a1 b2 c2 d1 e2 f1 g2 ",
		"100.000000009": "a1 b2 c2 d1 e2 f1 ",
		"99.999999999":  "",
	} {
		if err := run(out, until, []string{"p1=" + first, "p2=" + second}); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		r, err := pcapng.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for p, err := range r.All() {
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString(string(p.Data) + r.Interface(p.Interface).Name[1:] + " ")
		}
		if got.String() != want || len(r.Interfaces()) != 2 {
			t.Errorf("until %q: merged to %q, want %q", until, got.String(), want)
		}
	}
}

func TestMergeKeepsTheOrderOfEqualStamps(t *testing.T) {
	dir := t.TempDir()
	const letters = "abcdefghijklmnopqrstuvwxyz"
	stamps := make([]int64, len(letters))
	var want [3]struct{ first, second string }
	for i, letter := range letters {
		stamps[i] = int64(i % 3)
		want[i%3].first += string(letter)
		want[i%3].second += strings.ToUpper(string(letter))
	}
	first := record(t, dir, "a", letters, stamps...)
	second := record(t, dir, "b", strings.ToUpper(letters), stamps...)
	out := filepath.Join(dir, "out")
	if err := run(out, "", []string{"p1=" + first, "p2=" + second}); err != nil {
		t.Fatal(err)
	}
	merged, err := readAll(out, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, p := range merged {
		got.Write(p.Data)
	}
	all := ""
	for _, w := range want {
		all += w.first + w.second
	}
	if got.String() != all {
		t.Errorf("merged to %s, want %s", &got, all)
	}
}

func TestMergeRefusesBadArguments(t *testing.T) {
	dir := t.TempDir()
	good := "p1=" + record(t, dir, "a", "a", 1)
	out := filepath.Join(dir, "out")
	for _, c := range []struct{ until, input string }{
		{"", "p1"}, {"", "p1=" + filepath.Join(dir, "missing")}, {"", "p1=main.go"},
		{"x", good}, {"1", good}, {"1.5", good}, {"1.00000000x", good},
	} {
		if err := run(out, c.until, []string{c.input}); err == nil {
			t.Errorf("until %q, input %q: no error", c.until, c.input)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused merge left a file")
	}
}
