package devlink

import (
	"cmp"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// Handle names an instance by its bus and device, as "pci/0000:01:00.0" does in
// devlink(8). Handles can be compared with ==. The zero Handle names nothing.
type Handle struct {
	Bus, Device string
}

// String returns bus and device with a slash between.
func (h Handle) String() string { return h.Bus + "/" + h.Device }

// Compare orders handles by bus, then by device.
func (h Handle) Compare(o Handle) int {
	return cmp.Or(strings.Compare(h.Bus, o.Bus), strings.Compare(h.Device, o.Device))
}

// Valid reports whether both parts are there and neither has a slash, white space
// or a control character.
func (h Handle) Valid() bool { return validName(h.Bus) && validName(h.Device) }

// ParseHandle reads what [Handle.String] writes. The error is a
// [*switchdev.ParseError].
func ParseHandle(s string) (Handle, error) {
	bus, device, ok := strings.Cut(s, "/")
	h := Handle{bus, device}
	if !ok || !h.Valid() {
		return Handle{}, &switchdev.ParseError{What: "devlink handle", Input: s, Reason: "not bus/device"}
	}
	return h, nil
}

// validName reports whether s can be a part of a handle, or a name within one.
func validName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == '/' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}
