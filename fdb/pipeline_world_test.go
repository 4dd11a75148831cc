package fdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/switchdev"
)

// The pipeline explorer runs small programs of actions on a Manual table and
// two devices, and takes every step that the worker, the executors, the devices
// and the clock can take, one at a time, in every order.

// act is what somebody does.
type deed uint8

const (
	doL1 deed = iota // a station is seen on port 1
	doL2
	doA1 // exclusive add, static, port 1
	doR1 // replace, static, port 1
	doR2
	doD // delete from port 1
	doF // flush of everything, static entries too
	doP // flush of port 2, which spares static entries
	doG // a device ages out a row that is not static
	doX // a device is reset
	doC // the table is closed
	doM // remove from port 1, whatever devices say
	doQ // port 2 is removed
	numDeeds
)

var deedNames = [...]string{"L1", "L2", "A1", "R1", "R2", "D", "F", "P", "G", "X", "C", "M", "Q"}

const (
	numDevs   = 2
	maxKeys   = 2
	worldTick = 500 * time.Millisecond // the timeout of an operation
)

// task is an action on a key.
type task struct {
	act deed
	key uint8
}

func (k task) String() string {
	if k.key > 0 {
		return deedNames[k.act] + "'"
	}
	return deedNames[k.act]
}

// program is what one exploration runs.
type pipelineProgram struct {
	tasks    []task
	layout   int
	refusals int // how many operations devices may refuse
	losses   int // how many they may leave unanswered, carried out or not
	times    int // how often time may pass while there is other work
	hung     int // a device that answers nothing, or -1
	capacity int // rows that a device can hold, 0: any number
	keys     int
	drop     bool // what devices refuse is not learned
	soft     bool // what devices refuse is made all the same
	breaker  int  // after how many timeouts a device is out of order, 0: never
	number   int  // its place among all
	actions  int  // the length class that it was taken into
}

func (p *pipelineProgram) String() string {
	names := make([]string, len(p.tasks))
	for i, k := range p.tasks {
		names[i] = k.String()
	}
	return fmt.Sprintf("[%s] ports %v refusals %d losses %d times %d hung %d capacity %d drop %v soft %v breaker %d",
		strings.Join(names, " "), layouts[p.layout], p.refusals, p.losses, p.times, p.hung, p.capacity, p.drop, p.soft, p.breaker)
}

// layouts are the ports that the two devices claim.
var layouts = [...][numDevs][]switchdev.PortID{
	{{1}, {2}}, {{1, 2}, {}}, {{1, 2}, {1, 2}}, {{1, 2}, {2}}, {{1}, {1, 2}},
}

func claimed(layout, dev int, port uint8) bool {
	for _, p := range layouts[layout][dev] {
		if uint8(p) == port {
			return true
		}
	}
	return false
}

// stepKind is what can happen next.
type stepKind uint8

const (
	stepSubmit stepKind = iota
	stepCommit
	stepHear
	stepSeal
	stepApply
	stepJobs
	stepForm   // a batch is handed over
	stepRush   // a batch is handed over and carried out at once
	stepExec   // the next operation is carried out
	stepReturn // what is left is carried out, and the call returns
	// The next operation is not carried out well; if it was the last the call
	// returns.
	stepRefuse
	stepLose   // not carried out, not answered
	stepMumble // carried out, not answered
	stepTime   // time goes on to where the table expects it
)

var stepNames = [...]string{"submit", "commit", "hear", "seal", "apply", "jobs", "form", "rush", "exec", "return", "refuse", "lose", "mumble", "time"}

// choice is one step. a is the index of a task or of a device, b a device.
type choice struct {
	kind stepKind
	a, b uint8
}

// fakeRow is a row of a fake device.
type fakeRow struct {
	on     bool
	port   uint8
	static bool
	gen    uint64 // the operation that it was set for
	formed int    // the oracle's count when the call was formed
}

func (r fakeRow) same(o fakeRow) bool {
	return r.on == o.on && r.port == o.port && r.static == o.static
}

// fakeDevice does what the explorer tells it to.
type fakeDevice struct {
	name   string
	epoch  switchdev.Epoch
	sink   switchdev.Sink
	rows   [maxKeys]fakeRow
	aged   [maxKeys]bool // reported, and not yet heard
	out    *batch
	formed int
	done   int // operations of out that have been decided
}

func (d *fakeDevice) Name() string                                                             { return d.name }
func (d *fakeDevice) Close() error                                                             { return nil }
func (d *fakeDevice) Epoch() switchdev.Epoch                                                   { return d.epoch }
func (d *fakeDevice) Reset(context.Context) (switchdev.Epoch, error)                           { return 0, errors.ErrUnsupported }
func (d *fakeDevice) SubmitFDB(context.Context, []switchdev.FDBOp, []switchdev.Result, func()) {}
func (d *fakeDevice) Bind(s switchdev.Sink) func()                                             { d.sink = s; return func() {} }

func (d *fakeDevice) count() (n int) {
	for _, r := range d.rows {
		if r.on {
			n++
		}
	}
	return n
}

var (
	worldKeys  = [maxKeys]Key{pipelineKey(1), pipelineKey(2)}
	worldCams  = [maxKeys]cam.Key{camKey(pipelineKey(1)), camKey(pipelineKey(2))}
	worldStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

	errRefused = errors.New("refused")
)

func pipelineKey(n byte) Key { return Key{MAC: switchdev.MAC{2, 0, 0, 0, 0, n}} }

func keyIndex(k uint64) int {
	for i, c := range worldCams {
		if uint64(c) == k {
			return i
		}
	}
	panic("unknown key")
}

// world is a table, its devices, and what is known of both.
type world struct {
	p        *pipelineProgram
	t        *Table
	now      time.Time
	devs     [numDevs]*fakeDevice
	left     []task
	refusals int
	losses   int
	times    int
	closed   bool
	gone     bool           // port 2 was removed
	vetoed   [maxKeys]uint8 // ports on which the station was refused, as bits
	oracle   oracle
	sub      *Subscription
	events   [maxKeys]Event // the entries as the events tell them
	lastSeq  uint64
	fault    string // the first violation
	buf      []byte
	seqs     []uint64
	choices  []choice
}

func newWorld(p *pipelineProgram) *world {
	w := &world{p: p, now: worldStart, left: append([]task(nil), p.tasks...), refusals: p.refusals, losses: p.losses, times: p.times}
	cfg := Config{Manual: true, Seed: 1, Start: worldStart, Events: 16, Ageing: -1,
		Hardware: Hardware{Timeout: worldTick, Retry: 2 * worldTick, Breaker: -1, Devices: make([]Device, 0, numDevs)}}
	if p.breaker > 0 {
		cfg.Hardware.Breaker = p.breaker
	}
	if p.drop {
		cfg.Learning.Vetoed = PolicyRefuse
	}
	if p.soft {
		cfg.Hardware.Vetoed = PolicySoftware
	}
	for i := range w.devs {
		w.devs[i] = &fakeDevice{name: string(rune('a' + i)), epoch: 1}
		cfg.Hardware.Devices = append(cfg.Hardware.Devices, Device{Driver: w.devs[i], Ports: layouts[p.layout][i]})
	}
	t, err := New(cfg)
	if err != nil {
		panic(err)
	}
	w.t = t
	w.sub, err = t.Subscribe(SubscribeOptions{})
	if err != nil {
		panic(err)
	}
	return w
}

func (w *world) fail(format string, args ...any) {
	if w.fault == "" {
		w.fault = fmt.Sprintf(format, args...)
	}
}

// list returns what can happen now.
func (w *world) list() []choice {
	c := w.choices[:0]
	w.listTasks(&c)
	if !w.closed {
		w.listWorker(&c)
	}
	for i, d := range w.devs {
		dev := uint8(i)
		switch {
		case d.out != nil && i == w.p.hung:
		case d.out != nil && d.done == len(d.out.ops):
			c = append(c, choice{stepReturn, dev, 0})
		case d.out != nil:
			c = append(c, choice{stepReturn, dev, 0})
			if w.restless() {
				c = append(c, choice{stepExec, dev, 0})
			}
			if w.refusals > 0 {
				c = append(c, choice{stepRefuse, dev, 0})
			}
			if w.losses > 0 {
				c = append(c, choice{stepLose, dev, 0}, choice{stepMumble, dev, 0})
			}
		case !w.closed && w.t.devices.Pending(i, w.now):
			c = append(c, choice{stepForm, dev, 0}, choice{stepRush, dev, 0})
		}
	}
	if !w.closed && w.times > 0 && !w.t.next().IsZero() && w.t.next().After(w.now) {
		c = append(c, choice{stepTime, 0, 0})
	}
	w.choices = c
	return c
}

// restless reports whether a device may still do something by itself. If not,
// what it was told is carried out either when it is handed over or when the call
// returns: nobody could tell the times between from these two.
func (w *world) restless() bool {
	return slices.ContainsFunc(w.left, func(k task) bool { return k.act == doG || k.act == doX })
}

func (w *world) listTasks(c *[]choice) {
	if w.closed {
		return
	}
	for i, k := range w.left {
		if i > 0 && w.left[i-1] == k {
			continue
		}
		switch k.act {
		case doG:
			for dev, d := range w.devs {
				if r := d.rows[k.key]; r.on && !r.static {
					*c = append(*c, choice{stepSubmit, uint8(i), uint8(dev)})
				}
			}
		case doX:
			for dev := range w.devs {
				*c = append(*c, choice{stepSubmit, uint8(i), uint8(dev)})
			}
		default:
			*c = append(*c, choice{stepSubmit, uint8(i), 0})
		}
	}
}

func (w *world) listWorker(c *[]choice) {
	t := w.t
	add := func(on bool, k stepKind) {
		if on {
			*c = append(*c, choice{kind: k})
		}
	}
	add(len(t.inbox.ops) > 0 || len(t.ready) > 0, stepCommit)
	add(len(t.reports.queue) > 0, stepHear)
	add(t.stations.Fresh() && !t.stations.Sealed(), stepSeal)
	add(t.stations.Sealed(), stepApply)
	jobs := len(t.inbox.jobs) > 0
	for _, j := range t.jobs {
		jobs = jobs || !j.ran || !j.deadline.After(w.now)
	}
	add(jobs, stepJobs)
}
