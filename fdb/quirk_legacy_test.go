package fdb

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// legacyWorld is a table over two devices with the ports 1 and 2, and 3. Port 9 is
// software.
type legacyWorld struct {
	*bench
	a, b *chip
	on   bool
}

func legacy(t *testing.T, f func(w *legacyWorld)) {
	for name, q := range map[string]Quirks{"right": 0, "legacy": QuirkLegacyOffload} {
		t.Run(name, func(t *testing.T) {
			w := &legacyWorld{a: newChip("a"), b: newChip("b"), on: q != 0}
			w.bench = newBench(t, Config{Quirks: q, Ageing: time.Minute, Hardware: Hardware{Devices: []Device{
				{Driver: w.a, Ports: []switchdev.PortID{1, 2}, Ages: true}, {Driver: w.b, Ports: []switchdev.PortID{3}},
			}}})
			f(w)
		})
	}
}

// rows wants the devices to hold a station at these ports, 0 being nowhere.
func (w *legacyWorld) rows(when string, k Key, a, b switchdev.PortID) {
	w.t.Helper()
	w.Poll(w.now)
	ra, _ := w.a.row(k)
	rb, _ := w.b.row(k)
	if ra.Port != a || rb.Port != b {
		w.t.Errorf("%s: rows at %d and %d, want %d and %d", when, ra.Port, rb.Port, a, b)
	}
}

// left returns p with the quirk, and 0 without.
func (w *legacyWorld) left(p switchdev.PortID) switchdev.PortID {
	if w.on {
		return p
	}
	return 0
}

// stands wants an entry's state with hardware, which with the quirk is Offloaded.
func (w *legacyWorld) stands(when string, k Key, want OffloadState) {
	w.t.Helper()
	if w.on {
		want = w.stuck()
	}
	w.wantOffload(when, k, want)
}

// stuck is where an entry stands that is not in hardware any more.
func (w *legacyWorld) stuck() OffloadState {
	if w.on {
		return Offloaded
	}
	return OffloadNone
}

func (w *legacyWorld) before(when string, want OffloadState) {
	w.t.Helper()
	var last Event
	for _, e := range w.events() {
		if e.Kind != OffloadChanged {
			last = e
		}
	}
	if last.Before != want {
		w.t.Errorf("%s: before %v, want %v: %v", when, last.Before, want, last)
	}
}

func TestLegacyOffloadOfUsers(t *testing.T) {
	legacy(t, func(w *legacyWorld) {
		k := key(1)
		w.put(k, 1, Static)
		w.before("new", OffloadNone)
		w.put(k, 3, Static)
		w.before("other device", Offloaded)
		w.rows("other device", k, w.left(1), 3)
		w.put(k, 3, 0)
		w.before("dynamic", Offloaded)
		w.rows("dynamic", k, w.left(1), w.left(3))
		w.stands("dynamic", k, OffloadNone)
		w.must(w.SubmitDelete(k, 3))
		w.before("deleted", w.stuck())
		w.rows("deleted", k, w.left(1), w.left(3))
		w.put(k, 3, Static)
		w.before("new again", OffloadNone)
		w.must(w.SubmitDelete(k, 3))
		w.before("deleted again", Offloaded)
		w.rows("deleted again", k, w.left(1), 0)
	})
}

func TestLegacyOffloadOfStations(t *testing.T) {
	legacy(t, func(w *legacyWorld) {
		k := key(1)
		w.seen(k, 3)
		w.rows("learned", k, 0, 3)
		w.seen(k, 9)
		w.before("moved", Offloaded)
		w.rows("moved", k, 0, w.left(3))
		w.stands("moved", k, OffloadNone)
		w.must(w.SubmitUse(k, 1))
		w.stands("used", k, OffloadNone)
		w.through(2 * time.Minute)
		w.before("aged", w.stuck())
		w.rows("aged", k, 0, w.left(3))

		k = key(2)
		w.a.learns(k, 1)
		w.Poll(w.now)
		w.wantOffload("learned by the device", k, Offloaded)
		w.events()
		w.a.learns(k, 2)
		w.Poll(w.now)
		if e := w.events()[0]; e.Kind != MovedTo || e.Entry.Offload != w.stuck() {
			w.t.Errorf("moved in the device: %+v", e)
		}
		w.a.learns(k, 1)
		w.Poll(w.now)
		w.put(k, 9, Static) // a user takes it
		w.before("taken", Offloaded)
		w.rows("taken", k, w.left(1), 0)
		w.stands("taken", k, OffloadNone)

		k = key(3)
		w.seen(k, 3)
		w.must(w.SubmitFlush(Dynamic()))
		w.rows("flushed", k, 0, 0) // of what is gone nothing stays
	})
}

func TestLegacyOffloadOfPorts(t *testing.T) {
	legacy(t, func(w *legacyWorld) {
		k, l := key(1), key(2)
		w.put(k, 1, Static)
		w.seen(l, 3)
		w.events()
		w.must(w.SubmitRemovePort(1))
		w.before("removed", Offloaded)
		w.rows("removed", k, w.left(1), 0)
		w.must(w.SubmitLeave(w.b, 3))
		w.stands("left", l, OffloadNone)
		w.rows("left", l, 0, w.left(3))
		w.must(w.SubmitFlush(Everything()))
		w.rows("flushed", l, 0, w.left(3))

		w.a.learns(l, 2)
		w.Poll(w.now)
		w.put(k, 2, Extern) // a control plane's
		w.a.lose()
		w.report(l)
		e, err := w.Get(w.t.Context(), l)
		if err != nil || e.Flags&Extern != 0 != w.on {
			w.t.Errorf("after a reset: %v, %v", e, err)
		}
		w.events()
		w.must(w.SubmitFlush(OnPort(2)))
		w.wantAt("control plane's", k, 0)
	})
}

// report lets the table hear of the reset of the first device.
func (w *legacyWorld) report(k Key) {
	w.a.report(switchdev.Report{Kind: switchdev.ReportReset, Epoch: w.a.Epoch()})
	w.through(time.Second)
}

// TestLegacyOffloadRefused: an operation that a device refuses changes nothing with
// the quirk either.
func TestLegacyOffloadRefused(t *testing.T) {
	legacy(t, func(w *legacyWorld) {
		k := key(1)
		w.put(k, 1, Static)
		w.b.become(nil, func(switchdev.FDBOp) error { return switchdev.ErrNoSpace })
		if err := w.do(w.SubmitReplace(Entry{Key: k, Port: 3, Flags: Static})); !errors.Is(err, switchdev.ErrNoSpace) {
			w.t.Error(err)
		}
		w.rows("refused", k, 1, 0)
		w.wantOffload("refused", k, Offloaded)
	})
}

// TestInheritIsSilent: an own address changes hands, and nobody is told.
func TestInheritIsSilent(t *testing.T) {
	b := newBench(t, Config{})
	k := key(1)
	b.must(b.SubmitReplace(Entry{Key: k, Port: 1, Flags: Permanent, Owner: OwnerBridge}))
	b.tells("added")
	b.must(b.SubmitInherit(k, 2))
	b.must(b.SubmitReplace(Entry{Key: key(2), Port: 1}))
	b.tells("added")
	b.wantAt("inherited", k, 2)
	b.must(b.SubmitDelete(k, 2))
	b.tells("deleted")
}

// TestLegacyOffloadInOrder: operations are told in the order in which they were submitted,
// also when the first waits for a device; and the second of a key in its turn.
func TestLegacyOffloadInOrder(t *testing.T) {
	legacy(t, func(w *legacyWorld) {
		w.put(key(1), 1, Static)
		w.events()
		tickets := []*Ticket{
			w.SubmitDelete(key(1), 1), // waits for a device
			w.SubmitReplace(Entry{Key: key(1), Port: 9, Flags: Static}),
			w.SubmitReplace(Entry{Key: key(2), Port: 9, Flags: Static}),
		}
		for _, k := range tickets {
			w.must(k)
		}
		want := []Key{key(2), key(1), key(1)}
		if w.on {
			want = []Key{key(1), key(1), key(2)}
		}
		var got []Key
		for _, e := range w.events() {
			if e.Kind == Added || e.Kind == Deleted {
				got = append(got, e.Entry.Key)
			}
		}
		if !slices.Equal(got, want) {
			w.t.Errorf("told of %v, want %v", got, want)
		}
	})
}

// TestLegacyOffloadTellsWhoseItIs: a device hears who has entered a row, also one that it
// had made itself before.
func TestLegacyOffloadTellsWhoseItIs(t *testing.T) {
	legacy(t, func(w *legacyWorld) {
		var asked []switchdev.FDBOp
		w.a.become(nil, func(o switchdev.FDBOp) error {
			asked = append(asked, o)
			return nil
		})
		w.a.learns(key(1), 1)
		w.Poll(w.now)
		w.put(key(1), 1, Extern)
		w.must(w.SubmitDelete(key(1), 1))
		w.Poll(w.now)
		want := "set,delete"
		var got []string
		for _, o := range asked {
			got = append(got, map[switchdev.FDBVerb]string{switchdev.FDBSet: "set", switchdev.FDBDelete: "delete"}[o.Verb])
			if users := o.Entry.Flags&switchdev.FDBUser != 0; users != w.on {
				w.t.Errorf("%+v", o)
			}
		}
		if text := strings.Join(got, ","); w.on && text != want || !w.on && !strings.HasSuffix(want, text) {
			w.t.Errorf("asked to %s, want %s", text, want)
		}
	})
}
