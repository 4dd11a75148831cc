package hwsim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// addressOf turns "d1" and "a1" into addresses, "*" into broadcast.
func addressOf(word string) switchdev.MAC {
	if word == "*" {
		return switchdev.Broadcast()
	}
	var m switchdev.MAC
	kind := map[byte]byte{'d': 0xdd, 'a': 0xaa}[word[0]]
	copy(m[:], []byte{2, kind, 0, 0, 0, word[1] - '0'})
	return m
}

func stationName(m switchdev.MAC) string {
	if m.IsZero() {
		return ""
	}
	return fmt.Sprintf("%c%d", map[byte]byte{0xdd: 'd', 0xaa: 'a'}[m[1]], m[5])
}

// hands drives a chip by words.
type hands struct {
	*bench
	t *testing.T
}

// frame sends one from a station at a port to another: where it comes out, with
// which tag, whether the host gets it ("+": already forwarded), and what is reported.
func (h hands) frame(port switchdev.PortID, src, dst string, vlan uint16) string {
	h.clear()
	f := frame(addressOf(dst), addressOf(src))
	if vlan != 0 {
		f = tagged(addressOf(dst), addressOf(src), switchdev.EtherTypeVLAN, vlan)
	}
	h.Port(port).Ingress(f)
	var words []string
	for _, id := range slices.Sorted(maps.Keys(h.sent)) {
		for _, out := range h.sent[id] {
			word := id.String()
			if binary.BigEndian.Uint16(out[12:]) == uint16(switchdev.EtherTypeVLAN) {
				word += "/" + fmt.Sprint(binary.BigEndian.Uint16(out[14:])&0xfff)
			}
			words = append(words, word)
		}
	}
	for _, trap := range h.traps {
		words = append(words, map[bool]string{true: "host+", false: "host"}[trap.Forwarded])
	}
	return strings.TrimSpace(strings.Join(words, " ") + " | " + h.reported())
}

func (h hands) reported() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var words []string
	for _, r := range h.bench.reports {
		word := r.Kind.String()
		if !r.Key.MAC.IsZero() {
			word = fmt.Sprintf("%s %d/%s@%d", word, r.Key.VLAN, stationName(r.Key.MAC), r.Port)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func (h hands) rows() string {
	var words []string
	for _, r := range h.Rows() {
		words = append(words, fmt.Sprintf("%d/%s@%d", r.Key.VLAN, stationName(r.Key.MAC), r.Port))
	}
	return strings.Join(words, " ")
}

func answer(err error) string {
	var refused *switchdev.OpError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, switchdev.ErrUnsupported):
		return "unsupported"
	case errors.As(err, &refused) && errors.Is(err, switchdev.ErrInvalid):
		return refused.Reason
	}
	return err.Error()
}

// do carries out one line and says what came of it.
func (h hands) do(line string) string {
	h.t.Helper()
	w := append(strings.Fields(line), "", "", "", "")
	number := func(word string) (n int) { _, _ = fmt.Sscan(word, &n); return n }
	port := func(word string) switchdev.PortID { return switchdev.PortID(number(word)) }
	vlan := func(word string) switchdev.VLAN { return switchdev.VLAN(number(word)) }
	flags := map[string]switchdev.FDBFlags{
		"static": switchdev.FDBStatic, "extern": switchdev.FDBExtern, "local": switchdev.FDBLocal | switchdev.FDBStatic, "sticky": switchdev.FDBStatic | switchdev.FDBSticky,
	}
	switch w[0] {
	case "send": // port, source, destination, VLAN
		return h.frame(port(w[1]), w[2], w[3], uint16(number(w[4])))
	case "set": // station, VLAN, port, kind
		return answer(h.fdb(setOp(addressOf(w[1]), vlan(w[2]), port(w[3]), flags[w[4]])))
	case "del":
		op := deleteOp(addressOf(w[1]), vlan(w[2]))
		op.Entry.Port, op.Entry.Flags = port(w[3]), flags[w[4]]
		return answer(h.fdb(op))
	case "flush":
		return answer(h.flushLearnedRows(switchdev.FDBFlushOp{Port: port(w[1])}))
	case "rows":
		return h.rows()
	case "wait":
		h.clear()
		d, err := time.ParseDuration(w[1])
		h.must(err)
		h.after(d)
		return h.reported()
	case "state":
		h.clear()
		return answer(h.ports(stateOp(port(w[1]), switchdev.PortState(number(w[2]))))) + h.reported()
	case "up":
		op := switchdev.PortOp{Verb: switchdev.PortSet, Port: port(w[1]), Set: switchdev.PortAttrUp, Up: w[2] == "1"}
		return answer(h.ports(op))
	case "flag":
		on := map[string]switchdev.PortFlags{
			"learning": switchdev.PortLearns, "flood": switchdev.PortFlood, "mcast_flood": switchdev.PortMulticastFlood, "bcast_flood": switchdev.PortBroadcastFlood,
			"hairpin": switchdev.PortHairpin, "isolated": switchdev.PortIsolated, "locked": switchdev.PortLocked,
		}[w[2]]
		op := flagsOp(port(w[1]), 0, on)
		if w[3] == "on" {
			op = flagsOp(port(w[1]), on, 0)
		}
		results := make([]switchdev.Result, 1)
		checked := op
		checked.Op = h.op(0)
		h.CheckPorts(h.t.Context(), []switchdev.PortOp{checked}, results)
		if first, second := answer(results[0].Err), answer(h.ports(op)); first != second {
			return "checked: " + first + ", done: " + second
		}
		return answer(results[0].Err)
	case "join":
		return answer(h.ports(joinOp(port(w[1]))))
	case "leave":
		return answer(h.ports(switchdev.PortOp{Verb: switchdev.PortLeave, Port: port(w[1])}))
	case "vlan": // port, VLAN, add, untagged or del
		if w[3] == "del" {
			return answer(h.vlans(switchdev.VLANOp{Verb: switchdev.VLANDeleteMember, Port: port(w[1]), VLAN: vlan(w[2])}))
		}
		return answer(h.vlans(memberOp(port(w[1]), vlan(w[2]), map[string]switchdev.VLANFlags{"untagged": switchdev.VLANPVID | switchdev.VLANUntagged}[w[3]])))
	case "ageing":
		d, err := time.ParseDuration(w[1])
		h.must(err)
		return answer(h.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrAgeing, Ageing: d}))
	case "filtering":
		return answer(h.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: true}))
	}
	h.t.Fatalf("no such line: %s", line)
	return ""
}
