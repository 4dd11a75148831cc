package show_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// hostile are names that are also words of the language.
var hostile = []string{"p1", "br0", "static", "stale", "permanent", "sticky", "locked", "master", "self", "ifindex", "vlan", "7", `q"\2`, "Deleted", "ä", "state=0"}

// randomRow returns a row with a bit of everything; share is how likely each part
// is.
func randomRow(r *rand.Rand, share float64) show.Row {
	maybe := func() bool { return r.Float64() < share }
	number := func(most uint32) (n show.Number) {
		if maybe() {
			n = show.Num([]uint32{0, 1, r.Uint32N(most) + 1, most}[r.IntN(4)])
		}
		return n
	}
	name := func() string { return hostile[r.IntN(len(hostile))] }
	row := show.Row{MAC: switchdev.MACFromUint64(r.Uint64()), Deleted: maybe()}
	if !maybe() {
		row.Dev = name()
	}
	if maybe() {
		row.VLAN = switchdev.VLAN(1 + r.UintN(4094))
	}
	row.Remote = show.Remote{
		Port: number(math.MaxUint16), VNI: number(1<<24 - 1), SrcVNI: number(math.MaxUint32),
		NextHop: number(math.MaxUint32), NetNS: number(math.MaxInt32),
	}
	if maybe() {
		row.Dst = randomAddr(r)
	}
	if maybe() {
		row.Via = name()
	} else {
		row.ViaIndex = number(math.MaxUint32)
	}
	row.Notify = maybe()
	row.Inactive = row.Notify && maybe()
	if row.Used = number(math.MaxUint32); row.Used.Shown {
		row.Updated = show.Num(r.Uint32())
	}
	row.Flags = show.Flags(r.UintN(128))
	if !maybe() || row.Flags&show.MasterWord != 0 {
		row.Master = name()
	}
	row.State = []show.State{show.Reachable, show.Permanent, show.Static, show.Stale, "0", "0x1", "0xff00"}[r.IntN(7)]
	return row
}

func randomAddr(r *rand.Rand) netip.Addr {
	var a [16]byte
	for i := range a {
		if r.IntN(3) == 0 {
			a[i] = byte(r.Uint32())
		}
	}
	switch r.IntN(4) {
	case 0:
		return netip.AddrFrom4([4]byte(a[12:]))
	case 1:
		clear(a[:12])
	case 2:
		clear(a[:10])
		a[10], a[11] = 0xff, 0xff
	}
	return netip.AddrFrom16(a)
}

func TestRandomRowsSurviveEveryFormat(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		rows := make([]show.Row, r.IntN(40))
		for i := range rows {
			rows[i] = randomRow(r, r.Float64())
			if err := rows[i].Check(); err != nil {
				t.Fatalf("seed %d: %+v: %v", seed, rows[i], err)
			}
		}
		for _, f := range []show.Format{show.Text, show.JSON, show.Pretty} {
			text := print(t, f, rows)
			if back := readAll(t, text, f); !slices.Equal(back, rows) {
				t.Fatalf("seed %d, %v:\n%s\nis read as\n%s", seed, f, text, fmt.Sprint(back))
			}
		}
	}
}

func FuzzText(f *testing.F) {
	for _, o := range outputs(f, linux618) {
		if o.format() == show.Text {
			f.Add(o.text)
		}
	}
	for i := range 20 {
		f.Add(randomRow(rand.New(rand.NewPCG(uint64(i), 2)), 0.5).String())
	}
	f.Add("02:00:00:00:00:01 dev  p1   master br0\n\n x \n")
	f.Fuzz(func(t *testing.T, text string) { roundTrip(t, text, show.Text) })
}

func FuzzJSON(f *testing.F) {
	for _, o := range outputs(f, linux618) {
		if o.format() != show.Text {
			f.Add(o.text)
		}
	}
	f.Add(`[{"state":"","mac":"02:00:00:00:00:01","vlan":1e1},{"flags":["self",{"a":[]}],"x":{}},7]`)
	f.Fuzz(func(t *testing.T, text string) { roundTrip(t, text, show.JSON) })
}

// roundTrip wants that what was read is printed so that it is read as the same, and
// that this print is its own.
func roundTrip(t *testing.T, text string, f show.Format) {
	var rows []show.Row
	for r, err := range show.Read(stringReader(text), f) {
		if err == nil {
			rows = append(rows, r)
		} else if line, column := place(t, err); line < 1 || column < 1 || line > len(text)+1 {
			t.Fatalf("%q: %v", text, err)
		}
	}
	for _, f := range []show.Format{show.Text, show.JSON, show.Pretty} {
		printed := print(t, f, rows)
		back := readAll(t, printed, f)
		if !slices.Equal(back, rows) {
			t.Fatalf("%q gives %v, printed %q, which gives %v", text, rows, printed, back)
		}
		if again := print(t, f, back); again != printed {
			t.Fatalf("printed %q, and then %q", printed, again)
		}
	}
}
