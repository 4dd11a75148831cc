package live

import (
	"slices"
	"strings"
	"testing"
)

func TestProgramsAboutVLANsAreRepeatableAndUseEveryWord(t *testing.T) {
	seen, about, all := map[string]bool{}, 0, 0
	for seed := range uint64(400) {
		lines := ProgramVLAN(seed, 30)
		if !slices.Equal(lines, ProgramVLAN(seed, 30)) {
			t.Fatalf("seed %d makes two programs", seed)
		}
		for _, line := range lines {
			w, err := words(line)
			if err != nil {
				t.Fatal(err)
			}
			if all++; strings.Contains(line, "vlan") {
				about++
			}
			for _, word := range w {
				seen[word] = true
			}
		}
	}
	for _, word := range strings.Fields(`vlan add del show vid dev pvid untagged self master vlan_filtering vlan_default_pvid
		0 1 2 4094 4095 4096 2-4 4090-4095 3-2 get flush append replace send count address nomaster isolated locked hairpin backup_port`) {
		if !seen[word] {
			t.Errorf("no program has the word %s", word)
		}
	}
	if about < all/3 {
		t.Errorf("%d of %d commands have to do with VLANs", about, all)
	}
}
