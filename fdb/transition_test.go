package fdb

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// existing are the kinds of entry that a station can have, all on port 1.
var existing = []struct {
	name string
	make Flags
	none bool // no entry at all
	user bool // entered, not learned
}{
	{name: "none", none: true},
	{name: "learned"},
	{name: "user dynamic", user: true},
	{name: "static", make: Static, user: true},
	{name: "sticky static", make: Static | Sticky, user: true},
	{name: "sticky dynamic", make: Sticky, user: true},
	{name: "permanent", make: Permanent, user: true},
	{name: "extern", make: Extern, user: true},
	{name: "extern static", make: Extern | Static, user: true},
	{name: "extern local", make: Extern | Local, user: true},
}

func (b *bench) enter(name string, k Key) {
	b.t.Helper()
	for _, x := range existing {
		switch {
		case x.name != name || x.none:
		case x.user:
			b.must(b.SubmitAdd(Entry{Key: k, Port: 1, Flags: x.make}))
		default:
			b.Learn(k, 1)
		}
	}
	b.Poll(b.now)
	b.events()
}

// TestLearnTransitions: a frame on a port, against every kind of entry. Each row
// holds with the entry applied or in flight, and the learn pending or applied.
func TestLearnTransitions(t *testing.T) {
	tests := []struct {
		existing string
		port     switchdev.PortID
		later    bool // in a later tick
		outcome  Learned
		want     string // the entry afterwards
		event    string
		fresh    bool // its time is that of the frame
	}{
		{"none", 1, false, Queued, "1 dynamic learned", "added", true},
		// 3: same port, no event, only the time.
		{"learned", 1, false, Known, "1 dynamic learned", "", true},
		{"learned", 1, true, Refreshed, "1 dynamic learned", "", true},
		// 4: seen on another port, one event.
		{"learned", 2, false, Moved, "2 dynamic learned", "moved", true},
		{"learned", 2, true, Moved, "2 dynamic learned", "moved", true},
		{"user dynamic", 1, true, Refreshed, "1 user user", "", true},
		{"user dynamic", 2, true, Moved, "2 user user", "moved", true},
		// 5: a static entry moves, and stays static.
		{"static", 2, true, Moved, "2 static,user user", "moved", true},
		{"static", 1, true, Refreshed, "1 static,user user", "", true},
		// 6: sticky static: no move, no event.
		{"sticky static", 2, true, Kept, "1 static,sticky,user user", "", true},
		// 7: sticky dynamic: a frame on the wrong port refreshes only.
		{"sticky dynamic", 2, true, Kept, "1 sticky,user user", "", true},
		{"sticky dynamic", 1, true, Refreshed, "1 sticky,user user", "", true},
		// 8: the bridge's own address is left alone.
		{"permanent", 1, true, Own, "1 static,local,user user", "", false},
		{"permanent", 2, true, Own, "1 static,local,user user", "", false},
		{"extern local", 2, true, Own, "1 local,extern_learn,user control", "", false},
		// External entries: refreshed in place, ordinary once they moved (46).
		{"extern", 1, true, Refreshed, "1 extern_learn,user control", "", true},
		{"extern", 2, true, Moved, "2 user control", "moved", true},
		{"extern static", 2, true, Moved, "2 static,user control", "moved", true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s port %d later %v", tt.existing, tt.port, tt.later), func(t *testing.T) {
			b := newBench(t, Config{})
			k := key(1)
			b.enter(tt.existing, k)
			if tt.later {
				b.pass(time.Second)
			}
			before, _ := b.Get(t.Context(), k)
			if got := b.Learn(k, tt.port); got != tt.outcome {
				t.Errorf("Learn = %v, want %v", got, tt.outcome)
			}
			if got := b.get(k); got != tt.want {
				t.Errorf("pending: %s, want %s", got, tt.want)
			}
			b.Poll(b.now)
			if got := b.get(k); got != tt.want {
				t.Errorf("applied: %s, want %s", got, tt.want)
			}
			events := b.events()
			if got := kinds(events); got != tt.event {
				t.Errorf("events %q, want %q", got, tt.event)
			}
			after, _ := b.Get(t.Context(), k)
			if want := before.Updated; tt.fresh {
				if !after.Updated.Equal(b.now) {
					t.Errorf("Updated = %v, want now", after.Updated)
				}
			} else if after.Updated != want {
				t.Errorf("Updated went from %v to %v", want, after.Updated)
			}
			for _, e := range events {
				if describe(e.Entry) != tt.want || e.Kind == MovedTo && describe(e.Old) != describe(before) {
					t.Errorf("event tells of %s after %s", describe(e.Entry), describe(e.Old))
				}
			}
		})
	}
}

// TestWhatIsNeverLearned: case 9, case 13, and the bridge's own port.
func TestWhatIsNeverLearned(t *testing.T) {
	b := newBench(t, Config{})
	off := newBench(t, Config{Ageing: NoLearning})
	for _, tt := range []struct {
		table *bench
		key   Key
		port  switchdev.PortID
	}{
		{b, Key{}, 1},
		{b, Key{MAC: switchdev.Broadcast()}, 1},
		{b, Key{MAC: switchdev.MAC{1, 0, 0x5e, 0, 0, 1}}, 1},
		{b, Key{MAC: key(1).MAC, VLAN: 4095}, 1},
		{b, key(1), 0},
		{off, key(1), 1},
	} {
		if got := tt.table.Learn(tt.key, tt.port); got != Ignored || got.Accepted() {
			t.Errorf("Learn(%v, %d) = %v", tt.key, tt.port, got)
		}
		tt.table.Poll(tt.table.now)
		if _, ok := tt.table.Lookup(tt.key); ok || tt.table.Len() != 0 {
			t.Errorf("%v was learned", tt.key)
		}
	}
}

// TestVLANsAreApart: case 15.
func TestVLANsAreApart(t *testing.T) {
	b := newBench(t, Config{})
	a, c := Key{MAC: key(1).MAC, VLAN: 10}, Key{MAC: key(1).MAC, VLAN: 20}
	b.Learn(a, 1)
	b.Learn(c, 2)
	b.Poll(b.now)
	b.Learn(c, 3)
	if b.at(a) != 1 || b.at(c) != 3 {
		t.Errorf("%d and %d", b.at(a), b.at(c))
	}
	if b.at(key(1)) != 0 {
		t.Error("found without a VLAN")
	}
}

// TestReplaceTransitions: a user's change, against every kind of entry. It
// moves anything (30), leaves an external entry with its control plane (48), and
// otherwise makes the entry what was asked.
func TestReplaceTransitions(t *testing.T) {
	wants := map[Flags]string{
		0: "2 user user", Static: "2 static,user user", Permanent: "2 static,local,user user",
		Local: "2 static,local,user user", Sticky: "2 sticky,user user", Static | Sticky: "2 static,sticky,user user",
		Extern: "2 extern_learn,user control",
	}
	for _, x := range existing {
		for _, flags := range slices.Sorted(maps.Keys(wants)) {
			t.Run(x.name+" by "+flags.String(), func(t *testing.T) {
				b := newBench(t, Config{})
				k := key(1)
				b.enter(x.name, k)
				b.pass(time.Second)
				want := wants[flags]
				if x.make&Extern != 0 && flags&Extern == 0 { // 48
					want = strings.Replace(strings.Replace(want, ",user", ",extern_learn,user", 1), "user user", "user control", 1)
					if flags == 0 {
						want = "2 extern_learn,user control"
					}
				}
				if flags&Extern != 0 { // 47: what it takes over keeps its kind
					made := x.make
					if made&(Local|Extern) == Local {
						made |= Static
					}
					want = "2 " + (made&(Static|Local|Sticky) | Extern | User).String() + " control"
				}
				e := Entry{Key: k, Port: 2, Flags: flags}
				b.must(b.SubmitReplace(e))
				if got := b.get(k); got != want {
					t.Errorf("%s, want %s", got, want)
				}
				event := "moved" // 28, 42: one notification
				if x.none {
					event = "added"
				}
				if got := kinds(b.events()); got != event {
					t.Errorf("events %q, want %q", got, event)
				}
				// 45: the same again tells nobody and touches nothing, but that a
				// control plane's renews the time.
				first, _ := b.Get(t.Context(), k)
				b.pass(time.Second)
				b.must(b.SubmitReplace(e))
				if got := kinds(b.events()); got != "" {
					t.Errorf("the same again: events %q", got)
				}
				if flags&Extern != 0 {
					first.Updated = InstantOf(b.now)
				}
				if again, _ := b.Get(t.Context(), k); again != first {
					t.Errorf("the same again: %+v\nwas %+v", again, first)
				}
				// 45: a change renews the time.
				e.Port = 3
				b.must(b.SubmitReplace(e))
				if last, _ := b.Get(t.Context(), k); !last.Updated.Equal(b.now) || last.Seq <= first.Seq {
					t.Errorf("changed: %+v", last)
				}
				if got := kinds(b.events()); got != "moved" {
					t.Errorf("changed: events %q", got)
				}
				// On the same port it is a change and no move.
				e.Flags ^= Static
				if e.Flags&Local == 0 && (e.Flags&Extern == 0 || x.make&(Static|Local) == 0) {
					b.must(b.SubmitReplace(e))
					if got := kinds(b.events()); got != "changed" {
						t.Errorf("changed in place: events %q", got)
					}
				}
			})
		}
	}
}

// TestAddAndDeleteTransitions: Add takes nothing's place (25, 27, 29); Delete
// removes any kind, from its port only, once (38, 39).
func TestAddAndDeleteTransitions(t *testing.T) {
	for _, x := range existing {
		t.Run(x.name, func(t *testing.T) {
			b := newBench(t, Config{})
			k := key(1)
			b.enter(x.name, k)
			was := b.get(k)
			err := b.do(b.SubmitAdd(Entry{Key: k, Port: 2, Flags: Static}))
			if x.none {
				if err != nil || kinds(b.events()) != "added" || b.get(k) != "2 static,user user" {
					t.Errorf("Add = %v, now %s", err, b.get(k))
				}
				b.must(b.SubmitDelete(k, 2))
			} else {
				if !errors.Is(err, switchdev.ErrExist) || b.get(k) != was {
					t.Errorf("Add = %v, %s became %s", err, was, b.get(k))
				}
				if err := b.do(b.SubmitDelete(k, 2)); !errors.Is(err, switchdev.ErrNotExist) || b.get(k) != was {
					t.Errorf("Delete from the wrong port = %v", err)
				}
				b.must(b.SubmitDelete(k, 1))
			}
			events := b.events()
			if kinds(events) != "deleted" || describe(events[0].Old) != describe(events[0].Entry) {
				t.Errorf("events %q", kinds(events))
			}
			if err := b.do(b.SubmitDelete(k, 1)); !errors.Is(err, switchdev.ErrNotExist) {
				t.Errorf("Delete again = %v", err)
			}
			if b.get(k) != "none" || b.Len() != 0 {
				t.Errorf("left: %s", b.get(k))
			}
		})
	}
}

// TestFlushFilters: what each filter takes away (62-67, 69, 70, 72).
func TestFlushFilters(t *testing.T) {
	all := []string{"learned", "user dynamic", "static", "sticky static", "sticky dynamic", "permanent", "extern", "extern static"}
	tests := []struct {
		name   string
		filter Filter
		gone   string // in all; with a number the same on port 2, with v in VLAN 10
	}{
		{"62 no filter", Filter{}, strings.Join(all, ", ")},
		{"63 statics", Filter{Mask: Static | Local, Flags: Static}, "static, sticky static, extern static"},
		{"64 dynamic", Filter{Mask: Static | Local}, "learned, user dynamic, sticky dynamic, extern"},
		{"65 extern", Filter{Mask: Extern, Flags: Extern}, "extern, extern static"},
		{"65 not extern", Filter{Mask: Extern}, "learned, user dynamic, static, sticky static, sticky dynamic, permanent"},
		{"65 entered", Filter{Mask: User, Flags: User}, "user dynamic, static, sticky static, sticky dynamic, permanent, extern, extern static"},
		{"65 learned", Filter{Mask: User}, "learned"},
		{"65 sticky", Filter{Mask: Sticky, Flags: Sticky}, "sticky static, sticky dynamic"},
		{"65 local", Filter{Mask: Local, Flags: Local}, "permanent"},
		{"65 locked", Filter{Mask: Locked, Flags: Locked}, ""},
		{"66 port", Filter{OnPort: true, Port: 1}, strings.Join(all, ", ")},
		{"66 other port", Filter{OnPort: true, Port: 3}, ""},
		{"69 dynamic", Dynamic(), "learned, user dynamic, sticky dynamic, extern"},
		{"70 port down", OnPort(1), "learned, user dynamic, sticky dynamic"},
		{"72 VLAN", Filter{VLAN: 10}, ""},
	}
	for _, tt := range tests {
		for _, vlan := range []switchdev.VLAN{0, 10} {
			t.Run(fmt.Sprintf("%s in VLAN %d", tt.name, vlan), func(t *testing.T) {
				b := newBench(t, Config{})
				keys := make(map[string]Key)
				for i, name := range all {
					keys[name] = Key{MAC: key(byte(i + 1)).MAC, VLAN: vlan}
					b.enter(name, keys[name])
				}
				far := Key{MAC: key(99).MAC, VLAN: 30}
				b.Learn(far, 2)
				b.Poll(b.now)
				b.events()
				gone := make(map[string]bool)
				for name := range strings.SplitSeq(tt.gone, ", ") {
					gone[name] = name != ""
				}
				if tt.filter.VLAN == 10 && vlan == 10 {
					for _, name := range all {
						gone[name] = true
					}
				}
				flush := b.SubmitFlush(tt.filter)
				check := func(when string) {
					t.Helper()
					for name, k := range keys {
						if ok := b.at(k) != 0; ok == gone[name] {
							t.Errorf("%s: %s found: %v", when, name, ok)
						}
					}
				}
				check("at once")
				b.must(flush)
				check("applied")
				n := 0
				for _, g := range gone {
					if g {
						n++
					}
				}
				farGone := !tt.filter.OnPort && tt.filter.VLAN == 0 && tt.filter.Mask&(Static|Local|Extern|User) == tt.filter.Mask && tt.filter.Flags == 0
				if (b.at(far) == 0) != farGone {
					t.Errorf("the station on port 2 in VLAN 30 gone: %v, want %v", b.at(far) == 0, farGone)
				}
				if farGone {
					n++
				}
				events := b.events()
				if flush.Count() != n || len(events) != n || b.Len() != len(all)+1-n {
					t.Errorf("Count %d, %d events, %d left; want %d gone", flush.Count(), len(events), b.Len(), n)
				}
				for _, e := range events {
					if e.Kind != Flushed || !tt.filter.Selects(e.Old) {
						t.Errorf("event %v of %v", e.Kind, describe(e.Old))
					}
				}
			})
		}
	}
}
