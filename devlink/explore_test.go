package devlink

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// program is what the explorer runs under every schedule: operations that are submitted
// once each, at any time and in any order that ops allows, and what drivers do.
type program struct {
	name     string
	ops      []string // "x<y" is x, and not before y was submitted
	outcomes map[string]map[string][]string
	faults   int  // how many callbacks go wrong at most
	told     int  // how often the notifier takes its time
	fine     bool // also stop between the steps of a reload
	restartB bool
	leaks    bool
}

var (
	allDown = []string{"refuse", "torn", "panic"}
	allUp   = []string{"fail", "short", "panic"}
	everyA  = map[string]map[string][]string{"a": {"down": allDown, "up": allUp}}
	someA   = map[string]map[string][]string{"a": {"down": {"refuse"}, "up": {"fail"}}}
	someAB  = map[string]map[string][]string{"a": {"down": {"refuse"}}, "b": {"up": {"fail"}}}
)

var programs = []program{
	{name: "life", ops: []string{"reload a", "unregister a", "delete n1", "command a", "report a"}, outcomes: everyA, faults: 1, fine: true},
	{name: "worker", ops: []string{"reload a", "report a", "remote a", "delete n1"}, outcomes: someA, faults: 1, fine: true},
	{name: "neighbours", ops: []string{"reload a", "reload b", "delete n1"}, outcomes: someAB, faults: 1, told: 1, restartB: true},
	{name: "again", ops: []string{"reload a", "reload2 a<reload a", "withdraw<reload2 a", "set a", "unregister a"}, outcomes: everyA, faults: 2},
	{name: "leaks", ops: []string{"reload a", "move a", "delete n1", "invalid a"}, outcomes: everyA, faults: 2, leaks: true},
	{name: "rebirth", ops: []string{"unregister a", "unregister2 a<unregister a", "register a", "free a<unregister a", "delete n1", "command a"}},
}

var longPrograms = []program{
	{name: "long: life", ops: []string{"reload a", "reload2 a<reload a", "unregister a", "delete n1", "command a", "report a"}, outcomes: everyA, faults: 2, fine: true},
	{name: "long: neighbours", ops: []string{"reload a", "reload b", "unregister b", "unregister a", "delete n1"},
		outcomes: map[string]map[string][]string{"a": {"down": allDown, "up": allUp}, "b": {"down": {"refuse"}, "up": {"fail"}}}, faults: 2, told: 2, restartB: true},
	{name: "long: all", ops: []string{"reload a", "reload b", "unregister a", "delete n1", "report a", "command a", "move b"}, outcomes: someAB, faults: 1, told: 1, fine: true},
}

// operations are what can be submitted, with what it is for the table where its
// instance has not got the slot to spare.
var operations = map[string]struct {
	on     trigger
	submit func(w *world) *Ticket
}{
	"reload a":      {onReload, func(w *world) *Ticket { return w.a.SubmitReload(ReloadRequest{}).Ticket }},
	"reload2 a":     {onReload, func(w *world) *Ticket { return w.a.SubmitReload(ReloadRequest{To: []string{""}}).Ticket }},
	"reload b":      {onReload, func(w *world) *Ticket { return w.b.SubmitReload(ReloadRequest{}).Ticket }},
	"invalid a":     {onInvalid, func(w *world) *Ticket { return w.a.SubmitReload(ReloadRequest{Action: 9}).Ticket }},
	"unregister a":  {onUnregister, func(w *world) *Ticket { return w.a.SubmitUnregister() }},
	"unregister2 a": {onUnregister, func(w *world) *Ticket { return w.a.SubmitUnregister() }},
	"unregister b":  {onUnregister, func(w *world) *Ticket { return w.b.SubmitUnregister() }},
	"register a":    {onRegister, func(w *world) *Ticket { return w.a.SubmitRegister() }},
	"free a":        {onFree, func(w *world) *Ticket { return w.a.SubmitFree() }},
	"move a":        {onMove, func(w *world) *Ticket { return w.a.SubmitMove("") }},
	"move b":        {onMove, func(w *world) *Ticket { return w.b.SubmitMove("") }},
	"command a":     {onMutate, func(w *world) *Ticket { return w.a.SubmitSplitPort(0, 2) }},
	"set a": {onSetting, func(w *world) *Ticket {
		return w.a.SubmitSetParam(Key{Name: "test1"}, ParamDriverInit, BoolValue(true))
	}},
	"delete n1": {onDeath, func(w *world) *Ticket { return w.r.SubmitDeleteNamespace("n1") }},
	"withdraw": {onCancel, func(w *world) *Ticket {
		w.tickets["reload2 a"].Withdraw()
		return nil
	}},
	"report a": {onReport, func(w *world) *Ticket { return w.a.driver.(*worldDriver).reporter.SubmitReport("ill", nil) }},
	"remote a": {onRemote, func(w *world) *Ticket {
		w.a.RemoteReloaded(LimitUnspec, ActionsOf(ActionFWActivate))
		return nil
	}},
}

// submit submits an operation.
func (w *world) submit(name string) {
	o := operations[name]
	i := w.a
	if strings.HasSuffix(name, " b") {
		i = w.b
	}
	i.mu.Lock()
	row := machine[i.state][o.on].row
	i.mu.Unlock()
	w.mu.Lock()
	w.rows[row] = true
	w.mu.Unlock()
	if k := o.submit(w); k != nil {
		w.tickets[name] = k
	}
}

// branch is a place on a path with what else could be done there.
type branch struct {
	choices []string
	at      int
}

// explorer runs a program under all schedules, depth first, and does not go on from
// where it has been.
type explorer struct {
	p           *program
	path        []branch
	seen        map[string]bool
	rows        map[uint8]bool
	transitions int
	runs        int
}

func (e *explorer) explore(t *testing.T) {
	for more := true; more; more = e.back() {
		if !e.run(t) {
			return
		}
	}
}

// run follows the path, and then goes on along the first choices until there is none
// or the state is known.
func (e *explorer) run(t *testing.T) bool {
	w := newWorld(e.p)
	defer w.end()
	e.runs++
	done, faults := map[string]bool{}, 0
	for depth := 0; ; depth++ {
		w.settle()
		if len(w.broken) > 0 {
			t.Errorf("%s: %s\nafter %s", e.p.name, strings.Join(w.broken, "\n"), e.trace())
			return false
		}
		if depth == len(e.path) {
			state := fmt.Sprint(w.state(), faults, slices.Sorted(maps.Keys(done)))
			if depth > 0 {
				e.transitions++
			}
			if e.seen[state] {
				break
			}
			e.seen[state] = true
			choices := e.choices(w, done, faults)
			if len(choices) == 0 {
				if err := w.over(); err != nil {
					t.Errorf("%s: %v\nin %s\nafter %s", e.p.name, err, state, e.trace())
					return false
				}
				break
			}
			e.path = append(e.path, branch{choices: choices})
		}
		b := e.path[depth]
		choice := b.choices[b.at]
		if now := e.choices(w, done, faults); !slices.Equal(now, b.choices) {
			t.Errorf("%s: not the same again: %q, %q\nafter %s", e.p.name, now, b.choices, e.trace())
			return false
		}
		place, outcome, isPlace := strings.Cut(choice, ": ")
		if !isPlace {
			done[choice] = true
			w.submit(choice)
			continue
		}
		if outcome != "ok" {
			faults++
		}
		w.release(place, outcome)
	}
	maps.Copy(e.rows, w.rows)
	return true
}

// choices are the steps that are possible.
func (e *explorer) choices(w *world, done map[string]bool, faults int) (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, place := range slices.Sorted(maps.Keys(w.parked)) {
		for n, outcome := range w.parked[place].outcomes {
			if n == 0 || faults < e.p.faults {
				list = append(list, place+": "+outcome)
			}
		}
	}
	for _, op := range e.p.ops {
		name, after, _ := strings.Cut(op, "<")
		if !done[name] && (after == "" || done[after]) {
			list = append(list, name)
		}
	}
	return list
}

// back goes back to where something else can be done.
func (e *explorer) back() bool {
	for len(e.path) > 0 {
		last := &e.path[len(e.path)-1]
		if last.at++; last.at < len(last.choices) {
			return true
		}
		e.path = e.path[:len(e.path)-1]
	}
	return false
}

func (e *explorer) trace() string {
	var s []string
	for _, b := range e.path {
		s = append(s, b.choices[b.at])
	}
	return strings.Join(s, ", ")
}

// over says what is wrong where nothing can go on: whoever waits waits for ever.
func (w *world) over() error {
	var errs []error
	for name, k := range w.tickets {
		if !k.ended() {
			errs = append(errs, fmt.Errorf("deadlock: %s has not ended", name))
			continue
		}
		if name == "delete n1" && k.Err() == nil {
			for _, i := range []*Instance{w.a, w.b} {
				if i.Namespace() == "n1" && i.State() != Freed {
					errs = append(errs, fmt.Errorf("%v is in the namespace that was deleted", i.handle))
				}
			}
		}
	}
	for _, i := range []*Instance{w.a, w.b} {
		s := i.State()
		if s != Allocated && s != Registered && s != Failed && s != Freed {
			errs = append(errs, fmt.Errorf("%v is left in state %v", i.handle, s))
		}
		if n := info2(i); s == Failed != n.ReloadFailed {
			errs = append(errs, fmt.Errorf("%v: state %v, flag %v", i.handle, s, n.ReloadFailed))
		}
		d := i.driver.(*worldDriver)
		if now := d.param(i).Current.Bool(); now != d.value && s != Freed {
			errs = append(errs, fmt.Errorf("%v: came up with %v, has %v", i.handle, d.value, now))
		}
		if i == w.a && w.aux.up != (s == Registered || s == Failed && !i.down) {
			errs = append(errs, fmt.Errorf("%v in state %v: auxiliary driver %v", i.handle, s, w.aux.up))
		}
	}
	return errors.Join(append(errs, w.shown())...)
}

// shown says whether a's port shows the instance that is nested in it as it is.
func (w *world) shown() error {
	p, _ := w.a.object(KindPort, Key{Port: 0, OnPort: true}).(*PortInfo)
	if p == nil || !w.a.State().Visible() {
		return nil
	}
	var got *NestedIn
	if p.Function != nil {
		got = p.Function.Nested
	}
	c := w.aux.child
	if want := c.State().Visible(); want != (got != nil) || want && got.Namespace != c.Namespace() {
		return fmt.Errorf("%v is %v in %q, the port shows %v", c.handle, c.State(), c.Namespace(), got)
	}
	return nil
}

func info2(i *Instance) *InstanceInfo {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.info
}

// unreached are the rows that no schedule goes through, and why.
var unreached = map[uint8]string{
	41: "what a driver takes away is not asked about",
	45: "register and free have no place in these programs while a has failed",
}

// TestExploreReloads runs small programs under every schedule that there is between the
// places where something waits. With SWITCHCORE_EXPLORE=long it takes longer ones.
func TestExploreReloads(t *testing.T) {
	list := programs
	switch {
	case os.Getenv("SWITCHCORE_EXPLORE") == "long":
		list = append(slices.Clone(programs), longPrograms...)
	case newRanks() != nil: // the order of the locks is checked, at many times the cost
		list = programs[1:2]
	case slowed || testing.Short():
		list = programs[1:4]
	}
	rows := map[uint8]bool{}
	states, transitions := 0, 0
	for _, p := range list {
		e := &explorer{p: &p, seen: map[string]bool{}, rows: rows}
		began := time.Now()
		synctest.Test(t, func(t *testing.T) { e.explore(t) })
		t.Logf("%-16s %6d states, %6d transitions, %6d runs, %v", p.name, len(e.seen), e.transitions, e.runs, time.Since(began).Round(time.Millisecond))
		states, transitions = states+len(e.seen), transitions+e.transitions
	}
	t.Logf("%d states, %d transitions, %d of 40 rows of the design and %d of ours", states, transitions, count(rows, 1, 40), count(rows, 41, 99))
	for _, f := range facts {
		if len(list) < len(programs) {
			break
		}
		if why := unreached[f.row]; rows[f.row] == (why != "") {
			t.Errorf("row %d: reached=%v, %q", f.row, rows[f.row], why)
		}
	}
}

func count(rows map[uint8]bool, from, to uint8) (n int) {
	for row := range rows {
		if row >= from && row <= to {
			n++
		}
	}
	return n
}
