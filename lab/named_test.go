package lab

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

// ownOfLinux are the own transcripts that are for the profile of the recordings.
func ownOfLinux(t *testing.T) map[string]*Transcript {
	t.Helper()
	all := transcripts(t, ownDir, "*.txt")
	maps.DeleteFunc(all, func(_ string, tr *Transcript) bool {
		_, named, err := tr.Quirks()
		if err != nil {
			t.Error(err)
		}
		return named
	})
	return all
}

func TestTranscriptNamesItsQuirks(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  Quirks
		named bool
	}{
		{"# t\n$ lab ports p1\n", 0, false},
		{"# t\n# quirks: none\n$ lab ports p1\n", 0, true},
		{"# t\n# note: n\n# more\n# quirks: SelfEcho,Rocker\n\n$ lab ports p1\n", SelfEcho | Rocker, true},
		{"# t\n$ lab ports p1\n# quirks: none\n$ lab ports p2\n", 0, false},
		{"# t\n# quirks: linux-6.1\n", Linux61, true},
	} {
		q, named, err := parse(t, c.text).Quirks()
		if q != c.want || named != c.named || err != nil {
			t.Errorf("%q: %v, %v, %v", c.text, q, named, err)
		}
	}
	for text, line := range map[string]int{"# t\n# x\n# quirks: nonsense\n$ lab ports p1\n": 3, "# t\n# quirks: nonsense\n": 2} {
		_, named, err := parse(t, text).Quirks()
		var format *FormatError
		if named || !errors.As(err, &format) || format.Line != line || !strings.Contains(err.Error(), "nonsense") {
			t.Errorf("%q: %v, %v", text, named, err)
		}
	}
}
