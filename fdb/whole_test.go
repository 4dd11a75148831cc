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

// The model of the whole table, for what couples its keys: the limit of learned
// stations and flushes, which are one point in the history of every key.

const (
	wholeKeys = 3
	wholeMax  = 2 // learned stations
)

// whole is a state: the entry of every key.
type whole [wholeKeys]found

func (f found) exists() bool { return f.port != 0 }

// learned reports whether the entry counts against the limit.
func (f found) learned() bool { return f.exists() && f.flags&(User|Local) == 0 }

func (w whole) learned() (n int) {
	for _, f := range w {
		if f.learned() {
			n++
		}
	}
	return n
}

func (w whole) with(key byte, f found) whole {
	w[key] = f
	return w
}

// wholeCall is the input of an operation. What overlapped with it in time is
// filled in when the history is complete: it widens what the answer may be.
type wholeCall struct {
	call
	learn bool // instead of call.act: Learn(key, port)
	// freed: a removal was under way, whose room need not be free yet.
	freed bool
	// flushed: a flush was. It is seen at once on what was, and takes what an older
	// operation made when that has ended.
	flushed bool
	// busy: an operation on the key was under way.
	busy bool
	// heard are the ports on which the key was learned meanwhile. A learn that
	// meets an operation in flight is seen at once, on top of what was, and
	// once more when the operation has ended, on top of what it made.
	heard [4]bool
}

type wholeAnswer struct {
	answer
	learned Learned
}

// frame is what a frame on a port makes of an entry.
func (f found) frame(p switchdev.PortID) found {
	switch {
	case !f.exists():
		return found{port: p}
	case f.flags&(Local|Sticky) != 0:
		return f
	}
	f.port, f.flags = p, f.flags&^(Extern|Locked)
	return f
}

// wholeStep returns every state that the operation may leave.
func wholeStep(state, input, output any) []any {
	s, in, out := state.(whole), input.(wholeCall), output.(wholeAnswer)
	if in.learn {
		return learnStep(s, in, out.learned)
	}
	if in.act == actFlush {
		for k, f := range s {
			if f.exists() && in.filter.Selects(Entry{Key: key(byte(k)), Port: f.port, Flags: f.flags}) {
				s[k] = found{}
			}
		}
		return []any{s}
	}
	ok, next := sequential(s[in.key], in.call, out.answer)
	for _, before := range in.decided(s[in.key]) {
		if !ok {
			if ok, next = sequential(before, in.call, out.answer); out.err != nil {
				next = s[in.key] // an error changes nothing
			}
		}
	}
	if !ok {
		return nil
	}
	f := next.(found)
	if in.act == actGet || in.act == actLookup || out.err != nil {
		return []any{s.with(in.key, f)}
	}
	var states []any
	ends := []found{f}
	if in.flushed {
		ends = append(ends, found{})
	}
	for _, end := range ends {
		states = append(states, s.with(in.key, end))
		for p, heard := range in.heard {
			again := s.with(in.key, end.frame(switchdev.PortID(p)))
			if heard && again.learned() <= wholeMax {
				states = append(states, again)
			}
		}
	}
	return states
}

// decided returns what else an operation may have found: it is decided when it is
// staged and seen when it has ended, and what is learned between is seen first. So
// an entry may be there, or be on its port, only since.
func (in wholeCall) decided(now found) (before []found) {
	if in.act == actGet || in.act == actLookup || !now.exists() || !in.heard[now.port] {
		return nil
	}
	if now.learned() {
		before = append(before, found{})
	}
	for p := range in.heard {
		if p > 0 && switchdev.PortID(p) != now.port {
			before = append(before, found{switchdev.PortID(p), now.flags})
		}
	}
	return before
}

func learnStep(s whole, in wholeCall, out Learned) []any {
	f := s[in.key]
	full := s.learned() >= wholeMax
	legal := false
	switch out {
	case Known, Refreshed: // or kept where it is, and heard of already
		legal = f.exists() && (f.port == in.port || f.flags&Sticky != 0)
	case Queued:
		legal = !f.exists() && !full
	case Moved:
		legal = f.exists() && f.port != in.port && f.flags&(Local|Sticky) == 0
	case Kept:
		legal = f.exists() && f.port != in.port && f.flags&Sticky != 0
	case Limited:
		// A known station is refused too while an operation is in flight that may
		// leave it to be learned, and there is no room for that.
		if in.busy || !f.exists() && (full || in.freed) {
			return []any{s}
		}
	}
	if !legal {
		return nil
	}
	return []any{s.with(in.key, f.frame(in.port))}
}

var wholeModel = porcupine.NondeterministicModel{
	Init: func() []any { return []any{whole{}} },
	Step: wholeStep,
	DescribeOperation: func(input, output any) string {
		in, out := input.(wholeCall), output.(wholeAnswer)
		if in.learn {
			return fmt.Sprintf("learn %d port %d -> %v", in.key, in.port, out.learned)
		}
		return fmt.Sprintf("%s %d port %d %v %+v -> %v %v", actNames[in.act], in.key, in.port, in.flags, in.filter, out.found, out.err)
	},
}

// learner is a target that learns.
type learner interface {
	target
	Learn(Key, switchdev.PortID) Learned
}

// wholeHistory lets clients work on a table of few keys.
func wholeHistory(x learner, seed uint64, clients, each int) []porcupine.Operation {
	var (
		clock atomic.Int64
		mu    sync.Mutex
		ops   []porcupine.Operation
		wg    sync.WaitGroup
	)
	for c := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(c)))
			for range each {
				in, out := wholeCall{call: draw(rng)}, wholeAnswer{}
				in.key %= wholeKeys
				in.learn = rng.IntN(3) == 0
				begin := clock.Add(1)
				if in.learn {
					out.learned = x.Learn(key(in.key), in.port)
				} else {
					out.answer = in.make(x)
				}
				op := porcupine.Operation{ClientId: c, Input: in, Call: begin, Output: out, Return: clock.Add(1)}
				mu.Lock()
				ops = append(ops, op)
				mu.Unlock()
				if rng.IntN(4) == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	overlaps(ops)
	return ops
}

// overlaps notes at every operation what happened meanwhile.
func overlaps(ops []porcupine.Operation) {
	for i := range ops {
		in := ops[i].Input.(wholeCall)
		for j := range ops {
			if i == j || ops[i].Call > ops[j].Return || ops[j].Call > ops[i].Return {
				continue
			}
			other, out := ops[j].Input.(wholeCall), ops[j].Output.(wholeAnswer)
			switch {
			case other.learn:
				if other.key == in.key && out.learned.Accepted() {
					in.heard[other.port] = true
				}
			case other.act == actFlush || other.act == actReplace || other.act == actDelete || other.act == actAdd:
				in.freed = true
				in.flushed = in.flushed || other.act == actFlush
				in.busy = in.busy || other.act != actFlush && other.key == in.key
			}
		}
		ops[i].Input = in
	}
}

func checkWhole(ops []porcupine.Operation) error {
	model := wholeModel.ToModel()
	result := porcupine.CheckOperationsTimeout(model, ops, time.Minute)
	if result == porcupine.Ok {
		return nil
	}
	var lines string
	for _, op := range ops {
		lines += fmt.Sprintf("\n%4d-%4d client %d: %s", op.Call, op.Return, op.ClientId, wholeModel.DescribeOperation(op.Input, op.Output))
	}
	return fmt.Errorf("the history of %d operations has no order (%s):%s", len(ops), result, lines)
}

// TestWholeTableIsLinearizable: the limit of learned stations and flushes, over
// all keys at once, with learners, users and slow or moody devices.
func TestWholeTableIsLinearizable(t *testing.T) {
	for name, cfg := range map[string]func(seed uint64) Config{
		"software": func(uint64) Config { return Config{} },
		"device":   func(seed uint64) Config { return withChips(Config{}, moody("sw0", seed)) },
	} {
		t.Run(name, func(t *testing.T) {
			rounds := 300
			if raceEnabled || testing.Short() {
				rounds = 40
			}
			for range rounds {
				seed := rand.Uint64()
				cfg := cfg(seed)
				cfg.Learning = Learning{Pending: -1, Max: wholeMax}
				cfg.Hardware.Retry = time.Millisecond
				table, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				ops := wholeHistory(table, seed, 4, 14)
				if err := table.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
				if err := checkWhole(ops); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		})
	}
}

// generous is a broken table: a station that is one too many is accepted, behind
// the back of the limit, as one that a user added.
type generous struct{ *Table }

func (g generous) Learn(k Key, p switchdev.PortID) Learned {
	out := g.Table.Learn(k, p)
	if out == Limited {
		return Queued
	}
	return out
}

// late is a broken table: a flush returns before it counts.
type late struct {
	*Table
	running *sync.WaitGroup
}

func (l late) Flush(_ context.Context, f Filter) (int, error) {
	l.running.Go(func() {
		runtime.Gosched()
		_ = l.SubmitFlush(f).Wait(context.Background())
	})
	return 0, nil
}

// TestWholeModelCatchesBrokenTables: each of the two must be seen within some
// histories.
func TestWholeModelCatchesBrokenTables(t *testing.T) {
	for name, broken := range map[string]func(*Table) learner{
		"limit ignored": func(table *Table) learner { return generous{table} },
		"late flush":    func(table *Table) learner { return late{table, new(sync.WaitGroup)} },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(400) {
				table, err := New(Config{Learning: Learning{Pending: -1, Max: wholeMax}})
				if err != nil {
					t.Fatal(err)
				}
				ops := wholeHistory(broken(table), seed, 4, 14)
				if err := table.Close(); err != nil && !errors.Is(err, switchdev.ErrClosed) {
					t.Error(err)
				}
				if checkWhole(ops) != nil {
					return
				}
			}
			t.Error("not caught")
		})
	}
}
