package show_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
	"github.com/switchcore/switchcore/switchdev"
)

var ab = show.Place{Handle: devlink.Handle{Bus: "a", Device: "b"}}

// Nothing of such a row is printed, and the next is.
func TestBadRowsAreRefused(t *testing.T) {
	deep := show.Part{Name: "x", Size: show.Num(1), Unit: "entry"}
	for range 70 {
		deep = show.Part{Name: "x", Size: show.Num(1), Unit: "entry", Parts: []show.Part{deep}}
	}
	at := show.Place{Handle: ab.Handle, Port: 1, OnPort: true}
	for _, c := range []struct {
		row  show.Row
		want string
	}{
		{&show.Dev{}, "place"},
		{&show.Dev{Handle: devlink.Handle{Bus: "a b", Device: "c"}}, "place"},
		{&show.Dev{Handle: ab.Handle, Nested: []show.Nested{{}}}, "nested_devlink"},
		{&show.Dev{Handle: ab.Handle, Nested: []show.Nested{{Handle: ab.Handle, NetNS: "x", ID: 1, HasID: true}}}, "nested_devlink"},
		{&show.Port{At: ab, Type: "eth"}, "place"},
		{&show.Port{At: show.Place{Handle: ab.Handle, Port: 1}, Type: "eth"}, "place"},
		{&show.Port{At: at}, "type"},
		{&show.Port{At: at, Type: "fast"}, "type"},
		{&show.Port{At: at, Type: "eth", Netdev: "a b"}, "netdev"},
		{&show.Port{At: at, Type: "eth", PF: show.Num(1 << 16)}, "pfnum"},
		{&show.Port{At: at, Type: "eth", Lanes: show.Number{Value: 1}}, "lanes"},
		{&show.Port{At: at, Type: "eth", External: 3}, "external"},
		{&show.Port{At: at, Type: "eth", Function: show.Function{Shown: true, HWAddr: "0"}}, "hw_addr"},
		{&show.Port{At: at, Type: "eth", Function: show.Function{Shown: true, RoCE: 3}}, "roce"},
		{&show.Param{At: ab, Name: "x"}, "values"},
		{&show.Param{At: ab, Name: "x", Values: []show.ParamValue{{}}}, "cmode"},
		{&show.Param{At: ab, Name: "x", Values: []show.ParamValue{{Mode: "runtime", Value: show.TextScalar("\x00")}}}, "value"},
		{&show.Resource{At: ab, Part: show.Part{Name: "x", Unit: "entry"}}, "size"},
		{&show.Resource{At: ab, Part: show.Part{Name: "x", Size: show.Num(1), Unit: "entry", Path: "x"}}, "resource_path"},
		{&show.Resource{At: ab, Part: show.Part{Name: "x", Size: show.Num(1), Unit: "entry", Tables: []show.Table{}}}, "dpipe_tables"},
		{&show.Resource{At: ab, Part: deep}, "depth"},
		{&show.Region{At: ab}, "name"},
		{&show.Region{At: ab, Name: "a/b"}, "name"},
		{&show.Reporter{At: ab, Name: "x", State: "ill"}, "state"},
		{&show.Trap{At: ab, Name: "x", Type: "drop", Action: "drop", Group: "g"}, "generic"},
		{&show.Trap{At: ab, Name: "x", Type: "drop", Action: "drop", Group: "g", Generic: show.Yes, Metadata: show.Metadata{Shown: true, Is: 4}}, "metadata"},
		{&show.Group{At: ab, Generic: show.Yes}, "name"},
		{&show.Policer{At: ab}, "policer"},
		{&show.Info{Handle: ab.Handle, Driver: "\xff"}, "driver"},
		{&show.Info{Handle: ab.Handle, Versions: show.Versions{Shown: true, Fixed: []show.Version{{}}}}, "fixed"},
		{&show.Rate{At: ab}, "place"},
		{&show.Rate{At: at, Node: "n"}, "place"},
		{&show.Rate{At: at, Share: show.Num(1 << 61)}, "tx_share"},
	} {
		err := show.Check(c.row)
		if !errors.Is(err, switchdev.ErrInvalid) || !strings.HasSuffix(err.Error(), "bad "+c.want) && !strings.Contains(err.Error(), "bad "+c.want+":") {
			t.Errorf("%T %v, want %s", c.row, err, c.want)
		}
		var out strings.Builder
		w := show.NewWriter(&out, c.row.Section(), show.JSON)
		if got := w.Write(c.row); !errors.Is(got, switchdev.ErrInvalid) {
			t.Errorf("%T: Write says %v", c.row, got)
		}
		d := dice{rand.New(rand.NewPCG(1, 1)), 0.5}
		good := d.row(c.row.Section())
		if err := errors.Join(w.Write(good), w.Close()); err != nil || out.String() != print(t, good.Section(), show.JSON, []show.Row{good}) {
			t.Errorf("%T: then %q, %v", c.row, out.String(), err)
		}
	}
	w := show.NewWriter(io.Discard, show.Ports, show.Text)
	if err := w.Write(&show.Dev{Handle: ab.Handle}); !errors.Is(err, switchdev.ErrInvalid) {
		t.Errorf("a row of another section: %v", err)
	}
	if err := show.NewWriter(io.Discard, show.Flashes, show.Text).Write(&show.Flash{Handle: ab.Handle}); !errors.Is(err, switchdev.ErrInvalid) {
		t.Errorf("a row of an event: %v", err)
	}
}

// What is too deep to be followed loses its row alone.
func TestDeepInputIsRefused(t *testing.T) {
	part := `{"name":"x","size":1,"unit":"entry","dpipe_tables":"none"`
	text := `{"a/b":[` + strings.Repeat(part+`,"resources":[`, 20000) + part + `}` + strings.Repeat("]}", 20000) + `,` + part + `}]}`
	good, bad := 0, 0
	for _, err := range show.Read(strings.NewReader(text), show.Resources, show.Members) {
		var parse *show.ParseError
		switch {
		case err == nil:
			good++
		case errors.As(err, &parse) && parse.What == "resources":
			bad++
		}
	}
	if good != 1 || bad != 1 {
		t.Errorf("%d good, %d bad", good, bad)
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
	row := &show.Dev{Handle: ab.Handle}
	for _, f := range []show.Format{show.Text, show.JSON, show.Pretty, show.Members} {
		w, n := show.NewWriter(&full{left: 5000}, show.Devs, f), 0
		for n = 0; w.Write(row) == nil; n++ {
		}
		if n < 50 || n > 3000 {
			t.Errorf("%v: it failed after %d rows", f, n)
		}
		if err := w.Write(row); !errors.Is(err, errFull) {
			t.Errorf("%v: the next says %v", f, err)
		}
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("%v: Close says %v", f, err)
		}
		m := show.NewMonitor(&full{left: 10}, f)
		event := show.Event{Verb: show.New, Row: row}
		if err := errors.Join(m.Write(event), m.Write(event)); !errors.Is(err, errFull) || !errors.Is(m.Close(), errFull) {
			t.Errorf("%v: the monitor says %v", f, err)
		}
	}
	if err := show.Write(&full{}, show.Devs, show.Text, slices.Values([]show.Row{row})); !errors.Is(err, errFull) {
		t.Errorf("Write says %v", err)
	}
	w := show.NewWriter(io.Discard, show.Devs, show.Text)
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if err := w.Write(row); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("a closed writer says %v", err)
	}
	if err := show.WriteMessage(&full{}, show.JSON, new(devlink.Message)); !errors.Is(err, errFull) {
		t.Errorf("WriteMessage says %v", err)
	}
}

func TestWriterDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for s := show.Devs; s < show.Flashes; s++ {
		var rows []show.Row
		for seed := range uint64(20) {
			d := dice{rand.New(rand.NewPCG(seed, 7)), 0.5}
			rows = append(rows, d.row(s))
		}
		for _, f := range []show.Format{show.Text, show.JSON, show.Pretty, show.Members} {
			w := show.NewWriter(io.Discard, s, f)
			if n := testing.AllocsPerRun(20, func() {
				for _, r := range rows {
					if err := w.Write(r); err != nil {
						t.Fatal(err)
					}
				}
			}); n != 0 {
				t.Errorf("%v %v: %v allocations for %d rows", s, f, n, len(rows))
			}
		}
	}
}

func TestStringsNameWhatTheyAre(t *testing.T) {
	for got, want := range map[string]string{
		show.Groups.String(): "trap_group", show.Flashes.String(): "flash", show.Section(0).String(): "section?", show.Section(99).String(): "section?",
		show.Pretty.String(): "pretty", show.Format(9).String(): "format?", show.Status.String(): "status", show.Verb(0).String(): "verb?",
		show.Verb(9).String(): "verb?", show.Num(7).String(): "7", show.Number{}.String(): "", show.Answer(3).String(): "answer?",
		show.BoolScalar(true).String(): "true", show.NumberScalar(8).String(): "8", show.TextScalar("t").String(): "t",
		(show.Event{Verb: show.Begin, Row: &show.Flash{Handle: ab.Handle}}).String(): "flash-update a/b",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if n, ok := show.NumberScalar(8).Number(); !ok || n != 8 || show.NumberScalar(8) == show.TextScalar("8") {
		t.Error("not a number")
	}
	if v, ok := show.BoolScalar(false).Bool(); v || !ok || show.BoolScalar(false).Shown() == (show.Scalar{}).Shown() {
		t.Error("not a bool")
	}
	if s, ok := show.TextScalar("").Text(); s != "" || !ok {
		t.Error("not a text")
	}
}

func BenchmarkPorts(b *testing.B) {
	rows := make([]show.Row, 1000)
	for i := range rows {
		rows[i] = &show.Port{
			At:   show.Place{Handle: ab.Handle, Port: uint32(i), OnPort: true},
			Type: "eth", Netdev: "swp1", Flavour: "physical", Number: show.Num(uint64(i)), Splittable: show.No,
		}
	}
	b.Run("write", func(b *testing.B) {
		w := show.NewWriter(io.Discard, show.Ports, show.JSON)
		for b.Loop() {
			for _, r := range rows {
				if err := w.Write(r); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	text := print(b, show.Ports, show.JSON, rows)
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			for _, err := range show.Read(strings.NewReader(text), 0, show.JSON) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
