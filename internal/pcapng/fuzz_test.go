package pcapng

import (
	"bytes"
	"io"
	"reflect"
	"testing"
	"testing/iotest"
	"time"
)

// drain reads a file to its end or first final error, checks each packet, and returns all of it.
func drain(t *testing.T, in io.Reader, size int) (*Reader, []Packet, error) {
	t.Helper()
	r, err := NewReader(in)
	if err != nil {
		return nil, nil, err
	}
	var packets []Packet
	turns, held := 0, 0
	for p, err := range r.All() {
		// Every turn costs the file a block or record of at least 16 bytes, except one error.
		if turns++; turns > size/16+1 {
			t.Fatalf("%d packets and errors from %d bytes", turns, size)
		}
		if err != nil {
			if _, ok := err.(*LinkTypeError); ok {
				continue
			}
			return r, packets, err
		}
		if held += len(p.Data); held > size {
			t.Fatalf("%d bytes of packets from %d bytes", held, size)
		}
		if p.OrigLen < len(p.Data) || r.Interface(p.Interface).LinkType != LinkTypeEthernet {
			t.Fatalf("impossible packet %+v", p)
		}
		p.Data = append([]byte{}, p.Data...)
		packets = append(packets, p)
	}
	return r, packets, nil
}

func FuzzReader(f *testing.F) {
	for _, text := range []string{
		"", sectionLE, sectionBE, classicMicroLE, classicNanoBE,
		sectionLE + interfaceLE + enhancedLE + simpleLE + unknownLE,
		sectionBE + interfaceBE + enhancedBE + obsoleteBE,
		sectionLE + interfaceLE + enhancedLE + sectionBE + interfaceBE + enhancedBE,
	} {
		f.Add(unhex(f, text))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		whole, packets, err := drain(t, bytes.NewReader(file), len(file))
		pieces, again, errAgain := drain(t, iotest.OneByteReader(bytes.NewReader(file)), len(file))
		if !reflect.DeepEqual(packets, again) || !reflect.DeepEqual(err, errAgain) {
			t.Fatalf("octet by octet gives %v, %v, not %v, %v", again, errAgain, packets, err)
		}
		if whole == nil {
			return
		}
		if !reflect.DeepEqual(whole.Interfaces(), pieces.Interfaces()) {
			t.Fatalf("octet by octet gives interfaces %v, not %v", pieces.Interfaces(), whole.Interfaces())
		}
		if broken, ok := err.(*FormatError); ok && (broken.Offset < 0 || broken.Offset > int64(len(file))) {
			t.Fatalf("error at %d of %d bytes", broken.Offset, len(file))
		}
		rewrite(t, whole.Interfaces(), packets)
	})
}

// rewrite writes what has been read and reads it back.
func rewrite(t *testing.T, interfaces []Interface, packets []Packet) {
	t.Helper()
	var names []string
	for _, i := range interfaces {
		names = append(names, i.Name)
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, names...)
	if err != nil {
		t.Fatal(err)
	}
	var written []Packet
	for _, p := range packets {
		if p.OrigLen == 0 || p.Time.Year() < 1970 || p.Time.Year() > 2553 {
			continue
		}
		if err := w.WritePacket(p); err != nil {
			t.Fatal(err)
		}
		written = append(written, p)
	}
	if _, back, err := drain(t, &out, out.Len()); err != nil || !reflect.DeepEqual(back, written) {
		t.Fatalf("wrote %v, read %v, %v", written, back, err)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("p1", "p2", uint64(0), []byte("frame"), uint8(1), uint16(0))
	f.Add("", "é", uint64(1<<63+1), []byte{}, uint8(0), uint16(9))
	f.Add("a long name for a port", "b", uint64(18446744072999999999), make([]byte, 1514), uint8(0), uint16(1))
	f.Fuzz(func(t *testing.T, first, second string, ns uint64, data []byte, which uint8, extra uint16) {
		var out bytes.Buffer
		w, err := NewWriter(&out, first, second)
		if err != nil {
			if _, ok := err.(*ArgumentError); !ok || out.Len() != 0 {
				t.Fatalf("%v, %d bytes written", err, out.Len())
			}
			return
		}
		want := []Packet{}
		for n := range 3 { // the length varies so that each padding occurs
			p := Packet{
				Time:      time.Unix(int64(ns/1e9), int64(ns%1e9)).UTC(),
				Interface: int(which) % 2,
				Data:      data[:max(0, len(data)-n)],
				OrigLen:   max(0, len(data)-n) + int(extra),
			}
			if err := w.WritePacket(p); err != nil {
				if _, ok := err.(*ArgumentError); !ok {
					t.Fatal(err)
				}
				continue
			}
			p.Data = append([]byte{}, p.Data...)
			want = append(want, p)
		}
		r, got, err := drain(t, bytes.NewReader(out.Bytes()), out.Len())
		if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("wrote %v, read %v, %v", want, got, err)
		}
		if r.Interface(0).Name != first || r.Interface(1).Name != second || len(r.Interfaces()) != 2 {
			t.Fatalf("interfaces %+v, want %q and %q", r.Interfaces(), first, second)
		}
	})
}
