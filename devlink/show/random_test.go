package show_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
)

// dice makes rows with a bit of everything; share is how likely each part is.
type dice struct {
	*rand.Rand
	share float64
}

func (d dice) maybe() bool { return d.Float64() < d.share }

func (d dice) pick(words ...string) string { return words[d.IntN(len(words))] }

// name returns names that are hostile where they can be.
func (d dice) name() string {
	return d.pick("x", "unlimited", "none", `q"\2`, "ä", "true", "7", "dev", "a:b", "0000:01:00.0", "[", "{}")
}

func (d dice) text() string { return d.pick("a b", "\t\n\r\f\b", `"'\/`, "ü", "x") }

func (d dice) number(bits int) (n show.Number) {
	if d.maybe() {
		n = show.Num([]uint64{0, 1, d.Uint64() >> (64 - bits), math.MaxUint64 >> (64 - bits)}[d.IntN(4)])
	}
	return n
}

func (d dice) must(bits int) show.Number {
	n := d.number(bits)
	n.Shown = true
	return n
}

func (d dice) answer() show.Answer { return show.Answer(d.IntN(3)) }

func (d dice) yesno() show.Answer { return show.AnswerOf(d.maybe()) }

func (d dice) word(words ...string) string {
	if !d.maybe() {
		return ""
	}
	return d.pick(words...)
}

func (d dice) handle() devlink.Handle {
	return devlink.Handle{Bus: d.pick("pci", "auxiliary"), Device: d.name()}
}

func (d dice) place() show.Place {
	p := show.Place{Handle: d.handle(), OnPort: d.maybe()}
	if p.OnPort {
		p.Port = d.Uint32()
	}
	return p
}

func (d dice) nested() (all []show.Nested) {
	if !d.maybe() {
		return nil
	}
	all = []show.Nested{}
	for range d.IntN(3) {
		n := show.Nested{Handle: d.handle()}
		switch d.IntN(3) {
		case 0:
			n.NetNS = d.name()
		case 1:
			n.ID, n.HasID = int32(d.IntN(4)-1), true
		}
		all = append(all, n)
	}
	return all
}

func (d dice) limits() (l show.Limits) {
	if l.Shown = d.maybe(); l.Shown {
		l.Unspecified, l.NoReset = d.number(32), d.number(32)
	}
	return l
}

func (d dice) actions() (a show.Actions) {
	if a.Shown = d.maybe(); a.Shown {
		a.DriverReinit, a.FWActivate = d.limits(), d.limits()
	}
	return a
}

func (d dice) stats() (s show.RxStats) {
	if s.Shown = d.maybe(); s.Shown {
		s.Bytes, s.Packets, s.Dropped = d.number(64), d.number(64), d.number(64)
	}
	return s
}

func (d dice) scalar() show.Scalar {
	switch d.IntN(4) {
	case 0:
		return show.NumberScalar(d.Uint64() >> d.IntN(64))
	case 1:
		return show.BoolScalar(d.maybe())
	case 2:
		return show.TextScalar(d.text())
	}
	return show.Scalar{}
}

func (d dice) part(depth int) show.Part {
	p := show.Part{
		Name: d.name(), Path: d.word("/a", "/a/b"), Size: d.must(64), SizeNew: d.number(64), Occupied: d.number(64), Unit: "entry",
		Min: d.number(64), Max: d.number(64), Granularity: d.number(64), Valid: d.answer(),
	}
	for d.maybe() && len(p.Tables) < 3 {
		p.Tables = append(p.Tables, show.Table{Name: d.name()})
	}
	for depth > 0 && d.maybe() && len(p.Parts) < 3 {
		p.Parts = append(p.Parts, d.part(depth-1))
	}
	return p
}

func (d dice) versions() (list []show.Version) {
	for d.maybe() && len(list) < 3 {
		list = append(list, show.Version{Name: d.pick("fw", "fw.mgmt", "ü"), Value: d.text()})
	}
	return list
}

var flavours = []string{"physical", "cpu", "dsa", "pcipf", "pcivf", "pcisf", "virtual", "<unknown flavour>"}

func (d dice) port() *show.Port {
	r := &show.Port{
		At: d.place(), Type: d.pick("notset", "auto", "eth", "ib"), DesiredType: d.word("eth", "ib"), Netdev: d.word("eth0", `q"`), IBDev: d.word("mlx5_0"),
		Flavour: d.word(flavours...), Controller: d.number(32), PF: d.number(16), VF: d.number(16), SF: d.number(32), External: d.answer(),
		Linecard: d.number(32), Number: d.number(32), SplitGroup: d.number(32), Splittable: d.answer(), Lanes: d.number(32),
	}
	r.At.OnPort = true
	if d.maybe() {
		r.Function = show.Function{
			Shown: true, HWAddr: d.word("00:00:5e:00:53:01", "00"), State: d.word("active", "inactive"), OpState: d.word("attached", "detached"),
			RoCE: d.answer(), Migratable: d.answer(), IPsecCrypto: d.answer(), IPsecPacket: d.answer(), MaxIOEQs: d.number(32), Nested: d.nested(),
		}
	}
	return r
}

// row returns a row of a section.
func (d dice) row(s show.Section) show.Row {
	switch s {
	case show.Devs:
		r := &show.Dev{Handle: d.handle(), Index: d.number(64), ReloadFailed: d.maybe(), Nested: d.nested()}
		if r.Stats.Shown = d.maybe(); r.Stats.Shown {
			r.Stats.Reload, r.Stats.Remote = d.actions(), d.actions()
		}
		return r
	case show.Ports:
		return d.port()
	case show.Params:
		r := &show.Param{At: d.place(), Name: d.name(), Generic: d.maybe(), Values: []show.ParamValue{}}
		for d.maybe() && len(r.Values) < 3 {
			r.Values = append(r.Values, show.ParamValue{Mode: d.pick("runtime", "driverinit", "permanent"), Value: d.scalar(), Default: d.scalar()})
		}
		return r
	case show.Resources:
		return &show.Resource{At: d.place(), Part: d.part(3)}
	case show.Regions:
		r := &show.Region{At: show.Place{Handle: d.handle()}, Name: "r" + d.name(), Size: d.number(64), Max: d.number(32)}
		for d.maybe() && len(r.Snapshots) < 5 {
			r.Snapshots = append(r.Snapshots, d.Uint32())
		}
		return r
	case show.Reporters:
		return &show.Reporter{
			At: d.place(), Name: d.name(), State: d.pick("healthy", "error"), Errors: d.must(64), Recoveries: d.must(64), DumpDate: d.word("2020-09-13"),
			DumpTime: d.word("12:26:40"), Grace: d.number(64), Burst: d.number(64), AutoRecover: d.answer(), AutoDump: d.answer(),
		}
	case show.Infos:
		r := &show.Info{Handle: d.handle(), Driver: d.word(d.text()), Serial: d.word(d.text()), BoardSerial: d.word(d.text())}
		if r.Versions.Shown = d.maybe(); r.Versions.Shown {
			r.Versions.Fixed, r.Versions.Running, r.Versions.Stored = d.versions(), d.versions(), d.versions()
		}
		return r
	case show.Rates:
		r := &show.Rate{At: d.place(), Share: d.number(61), Max: d.number(61), Priority: d.number(32), Weight: d.number(32), Parent: d.word("g")}
		if !r.At.OnPort {
			r.Node = "n" + d.name()
		}
		return r
	case show.Reloads:
		return &show.Reload{DriverReinit: d.maybe(), FWActivate: d.maybe()}
	case show.Dumps, show.Reads:
		r := &show.Chunk{Read: s == show.Reads, Address: d.Uint64() >> d.IntN(64), Data: make([]byte, d.IntN(40))}
		for i := range r.Data {
			r.Data[i] = byte(d.Uint32())
		}
		return r
	}
	return d.trap(s)
}

func (d dice) trap(s show.Section) show.Row {
	at := d.place()
	switch s {
	case show.Traps:
		r := &show.Trap{
			At: at, Name: d.name(), Type: d.pick("drop", "exception", "control"), Generic: d.yesno(), Action: d.pick("drop", "trap", "mirror"), Group: d.name(), Stats: d.stats(),
		}
		if r.Metadata.Shown = d.maybe(); r.Metadata.Shown {
			r.Metadata.Is = show.MetadataSet(d.IntN(4))
		}
		return r
	case show.Groups:
		return &show.Group{At: at, Name: d.name(), Generic: d.yesno(), Policer: d.number(32), Stats: d.stats()}
	case show.Policers:
		return &show.Policer{At: at, ID: d.must(32), Rate: d.must(64), Burst: d.must(64), Stats: d.stats()}
	}
	return nil
}

func TestRandomRowsSurviveEveryFormat(t *testing.T) {
	for seed := range uint64(60) {
		for s := show.Devs; s < show.Flashes; s++ {
			d := dice{rand.New(rand.NewPCG(seed, uint64(s))), float64(seed%10) / 10}
			var rows []show.Row
			for range d.IntN(12) {
				rows = append(rows, d.row(s))
				if err := show.Check(rows[len(rows)-1]); err != nil {
					t.Fatalf("seed %d: %+v: %v", seed, rows[len(rows)-1], err)
				}
			}
			for _, f := range []show.Format{show.JSON, show.Pretty, show.Members} {
				text := print(t, s, f, rows)
				if back := readAll(t, text, s, f); !reflect.DeepEqual(back, rows) {
					t.Fatalf("seed %d, %v: %s\nis read as\n%s", seed, f, text, print(t, s, f, back))
				}
			}
			print(t, s, show.Text, rows)
		}
	}
}

// Of what was read and made sense the print is read again as the same rows.
func roundTrip(t *testing.T, text string, s show.Section, f show.Format) {
	var good []show.Row
	for r, err := range show.Read(strings.NewReader(text), s, f) {
		if err != nil || s != 0 && r.Section() != s || len(good) > 0 && good[0].Section() != r.Section() {
			continue
		}
		if err := show.Check(r); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		good = append(good, r)
	}
	if len(good) == 0 {
		return
	}
	s = good[0].Section()
	for _, f := range []show.Format{show.JSON, show.Pretty, show.Members} {
		out := print(t, s, f, good)
		if back := readAll(t, out, s, f); !reflect.DeepEqual(back, good) {
			t.Fatalf("%q gives %q, which gives %q", text, out, print(t, s, f, back))
		}
	}
	print(t, s, show.Text, good)
}

func FuzzJSON(f *testing.F) {
	for _, o := range outputs(f, tool) {
		if o.section() != 0 && o.format() == show.JSON {
			f.Add(o.text)
		}
	}
	for s := show.Devs; s < show.Flashes; s++ {
		d := dice{rand.New(rand.NewPCG(uint64(s), 2)), 0.5}
		f.Add(print(f, s, show.JSON, []show.Row{d.row(s), d.row(s)}))
	}
	f.Add(`{"dev":{"a/b":{"stats":{"reload":1e1}},"a/c":[{"a":[]}]},7}`)
	f.Fuzz(func(t *testing.T, text string) { roundTrip(t, text, 0, show.JSON) })
}

func FuzzMembers(f *testing.F) {
	for _, o := range outputs(f, linux) {
		f.Add(uint8(o.section()), o.text)
	}
	f.Fuzz(func(t *testing.T, s uint8, text string) { roundTrip(t, text, show.Section(s), show.Members) })
}

func FuzzMonitor(f *testing.F) {
	for _, o := range outputs(f, tool) {
		if o.what() == "monitor" && o.format() == show.JSON {
			f.Add(o.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		var good []show.Event
		for e, err := range show.ReadEvents(strings.NewReader(text), show.JSON) {
			if err == nil {
				good = append(good, e)
			}
		}
		for _, f := range []show.Format{show.JSON, show.Pretty, show.Members} {
			if back := readEvents(t, monitor(t, f, good), f); !reflect.DeepEqual(back, good) {
				t.Fatalf("%q gives %q", text, monitor(t, f, good))
			}
		}
		monitor(t, show.Text, good)
	})
}

func FuzzEventLine(f *testing.F) {
	for line := range strings.Lines(told) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		e, err := show.ParseEvent(line)
		if err != nil {
			return
		}
		if back, err := show.ParseEvent(e.String()); err != nil || !reflect.DeepEqual(back, e) {
			t.Fatalf("%q gives %q, which gives %+v, %v", line, e, back, err)
		}
	})
}
