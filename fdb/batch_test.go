package fdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// TestBatchDoesEachOperationOnItsOwn: in order, also on one key, and one that fails
// (EEXIST, ENOENT, EINVAL) stops none of the others.
func TestBatchDoesEachOperationOnItsOwn(t *testing.T) {
	for name, cfg := range map[string]Config{"software": {}, "device": withChips(Config{}, newChip("sw0"))} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, cfg)
			ops := []Op{
				{Verb: VerbAdd, Entry: Entry{Key: key(1), Port: 1, Flags: Static}},
				{Verb: VerbAdd, Entry: Entry{Key: key(1), Port: 2, Flags: Static}},
				{Verb: VerbReplace, Entry: Entry{Key: key(1), Port: 3, Flags: Static}},
				{Verb: VerbDelete, Entry: Entry{Key: key(2), Port: 1}},
				{Verb: VerbAdd, Entry: Entry{Key: key(3), Port: 1, Flags: Static | Sticky | Local}},
				{Verb: VerbAdd, Entry: Entry{Key: key(4), Port: 4, Flags: Static}},
				{Verb: VerbDelete, Entry: Entry{Key: key(4), Port: 4}},
			}
			want := []error{nil, switchdev.ErrExist, nil, switchdev.ErrNotExist, switchdev.ErrInvalid, nil, nil}
			k := b.SubmitApply(ops)
			if err := b.do(k); !errors.Is(err, switchdev.ErrExist) {
				t.Errorf("the batch: %v, want the first error, EEXIST", err)
			}
			for i, op := range ops {
				if !errors.Is(op.Err, want[i]) {
					t.Errorf("operation %d: %v, want %v", i, op.Err, want[i])
				}
			}
			if k.Count() != 4 {
				t.Errorf("%d succeeded, want 4", k.Count())
			}
			if got := [...]string{b.get(key(1)), b.get(key(2)), b.get(key(3)), b.get(key(4))}; got != [...]string{"3 static,user user", "none", "none", "none"} {
				t.Errorf("the table holds %q", got)
			}
		})
	}
}

// TestBatchIsWithdrawnWhole: until the table comes to it, and never afterwards.
func TestBatchIsWithdrawnWhole(t *testing.T) {
	b := newBench(t, Config{})
	ops := []Op{
		{Verb: VerbAdd, Entry: Entry{Key: key(1), Port: 1, Flags: Static}},
		{Verb: VerbAdd, Entry: Entry{Port: 1}}, // EINVAL, whatever follows
		{Verb: VerbAdd, Entry: Entry{Key: key(2), Port: 1, Flags: Static}},
	}
	k := b.SubmitApply(ops)
	if !k.Withdraw() {
		t.Fatal("not withdrawn")
	}
	b.pass(0)
	if b.Len() != 0 || !errors.Is(k.Err(), context.Canceled) {
		t.Errorf("%d entries, outcome %v", b.Len(), k.Err())
	}
	for i, want := range [...]error{context.Canceled, switchdev.ErrInvalid, context.Canceled} {
		if !errors.Is(ops[i].Err, want) {
			t.Errorf("operation %d: %v, want %v", i, ops[i].Err, want)
		}
	}
	k = b.SubmitApply(ops[:1])
	b.must(k)
	if k.Withdraw() {
		t.Error("withdrawn after it was done")
	}
	if err := b.do(b.SubmitApply(nil)); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}

// TestBatchOfAClosedTable: every operation has the outcome EBADF, or what is wrong
// with it.
func TestBatchOfAClosedTable(t *testing.T) {
	table, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	ops := []Op{{Verb: VerbAdd, Entry: Entry{Key: key(1), Port: 1}}, {Verb: VerbAdd, Entry: Entry{Key: key(2), Port: 1}}}
	if err := table.Apply(context.Background(), ops); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("Apply = %v", err)
	}
	for i := range ops {
		if !errors.Is(ops[i].Err, switchdev.ErrClosed) {
			t.Errorf("operation %d: %v", i, ops[i].Err)
		}
	}
}

// TestBatchEqualsSingleOperations: any batches leave what the same operations leave
// one by one, and tell the same events.
func TestBatchEqualsSingleOperations(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 1))
		one, many := newBench(t, Config{Seed: 1}), newBench(t, Config{Seed: 1})
		direct, err := New(Config{Learning: Learning{Pending: -1}})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			ops := make([]Op, rng.IntN(300))
			for i := range ops {
				e := Entry{Key: stationKey(rng.IntN(60)), Port: switchdev.PortID(1 + rng.IntN(3)), Flags: []Flags{0, Static, Static | Sticky, Extern}[rng.IntN(4)]}
				ops[i] = Op{Verb: []Verb{VerbAdd, VerbReplace, VerbUpdate, VerbDelete, VerbDelete, VerbUse}[rng.IntN(6)], Entry: e}
				if rng.IntN(4) == 0 {
					one.Learn(e.Key, e.Port)
					many.Learn(e.Key, e.Port)
					direct.Learn(e.Key, e.Port)
				}
			}
			again := slices.Clone(ops)
			var want []error
			for _, op := range ops {
				single := []Op{op}
				_ = one.do(one.SubmitApply(single))
				want = append(want, single[0].Err)
			}
			_ = many.do(many.SubmitApply(ops))
			_ = direct.Apply(context.Background(), again)
			for i := range ops {
				for _, got := range [...]error{ops[i].Err, again[i].Err} {
					if fmt.Sprint(got) != fmt.Sprint(want[i]) {
						t.Fatalf("seed %d: operation %d: %v, alone %v", seed, i, got, want[i])
					}
				}
			}
		}
		for i := range 60 {
			e, _ := direct.Get(context.Background(), stationKey(i))
			if got, want := describe(e), one.get(stationKey(i)); got != want && want != "none" {
				t.Errorf("seed %d: station %d is %s, one by one %s", seed, i, got, want)
			}
		}
		if err := direct.Close(); err != nil {
			t.Error(err)
		}
		a, b := lives(one.events()), lives(many.events())
		if !maps.EqualFunc(a, b, slices.Equal) {
			t.Fatalf("seed %d: events %v, one by one %v", seed, b, a)
		}
	}
}

// lives returns what was told of each station, in its order. A batch may be done
// before stations of which nothing in it speaks are applied.
func lives(events []Event) map[Key][]string {
	m := make(map[Key][]string)
	for _, e := range events {
		m[e.Entry.Key] = append(m[e.Entry.Key], fmt.Sprint(e.Kind, describe(e.Entry)))
	}
	return m
}

// TestBatchesFromManyGoroutines: on keys of their own and on shared ones, beside
// learners and lookups; real goroutines.
func TestBatchesFromManyGoroutines(t *testing.T) {
	for name, cfg := range map[string]Config{"software": {}, "device": withChips(Config{}, newChip("sw0"))} {
		t.Run(name, func(t *testing.T) {
			table, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			rounds := 40
			if raceEnabled {
				rounds = 8
			}
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(g), 2))
					own := func(i int) Key { return stationKey(1000*g + i) }
					for range rounds {
						ops := make([]Op, 0, 64)
						for i := range 32 {
							ops = append(ops, Op{Verb: VerbReplace, Entry: Entry{Key: own(i), Port: switchdev.PortID(1 + g), Flags: Static}},
								Op{Verb: VerbReplace, Entry: Entry{Key: stationKey(900000 + rng.IntN(20)), Port: switchdev.PortID(1 + g)}})
							table.Learn(stationKey(500000+rng.IntN(50)), switchdev.PortID(1+rng.IntN(3)))
						}
						if err := table.Apply(context.Background(), ops); err != nil {
							t.Errorf("Apply: %v", err)
							return
						}
						for i := range 32 {
							if hit, ok := table.Lookup(own(i)); !ok || hit.Port != switchdev.PortID(1+g) {
								t.Errorf("Lookup(%v) = %v %v", own(i), hit, ok)
								return
							}
						}
					}
				})
			}
			wg.Wait()
			if err := table.Close(); err != nil {
				t.Error(err)
			}
			if err := table.stations.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}
