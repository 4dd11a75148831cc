package live

import (
	"slices"
	"strings"
	"testing"
)

func TestTimedProgramsAreRepeatableAndWait(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(300) {
		lines := TimedProgram(seed, 30)
		if !slices.Equal(lines, TimedProgram(seed, 30)) {
			t.Fatalf("seed %d makes two programs", seed)
		}
		waits := 0
		for _, line := range lines {
			w, err := words(line)
			if err != nil || beyond(w) != "" {
				t.Errorf("%s: %v", line, err)
			}
			if w[1] == "wait" {
				waits++
			}
			for _, word := range w {
				seen[word] = true
			}
		}
		if waits < 5 {
			t.Errorf("seed %d waits %d times", seed, waits)
		}
	}
	for _, word := range strings.Fields(`static dynamic local use extern_learn sticky ageing_time forward_delay max_age hello_time stp_state
		priority cost down up master nomaster fdb_flush learning state address`) {
		if !seen[word] {
			t.Errorf("no program has the word %s", word)
		}
	}
}
