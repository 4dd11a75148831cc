package switchdev

import (
	"errors"
	"syscall"
	"testing"
)

// The kernel answers an unusable interface number with EINVAL "invalid ifindex".
func TestParsePortIDRefusesWithEINVAL(t *testing.T) {
	for _, s := range []string{"", "65536", "-1", "+1", "01", "1 ", "eth0", "18446744073709551617"} {
		if p, err := ParsePortID(s); p != 0 || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("ParsePortID(%q) = %v, %v; want EINVAL", s, p, err)
		}
		p := PortID(7)
		if err := p.UnmarshalText([]byte(s)); err == nil || p != 7 {
			t.Errorf("UnmarshalText(%q): %v, and the port became %v", s, err, p)
		}
	}
}

func TestPortHostIsTheZeroPort(t *testing.T) {
	var p PortID
	if !p.IsHost() || p != PortHost || p.String() != "0" || PortID(1).IsHost() {
		t.Error("the zero port is not the host")
	}
	if PortHost.Compare(1) != -1 || MaxPort.Compare(1) != 1 || MaxPort.Compare(65535) != 0 {
		t.Error("ports do not order by number")
	}
}
