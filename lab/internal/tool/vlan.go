package tool

import (
	"strconv"
	"strings"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// vlanEdit is "bridge vlan add" and del (bridge/vlan.c, vlan_modify).
type vlanEdit struct {
	delete bool
	vlans  machine.VLANRange

	dev       given
	vid, last int16
	span      bool
}

func parseVLANAdd(a *args) verb { return parseVLANEdit(a, false) }

func parseVLANDelete(a *args) verb { return parseVLANEdit(a, true) }

var vlanEditWords = []keyword[vlanEdit]{
	{"dev", true, func(a *args, v *vlanEdit) { v.dev.take(a) }},
	{"vid", true, func(a *args, v *vlanEdit) {
		first, last, span := strings.Cut(a.value(), "-")
		v.vid = vid(first)
		if span {
			v.last, v.span = vid(last), true
		}
	}},
	{"self", true, func(_ *args, v *vlanEdit) { v.vlans.Self = true }},
	{"master", true, func(_ *args, v *vlanEdit) { v.vlans.Master = true }},
	{"pvid", true, func(_ *args, v *vlanEdit) { v.vlans.Flags |= switchdev.VLANPVID }},
	{"untagged", true, func(_ *args, v *vlanEdit) { v.vlans.Flags |= switchdev.VLANUntagged }},
	{"tunnel_info", true, func(a *args, _ *vlanEdit) { a.outside("tunnel_info", "VLAN tunnels are not in the lab") }},
}

// parseVLANEdit passes over words that it does not know, as the tool does.
func parseVLANEdit(a *args, del bool) verb {
	v := vlanEdit{delete: del, vid: -1, last: -1}
	scan(a, &v, vlanEditWords, func(a *args, _ *vlanEdit, word string) {
		if matches(word, "help") {
			a.value() // the tool does so too
		}
	})
	if !v.dev.ok || v.vid == -1 {
		a.fail("Device and VLAN ID are required arguments.")
	}
	a.device(v.dev.text, `Cannot find bridge device "%s"`)
	if v.vid >= 4096 {
		a.fail(`Invalid VLAN ID "%d"`, uint16(v.vid))
	}
	if v.span && (v.last == -1 || v.last >= 4096 || v.vid >= v.last) {
		a.fail(`Invalid VLAN range "%d-%d"`, uint16(v.vid), uint16(v.last))
	}
	if v.span && v.vlans.Flags&switchdev.VLANPVID != 0 {
		a.fail("pvid cannot be configured for a vlan range")
	}
	v.vlans.NS, v.vlans.Dev, v.vlans.First = a.ns, v.dev.text, uint16(v.vid)
	if v.span {
		v.vlans.Last = uint16(v.last)
	}
	return v
}

func (v vlanEdit) run(r *run) error {
	if v.delete {
		return r.machine.DeleteVLAN(v.vlans)
	}
	return r.machine.AddVLAN(v.vlans)
}

// vlanShow is "bridge vlan show" (bridge/vlan.c, vlan_show).
type vlanShow struct {
	dev given
	vid int32 // 0: any
}

var vlanShowWords = []keyword[vlanShow]{
	{"dev", true, func(a *args, v *vlanShow) {
		had := v.dev.ok
		v.dev.take(a)
		if had {
			a.second("dev", v.dev.text)
		}
	}},
	{"vid", true, func(a *args, v *vlanShow) {
		word := a.value()
		if v.vid != 0 {
			a.second("vid", word)
		}
		v.vid = atoi(word)
	}},
}

func parseVLANShow(a *args) verb {
	var v vlanShow
	scan(a, &v, vlanShowWords, skip)
	if a.stats || a.detail {
		a.outside("-s", "statistics of VLANs are not in the lab")
	}
	if v.dev.ok {
		a.device(v.dev.text, `Cannot find device "%s"`)
	}
	return v
}

func (v vlanShow) run(r *run) error {
	if !r.json {
		r.print("port              vlan-id")
	}
	for _, link := range r.machine.Links(r.ns) {
		if v.dev.ok && link.Name != v.dev.text {
			continue
		}
		vlans, _ := r.machine.VLANs(r.ns, link.Name)
		var shown []bridge.Membership
		for _, m := range vlans {
			if v.vid == 0 || v.vid == int32(m.VLAN) {
				shown = append(shown, m)
			}
		}
		if len(shown) > 0 {
			r.vlans(link.Name, shown)
		}
	}
	return nil
}

// vlans prints the VLANs of a device.
func (r *run) vlans(name string, vlans []bridge.Membership) {
	if r.json {
		r.print(vlanObject(name, vlans))
		return
	}
	for _, m := range vlans {
		line := pad(pad(name, 16)+" ", 18) + m.VLAN.String()
		for _, word := range vlanWords(m.Flags) {
			line += " " + word
		}
		r.print(line)
		name = ""
	}
}

func vlanWords(f switchdev.VLANFlags) (words []string) {
	if f&switchdev.VLANPVID != 0 {
		words = append(words, "PVID")
	}
	if f&switchdev.VLANUntagged != 0 {
		words = append(words, "Egress Untagged")
	}
	return words
}

func vlanObject(name string, vlans []bridge.Membership) string {
	b := append([]byte(`{"ifname":`), quote(name)...)
	b = append(b, `,"vlans":[`...)
	for i, m := range vlans {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(append(b, `{"vlan":`...), uint64(m.VLAN), 10)
		if words := vlanWords(m.Flags); words != nil {
			b = append(append(b, `,"flags":`...), list(words)...)
		}
		b = append(b, '}')
	}
	return string(append(b, "]}"...))
}
