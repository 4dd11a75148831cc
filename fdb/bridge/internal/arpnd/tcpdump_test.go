package arpnd

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/internal/pcapng"
)

// tcpdump runs the independent decoder over frames and returns what it says of
// each, with its continuation lines.
func tcpdump(t *testing.T, frames [][]byte) (said []string) {
	t.Helper()
	path, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("tcpdump is not installed: the independent decoder has not been asked")
	}
	var file, complaints bytes.Buffer
	w, err := pcapng.NewWriter(&file, "p1")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		p := pcapng.Packet{Time: time.Unix(1700000000, 0), Data: f, OrigLen: len(f)}
		if err := w.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "-r", "-", "-vv", "-e", "-n", "-t")
	cmd.Stdin, cmd.Stderr = &file, &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tcpdump: %v\n%s", err, &complaints)
	}
	for line := range strings.Lines(string(out)) {
		if line[0] != '\t' && line[0] != ' ' {
			said = append(said, "")
		}
		said[len(said)-1] += strings.Join(strings.Fields(line), " ") + " "
	}
	return said
}

// TestTcpdumpReadsTheAnswers asks tcpdump what the answers say, and that it finds their
// checksums right; of a frame with a wrong one it has to say so.
func TestTcpdumpReadsTheAnswers(t *testing.T) {
	arp, nd, router, wrong := someARP(), someND(), someND(), someND()
	arp.tags, router.tags = unhex(t, `8100 a00a`), unhex(t, `88a8 0064 8100 000a`)
	nd.class, wrong.wrongness = 0xb0, 1
	var frames [][]byte
	for _, p := range []packet{someARP(), arp, nd, router} {
		f := p.nd
		if p.op != 0 {
			f = p.arp
		}
		question := f()
		q, ok := Parse(question, p.offset())
		if !ok {
			t.Fatalf("refused: %x", question)
		}
		q.Router = p.offset() == 20
		frames = append(frames, question, AppendReply(nil, question, p.offset(), &q, mac("02:00:00:00:00:0b")))
	}
	said := tcpdump(t, append(frames, wrong.nd()))
	for n, words := range [][]string{
		1: {"02:00:00:00:00:0b > 02:00:00:00:00:0a", "length 42", "Ethernet (len 6), IPv4 (len 4), Reply 10.0.0.2 is-at 02:00:00:00:00:0b"},
		3: {"802.1Q (0x8100)", "vlan 10, p 5", "Reply 10.0.0.2 is-at 02:00:00:00:00:0b"},
		4: {"[icmp6 sum ok] ICMP6, neighbor solicitation, length 24, who has fd00::2"},
		5: {
			"02:00:00:00:00:0b > 02:00:00:00:00:0a", "length 86", "class 0xb0", "hlim 255", "fd00::2 > fd00::1: [icmp6 sum ok] ICMP6, neighbor advertisement",
			"tgt is fd00::2, Flags [solicited, override]", "destination link-address option (2), length 8 (1): 02:00:00:00:00:0b",
		},
		7: {"vlan 100", "vlan 10", "[icmp6 sum ok]", "tgt is fd00::2, Flags [router, solicited, override]"},
		8: {"[bad icmp6 cksum"},
	} {
		for _, w := range words {
			if n >= len(said) || !strings.Contains(said[n], w) {
				t.Errorf("frame %d: tcpdump does not say %q: %q", n, w, said)
			}
		}
	}
}
