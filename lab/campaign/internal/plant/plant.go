package plant

import (
	"fmt"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// Plant is a table with its chips, stations, user and followers.
type Plant struct {
	w     *sim.World
	set   settings
	table *fdb.Table
	chips []*chip
	model *oracle.Table

	keys  []fdb.Key // every station in every VLAN, station by station
	where []switchdev.PortID
	traps []trap

	polled  time.Time // the last time that the table was told
	next    time.Time
	reports []heard // that the table has not been polled for

	queues   map[fdb.Key][]*userOp
	batches  []*batch
	waiting  int // operations in queues
	jobs     []*job
	follower *watcher
	watchers []*watcher
	pictures []picture
	doubt    map[fdb.Key]bool // the table was free to choose, see settleDoubts

	gone    map[switchdev.PortID]bool    // ports that were removed
	leaving map[switchdev.PortID]*job    // the last removal of each port
	empty   map[switchdev.PortID]bool    // of those, the ones of which nothing is left
	vetoed  map[fdb.Key]switchdev.PortID // where a device refused a station last
	unread  bool                         // a flush was accepted that the table was not polled for
	members int                          // joins and leaves
	late    []lateFlush
	last    map[fdb.Key]fdb.Event // what the follower heard last
	learned int                   // as counted at the last check
	grace   time.Time             // what is overdue may be so since then
	freed   map[fdb.Key]time.Time // when the last operation on a station ended
	calm    bool                  // no fault since the last rest, and devices that take everything
	floods  int                   // that should not have been
	checks  int
	counted map[string]int
}

// Build puts a plant into a world.
func Build(w *sim.World) {
	p := &Plant{
		w: w, model: oracle.New(), polled: w.Now, queues: make(map[fdb.Key][]*userOp),
		doubt: make(map[fdb.Key]bool), freed: make(map[fdb.Key]time.Time), grace: w.Now,
		gone: make(map[switchdev.PortID]bool), empty: make(map[switchdev.PortID]bool), leaving: make(map[switchdev.PortID]*job), vetoed: make(map[fdb.Key]switchdev.PortID), last: make(map[fdb.Key]fdb.Event), counted: make(map[string]int),
	}
	p.set = drawSettings(w)
	p.makeStations()
	p.makeChips()
	table, err := fdb.New(p.config())
	if err != nil {
		panic(fmt.Sprintf("fdb.New: %v", err))
	}
	p.table = table
	p.rehold()
	p.follower = p.watch(false, true)
	p.calm = p.unlimited()
	w.Add(p)
}

func (p *Plant) makeStations() {
	for s := range p.set.stations {
		mac := switchdev.MAC{0x02, 0xaa, 0, 0, byte(s >> 8), byte(s + 1)}
		for v := range max(p.set.vlans, 1) {
			vlan := switchdev.NoVLAN
			if p.set.vlans > 0 {
				vlan = switchdev.VLAN(10 * (v + 1))
			}
			p.keys = append(p.keys, fdb.Key{MAC: mac, VLAN: vlan})
		}
		p.where = append(p.where, switchdev.PortID(1+s%p.set.ports))
	}
}

// config is the table's configuration.
func (p *Plant) config() fdb.Config {
	s := &p.set
	cfg := fdb.Config{
		Name: "campaign", Manual: true, Start: p.w.Start, Seed: 1, Events: s.events,
		Ageing:   s.ageing,
		Learning: fdb.Learning{Pending: s.pending, Delay: s.delay, Max: s.max, Vetoed: fdb.Policy(s.vetoLearned)},
		Hardware: fdb.Hardware{
			Timeout: s.timeout, Retry: s.retry, Batch: s.batch, Vetoed: fdb.Policy(s.vetoUser), Breaker: s.breaker,
		},
		Trace: p.hooks(),
	}
	for _, c := range p.chips {
		cfg.Hardware.Devices = append(cfg.Hardware.Devices, c.device())
	}
	return cfg
}

// Ops implements [sim.Part].
func (p *Plant) Ops() (ops []sim.Op) {
	ops = append(ops, p.trafficOps()...)
	ops = append(ops, p.userOps()...)
	ops = append(ops, p.jobOps()...)
	ops = append(ops, p.watchOps()...)
	ops = append(ops, p.batchOps()...)
	ops = append(ops, p.strayOps()...)
	return append(ops, p.faultOps()...)
}

// Poll implements [sim.Part]. Chips come before and after the table: what the
// table cancels or submits they know at once, without looking at Wake, whose
// tokens come by way of other goroutines where a ctx was cancelled.
func (p *Plant) Poll(now time.Time) (again bool) {
	p.lateness(now)
	next := p.pollChips(now)
	d := p.expectReports(now)
	select {
	case <-p.table.Wake():
	default:
	}
	at := p.table.Poll(now)
	if !at.IsZero() && !at.After(now) {
		p.w.Fail(invBusy, "Poll(%v) is due again at %v", now.Sub(p.w.Start), at.Sub(p.w.Start))
	}
	elapsed := now.Sub(p.polled)
	p.polled, p.unread = now, false
	p.claimNow()
	p.settleDoubts(d)
	p.stage(now)
	p.endBatches()
	p.follower.drain()
	p.choices()
	p.endOwn()
	p.unnoticed()
	p.endJobs()
	p.deadlines(elapsed)
	next = earlier(next, p.pollChips(now))
	p.next = earlier(next, at)
	return len(p.table.Wake()) > 0
}

// lateness notes that nobody looked when something was due: then deadlines are over
// that need not be, and what is to leave leaves later.
func (p *Plant) lateness(now time.Time) {
	if p.next.IsZero() || !p.next.Before(now) {
		return
	}
	p.grace = now
	if !p.quiet() {
		p.calm = false
	}
}

// Next implements [sim.Part].
func (p *Plant) Next() time.Time { return p.next }

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// tick rounds a time down to the table's clock.
func (p *Plant) tick(at time.Time) time.Time {
	return at.Add(-(at.Sub(p.w.Start) % tickLength))
}

// tickLength is the unit of the table's times.
const tickLength = 10 * time.Millisecond

// quiet reports whether nothing is under way anywhere.
func (p *Plant) quiet() bool {
	if p.waiting > 0 || len(p.jobs) > 0 {
		return false
	}
	for _, c := range p.chips {
		if len(c.Operations()) > 0 {
			return false
		}
	}
	return true
}

// key returns the station named by an argument.
func (p *Plant) key(i int64) fdb.Key { return p.keys[index(i, len(p.keys))] }

// port returns the port named by an argument.
func (p *Plant) port(i int64) switchdev.PortID { return switchdev.PortID(1 + index(i, p.set.ports)) }

// index makes an index of any argument.
func index(i int64, n int) int { return int((i%int64(n) + int64(n)) % int64(n)) }
