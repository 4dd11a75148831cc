package yard

import (
	"bytes"
	"fmt"
	"log/slog"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// Yard is a bridge with its chips, stations, user and neighbour.
type Yard struct {
	w      *sim.World
	set    settings
	b      *bridge.Bridge
	table  *fdb.Table
	chips  []*chip
	next   time.Time
	polled time.Time

	model model // what the user made of the bridge
	now   *conf // what the bridge shows of itself
	tasks []*task

	inlets []switchdev.PortID // by which frames come in
	where  []int              // the inlet of each station
	macs   []switchdev.MAC    // own addresses that ports may have
	traps  []trap
	sent   []copyOf // by the frame that is under way
	out    bridge.Egress
	counts map[switchdev.PortID]*counts
	strays uint64

	seen  map[fdb.Key]sighting
	heard map[arrival]int // the life of a port in which it heard a station
	lives map[switchdev.PortID]int
	taint map[switchdev.MAC]bool // own addresses that a user has meddled with

	calm    bool                      // no fault since the last rest
	pulled  map[switchdev.PortID]bool // sockets with nothing in them
	bpdus   []bpdu
	peer    *peer
	stale   bool // now is not what the bridge shows now
	adopted bool // the model is to be taken over from the bridge
	checks  int
}

// trap is a frame that a chip gave to software.
type trap struct {
	c *chip
	hwsim.HostFrame
}

// copyOf is a frame that left by a number.
type copyOf struct {
	id   switchdev.PortID
	data []byte
	hard bool // by a socket of a chip
}

// Build puts a yard into a world.
func Build(w *sim.World) {
	y := &Yard{
		w: w, polled: w.Now, counts: make(map[switchdev.PortID]*counts), seen: make(map[fdb.Key]sighting),
		heard: make(map[arrival]int), lives: make(map[switchdev.PortID]int), taint: make(map[switchdev.MAC]bool),
		pulled: make(map[switchdev.PortID]bool), calm: true,
	}
	y.set = drawSettings(w)
	y.makeChips()
	y.makeInlets()
	b, err := bridge.New(y.config())
	if err != nil {
		panic(fmt.Sprintf("bridge.New: %v", err))
	}
	y.b, y.table = b, b.Table()
	y.begin()
	y.makePeer()
	y.look()
	w.Add(y)
}

func (y *Yard) makeInlets() {
	for _, c := range y.chips {
		y.inlets = append(y.inlets, c.ports...)
	}
	for i := range y.set.software {
		y.inlets = append(y.inlets, switchdev.PortID(softwareFrom+i), switchdev.PortID(linksFrom+i))
	}
	for s := range y.set.stations {
		y.where = append(y.where, s%max(len(y.inlets), 1))
	}
	for i := range 6 {
		y.macs = append(y.macs, switchdev.MAC{0x02, 0xbb, 0, 0, 0, byte(i + 1)})
	}
	y.macs = append(y.macs, y.station(0)) // an address that two have
}

// station returns the address of a station.
func (y *Yard) station(i int) switchdev.MAC {
	return switchdev.MAC{0x02, 0xaa, 0, 0, 0, byte(i + 1)}
}

// config is the bridge's configuration.
func (y *Yard) config() bridge.Config {
	s := &y.set
	cfg := bridge.Config{
		Name: "br0", Manual: true, Start: y.w.Start,
		Table: fdb.Config{
			Seed: 1, Ageing: s.ageing,
			Learning: fdb.Learning{Delay: s.delay, Max: s.max, Vetoed: fdb.Policy(s.vetoLearned)},
			Hardware: fdb.Hardware{Timeout: s.timeout, Retry: s.retry, Batch: s.batch, Vetoed: fdb.Policy(s.vetoUser), Breaker: s.breaker},
		},
		VLAN:      bridge.VLANConfig{Filtering: s.filtering, LocalInVLAN0: s.local0},
		STP:       bridge.STPConfig{Mode: bridge.STPMode(s.stp), Send: y.sendBPDU},
		LinkLocal: linkLocalOf(s.linkLocal),
	}
	if y.w.Logging() {
		cfg.Logger = slog.New(slog.NewTextHandler(journal{y.w}, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	}
	switch {
	case s.pvid < 0:
		cfg.VLAN.DefaultPVID = bridge.NoDefaultPVID
	case s.pvid > 0:
		cfg.VLAN.DefaultPVID = switchdev.VLAN(s.pvid)
	}
	if s.explicit {
		cfg.MAC = y.macs[5]
	}
	if s.learns {
		cfg.Hardware.PortFlags = bridge.HardwareLearns
	}
	for _, c := range y.chips {
		cfg.Hardware.Devices = append(cfg.Hardware.Devices, c.device())
	}
	return cfg
}

// linkLocalOf reads a setting: the mask, and a bit for no learning.
func linkLocalOf(n int64) bridge.LinkLocal {
	return bridge.LinkLocal{Forward: uint16(n) &^ 0b111, NoLearning: n>>16&1 == 1}
}

// journal writes what the bridge logs into the run's own log.
type journal struct{ w *sim.World }

func (j journal) Write(line []byte) (int, error) {
	j.w.Log("%s", bytes.TrimSpace(line))
	return len(line), nil
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// Ops implements [sim.Part].
func (y *Yard) Ops() (ops []sim.Op) {
	ops = append(ops, y.trafficOps()...)
	ops = append(ops, y.portOps()...)
	ops = append(ops, y.vlanOps()...)
	ops = append(ops, y.bridgeOps()...)
	ops = append(ops, y.entryOps()...)
	ops = append(ops, y.treeOps()...)
	return append(ops, y.faultOps()...)
}

// Poll implements [sim.Part].
func (y *Yard) Poll(now time.Time) (again bool) {
	next := y.pollChips(now)
	for _, wake := range [...]<-chan struct{}{y.b.Wake(), y.table.Wake()} {
		select {
		case <-wake:
		default:
		}
	}
	again = y.carryBPDUs(now)
	at := y.b.Poll(now)
	if !at.IsZero() && !at.After(now) && len(y.b.Wake()) == 0 {
		y.w.Fail(invBusy, "Poll(%v) is due again at %v", now.Sub(y.w.Start), at.Sub(y.w.Start))
	}
	next = earlier(next, y.pollChips(now))
	elapsed := now.Sub(y.polled)
	y.polled, y.stale = now, true
	y.endTasks(elapsed)
	if y.peer != nil {
		next = earlier(next, y.peer.next)
	}
	y.next = earlier(next, at)
	return again || len(y.b.Wake()) > 0 || len(y.table.Wake()) > 0 || len(y.bpdus) > 0
}

// Next implements [sim.Part].
func (y *Yard) Next() time.Time { return y.next }

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// poll brings everything to the present without time going by.
func (y *Yard) poll() {
	for range 1000 {
		if !y.Poll(y.w.Now) {
			y.look()
			return
		}
	}
	y.w.Fail(invBusy, "still working after 1000 polls")
}

// index makes an index of any argument.
func index(i int64, n int) int { return int((i%int64(n) + int64(n)) % int64(n)) }
