package tool

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"

	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// send is "lab send".
type send struct {
	dev      string
	src, dst switchdev.MAC
	tagged   bool
	vlan     uint16
	count    int
}

// mostCopies bounds "count".
const mostCopies = 10000

func parseSend(a *args) verb {
	v := send{count: 1}
	if len(a.words) < 3 {
		a.outside("", "want an interface, a source and a destination")
		return v
	}
	v.dev, v.src, v.dst = a.next(), a.labMAC(a.next()), a.labMAC(a.next())
	counted := false
	for a.more() {
		switch word := a.next(); {
		case word == "vlan" && !v.tagged:
			v.vlan, v.tagged = uint16(a.labNumber(0, 4095)), true
		case word == "count" && !counted:
			v.count, counted = a.labNumber(1, mostCopies), true
		default:
			a.usage(word)
		}
	}
	return v
}

// labMAC and labNumber read arguments of the lab's own verbs, which are strict.
func (a *args) labMAC(word string) switchdev.MAC {
	mac, err := switchdev.ParseMAC(word)
	if err != nil {
		a.outside(word, "not a MAC address")
	}
	return mac
}

func (a *args) labNumber(least, most int) int {
	if len(a.words) == 0 {
		a.outside("", "a number is missing")
		return 0
	}
	word := a.next()
	n, err := strconv.Atoi(word)
	if err != nil || n < least || n > most {
		a.outside(word, "want a number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
	}
	return n
}

func (v send) run(r *run) error {
	if _, ok := r.machine.Link("", v.dev); !ok {
		return &NotSupported{Word: v.dev, Reason: "no such interface"}
	}
	got := map[arrival]int{}
	for range v.count {
		copies, err := r.machine.Send("", v.dev, v.frame())
		if err != nil {
			return err
		}
		for _, c := range copies {
			// Places in other namespaces are not looked at.
			if a, ok := v.arrival(c); ok && c.NS == "" {
				got[a]++
			}
		}
	}
	r.print("rx: " + arrivals(got))
	return nil
}

// frame is the frame that is sent: 64 bytes, and four for a tag.
func (v send) frame() []byte {
	const length, tpid, experimental = 64, 0x8100, 0x88b5
	frame := make([]byte, 0, length+4)
	frame = append(append(frame, v.dst[:]...), v.src[:]...)
	if v.tagged {
		frame = binary.BigEndian.AppendUint16(frame, tpid)
		frame = binary.BigEndian.AppendUint16(frame, v.vlan)
	}
	frame = binary.BigEndian.AppendUint16(frame, experimental)
	return append(frame, make([]byte, cap(frame)-4*b2i(!v.tagged)-len(frame))...)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// arrival is where a frame was received, and its tag, -1 for none.
type arrival struct {
	dev  string
	vlan int
}

// arrival tells where a copy was received; false if it is another frame.
func (v send) arrival(c machine.Copy) (arrival, bool) {
	f := c.Frame
	if len(f) < 14 || switchdev.MAC(f[:6]) != v.dst || switchdev.MAC(f[6:12]) != v.src {
		return arrival{}, false
	}
	a := arrival{dev: c.Dev, vlan: -1}
	if t := binary.BigEndian.Uint16(f[12:]); (t == 0x8100 || t == 0x88a8) && len(f) >= 16 {
		a.vlan = int(binary.BigEndian.Uint16(f[14:]) & 0xfff)
	}
	return a, true
}

// arrivals lists places with their tags and counts.
func arrivals(got map[arrival]int) string {
	if len(got) == 0 {
		return "-"
	}
	var b []byte
	for _, a := range slices.SortedFunc(maps.Keys(got), func(x, y arrival) int {
		return cmp.Or(cmp.Compare(x.dev, y.dev), cmp.Compare(x.vlan, y.vlan))
	}) {
		if b != nil {
			b = append(b, ' ')
		}
		b = append(b, a.dev...)
		if a.vlan >= 0 {
			b = strconv.AppendInt(append(b, '/'), int64(a.vlan), 10)
		}
		if n := got[a]; n > 1 {
			b = strconv.AppendInt(append(b, '*'), int64(n), 10)
		}
	}
	return string(b)
}
