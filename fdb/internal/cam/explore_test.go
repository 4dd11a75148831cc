//go:build explore

package cam

import (
	"fmt"
	"testing"

	"github.com/switchcore/switchcore/internal/explore"
)

// Every schedule of one writer and one or two callers of the data path, on
// segments of two buckets.

// few returns a table of n stations with port, number and stamp 1.
func few(n int) *Table {
	x := New(Config{Seed: testSeed})
	for i := range n {
		x.Put(stationKey(i), MakeHot(1, 0, 1), Cold{Seq: 1})
	}
	return x
}

// writes are what the writer may do to station 0 or around it.
var writes = map[string]func(x *Table){
	"put":    func(x *Table) { x.Put(stationKey(0), MakeHot(1, User, 0), Cold{Seq: 2}) },
	"exact":  func(x *Table) { x.PutExact(stationKey(0), MakeHot(1, User, 0), Cold{Seq: 2}) },
	"clone":  func(x *Table) { x.Snapshot(); x.Put(stationKey(0), MakeHot(1, User, 0), Cold{Seq: 2}) },
	"revive": func(x *Table) { x.Delete(stationKey(1)); x.Put(stationKey(1), MakeHot(1, 0, 2), Cold{Seq: 2}) },
	"split": func(x *Table) {
		for i := 3; x.Stats().Splits < 1; i++ {
			x.Put(stationKey(i), MakeHot(1, 0, 1), Cold{Seq: 1})
		}
	},
	"merge": func(x *Table) {
		for i := 3; x.Stats().Splits < 1; i++ {
			x.Put(stationKey(i), MakeHot(1, 0, 1), Cold{Seq: 1})
		}
		for i := 1; x.Stats().Merges < 1; i++ {
			x.Delete(stationKey(i))
		}
	},
	"reseed": func(x *Table) { x.reseed() },
	"update": func(x *Table) {
		x.Update(stationKey(0), func(h Hot, c Cold) (Hot, Cold) { return h | User, Cold{Seq: 2} })
	},
	"cull": func(x *Table) {
		x.Put(stationKey(1), MakeHot(2, 0, 1), Cold{Seq: 2})
		cull(x, Match{Mask: PortMask, Want: MakeHot(2, 0, 0)}, false)
	},
	"thin": func(x *Table) {
		x.Put(stationKey(1), MakeHot(2, 0, 1), Cold{Seq: 2})
		x.Snapshot()
		cull(x, Match{Mask: PortMask, Want: MakeHot(2, 0, 0)}, true)
	},
	"blank": func(x *Table) { // all but station 0 are in the other half, which is emptied
		x.Put(stationKey(0), MakeHot(1, User, 1), Cold{Seq: 2})
		for i := 3; x.Stats().Splits < 1; i++ {
			x.Put(stationKey(i), MakeHot(1, 0, 1), Cold{Seq: 1})
		}
		cull(x, Match{Mask: User}, true)
		x.Put(stationKey(1), MakeHot(1, 0, 1), Cold{Seq: 3})
	},
	"shared update": func(x *Table) {
		x.Snapshot()
		x.Update(stationKey(0), func(h Hot, c Cold) (Hot, Cold) { return h | User, Cold{Seq: 2} })
	},
}

// cull removes what m selects from the whole table.
func cull(x *Table, m Match, final bool) *Batch {
	c := Cull{Match: m, Final: final}
	for at := (Cursor{}); !at.Done(); {
		at = x.Cull(at, &c)
	}
	return &c.Gone
}

func every(t *testing.T, build func() explore.Program) {
	t.Helper()
	r := explore.Explore(explore.Config{MaxSchedules: 200_000}, build)
	if r.Err != nil || !r.Complete {
		t.Fatalf("after %d schedules, complete %v: %v\n%s", r.Schedules, r.Complete, r.Err, r.Trace)
	}
	t.Logf("%d schedules, %d steps", r.Schedules, r.Steps)
}

func TestEveryScheduleKeepsRefreshAndMark(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			every(t, func() explore.Program {
				x := few(3)
				k := stationKey(0)
				var o Outcome
				var marked bool
				return explore.Program{
					Threads: []func(){
						func() { write(x) },
						func() {
							_, o = x.Refresh(k, MakeHot(1, 0, 0), PortMask, 9)
							_, marked = x.Mark(k, Moved)
						},
					},
					Check: func() error {
						h, ok := x.Find(k)
						if !ok || !marked || !h.Has(Moved) || o != Busy && (o != Known || h.Stamp() != 9) {
							return fmt.Errorf("refresh %v, mark %v, then %x, %v", o, marked, h, ok)
						}
						return nil
					},
				}
			})
		})
	}
}

func TestEveryScheduleFindsThePersistentStation(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			every(t, func() explore.Program {
				x := few(3)
				var err error
				return explore.Program{
					Threads: []func(){
						func() { write(x) },
						func() {
							h, ok := x.Find(stationKey(0))
							r, rok := x.Probe(stationKey(0))
							seen := false
							x.Scan(Cursor{}, 0, func(k Key, _ Ref) bool { seen = seen || k == stationKey(0); return true })
							if !ok || !rok || !seen || h.Port() != 1 || r.Hot().Has(User) && r.Seq() != 2 {
								err = fmt.Errorf("Find %x, Probe %x number %d, scanned %v", h, r.Hot(), r.Seq(), seen)
							}
						},
					},
					Check: func() error { return err },
				}
			})
		})
	}
}

func TestEveryScheduleOfExactWritesKeepsHotAndColdTogether(t *testing.T) {
	every(t, func() explore.Program {
		x := few(2)
		var err error
		return explore.Program{
			Threads: []func(){
				func() {
					x.PutExact(stationKey(0), MakeHot(2, 0, 2), Cold{Seq: 2})
					x.DeleteExact(stationKey(0))
				},
				func() {
					if r, ok := x.Probe(stationKey(0)); ok && uint64(r.Hot().Port()) != r.Seq() {
						err = fmt.Errorf("port %d with number %d", r.Hot().Port(), r.Seq())
					}
				},
			},
			Check: func() error { return err },
		}
	})
}

func TestEveryScheduleOfSweepAndRefreshHasOneWinner(t *testing.T) {
	k := stationKey(0)
	old := Match{Before: 5}
	for name, sweep := range map[string]func(x *Table){
		"in place": func(x *Table) { x.DeleteMatch(k, old) },
		"exact":    func(x *Table) { x.DeleteMatchExact(k, old) },
		"shared":   func(x *Table) { x.Snapshot(); x.DeleteMatch(k, old) },
		"compare":  func(x *Table) { x.DeleteIf(k, MakeHot(1, 0, 1)) },
		"cull":     func(x *Table) { cull(x, old, false) },
		"thin":     func(x *Table) { x.Snapshot(); cull(x, old, false) },
	} {
		t.Run(name, func(t *testing.T) {
			every(t, func() explore.Program {
				x := few(2)
				var o Outcome
				return explore.Program{
					Threads: []func(){
						func() { sweep(x) },
						func() { _, o = x.Refresh(k, MakeHot(1, 0, 0), PortMask, 5) },
					},
					Check: func() error {
						h, ok := x.Find(k)
						if (o == Known) != ok && o != Busy || ok && h.Stamp() != 5 {
							return fmt.Errorf("refresh %v, then %x, %v", o, h, ok)
						}
						return nil
					},
				}
			})
		})
	}
}

func TestEveryScheduleKeepsBothMarks(t *testing.T) {
	k := stationKey(0)
	every(t, func() explore.Program {
		x := few(1)
		x.Mark(k, Moved)
		return explore.Program{
			Threads: []func(){
				func() { x.Put(k, MakeHot(2, 0, 2), Cold{Seq: 2}) },
				func() { x.Mark(k, Marked) },
				func() { x.Unmark(k, Moved) },
			},
			Check: func() error {
				if h, _ := x.Find(k); h.Port() != 2 || h&Marks != Marked {
					return fmt.Errorf("ends as %x", h)
				}
				return nil
			},
		}
	})
}

// A flush wins over the refresh, which then found an entry that was going.
func TestEveryScheduleOfFlushTakesTheEntry(t *testing.T) {
	k := stationKey(0)
	for name, prepare := range map[string]func(x *Table){
		"blank": func(x *Table) {}, "shared": func(x *Table) { x.Snapshot() },
		"in place": func(x *Table) { x.Put(stationKey(1), MakeHot(1, Static, 1), Cold{Seq: 1}) },
		"thin":     func(x *Table) { x.Put(stationKey(1), MakeHot(1, Static, 1), Cold{Seq: 1}); x.Snapshot() },
	} {
		t.Run(name, func(t *testing.T) {
			every(t, func() explore.Program {
				x := few(2)
				prepare(x)
				var gone *Batch
				found := 0
				return explore.Program{
					Threads: []func(){
						func() { gone = cull(x, Match{Mask: Static}, true) },
						func() {
							x.Refresh(k, MakeHot(1, 0, 0), PortMask, 5)
							if r, ok := x.Probe(k); ok {
								found = int(r.Seq())
							}
						},
					},
					Check: func() error {
						n := 0
						for key, e := range gone.All() {
							if key == k && e.Seq == 1 && e.Port() == 1 {
								n++
							}
						}
						if _, ok := x.Find(k); ok || n != 1 || found > 1 || x.Len() != 2-gone.Len() {
							return fmt.Errorf("found %v afterwards, told %d times, number %d, %d left", ok, n, found, x.Len())
						}
						return nil
					},
				}
			})
		})
	}
}
