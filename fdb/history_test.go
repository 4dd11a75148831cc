package fdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/switchcore/switchcore/switchdev"
)

// verbs of a history
type act uint8

const (
	actAdd act = iota
	actReplace
	actDelete
	actGet
	actLookup
	actFlush
)

var actNames = [...]string{"add", "replace", "delete", "get", "lookup", "flush"}

// call is the input of one operation of a history.
type call struct {
	act    act
	key    byte
	port   switchdev.PortID
	flags  Flags
	filter Filter
}

// found is what a key holds, and what a read returned: port 0 is no entry.
type found struct {
	port  switchdev.PortID
	flags Flags
}

// answer is the output of one operation.
type answer struct {
	err   error // of a verb that changes
	found found // of a read
}

// sequential says what a table does with one key, one operation at a time. A
// device's refusal is legal at any time and changes nothing.
func sequential(state, input, output any) (bool, any) {
	s, in, out := state.(found), input.(call), output.(answer)
	exists := s.port != 0
	next := found{in.port, in.flags | User}
	switch in.act {
	case actGet, actLookup:
		return s == out.found, s
	case actFlush:
		if exists && in.filter.Selects(Entry{Key: key(in.key), Port: s.port, Flags: s.flags}) {
			return true, found{}
		}
		return true, s
	case actAdd:
		switch {
		case out.err == nil:
			return !exists, next
		case errors.Is(out.err, switchdev.ErrExist):
			return exists, s
		}
		return !exists, s // a device's
	case actReplace:
		if out.err != nil {
			return !errors.Is(out.err, switchdev.ErrExist) && !errors.Is(out.err, switchdev.ErrNotExist), s
		}
		return true, next
	case actDelete:
		there := exists && s.port == in.port
		switch {
		case out.err == nil:
			return there, found{}
		case errors.Is(out.err, switchdev.ErrNotExist):
			return !there, s
		}
		return there, s // a device's
	}
	return false, s
}

var keyModel = porcupine.Model{
	Init: func() any { return found{} },
	Step: sequential,
	DescribeOperation: func(input, output any) string {
		in, out := input.(call), output.(answer)
		return fmt.Sprintf("%s %d port %d %v -> %v %v", actNames[in.act], in.key, in.port, in.flags, out.found, out.err)
	},
}

// history collects what concurrent clients did. Times are draws from one
// counter, which is as good as a clock and never ties.
type history struct {
	clock atomic.Int64
	mu    sync.Mutex
	byKey map[byte][]porcupine.Operation
}

// target is the table, or one that is broken on purpose.
type target interface {
	Add(context.Context, Entry) error
	Replace(context.Context, Entry) error
	Delete(context.Context, Key, switchdev.PortID) error
	Flush(context.Context, Filter) (int, error)
	Get(context.Context, Key) (Entry, error)
	Lookup(Key) (Hit, bool)
}

const historyKeys = 4

// make makes the call and returns the answer.
func (in call) make(x target) (out answer) {
	ctx := context.Background()
	e := Entry{Key: key(in.key), Port: in.port, Flags: in.flags}
	switch in.act {
	case actAdd:
		out.err = x.Add(ctx, e)
	case actReplace:
		out.err = x.Replace(ctx, e)
	case actDelete:
		out.err = x.Delete(ctx, e.Key, e.Port)
	case actFlush:
		_, _ = x.Flush(ctx, in.filter)
	case actGet:
		if e, err := x.Get(ctx, e.Key); err == nil {
			out.found = found{e.Port, e.Flags}
		}
	case actLookup:
		if hit, ok := x.Lookup(e.Key); ok {
			out.found = found{hit.Port, hit.Flags}
		}
	}
	return out
}

// do makes one call and notes it. A flush is an operation on every key: each
// key's history is linearizable by itself, and flushing is one point in each.
func (h *history) do(client int, x target, in call) {
	begin := h.clock.Add(1)
	out := in.make(x)
	end := h.clock.Add(1)
	op := porcupine.Operation{ClientId: client, Input: in, Call: begin, Output: out, Return: end}
	h.mu.Lock()
	defer h.mu.Unlock()
	if in.act != actFlush {
		h.byKey[in.key] = append(h.byKey[in.key], op)
		return
	}
	for k := range byte(historyKeys) {
		h.byKey[k] = append(h.byKey[k], op)
	}
}

func draw(rng *rand.Rand) call {
	in := call{key: byte(rng.IntN(historyKeys)), port: switchdev.PortID(1 + rng.IntN(3))}
	switch n := rng.IntN(100); {
	case n < 15:
		in.act = actAdd
	case n < 35:
		in.act = actReplace
	case n < 50:
		in.act = actDelete
	case n < 65:
		in.act = actGet
	case n < 96:
		in.act = actLookup
	default:
		in.act = actFlush
		in.filter = []Filter{{}, Everything(), OnPort(in.port), {OnPort: true, Port: in.port}}[rng.IntN(4)]
	}
	if in.act == actAdd || in.act == actReplace {
		in.flags = []Flags{0, Static, Static, Static | Sticky}[rng.IntN(4)]
	}
	return in
}

// record lets clients work on a table and returns what they saw.
func record(x target, seed uint64, clients, each int) *history {
	h := &history{byKey: make(map[byte][]porcupine.Operation)}
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(c)))
			for range each {
				h.do(c, x, draw(rng))
			}
		})
	}
	wg.Wait()
	return h
}

// check returns the first key whose history no order of its operations explains.
func (h *history) check() error {
	for k := range byte(historyKeys) {
		switch porcupine.CheckOperationsTimeout(keyModel, h.byKey[k], time.Minute) {
		case porcupine.Illegal:
			return fmt.Errorf("the history of key %d (%d operations) has no order", k, len(h.byKey[k]))
		case porcupine.Unknown:
			return fmt.Errorf("the history of key %d (%d operations) is too hard", k, len(h.byKey[k]))
		}
	}
	return nil
}

// moody is a chip that takes its time and refuses, by the seed.
func moody(name string, seed uint64) *chip {
	c := newChip(name)
	rng := rand.New(rand.NewPCG(seed, 7))
	c.before = func(context.Context, []switchdev.FDBOp) error {
		for range 20 {
			runtime.Gosched()
		}
		return nil
	}
	c.answer = func(switchdev.FDBOp) error { // under the chip's lock
		switch rng.IntN(12) {
		case 0:
			return switchdev.ErrNoSpace
		case 1:
			return switchdev.ErrBusy
		}
		return nil
	}
	return c
}

// TestHistoriesAreLinearizable: real goroutines on few keys, without a bubble.
func TestHistoriesAreLinearizable(t *testing.T) {
	const clients, each = 6, 500
	for name, cfg := range map[string]func(seed uint64) Config{
		"software":    func(uint64) Config { return Config{} },
		"slow device": func(seed uint64) Config { return withChips(Config{}, moody("sw0", seed)) },
		"two devices": func(seed uint64) Config {
			return Config{Hardware: Hardware{Devices: []Device{
				{Driver: moody("sw0", seed), Ports: []switchdev.PortID{1, 2}}, {Driver: moody("sw1", seed+1), Ports: []switchdev.PortID{2, 3}},
			}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 4 {
				seed := rand.Uint64()
				t.Logf("seed %d", seed)
				cfg := cfg(seed)
				// A tombstone is offered again at once, so that a refused flush
				// does not stand in the way of the next operation for long.
				cfg.Hardware.Retry = time.Millisecond
				table, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				err = record(table, seed, clients, each).check()
				if err := table.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		})
	}
}

// swapper is a broken table: now and then a Lookup answers what an earlier one did.
type swapper struct {
	*Table
	mu   sync.Mutex
	n    int
	last map[Key]Hit
}

func (s *swapper) Lookup(k Key) (Hit, bool) {
	hit, ok := s.Table.Lookup(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	old, had := s.last[k]
	if ok {
		s.last[k] = hit
	}
	if s.n++; s.n%50 == 0 && had {
		return old, true
	}
	return hit, ok
}

// forgetful is a broken table: now and then a Delete is not done.
type forgetful struct {
	*Table
	n *atomic.Int64
}

func (f forgetful) Delete(ctx context.Context, k Key, p switchdev.PortID) error {
	if e, err := f.Get(ctx, k); err == nil && e.Port == p && f.n.Add(1)%10 == 0 {
		return nil
	}
	return f.Table.Delete(ctx, k, p)
}

// hasty is a broken table: Add does not wait for the device.
type hasty struct{ *Table }

func (h hasty) Add(_ context.Context, e Entry) error {
	h.SubmitAdd(e)
	return nil
}

// TestHistoryCheckerCatchesBrokenTables: a checker that passes these proves
// nothing.
func TestHistoryCheckerCatchesBrokenTables(t *testing.T) {
	for name, broken := range map[string]func(*Table) target{
		"stale lookups": func(table *Table) target { return &swapper{Table: table, last: make(map[Key]Hit)} },
		"lost deletes":  func(table *Table) target { return forgetful{table, new(atomic.Int64)} },
		"hasty adds":    func(table *Table) target { return hasty{table} },
	} {
		t.Run(name, func(t *testing.T) {
			table, err := New(Config{})
			if err != nil {
				t.Fatal(err)
			}
			err = record(broken(table), 1, 6, 400).check()
			if err := table.Close(); err != nil {
				t.Error(err)
			}
			if err == nil {
				t.Error("not caught")
			}
		})
	}
}

// TestAcceptedStationsStayVisible is the relaxed model of Learn: once it was
// accepted, every Lookup that begins later hits, on a port that was learned no
// earlier, until somebody removes the station. Each goroutine owns keys, on
// which it knows what must be; the others make the traffic.
func TestAcceptedStationsStayVisible(t *testing.T) {
	slow := moody("sw0", 1)
	table, err := New(withChips(Config{Learning: Learning{Pending: -1}, Hardware: Hardware{Retry: time.Millisecond}}, slow))
	if err != nil {
		t.Fatal(err)
	}
	each := 30_000
	if raceEnabled {
		each = 4000
	}
	seed := rand.Uint64()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(g)))
			want := make(map[Key]switchdev.PortID) // absent: must miss
			for i := range each {
				k := Key{MAC: stationKey(rng.IntN(200)).MAC, VLAN: switchdev.VLAN(100 + g)}
				switch n := rng.IntN(1000); {
				case n < 500:
					p := switchdev.PortID(1 + rng.IntN(4))
					if got := table.Learn(k, p); !got.Accepted() {
						t.Errorf("seed %d: Learn = %v", seed, got)
						return
					}
					want[k] = p
				case n < 505:
					table.SubmitFlush(Filter{VLAN: k.VLAN}) // visible at once
					clear(want)
				case n < 508:
					// A flush of somebody else's VLAN is none of our business.
					table.SubmitFlush(Filter{VLAN: 99})
				case n < 520:
					table.SubmitFlush(Filter{OnPort: true, Port: 2, VLAN: k.VLAN})
					for k, p := range want {
						if p == 2 {
							delete(want, k)
						}
					}
				case n < 540 && i%4 == 0:
					if p, ok := want[k]; ok {
						switch err := table.Delete(context.Background(), k, p); {
						case err == nil:
							delete(want, k)
						case errors.Is(err, switchdev.ErrNotExist):
							t.Errorf("seed %d: Delete: %v, although Lookup must hit", seed, err)
							return
						}
					}
				}
				hit, ok := table.Lookup(k)
				if p, must := want[k]; ok != must || ok && hit.Port != p {
					t.Errorf("seed %d: Lookup = %v %v, want port %d %v", seed, hit, ok, p, must)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := table.Close(); err != nil {
		t.Error(err)
	}
}
