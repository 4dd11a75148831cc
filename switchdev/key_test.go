package switchdev

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
)

// TestFDBKeyCheckIsTheKernels: EINVAL for the zero address and for a VLAN of
// 4095 or more ("invalid vlan id"); group addresses are legal.
func TestFDBKeyCheckIsTheKernels(t *testing.T) {
	station := MustParseMAC("00:1b:21:00:00:01")
	tests := []struct {
		key    FDBKey
		reason string // "" is legal
	}{
		{FDBKey{station, NoVLAN}, ""},
		{FDBKey{station, 1}, ""},
		{FDBKey{station, 4094}, ""},
		{FDBKey{Broadcast(), 1}, ""},
		{FDBKey{MustParseMAC("01:00:5e:00:00:fb"), 1}, ""},
		{FDBKey{}, "invalid address"},
		{FDBKey{VLAN: 10}, "invalid address"},
		{FDBKey{station, 4095}, "invalid vlan id"},
		{FDBKey{station, 65535}, "invalid vlan id"},
	}
	for _, tt := range tests {
		err := tt.key.Check()
		if (err == nil) != (tt.reason == "") || tt.key.Valid() != (err == nil) {
			t.Errorf("%v: Check = %v, Valid = %v; want reason %q", tt.key, err, tt.key.Valid(), tt.reason)
			continue
		}
		var op *OpError
		if err != nil && (!errors.Is(err, syscall.EINVAL) || !errors.As(err, &op) || op.Reason != tt.reason) {
			t.Errorf("%v: Check = %v, want EINVAL %q", tt.key, err, tt.reason)
		}
	}
}

func TestFDBKeyText(t *testing.T) {
	station := MustParseMAC("00:1b:21:00:00:01")
	for _, tt := range []struct {
		key  FDBKey
		text string
		json string
	}{
		{FDBKey{station, 0}, "00:1b:21:00:00:01", `{"mac":"00:1b:21:00:00:01"}`},
		{FDBKey{station, 10}, "00:1b:21:00:00:01 vlan 10", `{"mac":"00:1b:21:00:00:01","vlan":10}`},
	} {
		if got := tt.key.String(); got != tt.text {
			t.Errorf("String = %q, want %q", got, tt.text)
		}
		if got, err := ParseFDBKey(tt.text); err != nil || got != tt.key {
			t.Errorf("ParseFDBKey(%q) = %v, %v", tt.text, got, err)
		}
		text, err := json.Marshal(tt.key)
		var back FDBKey
		if err != nil || string(text) != tt.json || json.Unmarshal(text, &back) != nil || back != tt.key {
			t.Errorf("json.Marshal = %s, %v; back: %v", text, err, back)
		}
	}
	for _, bad := range []string{"", " vlan 10", "00:1b:21:00:00:01 vlan ", "00:1b:21:00:00:01 vlan 0", "00:1b:21:00:00:01 vlan 4095", "00:1b:21:00:00:01 10"} {
		if key, err := ParseFDBKey(bad); key != (FDBKey{}) || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("ParseFDBKey(%q) = %v, %v; want EINVAL", bad, key, err)
		}
	}
}

func FuzzParseFDBKey(f *testing.F) {
	for _, s := range []string{"00:1b:21:00:00:01", "00:1b:21:00:00:01 vlan 10", "001b.2100.0001 vlan 4094", "00:1b:21:00:00:01 vlan 0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := ParseFDBKey(s)
		if err != nil {
			if !errors.Is(err, syscall.EINVAL) {
				t.Fatalf("ParseFDBKey(%q): %v is not EINVAL", s, err)
			}
			return
		}
		if again, err := ParseFDBKey(key.String()); err != nil || again != key {
			t.Fatalf("round trip of %v: %v, %v", key, again, err)
		}
	})
}

// FuzzFDBKeyPack: packing keeps keys apart and in order.
func FuzzFDBKeyPack(f *testing.F) {
	f.Add(uint64(0x001b21000001), uint16(10), uint64(0x001b21000002), uint16(0))
	f.Add(uint64(1)<<48-1, uint16(4095), uint64(0), uint16(0))
	f.Fuzz(func(t *testing.T, mac1 uint64, vlan1 uint16, mac2 uint64, vlan2 uint16) {
		a := FDBKey{MACFromUint64(mac1), VLAN(vlan1 % 4096)}
		b := FDBKey{MACFromUint64(mac2), VLAN(vlan2 % 4096)}
		if got := UnpackFDBKey(a.Pack() | 0xf<<60); got != a {
			t.Fatalf("UnpackFDBKey(Pack(%v)) = %v", a, got)
		}
		if a.Pack()>>60 != 0 {
			t.Fatalf("Pack(%v) = %#x uses the upper bits", a, a.Pack())
		}
		want := cmp.Or(strings.Compare(a.MAC.String(), b.MAC.String()), cmp.Compare(a.VLAN, b.VLAN))
		if got := a.Compare(b); got != want || cmp.Compare(a.Pack(), b.Pack()) != want {
			t.Fatalf("%v against %v: Compare %d, packed %d, want %d", a, b, got, cmp.Compare(a.Pack(), b.Pack()), want)
		}
	})
}
