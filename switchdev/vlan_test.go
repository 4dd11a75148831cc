package switchdev

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestVLANValidIsOneTo4094(t *testing.T) {
	for v := range 1 << 16 {
		if want := v >= 1 && v <= 4094; VLAN(v).Valid() != want {
			t.Fatalf("VLAN(%d).Valid() = %v", v, !want)
		}
	}
}

// TestParseVLANRefusesWithKernelText: the kernel gives EINVAL "invalid vlan id"
// for a VLAN attribute of 0 or from 4095 on.
func TestParseVLANRefusesWithKernelText(t *testing.T) {
	for _, s := range []string{"", "0", "4095", "4096", "65537", "-1", "+1", "01", "1 ", "0x1", "1.0", "99999999999999999999999"} {
		v, err := ParseVLAN(s)
		if v != 0 || !errors.Is(err, ErrInvalid) || !errors.Is(err, syscall.EINVAL) || !strings.HasSuffix(err.Error(), "invalid vlan id") {
			t.Errorf("ParseVLAN(%q) = %v, %v; want EINVAL invalid vlan id", s, v, err)
		}
	}
	for _, s := range []string{"1", "10", "4094"} {
		if v, err := ParseVLAN(s); err != nil || v.String() != s {
			t.Errorf("ParseVLAN(%q) = %v, %v", s, v, err)
		}
	}
}

// numbers holds each number type's text and JSON forms against the same rules.
func TestNumbersMarshalAsJSONNumbers(t *testing.T) {
	type numbers struct {
		V VLAN
		P PortID
		D Domain
		M map[VLAN]PortID
	}
	in := numbers{10, 65535, 4294967295, map[VLAN]PortID{0: 0}}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `{"V":10,"P":65535,"D":4294967295,"M":{"0":0}}` {
		t.Fatalf("json.Marshal = %s, %v", text, err)
	}
	var out numbers
	if err := json.Unmarshal(text, &out); err != nil || out.V != in.V || out.P != in.P || out.D != in.D || len(out.M) != 1 {
		t.Errorf("json.Unmarshal = %+v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"V":null,"P":null,"D":null}`), &out); err != nil || out.V != 10 || out.P != 65535 || out.D != 4294967295 {
		t.Errorf("null changed something: %+v, %v", out, err)
	}
	for _, bad := range []string{
		`{"V":4095}`, `{"V":-1}`, `{"V":"010"}`, `{"V":"\"10\""}`, `{"V":""}`, `{"V":1e2}`, `{"V":1.0}`, `{"V":true}`, `{"V":[1]}`,
		`{"P":65536}`, `{"P":"65536"}`, `{"P":{}}`, `{"D":4294967296}`, `{"D":"x"}`, `{"M":{"4095":1}}`,
	} {
		keep := out
		if err := json.Unmarshal([]byte(bad), &out); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("json.Unmarshal(%s): %v is not EINVAL", bad, err)
		}
		if out.V != keep.V || out.P != keep.P || out.D != keep.D {
			t.Errorf("json.Unmarshal(%s) changed a value: %+v", bad, out)
		}
	}
}

func FuzzParseVLAN(f *testing.F) {
	for _, s := range []string{"0", "1", "4094", "4095", "0001", "", "x", "65537"} {
		f.Add(s)
	}
	canonical := regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	f.Fuzz(func(t *testing.T, s string) {
		n, convErr := strconv.Atoi(s)
		number := convErr == nil && canonical.MatchString(s)
		v, err := ParseVLAN(s)
		if (err == nil) != (number && n >= 1 && n <= 4094) || err == nil && int(v) != n {
			t.Fatalf("ParseVLAN(%q) = %v, %v", s, v, err)
		}
		p, err := ParsePortID(s)
		if (err == nil) != (number && n <= 1<<16-1) || err == nil && (int(p) != n || p.String() != s) {
			t.Fatalf("ParsePortID(%q) = %v, %v", s, p, err)
		}
		d, err := ParseDomain(s)
		n64, convErr := strconv.ParseUint(s, 10, 32)
		if (err == nil) != (convErr == nil && canonical.MatchString(s)) || err == nil && (uint64(d) != n64 || d.String() != s) {
			t.Fatalf("ParseDomain(%q) = %v, %v", s, d, err)
		}
	})
}

// TestVLANSetAgreesWithMap runs random operations against a map.
func TestVLANSetAgreesWithMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var set VLANSet
	model := map[VLAN]bool{}
	for range 5000 {
		v := VLAN(rng.IntN(4200)) // some that are no VLAN
		switch rng.IntN(4) {
		case 0:
			set.Remove(v)
			delete(model, v)
		case 1:
			last := v + VLAN(rng.IntN(70))
			err := set.AddRange(v, last)
			if ok := v >= 1 && last <= 4094; ok != (err == nil) {
				t.Fatalf("AddRange(%d, %d): %v", v, last, err)
			}
			for w := v; err == nil && w <= last; w++ {
				model[w] = true
			}
		default:
			if err := set.Add(v); (err == nil) != (v >= 1 && v <= 4094) {
				t.Fatalf("Add(%d): %v", v, err)
			} else if err == nil {
				model[v] = true
			}
		}
		if rng.IntN(50) == 0 {
			compareVLANs(t, &set, model)
		}
	}
	compareVLANs(t, &set, model)
}

func compareVLANs(t *testing.T, set *VLANSet, model map[VLAN]bool) {
	t.Helper()
	want := slices.Sorted(maps.Keys(model))
	if got := slices.Collect(set.All()); !slices.Equal(got, want) || set.Len() != len(want) {
		t.Fatalf("All = %v (Len %d), want %v", got, set.Len(), want)
	}
	for v := range VLAN(4200) {
		if set.Contains(v) != model[v] {
			t.Fatalf("Contains(%d) = %v", v, !model[v])
		}
	}
	var fromRanges []VLAN
	before := VLAN(0)
	for first, last := range set.Ranges() {
		if before != 0 && first <= before+1 {
			t.Fatalf("range %d-%d touches the one before, which ends at %d", first, last, before)
		}
		for v := first; v <= last; v++ {
			fromRanges = append(fromRanges, v)
		}
		before = last
	}
	if !slices.Equal(fromRanges, want) {
		t.Fatalf("Ranges cover %v, want %v", fromRanges, want)
	}
	if again, err := ParseVLANSet(set.String()); err != nil || again != *set {
		t.Fatalf("round trip of %q: %q, %v", set, again, err)
	}
}

func TestVLANSetText(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"1", "1"},
		{"4094,1,2", "1-2,4094"},
		{"10-19,19-20,5,5", "5,10-20"},
		{"63,64,65,127-128", "63-65,127-128"},
		{"1-4094", "1-4094"},
	}
	for _, tt := range tests {
		set, err := ParseVLANSet(tt.in)
		if err != nil || set.String() != tt.want {
			t.Errorf("ParseVLANSet(%q) = %q, %v; want %q", tt.in, set, err, tt.want)
		}
	}
	for _, bad := range []string{",", "1,", "0", "0-1", "1-4095", "5-4", "1-2-3", "1--2", "-", "a", " 1"} {
		set, err := ParseVLANSet(bad)
		if !set.IsZero() || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("ParseVLANSet(%q) = %q, %v; want EINVAL", bad, set, err)
		}
	}
	set, _ := ParseVLANSet("1-5,9")
	for first := range set.Ranges() { // a consumer may stop
		if first != 1 {
			t.Errorf("first range begins at %d", first)
		}
		break
	}
	for range set.All() {
		break
	}
	text, err := json.Marshal(set)
	var again VLANSet
	if err != nil || string(text) != `"1-5,9"` || json.Unmarshal(text, &again) != nil || again != set {
		t.Errorf("json.Marshal = %s, %v; back: %q", text, err, again)
	}
	if err := again.UnmarshalText([]byte("5-4")); !errors.Is(err, ErrInvalid) || again != set {
		t.Errorf("UnmarshalText: %v, and the set became %q", err, again)
	}
}

func FuzzParseVLANSet(f *testing.F) {
	for _, s := range []string{"", "1", "1-3,10", "5-4", "4095", ",", "1-", "1-2-3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		set, err := ParseVLANSet(s)
		if err != nil {
			if !set.IsZero() || !errors.Is(err, syscall.EINVAL) {
				t.Fatalf("ParseVLANSet(%q) = %q, %v", s, set, err)
			}
			return
		}
		again, err := ParseVLANSet(set.String())
		if err != nil || again != set || again.Len() != set.Len() {
			t.Fatalf("round trip of %q: %q, %v", set, again, err)
		}
	})
}
