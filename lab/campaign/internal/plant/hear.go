package plant

import (
	"context"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/switchdev"
)

// doubts is what the table may decide by itself while it hears reports: new
// stations that find it full are dropped, and only counted.
type doubts struct {
	fresh   []fdb.Key // reported, and not known before
	dropped uint64    // counted until then
}

// expectReports tells the oracle what the table is about to hear.
func (p *Plant) expectReports(now time.Time) (d doubts) {
	reports := p.reports
	p.reports = p.reports[:0:0]
	epochs := make(map[*chip]switchdev.Epoch)
	for _, r := range reports {
		p.w.Log("%s reports %v of %v on port %v, epoch %v", r.c.Name(), r.Kind, r.Key, r.Port, r.Epoch)
		if !p.current(epochs, r) {
			continue
		}
		if r.Kind == switchdev.ReportFlushed {
			p.heardFlush(r)
			continue
		}
		if r.Kind != switchdev.ReportLearned || r.Locked && !r.c.set.ages || r.Domain != switchdev.Domain(r.c.set.domain) {
			continue
		}
		if !r.c.set.everyport && !r.c.claims[r.Port] || p.model.LearningOff() || r.Port == switchdev.PortHost {
			continue
		}
		if p.gone[r.Port] {
			continue
		}
		if r.c.set.ages { // the entry is the device's, as far as that can be
			p.doubt[r.Key] = true
			continue
		}
		busy := p.set.max > 0 && len(p.queues[r.Key]) > 0 // it may come to need room
		if busy || !p.model.Value(r.Key).Present {
			if d.fresh == nil {
				d.dropped = p.dropped()
			}
			d.fresh = append(d.fresh, r.Key)
		}
		// A move to where a device refused the station is itself refused for a while.
		if was := p.model.Value(r.Key); was.Present && was.Port != r.Port && p.mayRefuse(r.Key, r.Port) {
			p.doubt[r.Key] = true
		}
		p.model.Learn(r.Key, r.Port, p.tick(now))
	}
	return d
}

// current reports whether a report is of the epoch that the table knows. One of a
// newer epoch tells it of a reset.
func (p *Plant) current(epochs map[*chip]switchdev.Epoch, r heard) bool {
	known, ok := epochs[r.c]
	if !ok {
		known = p.table.Devices()[r.c.index].Epoch
	}
	epochs[r.c] = max(known, r.Epoch)
	return r.Epoch >= known
}

// dropped counts the new stations that the table did not take.
func (p *Plant) dropped() uint64 { return p.table.Stats().Dropped }

// settleDoubts finds out which of the stations that were reported were dropped:
// as many as were counted, and none if none was.
func (p *Plant) settleDoubts(d doubts) {
	if len(d.fresh) == 0 {
		return
	}
	left := p.dropped() - d.dropped
	if p.choosy() || p.set.max > 0 && p.waiting > 0 {
		left = uint64(len(d.fresh)) // it counts those of the limit nowhere
	}
	if left == 0 {
		return
	}
	for _, k := range d.fresh {
		if len(p.queues[k]) > 0 { // nothing of it has ended yet
			p.doubt[k] = true // an operation may have met it or not
			continue
		}
		if _, ok := p.table.Lookup(k); !ok && p.model.Value(k).Present && left > 0 {
			left--
			p.model.Adopt(k, oracle.Value{})
		}
	}
}

// choosy reports whether the table may leave out a station for another reason
// than that it is full: the limit, in which what a flush selects counts until it is
// applied, or a device that refused the station.
func (p *Plant) choosy() bool {
	return p.set.max > 0 && (len(p.late) > 0 || p.model.Counted()+p.waiting+len(p.doubt) >= p.set.max) || p.drops()
}

// drops reports whether what devices refuse is not learned.
func (p *Plant) drops() bool { return fdb.Policy(p.set.vetoLearned) == fdb.PolicyRefuse }

// adopt ends the doubt about k, but for a station that lookups find and that is not
// shown yet.
func (p *Plant) adopt(k fdb.Key) {
	v := oracle.Value{}
	if e, err := p.table.Get(context.Background(), k); err == nil {
		v = oracle.Of(e)
	}
	if hit, ok := p.table.Lookup(k); ok != v.Present || ok && (hit.Port != v.Port || hit.Flags != v.Hit()) {
		if !p.drops() {
			p.w.Fail(invBlind, "Lookup(%v) = %v on %v, %v, Get says %v", k, hit.Flags, hit.Port, ok, v)
		}
		return
	}
	delete(p.doubt, k)
	p.model.Adopt(k, v)
}
