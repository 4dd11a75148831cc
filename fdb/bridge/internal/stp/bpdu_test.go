package stp

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/internal/pcapng"
	"github.com/switchcore/switchcore/switchdev"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// published is a frame whose octets are known from elsewhere than this package.
type published struct {
	name    string
	frame   string // as it was on the wire, with its padding
	src     string
	bpdu    BPDU
	padding int // octets of frame after the message
	tcpdump []string
}

func vectors() []published {
	mac := switchdev.MustParseMAC
	return []published{{
		// What a DSL access router sent, in an often shown capture of bridged RFC 1483.
		name: "captured root",
		frame: "0180c2000000 0002fd2cb898 0026 424203 0000 00 00 00 80000002fd2cb882 00000000 80000002fd2cb882 8026" +
			"0000 1400 0200 0f00 0000000000000000",
		src: "00:02:fd:2c:b8:98",
		bpdu: BPDU{Root: BridgeID{0x8000, mac("00:02:fd:2c:b8:82")}, Bridge: BridgeID{0x8000, mac("00:02:fd:2c:b8:82")},
			Port: 0x8026, MaxAge: 20 * time.Second, HelloTime: 2 * time.Second, ForwardDelay: 15 * time.Second},
		padding: 8,
		tcpdump: []string{"STP 802.1d, Config, Flags [none], bridge-id 8000.00:02:fd:2c:b8:82.8026, length 35",
			"message-age 0.00s, max-age 20.00s, hello-time 2.00s, forwarding-delay 15.00s",
			"root-id 8000.00:02:fd:2c:b8:82, root-pathcost 0"},
	}, {
		// Written down by hand from the figure of IEEE 802.1D-1998, 9.3.1.
		name: "config with every field",
		frame: "0180c2000000 020000000001 0026 424203 0000 00 00 81 10000102030405 06 01020304 fffe0a0b0c0d0e0f 8bcd" +
			"0180 1400 0140 0401",
		src: "02:00:00:00:00:01",
		bpdu: BPDU{TopologyChange: true, TopologyChangeAck: true,
			Root: BridgeID{0x1000, mac("01:02:03:04:05:06")}, RootPathCost: 0x01020304,
			Bridge: BridgeID{0xfffe, mac("0a:0b:0c:0d:0e:0f")}, Port: 0x8bcd,
			MessageAge: 1500 * time.Millisecond, MaxAge: 20 * time.Second, HelloTime: 1250 * time.Millisecond,
			ForwardDelay: 4*time.Second + time.Second/256},
		tcpdump: []string{"STP 802.1d, Config, Flags [Topology change, Topology change ACK], bridge-id fffe.0a:0b:0c:0d:0e:0f.8bcd, length 35",
			"message-age 1.50s, max-age 20.00s, hello-time 1.25s, forwarding-delay 4.00s",
			"root-id 1000.01:02:03:04:05:06, root-pathcost 16909060"},
	}, {
		// From 9.3.2, padded to the minimum of Ethernet.
		name:    "topology change notification",
		frame:   "0180c2000000 020000000002 0007 424203 0000 00 80" + strings.Repeat("00", 39),
		src:     "02:00:00:00:00:02",
		bpdu:    BPDU{Kind: KindTCN},
		padding: 39,
		tcpdump: []string{"STP 802.1d, Topology Change\n"},
	}}
}

func TestBPDUHasTheOctetsOfTheStandard(t *testing.T) {
	for _, v := range vectors() {
		frame := unhex(t, v.frame)
		if got, ok := Parse(frame); !ok || got != v.bpdu {
			t.Errorf("%s: parsed %+v %v, want %+v", v.name, got, ok, v.bpdu)
		}
		want := frame[:len(frame)-v.padding]
		if got := v.bpdu.AppendFrame([]byte{1}, switchdev.MustParseMAC(v.src)); !bytes.Equal(got[1:], want) || got[0] != 1 {
			t.Errorf("%s: written\n%x, want\n%x", v.name, got[1:], want)
		}
	}
}

func TestTcpdumpReadsWhatAppendFrameWrites(t *testing.T) {
	path, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("tcpdump is not installed: the independent decoder has not been asked")
	}
	var file bytes.Buffer
	w, err := pcapng.NewWriter(&file, "p1")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range vectors() {
		frame := v.bpdu.AppendFrame(nil, switchdev.MustParseMAC(v.src))
		if err := w.WritePacket(pcapng.Packet{Time: time.Unix(int64(i), 0), Data: frame, OrigLen: len(frame)}); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "-r", "-", "-n", "-v", "-t")
	cmd.Stdin = &file
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	rest := string(out)
	for _, v := range vectors() {
		for _, line := range v.tcpdump {
			_, after, found := strings.Cut(rest, line)
			if !found {
				t.Fatalf("%s: tcpdump does not say %q in\n%s", v.name, line, out)
			}
			rest = after
		}
	}
}

// TestParseRefuses changes one thing at a time in a good frame.
func TestParseRefuses(t *testing.T) {
	good := unhex(t, vectors()[1].frame)
	change := func(at int, octets ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], octets)
		return b
	}
	tcn := unhex(t, vectors()[2].frame)
	for name, frame := range map[string][]byte{
		"nothing":                        nil,
		"header only":                    good[:14],
		"one octet short":                good[:len(good)-1],
		"other group":                    change(5, 1),
		"source is a group":              change(6, 3),
		"source is zero":                 change(6, 0, 0, 0, 0, 0, 0),
		"ethertype":                      change(12, 8, 0),
		"length 0x600":                   change(12, 6, 0),
		"length beyond the frame":        change(12, 0, 0x27),
		"length without the last octet":  change(12, 0, 0x25),
		"length of a LLC header":         change(12, 0, 3),
		"length 0":                       change(12, 0, 0),
		"SNAP":                           change(14, 0xaa, 0xaa, 3),
		"other DSAP":                     change(14, 0x43),
		"other SSAP":                     change(15, 0x43),
		"XID":                            change(16, 0xbf),
		"protocol 1":                     change(18, 1),
		"protocol 0x100":                 change(17, 1),
		"RSTP":                           change(19, 2, 2),
		"version 2 of a config":          change(19, 2),
		"MSTP":                           change(19, 3, 2),
		"type 2":                         change(20, 2),
		"type 0x81":                      change(20, 0x81),
		"message age beyond max age":     change(44, 0x14, 0x01),
		"TCN of three octets":            append(bytes.Clone(tcn[:12]), append([]byte{0, 6}, tcn[14:]...)...),
		"tagged with VLAN 1":             append(append(bytes.Clone(good[:12]), 0x81, 0, 0, 1), good[12:]...),
		"a config's head and no more":    append(append(bytes.Clone(good[:12]), 0, 7), good[14:21]...),
		"message lacks its last 3 bytes": append(append(bytes.Clone(good[:12]), 0, 0x23), good[14:49]...),
	} {
		if b, ok := Parse(frame); ok {
			t.Errorf("%s: accepted as %+v", name, b)
		}
	}
	for name, frame := range map[string][]byte{
		"message age equals max age": change(44, 0x14, 0x00),
		"unknown flags":              change(21, 0xff),
		"a longer message":           append(change(12, 0, 0x2a), 1, 2, 3, 4),
	} {
		if _, ok := Parse(frame); !ok {
			t.Errorf("%s: refused", name)
		}
	}
}

func TestAppendFrameLimitsTimes(t *testing.T) {
	b := BPDU{MessageAge: -time.Second, MaxAge: time.Hour, HelloTime: time.Second/256 - 1, ForwardDelay: time.Second/128 - 1}
	got, ok := Parse(b.AppendFrame(nil, switchdev.MAC{2}))
	want := BPDU{MaxAge: 256*time.Second - time.Second/256, ForwardDelay: time.Second / 256}
	if !ok || got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestIdentifiersAreOrderedAndShown(t *testing.T) {
	mac := switchdev.MustParseMAC
	inOrder := []BridgeID{{}, {0, mac("ff:ff:ff:ff:ff:ff")}, {0x00ff, mac("00:00:00:00:00:02")},
		{0x0100, mac("00:00:00:00:00:01")}, {0x0100, mac("00:00:00:00:01:00")}, {0x8000, mac("02:dd:00:00:00:0a")}}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if got, want := a.Compare(b), min(max(i-j, -1), 1); got != want {
				t.Errorf("%v compared with %v is %d, want %d", a, b, got, want)
			}
		}
	}
	if got, want := inOrder[5].String(), "8000.02dd0000000a"; got != want {
		t.Errorf("bridge is shown as %s, want %s", got, want)
	}
	p := identifier(32, 1)
	if p != 0x8001 || p.String() != "0x8001" || p.Priority() != 32 || p.Number() != 1 {
		t.Errorf("identifier %#x: %v, priority %d, number %d", uint16(p), p, p.Priority(), p.Number())
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	frame := unhex(t, vectors()[1].frame)
	if n := testing.AllocsPerRun(100, func() { Parse(frame) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func randomBPDU(rng *rand.Rand) BPDU {
	if rng.IntN(8) == 0 {
		return BPDU{Kind: KindTCN}
	}
	id := func() BridgeID {
		return BridgeID{uint16(rng.IntN(4)) << 12, switchdev.MAC{2, 5: byte(rng.IntN(4))}}
	}
	maxAge := time.Duration(rng.IntN(0x10000)) * tick
	return BPDU{
		TopologyChange: rng.IntN(2) == 0, TopologyChangeAck: rng.IntN(2) == 0,
		Root: id(), RootPathCost: rng.Uint32() >> rng.IntN(32), Bridge: id(), Port: PortIdentifier(rng.IntN(0x10000)),
		MessageAge: time.Duration(rng.Int64N(int64(maxAge/tick)+1)) * tick, MaxAge: maxAge,
		HelloTime: time.Duration(rng.IntN(0x10000)) * tick, ForwardDelay: time.Duration(rng.IntN(0x10000)) * tick,
	}
}

func TestBPDUSurvivesTheWire(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		b := randomBPDU(rng)
		if got, ok := Parse(b.AppendFrame(nil, switchdev.MAC{2})); !ok || got != b {
			t.Fatalf("%+v comes back as %+v, %v", b, got, ok)
		}
	}
}

// FuzzParse writes what it could read, and wants the same octets but for those
// that mean nothing.
func FuzzParse(f *testing.F) {
	for _, v := range vectors() {
		f.Add(unhex(f, v.frame))
	}
	f.Add(unhex(f, "0180c2000000 020000000001 0027 424203 0000 02 02 7c"+strings.Repeat("00", 31)))
	f.Add(unhex(f, "0180c2000000 020000000001 0026 424203 0000 00 00"+strings.Repeat("30", 26)+"20"+strings.Repeat("30", 5)))
	f.Fuzz(func(t *testing.T, frame []byte) {
		kept := bytes.Clone(frame)
		b, ok := Parse(frame)
		if !bytes.Equal(kept, frame) {
			t.Fatal("Parse wrote into the frame")
		}
		if !ok {
			if b != (BPDU{}) {
				t.Fatalf("%x: refused, and %+v", frame, b)
			}
			return
		}
		written := b.AppendFrame(nil, switchdev.MAC(frame[6:12]))
		want := bytes.Clone(frame[:len(written)])
		copy(want[12:14], written[12:14]) // the length may include what follows the message
		if b.Kind == KindConfig {
			want[21] &= 0x81
		}
		if !bytes.Equal(written, want) {
			t.Fatalf("%x is written as %x", frame, written)
		}
	})
}
