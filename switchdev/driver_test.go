package switchdev_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
	"github.com/switchcore/switchcore/switchdev/switchdevtest"
)

// chip is the driver of the package's documentation.
type chip struct {
	mu     sync.Mutex
	closed bool
	rows   map[switchdev.Domain]map[switchdev.FDBKey]switchdev.FDBEntry
}

func (c *chip) Name() string { return "chip0" }

func (c *chip) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

func (c *chip) ApplyFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	for i, op := range ops {
		results[i] = switchdev.Result{Token: op.Token, Epoch: 1, Err: c.apply(ctx, op)}
	}
}

func (c *chip) apply(ctx context.Context, op switchdev.FDBOp) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := op.Entry.Key.Check(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch rows := c.rows[op.Domain]; {
	case c.closed:
		return switchdev.ErrClosed
	case rows == nil:
		return switchdev.ErrUnsupported // a domain that is kept in software
	case op.Verb == switchdev.FDBSet:
		rows[op.Entry.Key] = op.Entry
	case op.Verb == switchdev.FDBDelete:
		delete(rows, op.Entry.Key)
	default:
		return switchdev.ErrInvalid
	}
	return nil
}

// DumpFDB is not in the documentation; it lets the kit see the rows.
func (c *chip) DumpFDB(ctx context.Context, domain switchdev.Domain, yield func(switchdev.FDBRow) bool) (switchdev.Epoch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, switchdev.ErrClosed
	}
	for _, entry := range c.rows[domain] {
		if ctx.Err() != nil || !yield(switchdev.FDBRow{FDBEntry: entry}) {
			break
		}
	}
	return 1, ctx.Err()
}

func newChip(domains ...switchdev.Domain) *chip {
	c := &chip{rows: map[switchdev.Domain]map[switchdev.FDBKey]switchdev.FDBEntry{}}
	for _, d := range domains {
		c.rows[d] = map[switchdev.FDBKey]switchdev.FDBEntry{}
	}
	return c
}

func TestDocumentedDriverKeepsTheContract(t *testing.T) {
	switchdevtest.Run(t, func(testing.TB) switchdev.Driver { return newChip(1, 2) },
		switchdevtest.Require[switchdev.FDBOffloader](), switchdevtest.Require[switchdev.FDBDumper]())
}

func ExampleAs() {
	var d switchdev.Driver = newChip(0)
	if fdb, ok := switchdev.As[switchdev.FDBOffloader](d); ok {
		key := switchdev.FDBKey{MAC: switchdev.MustParseMAC("02:00:00:00:00:01"), VLAN: 10}
		op := switchdev.FDBOp{Op: switchdev.Op{Token: 1}, Verb: switchdev.FDBSet, Entry: switchdev.FDBEntry{Key: key, Port: 2}}
		results := make([]switchdev.Result, 1)
		fdb.ApplyFDB(context.Background(), []switchdev.FDBOp{op}, results)
		fmt.Println(d.Name(), op.Verb, key, results[0].Err)
	}
	_, ok := switchdev.As[switchdev.FlowOffloader](d)
	fmt.Println("flows:", ok)
	// Output:
	// chip0 set 02:00:00:00:00:01 vlan 10 <nil>
	// flows: false
}

// wrapper stands before another driver, which may be nil.
type wrapper struct {
	name  string
	inner switchdev.Driver
}

func (w wrapper) Name() string             { return w.name }
func (w wrapper) Close() error             { return nil }
func (w wrapper) Unwrap() switchdev.Driver { return w.inner }

// limiter is a wrapper that has a role of its own.
type limiter struct {
	wrapper
	rows int
}

func (l limiter) Limits() switchdev.Limits { return switchdev.Limits{FDB: l.rows} }
func (l limiter) Usage() switchdev.Usage   { return switchdev.Usage{} }

func TestAsFindsTheFirstInTheChain(t *testing.T) {
	inner := newChip()
	d := wrapper{"w0", limiter{wrapper{"w1", limiter{wrapper{"w2", inner}, 2}}, 1}}
	if l, ok := switchdev.As[switchdev.Limiter](d); !ok || l.Limits().FDB != 1 {
		t.Errorf("As found limiter %v, %v; want the outer one", l, ok)
	}
	if fdb, ok := switchdev.As[switchdev.FDBOffloader](d); !ok || fdb != switchdev.FDBOffloader(inner) {
		t.Errorf("As found %v, %v; want the innermost driver", fdb, ok)
	}
	if c, ok := switchdev.As[*chip](d); !ok || c != inner {
		t.Errorf("As found %v, %v for a concrete type", c, ok)
	}
	if self, ok := switchdev.As[switchdev.Driver](d); !ok || self.Name() != "w0" {
		t.Errorf("As of Driver found %v, %v; want the outermost driver", self, ok)
	}
	if r, ok := switchdev.As[switchdev.Resetter](d); ok || r != nil {
		t.Errorf("As found a role that nobody has: %v", r)
	}
}

func TestAsOfNil(t *testing.T) {
	if d, ok := switchdev.As[switchdev.Driver](nil); ok || d != nil {
		t.Error("a nil driver has a role")
	}
	if _, ok := switchdev.As[switchdev.Limiter](wrapper{"w", nil}); ok {
		t.Error("a wrapper of nothing has a role of its inner driver")
	}
}

// TestVerbsAndKindsHaveNames: each value has a name of its own, and what is no
// value says so with its number.
func TestVerbsAndKindsHaveNames(t *testing.T) {
	tests := []struct{ got, want string }{
		{switchdev.FDBSet.String(), "set"},
		{switchdev.FDBDelete.String(), "delete"},
		{switchdev.FDBVerb(0).String(), "verb(0)"},
		{switchdev.FDBVerb(9).String(), "verb(9)"},
		{switchdev.PortDisabled.String(), "disabled"},
		{switchdev.PortBlocking.String(), "blocking"},
		{switchdev.PortState(5).String(), "state(5)"},
		{switchdev.FlowAbsent.String(), "absent"},
		{switchdev.FlowRefused.String(), "refused"},
		{switchdev.FlowState(4).String(), "state(4)"},
		{switchdev.ReportLearned.String(), "learned"},
		{switchdev.ReportSpace.String(), "space"},
		{switchdev.ReportKind(0).String(), "report(0)"},
		{switchdev.ActionOutput.String(), "output"},
		{switchdev.ActionDrop.String(), "drop"},
		{switchdev.ActionKind(0).String(), "action(0)"},
		{switchdev.ActionKind(200).String(), "action(200)"},
		{switchdev.Epoch(18446744073709551615).String(), "18446744073709551615"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
	distinct(t, switchdev.ReportLearned, switchdev.ReportSpace)
	distinct(t, switchdev.ActionOutput, switchdev.ActionDrop)
	distinct(t, switchdev.PortDisabled, switchdev.PortBlocking)
	distinct(t, switchdev.FlowAbsent, switchdev.FlowRefused)
}

func distinct[T interface {
	~uint8
	fmt.Stringer
}](t *testing.T, first, last T) {
	t.Helper()
	seen := map[string]T{}
	for v := first; v <= last; v++ {
		if before, twice := seen[v.String()]; twice || v.String() == "" || v.String()[len(v.String())-1] == ')' {
			t.Errorf("%d is called %q, as is %d", v, v, before)
		}
		seen[v.String()] = v
	}
}

func TestPortStatesLearnAsInLinux(t *testing.T) {
	for s := range switchdev.PortState(8) {
		valid, learns := s <= 4, s == 2 || s == 3
		if s.Valid() != valid || s.Learns() != learns {
			t.Errorf("%v: valid %v, learns %v", s, s.Valid(), s.Learns())
		}
	}
}

// TestUnsupportedIsTheStandardOne: drivers may answer with either.
func TestUnsupportedIsTheStandardOne(t *testing.T) {
	c := newChip()
	err := c.apply(context.Background(), switchdev.FDBOp{Entry: switchdev.FDBEntry{Key: switchdev.FDBKey{MAC: switchdev.MAC{2}}}})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
