package fdb

import (
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestQuirksHaveNamesAndBounds(t *testing.T) {
	all := quirksEnd - 1
	if got := all.String(); got != "static-readd-notifies,tc-keeps-gc-timer,legacy-offload" {
		t.Errorf("%q", got)
	}
	if got := (quirksEnd | QuirkLegacyOffload).String(); got != "legacy-offload,quirks(8)" {
		t.Errorf("%q", got)
	}
	if Quirks(0).String() != "" || !all.Has(QuirkLegacyOffload|QuirkTCKeepsGCTimer) || QuirkLegacyOffload.Has(all) {
		t.Error("sets are not what they are")
	}
	if _, err := New(Config{Quirks: quirksEnd}); !errors.Is(err, switchdev.ErrInvalid) {
		t.Errorf("unknown quirk: %v", err)
	}
}

// twice runs f with a quirk and without it.
func twice(t *testing.T, cfg Config, q Quirks, f func(b *bench, on bool)) {
	t.Run("without", func(t *testing.T) { f(newBench(t, cfg), false) })
	cfg.Quirks = q
	t.Run("with", func(t *testing.T) { f(newBench(t, cfg), true) })
}

// TestStaticReaddNotifies (fdb/016): with bridge(8) of iproute2 6.1 on Linux 6.1 and
// 6.18 a static or local entry that is replaced by itself is told each time, a
// dynamic one is not, and one that has gone stale is.
func TestStaticReaddNotifies(t *testing.T) {
	for name, verb := range map[string]Verb{"replace": VerbReplace, "append": VerbAppend, "update": VerbUpdate} {
		for kind, f := range map[string]Flags{"static": Static, "local": Permanent, "sticky": Static | Sticky} {
			t.Run(name+" "+kind, func(t *testing.T) {
				twice(t, Config{}, QuirkStaticReaddNotifies, func(b *bench, on bool) {
					k, told := key(1), ""
					if on {
						told = "changed"
					}
					b.put(k, 1, f)
					b.events()
					b.pass(time.Second)
					b.must(b.SubmitApply([]Op{{Verb: verb, Entry: Entry{Key: k, Port: 1, Flags: f | Respelt}}}))
					for _, e := range b.tells(told) {
						if e.Old.Flags != f|User || e.Entry.Flags != f|User || !e.Respelt {
							b.t.Errorf("event %+v", e)
						}
						if got := b.updated(k); !got.Equal(b.now) {
							b.t.Error("Updated is not now")
						}
					}
					b.must(b.SubmitReplace(Entry{Key: k, Port: 1, Flags: f})) // spelt as Linux does
					b.tells("")
					b.must(b.SubmitReplace(Entry{Key: k, Port: 2, Flags: f | Respelt})) // and another anyway
					for _, e := range b.tells("moved") {
						if e.Respelt != on || e.Entry.Flags != f|User {
							b.t.Errorf("event %+v", e)
						}
					}
				})
			})
		}
	}
}

func TestStaleReaddNotifies(t *testing.T) {
	twice(t, Config{Ageing: time.Hour}, QuirkStaticReaddNotifies|QuirkTCKeepsGCTimer, func(b *bench, on bool) {
		if !on {
			return // the sweep is quicker
		}
		k := key(1)
		b.through(time.Second) // the first sweep
		b.put(k, 1, 0)
		b.put(k, 1, 0)
		b.tells("added")
		if err := b.TopologyChange(time.Second); err != nil {
			b.t.Fatal(err)
		}
		b.pass(2 * time.Second)
		b.must(b.SubmitReplace(Entry{Key: k, Port: 1, Flags: Extern}))
		b.tells("changed")
		b.put(k, 1, Extern)
		b.tells("")
		k = key(2)
		b.put(k, 1, 0)
		b.pass(2 * time.Second)
		b.events()
		b.put(k, 1, 0)
		b.tells("changed")
		if e, _ := b.Get(b.t.Context(), k); e.Stale {
			b.t.Error("still stale")
		}
	})
}

// TestReaddInABatch: on a table without devices a batch takes no shorter way.
func TestReaddInABatch(t *testing.T) {
	for q, want := range map[Quirks]string{0: "added", QuirkStaticReaddNotifies: "added changed"} {
		table := newTable(t, Config{Quirks: q})
		sub, err := table.Subscribe(SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		one := Op{Verb: VerbReplace, Entry: Entry{Key: key(1), Port: 1, Flags: Static | Respelt}}
		if err := table.Apply(t.Context(), []Op{one, one}); err != nil {
			t.Fatal(err)
		}
		var got []Event
		for e, ok, _ := sub.TryNext(); ok; e, ok, _ = sub.TryNext() {
			got = append(got, e)
		}
		if kinds(got) != want {
			t.Errorf("%v: %q", q, kinds(got))
		}
		_ = sub.Close()
	}
}

// TestReaddKeepsTime: a request that is not to renew the time does not, also where it
// is told.
func TestReaddKeepsTime(t *testing.T) {
	b := newBench(t, Config{Quirks: QuirkStaticReaddNotifies})
	k := key(1)
	b.put(k, 1, Static)
	before := b.updated(k)
	b.pass(time.Second)
	b.put(k, 1, Static|Respelt|NoRefresh)
	b.tells("added changed")
	if got := b.updated(k); got != before {
		b.t.Errorf("updated %v, then %v", before, got)
	}
	b.put(k, 1, Static|Respelt)
	if got := b.updated(k); got == before {
		b.t.Error("not renewed")
	}
}

// TestTopologyChangeKeepsTimer (fdb/067, fdb/068): what a topology change makes
// overdue is stale and forwards until the sweep that was due before.
func TestTopologyChangeKeepsTimer(t *testing.T) {
	twice(t, Config{Ageing: 100 * time.Second}, QuirkTCKeepsGCTimer, func(b *bench, on bool) {
		k := key(1)
		b.through(8 * time.Second)
		if err := b.TopologyChange(2 * time.Second); err != nil {
			b.t.Fatal(err)
		}
		b.seen(k, 1)
		b.through(5 * time.Second)
		if !on {
			b.tells("added aged")
			return
		}
		b.tells("added")
		if e, err := b.Get(b.t.Context(), k); err != nil || !e.Stale {
			b.t.Errorf("%v, %v", e, err)
		}
		if hit, ok := b.Lookup(k); !ok || hit.Port != 1 {
			b.t.Error("it does not forward")
		}
		if err := b.TopologyChange(0); err != nil { // and it is alive again
			b.t.Fatal(err)
		}
		b.through(80 * time.Second)
		b.tells("")
		if err := b.TopologyChange(2 * time.Second); err != nil {
			b.t.Fatal(err)
		}
		b.through(4 * time.Second) // 97 s after the first sweep
		b.tells("")
		b.through(4 * time.Second) // the next one
		b.tells("aged")
		b.seen(k, 1) // sweeps come every 2 s now
		b.through(5 * time.Second)
		b.tells("added aged")
	})
}

// TestSweepOfItsOwnTimer: without topology changes it makes no difference when the
// sweep comes by itself.
func TestSweepOfItsOwnTimer(t *testing.T) {
	twice(t, Config{Ageing: 3 * time.Second}, QuirkTCKeepsGCTimer, func(b *bench, _ bool) {
		k := key(1)
		for wait := range 12 {
			b.through(time.Duration(wait) * 700 * time.Millisecond)
			b.seen(k, 1)
			b.through(2900 * time.Millisecond)
			b.tells("added")
			b.through(200 * time.Millisecond)
			b.tells("aged")
		}
		b.seen(k, 1)
		if err := b.SetAgeing(time.Second); err != nil {
			b.t.Fatal(err)
		}
		b.through(1100 * time.Millisecond)
		b.tells("added aged")
		if err := b.SetAgeing(NoLearning); err != nil {
			b.t.Fatal(err)
		}
		b.put(k, 1, 0)
		b.through(time.Second)
		b.tells("added aged")
		if err := b.SetAgeing(-1); err != nil {
			b.t.Fatal(err)
		}
		b.seen(k, 1)
		b.through(time.Hour)
		b.tells("added")
		if err := b.SetAgeing(time.Second); err != nil {
			b.t.Fatal(err)
		}
		b.through(100 * time.Millisecond)
		b.tells("aged")
	})
}
