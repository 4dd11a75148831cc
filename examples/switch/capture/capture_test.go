package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/internal/pcapng"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ports = 5

// load reads a recording and checks what both promise: five named ports, whole frames of
// Ethernet size in the order of time.
func load(t *testing.T, file []byte) []pcapng.Packet {
	t.Helper()
	r, err := pcapng.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var packets []pcapng.Packet
	for p, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		p.Data = bytes.Clone(p.Data)
		packets = append(packets, p)
		if len(p.Data) < 14 || len(p.Data) > 1518 || p.Truncated() {
			t.Errorf("frame %d: %d bytes of %d", len(packets), len(p.Data), p.OrigLen)
		}
		if n := len(packets); n > 1 && p.Time.Before(packets[n-2].Time) {
			t.Errorf("frame %d is from before the frame before it", n)
		}
	}
	if got := len(r.Interfaces()); got != ports {
		t.Fatalf("%d interfaces", got)
	}
	for i := range ports {
		if got, want := r.Interface(i).Name, fmt.Sprintf("p%d", i+1); got != want {
			t.Errorf("interface %d is %q, want %q", i, got, want)
		}
	}
	return packets
}

// mac is an Ethernet address as a map key.
type mac [6]byte

func (m mac) String() string { return fmt.Sprintf("% x", m[:]) }
func (m mac) group() bool    { return m[0]&1 != 0 }
func (m mac) reserved() bool {
	return [5]byte(m[:5]) == [5]byte{0x01, 0x80, 0xc2} && m[5] < 16
}

func destination(frame []byte) mac { return mac(frame[:6]) }
func source(frame []byte) mac      { return mac(frame[6:12]) }

var (
	broadcastMAC = mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	movingMAC    = mac{0x02, 0, 0, 0, 0x06, 0x01}
	wandererMAC  = mac{0x02, 0, 0, 0, 0x09, 0x01}
	unknownMAC   = mac{0x02, 0, 0, 0, 0x09, 0x99}
	bridgeMAC    = mac{0x02, 0, 0, 0, 0x01, 0x00}
)

// classes names what a frame is an example of; a frame may belong to several.
func classes(frame []byte) (names []string) {
	to, from := destination(frame), source(frame)
	add := func(is bool, name string) {
		if is {
			names = append(names, name)
		}
	}
	add(to == broadcastMAC, "broadcast")
	add(to.group() && to != broadcastMAC, "multicast")
	add(!to.group(), "unicast")
	add(to.reserved(), "link-local group")
	add(from.group(), "group source")
	add(from == mac{}, "zero source")
	add(isOwn(to), "to the bridge or a port")
	add(isOwn(from), "from the bridge or a port")
	add(to == unknownMAC, "unknown station")
	add(len(frame) < 60, "under 60 bytes")
	add(len(frame) == 60, "60 bytes")
	add(len(frame) == 1514, "1514 bytes")
	add(len(frame) == 1518, "1518 bytes")
	return append(names, payloadClasses(frame)...)
}

func payloadClasses(frame []byte) []string {
	kind, rest := binary.BigEndian.Uint16(frame[12:]), frame[14:]
	switch {
	case kind == 0x8100 && binary.BigEndian.Uint16(rest)&0xfff == 0:
		return []string{"priority-tagged"}
	case kind == 0x8100:
		return []string{"VLAN-tagged"}
	case kind == 0x88a8:
		return []string{"service-tagged"}
	case kind == 0x88cc:
		return []string{"LLDP"}
	case kind < 0x600:
		return []string{"802.3 length"}
	case kind == 0x0806 && bytes.Equal(rest[14:18], rest[24:28]):
		return []string{"gratuitous ARP"}
	case kind == 0x0806 && rest[7] == 1:
		return []string{"ARP request"}
	case kind == 0x0806:
		return []string{"ARP reply"}
	case kind == 0x0800:
		return []string{ipv4Class(rest)}
	case kind == 0x86dd:
		return []string{ipv6Class(rest)}
	}
	return nil
}

func ipv4Class(p []byte) string {
	switch p[9] {
	case 1:
		return "ICMPv4 echo"
	case 2:
		return "IGMP"
	case 6:
		return "TCPv4"
	}
	return "UDPv4"
}

func ipv6Class(p []byte) string {
	switch next, rest := p[6], p[40:]; {
	case next == 0 && rest[8] == 143:
		return "MLDv2 report"
	case next == 6:
		return "TCPv6"
	case next == 17:
		return "UDPv6"
	case next == 58 && rest[0] == 135 && bytes.Equal(p[8:24], make([]byte, 16)):
		return "duplicate address detection"
	case next == 58 && rest[0] == 135:
		return "neighbour solicitation"
	case next == 58 && rest[0] == 136:
		return "neighbour advertisement"
	case next == 58 && rest[0] == 133:
		return "router solicitation"
	case next == 58 && (rest[0] == 128 || rest[0] == 129):
		return "ICMPv6 echo"
	}
	return "other IPv6"
}

// atLeast is what README.md promises of stations.pcapng.
var atLeast = map[string]int{
	"broadcast": 60, "multicast": 300, "unicast": 400, "unknown station": 1,
	"ARP request": 50, "ARP reply": 5, "gratuitous ARP": 1,
	"ICMPv4 echo": 150, "ICMPv6 echo": 20, "TCPv4": 100, "TCPv6": 30, "UDPv4": 15, "UDPv6": 10,
	"IGMP": 4, "MLDv2 report": 50, "duplicate address detection": 50,
	"neighbour solicitation": 5, "neighbour advertisement": 5, "router solicitation": 20,
	"link-local group": 16, "LLDP": 1, "802.3 length": 2,
	"VLAN-tagged": 5, "priority-tagged": 2, "service-tagged": 1,
	"group source": 3, "zero source": 2,
	"to the bridge or a port": 2, "from the bridge or a port": 2,
	"under 60 bytes": 50, "60 bytes": 20, "1514 bytes": 50, "1518 bytes": 1,
}

func TestStationsHoldWhatIsPromised(t *testing.T) {
	counts := map[string]int{}
	packets := load(t, Stations())
	for _, p := range packets {
		for _, class := range classes(p.Data) {
			counts[class]++
		}
	}
	for _, class := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%-28s %4d", class, counts[class])
	}
	for class, want := range atLeast {
		if counts[class] < want {
			t.Errorf("%d frames of class %s, want at least %d", counts[class], class, want)
		}
	}
	if n := counts["other IPv6"]; n != 0 {
		t.Errorf("%d IPv6 frames of no known class", n)
	}
	if d := packets[len(packets)-1].Time.Sub(packets[0].Time); d < 20*time.Second || d > time.Minute {
		t.Errorf("the recording lasts %v", d)
	}
	if size := len(Stations()) + len(BridgeOut()); size > 1500000 {
		t.Errorf("the files have %d bytes together", size)
	}
}

// portsOf lists the ports on which a station was heard, in order, without repetition.
func portsOf(packets []pcapng.Packet, station mac) (heard []int) {
	for _, p := range packets {
		if source(p.Data) == station && (len(heard) == 0 || heard[len(heard)-1] != p.Interface+1) {
			heard = append(heard, p.Interface+1)
		}
	}
	return heard
}

func TestStationsMove(t *testing.T) {
	packets := load(t, Stations())
	if got := portsOf(packets, movingMAC); !slices.Equal(got, []int{3, 5}) {
		t.Errorf("the moving machine was heard on ports %v, want 3 and then 5", got)
	}
	if got := portsOf(packets, wandererMAC); !slices.Equal(got, []int{2, 4, 5}) {
		t.Errorf("the wandering source was heard on ports %v, want 2, 4 and 5", got)
	}
	// The TCP conversation that began before the move goes on after it: same addresses and
	// ports, data from the moved machine on both sides.
	data := map[int]int{}
	for _, p := range packets {
		if source(p.Data) == movingMAC && slices.Contains(classes(p.Data), "TCPv4") {
			data[p.Interface+1]++
		}
	}
	if data[3] < 5 || data[5] < 5 {
		t.Errorf("TCP frames of the moving machine per port: %v", data)
	}
}

func TestManyStationsShareAPort(t *testing.T) {
	behind := map[mac]bool{}
	for _, p := range load(t, Stations()) {
		if p.Interface == 4 {
			behind[source(p.Data)] = true
		}
	}
	if len(behind) < 44 {
		t.Errorf("%d stations behind port 5", len(behind))
	}
}

func TestFDBListsThePorts(t *testing.T) {
	for i := range ports {
		if want := fmt.Sprintf("02:00:00:00:01:%02x dev p%d master br0 permanent", i+1, i+1); !strings.Contains(FDB(), want) {
			t.Errorf("no line %q", want)
		}
	}
}
