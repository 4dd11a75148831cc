package plant

import (
	"errors"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

var ageings = [...]time.Duration{-1, 0, 10 * time.Second, time.Minute, 5 * time.Minute, fdb.NoLearning}

func (p *Plant) setAgeing(a []int64) {
	d := ageings[index(sim.Arg(a, 0), len(ageings))]
	if err := p.table.SetAgeing(d); err != nil {
		p.w.Fail(invInput, "SetAgeing(%v): %v", d, err)
	}
	if err := p.table.SetAgeing(time.Millisecond); !errors.Is(err, switchdev.ErrInvalid) {
		p.w.Fail(invInput, "SetAgeing(1ms): %v", err)
	}
	p.set.ageing, p.grace = d, p.polled
	p.rehold()
	for _, c := range p.chips {
		c.join() // whoever owns the bridge tells them
	}
}

var topologies = [...]time.Duration{0, 0, time.Second, 15 * time.Second, time.Hour}

func (p *Plant) topologyChange(a []int64) {
	d := topologies[index(sim.Arg(a, 0), len(topologies))]
	if err := p.table.TopologyChange(d); err != nil {
		p.w.Fail(invInput, "TopologyChange(%v): %v", d, err)
	}
	if err := p.table.TopologyChange(-1); !errors.Is(err, switchdev.ErrInvalid) {
		p.w.Fail(invInput, "TopologyChange(-1): %v", err)
	}
	p.set.topology, p.grace = d, p.polled
	p.rehold()
}

// rehold tells the oracle how long entries live now.
func (p *Plant) rehold() {
	hold := p.set.ageing
	switch {
	case hold == fdb.NoLearning:
	case p.set.topology > 0:
		hold = p.set.topology
	case hold == 0:
		hold = fdb.DefaultAgeing
	}
	p.model.Hold = hold
	p.w.Log("entries live for %v", hold)
	if got := p.table.Hold(); got != hold && (got >= 0 || hold >= 0) {
		p.w.Fail(invAgeing, "Hold() = %v, want %v", got, hold)
	}
}

var limits = [...]int{0, 0, 3, 8, 20}

func (p *Plant) setMax(a []int64) {
	n := limits[index(sim.Arg(a, 0), len(limits))]
	if err := p.table.SetLearningMax(n); err != nil {
		p.w.Fail(invInput, "SetLearningMax(%d): %v", n, err)
	}
	if err := p.table.SetLearningMax(-1); !errors.Is(err, switchdev.ErrInvalid) {
		p.w.Fail(invInput, "SetLearningMax(-1): %v", err)
	}
	p.set.max = n
	p.learned = max(p.learned, p.model.Counted()+p.waiting) // what is pending may come yet
	p.w.Log("limit %d", n)
}

// removePort takes a port out of the table: nothing of it is found from now on.
func (p *Plant) removePort(port switchdev.PortID) {
	p.gone[port], p.unread = true, true
	delete(p.empty, port) // until it is through once more
	f := fdb.Filter{OnPort: true, Port: port}
	killed := p.model.Flush(f)
	p.w.Log("port %v goes, with %d", port, len(killed))
	j := &job{what: "removeport", filter: f, ticket: p.table.SubmitRemovePort(port)}
	j.end = func(err error) {
		p.flushed(j, f, killed, err)
		if err == nil && p.leaving[port] == j {
			p.nothingLeft(port)
			p.empty[port] = p.gone[port]
		}
	}
	p.leaving[port] = j
	p.addJob(j)
}

// nothingLeft: a port that was removed has no entry, and no device has a row of
// it, if it has not come back.
func (p *Plant) nothingLeft(port switchdev.PortID) {
	if !p.gone[port] {
		return
	}
	for _, k := range p.keys {
		if v := p.told(k); v.Present && v.Port == port {
			p.w.Fail(invGone, "port %v is gone, and %v is %v", port, k, v)
		}
		for _, c := range p.chips {
			if row, on := c.see()[k]; on && row.Port == port && !c.unsure() {
				p.w.Fail(invGone, "port %v is gone, and %s holds %v at %+v", port, c.Name(), k, row)
			}
		}
	}
}

// back: the port is there again.
func (p *Plant) back(port switchdev.PortID) {
	delete(p.gone, port)
	delete(p.empty, port)
}

// addPort brings back a port that was removed, the nth of them.
func (p *Plant) addPort(a []int64) {
	n := index(sim.Arg(a, 0), max(len(p.gone), 1))
	for i := range p.set.ports {
		port := switchdev.PortID(i + 1)
		if !p.gone[port] {
			continue
		}
		if n--; n < 0 {
			p.back(port)
			p.table.AddPort(port)
			return
		}
	}
}
