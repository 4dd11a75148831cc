package switchdev

import (
	"errors"
	"syscall"
	"testing"
)

func TestParseDomainRefusesWithEINVAL(t *testing.T) {
	for _, s := range []string{"", "4294967296", "-1", "00", "0x10", "1 "} {
		if d, err := ParseDomain(s); d != 0 || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("ParseDomain(%q) = %v, %v; want EINVAL", s, d, err)
		}
		d := Domain(7)
		if err := d.UnmarshalText([]byte(s)); err == nil || d != 7 {
			t.Errorf("UnmarshalText(%q): %v, and the domain became %v", s, err, d)
		}
	}
	if Domain(1).Compare(2) != -1 || Domain(2).Compare(1) != 1 || Domain(2).Compare(2) != 0 {
		t.Error("domains do not order by number")
	}
}
