package bridge_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// begin is when every Manual test begins.
var begin = time.Unix(1_000_000, 0)

// The cast of most tests: stations A, B and C, and the ports' own addresses.
var (
	stationA  = mac(0xa)
	stationB  = mac(0xb)
	stationC  = mac(0xc)
	broadcast = switchdev.Broadcast()
	group     = switchdev.MustParseMAC("01:00:5e:01:02:03")
)

func mac(n int) switchdev.MAC { return switchdev.MACFromUint64(0x02_00_00_00_00_00 + uint64(n)) }

// portMAC is the own address of a port.
func portMAC(id int) switchdev.MAC { return switchdev.MACFromUint64(0x02_00_00_00_01_00 + uint64(id)) }

func linkLocal(last byte) switchdev.MAC { return switchdev.MAC{0x01, 0x80, 0xc2, 0, 0, last} }

func frameOf(dst, src switchdev.MAC) []byte {
	f := make([]byte, 60)
	copy(f, dst[:])
	copy(f[6:], src[:])
	f[12], f[13] = 0x08, 0x00
	return f
}

// world is a Manual bridge and its time.
type world struct {
	t   *testing.T
	b   *bridge.Bridge
	now time.Time
	sub *fdb.Subscription
	out bridge.Egress
	// also runs after each Poll: a chip that has its own.
	also func()
}

func newWorld(t *testing.T, cfg bridge.Config, ports ...int) *world {
	t.Helper()
	cfg.Manual, cfg.Start = true, begin
	b, err := bridge.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, b: b, now: begin}
	t.Cleanup(func() {
		if w.sub != nil {
			_ = w.sub.Close()
		}
		if w.also != nil { // Close lets no time pass
			for _, p := range b.Ports() {
				b.SubmitRemovePort(p.ID)
			}
			w.poll()
		}
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	w.poll()
	for _, id := range ports {
		w.must(b.SubmitAddPort(bridge.PortConfig{ID: switchdev.PortID(id), Name: "p" + switchdev.PortID(id).String(), MAC: portMAC(id)}))
	}
	if w.sub, err = b.Table().Subscribe(fdb.SubscribeOptions{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) poll() {
	w.b.Poll(w.now)
	if w.also != nil {
		for range 10 {
			w.also()
			w.b.Poll(w.now)
		}
	}
}

func (w *world) after(d time.Duration) {
	w.now = w.now.Add(d)
	w.poll()
}

// ticket is what both packages' tickets are.
type ticket interface {
	Done() <-chan struct{}
	Err() error
}

func (w *world) do(k ticket) error {
	w.t.Helper()
	w.poll()
	select {
	case <-k.Done():
		return k.Err()
	default:
		w.t.Fatal("not over after Poll")
		return nil
	}
}

func (w *world) must(k ticket) {
	w.t.Helper()
	if err := w.do(k); err != nil {
		w.t.Fatal(err)
	}
}

// fails checks that an operation fails as it should and changes nothing.
func (w *world) fails(k ticket, want error) {
	w.t.Helper()
	before := w.show()
	if err := w.do(k); !errors.Is(err, want) {
		w.t.Errorf("error %v, want %v", err, want)
	}
	if after := w.show(); after != before {
		w.t.Errorf("a refused operation changed the table from\n%sto\n%s", before, after)
	}
}

// send hands the bridge a frame and returns where it goes, host as port 0 first.
func (w *world) send(in int, dst, src switchdev.MAC) ([]int, bridge.Verdict) {
	v := w.b.Forward(switchdev.PortID(in), frameOf(dst, src), &w.out)
	return targets(v, &w.out), v
}

func targets(v bridge.Verdict, out *bridge.Egress) []int {
	to := []int{}
	if v.Host {
		to = append(to, 0)
	}
	for _, id := range out.Ports() {
		to = append(to, int(id))
	}
	return to
}

// goes checks where a frame goes and why.
func (w *world) goes(in int, dst, src switchdev.MAC, why bridge.Reason, want ...int) {
	w.t.Helper()
	got, v := w.send(in, dst, src)
	if !slices.Equal(got, append([]int{}, want...)) || v.Reason != why {
		w.t.Errorf("from p%d to %v: goes to %v, %v; want %v, %v", in, dst, got, v.Reason, want, why)
	}
	w.poll()
}

// at checks where the table has a station; -1 for nowhere.
func (w *world) at(m switchdev.MAC, want int) fdb.Entry {
	w.t.Helper()
	w.poll()
	e, err := w.b.Table().Get(context.Background(), fdb.Key{MAC: m})
	got := int(e.Port)
	if errors.Is(err, switchdev.ErrNotExist) {
		got = -1
	} else if err != nil {
		w.t.Fatal(err)
	}
	if got != want {
		w.t.Errorf("%v is at %d, want %d", m, got, want)
	}
	return e
}

func (w *world) entry(m switchdev.MAC, port int, f fdb.Flags) {
	w.t.Helper()
	w.must(w.b.Table().SubmitReplace(fdb.Entry{Key: fdb.Key{MAC: m}, Port: switchdev.PortID(port), Flags: f}))
}

// events returns what was told since the last call, such as "added 00:0a@1", with
// "/10" behind it for VLAN 10.
func (w *world) events() []string {
	w.t.Helper()
	w.poll()
	var all []string
	for {
		e, ok, err := w.sub.TryNext()
		if err != nil {
			w.t.Fatal(err)
		}
		if !ok {
			return all
		}
		s := e.Kind.String() + " " + e.Entry.MAC.String()[12:] + "@" + e.Entry.Port.String()
		if v := e.Entry.VLAN; v != switchdev.NoVLAN {
			s += "/" + v.String()
		}
		all = append(all, s)
	}
}

func (w *world) told(want ...string) {
	w.t.Helper()
	if got := w.events(); !slices.Equal(got, want) {
		w.t.Errorf("events %q, want %q", got, want)
	}
}

func (w *world) show() string {
	w.t.Helper()
	w.poll()
	var s strings.Builder
	if err := w.b.WriteFDB(&s); err != nil {
		w.t.Fatal(err)
	}
	return s.String()
}

func (w *world) flags(id int, set, mask switchdev.PortFlags) {
	w.t.Helper()
	w.must(w.b.SubmitSetPortFlags(switchdev.PortID(id), set, mask))
}

func (w *world) state(id int, s switchdev.PortState) {
	w.t.Helper()
	w.must(w.b.SubmitSetPortState(switchdev.PortID(id), s))
}
