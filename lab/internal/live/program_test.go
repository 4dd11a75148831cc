package live

import (
	"slices"
	"strings"
	"testing"
)

func TestProgramsAreRepeatableAndUseEveryWord(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(400) {
		lines := Program(seed, 30)
		if !slices.Equal(lines, Program(seed, 30)) {
			t.Fatalf("seed %d makes two programs", seed)
		}
		for _, line := range lines {
			w, err := words(line)
			if err != nil {
				t.Fatal(err)
			}
			if why := beyond(w); why != "" {
				t.Errorf("%s: %s", line, why)
			}
			for _, word := range w {
				seen[word] = true
			}
		}
	}
	for _, word := range strings.Fields(`add append replace del master self static dynamic local permanent sticky extern_learn use vlan
		show br dev brport state get flush nopermanent nostatic nodynamic noadded_by_user noextern_learn nosticky nooffloaded
		learning flood mcast_flood bcast_flood hairpin isolated locked on off backup_port up down address name mtu promisc nomaster
		ageing_time fdb_flush no_linklocal_learn group_fwd_mask bridge_slave send count events ports`) {
		if !seen[word] {
			t.Errorf("no program has the word %s", word)
		}
	}
}

func TestShrinkFindsThePair(t *testing.T) {
	lines := Program(1, 100)
	lines[13], lines[77] = "a", "b"
	tries := 0
	got := Shrink(lines, func(l []string) bool {
		tries++
		i, j := slices.Index(l, "a"), slices.Index(l, "b")
		return i >= 0 && j > i
	})
	if !slices.Equal(got, []string{"a", "b"}) || tries > 200 {
		t.Errorf("%q after %d tries", got, tries)
	}
}
