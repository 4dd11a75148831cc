package lab

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestDeviationsAreEmbedded(t *testing.T) {
	if _, err := Deviations(); err != nil {
		t.Error(err)
	}
	if _, err := deviations.ReadFile("testdata/deviations/README.md"); err != nil {
		t.Error(err)
	}
}

func TestDeviationsHaveReasons(t *testing.T) {
	const good = "# deviation: the kernel crashes\n# deviation: and we do not\n# t\n$ c\nours\n"
	list, err := readDeviations(fstest.MapFS{"README.md": {Data: []byte("none")}, "fdb/001-x.txt": {Data: []byte(good)}})
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if d := list[0]; d.Area != "fdb" || d.Name != "001-x" || len(d.Reasons) != 2 || d.Reasons[1] != "and we do not" || d.Transcript.String() != "# t\n$ c\nours\n" {
		t.Errorf("got %+v", d)
	}
	for text, want := range map[string]string{
		"# t\n$ c\n":                "says why",
		"# deviation: x\nno output": "no command",
	} {
		_, err := readDeviations(fstest.MapFS{"fdb/001-x.txt": {Data: []byte(text)}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "fdb/001-x.txt") {
			t.Errorf("%q: %v, want ... %s", text, err, want)
		}
	}
}
