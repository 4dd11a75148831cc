package fdb

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func externCases() []ruleCase {
	k := key(1)
	return []ruleCase{
		{46, "an external entry does not age until a frame moved it", Config{}, func(b *bench) {
			b.SetAgeing(2 * tickLength * 100)
			b.put(k, 1, Extern)
			b.through(b.Ageing() + 10*b.Ageing())
			if e, _ := b.Get(b.t.Context(), k); e.Stale || e.State() != "" {
				b.t.Errorf("%+v", e)
			}
			b.events()
			b.seen(k, 2)
			b.has(k, "2 user control")
			b.tells("moved")
			b.through(b.Ageing() + 10*tickLength)
			b.has(k, "none")
			if ev := b.tells("aged"); len(ev) == 1 && ev[0].Old.State() != "stale" {
				b.t.Errorf("%+v", ev[0])
			}
		}},
		{47, "an external learn takes over anything", Config{}, takeOverEverything},
		{48, "a user's static entry over an external one", Config{}, func(b *bench) {
			b.put(k, 1, Extern)
			b.put(k, 1, Static)
			b.has(k, "1 static,extern_learn,user control")
		}},
	}
}

// takeOverEverything: NTF_EXT_LEARNED over each kind keeps Static, Local, Sticky
// and what was asked of its activity; the same again renews the time and is not
// told. It asks for no Sticky itself, and none is taken away.
func takeOverEverything(b *bench) {
	for i, x := range existing {
		k := key(byte(i + 1))
		b.enter(x.name, k)
		b.pass(0)
		kept := x.make & (Static | Local | Sticky)
		if x.make&(Local|Extern) == Local {
			kept |= Static
		}
		b.put(k, 9, Extern)
		b.has(k, "9 "+(kept|Extern|User).String()+" control")
		b.learned(0)
		b.events()
		b.pass(tickLength)
		b.put(k, 9, Extern)
		b.tells("")
		if !b.updated(k).Equal(b.now) {
			b.t.Errorf("%s: not renewed", x.name)
		}
		b.pass(tickLength)
		at := b.updated(k)
		b.put(k, 9, Extern|NoRefresh)
		if !b.updated(k).Equal(at) {
			b.t.Errorf("%s: renewed", x.name)
		}
	}
	k := key(100)
	b.put(k, 1, Static|Notify|Inactive)
	b.put(k, 2, Extern)
	b.has(k, "2 static,extern_learn,user,activity_notify,inactive control")
	// On the bridge itself it is local, and only when that is asked for.
	b.put(k, 0, Extern|Local)
	b.has(k, "0 static,local,extern_learn,user,activity_notify,inactive control")
	b.refuses(syscall.EINVAL, func() *Ticket { return b.SubmitReplace(Entry{Key: k, Flags: Extern}) })
	// A bridge's own address, too.
	b.must(b.SubmitAdd(Entry{Key: key(101), Port: 1, Flags: Permanent, Owner: OwnerBridge}))
	b.put(key(101), 2, Extern)
	b.has(key(101), "2 static,local,extern_learn,user control")
	// And the bridge takes its address back from anybody.
	b.must(b.SubmitReplace(Entry{Key: key(101), Port: 1, Flags: Permanent, Owner: OwnerBridge}))
	b.has(key(101), "1 static,local bridge")
}

func lockedCases() []ruleCase {
	k := key(1)
	return []ruleCase{
		{54, "a locked entry is made, told, refreshed and counted", Config{Learning: Learning{Max: 1}}, func(b *bench) {
			if got := b.LearnLocked(k, 1); got != Queued {
				b.t.Errorf("LearnLocked = %v", got)
			}
			b.has(k, "1 locked learned")
			b.Poll(b.now)
			b.tells("added")
			b.learned(1)
			b.pass(time.Second)
			if got := b.LearnLocked(k, 1); got != Refreshed || !b.updated(k).Equal(b.now) {
				b.t.Errorf("LearnLocked = %v", got)
			}
			if got := b.LearnLocked(k, 1); got != Known {
				b.t.Errorf("LearnLocked = %v", got)
			}
			if got := b.LearnLocked(k, 2); got != Shut {
				b.t.Errorf("elsewhere: %v", got)
			}
			if got := b.LearnLocked(key(2), 1); got != Limited {
				b.t.Errorf("at the limit: %v", got)
			}
			b.tells("")
			b.through(DefaultAgeing + time.Second)
			b.has(k, "none") // it ages
		}},
		{55, "a user lets a locked entry in", Config{}, func(b *bench) {
			b.LearnLocked(k, 1)
			b.Poll(b.now)
			b.events()
			b.learned(1)
			b.put(k, 1, 0)
			b.has(k, "1 user user")
			b.tells("changed")
			b.learned(0)
			// Use leaves it locked, and it does not count any more.
			b.LearnLocked(key(2), 1)
			b.must(b.SubmitUse(key(2), 1))
			b.has(key(2), "1 locked,user user")
			b.learned(0)
		}},
		{56, "a locked entry that moves is locked no more", Config{}, func(b *bench) {
			b.LearnLocked(k, 1)
			b.seen(k, 2)
			b.has(k, "2 dynamic learned")
			for _, x := range []Flags{0, Static, Permanent, Extern} {
				b.put(key(2), 2, x)
				if got := b.LearnLocked(key(2), 1); got != Shut || b.at(key(2)) != 2 {
					b.t.Errorf("over %v: %v", x, got)
				}
				if got := b.LearnLocked(key(2), 2); got != Shut { // not locked there: the bridge lets it through
					b.t.Errorf("over %v on its port: %v", x, got)
				}
			}
			if got := b.LearnLocked(k, 1); got != Shut || b.at(k) != 2 {
				b.t.Errorf("back: %v", got)
			}
		}},
		{60, "a locked entry never reaches hardware", Config{}, func(b *bench) {
			c := newChip("sw0")
			b = newBench(b.t, withChips(Config{}, c))
			b.LearnLocked(k, 1)
			b.Poll(b.now)
			if _, calls := c.counts(); calls != 0 {
				b.t.Errorf("%d operations", calls)
			}
			b.seen(k, 2)
			if r, ok := c.row(k); !ok || r.Port != 2 {
				b.t.Errorf("moved: row %+v %v", r, ok)
			}
		}},
	}
}

var flushKinds = map[string]Flags{
	"user": 0, "static": Static, "sticky": Sticky, "sticky static": Static | Sticky, "permanent": Permanent,
	"extern": Extern, "offloaded": Extern, "learned": 0, "locked": 0, "own": Permanent, "far": 0,
}

func flushKey(name string) Key {
	k := Key{MAC: switchdev.MAC{2, 0, 0, name[0], name[len(name)-1], byte(len(name))}, VLAN: 10}
	if name == "far" {
		k.VLAN = 20
	}
	return k
}

// flushable is a table with an entry of every kind on port 1 in VLAN 10, the
// external ones in hardware and not, and one learned on port 2 in VLAN 20.
func flushable(b *bench) (all []string) {
	b.t.Helper()
	all = slices.Sorted(maps.Keys(flushKinds))
	for _, name := range all {
		switch k := flushKey(name); name {
		case "learned":
			b.Learn(k, 1)
		case "far":
			b.Learn(k, 2)
		case "locked":
			b.LearnLocked(k, 1)
		case "own":
			b.must(b.SubmitAdd(Entry{Key: k, Port: 1, Flags: Permanent, Owner: OwnerBridge}))
		default:
			b.put(k, 1, flushKinds[name])
		}
	}
	b.Poll(b.now)
	b.events()
	return all
}

// flushes wants a filter to remove exactly these, by Flush and by Selects, and at
// once but for what it selects by the state in hardware.
func flushes(f Filter, late bool, want string) func(*bench) {
	return func(b *bench) {
		c := newChip("sw0")
		c.answer = func(op switchdev.FDBOp) error {
			if op.Entry.Key == flushKey("offloaded") {
				return nil
			}
			return errors.ErrUnsupported
		}
		b = newBench(b.t, withChips(Config{}, c))
		all := flushable(b)
		gone := strings.FieldsFunc(want, func(r rune) bool { return r == ',' })
		if want == "all" {
			gone = all
		}
		for _, name := range all {
			e, err := b.Get(b.t.Context(), flushKey(name))
			if err != nil || f.Selects(e) != slices.Contains(gone, name) {
				b.t.Errorf("Selects(%s, %+v) = %v, %v", name, e, f.Selects(e), err)
			}
		}
		k := b.SubmitFlush(f)
		for _, name := range all {
			if _, found := b.Lookup(flushKey(name)); !late && found == slices.Contains(gone, name) {
				b.t.Errorf("at once: %s found: %v", name, found)
			}
		}
		b.must(k)
		for _, name := range all {
			if _, found := b.Lookup(flushKey(name)); found == slices.Contains(gone, name) {
				b.t.Errorf("%s found: %v", name, found)
			}
		}
		if ev := b.events(); len(ev) != len(gone) || k.Count() != len(gone) {
			b.t.Errorf("%d events, Count %d, want %d", len(ev), k.Count(), len(gone))
		}
	}
}

func flushCases() []ruleCase {
	const notStatic = "user,sticky,learned,locked,far,extern,offloaded"
	hw := InHardware
	cases := []ruleCase{
		{62, "no filter", Config{}, flushes(Everything(), false, "all")},
		{63, "static", Config{}, flushes(Filter{Mask: Static | Local, Flags: Static}, false, "static,sticky static")},
		{63, "permanent", Config{}, flushes(Filter{Mask: Local, Flags: Local}, false, "permanent,own")},
		{64, "dynamic", Config{}, flushes(Dynamic(), false, notStatic)},
		{65, "extern", Config{}, flushes(Filter{Mask: Extern, Flags: Extern}, false, "extern,offloaded")},
		{65, "not extern", Config{}, flushes(Filter{Mask: Extern}, false, "user,static,sticky,sticky static,permanent,learned,locked,own,far")},
		{65, "added by user", Config{}, flushes(Filter{Mask: User, Flags: User}, false, "user,static,sticky,sticky static,permanent,extern,offloaded")},
		{65, "sticky", Config{}, flushes(Filter{Mask: Sticky, Flags: Sticky}, false, "sticky,sticky static")},
		{65, "locked", Config{}, flushes(Filter{Mask: Locked, Flags: Locked}, false, "locked")},
		{65, "offloaded", Config{}, flushes(Filter{Mask: hw, Flags: hw}, true, "offloaded")},
		{65, "not offloaded", Config{}, flushes(Filter{Mask: hw}, true, "user,static,sticky,sticky static,permanent,learned,locked,own,far,extern")},
		{65, "extern and not offloaded", Config{}, flushes(Filter{Mask: hw | Extern, Flags: Extern}, true, "extern")},
		{65, "not offloaded, and then wanted again", Config{}, func(b *bench) {
			// The flush judges the entry when it comes to it, and it is in nobody's
			// hardware for certain while the devices are asked whether they hold it.
			b = newBench(b.t, withChips(Config{}, newChip("sw0")))
			b.put(key(1), 1, Static)
			flush := b.SubmitFlush(Filter{Mask: hw})
			again := b.SubmitReplace(Entry{Key: key(1), Port: 1, Flags: Static})
			b.must(again)
			b.must(flush)
			b.has(key(1), "1 static,user user")
			if flush.Count() != 0 {
				b.t.Errorf("Count = %d", flush.Count())
			}
		}},
		{66, "port", Config{}, flushes(Filter{Port: 2, OnPort: true}, false, "far")},
		{66, "the bridge itself", Config{}, flushes(Filter{OnPort: true}, false, "")},
		{67, "value outside the mask", Config{}, flushes(Filter{Mask: Static, Flags: Static | Sticky}, false, "")},
		{67, "offloaded outside the mask", Config{}, flushes(Filter{Mask: Static, Flags: hw}, false, "")},
		{67, "static outside the mask of offloaded", Config{}, flushes(Filter{Mask: hw, Flags: hw | Static}, false, "")},
		{67, "value without a mask", Config{}, flushes(Filter{Flags: Static | hw}, false, "all")},
		{68, "bad filters", Config{}, func(b *bench) {
			b.refuses(syscall.ERANGE, func() *Ticket { return b.SubmitFlush(Filter{VLAN: 4095}) })
			for _, f := range []Filter{{Flags: Notify}, {Mask: NoRefresh, Flags: NoRefresh}, {Mask: Static | Inactive}, {Mask: flagsEnd}} {
				b.refuses(syscall.EINVAL, func() *Ticket { return b.SubmitFlush(f) })
			}
		}},
		{69, "the flush attribute of a bridge", Config{}, flushes(Dynamic(), false, notStatic)},
		{70, "a port goes down", Config{}, flushes(OnPort(1), true, "user,sticky,learned,locked,offloaded")},
		{70, "another port goes down", Config{}, flushes(OnPort(2), true, "far")},
		{72, "VLAN", Config{}, flushes(Filter{VLAN: 20}, false, "far")},
		{72, "a VLAN is deleted from a port", Config{}, flushes(Filter{VLAN: 10, Port: 1, OnPort: true, Mask: Static | Local, KeepExtern: true}, true, "user,sticky,learned,locked,offloaded")},
	}
	return cases
}
