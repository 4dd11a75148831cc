package offload

import (
	"errors"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// machine draws what table, devices and clock do, and checks the promises on
// the way and the level rule at the end.
type machine struct {
	*rig
	t       *rapid.T
	ops     []*Op[int, byte]
	reports [][]func() // by device, in order: what it said and was not heard
	dump    map[int]byte
	dumped  struct {
		dev  int
		mark uint64
	}
	waiters, released int
	closed            bool
}

const modelKeys = 4

func (m *machine) key() int   { return rapid.IntRange(0, modelKeys-1).Draw(m.t, "key") }
func (m *machine) port() byte { return byte(rapid.IntRange(1, 2).Draw(m.t, "port")) }
func (m *machine) dev() int   { return rapid.IntRange(0, len(m.chips)-1).Draw(m.t, "dev") }

// Learn and flush do not change what an operation is in flight for.
func (m *machine) learn() {
	if k := m.key(); !m.e.Busy(k) && !m.closed {
		m.put(k, m.port())
	}
}

func (m *machine) flush() {
	k := m.key()
	if m.e.Busy(k) || m.closed {
		return
	}
	m.drop(k)
	var w Waiter
	m.e.Await(&w, k)
	m.waiters++
	w.Arm(func([]error) { m.released++ })
}

func (m *machine) begin(set bool) {
	k := m.key()
	if m.e.Busy(k) || m.closed {
		return
	}
	op := &Op[int, byte]{Key: k, Set: set}
	if set {
		op.New = m.port()
		op.Soft = !m.strict && rapid.Bool().Draw(m.t, "soft")
	}
	m.ops = append(m.ops, op)
	m.e.Begin(op, m.now)
}

func (m *machine) hand() {
	if dev := m.dev(); m.chips[dev].call == nil {
		m.form(dev)
	} else if m.e.Form(dev, m.now) != nil {
		m.t.Fatal("a second batch")
	}
}

func (m *machine) work() {
	dev := m.dev()
	c := m.chips[dev]
	if c.call == nil || len(c.out) == len(c.call.Items) {
		return
	}
	switch rapid.IntRange(0, 9).Draw(m.t, "how") {
	case 0:
		m.exec(dev, errRefused)
	case 1:
		if c.call.Items[len(c.out)].Set && !m.strict {
			m.exec(dev, errors.ErrUnsupported)
		}
	case 2: // carried out, and not answered
		m.exec(dev, nil)
		c.out[len(c.out)-1] = Outcome{}
	case 3: // neither
		c.out = append(c.out, Outcome{})
	default:
		m.exec(dev, nil)
	}
}

func (m *machine) answer() {
	if dev := m.dev(); m.chips[dev].call != nil {
		m.back(dev)
	}
}

func (m *machine) ageOut() {
	dev, k := m.dev(), m.key()
	if _, ok := m.chips[dev].rows[k]; !ok {
		return
	}
	epoch := m.chips[dev].epoch
	port := m.age(dev, k)
	m.reports[dev] = append(m.reports[dev], func() { m.hearAged(dev, k, port, epoch) })
}

// make lets a device make a row by itself, and say so at once.
func (m *machine) make() {
	dev, k, port := m.dev(), m.key(), m.port()
	c := m.chips[dev]
	if m.closed || !m.claims[dev][port] || c.epoch != c.heard || len(m.reports[dev]) > 0 {
		return
	}
	if m.strict && m.e.Busy(k) {
		return // what an operation is told is judged by what it was told
	}
	c.rows[k] = port
	if m.e.Busy(k) {
		m.e.Suspect(dev, k)
		return
	}
	m.rows[k] = want{port: port}
	m.e.Own(dev, k, port)
	m.e.Touch(k)
}

// verify looks whether rows are there that a device said it aged out.
func (m *machine) verify() {
	for dev, c := range m.chips {
		mark, epoch := m.e.Mark(dev)
		for k := range modelKeys {
			if _, sure := m.e.Doubted(dev, k, mark); !sure || epoch != c.epoch || len(m.reports[dev]) > 0 {
				continue
			}
			port, there := c.rows[k]
			there = there && m.rows[k].port == port
			m.e.Verify(dev, k, there)
			if !there && !m.rows[k].user && !m.e.Owned(k) && rapid.Bool().Draw(m.t, "disown") {
				delete(m.rows, k)
			}
			m.e.Touch(k)
		}
	}
}

func (m *machine) reset() {
	dev := m.dev()
	m.lose(dev)
	epoch := m.chips[dev].epoch
	m.reports[dev] = append(m.reports[dev], func() {
		m.chips[dev].heard = max(m.chips[dev].heard, epoch)
		m.e.Reset(dev, epoch, m.now)
	})
}

func (m *machine) listen() {
	dev := m.dev()
	if q := m.reports[dev]; len(q) > 0 {
		m.reports[dev] = q[1:]
		q[0]()
	}
}

// read takes a dump, or judges the one that was taken.
func (m *machine) read() {
	if m.dump == nil {
		dev := m.dev()
		if c := m.chips[dev]; c.epoch == c.heard {
			m.dumped.dev = dev
			m.dumped.mark, _ = m.e.Mark(dev)
			m.dump = maps.Clone(c.rows)
		}
		return
	}
	if _, epoch := m.e.Mark(m.dumped.dev); epoch == m.chips[m.dumped.dev].epoch {
		m.reconcile(m.dumped.dev, m.dumped.mark, m.dump)
	}
	m.dump = nil
}

func (m *machine) member() {
	dev, port := m.dev(), m.port()
	if m.closed || m.strict { // what an operation aims at is fixed when it begins
		return
	}
	if m.claims[dev][port] = !m.claims[dev][port]; m.claims[dev][port] {
		for k, w := range m.rows {
			if w.port == port {
				m.e.Touch(k)
			}
		}
		return
	}
	var w Waiter
	m.review(dev, &w)
	m.waiters++
	w.Arm(func([]error) { m.released++ })
}

// check looks at rule 24 and at what is counted.
func (m *machine) check(t *rapid.T) {
	for k := range modelKeys {
		on, _ := m.e.State(k)
		if !on {
			continue
		}
		for dev, c := range m.chips {
			w := m.rows[k]
			unsupported := m.e.devs[dev].cells[k] != nil && m.e.devs[dev].cells[k].unsupported.set
			if !m.claims[dev][w.port] || c.epoch > c.heard || m.unheard(dev, k) || unsupported {
				continue
			}
			if port, ok := c.rows[k]; !ok || port != w.port {
				t.Fatalf("%d on port %d is offloaded, and device %d holds %v %d", k, w.port, dev, ok, port)
			}
		}
	}
	for op, err := range m.results {
		if op.Soft && err != nil && !m.closed {
			t.Fatalf("a soft operation ended with %v", err)
		}
	}
	if n := len(m.ops) - len(m.results); n != m.e.InFlight() {
		t.Fatalf("%d operations have no result, %d are in flight", n, m.e.InFlight())
	}
}

// unheard reports whether the device said something that was not heard yet.
func (m *machine) unheard(dev, k int) bool { return m.chips[dev].aged[k] || len(m.reports[dev]) > 0 }

// finish lets everything come to rest, and looks at the devices.
func (m *machine) finish() {
	for dev := range m.chips {
		for _, say := range m.reports[dev] {
			say()
		}
		m.reports[dev] = nil
	}
	for range 20 {
		m.run()
		m.verify()
		m.pass(16 * timeout)
	}
	if n := m.e.InFlight(); n > 0 {
		m.t.Fatalf("%d operations have no end", n)
	}
	if m.waiters != m.released {
		m.t.Fatalf("%d of %d waiters were released", m.released, m.waiters)
	}
	if m.closed {
		return
	}
	for dev, c := range m.chips {
		for k := range modelKeys {
			w, ok := m.rows[k]
			claims := ok && m.claims[dev][w.port]
			port, holds := c.rows[k]
			cell := m.e.devs[dev].cells[k]
			if claims && !holds && cell != nil && cell.unsupported == (wanted[byte]{w.port, true}) {
				continue
			}
			if holds != claims || holds && port != w.port {
				m.t.Fatalf("in the end device %d holds %v %d of %d, the table wants %v %d", dev, holds, port, k, claims, w.port)
			}
		}
	}
	for dev := range m.chips { // a dump finds nothing
		mark, _ := m.e.Mark(dev)
		if n := m.reconcile(dev, mark, m.chips[dev].rows); n != 0 {
			m.t.Fatalf("%d rows of device %d differ from what is believed", n, dev)
		}
	}
}

func TestEngineAgainstDevices(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		claims := [][]string{{"1", "2"}, {"12", "12"}, {"12", "2"}, {"12", "", "1"}}
		m := &machine{t: rt, rig: newRig(rt, rapid.IntRange(1, 3).Draw(rt, "batch"), rapid.SampledFrom(claims).Draw(rt, "claims")...)}
		m.strict = rapid.Bool().Draw(rt, "strict")
		m.e.cfg.Breaker = rapid.IntRange(0, 2).Draw(rt, "breaker")
		m.reports = make([][]func(), len(m.chips))
		action := func(f func()) func(*rapid.T) {
			return func(t *rapid.T) { m.t = t; f() }
		}
		rt.Repeat(map[string]func(*rapid.T){
			"learn":   action(m.learn),
			"flush":   action(m.flush),
			"set":     action(func() { m.begin(true) }),
			"delete":  action(func() { m.begin(false) }),
			"form":    action(m.hand),
			"form2":   action(m.hand),
			"work":    action(m.work),
			"work2":   action(m.work),
			"return":  action(m.answer),
			"return2": action(m.answer),
			"age":     action(m.ageOut),
			"reset":   action(m.reset),
			"hear":    action(m.listen),
			"hear2":   action(m.listen),
			"time":    action(func() { m.pass(timeout / 2) }),
			"space":   action(func() { m.e.Space(m.dev(), m.now) }),
			"read":    action(m.read),
			"member":  action(m.member),
			"make":    action(m.make),
			"verify":  action(m.verify),
			"":        m.check,
		})
		if rapid.Bool().Draw(rt, "close") {
			m.closed = true
			m.e.Close(m.now)
			if rapid.Bool().Draw(rt, "abort") {
				m.e.Abort(m.now)
			}
			m.check(rt)
		}
		m.finish()
	})
}
