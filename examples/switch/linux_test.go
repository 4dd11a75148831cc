package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/internal/pcapng"
)

// linux returns a file of the recording.
func linux(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("capture", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sentByLinux returns what the real bridge sent out of each port.
func sentByLinux(t *testing.T) map[string][][]byte {
	t.Helper()
	return byPort(t, bytes.NewReader(linux(t, "bridge-out.pcapng")))
}

func byPort(t *testing.T, file *bytes.Reader) map[string][][]byte {
	t.Helper()
	r, err := pcapng.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string][][]byte{}
	for p, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		name := r.Interface(p.Interface).Name
		sent[name] = append(sent[name], bytes.Clone(p.Data))
	}
	return sent
}

// TestPortsSendWhatLinuxSent compares with the recording of the real bridge: on every port the same
// frames, to the byte, in the same order. There is no difference to excuse. That the chip sends
// some of them and software others does not show: one frame is dealt with before the next comes in,
// as on the one processor of the recording.
func TestPortsSendWhatLinuxSent(t *testing.T) {
	want := sentByLinux(t)
	for _, specs := range [][]string{nil, {"hang:fdb"}, {"full:fdb:8"}, {"slow:fdb:1us"}, {"refuse:fdb"}} {
		t.Run(strings.Join(specs, " "), func(t *testing.T) {
			got := map[string][][]byte{}
			rec := stations(t)
			s, err := newSwitch(rec, options{ageing: 10 * time.Second, faults: faults(t, specs...)})
			if err != nil {
				t.Fatal(err)
			}
			for i, name := range rec.ports {
				port := s.chip.Port(portID(i))
				port.OnEgress(func(data []byte) {
					got[name] = append(got[name], bytes.Clone(data))
					s.sent(port.ID(), data)
				})
			}
			for _, f := range rec.frames {
				s.receive(f)
			}
			for _, name := range rec.ports {
				compare(t, name, got[name], want[name])
			}
			if n := s.observer.floods; n != 0 {
				t.Errorf("%d unintended floods", n)
			}
			if err := s.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func compare(t *testing.T, port string, got, want [][]byte) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("%s: frame %d is % x, Linux sent % x", port, i+1, got[i][:14], want[i][:14])
			return
		}
	}
	if len(got) != len(want) || len(want) < 100 {
		t.Errorf("%s: %d frames, Linux sent %d", port, len(got), len(want))
	}
}

// TestTableIsWhatLinuxListed compares the table with "bridge fdb show" of the real bridge. Linux
// has no hardware there, so the flag offload is left out; the multicast addresses that its network
// devices listen to (self) are not the bridge's.
func TestTableIsWhatLinuxListed(t *testing.T) {
	s := play(t, stations(t), options{ageing: 10 * time.Second}, nil)
	var text strings.Builder
	if err := s.bridge.WriteFDB(&text); err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(strings.Lines(strings.ReplaceAll(text.String(), "offload ", "")))
	want := slices.DeleteFunc(slices.Sorted(strings.Lines(string(linux(t, "fdb.txt")))), func(line string) bool {
		return strings.Contains(line, " self ")
	})
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nLinux listed\n%s", strings.Join(got, ""), strings.Join(want, ""))
	}
}
