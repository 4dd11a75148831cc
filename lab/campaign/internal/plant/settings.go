package plant

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// settings are what a seed's plant is like.
type settings struct {
	ports, stations, vlans int
	ageing, delay          time.Duration
	pending                int
	events                 int
	timeout, retry         time.Duration
	batch                  int
	max                    int // of what is learned
	vetoLearned, vetoUser  int // policies
	breaker                int
	topology               time.Duration
	chips                  []chipSettings
}

type chipSettings struct {
	profile   int
	latency   time.Duration
	rows      int // 0: not limited
	ways      int
	batch     int
	domain    int
	ports     int64 // a bit for each port that the chip has
	claims    int64 // of those, what the table claims from the beginning
	everyport bool  // the table claims all
	quirks    int64
	ages      bool // what it learns is its own
	adopt     bool // rows that nobody asked for become entries
}

// pick draws one of some values, the first more often.
func pick(values ...int64) func(*rand.Rand) int64 {
	return func(r *rand.Rand) int64 {
		if r.IntN(3) == 0 {
			return values[0]
		}
		return values[r.IntN(len(values))]
	}
}

// between draws a number from lo to hi.
func between(lo, hi int64) func(*rand.Rand) int64 {
	return func(r *rand.Rand) int64 { return lo + r.Int64N(hi-lo+1) }
}

func drawSettings(w *sim.World) (s settings) {
	num := func(name string, draw func(*rand.Rand) int64) int { return int(w.Setting(name, draw)) }
	long := func(name string, values ...time.Duration) time.Duration {
		all := make([]int64, len(values))
		for i, v := range values {
			all[i] = int64(v)
		}
		return time.Duration(w.Setting(name, pick(all...)))
	}
	s.ports = max(num("ports", between(3, 10)), 1)
	s.vlans = num("vlans", pick(0, 0, 1, 2, 3))
	s.stations = max(num("stations", between(8, 64))/max(s.vlans, 1), 4)
	s.ageing = long("ageing", -1, 0, 10*time.Second, time.Minute, 5*time.Minute, fdb.NoLearning)
	s.delay = long("delay", 0, 0, 100*time.Millisecond, 2*time.Second)
	s.pending = num("pending", pick(0, 0, 0, -1, 4, 16))
	s.events = num("events", pick(1024, 256, 4096))
	s.timeout = long("timeout", time.Second, 500*time.Millisecond, 5*time.Second)
	s.retry = long("retry", 100*time.Millisecond, 50*time.Millisecond, time.Second)
	s.batch = num("batch", pick(0, 0, 1, 4))
	s.max = num("max", pick(0, 0, 0, 5, 20))
	s.vetoLearned = num("vetolearned", pick(0, 0, 0, 1, 2))
	s.vetoUser = num("vetouser", pick(0, 0, 1, 2))
	s.breaker = num("breaker", pick(0, 0, -1, 1))
	for i := range num("chips", between(0, 3)) {
		s.chips = append(s.chips, drawChip(w, "chip"+strconv.Itoa(i)+".", s.ports))
	}
	return s
}

func drawChip(w *sim.World, name string, ports int) (c chipSettings) {
	num := func(what string, draw func(*rand.Rand) int64) int { return int(w.Setting(name+what, draw)) }
	c.profile = num("profile", between(0, profiles-1))
	c.adopt = num("adopt", pick(0, 0, 0, 1)) == 1
	c.quirks = w.Setting(name+"quirks", pick(0, 0, 0, 0, 0, 0, int64(hwsim.QuirkDeleteAbsentFails), int64(hwsim.QuirkStaticOnly),
		int64(hwsim.QuirkSilent), int64(hwsim.QuirkOffloadBeforeWrite), int64(hwsim.QuirkErrorsSwallowed), int64(hwsim.QuirkDeleteUserOnly)))
	c.latency = time.Duration(w.Setting(name+"latency", pick(0, 0, int64(time.Millisecond), int64(40*time.Millisecond))))
	c.rows = num("rows", pick(0, 0, 0, 12, 40))
	c.ways = num("ways", pick(0, 0, 0, 4))
	c.batch = num("batch", pick(0, 0, 1, 8))
	// What does not learn, does not say so, or says so without room, has nothing
	// of its own that it could age.
	none := c.profile == int(hwsim.Secure) || hwsim.Quirks(c.quirks)&(hwsim.QuirkSilent|hwsim.QuirkStaticOnly) != 0 ||
		c.profile == int(hwsim.Rocker) && c.rows+c.ways > 0
	c.ages = num("ages", pick(0, 0, 0, 1)) == 1 && !none
	c.domain = num("domain", between(0, 2))
	all := int64(1)<<ports - 1
	c.ports = w.Setting(name+"ports", func(r *rand.Rand) int64 { return r.Int64() & all }) & all
	if c.ports == 0 {
		c.ports = all
	}
	c.claims = w.Setting(name+"claims", func(r *rand.Rand) int64 { return r.Int64() | r.Int64() }) & c.ports
	c.everyport = c.ports == all && num("everyport", between(0, 1)) == 1
	return c
}

// portsOf returns the ports of a set of bits, at least up to port n.
func portsOf(bits int64, n int) []switchdev.PortID {
	list := []switchdev.PortID{}
	for i := range n {
		if bits&(1<<i) != 0 {
			list = append(list, switchdev.PortID(i+1))
		}
	}
	return list
}
