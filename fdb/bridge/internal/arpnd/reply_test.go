package arpnd

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// TestAppendReplyWritesTheLayoutsOfTheStandards compares answers that are written
// out octet by octet, with the fields in the order of RFC 826 and RFC 4861, appended
// to what is there already.
func TestAppendReplyWritesTheLayoutsOfTheStandards(t *testing.T) {
	b := mac("02:00:00:00:00:0b")
	arp, double, nd, router := someARP(), someARP(), someND(), someND()
	arp.src = mac("02:00:00:00:00:0c") // the answer goes to who asks, not to who sent
	double.tags = unhex(t, `88a8 6064 8100 a00a`)
	nd.class, nd.options = 0xbc, unhex(t, `01 01 02000000000c`)
	router.tags = unhex(t, `8100 000a`)
	for _, c := range []struct {
		name   string
		frame  []byte
		offset int
		want   string
	}{
		{
			"ARP", arp.arp(), 12,
			`02000000000a 02000000000b 0806  0001 0800 06 04 0002  02000000000b 0a000002  02000000000a 0a000001`,
		},
		{
			"ARP with two tags", double.arp(), 20,
			`02000000000a 02000000000b 88a8 6064 8100 a00a 0806  0001 0800 06 04 0002  02000000000b 0a000002  02000000000a 0a000001`,
		},
		{
			"ND with an option and a traffic class", nd.nd(), 12,
			`02000000000c 02000000000b 86dd  6b000000 0020 3a ff  fd000000000000000000000000000002 fd000000000000000000000000000001
			88 00 1c91 60000000 fd000000000000000000000000000002  02 01 02000000000b`,
		},
		{
			"ND for a router with a tag", router.nd(), 16,
			`02000000000a 02000000000b 8100 000a 86dd  60000000 0020 3a ff  fd000000000000000000000000000002 fd000000000000000000000000000001
			88 00 9c90 e0000000 fd000000000000000000000000000002  02 01 02000000000b`,
		},
	} {
		q, ok := Parse(c.frame, c.offset)
		if !ok {
			t.Fatalf("%s: the question is refused: %x", c.name, c.frame)
		}
		q.Router = c.offset == 16
		before := []byte("before")
		got := AppendReply(before, c.frame, c.offset, &q, b)
		if want := append(before, unhex(t, c.want)...); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", c.name, got, want)
		}
		if q.Sender.Is6() && !verified(got[6:], c.offset) {
			t.Errorf("%s: the checksum is wrong: %x", c.name, got)
		}
		if longest := MaxReply + c.offset - 12; len(got)-6 > longest || q.Sender.Is6() && len(got)-6 != longest {
			t.Errorf("%s: %d octets, MaxReply says %d", c.name, len(got)-6, longest)
		}
	}
}

// TestAppendReplyChecksumsAreRight lets the slow sum verify answers for many
// addresses, so that every carry occurs.
func TestAppendReplyChecksumsAreRight(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 9))
	for round := range 5000 {
		p := someND()
		p.from, p.target = randomIP6(rnd), randomIP6(rnd)
		f := p.nd()
		q, ok := Parse(f, 12)
		got := AppendReply(nil, f, 12, &q, randomMAC(rnd))
		if !ok || !verified(got, 12) {
			t.Fatalf("round %d: %x, answer to %x", round, got, f)
		}
	}
}

func TestAppendReplyLeavesUnanswered(t *testing.T) {
	b, frame := mac("02:00:00:00:00:0b"), someND().nd()
	arp := Question{Kind: ARPRequest, SenderMAC: b, Sender: ip("10.0.0.1"), Target: ip("10.0.0.2")}
	nd := Question{Kind: Solicitation, SenderMAC: b, Sender: ip("fd00::1"), Target: ip("fd00::2")}
	for _, c := range []struct {
		name   string
		like   Question
		change func(*Question, *switchdev.MAC)
	}{
		{"zero value", Question{}, func(*Question, *switchdev.MAC) {}},
		{"reply", arp, func(q *Question, _ *switchdev.MAC) { q.Kind = ARPReply }},
		{"advertisement", nd, func(q *Question, _ *switchdev.MAC) { q.Kind = Advertisement }},
		{"ARP from a multicast address", arp, func(_ *Question, m *switchdev.MAC) { m[0] = 3 }},
		{"ND from no address", nd, func(_ *Question, m *switchdev.MAC) { *m = switchdev.MAC{} }},
		{"ARP to a multicast address", arp, func(q *Question, _ *switchdev.MAC) { q.SenderMAC[0] = 3 }},
		{"ND to no address", nd, func(q *Question, _ *switchdev.MAC) { q.SenderMAC = switchdev.MAC{} }},
		{"loopback asks", arp, func(q *Question, _ *switchdev.MAC) { q.Sender = ip("127.1.2.3") }},
		{"multicast asks", arp, func(q *Question, _ *switchdev.MAC) { q.Sender = ip("239.1.2.3") }},
		{"ARP for IPv6", arp, func(q *Question, _ *switchdev.MAC) { q.Target = ip("fd00::2") }},
		{"ARP from IPv6", arp, func(q *Question, _ *switchdev.MAC) { q.Sender = ip("::ffff:10.0.0.1") }},
		{"ND for IPv4", nd, func(q *Question, _ *switchdev.MAC) { q.Target = ip("10.0.0.2") }},
		{"ND from IPv4", nd, func(q *Question, _ *switchdev.MAC) { q.Sender = ip("10.0.0.2") }},
		{"detection of duplicates", nd, func(q *Question, _ *switchdev.MAC) { q.DAD = true }},
		{"addressed to its source", nd, func(q *Question, _ *switchdev.MAC) { q.Gratuitous = true }},
	} {
		q, m, dst := c.like, b, []byte("as it was")
		if q != (Question{}) && len(AppendReply(dst, frame, 12, &q, m)) <= len(dst) {
			t.Fatalf("%s: not answered before anything is changed", c.name)
		}
		c.change(&q, &m)
		if got := AppendReply(dst, frame, 12, &q, m); string(got) != "as it was" {
			t.Errorf("%s: answered %x", c.name, got)
		}
	}
	if got := AppendReply(nil, frame[:14], 12, &nd, b); got != nil {
		t.Errorf("a frame that ends with its EtherType is answered %x", got)
	}
}

// TestAppendReplyAnswersSuppressedARP because bridges without neigh_suppress do.
func TestAppendReplyAnswersSuppressedARP(t *testing.T) {
	for _, sender := range []string{"0.0.0.0", "10.0.0.2"} {
		p := someARP()
		p.sip = ip(sender)
		f := p.arp()
		q, ok := Parse(f, 12)
		if got := AppendReply(nil, f, 12, &q, mac("02:00:00:00:00:0b")); !ok || !Suppress(&q) || len(got) != 42 {
			t.Errorf("from %s: %+v, answer %x", sender, q, got)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	spoiltFrame := someND()
	spoiltFrame.wrongness = 1
	tagged := someND()
	tagged.tags, tagged.options = []byte{0x81, 0, 0, 10}, []byte{14, 1, 7: 0, 8: 1, 9: 1, 10: 2, 15: 12}
	m, dst := mac("02:00:00:00:00:0b"), make([]byte, 0, MaxReply+4)
	for _, c := range []struct {
		name   string
		frame  []byte
		offset int
	}{{"ARP", someARP().arp(), 12}, {"ND", tagged.nd(), 16}, {"NA", someNA().nd(), 12}, {"spoilt", spoiltFrame.nd(), 12}} {
		answered := 0
		if n := testing.AllocsPerRun(200, func() {
			q, ok := Parse(c.frame, c.offset)
			if ok && !Suppress(&q) {
				answered += len(AppendReply(dst[:0], c.frame, c.offset, &q, m))
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
		if (answered > 0) != (c.name == "ARP" || c.name == "ND") {
			t.Errorf("%s: %d octets of answers", c.name, answered)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for name, f := range map[string][]byte{"arp": someARP().arp(), "nd": someND().nd()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := Parse(f, 12); !ok {
					b.Fatal("refused")
				}
			}
		})
	}
}
