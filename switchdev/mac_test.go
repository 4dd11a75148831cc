package switchdev

import (
	"encoding"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var (
	_ encoding.TextAppender      = MAC{}
	_ encoding.TextMarshaler     = MAC{}
	_ encoding.TextUnmarshaler   = (*MAC)(nil)
	_ encoding.BinaryAppender    = MAC{}
	_ encoding.BinaryMarshaler   = MAC{}
	_ encoding.BinaryUnmarshaler = (*MAC)(nil)
)

func TestParseMACAcceptsTheSixByteForms(t *testing.T) {
	want := MAC{0x02, 0x1b, 0x21, 0xab, 0xcd, 0xef}
	for _, s := range []string{
		"02:1b:21:ab:cd:ef", "02:1B:21:AB:CD:EF", "02-1b-21-ab-cd-ef",
		"021b.21ab.cdef", "021B.21aB.CdEf", "021b21abcdef",
	} {
		if got, err := ParseMAC(s); err != nil || got != want {
			t.Errorf("ParseMAC(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	if got := want.String(); got != "02:1b:21:ab:cd:ef" {
		t.Errorf("String = %q", got)
	}
}

// badMACs have what the kernel answers with EINVAL "invalid address".
var badMACs = []struct{ in, reason string }{
	{"", "want "},
	{"02:1b:21:ab:cd", "want "},
	{"02:1b:21:ab:cd:ef:01:02", "want "},
	{"2:1b:21:ab:cd:ef", "want "},
	{"021b21abcde", "want "},
	{"021b21abcdeg", "offset 11"},
	{"02:1b:21:abc", "offset 2"},
	{"02:1b:21:ab:cd:ef ", "want "},
	{" 02:1b:21:ab:cd:e", "want "},
	{"02:1b:21:ab:cd-ef", "separators differ"},
	{"02-1b:21-ab-cd-ef", "separators differ"},
	{"021b.21ab:cdef", "separators differ"},
	{"02:1b:21:ab:cd:eg", "offset 16"},
	{"g2:1b:21:ab:cd:ef", "offset 0"},
	{"02:1b:+1:ab:cd:ef", "offset 6"},
	{"021b.21ab.cdeF\x00", "want "},
	{"021b.21xb.cdef", "offset 7"},
	{"０２:1b:21:ab:cd:ef", "want "},
}

func TestParseMACRefusesWithEINVAL(t *testing.T) {
	for _, tt := range badMACs {
		got, err := ParseMAC(tt.in)
		var parse *ParseError
		if got != (MAC{}) || !errors.As(err, &parse) {
			t.Errorf("ParseMAC(%q) = %v, %v", tt.in, got, err)
			continue
		}
		if parse.Input != tt.in || !strings.Contains(parse.Reason, tt.reason) {
			t.Errorf("ParseMAC(%q): %+v, want reason %q", tt.in, parse, tt.reason)
		}
		if !errors.Is(err, ErrInvalid) || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("ParseMAC(%q): %v is not EINVAL", tt.in, err)
		}
	}
}

func TestMustParseMACPanicsOnBadInput(t *testing.T) {
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, ErrInvalid) {
			t.Errorf("recovered %v, want ErrInvalid", err)
		}
	}()
	MustParseMAC("nonsense")
}

func TestMACClasses(t *testing.T) {
	// Columns: zero, multicast, broadcast, unicast, local, link-local.
	tests := []struct{ mac, want string }{
		{"00:00:00:00:00:00", "z....."},
		{"00:00:00:00:00:01", "...u.."},
		{"00:1b:21:00:00:01", "...u.."},
		{"02:1b:21:00:00:01", "...ul."},
		{"01:00:5e:00:00:fb", ".m...."},
		{"33:33:00:00:00:01", ".m..l."},
		{"ff:ff:ff:ff:ff:ff", ".mb.l."},
		{"ff:ff:ff:ff:ff:fe", ".m..l."},
		{"01:80:c2:00:00:00", ".m...k"},
		{"01:80:c2:00:00:0f", ".m...k"},
		{"01:80:c2:00:00:10", ".m...."},
		{"01:80:c2:00:01:00", ".m...."},
		{"00:80:c2:00:00:00", "...u.."},
		{"01:80:c3:00:00:00", ".m...."},
	}
	for _, tt := range tests {
		m := MustParseMAC(tt.mac)
		got := []byte("......")
		for i, is := range []bool{
			m.IsZero(), m.IsMulticast(), m.IsBroadcast(), m.IsUnicast(), m.IsLocal(), m.IsLinkLocal(),
		} {
			if is {
				got[i] = "zmbulk"[i]
			}
		}
		if string(got) != tt.want {
			t.Errorf("%v: %s, want %s", m, got, tt.want)
		}
	}
}

func TestMACNumbersAndOrder(t *testing.T) {
	macs := []MAC{{}, {5: 1}, {5: 0xff}, {4: 1}, {0: 1}, {0: 0x80}, Broadcast()}
	if !slices.IsSortedFunc(macs, MAC.Compare) {
		t.Error("Compare is not the order of transmission")
	}
	for i, m := range macs {
		if got := MACFromUint64(m.Uint64() | 0xabcd<<48); got != m {
			t.Errorf("MACFromUint64(Uint64(%v)) = %v", m, got)
		}
		if i > 0 && macs[i-1].Uint64() >= m.Uint64() {
			t.Errorf("Uint64(%v) >= Uint64(%v)", macs[i-1], m)
		}
	}
	if got := (MAC{1, 2, 3, 4, 5, 6}).Uint64(); got != 0x010203040506 {
		t.Errorf("Uint64 = %#x", got)
	}
	if got := (MAC{4: 1, 5: 0xff}).Next(); got != (MAC{4: 2}) {
		t.Errorf("Next = %v", got)
	}
	if got := Broadcast().Next(); !got.IsZero() {
		t.Errorf("Next of broadcast = %v", got)
	}
}

func TestMACFromSliceWantsSixBytes(t *testing.T) {
	for n := range 10 {
		m, ok := MACFromSlice([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}[:n])
		if ok != (n == 6) || (ok && m != MAC{1, 2, 3, 4, 5, 6}) || (!ok && !m.IsZero()) {
			t.Errorf("MACFromSlice of %d bytes = %v, %v", n, m, ok)
		}
		m = Broadcast()
		err := m.UnmarshalBinary(make([]byte, n))
		if n == 6 && (err != nil || !m.IsZero()) || n != 6 && (!errors.Is(err, syscall.EINVAL) || !m.IsBroadcast()) {
			t.Errorf("UnmarshalBinary of %d bytes: %v, %v", n, m, err)
		}
	}
}

func TestMACMarshalsAsJSONStringAndMapKey(t *testing.T) {
	in := map[MAC]MAC{{5: 1}: Broadcast()}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `{"00:00:00:00:00:01":"ff:ff:ff:ff:ff:ff"}` {
		t.Fatalf("json.Marshal = %s, %v", text, err)
	}
	var out map[MAC]MAC
	if err := json.Unmarshal(text, &out); err != nil || out[MAC{5: 1}] != Broadcast() {
		t.Errorf("json.Unmarshal = %v, %v", out, err)
	}
	m := Broadcast()
	if err := m.UnmarshalText([]byte("ff:ff")); !errors.Is(err, syscall.EINVAL) || !m.IsBroadcast() {
		t.Errorf("UnmarshalText: %v, and the address became %v", err, m)
	}
	bin, err := m.MarshalBinary()
	if err != nil || len(bin) != 6 {
		t.Errorf("MarshalBinary = %x, %v", bin, err)
	}
}

// FuzzParseMAC compares with package net, which accepts longer addresses too.
func FuzzParseMAC(f *testing.F) {
	for _, tt := range badMACs {
		f.Add(tt.in)
	}
	f.Add("02:1b:21:ab:cd:ef")
	f.Add("02-1B-21-AB-CD-EF")
	f.Add("021b.21ab.cdef")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseMAC(s)
		want, netErr := net.ParseMAC(s)
		if (err == nil) != (netErr == nil && len(want) == 6) {
			t.Fatalf("ParseMAC(%q) = %v; net.ParseMAC = %v, %v", s, err, want, netErr)
		}
		if err != nil {
			if !errors.Is(err, syscall.EINVAL) || err.Error() == "" {
				t.Fatalf("ParseMAC(%q): %v is not EINVAL", s, err)
			}
			return
		}
		if !slices.Equal(got[:], want) || got.String() != want.String() {
			t.Fatalf("ParseMAC(%q) = %v, want %v", s, got, want)
		}
		if again, err := ParseMAC(got.String()); err != nil || again != got {
			t.Fatalf("round trip of %v: %v, %v", got, again, err)
		}
	})
}
