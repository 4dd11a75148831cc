package pcapng

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestWriterWritesTheDraftsBytes(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, "p1", "")
	if err != nil {
		t.Fatal(err)
	}
	p := Packet{Time: time.Unix(1, 2), Interface: 1, Data: unhex(t, frameHex), OrigLen: 60}
	if err := w.WritePacket(p); err != nil {
		t.Fatal(err)
	}
	want := unhex(t, sectionLE+`
01000000 28000000 0100 0000 00000000 0200 0200 70310000 0900 0100 09000000 0000 0000 28000000
01000000 20000000 0100 0000 00000000 0900 0100 09000000 0000 0000 20000000
06000000 30000000 01000000 00000000 02ca9a3b 0f000000 3c000000`+frameHex+`00 30000000
`)
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("wrote\n%x, want\n%x", b.Bytes(), want)
	}
}

func TestWriterRefusesWhatNoFileHolds(t *testing.T) {
	for argument, names := range map[string][]string{
		"interfaces[1]": {"p1", strings.Repeat("x", MaxName+1)},
		"interfaces[0]": {"\xff"},
		"interfaces":    make([]string, MaxInterfaces+1),
	} {
		var b bytes.Buffer
		_, err := NewWriter(&b, names...)
		if bad, ok := errors.AsType[*ArgumentError](err); !ok || bad.Argument != argument || b.Len() != 0 {
			t.Errorf("%s: %v, %d bytes written", argument, err, b.Len())
		}
	}
	var b bytes.Buffer
	w, err := NewWriter(&b, "p1")
	if err != nil {
		t.Fatal(err)
	}
	head, now := b.Len(), time.Unix(1, 0)
	last := time.Unix(int64(math.MaxUint64/uint64(time.Second)), 0)
	for _, c := range []struct {
		argument string
		packet   Packet
	}{
		{"Packet.Interface", Packet{Time: now, Interface: 1}},
		{"Packet.Interface", Packet{Time: now, Interface: -1}},
		{"Packet.Time", Packet{}},
		{"Packet.Time", Packet{Time: time.Unix(-1, 999999999)}},
		{"Packet.Time", Packet{Time: last}},
		{"Packet.OrigLen", Packet{Time: now, Data: []byte{1, 2}, OrigLen: 1}},
		{"Packet.OrigLen", Packet{Time: now, OrigLen: -1}},
		{"Packet.Data", Packet{Time: now, Data: make([]byte, MaxBlock-31)}},
	} {
		err := w.WritePacket(c.packet)
		if bad, ok := errors.AsType[*ArgumentError](err); !ok || bad.Argument != c.argument || b.Len() != head {
			t.Errorf("%s: %v, %d bytes written", c.argument, err, b.Len()-head)
		}
	}
	// The largest and the latest that do fit come back.
	big := Packet{Time: last.Add(-time.Nanosecond).UTC(), Data: make([]byte, MaxBlock-32), OrigLen: math.MaxInt32}
	if err := w.WritePacket(big); err != nil {
		t.Fatal(err)
	}
	got, err := mustReader(t, b.Bytes()).Next()
	if err != nil || !got.Time.Equal(big.Time) || len(got.Data) != len(big.Data) || got.OrigLen != big.OrigLen {
		t.Errorf("largest packet: %v %d %d, %v", got.Time, len(got.Data), got.OrigLen, err)
	}
}

// failing is a writer that fails from its nth call on.
type failing struct{ calls, good int }

var errFull = errors.New("full")

func (f *failing) Write(b []byte) (int, error) {
	if f.calls++; f.calls > f.good {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriterKeepsTheErrorOfItsOutput(t *testing.T) {
	if _, err := NewWriter(&failing{}, "p1"); !errors.Is(err, errFull) {
		t.Errorf("NewWriter: %v", err)
	}
	out := &failing{good: 2}
	w, err := NewWriter(out, "p1")
	if err != nil {
		t.Fatal(err)
	}
	p := Packet{Time: time.Unix(1, 0), Data: []byte{1}}
	if err := w.WritePacket(p); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.WritePacket(p); !errors.Is(err, errFull) {
			t.Errorf("WritePacket: %v", err)
		}
	}
	if out.calls != 3 {
		t.Errorf("%d calls of Write, want 3: none after the failure", out.calls)
	}
}

func TestWritePacketDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	w, err := NewWriter(&failing{good: math.MaxInt}, "p1")
	if err != nil {
		t.Fatal(err)
	}
	p := Packet{Time: time.Unix(1, 0), Data: make([]byte, 1514)}
	if n := testing.AllocsPerRun(1000, func() {
		if err := w.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}
