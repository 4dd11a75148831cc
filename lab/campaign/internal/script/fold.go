package script

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/switchcore/switchcore/lab"
)

// fold is what the notifications add up to.
type fold struct {
	quirks lab.Quirks
	rows   map[key]row
}

// take adds what was told. It returns what makes no sense.
func (f *fold) take(lines []string, isBridge func(string) bool) string {
	for _, line := range lines {
		word, object, _ := strings.Cut(line, " ")
		var r row
		if err := json.Unmarshal([]byte(object), &r); err != nil {
			return fmt.Sprintf("%q: %v", line, err)
		}
		if r.has("self") && isBridge(r.Dev) {
			if f.quirks&lab.SelfEcho == 0 {
				return fmt.Sprintf("an echo: %q", line)
			}
			continue // told once more: of the bridge, as if it were no bridge's
		}
		if r.Master == "" && filtered(r.MAC) {
			continue // not listed
		}
		switch _, there := f.rows[r.key()]; {
		case word == "new":
			f.rows[r.key()] = r
		case word != "del":
			return fmt.Sprintf("%q is no notification", line)
		case !there:
			return fmt.Sprintf("%q, and it was not there", line)
		default:
			delete(f.rows, r.key())
		}
	}
	return ""
}

// filtered is what lists leave out: addresses of a multicast filter.
func filtered(mac string) bool {
	return strings.HasPrefix(mac, "33:33:") || strings.HasPrefix(mac, "01:00:5e:")
}

// renamed is what follows a new name.
func (f *fold) renamed(old, name string) {
	for k, r := range maps.Clone(f.rows) {
		delete(f.rows, k)
		if r.Dev == old {
			r.Dev = name
		}
		if r.Master == old {
			r.Master = name
		}
		f.rows[r.key()] = r
	}
}

// gone is a device that left with its own table, which nobody is told of (net/core/dev.c,
// dev_uc_flush).
func (f *fold) gone(dev string) {
	maps.DeleteFunc(f.rows, func(k key, _ row) bool { return k.table == "self "+dev })
}

// check holds what was told against what is listed.
func (f *fold) check(s *state) string {
	for k, r := range s.byKey {
		was, ok := f.rows[k]
		switch {
		case !ok:
			return fmt.Sprintf("%+v is listed, and was not told", r)
		case !f.same(was, r):
			return fmt.Sprintf("%+v is listed, and %+v was told", r, was)
		}
	}
	for k, r := range f.rows {
		if _, ok := s.byKey[k]; !ok {
			return fmt.Sprintf("%+v was told, and is not listed", r)
		}
	}
	return ""
}

// same compares but for what is not told: that time goes by, what hardware does, since a
// notification has what was before it, and with SilentHeir to whom an own address passed.
func (f *fold) same(was, is row) bool {
	if was.State != is.State && (!was.dynamic() || !is.dynamic()) {
		return false
	}
	if was.Dev != is.Dev && (f.quirks&lab.SilentHeir == 0 || is.State != "permanent") {
		return false
	}
	return slices.Equal(said(was), said(is))
}

func said(r row) []string {
	return slices.DeleteFunc(slices.Clone(r.Flags), func(f string) bool { return f == "offload" })
}
