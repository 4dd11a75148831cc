package live

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// The numbers of linux/if_link.h and linux/if_bridge.h.
const (
	iflaInfoData     = 2
	iflaBRProtocol   = 8
	iflaAFSpec       = 26
	iflaExtMask      = 29
	extMaskVLANs     = 1 << 1 // RTEXT_FILTER_BRVLAN
	bridgeVLANInfo   = 2
	vlanInfoPVID     = 1 << 1
	vlanInfoUntagged = 1 << 2
)

// VLANFiltering reports whether VLANs are built into the kernel's bridge.
func (k *Kernel) VLANFiltering() bool { return k.vlans }

// Release is the kernel's, as in "6.1.0".
func (k *Kernel) Release() (string, error) {
	var u syscall.Utsname
	if err := syscall.Uname(&u); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, c := range u.Release {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String(), nil
}

// filtersVLANs asks for a change of no bridge at all, to a protocol that none has. Only
// a kernel that knows VLANs looks at that before it misses the bridge (br_validate).
func (k *Kernel) filtersVLANs() (bool, error) {
	data := attribute(nil, iflaBRProtocol, 0xff, 0xff)
	info := attribute(attribute(nil, iflaKind, []byte("bridge\x00")...), iflaInfoData, data...)
	body := attribute(make([]byte, 16), iflaInfo, info...)
	err := request(k.talk, syscall.RTM_NEWLINK, syscall.NLM_F_ACK, body, k.buf, func(syscall.NetlinkMessage) error { return nil })
	switch {
	case errors.Is(err, syscall.EPROTONOSUPPORT):
		return true, nil
	case errors.Is(err, syscall.ENODEV):
		return false, nil
	}
	return false, fmt.Errorf("the answer is %v", err)
}

// attribute appends an attribute.
func attribute(to []byte, kind uint16, value ...byte) []byte {
	to = binary.NativeEndian.AppendUint16(to, uint16(4+len(value)))
	to = binary.NativeEndian.AppendUint16(to, kind)
	to = append(to, value...)
	return append(to, make([]byte, -len(value)&3)...)
}

// VLANs returns the VLANs of bridges and their ports as "bridge -j vlan show" prints
// them, without running it.
func (k *Kernel) VLANs() ([]string, error) {
	var out []string
	err := k.do(func() error {
		body := attribute(make([]byte, 16), iflaExtMask, extMaskVLANs, 0, 0, 0)
		body[0] = familyBR
		return request(k.talk, syscall.RTM_GETLINK, syscall.NLM_F_DUMP, body, k.buf, func(m syscall.NetlinkMessage) error {
			line, err := parseVLANs(m)
			if line != "" {
				out = append(out, line)
			}
			return err
		})
	})
	return out, err
}

// parseVLANs prints the VLANs of one device; "" if it has none.
func parseVLANs(m syscall.NetlinkMessage) (string, error) {
	if m.Header.Type != syscall.RTM_NEWLINK || len(m.Data) < 16 {
		return "", fmt.Errorf("live: a message of type %d instead of a link", m.Header.Type)
	}
	var name string
	var vlans []string
	var inner error
	err := attributes(m.Data[16:], func(kind uint16, v []byte) {
		switch kind {
		case syscall.IFLA_IFNAME:
			name = strings.TrimRight(string(v), "\x00")
		case iflaAFSpec:
			inner = attributes(v, func(kind uint16, v []byte) {
				if kind == bridgeVLANInfo && len(v) >= 4 {
					vlans = append(vlans, vlanObject(binary.NativeEndian.Uint16(v[2:]), binary.NativeEndian.Uint16(v)))
				}
			})
		}
	})
	if len(vlans) == 0 {
		return "", errors.Join(err, inner)
	}
	return fmt.Sprintf(`{"ifname":%q,"vlans":[%s]}`, name, strings.Join(vlans, ",")), errors.Join(err, inner)
}

func vlanObject(vlan, flags uint16) string {
	var words []string
	if flags&vlanInfoPVID != 0 {
		words = append(words, `"PVID"`)
	}
	if flags&vlanInfoUntagged != 0 {
		words = append(words, `"Egress Untagged"`)
	}
	if words == nil {
		return fmt.Sprintf(`{"vlan":%d}`, vlan)
	}
	return fmt.Sprintf(`{"vlan":%d,"flags":[%s]}`, vlan, strings.Join(words, ","))
}
