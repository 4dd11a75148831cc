package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/internal/pcapng"
)

// classic returns a pcap file as libpcap of 1998 wrote it.
func classic(link uint32, cut int, frames ...[]byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = le.AppendUint16(le.AppendUint16(b, 2), 4)
	for _, v := range []uint32{0, 0, 65535, link} {
		b = le.AppendUint32(b, v)
	}
	for i, f := range frames {
		for _, v := range []int{1_700_000_000, 1000 * i, len(f), len(f) + cut} {
			b = le.AppendUint32(b, uint32(v))
		}
		b = append(b, f...)
	}
	return b
}

// speak is a frame of the smallest size between two of the stations 1 to 255.
func speak(from, to byte) []byte {
	f := make([]byte, 60)
	copy(f, []byte{2, 0, 0, 0, 9, to, 2, 0, 0, 0, 9, from, 0x88, 0xb5})
	return f
}

func store(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestClassicCaptureDealsStationsToPorts(t *testing.T) {
	// 1 asks for 2, which is unknown: flooded to two ports. From then on everybody is known.
	file := store(t, classic(1, 0, speak(1, 2), speak(2, 1), speak(3, 1), speak(1, 3), speak(4, 1), speak(1, 4)))
	out, _ := runs(t, 0, "-q", "-capture", file, "-ports", "3")
	for _, want := range []string{
		"does not know ports", "dealt out to 3 ports",
		"known unicast, in hardware", "unknown unicast, flooded", "unintended floods: 0\n",
		"02:00:00:00:09:01 dev p1 ", "02:00:00:00:09:02 dev p2 ", "02:00:00:00:09:03 dev p3 ", "02:00:00:00:09:04 dev p1 ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if got := count(t, out, "unknown unicast, flooded"); got != 1 {
		t.Errorf("%d floods, want 1\n%s", got, out)
	}
	// 4 shares a port with 1, so what they say to each other goes nowhere.
	if got := count(t, out, "dropped"); got != 2 {
		t.Errorf("%d dropped, want 2\n%s", got, out)
	}
}

// count returns the number that a line of the report begins or ends with its name.
func count(t *testing.T, report, name string) int {
	t.Helper()
	for line := range strings.Lines(report) {
		n := 0
		if rest, found := strings.CutPrefix(strings.TrimSpace(line), name+" "); found {
			if _, err := fmt.Sscan(rest, &n); err == nil {
				return n
			}
		}
	}
	t.Fatalf("no line %q in\n%s", name, report)
	return 0
}

func TestBadCapturesAreNamedWithThePlace(t *testing.T) {
	whole := classic(1, 0, speak(1, 2), speak(2, 1))
	real := builtIn
	late := classic(1, 0, speak(1, 2), speak(2, 1))
	binary.LittleEndian.PutUint32(late[24:], 0) // the first frame is of 1970, the second of 2023
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":         {nil, "offset 0"},
		"text":          {[]byte("no capture at all, but a text of some length"), "offset 0"},
		"header only":   {whole[:24], "no frames"},
		"cut record":    {whole[:len(whole)-10], "offset 100"},
		"cut block":     {real[:len(real)-3], "offset "},
		"cut packets":   {classic(1, 1440, speak(1, 2)), "60 of its 1500 bytes"},
		"radio":         {classic(105, 0, speak(1, 2)), "link type 105"},
		"broken length": {append(append([]byte{}, whole[:24]...), bytes.Repeat([]byte{0xff}, 40)...), "offset 28"},
		"broken clock":  {late, "time stamps"},
	} {
		t.Run(name, func(t *testing.T) {
			file := store(t, c.data)
			out, errs := runs(t, 1, "-capture", file)
			if out != "" {
				t.Errorf("stdout %q", out)
			}
			for _, want := range []string{"switch: ", file, c.want} {
				if !strings.Contains(errs, want) {
					t.Errorf("%q lacks %q", errs, want)
				}
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "none")
	if _, errs := runs(t, 1, "-capture", missing); !strings.Contains(errs, missing) {
		t.Errorf("missing file: %q", errs)
	}
}

// TestFrameThatPassesNoPortTeachesNobody: no chip takes a frame of 70,000 bytes, so
// its sender stays unknown, and a frame for him is flooded with good reason.
func TestFrameThatPassesNoPortTeachesNobody(t *testing.T) {
	var file bytes.Buffer
	w, err := pcapng.NewWriter(&file, "p1", "p2", "p3")
	if err != nil {
		t.Fatal(err)
	}
	giant := append(speak(1, 2), make([]byte, 70_000)...)
	for i, data := range [][]byte{giant, speak(2, 1)} {
		if err := w.WritePacket(pcapng.Packet{Time: time.Unix(int64(i), 0), Interface: i, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	out, _ := runs(t, 0, "-q", "-capture", store(t, file.Bytes()))
	for _, want := range []string{"long 1", "unintended floods: 0\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestPortNamesAreFitForFiles(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"p1,p2", "p1,p2"}, {"eth0,br-lan.10", "p1,p2"}, {"eth0,eth0", "p1,p2"}, {"eth0,ETH0", "p1,p2"},
		{"eth0,../../x", "p1,p2"}, {"eth0,", "p1,p2"}, {"a\x1b[2J,b", "p1,p2"}, {"veth0@if3,lan_1", "veth0@if3,lan_1"},
	} {
		var interfaces []pcapng.Interface
		for name := range strings.SplitSeq(c.in, ",") {
			interfaces = append(interfaces, pcapng.Interface{Name: name})
		}
		if got := strings.Join(portNames(interfaces), ","); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestFramesComeInTheOrderOfTime(t *testing.T) {
	var buf bytes.Buffer
	w, err := pcapng.NewWriter(&buf, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	for i, second := range []int64{5, 3, 3, 9} {
		if err := w.WritePacket(pcapng.Packet{Time: time.Unix(second, 0), Interface: i % 2, Data: speak(byte(i), 9)}); err != nil {
			t.Fatal(err)
		}
	}
	rec, err := read("x", &buf, 4)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, f := range rec.frames {
		got += fmt.Sprint(f.data[11], f.port, " ")
	}
	if got != "1 2 2 1 0 1 3 2 " {
		t.Errorf("source and port: %s", got)
	}
}

func TestWrittenCapturesHoldWhatTheCountsSay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	out, _ := runs(t, 0, "-q", "-write", dir)
	for _, port := range []string{"p1", "p2", "p3", "p4", "p5"} {
		data, err := os.ReadFile(filepath.Join(dir, port+".pcapng"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := pcapng.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		sent := 0
		for p, err := range r.All() {
			if err != nil {
				t.Fatal(err)
			}
			if name := r.Interface(p.Interface).Name; name != port {
				t.Fatalf("a frame of %s in the file of %s", name, port)
			}
			sent++
		}
		var rx, tx int
		for line := range strings.Lines(out) {
			if rest, found := strings.CutPrefix(line, port+" "); found {
				fmt.Sscan(rest, &rx, &tx)
			}
		}
		if sent == 0 || sent != tx {
			t.Errorf("%s: %d frames in the file, the report says %d", port, sent, tx)
		}
	}
	blocked := store(t, nil)
	if _, errs := runs(t, 1, "-q", "-write", blocked); !strings.Contains(errs, blocked) {
		t.Errorf("a file where the directory was to be: %q", errs)
	}
}

// FuzzCapture feeds whatever it likes through the whole program.
func FuzzCapture(f *testing.F) {
	f.Add(classic(1, 0, speak(1, 2), speak(2, 1), speak(1, 2)))
	f.Add(classic(1, 0, speak(1, 2)[:14], speak(2, 1)[:3], nil))
	f.Add(classic(1, 9, speak(1, 2)))
	f.Add(builtIn[:4_000])
	var two bytes.Buffer
	w, err := pcapng.NewWriter(&two, "a", "b")
	if err != nil {
		f.Fatal(err)
	}
	for i := range 6 {
		from, to := byte(i%3), byte(i*5%4)
		if err := w.WritePacket(pcapng.Packet{Time: time.Unix(int64(7*i), 0), Interface: i % 2, Data: speak(from, to)}); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(two.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := read("fuzz", bytes.NewReader(data), 3)
		if err != nil || len(rec.ports) > 64 || len(rec.frames) > 2000 {
			return
		}
		s, err := newSwitch(rec, options{ageing: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range rec.frames {
			s.receive(frame)
		}
		checkSums(t, s, rec)
		if s.observer.floods > 0 {
			t.Errorf("%d unintended floods", s.observer.floods)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
}

// checkSums checks that no frame was lost from the books.
func checkSums(t *testing.T, s *ethernetSwitch, rec *recording) {
	t.Helper()
	classes, rx := 0, uint64(0)
	for _, n := range s.observer.classes {
		classes += n
	}
	for i := range rec.ports {
		n := s.chip.Port(portID(i)).Counters()
		rx += n.RxFrames
	}
	if classes != len(rec.frames) || rx != uint64(len(rec.frames)) {
		t.Errorf("%d frames came, %d have a class, the ports counted %d", len(rec.frames), classes, rx)
	}
}
