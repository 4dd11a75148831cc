package script

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// row is an entry as "bridge fdb show" and notifications have it.
type row struct {
	MAC    string   `json:"mac"`
	Dev    string   `json:"ifname"`
	VLAN   int      `json:"vlan"`
	Flags  []string `json:"flags"`
	Master string   `json:"master"`
	State  string   `json:"state"`
}

// key is what an entry is found by: the bridge or, in a device's own table, the device.
type key struct {
	table, mac string
	vlan       int
}

func (r row) key() key {
	if r.Master != "" {
		return key{r.Master, r.MAC, r.VLAN}
	}
	return key{"self " + r.Dev, r.MAC, 0} // a device's own deletion does not look at the VLAN
}

func (r row) has(flag string) bool { return slices.Contains(r.Flags, flag) }

// dynamic says that the entry is neither static nor permanent.
func (r row) dynamic() bool { return r.State != "static" && r.State != "permanent" }

// link is a port as "bridge link show" has it.
type link struct {
	Name   string   `json:"ifname"`
	Flags  []string `json:"flags"`
	Master string   `json:"master"`
	State  string   `json:"state"`
}

func (l link) runs() bool { return slices.Contains(l.Flags, "LOWER_UP") }

// member is what a device is in a VLAN.
type member struct{ pvid, untagged bool }

// state is everything that can be seen.
type state struct {
	fdb, links, vlans, hw []string

	rows  []row
	byKey map[key]row
	ports map[string]link
	in    map[string]map[int]member // by device and VLAN
}

// owns reports whether a bridge has an entry of its own address.
func (s *state) owns(bridge string) bool {
	return slices.ContainsFunc(s.rows, func(r row) bool { return r.Dev == bridge && r.Master == bridge })
}

// read takes apart what was printed.
func (s *state) read() error {
	s.byKey, s.ports, s.in = map[key]row{}, map[string]link{}, map[string]map[int]member{}
	for _, line := range s.fdb {
		var r row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		if _, two := s.byKey[r.key()]; two && r.Master != "" {
			return fmt.Errorf("%q is there twice", line)
		}
		s.rows, s.byKey[r.key()] = append(s.rows, r), r
	}
	for _, line := range s.links {
		var l link
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		s.ports[l.Name] = l
	}
	for _, line := range s.vlans {
		var d struct {
			Name  string `json:"ifname"`
			VLANs []struct {
				VLAN  int      `json:"vlan"`
				Flags []string `json:"flags"`
			} `json:"vlans"`
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		s.in[d.Name] = map[int]member{}
		for _, v := range d.VLANs {
			s.in[d.Name][v.VLAN] = member{slices.Contains(v.Flags, "PVID"), slices.Contains(v.Flags, "Egress Untagged")}
		}
	}
	return nil
}

// different says what the first difference of two states is, "" if there is none.
func (s *state) different(o *state) string {
	for _, part := range [...]struct {
		name string
		a, b []string
	}{{"fdb", s.fdb, o.fdb}, {"link", s.links, o.links}, {"vlan", s.vlans, o.vlans}, {"hw", s.hw, o.hw}} {
		if slices.Equal(part.a, part.b) {
			continue
		}
		var out []string
		for _, line := range part.a {
			if !slices.Contains(part.b, line) {
				out = append(out, "  only after it "+line)
			}
		}
		for _, line := range part.b {
			if !slices.Contains(part.a, line) {
				out = append(out, "  only without  "+line)
			}
		}
		return part.name + ":\n" + strings.Join(out, "\n")
	}
	return ""
}
