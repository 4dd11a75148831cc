package hwsim

import (
	"strconv"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Profile is the learning model of a chip and of its driver.
type Profile uint8

// The profiles. The zero value is Autonomous.
const (
	// Autonomous chips learn by themselves, as the chips behind DSA do, and
	// tell what they learned at once.
	Autonomous Profile = iota
	// Secure chips do not learn. They forward by the rows that operations have
	// set, report a station that they do not know or that has moved as learned,
	// and give the host one copy of its frame; software writes the row. Until it
	// has, the chip says so again once in Hardware.Refresh. Linux: mlxsw and
	// prestera.
	Secure
	// Polled chips learn by themselves, and their driver finds out every
	// Hardware.Poll by comparing rows with what it knew: what was learned, moved,
	// aged out or is alive is reported in bursts of at most 640 (10 times 64
	// records), the rest at the next poll. What came and went in between is
	// never reported. Linux: lan966x, sparx5 and the records of mlxsw.
	Polled
	// Rocker chips have rows keyed by port, address and VLAN, which their driver
	// ages. A station that moves leaves its old row behind, which ages out later
	// and is reported so; frames go by the newest, as they ought to, and not by the
	// oldest as in the device itself ([QuirkOldestRowWins]). A set or delete by
	// operation takes all rows of the key with it (but see [QuirkStaleRowOnMove];
	// [RockerQuirks] has all that the driver gets wrong). That a
	// station is learned is reported although there was no room for its row:
	// only a dump shows what is in the chip. Linux: rocker.
	Rocker
	numProfiles
)

var profileNames = [numProfiles]string{"autonomous", "secure", "polled", "rocker"}

// String returns the profile's name, for instance "autonomous".
func (p Profile) String() string {
	if p < numProfiles {
		return profileNames[p]
	}
	return "profile(" + strconv.Itoa(int(p)) + ")"
}

// mostPolled is how many records one poll takes: MLXSW_REG_SFN_REC_MAX_COUNT
// (64) times MLXSW_SP_FDB_SFN_QUERIES_PER_SESSION (10), spectrum_switchdev.c.
const mostPolled = 640

// mostAsked bounds the stations that software was told of and has not written a
// row for. Those beyond it wait.
const mostAsked = 1024

// driver is what the chip's driver knows. Guarded by Chip.mu.
type driver struct {
	// Polled: the rows that were reported, those that have changed since with
	// whether their stations were heard, and the order in which they did.
	known   map[rowKey]sighting
	changed map[rowKey]bool
	queue   []rowKey
	polling bool // a poll is on the agenda
	// Secure, and Rocker where there was no room: whom software was told of.
	asked map[rowKey]question
}

// sighting is where a station was reported, and in which life of the port.
type sighting struct {
	port switchdev.PortID
	life switchdev.Generation
}

// question is a station for which software has not written a row.
type question struct {
	port switchdev.PortID
	at   int64
}

func (d *driver) forgetAll() {
	polling := d.polling
	*d = driver{polling: polling}
}

// forget drops what the driver knows of rows: they go, or are software's now, and
// nobody is to hear of them.
func (d *driver) forget(match func(k rowKey, p switchdev.PortID) bool) {
	for k, s := range d.known {
		if match(k, s.port) {
			delete(d.known, k)
		}
	}
	for k, q := range d.asked {
		if match(k, q.port) {
			delete(d.asked, k)
		}
	}
}

func (d *driver) forgetKey(k rowKey) {
	delete(d.known, k)
	delete(d.asked, k)
}

// settled reports whether software was told of the station here, and not so long
// ago that it is told again.
func (c *Chip) settled(k rowKey, port switchdev.PortID, now int64) bool {
	q, ok := c.driver.asked[k]
	every := c.cfg.Hardware.Refresh
	return ok && q.port == port && (every < 0 || time.Duration(now-q.at) < every)
}

// ask tells software of a station that has no row here and gets none from the
// chip. It reports false when too many others wait for theirs.
func (c *Chip) ask(p *Port, k rowKey, now int64, locked bool) bool {
	d := &c.driver
	if _, again := d.asked[k]; !again && len(d.asked) >= mostAsked {
		for k, q := range d.asked {
			if !c.settled(k, q.port, now) {
				delete(d.asked, k)
			}
		}
		if len(d.asked) >= mostAsked {
			c.stats.notLearned.Add(1)
			return false
		}
	}
	if d.asked == nil {
		d.asked = make(map[rowKey]question)
	}
	d.asked[k] = question{p.id, now}
	c.reportLearned(k, sighting{p.id, p.gen}, locked)
	return true
}

// tell is what the driver does when the station of a row is heard for the first
// time, elsewhere, or once more.
func (c *Chip) tell(r *row, k rowKey, now int64) {
	r.reported.Store(now)
	r.life = c.lifeIn(k.domain, r.port)
	if c.cfg.Hardware.Profile == Polled {
		c.notice(k, true)
		return
	}
	c.reportLearned(k, r.sighting(), r.flags&switchdev.FDBLocked != 0)
}

func (r *row) sighting() sighting { return sighting{r.port, r.life} }

// tellAged is what the driver does when a row of a key has expired.
func (c *Chip) tellAged(k rowKey, r *row) {
	if c.cfg.Hardware.Profile != Polled {
		c.reportAged(k, r.sighting())
		return
	}
	if _, known := c.driver.known[k]; known {
		c.notice(k, false)
	}
}

func (c *Chip) reportLearned(k rowKey, s sighting, locked bool) {
	if !c.has(QuirkSilent) {
		c.report(switchdev.Report{
			Kind: switchdev.ReportLearned, Domain: k.domain, Port: s.port, Gen: s.life, Key: switchdev.UnpackFDBKey(k.key), Locked: locked,
		})
	}
}

func (c *Chip) reportAged(k rowKey, s sighting) {
	if !c.has(QuirkSilent) {
		c.report(switchdev.Report{
			Kind: switchdev.ReportAged, Domain: k.domain, Port: s.port, Gen: s.life, Key: switchdev.UnpackFDBKey(k.key),
		})
	}
}

// notice puts a row on the list for the next poll.
func (c *Chip) notice(k rowKey, alive bool) {
	d := &c.driver
	if d.changed == nil {
		d.changed, d.known = make(map[rowKey]bool), make(map[rowKey]sighting)
	}
	if _, listed := d.changed[k]; !listed {
		d.queue = append(d.queue, k)
	}
	d.changed[k] = d.changed[k] || alive
	c.polledLater()
}

func (c *Chip) polledLater() {
	if !c.driver.polling {
		c.driver.polling = true
		every := int64(c.cfg.Hardware.Poll)
		c.schedule(addClamped(c.now()/every*every, every), c.poll)
	}
}

// poll is the driver's pass over the rows that have changed.
func (c *Chip) poll() {
	d := &c.driver
	d.polling = false
	n := min(len(d.queue), mostPolled)
	for _, k := range d.queue[:n] {
		alive := d.changed[k]
		delete(d.changed, k)
		c.compare(k, alive)
	}
	d.queue = append(d.queue[:0], d.queue[n:]...)
	if len(d.queue) > 0 {
		c.polledLater()
	}
}

// compare reports how a row differs from what the driver knew.
func (c *Chip) compare(k rowKey, alive bool) {
	was, known := c.driver.known[k]
	r := c.rows.rows[k]
	switch {
	case r == nil:
		delete(c.driver.known, k)
		if known {
			c.reportAged(k, was)
		}
	case r.told || known && was.port == r.port:
		if alive {
			c.reportLearned(k, r.sighting(), r.flags&switchdev.FDBLocked != 0)
		}
	default:
		c.driver.known[k] = r.sighting()
		c.reportLearned(k, r.sighting(), r.flags&switchdev.FDBLocked != 0)
	}
}
