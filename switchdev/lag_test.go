package switchdev

import "testing"

func TestLAGVerbsHaveNames(t *testing.T) {
	for v, want := range []string{"verb(0)", "set", "delete", "verb(3)"} {
		if got := LAGVerb(v).String(); got != want {
			t.Errorf("verb %d is %q, want %q", v, got, want)
		}
	}
}
