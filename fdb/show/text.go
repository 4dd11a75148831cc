package show

import (
	"net/netip"
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// String returns the line that the tool prints, without its end and whether or
// not the row passes Check.
func (r Row) String() string { return string(r.appendText(nil)) }

// AppendText appends the line that the tool prints, without its end. It fails as
// [Row.Check] does.
func (r Row) AppendText(b []byte) ([]byte, error) {
	if err := r.Check(); err != nil {
		return b, err
	}
	return r.appendText(b), nil
}

// MarshalText returns the line that the tool prints, without its end. It fails as
// [Row.Check] does.
func (r Row) MarshalText() ([]byte, error) { return r.AppendText(nil) }

// appendText appends the fields in the order of the tool. Each ends with a
// space, so the line of a row without a state does too.
func (r *Row) appendText(b []byte) []byte {
	if r.Deleted {
		b = append(b, "Deleted "...)
	}
	b = append(r.MAC.AppendTo(b), ' ')
	b = appendWord(b, "dev ", r.Dev)
	if r.Dst.IsValid() {
		b = append(appendAddr(append(b, "dst "...), r.Dst), ' ')
	}
	if r.VLAN != switchdev.NoVLAN {
		b = appendField(b, "vlan ", uint32(r.VLAN))
	}
	b = r.Remote.appendText(b)
	if r.Notify {
		b = append(b, "activity_notify "...)
	}
	if r.Inactive {
		b = append(b, "inactive "...)
	}
	if r.Used.Shown || r.Updated.Shown {
		b = r.Used.digits(append(b, "used "...))
		b = append(b, '/')
		b = append(r.Updated.digits(b), ' ')
	}
	b = r.Flags.append(b)
	b = appendWord(b, "master ", r.Master)
	if r.State.numeric() {
		b = append(b, "state="...)
	}
	return append(b, r.State...)
}

// appendText appends what comes after the VLAN.
func (r *Remote) appendText(b []byte) []byte {
	b = r.Port.appendField(b, "port ")
	b = r.VNI.appendField(b, "vni ")
	b = r.SrcVNI.appendField(b, "src_vni ")
	b = appendWord(b, "via ", r.Via)
	b = r.ViaIndex.appendField(b, "via ifindex ")
	b = r.NextHop.appendField(b, "nhid ")
	return r.NetNS.appendField(b, "link-netnsid ")
}

func appendWord(b []byte, key, word string) []byte {
	if word == "" {
		return b
	}
	return append(append(append(b, key...), word...), ' ')
}

func (n Number) appendField(b []byte, key string) []byte {
	if !n.Shown {
		return b
	}
	return appendField(b, key, n.Value)
}

func appendField(b []byte, key string, v uint32) []byte {
	return append(strconv.AppendUint(append(b, key...), uint64(v), 10), ' ')
}

func (n Number) digits(b []byte) []byte { return strconv.AppendUint(b, uint64(n.Value), 10) }

// appendAddr appends an address as the C library writes it: unlike net/netip it
// writes the last half of an IPv4-compatible one (::1.2.3.4) with dots.
func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is6() && !a.Is4In6() {
		if raw := a.As16(); [12]byte(raw[:12]) == [12]byte{} && (raw[12] != 0 || raw[13] != 0) {
			return netip.AddrFrom4([4]byte(raw[12:])).AppendTo(append(b, "::"...))
		}
	}
	return a.AppendTo(b)
}
