package offload

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

const timeout = time.Second

var (
	errRefused = errors.New("refused")
	start      = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// want is a row of the fake table.
type want struct {
	port byte
	user bool
}

// chip is a device that does what it is told, when it is told.
type chip struct {
	rows  map[int]byte
	epoch switchdev.Epoch
	heard switchdev.Epoch // what the engine was told
	call  *Call[int, byte]
	out   []Outcome
	aged  map[int]bool // a row went, and the engine does not know
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// rig is an engine, its table and its devices.
type rig struct {
	t       tester
	e       *Engine[int, byte]
	now     time.Time
	rows    map[int]want
	claims  []map[byte]bool
	chips   []*chip
	results map[*Op[int, byte]]error
	settled map[int]int
	strict  bool // a nil outcome is checked against the devices
}

// newRig makes one device for every string, which names the ports that it
// claims.
func newRig(t tester, batch int, claims ...string) *rig {
	r := &rig{t: t, now: start, rows: map[int]want{}, results: map[*Op[int, byte]]error{}, settled: map[int]int{}, strict: true}
	r.e = New(r, Config{Timeout: timeout, RetryMin: 4 * timeout, RetryMax: 16 * timeout, Batch: batch})
	for i, ports := range claims {
		m := map[byte]bool{}
		for _, p := range []byte(ports) {
			m[p-'0'] = true
		}
		r.claims = append(r.claims, m)
		r.chips = append(r.chips, &chip{rows: map[int]byte{}, aged: map[int]bool{}, epoch: 1, heard: 1})
		if got := r.e.Attach(fmt.Sprint("chip", i), 1, 0); got != i {
			t.Fatalf("device %d is %d", i, got)
		}
	}
	return r
}

func (r *rig) Row(k int) (byte, bool, bool) {
	w, ok := r.rows[k]
	return w.port, w.user, ok
}

func (r *rig) Claims(dev int, _ int, row byte) bool { return r.claims[dev][row] }

func (r *rig) Settled(k int) { r.settled[k]++ }

func (r *rig) Done(op *Op[int, byte], err error) {
	if _, ok := r.results[op]; ok {
		r.t.Fatalf("operation on %d ended twice", op.Key)
	}
	r.results[op] = err
	if err != nil {
		return
	}
	if r.strict {
		r.holds(op)
	}
	if op.Set {
		r.rows[op.Key] = want{op.New, true}
	} else {
		delete(r.rows, op.Key)
	}
	r.e.Touch(op.Key)
}

// holds checks promise 1 at the moment of a nil.
func (r *rig) holds(op *Op[int, byte]) {
	for dev, c := range r.chips {
		port, ok := c.rows[op.Key]
		claims := op.Set && r.claims[dev][op.New]
		if !ok && (c.epoch > c.heard || c.aged[op.Key]) {
			continue // nobody could know
		}
		if ok != claims || ok && port != op.New {
			r.t.Fatalf("nil for %d, set %v port %d, and device %d holds %v %d", op.Key, op.Set, op.New, dev, ok, port)
		}
	}
}

// put changes the table as a learn does, drop as a flush does.
func (r *rig) put(k int, port byte) { r.rows[k] = want{port: port}; r.e.Touch(k) }
func (r *rig) drop(k int)           { delete(r.rows, k); r.e.Touch(k) }

func (r *rig) set(k int, port byte) *Op[int, byte] {
	op := &Op[int, byte]{Key: k, New: port, Set: true}
	r.e.Begin(op, r.now)
	return op
}

func (r *rig) remove(k int) *Op[int, byte] {
	op := &Op[int, byte]{Key: k}
	r.e.Begin(op, r.now)
	return op
}

// form hands the next batch over and returns its items in words.
func (r *rig) form(dev int) string {
	c := r.chips[dev]
	call := r.e.Form(dev, r.now)
	if call == nil {
		return ""
	}
	if c.call != nil {
		r.t.Fatalf("device %d got a second batch", dev)
	}
	s := ""
	seen := map[int]bool{}
	for _, it := range call.Items {
		if seen[it.Key] {
			r.t.Fatalf("key %d twice in a batch", it.Key)
		}
		seen[it.Key] = true
		if it.Token == 0 {
			r.t.Fatal("token 0")
		}
		if it.Set {
			s += fmt.Sprintf(" %d=%d", it.Key, it.Row)
		} else {
			s += fmt.Sprintf(" -%d", it.Key)
		}
	}
	c.call, c.out = call, make([]Outcome, 0, len(call.Items))
	return s[1:]
}

// exec decides the next item of the batch that is out: carried out if err is nil.
func (r *rig) exec(dev int, err error) {
	c := r.chips[dev]
	it := c.call.Items[len(c.out)]
	if err != nil {
		c.out = append(c.out, Outcome{Answered: true, Err: err})
		return
	}
	if it.Set {
		c.rows[it.Key] = it.Row
		c.aged[it.Key] = false
	} else {
		delete(c.rows, it.Key)
	}
	c.out = append(c.out, Outcome{Answered: true, Epoch: c.epoch})
}

// back carries out what is left and lets the call return.
func (r *rig) back(dev int) {
	c := r.chips[dev]
	for len(c.out) < len(c.call.Items) {
		r.exec(dev, nil)
	}
	call, out := c.call, c.out
	c.call, c.out = nil, nil
	for _, o := range out {
		c.heard = max(c.heard, o.Epoch)
	}
	r.e.Return(call, out, r.now)
}

// refuse refuses all that is left and lets the call return.
func (r *rig) refuse(dev int, err error) {
	for len(r.chips[dev].out) < len(r.chips[dev].call.Items) {
		r.exec(dev, err)
	}
	r.back(dev)
}

func (r *rig) lose(dev int) {
	c := r.chips[dev]
	c.rows, c.epoch = map[int]byte{}, c.epoch+1
}

func (r *rig) hear(dev int) {
	c := r.chips[dev]
	c.heard = c.epoch
	r.e.Reset(dev, c.epoch, r.now)
}

func (r *rig) age(dev, k int) byte {
	c := r.chips[dev]
	port := c.rows[k]
	delete(c.rows, k)
	c.aged[k] = true
	return port
}

func (r *rig) hearAged(dev, k int, port byte, epoch switchdev.Epoch) {
	c := r.chips[dev]
	c.aged[k] = false
	if epoch > c.heard {
		c.heard = epoch
	}
	r.e.Aged(dev, k, epoch, func(p byte) bool { return p == port }, r.now)
}

func (r *rig) pass(d time.Duration) {
	r.now = r.now.Add(d)
	r.e.Expire(r.now)
}

// run carries out everything that can be formed now.
func (r *rig) run() {
	for worked := true; worked; {
		worked = false
		for dev, c := range r.chips {
			if c.call != nil || r.form(dev) != "" {
				r.back(dev)
				worked = true
			}
		}
	}
}

func (r *rig) wantForm(dev int, items string) {
	r.t.Helper()
	if got := r.form(dev); got != items {
		r.t.Fatalf("device %d was handed %q, want %q", dev, got, items)
	}
}

func (r *rig) wantOpen(op *Op[int, byte]) {
	r.t.Helper()
	if err, ok := r.results[op]; ok {
		r.t.Fatalf("operation ended with %v", err)
	}
}

func (r *rig) wantErr(op *Op[int, byte], want error) {
	r.t.Helper()
	err, ok := r.results[op]
	if !ok {
		r.t.Fatal("operation has not ended")
	}
	if want == nil && err != nil || !errors.Is(err, want) {
		r.t.Fatalf("operation ended with %v, want %v", err, want)
	}
	plain := errors.Is(want, switchdev.ErrNoSpace) || errors.Is(want, switchdev.ErrDeviceUnavailable) || errors.Is(want, switchdev.ErrClosed)
	if plain && errors.Is(err, switchdev.ErrOutcomeUnknown) {
		r.t.Fatalf("operation ended with %v: unknown", err)
	}
}

// wantRows checks what a device holds: "0=1 2=1".
func (r *rig) wantRows(dev int, rows map[int]byte) {
	r.t.Helper()
	if got := r.chips[dev].rows; fmt.Sprint(got) != fmt.Sprint(rows) {
		r.t.Fatalf("device %d holds %v, want %v", dev, got, rows)
	}
}

func (r *rig) wantState(k int, offloaded, failed bool) {
	r.t.Helper()
	if on, no := r.e.State(k); on != offloaded || no != failed {
		r.t.Fatalf("state of %d is %v %v, want %v %v", k, on, no, offloaded, failed)
	}
}

// reconcile judges a dump to the end.
func (r *rig) reconcile(dev int, mark uint64, rows map[int]byte) int {
	a := &Audit[int, byte]{Dev: dev, Mark: mark, Rows: rows, Keys: slices.Sorted(maps.Keys(rows))}
	for !r.e.Judge(a) {
	}
	return a.Differ
}

// review reviews a device to the end.
func (r *rig) review(dev int, w *Waiter) {
	var walk Walk[int, byte]
	for !r.e.Review(dev, &walk, w) {
	}
}
