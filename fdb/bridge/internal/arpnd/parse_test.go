package arpnd

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// TestParseReadsTheLayoutsOfTheStandards reads frames that are written out octet by
// octet, with the fields in the order of RFC 826 and RFC 4861.
func TestParseReadsTheLayoutsOfTheStandards(t *testing.T) {
	a := mac("02:00:00:00:00:0a")
	const (
		nsHead = `3333ff000002 02000000000a 86dd  60000000 0018 3a ff`
		naHead = `333300000001 02000000000a 86dd  60000000 0020 3a ff`
		fd1    = `fd000000000000000000000000000001`
		fd2    = `fd000000000000000000000000000002`
		node2  = `ff0200000000000000000001ff000002`
		all    = `ff020000000000000000000000000001`
		any    = `00000000000000000000000000000000`
	)
	for _, c := range []struct {
		name, frame string
		want        Question
	}{
		{
			"ARP request", `ffffffffffff 02000000000b 0806  0001 0800 06 04 0001  02000000000a 0a000001  000000000000 0a000002`,
			Question{Kind: ARPRequest, SenderMAC: a, Sender: ip("10.0.0.1"), Target: ip("10.0.0.2")},
		},
		{
			"ARP reply", `02000000000c 02000000000b 0806  0001 0800 06 04 0002  02000000000a 0a000001  02000000000c 0a000002`,
			Question{Kind: ARPReply, Unicast: true, SenderMAC: a, Sender: ip("10.0.0.1"), Target: ip("10.0.0.2")},
		},
		{
			"ARP probe", `ffffffffffff 02000000000a 0806  0001 0800 06 04 0001  02000000000a 00000000  000000000000 0a000002`,
			Question{Kind: ARPRequest, DAD: true, SenderMAC: a, Sender: ip("0.0.0.0"), Target: ip("10.0.0.2")},
		},
		{
			"ARP announcement", `ffffffffffff 02000000000a 0806  0001 0800 06 04 0001  02000000000a 0a000001  000000000000 0a000001`,
			Question{Kind: ARPRequest, Gratuitous: true, SenderMAC: a, Sender: ip("10.0.0.1"), Target: ip("10.0.0.1")},
		},
		{
			"solicitation without options", nsHead + fd1 + node2 + `87 00 80a1 00000000` + fd2,
			Question{Kind: Solicitation, SenderMAC: a, Sender: ip("fd00::1"), Target: ip("fd00::2")},
		},
		{
			"solicitation for duplicates", nsHead + any + node2 + `87 00 7da3 00000000` + fd2,
			Question{Kind: Solicitation, DAD: true, SenderMAC: a, Sender: ip("::"), Target: ip("fd00::2")},
		},
		{
			"unsolicited advertisement of a router", naHead + fd1 + all + `88 00 da8e a0000000` + fd1 + `02 01 02000000000d`,
			Question{Kind: Advertisement, Gratuitous: true, Router: true, SenderMAC: mac("02:00:00:00:00:0d"), Sender: ip("fd00::1"), Target: ip("fd00::1")},
		},
	} {
		frame := unhex(t, c.frame)
		if h := frame[14:]; c.want.Sender.Is6() && !verified(frame, 12) {
			binary.BigEndian.PutUint16(h[42:], 0)
			from, _ := netip.AddrFromSlice(h[8:24])
			to, _ := netip.AddrFromSlice(h[24:40])
			t.Errorf("%s: the checksum is %04x", c.name, slowChecksum(from, to, h[40:]))
		}
		if q, ok := Parse(frame, 12); !ok || q != c.want {
			t.Errorf("%s: read %+v, %v, want %+v", c.name, q, ok, c.want)
		}
		for _, tags := range []string{`8100 a00a`, `88a8 0064 8100 000a`} {
			tagged := slices.Insert(slices.Clone(frame), 12, unhex(t, tags)...)
			if q, ok := Parse(tagged, len(tagged)-len(frame)+12); !ok || q != c.want {
				t.Errorf("%s with tags %s: read %+v, %v, want %+v", c.name, tags, q, ok, c.want)
			}
			if q, ok := Parse(tagged, 12); ok {
				t.Errorf("%s with tags %s: read %+v at the tag", c.name, tags, q)
			}
		}
	}
}

// spoilt is a frame that is not ok because of one field.
type spoilt struct {
	name  string
	frame []byte
}

func spoiltFrames() (all []spoilt) {
	arp := func(name string, at int, octets ...byte) {
		f := someARP().arp()
		copy(f[14+at:], octets)
		all = append(all, spoilt{"ARP: " + name, f})
	}
	arp("hardware type of IEEE 802", 0, 0, 6)
	arp("protocol IPv6", 2, 0x86, 0xdd)
	arp("hardware length", 4, 8)
	arp("protocol length", 5, 16)
	arp("operation 0", 6, 0, 0)
	arp("operation 3, RARP", 6, 0, 3)
	arp("operation 257", 6, 1, 1)
	arp("target loopback", 24, 127, 0, 0, 1)
	arp("target multicast", 24, 224, 0, 0, 1)
	arp("EtherType RARP", -2, 0x80, 0x35)
	head := func(name string, at int, octets ...byte) {
		f := someND().nd()
		copy(f[14+at:], octets)
		all = append(all, spoilt{"ND: " + name, f})
	}
	head("version 4", 0, 0x40)
	head("EtherType IPv4", -2, 0x08, 0x00)
	head("extension header", 6, 0)
	head("hop limit 254", 7, 254)
	head("payload too short", 4, 0, 23)
	head("payload beyond the frame", 4, 0, 25)
	head("jumbogram", 4, 0, 0)
	nd := func(name string, change func(*packet)) {
		for _, p := range []packet{someND(), someNA()} {
			change(&p)
			all = append(all, spoilt{"ND: " + name, p.nd()})
		}
	}
	nd("checksum", func(p *packet) { p.wrongness = 1 })
	nd("router solicitation", func(p *packet) { p.kind = 133 })
	nd("redirect", func(p *packet) { p.kind = 137 })
	nd("multicast target", func(p *packet) { p.target = ip("ff02::1") })
	nd("multicast source", func(p *packet) { p.from = ip("ff02::1") })
	nd("empty option", func(p *packet) { p.options = make([]byte, 8) })
	nd("empty option behind another", func(p *packet) { p.options = []byte{14, 1, 8: 5, 15: 0} })
	nd("option beyond the message", func(p *packet) { p.options = []byte{1, 2, 7: 0} })
	nd("half an option", func(p *packet) { p.options = []byte{14, 1, 11: 0} })
	nd("one octet of an option", func(p *packet) { p.options = []byte{1} })
	nd("one octet that no sum shows", func(p *packet) { p.options = []byte{0} })
	nd("one octet behind an option", func(p *packet) { p.options = []byte{14, 1, 8: 0} })
	one := func(name string, p packet, change func(*packet)) {
		change(&p)
		all = append(all, spoilt{"ND: " + name, p.nd()})
	}
	one("detection with a source address", someND(), func(p *packet) {
		p.from, p.options = ip("::"), []byte{1, 1, 2, 7: 0}
	})
	one("detection to all nodes", someND(), func(p *packet) { p.from, p.to = ip("::"), ip("ff02::1") })
	one("detection to one", someND(), func(p *packet) { p.from, p.to = ip("::"), ip("fd00::2") })
	one("solicited for all", someNA(), func(p *packet) { p.to = ip("ff02::1") })
	return all
}

func TestParseRefusesWhatAHostDiscards(t *testing.T) {
	for _, p := range []packet{someND(), someNA()} {
		if _, ok := Parse(p.nd(), 12); !ok {
			t.Fatalf("the frame to spoil is refused itself: %x", p.nd())
		}
	}
	if _, ok := Parse(someARP().arp(), 12); !ok {
		t.Fatal("the ARP frame to spoil is refused itself")
	}
	for _, s := range spoiltFrames() {
		if q, ok := Parse(s.frame, 12); ok || q != (Question{}) {
			t.Errorf("%s: read %+v, %v of %x", s.name, q, ok, s.frame)
		}
	}
	p := someND()
	code := p.nd()
	code[55]++ // the code, and the checksum with it
	binary.BigEndian.PutUint16(code[56:], binary.BigEndian.Uint16(code[56:])-1)
	if q, ok := Parse(code, 12); ok || !verified(code, 12) {
		t.Errorf("code 1: read %+v, right checksum %v", q, verified(code, 12))
	}
}

// TestParseRefusesEveryFlippedBitAndEveryCut changes each bit that the checksum of
// neighbour discovery covers, and cuts every frame at every length.
func TestParseRefusesEveryFlippedBitAndEveryCut(t *testing.T) {
	withOption := someND()
	withOption.options = []byte{1, 1, 2, 0, 0, 0, 0, 12}
	for _, p := range []packet{someND(), withOption, someNA()} {
		f := p.nd()
		for bit := (14 + 8) * 8; bit < len(f)*8; bit++ {
			f[bit/8] ^= 1 << (bit % 8)
			if q, ok := Parse(f, 12); ok {
				t.Errorf("bit %d flipped: read %+v", bit, q)
			}
			f[bit/8] ^= 1 << (bit % 8)
		}
	}
	for _, f := range [][]byte{someARP().arp(), withOption.nd(), someNA().nd()} {
		for n := range f {
			if q, ok := Parse(f[:n:n], 12); ok {
				t.Errorf("%d octets of %d: read %+v", n, len(f), q)
			}
		}
	}
}

func TestParseRefusesOffsetsThatCannotBe(t *testing.T) {
	const maxInt = int(^uint(0) >> 1)
	tagged := someARP()
	tagged.tags = []byte{0x81, 0, 0, 10}
	f := tagged.arp()
	for _, offset := range []int{-maxInt - 1, -4, -1, 0, 8, 12, 13, 14, 15, 17, 18, 20, 40, len(f) - 1, len(f), len(f) + 4, maxInt, maxInt - 3} {
		if q, ok := Parse(f, offset); ok {
			t.Errorf("offset %d: read %+v", offset, q)
		}
		q := Question{Kind: ARPRequest, SenderMAC: tagged.src, Sender: tagged.sip, Target: tagged.tip}
		if (offset < 12 || offset > len(f)-2 || offset%4 != 0) && AppendReply(nil, f, offset, &q, tagged.src) != nil {
			t.Errorf("offset %d is answered", offset)
		}
	}
	if _, ok := Parse(nil, 12); ok {
		t.Error("nothing is a frame")
	}
}

// TestParseReadsWhatARandomSenderBuilt builds packets field by field, some with other
// options before and behind, odd traffic classes, tags and padding.
func TestParseReadsWhatARandomSenderBuilt(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 2))
	for round := range 3000 {
		p, want := randomPacket(rnd)
		f := p.nd()
		if want.Sender.Is4() {
			f = p.arp()
		}
		if q, ok := Parse(f, p.offset()); !ok || q != want {
			t.Fatalf("round %d: read %+v, %v, want %+v\nof %x", round, q, ok, want, f)
		}
	}
}

func randomMAC(rnd *rand.Rand) switchdev.MAC {
	return switchdev.MACFromUint64(rnd.Uint64() & 0xfeff_ffff_ffff)
}

func randomIP6(rnd *rand.Rand) netip.Addr {
	a := [16]byte{0: 0xfd, 14: byte(rnd.Uint32()), 15: byte(rnd.Uint32())}
	return netip.AddrFrom16(a)
}

// randomPacket returns a packet and what it says.
func randomPacket(rnd *rand.Rand) (p packet, want Question) {
	p = packet{dst: randomMAC(rnd), src: randomMAC(rnd), padding: rnd.IntN(20)}
	if rnd.IntN(2) == 0 {
		p.dst[0] |= 1
	}
	p.tags = [][]byte{nil, {0x81, 0, 0xa0, 10}, {0x88, 0xa8, 0, 10, 0x81, 0, 0, 20}}[rnd.IntN(3)]
	want = Question{SenderMAC: p.src, Unicast: p.dst[0]&1 == 0}
	switch rnd.IntN(3) {
	case 0:
		p.op, p.sha = uint16(1+rnd.IntN(2)), randomMAC(rnd)
		p.sip = netip.AddrFrom4([4]byte{byte(rnd.IntN(2)) * 10, 0, 0, 0})
		p.tip = netip.AddrFrom4([4]byte{10, 0, 0, byte(rnd.IntN(2))})
		want.Kind, want.SenderMAC, want.Sender, want.Target = Kind(p.op), p.sha, p.sip, p.tip
		want.DAD, want.Gratuitous = p.sip == ip("0.0.0.0"), p.sip == p.tip
	case 1:
		p.kind, p.from, p.to, p.target = 135, randomIP6(rnd), randomIP6(rnd), randomIP6(rnd)
		switch rnd.IntN(4) {
		case 0:
			p.to = p.from
		case 1:
			p.from, p.to = ip("::"), ip("ff02::1:ff12:3456")
		}
		want.Kind, want.DAD, want.Gratuitous = Solicitation, p.from == ip("::"), p.from == p.to
		p.randomOptions(rnd, 1, &want)
	case 2:
		p.kind, p.from, p.to, p.target, p.flags = 136, randomIP6(rnd), randomIP6(rnd), randomIP6(rnd), byte(rnd.Uint32())
		if rnd.IntN(2) == 0 {
			p.to, p.flags = ip("ff02::1"), p.flags&^0x40
		}
		want.Kind, want.Router, want.Gratuitous = Advertisement, p.flags>>7 == 1, p.flags>>6&1 == 0
		p.randomOptions(rnd, 2, &want)
	}
	if want.Kind >= Solicitation {
		want.Sender, want.Target, p.class = p.from, p.target, byte(rnd.Uint32())
	}
	return p, want
}

// randomOptions adds options; the first of a kind counts, unless the sender has no
// address and so must not give one.
func (p *packet) randomOptions(rnd *rand.Rand, kind byte, want *Question) {
	given := false
	for range rnd.IntN(4) {
		option := make([]byte, 8*(1+rnd.IntN(3)))
		option[0], option[1] = 14, byte(len(option)/8)
		if rnd.IntN(2) == 0 && !want.DAD {
			m := randomMAC(rnd)
			option[0] = kind
			copy(option[2:], m[:])
			if !given {
				given, want.SenderMAC = true, m
			}
		}
		p.options = append(p.options, option...)
	}
}

// TestSuppressDecidesAsLinuxReads writes the kernel's rules down as a table over the
// kinds of frames and what may be special about them.
func TestSuppressDecidesAsLinuxReads(t *testing.T) {
	for _, c := range []struct {
		kind                      Kind
		unicast, dad, own, expect bool
	}{
		{ARPRequest, false, false, false, false},
		{ARPRequest, false, true, false, true},
		{ARPRequest, false, false, true, true},
		{ARPRequest, true, true, false, false},
		{ARPRequest, true, false, true, false},
		{ARPReply, false, false, false, false},
		{ARPReply, true, false, false, false},
		{ARPReply, true, true, false, true},
		{ARPReply, true, false, true, true},
		{ARPReply, false, false, true, true},
		{Solicitation, false, false, false, false},
		{Solicitation, false, true, false, true},
		{Solicitation, false, false, true, true},
		{Solicitation, true, true, false, false},
		{Solicitation, true, false, true, false},
		{Advertisement, false, false, false, false},
		{Advertisement, true, false, false, false},
		{Advertisement, false, false, true, true},
		{Advertisement, true, false, true, true},
		{0, false, true, true, false},
	} {
		q := Question{Kind: c.kind, Unicast: c.unicast, DAD: c.dad, Gratuitous: c.own}
		if Suppress(&q) != c.expect {
			t.Errorf("%v, unicast %v, detection %v, of itself %v: suppressed %v", c.kind, c.unicast, c.dad, c.own, !c.expect)
		}
		if asks := c.kind == ARPRequest || c.kind == Solicitation; q.Asks() != asks {
			t.Errorf("%v asks %v", c.kind, !asks)
		}
	}
}

func TestKindsHaveNames(t *testing.T) {
	names := []string{"none", "ARP request", "ARP reply", "neighbour solicitation", "neighbour advertisement", "none"}
	for k, name := range names {
		if got := Kind(k).String(); got != name {
			t.Errorf("kind %d is %q, want %q", k, got, name)
		}
	}
}
