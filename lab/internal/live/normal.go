package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// leftOut reports whether a key of the tools' JSON depends on chance or time.
func leftOut(key string) bool {
	switch key {
	case "ifindex", "used", "updated", "confirmed", "refcnt", "hwaddr", "link_netnsid", "last_dump_date", "last_dump_time", "test_binary":
		return true
	}
	return false
}

// compact writes a JSON value without spaces and without the keys that are left
// out, the others in their order.
func compact(out *bytes.Buffer, dec *json.Decoder) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		b, err := json.Marshal(t)
		out.Write(b)
		return err
	}
	out.WriteRune(rune(delim))
	for first := true; dec.More(); {
		var member bytes.Buffer
		if delim == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			if name, _ := key.(string); leftOut(name) {
				if err := compact(&member, dec); err != nil {
					return err
				}
				continue
			}
			b, err := json.Marshal(key)
			if err != nil {
				return err
			}
			member.Write(append(b, ':'))
		}
		if err := compact(&member, dec); err != nil {
			return err
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.Write(member.Bytes())
	}
	end, err := dec.Token()
	if err == nil {
		out.WriteString(fmt.Sprint(end))
	}
	return err
}

// elements returns the elements of a JSON array, one line each.
func elements(printed []byte) ([]string, error) {
	var all []json.RawMessage
	if len(bytes.TrimSpace(printed)) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(printed, &all); err != nil {
		return nil, fmt.Errorf("live: %w in %q", err, printed)
	}
	out := make([]string, len(all))
	for i, raw := range all {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var b bytes.Buffer
		if err := compact(&b, dec); err != nil {
			return nil, fmt.Errorf("live: %w in %q", err, raw)
		}
		out[i] = b.String()
	}
	return out, nil
}

// fdbLines sorts lines of "bridge -j fdb show" by VLAN, address and interface and
// drops what is noise: multicast filters of interfaces, and the loopback device.
func fdbLines(in []string) ([]string, error) {
	type keyed struct {
		VLAN   int      `json:"vlan"`
		MAC    string   `json:"mac"`
		IfName string   `json:"ifname"`
		Flags  []string `json:"flags"`
		line   string
	}
	var all []keyed
	for _, line := range in {
		k := keyed{line: line}
		if err := json.Unmarshal([]byte(line), &k); err != nil {
			return nil, fmt.Errorf("live: %w in %q", err, line)
		}
		if k.IfName == "lo" || slices.Contains(k.Flags, "self") && isFilter(k.MAC) {
			continue
		}
		all = append(all, k)
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		if a.VLAN != b.VLAN {
			return a.VLAN - b.VLAN
		}
		if c := strings.Compare(a.MAC, b.MAC); c != 0 {
			return c
		}
		return strings.Compare(a.IfName, b.IfName)
	})
	var out []string
	for _, k := range all {
		out = append(out, k.line)
	}
	return out, nil
}

// isFilter reports whether an address is one that IP makes an interface listen to.
func isFilter(mac string) bool {
	return strings.HasPrefix(mac, "33:33:") || strings.HasPrefix(mac, "01:00:5e:")
}

// modulePrefix is the name of the kernel's module before what it says.
const modulePrefix = `^(Error|Warning): [a-z0-9_]+: `

// complaints returns the lines of standard error as transcripts have them.
func complaints(printed []byte, module *regexp.Regexp) []string {
	var out []string
	for _, line := range lines(printed) {
		line = module.ReplaceAllString(line, "$1: ")
		if !strings.HasSuffix(line, " Success") {
			out = append(out, "! "+line)
		}
	}
	return out
}

// rowLine prints a row as a line of an event or a dump.
func rowLine(r show.Row) (string, error) {
	var b bytes.Buffer
	deleted := r.Deleted
	r.Deleted = false
	if err := show.Write(&b, show.JSON, slices.Values([]show.Row{r})); err != nil {
		return "", err
	}
	line, ok := strings.CutPrefix(strings.TrimSpace(b.String()), "[")
	line, ok2 := strings.CutSuffix(line, "]")
	if !ok || !ok2 {
		return "", fmt.Errorf("live: a row is printed as %q", b.String())
	}
	r.Deleted = deleted
	return line, nil
}

// neighbour is a message about an entry of a forwarding database.
type neighbour struct {
	deleted   bool
	index     int
	master    int
	hasMaster bool
	mac       switchdev.MAC
	vlan      uint16
	state     uint16
	flags     uint8
	flagsExt  uint32
}

// stateWord returns the word that bridge(8) has for a state (bridge/fdb.c, state_n2a).
func stateWord(state uint16) show.State {
	const reachable, stale, noARP, permanent = 0x02, 0x04, 0x40, 0x80
	switch {
	case state&permanent != 0:
		return show.Permanent
	case state&noARP != 0:
		return show.Static
	case state&stale != 0:
		return show.Stale
	case state&reachable != 0:
		return show.Reachable
	case state == 0:
		return "0"
	}
	return show.State("0x" + strconv.FormatUint(uint64(state), 16))
}

// row returns what bridge(8) prints of a message; name names an interface.
func (n neighbour) row(name func(int) string) show.Row {
	const self, master, externLearn, offload, router, sticky, locked = 0x02, 0x04, 0x10, 0x20, 0x80, 0x40, 0x02
	r := show.Row{Deleted: n.deleted, MAC: n.mac, Dev: name(n.index), VLAN: switchdev.VLAN(n.vlan), State: stateWord(n.state)}
	for _, f := range [...]struct {
		bit  uint8
		word show.Flags
	}{{self, show.Self}, {router, show.Router}, {externLearn, show.ExternLearn}, {offload, show.Offload}, {master, show.MasterWord}, {sticky, show.Sticky}} {
		if n.flags&f.bit != 0 {
			r.Flags |= f.word
		}
	}
	if n.flagsExt&locked != 0 {
		r.Flags |= show.Locked
	}
	if n.hasMaster {
		r.Master = name(n.master)
	}
	return r
}
