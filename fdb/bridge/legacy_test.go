package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// rockerWorld is a bridge over the ports s1 to s3 of a chip that Linux's rocker
// driver drives, and over p5, which is software only. Frames that nobody knows the
// destination of are of no interest here.
type rockerWorld struct {
	*world
	chip *hwsim.Chip
	to   []int // where the last frame came out
}

// newRockerWorld makes one with the quirks of Linux or with none.
func newRockerWorld(t *testing.T, legacy bool) *rockerWorld {
	t.Helper()
	r := &rockerWorld{}
	hw := hwsim.Hardware{Profile: hwsim.Rocker, Refresh: time.Nanosecond, PortFlags: switchdev.PortLearns, Rows: hwsim.ControlledRows, AllFloods: true}
	cfg := bridge.Config{MAC: mac(0xfe)}
	if legacy {
		hw.Quirks = hwsim.RockerQuirks
		cfg.Table.Quirks = fdb.QuirkLegacyOffload
	}
	var err error
	r.chip, err = hwsim.New(hwsim.Config{Name: "sw1", Count: 3, Manual: true, Hardware: hw, Host: hwsim.Host{OnTrap: r.trapped}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.chip.Close() })
	cfg.Hardware = bridge.Hardware{Devices: []bridge.Device{{Driver: r.chip, Ages: true}}, PortFlags: bridge.HardwareLearns}
	r.world = newWorld(t, cfg)
	r.also = func() { r.chip.Poll(r.now) }
	for id := 1; id <= 3; id++ {
		p := switchdev.PortID(id)
		r.chip.Port(p).OnEgress(func([]byte) { r.to = append(r.to, id) })
		r.must(r.b.SubmitAddPort(bridge.PortConfig{ID: p, Name: "s" + p.String(), MAC: portMAC(id), Driver: r.chip}))
	}
	r.must(r.b.SubmitAddPort(bridge.PortConfig{ID: 5, Name: "p5", MAC: portMAC(5)}))
	r.events()
	return r
}

func (r *rockerWorld) trapped(f hwsim.HostFrame) { r.software(f.Port, f.Frame, f.Forwarded) }

func (r *rockerWorld) software(in switchdev.PortID, frame []byte, marked bool) {
	forward := r.b.Forward
	if marked {
		forward = r.b.ForwardMarked
	}
	var out bridge.Egress
	forward(in, frame, &out)
	for _, id := range out.Ports() {
		if id == 5 {
			r.to = append(r.to, 5)
		} else {
			r.chip.Transmit(id, frame)
		}
	}
}

// frame sends a frame into a port and returns where it came out.
func (r *rockerWorld) frame(in int, dst, src switchdev.MAC) string {
	r.to = nil
	r.after(10 * time.Millisecond)
	if in == 5 {
		r.software(5, frameOf(dst, src), false)
	} else {
		r.chip.Port(switchdev.PortID(in)).Ingress(frameOf(dst, src))
	}
	r.poll()
	slices.Sort(r.to)
	return strings.Trim(fmt.Sprint(r.to), "[]")
}

// entry is a user's request.
func (r *rockerWorld) user(verb fdb.Verb, m switchdev.MAC, port int, f fdb.Flags) {
	r.t.Helper()
	r.must(r.b.SubmitEdit(fdb.Op{Verb: verb, Entry: fdb.Entry{Key: fdb.Key{MAC: m}, Port: switchdev.PortID(port), Flags: f}}))
}

// row is a row in few words: "s1 extern_learn offload static".
func row(r show.Row) string {
	words := []string{r.Dev, r.Flags.String(), string(r.State)}
	if r.Deleted {
		words = slices.Insert(words, 0, "del")
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// monitor returns what "bridge monitor fdb" tells of what happened to a station.
func (r *rockerWorld) monitor(m switchdev.MAC) string {
	r.t.Helper()
	var told []string
	for {
		e, ok, err := r.sub.TryNext()
		if err != nil {
			r.t.Fatal(err)
		}
		if !ok {
			return strings.Join(told, ", ")
		}
		if line, ok := r.b.View().FromEvent(e); ok && line.MAC == m {
			told = append(told, row(line))
		}
	}
}

// held returns the ports of the station's rows in the chip.
func (r *rockerWorld) held(m switchdev.MAC) string {
	var ports []string
	for _, w := range r.chip.Rows() {
		if w.Key.MAC == m {
			ports = append(ports, "s"+w.Port.String())
		}
	}
	slices.Sort(ports)
	return strings.Join(ports, " ")
}

// shown returns the station's row in a dump.
func (r *rockerWorld) shown(m switchdev.MAC) string {
	for e := range r.b.Table().Snapshot().All() {
		if e.MAC == m {
			return row(r.b.View().FromEntry(e))
		}
	}
	return ""
}

// TestLegacyOffload: what Linux does with rocker, as the scenarios of offload/ were
// recorded, and what a table without the quirk and a driver without defects do.
func TestLegacyOffload(t *testing.T) {
	const add, replace, del = fdb.VerbAdd, fdb.VerbReplace, fdb.VerbDelete
	both := map[bool]string{false: "right", true: "legacy"}
	for legacy, mode := range both {
		// is checks what becomes of a station: events, dump and chip.
		run := func(name string, f func(r *rockerWorld, is func(what, got, right, linux string))) {
			t.Run(mode+"/"+name, func(t *testing.T) {
				r := newRockerWorld(t, legacy)
				f(r, func(what, got, right, linux string) {
					t.Helper()
					want := right
					if legacy {
						want = linux
					}
					if got != want {
						t.Errorf("%s: %q, want %q", what, got, want)
					}
				})
			})
		}
		run("003 static", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.user(add, stationA, 1, fdb.Static)
			is("new", r.monitor(stationA), "s1 static", "s1 static")
			is("shown", r.shown(stationA), "s1 offload static", "s1 offload static")
			r.user(del, stationA, 1, 0)
			is("del", r.monitor(stationA), "del s1 offload static", "del s1 offload static")
			is("chip", r.held(stationA), "", "")
		})
		run("001 learned", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.frame(1, stationB, stationA)
			is("new", r.monitor(stationA), "s1, s1 extern_learn", "s1, s1 extern_learn")
			is("shown", r.shown(stationA), "s1 extern_learn offload", "s1 extern_learn offload")
			r.frame(2, stationA, stationB)
			is("in hardware", r.monitor(stationB), "s2 extern_learn", "s2 extern_learn")
		})
		run("004 other port", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.user(add, stationA, 1, fdb.Static)
			r.monitor(stationA)
			r.user(replace, stationA, 2, fdb.Static)
			is("new", r.monitor(stationA), "s2 offload static", "s2 offload static")
			is("chip", r.held(stationA), "s2", "s1 s2")
			is("frame", r.frame(3, stationA, stationC), "2", "1")
			r.user(del, stationA, 2, 0)
			is("chip without it", r.held(stationA), "", "s1")
		})
		run("005 to dynamic", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.user(add, stationA, 1, fdb.Static)
			r.monitor(stationA)
			r.user(replace, stationA, 1, 0)
			is("new", r.monitor(stationA), "s1 offload", "s1 offload")
			is("shown", r.shown(stationA), "s1", "s1 offload")
			is("chip", r.held(stationA), "", "s1")
			r.user(del, stationA, 1, 0)
			is("del", r.monitor(stationA), "del s1", "del s1 offload")
			is("chip without it", r.held(stationA), "", "s1")
		})
		run("005 to local", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.user(add, stationA, 1, fdb.Static)
			r.monitor(stationA)
			r.user(replace, stationA, 1, fdb.Permanent)
			is("new", r.monitor(stationA), "s1 offload permanent", "s1 offload permanent")
			is("shown", r.shown(stationA), "s1 permanent", "s1 offload permanent")
			is("chip", r.held(stationA), "", "s1")
			r.user(del, stationA, 1, 0)
			is("del", r.monitor(stationA), "del s1 permanent", "del s1 offload permanent")
			is("chip without it", r.held(stationA), "", "s1")
		})
		run("007 delete learned", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.frame(1, broadcast, stationA)
			r.monitor(stationA)
			r.user(del, stationA, 1, 0)
			is("del", r.monitor(stationA), "del s1 extern_learn offload", "del s1 extern_learn offload")
			is("chip", r.held(stationA), "", "s1")
			is("frame", r.frame(2, stationA, stationB), "1 3 5", "1")
			r.frame(1, stationB, stationA)
			is("again", r.monitor(stationA), "s1 extern_learn", "s1 extern_learn")
		})
		run("009 user over learned", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.frame(1, broadcast, stationA)
			r.frame(2, broadcast, stationB)
			r.monitor(stationA)
			r.user(replace, stationA, 1, fdb.Static)
			is("same port", r.monitor(stationA), "s1 extern_learn offload static", "s1 extern_learn offload static")
			r.user(replace, stationB, 1, fdb.Static)
			is("other port", r.monitor(stationB), "s1 extern_learn offload static", "s1 extern_learn offload static")
			is("shown", r.shown(stationB), "s1 extern_learn offload static", "s1 extern_learn offload static")
			is("chip", r.held(stationB), "s1", "s1 s2")
			is("frame", r.frame(3, stationB, stationC), "1", "2")
		})
		run("011 flush", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.frame(1, broadcast, stationA)
			r.monitor(stationA)
			r.must(r.b.Table().SubmitFlush(fdb.Dynamic()))
			is("del", r.monitor(stationA), "del s1 extern_learn offload", "del s1 extern_learn offload")
			is("chip", r.held(stationA), "", "s1")
		})
		run("012 port down", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.user(add, stationA, 1, fdb.Static)
			r.user(add, stationB, 1, fdb.Extern)
			r.monitor(stationA)
			r.must(r.b.SubmitSetPortUp(1, false))
			is("del", r.monitor(stationB), "del s1 extern_learn offload", "del s1 extern_learn offload")
			is("shown", r.shown(stationA), "s1 offload static", "s1 offload static")
			r.must(r.b.SubmitSetPortUp(1, true))
			is("chip", r.held(stationA)+r.held(stationB), "s1", "s1")
		})
		run("014 leave", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.user(add, stationA, 1, fdb.Static)
			r.frame(1, broadcast, stationB)
			r.monitor(stationA)
			r.must(r.b.SubmitRemovePort(1))
			is("static", strings.Join(gone(r, stationA, stationB), ", "), "del s1 offload static, del s1 extern_learn offload", "del s1 offload static, del s1 extern_learn offload")
			is("chip", r.held(stationA)+"|"+r.held(stationB), "|", "s1|")
		})
		run("016 to software and back", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.frame(1, broadcast, stationA)
			r.monitor(stationA)
			r.frame(5, broadcast, stationA)
			is("away", r.monitor(stationA), "p5 offload", "p5 offload")
			is("shown", r.shown(stationA), "p5", "p5 offload")
			is("chip", r.held(stationA), "", "s1")
			is("frame", r.frame(2, stationA, stationB), "1 3 5", "1") // a chip floods what it does not know
			r.frame(1, broadcast, stationA)
			is("back", r.monitor(stationA), "s1, s1 extern_learn", "s1 offload, s1 extern_learn offload")
		})
		run("019 ageing", func(r *rockerWorld, is func(what, got, right, linux string)) {
			r.frame(1, broadcast, stationA)
			r.user(add, stationB, 1, 0)
			r.monitor(stationA)
			r.after(fdb.DefaultAgeing)
			r.after(fdb.DefaultAgeing)
			is("del", strings.Join(gone(r, stationA, stationB), ", "), "del s1 extern_learn offload, del s1 stale", "del s1 extern_learn offload, del s1 stale")
		})
	}
}

// gone returns what is told of the end of some stations.
func gone(r *rockerWorld, stations ...switchdev.MAC) []string {
	told := make([]string, len(stations))
	for {
		e, ok, err := r.sub.TryNext()
		if !ok || err != nil {
			return told
		}
		if i := slices.Index(stations, e.Entry.MAC); i >= 0 {
			if line, ok := r.b.View().FromEvent(e); ok && line.Deleted {
				line.Dev = "s" + e.Old.Port.String() // which may have left
				told[i] += row(line)
			}
		}
	}
}
