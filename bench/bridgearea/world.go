package bridgearea

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// ageing is longer than any run, so that no station leaves while it is measured.
const ageing = 2 * time.Hour

// config is the bridge of all measurements: the zero Config, but for the ageing
// time and an address of its own.
func config() bridge.Config {
	return bridge.Config{MAC: own, Table: fdb.Config{Ageing: ageing}}
}

// own is the bridge's address.
var own = switchdev.MAC{0x02, 0, 0, 0, 0xff, 0xfe}

// world is a bridge that knows its stations.
type world struct {
	*bridge.Bridge
	stations, ports int
	vlan            switchdev.VLAN // of the stations' entries
	now             time.Time      // of a Manual bridge
}

// newWorld makes a bridge with so many ports, and learns from a frame of every
// station.
func newWorld(cfg bridge.Config, stations, ports int) (*world, error) {
	return newWorldOf(cfg, stations, ports, 0, nil)
}

// newWorldOf is newWorld with stations that are in a VLAN and a function that
// sets the ports up, if that is not nil.
func newWorldOf(cfg bridge.Config, stations, ports int, vlan switchdev.VLAN, setUp func(*world) error) (*world, error) {
	b, err := bridge.New(cfg)
	if err != nil {
		return nil, err
	}
	w := &world{Bridge: b, stations: stations, ports: ports, vlan: vlan, now: cfg.Start}
	for p := range ports {
		id := switchdev.PortID(p + 1)
		ticket := b.SubmitAddPort(bridge.PortConfig{ID: id, MAC: switchdev.MAC{0x02, 0, 0, 1, 0, byte(id)}})
		w.poll()
		if err == nil {
			err = ticket.Wait(context.Background())
		}
	}
	if err == nil && setUp != nil {
		err = setUp(w)
	}
	if err == nil {
		err = w.learn()
	}
	if err != nil {
		_ = b.Close()
		return nil, err
	}
	return w, nil
}

// learn hears of every station and returns when the table has applied all.
func (w *world) learn() error {
	before := w.Table().Len()
	for i := range uint64(w.stations) {
		for !w.Table().Learn(fdb.Key{MAC: mac(i), VLAN: w.vlan}, portOf(i, w.ports)).Accepted() {
			w.settle()
		}
	}
	w.settle()
	if got := w.Table().Len() - before; got != w.stations {
		return fmt.Errorf("the bridge learned %d of %d stations", got, w.stations)
	}
	return nil
}

func (w *world) poll() {
	if !w.now.IsZero() {
		w.Poll(w.now)
	}
}

// settle returns when nothing is pending.
func (w *world) settle() {
	for w.poll(); w.Table().Stats().Pending > 0; w.poll() {
		runtime.Gosched()
	}
}

// outcome is what all frames of a ring are to come to.
type outcome struct {
	reason bridge.Reason
	class  bridge.Class
	copies int
	host   bool
}

// forward gives count frames of the ring to the bridge, from the first on, and
// returns how many came to something else than was expected. Only what a frame
// costs is in it: the comparisons are the same few instructions for all.
func (w *world) forward(a *ring, out *bridge.Egress, want outcome, first, count int) (wrong int) {
	mask := a.len() - 1
	for n := first; n < first+count; n++ {
		v := w.Forward(a.in[n&mask], a.frame(n&mask), out)
		if v.Reason != want.reason || out.Len() != want.copies || v.Learned-fdb.Known > 1 || v.Host != want.host {
			wrong++
		}
	}
	return wrong
}

// The peers: what no bridge can leave out, done with the same frames. found says
// whether the destination must be there.

// learnDestination learns the source and looks the destination up, noting that it
// was used: what Forward does with the table.
func (w *world) learnDestination(a *ring, found bool, first, count int) (wrong int) {
	t, mask, ports := w.Table(), a.len()-1, 0
	for n := first; n < first+count; n++ {
		dst, src := fdb.FrameKeys(a.frame(n&mask), w.vlan)
		l := t.Learn(src, a.in[n&mask])
		hit, ok := t.Destination(dst)
		if ok != found || l-fdb.Known > 1 {
			wrong++
		}
		ports += int(hit.Port)
	}
	return wrong + ports>>48 // so that the port is needed
}

// learnLookup is learnDestination without the note.
func (w *world) learnLookup(a *ring, found bool, first, count int) (wrong int) {
	t, mask, ports := w.Table(), a.len()-1, 0
	for n := first; n < first+count; n++ {
		dst, src := fdb.FrameKeys(a.frame(n&mask), w.vlan)
		l := t.Learn(src, a.in[n&mask])
		hit, ok := t.Lookup(dst)
		if ok != found || l-fdb.Known > 1 {
			wrong++
		}
		ports += int(hit.Port)
	}
	return wrong + ports>>48
}

// learnLookupFields is learnLookup with keys that are put together field by field.
func (w *world) learnLookupFields(a *ring, found bool, first, count int) (wrong int) {
	t, mask, ports := w.Table(), a.len()-1, 0
	for n := first; n < first+count; n++ {
		data := a.frame(n & mask)
		l := t.Learn(fdb.Key{MAC: switchdev.MAC(data[6:12]), VLAN: w.vlan}, a.in[n&mask])
		hit, ok := t.Lookup(fdb.Key{MAC: switchdev.MAC(data[0:6]), VLAN: w.vlan})
		if ok != found || l-fdb.Known > 1 {
			wrong++
		}
		ports += int(hit.Port)
	}
	return wrong + ports>>48
}
