package bridge_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/internal/pcapng"
	"github.com/switchcore/switchcore/switchdev"
)

// recorded reads a file of the recording of a real bridge; see topology.txt
// there.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "examples", "switch", "capture", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func recordedFrames(t *testing.T, name string) []pcapng.Packet {
	t.Helper()
	r, err := pcapng.NewReader(bytes.NewReader(recorded(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	var all []pcapng.Packet
	for p, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		p.Data = bytes.Clone(p.Data)
		all = append(all, p)
	}
	return all
}

// listedAt returns when fdb.txt was listed.
func listedAt(t *testing.T) time.Time {
	t.Helper()
	text := strings.Join(strings.Fields(string(recorded(t, "topology.txt"))), " ")
	m := regexp.MustCompile(`fdb show br br0" at (\d+)\.(\d{9})`).FindStringSubmatch(text)
	if m == nil {
		t.Fatal("topology.txt does not say when the entries were listed")
	}
	var sec, nsec int64
	fmt.Sscan(m[1], &sec)
	fmt.Sscan(strings.TrimLeft(m[2], "0"), &nsec)
	return time.Unix(sec, nsec)
}

// TestReplaysWhatLinuxSent hands the bridge the frames that five ports of a real
// Linux bridge received, at their times, and compares what it sends, frame by
// frame on each port and in order, with what Linux sent, and at the end its
// listing with Linux's. The only thing tolerated is that a station whose time is
// over within a quarter of a second of the listing may be in one of them: timers
// differ. The recording is replayed as well with learning delayed by more than most answers take: what is
// pending counts as known.
func TestReplaysWhatLinuxSent(t *testing.T) {
	for _, delay := range []time.Duration{0, 200 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) { replayRecording(t, delay) })
	}
}

func replayRecording(t *testing.T, delay time.Duration) {
	const ports = 5
	in, sent := recordedFrames(t, "stations.pcapng"), recordedFrames(t, "bridge-out.pcapng")
	var want [ports + 1][]pcapng.Packet
	for _, p := range sent {
		want[p.Interface+1] = append(want[p.Interface+1], p)
	}
	b, err := bridge.New(bridge.Config{
		Name: "br0", MAC: portMAC(0), Manual: true, Start: in[0].Time.Add(-time.Second),
		Table: fdb.Config{Ageing: ageing, Learning: fdb.Learning{Delay: delay}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for id := range ports {
		b.SubmitAddPort(bridge.PortConfig{ID: switchdev.PortID(id + 1), Name: fmt.Sprintf("p%d", id+1), MAC: portMAC(id + 1)})
	}
	var out bridge.Egress
	floods := 0
	seen := make(map[string]time.Time)
	for n, p := range in {
		b.Poll(p.Time)
		seen[switchdev.MAC(p.Data[6:12]).String()] = p.Time
		v := b.Forward(switchdev.PortID(p.Interface+1), p.Data, &out)
		if v.Class == bridge.ClassUnknown {
			floods++
		}
		for _, id := range out.Ports() {
			if len(want[id]) == 0 || !bytes.Equal(want[id][0].Data, p.Data) {
				t.Fatalf("frame %d at %v from p%d (% x), %v: Linux did not send it next out of p%d", n, p.Time, p.Interface+1, p.Data[:14], v.Reason, id)
			}
			want[id] = want[id][1:]
		}
	}
	for id, rest := range want {
		if len(rest) > 0 {
			t.Errorf("Linux sent %d more frames out of p%d, the first % x at %v", len(rest), id, rest[0].Data[:14], rest[0].Time)
		}
	}
	if delay == 0 { // the listing is of what has been applied
		end := listedAt(t)
		b.Poll(end)
		compareListing(t, b, func(station string) bool {
			return (end.Sub(seen[station]) - ageing).Abs() < 250*time.Millisecond
		})
	}
	t.Logf("%d frames in, %d out, %d unicast floods", len(in), len(sent), floods)
	if len(in) < 1000 || floods < 3 {
		t.Error("the recording shows too little")
	}
}

// compareListing compares the bridge's lines with those of Linux that are the
// bridge's own, in a common order, but for stations on the edge.
func compareListing(t *testing.T, b *bridge.Bridge, edge func(station string) bool) {
	t.Helper()
	var text strings.Builder
	if err := b.WriteFDB(&text); err != nil {
		t.Fatal(err)
	}
	lines := func(text string) (all []string) {
		for line := range strings.Lines(text) {
			if strings.Contains(line, " master br0 ") && !edge(line[:17]) {
				all = append(all, line)
			}
		}
		slices.Sort(all)
		return all
	}
	got, want := lines(text.String()), lines(string(recorded(t, "fdb.txt")))
	if !slices.Equal(got, want) {
		t.Errorf("listing is\n%s; Linux printed\n%s", strings.Join(got, ""), strings.Join(want, ""))
	}
}
