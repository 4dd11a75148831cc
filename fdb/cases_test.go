package fdb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// ruleCase is one behaviour of the kernel's table, by its number in the list of
// them. Setup, operation and what is expected are in run; time is virtual.
type ruleCase struct {
	number int
	name   string
	cfg    Config
	run    func(b *bench)
}

// TestCases goes through the behaviours that are the table's. Those of ports,
// VLANs and forwarding are the bridge's.
func TestCases(t *testing.T) {
	seen := make(map[int]bool)
	for _, c := range tableCases() {
		seen[c.number] = true
		t.Run(fmt.Sprintf("%03d %s", c.number, c.name), func(t *testing.T) { c.run(newBench(t, c.cfg)) })
	}
	for _, r := range [][2]int{{3, 7}, {13, 13}, {15, 31}, {33, 39}, {42, 48}, {54, 56}, {60, 60}, {62, 70}, {72, 72}, {75, 80}} {
		for n := r[0]; n <= r[1]; n++ {
			if !seen[n] {
				t.Errorf("no case %d", n)
			}
		}
	}
}

func tableCases() []ruleCase {
	return slices.Concat(learningCases(), sourceCases(), limitCases(), userCases(), externCases(), lockedCases(), flushCases(), ageingCases(), activityCases())
}

// seen is a frame, applied.
func (b *bench) seen(k Key, p switchdev.PortID) Learned {
	l := b.Learn(k, p)
	b.Poll(b.now)
	return l
}

// put is a user's replace, and has is what he wants to be there.
func (b *bench) put(k Key, p switchdev.PortID, f Flags) {
	b.t.Helper()
	b.must(b.SubmitReplace(Entry{Key: k, Port: p, Flags: f}))
}

func (b *bench) has(k Key, want string) {
	b.t.Helper()
	if got := b.get(k); got != want {
		b.t.Errorf("%v: %s, want %s", k, got, want)
	}
}

// tells wants exactly these events since the last look.
func (b *bench) tells(want string) []Event {
	b.t.Helper()
	events := b.events()
	if got := kinds(events); got != want {
		b.t.Errorf("events %q, want %q", got, want)
	}
	return events
}

// refuses wants an errno, and nothing changed and nothing told.
func (b *bench) refuses(errno syscall.Errno, submit func() *Ticket) {
	b.t.Helper()
	b.events()
	before := b.state()
	if err := b.do(submit()); !errors.Is(err, errno) {
		b.t.Errorf("%v, want %v", err, errno)
	}
	if after := b.state(); after != before {
		b.t.Errorf("it changed\n%s\nto\n%s", before, after)
	}
	b.tells("")
}

// learned wants so many entries to count in the limit.
func (b *bench) learned(want int) {
	b.t.Helper()
	if got := b.Stats().Learned; got != want {
		b.t.Errorf("Learned = %d, want %d", got, want)
	}
}

func (b *bench) updated(k Key) time.Time {
	e, _ := b.Get(b.t.Context(), k)
	return e.Updated.Time()
}

func learningCases() []ruleCase {
	k := key(1)
	return []ruleCase{
		{3, "second frame same port", Config{}, func(b *bench) {
			b.seen(k, 1)
			b.tells("added")
			b.pass(time.Second)
			if got := b.seen(k, 1); got != Refreshed {
				b.t.Errorf("Learn = %v", got)
			}
			b.tells("")
			if !b.updated(k).Equal(b.now) {
				b.t.Errorf("Updated = %v", b.updated(k))
			}
		}},
		{4, "seen on another port", Config{}, func(b *bench) {
			b.seen(k, 1)
			b.Destination(k)
			was, _ := b.Get(b.t.Context(), k)
			b.pass(time.Second)
			b.events()
			b.seen(k, 2)
			b.tells("moved")
			is, _ := b.Get(b.t.Context(), k)
			if is.Port != 2 || is.Used != was.Used || !is.Updated.Equal(b.now) {
				b.t.Errorf("%+v after %+v", is, was)
			}
		}},
		{5, "static entry moves and stays static", Config{}, func(b *bench) {
			b.put(k, 1, Static)
			b.events()
			b.seen(k, 2)
			b.has(k, "2 static,user user")
			b.tells("moved")
		}},
		{6, "sticky static entry stays", Config{}, func(b *bench) {
			b.put(k, 1, Static|Sticky)
			b.events()
			b.seen(k, 2)
			b.has(k, "1 static,sticky,user user")
			b.tells("")
		}},
		{7, "sticky dynamic entry is kept alive from the wrong port", Config{Ageing: time.Second}, func(b *bench) {
			b.put(k, 1, Sticky)
			b.events()
			for range 10 {
				b.through(700 * time.Millisecond)
				b.Learn(k, 2)
			}
			b.has(k, "1 sticky,user user")
			b.tells("")
			b.through(1100 * time.Millisecond)
			b.has(k, "none")
		}},
		{13, "ageing time 0", Config{Learning: Learning{Delay: time.Hour}}, func(b *bench) {
			b.put(k, 1, Static)
			b.put(key(2), 1, Extern)
			b.put(key(3), 1, 0)
			b.Learn(key(4), 1) // pending for an hour
			b.SetAgeing(NoLearning)
			b.Poll(b.now)
			for n, want := range map[byte]string{1: "1 static,user user", 2: "1 extern_learn,user control", 3: "none", 4: "none"} {
				b.has(key(n), want)
			}
			if got := b.Learn(key(5), 1); got != Ignored {
				b.t.Errorf("Learn = %v", got)
			}
			if got := b.LearnLocked(key(5), 1); got != Ignored {
				b.t.Errorf("LearnLocked = %v", got)
			}
			b.events()
			b.must(b.SubmitUse(key(5), 1)) // success, and nothing done
			b.tells("")
			b.put(key(6), 1, 0) // stale from the beginning
			if e, _ := b.Get(b.t.Context(), key(6)); !e.Stale {
				b.t.Errorf("%+v", e)
			}
			b.through(tickLength)
			b.has(key(6), "none")
			if ev := b.tells("added aged"); len(ev) == 2 && !ev[1].Old.Stale {
				b.t.Errorf("%+v", ev[1])
			}
		}},
		{15, "one address in two VLANs", Config{}, func(b *bench) {
			x, y := Key{MAC: k.MAC, VLAN: 10}, Key{MAC: k.MAC, VLAN: 20}
			b.seen(x, 1)
			b.seen(y, 2)
			b.seen(y, 3)
			b.has(x, "1 dynamic learned")
			b.has(y, "3 dynamic learned")
			b.must(b.SubmitDelete(x, 1))
			b.has(y, "3 dynamic learned")
		}},
	}
}

func userCases() []ruleCase {
	k := key(1)
	add := func(b *bench, p switchdev.PortID, f Flags) func() *Ticket {
		return func() *Ticket { return b.SubmitAdd(Entry{Key: k, Port: p, Flags: f}) }
	}
	return []ruleCase{
		{25, "exclusive add twice", Config{}, func(b *bench) {
			b.must(add(b, 1, Static)())
			b.refuses(syscall.EEXIST, add(b, 1, Static))
		}},
		{26, "update", Config{}, func(b *bench) {
			update := func() *Ticket { return b.SubmitUpdate(Entry{Key: k, Port: 1, Flags: Static}) }
			b.refuses(syscall.ENOENT, update)
			b.put(k, 1, Static)
			b.events()
			b.must(update())
			b.tells("")
			b.must(b.SubmitUpdate(Entry{Key: k, Port: 2, Flags: Static}))
			b.tells("moved")
		}},
		{27, "exclusive add over a learned entry", Config{}, func(b *bench) {
			b.seen(k, 1)
			b.refuses(syscall.EEXIST, add(b, 1, Static))
			b.Learn(key(2), 1) // pending counts as existing
			if err := b.do(b.SubmitAdd(Entry{Key: key(2), Port: 2})); !errors.Is(err, syscall.EEXIST) || b.at(key(2)) != 1 {
				b.t.Errorf("over a pending one: %v", err)
			}
		}},
		{28, "replace of a learned entry", Config{}, func(b *bench) {
			b.seen(k, 2)
			b.events()
			b.learned(1)
			b.put(k, 1, Static)
			b.tells("moved")
			b.has(k, "1 static,user user")
			b.learned(0)
		}},
		{29, "exclusive wins over replace", Config{}, func(b *bench) {
			// Add is the verb that is exclusive, whatever else is asked for: an
			// external learn is not, in Linux.
			b.put(k, 1, Static)
			b.refuses(syscall.EEXIST, add(b, 2, Extern))
		}},
		{30, "append on another port", Config{}, func(b *bench) {
			app := func(p switchdev.PortID) *Ticket { return b.SubmitAppend(Entry{Key: k, Port: p, Flags: Static}) }
			b.must(app(1))
			b.tells("added")
			b.must(app(1))
			b.tells("") // Linux tells the static entry again: iproute2 asks for reachable|noarp
			b.must(app(2))
			b.tells("moved")
			b.has(k, "2 static,user user")
		}},
		{31, "invalid input", Config{}, func(b *bench) {
			for _, e := range []Entry{{Port: 1}, {Key: Key{MAC: k.MAC, VLAN: 4095}, Port: 1}} {
				b.refuses(syscall.EINVAL, func() *Ticket { return b.SubmitReplace(e) })
			}
		}},
		{33, "bridge device", Config{}, func(b *bench) {
			for _, f := range []Flags{0, Static, Extern, Sticky} {
				b.refuses(syscall.EINVAL, add(b, 0, f))
			}
			b.refuses(syscall.EINVAL, func() *Ticket { return b.SubmitUse(k, 0) })
			b.must(add(b, 0, Permanent)())
			b.has(k, "0 static,local,user user")
		}},
		{34, "sticky and permanent", Config{}, func(b *bench) {
			b.refuses(syscall.EINVAL, add(b, 1, Permanent|Sticky))
			// By history it can be: an external learn on the bridge keeps Sticky.
			b.put(k, 1, Sticky|Static)
			b.put(k, 0, Extern|Local)
			b.has(k, "0 static,local,sticky,extern_learn,user control")
		}},
		{35, "locked by request", Config{}, func(b *bench) { b.refuses(syscall.EINVAL, add(b, 1, Locked)) }},
		{36, "offloaded by request is ignored", Config{}, func(b *bench) {
			b.must(b.SubmitAdd(Entry{Key: k, Port: 1, Flags: Static, Offload: Offloaded}))
			if e, _ := b.Get(b.t.Context(), k); e.Offload != OffloadNone {
				b.t.Errorf("%+v", e)
			}
		}},
		{37, "precedence of states", Config{}, func(b *bench) {
			b.put(k, 1, Local|Static) // permanent|noarp
			e, _ := b.Get(b.t.Context(), k)
			b.put(k, 1, Local)
			if again, _ := b.Get(b.t.Context(), k); again != e || e.State() != "permanent" {
				b.t.Errorf("%+v and %+v", e, again)
			}
			b.put(k, 1, Static) // reachable|noarp
			if e, _ := b.Get(b.t.Context(), k); e.State() != "static" {
				b.t.Errorf("%+v", e)
			}
		}},
		{38, "delete from the wrong port, and twice", Config{}, func(b *bench) {
			b.put(k, 1, Static)
			b.refuses(syscall.ENOENT, func() *Ticket { return b.SubmitDelete(k, 2) })
			b.must(b.SubmitDelete(k, 1))
			b.refuses(syscall.ENOENT, func() *Ticket { return b.SubmitDelete(k, 1) })
		}},
		{39, "delete of an own address", Config{}, func(b *bench) {
			b.must(b.SubmitReplace(Entry{Key: k, Port: 1, Flags: Permanent, Owner: OwnerBridge}))
			b.has(k, "1 static,local bridge")
			b.must(b.SubmitDelete(k, 1))
			b.through(time.Hour)
			b.has(k, "none")
		}},
		{42, "one notification per operation", Config{}, func(b *bench) {
			b.put(k, 1, Static)
			b.must(b.SubmitDelete(k, 1))
			b.tells("added deleted")
		}},
		{43, "get", Config{}, func(b *bench) {
			b.put(k, 1, Static|Notify)
			e, err := b.Get(b.t.Context(), k)
			if err != nil || e.State() != "static" || e.Flags != Static|Notify|User || !e.Updated.Equal(b.now) {
				b.t.Errorf("%+v, %v", e, err)
			}
			if _, err := b.Get(b.t.Context(), key(2)); !errors.Is(err, syscall.ENOENT) {
				b.t.Error(err)
			}
		}},
		{44, "use", Config{Learning: Learning{Max: 1}}, useOverEverything},
		{45, "identical and changed", Config{}, func(b *bench) {
			b.put(k, 1, Static)
			at := b.updated(k)
			b.pass(time.Second)
			b.events()
			b.put(k, 1, Static)
			b.tells("")
			if !b.updated(k).Equal(at) {
				b.t.Error("an identical replace renewed the time")
			}
			b.put(k, 2, Static|NoRefresh)
			b.tells("moved")
			if !b.updated(k).Equal(at) {
				b.t.Error("NoRefresh renewed the time")
			}
			b.put(k, 3, Static)
			b.tells("moved")
			if !b.updated(k).Equal(b.now) {
				b.t.Error("a change did not renew the time")
			}
		}},
		{45, "identical to one that is overdue", Config{Ageing: time.Second}, func(b *bench) {
			b.put(k, 1, 0)
			b.put(key(2), 1, 0)
			b.events()
			for range 3 {
				ticket := b.SubmitReplace(Entry{Key: k, Port: 1})
				other := b.SubmitReplace(Entry{Key: key(2), Port: 1, Flags: NoRefresh})
				b.pass(2 * time.Second) // comes to both, and then sweeps
				if err := errors.Join(ticket.Err(), other.Err()); err != nil {
					b.t.Error(err)
				}
				b.has(k, "1 user user")
				b.has(key(2), "none")
				b.tells("aged")
				b.put(key(2), 1, 0)
				b.events()
			}
		}},
		{45, "an entry that keeps its age leaves when it is due", Config{Ageing: time.Minute}, func(b *bench) {
			b.put(k, 1, Static)
			b.through(time.Hour)
			b.seen(key(2), 1) // the next to become due, but for what comes now
			b.put(k, 1, NoRefresh)
			if e, _ := b.Get(b.t.Context(), k); !e.Stale {
				b.t.Errorf("%+v", e.Updated)
			}
			b.through(tickLength)
			b.has(k, "none")
			b.has(key(2), "1 dynamic learned")
		}},
	}
}

// useOverEverything: NTF_USE over each kind of entry, on its port and another.
func useOverEverything(b *bench) {
	wants := map[string][2]string{ // on port 1, and on port 2
		"none":           {"1 user user", "2 user user"},
		"learned":        {"1 user user", "2 user user"},
		"user dynamic":   {"1 user user", "2 user user"},
		"static":         {"1 static,user user", "2 static,user user"},
		"sticky static":  {"1 static,sticky,user user", "1 static,sticky,user user"},
		"sticky dynamic": {"1 sticky,user user", "1 sticky,user user"},
		"permanent":      {"1 static,local,user user", "1 static,local,user user"},
		"extern":         {"1 extern_learn,user control", "2 user user"},
		"extern static":  {"1 static,extern_learn,user control", "2 static,user user"},
		"extern local":   {"1 local,extern_learn,user control", "1 local,extern_learn,user control"},
	}
	for i, x := range existing {
		for j, want := range wants[x.name] {
			k := key(byte(2*i + j + 1))
			b.enter(x.name, k)
			b.pass(time.Second)
			at := b.updated(k)
			b.must(b.SubmitUse(k, switchdev.PortID(j+1)))
			b.has(k, want)
			if renewed := b.updated(k).Equal(b.now); renewed == strings.Contains(want, "local") {
				b.t.Errorf("%s: Updated %v, was %v", x.name, b.updated(k), at)
			}
			b.learned(0)
			told := kinds(b.events())
			switch same := describe(Entry{Port: 1, Flags: x.make | User}); {
			case x.none && told != "added", !x.none && strings.HasPrefix(want, "2") && told != "moved":
				b.t.Errorf("%s on port %d: events %q", x.name, j+1, told)
			case strings.HasPrefix(same, want[:strings.LastIndex(want, " ")]) && x.user && strings.HasPrefix(want, "1") && told != "":
				b.t.Errorf("%s on port %d: events %q", x.name, j+1, told)
			}
		}
	}
	// At the limit it creates all the same, and what it creates does not count.
	b.seen(key(100), 1)
	if got := b.Learn(key(101), 1); got != Limited {
		b.t.Errorf("Learn = %v", got)
	}
	b.must(b.SubmitUse(key(101), 1))
	b.has(key(101), "1 user user")
	b.learned(1)
}
