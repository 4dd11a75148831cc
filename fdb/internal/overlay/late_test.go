package overlay

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// inHardware is a state of Entry.Offload in these tests, out of three.
const inHardware = 1

// flushPort is what a port flush does in Linux: neither static nor local entries,
// and externally learned ones only if they are in hardware
// (br_fdb_delete_by_port).
func flushPort(port uint16) Filter {
	return Filter{Port: port, ByPort: true, Mask: cam.Static | cam.Local, Extern: Cold{Mask: 0x7f, Want: inHardware}}
}

// A flush by the state in hardware takes what is in that state when it is applied,
// but nothing that was learned or operated since it was accepted.
func TestLateFlushJudgesWhenItIsApplied(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var events []Change
		x := New(Config{Seed: [2]uint64{1, 3}, Emit: func(c Change) { events = append(events, c) }})
		keys := make([]cam.Key, 12)
		for i := range keys {
			keys[i] = cam.Key(i+1) << 12
			_, seq := x.Stage(keys[i])
			flags := rapid.SampledFrom([]cam.Hot{0, cam.Ext, cam.Ext | cam.User, cam.Static | cam.User}).Draw(r, "flags")
			port := rapid.Uint16Range(1, 2).Draw(r, "port")
			offload := rapid.Uint8Range(0, 2).Draw(r, "offload")
			x.Finish(keys[i], seq, &Entry{Hot: cam.MakeHot(port, flags, 1), Cold: cam.Cold{Offload: offload}})
		}
		f := rapid.SampledFrom([]Filter{flushPort(1), {Cold: Cold{Mask: 0x7f, Want: inHardware}},
			{Cold: Cold{Mask: 0x7f, Want: inHardware, Not: true}, Mask: cam.Static}}).Draw(r, "filter")
		before := map[cam.Key]Entry{}
		for _, k := range keys {
			before[k], _ = x.Get(k)
		}
		seq := x.AcceptFlush(f)
		if again := x.AcceptFlush(f); !f.Late() || again == seq {
			r.Fatal("a flush that is judged later is another one each time")
		}
		for _, k := range keys { // what does not depend on hardware counts at once
			_, hit := x.Lookup(k)
			if e := before[k]; hit == (f.Cold.Mask == 0 && e.Port() == 1 && e.Hot&(cam.Static|cam.Ext) == 0) {
				r.Fatalf("%x %+v: found %v", k, e, hit)
			}
		}
		want := map[cam.Key]bool{}
		var busy cam.Key
		var number uint64
		for i, k := range keys {
			e := before[k]
			want[k] = !f.Covers(k, e)
			switch rapid.IntRange(0, 5).Draw(r, "meanwhile") {
			case 0: // heard on its port: nothing is new about it, unless it is gone
				_, hit := x.Lookup(k)
				want[k] = want[k] || !hit
				x.Learn(k, e.Port(), 1)
			case 1: // it moves, or is new there
				want[k] = true
				x.Learn(k, 3, 2)
			case 2:
				if _, hit := x.Lookup(k); hit {
					x.Update(k, func(e Entry) Entry { e.Offload = inHardware; return e })
					e.Offload = inHardware
					want[k] = !f.Covers(k, e)
				}
			case 3:
				if _, hit := x.Lookup(k); hit && i == 5 {
					if e, n := x.Stage(k); e.Hot != 0 {
						busy, number = k, n
					} else {
						x.Finish(k, n, nil)
						want[k] = false
					}
				}
			}
		}
		// Staging folds what is pending, so hardware is judged there and then.
		for range 200 {
			x.FlushStep(rapid.IntRange(1, 64).Draw(r, "budget"))
		}
		if busy != 0 {
			x.Finish(busy, number, nil)
		}
		x.Seal()
		x.Apply(100)
		for _, k := range keys {
			if _, hit := x.LookupMain(k); hit != want[k] {
				r.Fatalf("%x %+v under %+v: found %v, want %v", k, before[k], f, hit, want[k])
			}
		}
		if err := x.Check(); err != nil || !x.Quiet() {
			r.Fatal(err, x.Pending())
		}
		if done := x.Retired(nil); len(done) != 2 {
			r.Fatal(done)
		}
	})
}

// A flush by the state in hardware that waits for an operation which it overtook has
// judged all other entries: whatever becomes of one later, also if it is put back as
// it was, is none of its business. The operation's own entry is.
func TestHeldLateFlushJudgesNobodyElse(t *testing.T) {
	x := New(Config{Seed: [2]uint64{1, 3}})
	put := func(k cam.Key, offload uint8) {
		_, seq := x.Stage(k)
		x.Finish(k, seq, &Entry{Hot: cam.MakeHot(1, cam.Static, 1), Cold: cam.Cold{Offload: offload}})
	}
	const slow, other = cam.Key(1 << 12), cam.Key(2 << 12)
	put(slow, 0)
	put(other, inHardware)
	_, older := x.Stage(slow)
	x.AcceptFlush(Filter{Cold: Cold{Mask: 0x7f, Want: inHardware, Not: true}})
	for !x.FlushStep(1 << 20) {
	}
	if p := x.Pending(); p.Held != 1 {
		t.Fatalf("%d flushes are held, want 1", p.Held)
	}
	// A replace that changes nothing: the row is sent again meanwhile.
	_, seq := x.Stage(other)
	x.Update(other, func(e Entry) Entry { e.Offload = 0; return e })
	x.Finish(other, seq, nil)
	if _, ok := x.Get(other); !ok {
		t.Error("an entry that was in hardware when the flush was applied is gone")
	}
	x.Finish(slow, older, nil)
	if _, ok := x.Get(slow); ok {
		t.Error("the entry whose operation the flush overtook was spared")
	}
	if err := x.Check(); err != nil {
		t.Error(err)
	}
}
