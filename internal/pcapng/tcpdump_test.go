package pcapng

import (
	"bytes"
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

// tcpdump runs the independent decoder over a capture.
func tcpdump(t *testing.T, file []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("tcpdump is not installed: the independent decoder has not been asked")
	}
	cmd := exec.Command(path, append([]string{"-r", "-", "--time-stamp-precision=nano"}, args...)...)
	cmd.Stdin = bytes.NewReader(file)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tcpdump: %v\n%s", err, &complaints)
	}
	return out
}

// sample writes frames of four lengths, so of each padding, on three interfaces.
func sample(t *testing.T) (file []byte, packets []Packet) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, "p1", "port two", "p3")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 9 {
		data := append(unhex(t, "ffffffffffff 0200000000ff 88b5"), bytes.Repeat([]byte{byte(n)}, 46+n)...)
		p := Packet{Time: time.Unix(1700000000, int64(n)*111111111+1).UTC(), Interface: n % 3, Data: data, OrigLen: len(data)}
		if n == 5 {
			p.OrigLen = 1514
		}
		if err := w.WritePacket(p); err != nil {
			t.Fatal(err)
		}
		packets = append(packets, p)
	}
	return b.Bytes(), packets
}

func TestTcpdumpReadsWhatWriterWrites(t *testing.T) {
	file, packets := sample(t)
	shown := parseHexDump(t, string(tcpdump(t, file, "-n", "-e", "-tt", "-xx")))
	if len(shown) != len(packets) {
		t.Fatalf("%d packets shown of %d: %v", len(shown), len(packets), shown)
	}
	for n, p := range packets {
		stamp := "1700000000" + p.Time.Format(".000000000")
		head := fmt.Sprintf("%s 02:00:00:00:00:ff > ff:ff:ff:ff:ff:ff, ethertype Unknown (0x88b5), length %d:", stamp, p.OrigLen)
		if !strings.HasPrefix(shown[n].head, head) {
			t.Errorf("packet %d: tcpdump says %q, want %q", n, shown[n].head, head)
		}
		if !bytes.Equal(shown[n].data, p.Data) {
			t.Errorf("packet %d: tcpdump shows %x, want %x", n, shown[n].data, p.Data)
		}
	}
}

// dumped is one packet as tcpdump -xx shows it.
type dumped struct {
	head string
	data []byte
}

func parseHexDump(t *testing.T, text string) (all []dumped) {
	t.Helper()
	for line := range strings.Lines(text) {
		if line[0] != '\t' {
			all = append(all, dumped{head: line})
			continue
		}
		_, octets, _ := strings.Cut(line, ":")
		last := &all[len(all)-1]
		last.data = append(last.data, unhex(t, octets)...)
	}
	return all
}

// TestReaderReadsWhatTcpdumpWrites lets tcpdump turn our pcapng file into a pcap file, in both
// resolutions, and reads that.
func TestReaderReadsWhatTcpdumpWrites(t *testing.T) {
	file, packets := sample(t)
	for _, unit := range []time.Duration{time.Nanosecond, time.Microsecond} {
		precision := map[time.Duration]string{time.Nanosecond: "nano", time.Microsecond: "micro"}[unit]
		classic := tcpdump(t, file, "-w", "-", "--time-stamp-precision="+precision)
		got, err := readAll(mustReader(t, classic))
		if err != nil {
			t.Fatal(err)
		}
		want := make([]Packet, len(packets))
		for n, p := range packets {
			p.Interface, p.Time = 0, p.Time.Truncate(unit)
			want[n] = p
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %v, want %v", precision, got, want)
		}
	}
}
