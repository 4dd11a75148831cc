package pcapng

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// readAll collects copies of all packets and the error that ended the file, nil for its end.
func readAll(r *Reader) (packets []Packet, err error) {
	for p, err := range r.All() {
		if err != nil {
			return packets, err
		}
		p.Data = bytes.Clone(p.Data)
		packets = append(packets, p)
	}
	return packets, nil
}

func mustReader(t testing.TB, file []byte) *Reader {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReaderDecodesHandMadeVectors(t *testing.T) {
	frame := unhex(t, frameHex)
	at := func(sec, nsec int64) time.Time { return time.Unix(sec, nsec).UTC() }
	p1 := Interface{Name: "p1", LinkType: 1, SnapLen: 0x40000, resolution: resolution{exponent: 6, offset: 10}}
	p2 := Interface{Name: "p2", LinkType: 1, resolution: resolution{exponent: 9}}
	second := p2
	second.Section = 1
	third := p1
	third.Section = 2
	for _, c := range []struct {
		name, file string
		interfaces []Interface
		packets    []Packet
	}{
		{"enhanced little-endian with offset", sectionLE + interfaceLE + enhancedLE, []Interface{p1},
			[]Packet{{Time: at(11, 2000), Data: frame, OrigLen: 15}}},
		{"enhanced big-endian nanoseconds, cut", sectionBE + interfaceBE + enhancedBE, []Interface{p2},
			[]Packet{{Time: at(4, 294967297), Data: frame, OrigLen: 60}}},
		{"simple", sectionLE + interfaceLE + simpleLE, []Interface{p1},
			[]Packet{{Data: frame, OrigLen: 15}}},
		{"obsolete", sectionBE + interfaceBE + obsoleteBE, []Interface{p2},
			[]Packet{{Time: at(0, 7), Data: frame, OrigLen: 15}}},
		{"unknown blocks", sectionLE + unknownLE + interfaceLE + unknownLE + enhancedLE + unknownLE, []Interface{p1},
			[]Packet{{Time: at(11, 2000), Data: frame, OrigLen: 15}}},
		{"three sections, both orders",
			sectionLE + interfaceLE + simpleLE + sectionBE + interfaceBE + obsoleteBE + sectionLE + interfaceLE + enhancedLE,
			[]Interface{p1, second, third},
			[]Packet{
				{Data: frame, OrigLen: 15},
				{Time: at(0, 7), Interface: 1, Data: frame, OrigLen: 15},
				{Time: at(11, 2000), Interface: 2, Data: frame, OrigLen: 15},
			}},
		{"version 1.2", strings.Replace(sectionLE, "0100 0000", "0100 0200", 1), nil, nil},
		{"pcap microseconds little-endian", classicMicroLE, []Interface{{LinkType: 1, SnapLen: 0x40000}},
			[]Packet{{Time: at(1, 2000), Data: frame, OrigLen: 60}}},
		{"pcap nanoseconds big-endian", classicNanoBE, []Interface{{LinkType: 1, SnapLen: 0x40000}},
			[]Packet{{Time: at(0xffffffff, 999999999), Data: frame, OrigLen: 15}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := mustReader(t, unhex(t, c.file))
			packets, err := readAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(packets, c.packets) {
				t.Errorf("packets\n%v, want\n%v", packets, c.packets)
			}
			if got := r.Interfaces(); !reflect.DeepEqual(got, c.interfaces) {
				t.Errorf("interfaces\n%+v, want\n%+v", got, c.interfaces)
			}
			for i, want := range c.interfaces {
				if r.Interface(i) != want {
					t.Errorf("interface %d is %+v, want %+v", i, r.Interface(i), want)
				}
			}
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("after the end: %v, want io.EOF", err)
			}
		})
	}
}

func TestPacketKnowsThatItIsTruncated(t *testing.T) {
	for file, want := range map[string]bool{
		sectionBE + interfaceBE + enhancedBE: true,
		sectionLE + interfaceLE + enhancedLE: false,
	} {
		p, err := mustReader(t, unhex(t, file)).Next()
		if err != nil || p.Truncated() != want {
			t.Errorf("truncated %v, error %v, want %v", p.Truncated(), err, want)
		}
	}
}

func TestReaderRefusesBrokenFiles(t *testing.T) {
	for _, c := range []struct {
		name, file string
		offset     int64
		reason     string
		cause      error
	}{
		{"empty", "", 0, "file's magic number is cut off", io.ErrUnexpectedEOF},
		{"three octets", "0a0d0d", 0, "magic number is cut off", io.ErrUnexpectedEOF},
		{"text", "47494638", 0, "magic number 0x47494638", nil},
		{"modified pcap", "34cdb2a1", 0, "neither pcapng nor pcap", nil},
		{"section cut in length", "0a0d0d0a 1c0000", 0, "section header block is cut off", io.ErrUnexpectedEOF},
		{"section cut in body", "0a0d0d0a 1c000000 4d3c2b1a 0100", 0, "section header block is cut off", io.ErrUnexpectedEOF},
		{"section without byte order", "0a0d0d0a 1c000000 4d3c2b1b", 8, "byte order mark 0x4d3c2b1b", nil},
		{"section too short", "0a0d0d0a 18000000 4d3c2b1a", 4, "block of 24 bytes is under the 28", nil},
		{"section too long", "0a0d0d0a 04000001 4d3c2b1a", 4, "block of 16777220 bytes is over the limit of 16777216", nil},
		{"section version 2", strings.Replace(sectionLE, "0100 0000", "0200 0000", 1), 12, "version 2.0", nil},
		{"section version 1.1", strings.Replace(sectionBE, "0001 0000", "0001 0001", 1), 12, "version 1.1", nil},
		{"section length -2", strings.Replace(sectionLE, "ffffffffffffffff", "feffffffffffffff", 1), 16, "section length -2", nil},
		{"section length 3", strings.Replace(sectionLE, "ffffffffffffffff", "0300000000000000", 1), 16, "section length 3", nil},
		{"section trailer", strings.Replace(sectionLE, "1c000000\n", "20000000\n", 1), 24, "block ends with length 32 but began with 28", nil},
		{"section options", "0a0d0d0a 20000000 4d3c2b1a 0100 0000 ffffffffffffffff 0300 0100 20000000", 24, "option 3 of 1 bytes does not fit into the 0", nil},
		{"end mark with length", "0a0d0d0a 20000000 4d3c2b1a 0100 0000 ffffffffffffffff 0000 0400 20000000", 26, "end of options with length 4", nil},
		{"block header cut in type", sectionLE + "0600", 28, "block header is cut off", io.ErrUnexpectedEOF},
		{"block header cut in length", sectionLE + "06000000 3c", 28, "block header is cut off", io.ErrUnexpectedEOF},
		{"block body cut", sectionLE + "06000000 3c000000 00", 28, "block is cut off", io.ErrUnexpectedEOF},
		{"unknown block body cut", sectionLE + "ad0b0000 3c000000 00", 28, "block is cut off", io.ErrUnexpectedEOF},
		{"block trailer cut", sectionLE + "ad0b0000 0c000000 0c00", 28, "block is cut off", io.ErrUnexpectedEOF},
		{"block under 12", sectionLE + "ad0b0000 08000000", 32, "block of 8 bytes is under the 12", nil},
		{"block not aligned", sectionLE + "ad0b0000 0d000000", 32, "block length 13 is not a multiple of 4", nil},
		{"block over 16 MiB", sectionLE + "ad0b0000 04000001", 32, "over the limit", nil},
		{"block trailer wrong", sectionLE + "ad0b0000 0c000000 0d000000", 36, "block ends with length 13 but began with 12", nil},
		{"interface too short", sectionLE + "01000000 10000000 0100 0000 10000000", 32, "block of 16 bytes is under the 20", nil},
		{"interface option cut", sectionLE + "01000000 18000000 0100 0000 00000000 0200 0500 18000000", 44, "option 2 of 5 bytes", nil},
		{"tsresol size", sectionLE + "01000000 1c000000 0100 0000 00000000 0900 0200 06060000 1c000000", 46, "time resolution of 2 bytes", nil},
		{"tsoffset size", sectionLE + "01000000 1c000000 0100 0000 00000000 0e00 0400 00000000 1c000000", 46, "time offset of 4 bytes", nil},
		{"name not UTF-8", sectionLE + "01000000 1c000000 0100 0000 00000000 0200 0200 ff310000 1c000000", 48, "not UTF-8", nil},
		{"packet too short", sectionLE + interfaceLE + "06000000 1c000000 00000000 00000000 00000000 00000000 1c000000", 80, "block of 28 bytes is under the 32", nil},
		{"packet without interface", sectionLE + enhancedLE, 36, "interface 0 of a section that has described 0", nil},
		{"packet of the section before", sectionLE + interfaceLE + sectionLE + enhancedLE, 112, "interface 0 of a section that has described 0", nil},
		{"packet over its block", sectionLE + interfaceLE + strings.Replace(enhancedLE, "0f000000 0f000000", "1d000000 1d000000", 1), 96, "captured length 29 is over the 28 bytes of the block", nil},
		{"packet over snapshot length", sectionLE + interfaceLE + strings.Replace(enhancedLE, "0f000000 0f000000", "01000400 01000400", 1), 96, "over the interface's snapshot length 262144", nil},
		{"packet over its original", sectionLE + interfaceLE + strings.Replace(enhancedLE, "0f000000 0f000000", "0f000000 0e000000", 1), 96, "captured length 15 is over the original length 14", nil},
		{"original over 2 GiB", sectionLE + interfaceLE + strings.Replace(enhancedLE, "0f000000 0f000000", "0f000000 00000080", 1), 100, "original length 2147483648", nil},
		{"packet option cut", sectionLE + interfaceLE + strings.Replace(enhancedLE, "0200 0400", "0200 0900", 1), 120, "option 2 of 9 bytes", nil},
		{"packet stamp out of range", sectionLE + interfaceLE + strings.Replace(enhancedLE, "00000000 42420f00", "ffffffff 42420f00", 1), 88, "outside the years 1 to 9999", nil},
		{"simple without interface", sectionLE + simpleLE, 36, "interface 0 of", nil},
		{"simple too long", sectionLE + interfaceLE + strings.Replace(simpleLE, "0f000000", "11000000", 1), 84, "packet of 17 bytes in a block with room for 16", nil},
		{"simple too short", sectionLE + interfaceLE + strings.Replace(simpleLE, "0f000000", "0c000000", 1), 84, "packet of 12 bytes in a block with room for 16", nil},
		{"simple without length", sectionLE + interfaceLE + "03000000 0c000000 0c000000", 80, "block of 12 bytes is under the 16", nil},
		{"obsolete too short", sectionLE + interfaceLE + "02000000 0c000000 0c000000", 80, "block of 12 bytes is under the 32", nil},
		{"pcap header cut", "d4c3b2a1 0200 0400 00", 0, "pcap file header is cut off", io.ErrUnexpectedEOF},
		{"pcap version", "d4c3b2a1 0200 0300 00000000 00000000 00000400 01000000", 4, "pcap version 2.3", nil},
		{"pcap record cut in header", classicMicroLE + "00", 55, "packet record is cut off", io.ErrUnexpectedEOF},
		{"pcap record cut in data", strings.TrimSuffix(classicMicroLE, "5a"), 24, "packet record is cut off", io.ErrUnexpectedEOF},
		{"pcap microseconds", strings.Replace(classicMicroLE, "02000000", "40420f00", 1), 28, "1000000 parts of a second", nil},
		{"pcap nanoseconds", strings.Replace(classicNanoBE, "3b9ac9ff", "3b9aca00", 1), 28, "1000000000 parts of a second", nil},
		{"pcap over snapshot length", strings.Replace(classicMicroLE, "0f000000 3c", "01000400 3c", 1), 32, "snapshot length", nil},
		{"pcap over limit", strings.Replace(classicMicroLE, "0f000000 3c", "01000001 3c", 1), 32, "packet of 16777217 bytes is over the limit", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(unhex(t, c.file)))
			if err == nil {
				_, err = readAll(r)
			}
			broken, ok := errors.AsType[*FormatError](err)
			if !ok {
				t.Fatalf("error %v (%T), want a FormatError", err, err)
			}
			if broken.Offset != c.offset || !strings.Contains(broken.Error(), c.reason) {
				t.Errorf("got %q at %d, want %q at %d", broken, broken.Offset, c.reason, c.offset)
			}
			if broken.Err != c.cause {
				t.Errorf("cause %v, want %v", broken.Err, c.cause)
			}
			if r != nil {
				if _, again := r.Next(); again != err {
					t.Errorf("next call: %v, want the same error again", again)
				}
			}
		})
	}
}

// TestReaderRefusesEveryCut cuts a file with every kind of block at each octet: only the cuts
// between blocks are good ends.
func TestReaderRefusesEveryCut(t *testing.T) {
	parts := []string{sectionLE, interfaceLE, unknownLE[:strings.Index(unknownLE, "ad0b")], enhancedLE, simpleLE, sectionBE, interfaceBE, obsoleteBE, enhancedBE}
	good, file := map[int]bool{}, []byte(nil)
	for _, part := range parts {
		file = append(file, unhex(t, part)...)
		good[len(file)] = true
	}
	for n := range len(file) + 1 {
		r, err := NewReader(bytes.NewReader(file[:n]))
		if err == nil {
			_, err = readAll(r)
		}
		if good[n] != (err == nil) || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v, want good %v", n, err, good[n])
		}
	}
}

func TestReaderReportsForeignLinkTypeAndGoesOn(t *testing.T) {
	const raw = "01000000 14000000 6500 0000 00000000 14000000" // LINKTYPE_RAW, 101
	ofSecond := strings.Replace(enhancedLE, "3c000000 00000000", "3c000000 01000000", 1)
	file := sectionLE + raw + interfaceLE + enhancedLE + ofSecond + enhancedLE
	r := mustReader(t, unhex(t, file))
	var seen []string
	for p, err := range r.All() {
		foreign, ok := errors.AsType[*LinkTypeError](err)
		switch {
		case err == nil && p.Interface == 1:
			seen = append(seen, "frame")
		case ok && foreign.LinkType == 101 && foreign.Interface == 0 && r.Interface(0).LinkType == 101:
			seen = append(seen, "foreign")
		default:
			t.Fatalf("packet %+v, error %v", p, err)
		}
	}
	if got := strings.Join(seen, " "); got != "foreign frame foreign" {
		t.Errorf("saw %s", got)
	}
	classic := strings.Replace(classicMicroLE, "00000400 01000000", "00000400 71000000", 1)
	_, err := mustReader(t, unhex(t, classic)).Next()
	if foreign, ok := errors.AsType[*LinkTypeError](err); !ok || foreign.LinkType != 113 || foreign.Offset != 24 {
		t.Errorf("classic file of link type 113: %v", err)
	}
}

func TestReaderStopsWhenTheLoopDoes(t *testing.T) {
	r := mustReader(t, unhex(t, sectionLE+interfaceLE+enhancedLE+simpleLE))
	for p, err := range r.All() {
		if err != nil || p.Time.IsZero() {
			t.Fatalf("first packet %+v, %v", p, err)
		}
		break
	}
	if p, err := r.Next(); err != nil || !p.Time.IsZero() {
		t.Errorf("packet after the loop: %+v, %v, want the simple one", p, err)
	}
}

func TestReaderWrapsErrorsOfItsInput(t *testing.T) {
	failure := errors.New("disk on fire")
	file := unhex(t, sectionLE+interfaceLE+enhancedLE)
	for n := range len(file) {
		r, err := NewReader(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(failure)))
		if err == nil {
			_, err = readAll(r)
		}
		_, format := errors.AsType[*FormatError](err)
		if !errors.Is(err, failure) || format {
			t.Fatalf("input failing after %d bytes: %v", n, err)
		}
	}
}

func TestReaderMemoryFollowsTheInput(t *testing.T) {
	for name, text := range map[string]string{
		"packet block": sectionLE + "06000000 00000001 00",
		"section":      "0a0d0d0a 00000001 4d3c2b1a 00",
		"record":       "d4c3b2a1 0200 0400 00000000 00000000 00000000 01000000 00000000 00000000 00000001 00000001 00",
	} {
		file := unhex(t, text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := NewReader(bytes.NewReader(file))
		if err == nil {
			_, err = readAll(r)
		}
		runtime.ReadMemStats(&after)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v, want an early end", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: a file of %d bytes that promises 16 MiB cost %d bytes", name, len(file), used)
		}
	}
}

func TestReaderLimitsInterfaces(t *testing.T) {
	one := unhex(t, "01000000 14000000 0100 0000 00000000 14000000")
	head := unhex(t, sectionLE)
	_, err := readAll(mustReader(t, append(head, bytes.Repeat(one, MaxInterfaces)...)))
	if err != nil {
		t.Fatalf("%d interfaces: %v", MaxInterfaces, err)
	}
	_, err = readAll(mustReader(t, append(head, bytes.Repeat(one, MaxInterfaces+1)...)))
	if broken, ok := errors.AsType[*FormatError](err); !ok || broken.Offset != int64(len(head)+MaxInterfaces*len(one)) {
		t.Errorf("%d interfaces: %v", MaxInterfaces+1, err)
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const runs = 1000
	for name, parts := range map[string][2]string{
		"enhanced": {sectionLE + interfaceLE, enhancedLE},
		"simple":   {sectionLE + interfaceLE, simpleLE},
		"obsolete": {sectionBE + interfaceBE, obsoleteBE},
		"classic":  {classicMicroLE, strings.SplitAfterN(classicMicroLE, "\n", 3)[2]},
	} {
		file := append(unhex(t, parts[0]), bytes.Repeat(unhex(t, parts[1]), runs+10)...)
		r := mustReader(t, file)
		if _, err := r.Next(); err != nil { // makes the buffer
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(runs, func() {
			if p, err := r.Next(); err != nil || len(p.Data) != 15 {
				t.Fatal(p, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per packet", name, n)
		}
	}
}
