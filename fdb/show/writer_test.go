package show_test

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// TestBadRowsAreRefused: nothing of such a row is printed, and the next is.
func TestBadRowsAreRefused(t *testing.T) {
	good := show.Row{MAC: switchdev.MAC{2, 0, 0, 0, 0, 1}, Dev: "p1", Master: "br0"}
	for field, change := range map[string]func(*show.Row){
		"VLAN":     func(r *show.Row) { r.VLAN = 4095 },
		"Dev":      func(r *show.Row) { r.Dev = "my port" },
		"Master":   func(r *show.Row) { r.Master = "br\n0" },
		"Via":      func(r *show.Row) { r.Via = "\xff" },
		"Inactive": func(r *show.Row) { r.Inactive = true },
		"Used":     func(r *show.Row) { r.Used = show.Num(1) },
		"Flags":    func(r *show.Row) { r.Flags, r.Master = show.MasterWord|show.Sticky, "" },
		"State":    func(r *show.Row) { r.State = "0x02" },
		"Port":     func(r *show.Row) { r.Port = show.Num(1 << 16) },
		"NetNS":    func(r *show.Row) { r.NetNS = show.Num(1 << 31) },
		"Number":   func(r *show.Row) { r.VNI.Value = 1 },
	} {
		bad := good
		change(&bad)
		var out strings.Builder
		w := show.NewWriter(&out, show.JSON)
		err := w.Write(bad)
		if !errors.Is(err, switchdev.ErrInvalid) || !strings.Contains(err.Error(), "bad "+field) {
			t.Errorf("%s: %v", field, err)
		}
		if err := errors.Join(w.Write(good), w.Close()); err != nil || out.String() != `[{"mac":"02:00:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":""}]`+"\n" {
			t.Errorf("%s: then %q, %v", field, out.String(), err)
		}
		if _, err := bad.MarshalJSON(); !errors.Is(err, switchdev.ErrInvalid) {
			t.Errorf("%s: MarshalJSON says %v", field, err)
		}
		if _, err := bad.MarshalText(); !errors.Is(err, switchdev.ErrInvalid) {
			t.Errorf("%s: MarshalText says %v", field, err)
		}
	}
	bad := good
	bad.Via, bad.ViaIndex = "p1", show.Num(1)
	if bad.Check() == nil {
		t.Error("both forms of via")
	}
	for _, s := range []show.State{"new", "0x", "0x00", "0xAB", "0x10000", "0x40", "reachable", "state=0"} {
		if (show.Row{State: s}).Check() == nil {
			t.Errorf("state %q", s)
		}
	}
}

func TestEmptyListings(t *testing.T) {
	for f, want := range map[show.Format]string{show.Text: "", show.JSON: "[]\n", show.Pretty: "[ ]\n"} {
		if got := print(t, f, nil); got != want {
			t.Errorf("%v: %q", f, got)
		}
	}
}

// full fails after so many bytes.
type full struct{ left int }

var errFull = errors.New("full")

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriterErrorsStay(t *testing.T) {
	for _, f := range []show.Format{show.Text, show.JSON, show.Pretty} {
		w := show.NewWriter(&full{left: 5000}, f)
		row, n := show.Row{MAC: switchdev.MAC{2}}, 0
		for n = 0; w.Write(row) == nil; n++ {
		}
		if n < 50 || n > 1000 {
			t.Errorf("%v: it failed after %d rows", f, n)
		}
		if err := w.Write(row); !errors.Is(err, errFull) {
			t.Errorf("%v: the next says %v", f, err)
		}
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("%v: Close says %v", f, err)
		}
	}
	if err := show.Write(&full{}, show.Text, slices.Values([]show.Row{{}})); !errors.Is(err, errFull) {
		t.Errorf("Write says %v", err)
	}
	w := show.NewWriter(io.Discard, show.Text)
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if err := w.Write(show.Row{}); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("a closed writer says %v", err)
	}
}

func TestReadMayBeLeft(t *testing.T) {
	const text = "02:00:00:00:00:01 \n02:00:00:00:00:02 \n"
	for range show.Read(strings.NewReader(text), show.Text) {
		break
	}
	next, stop := iter.Pull2(show.Read(strings.NewReader(`[{"mac":"02:00:00:00:00:01","state":""},{"mac":"02:00:00:00:00:01","state":""}]`), show.JSON))
	if _, err, ok := next(); err != nil || !ok {
		t.Error(err, ok)
	}
	stop()
}

// A long listing passes through small buffers.
func TestLongListings(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	rows := make([]show.Row, 3000)
	for i := range rows {
		rows[i] = randomRow(r, 0.3)
	}
	for _, f := range []show.Format{show.Text, show.JSON, show.Pretty} {
		if back := readAll(t, print(t, f, rows), f); !slices.Equal(back, rows) {
			t.Errorf("%v: other rows come back", f)
		}
	}
	long := strings.Repeat("x", 1<<17)
	for _, err := range show.Read(strings.NewReader(long+"\n"), show.Text) {
		if line, _ := place(t, err); line != 1 {
			t.Errorf("a line of %d bytes: %v", len(long), err)
		}
	}
}

func TestWriterDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	rows := readAll(t, outputs(t, linux618)[0].text, show.Text)
	for i := range rows {
		rows[i].Used, rows[i].Updated = show.Num(7), show.Num(8)
	}
	for _, f := range []show.Format{show.Text, show.JSON, show.Pretty} {
		w := show.NewWriter(io.Discard, f)
		if n := testing.AllocsPerRun(100, func() {
			for _, r := range rows {
				if err := w.Write(r); err != nil {
					t.Fatal(err)
				}
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations for %d rows", f, n, len(rows))
		}
	}
}

func BenchmarkRead(b *testing.B) {
	rows := make([]show.Row, 1000)
	r := rand.New(rand.NewPCG(7, 7))
	for i := range rows {
		rows[i] = show.Row{MAC: switchdev.MACFromUint64(r.Uint64()), Dev: "eth7", VLAN: 7, Master: "br0"}
	}
	for _, f := range []show.Format{show.Text, show.JSON} {
		b.Run(f.String(), func(b *testing.B) {
			var out bytes.Buffer
			if err := show.Write(&out, f, slices.Values(rows)); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(out.Len()))
			for b.Loop() {
				for _, err := range show.Read(bytes.NewReader(out.Bytes()), f) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
