package yard

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// Mark is the setting that every program of this world begins with.
const Mark = "yard"

// settings are what a seed's yard is like.
type settings struct {
	stations              int
	software              int // ports of software, and as many numbers for links
	filtering             bool
	pvid                  int // 0: the default, negative: none
	local0                bool
	learns                bool // HardwareLearns
	marks                 bool // and the chips send on
	ageing, delay         time.Duration
	timeout, retry        time.Duration
	batch, max            int
	vetoLearned, vetoUser int
	stp                   int
	peer                  bool // there is a second bridge
	explicit              bool // the bridge has an address of its own
	breaker               int
	chips                 []chipSettings
	linkLocal             int64
	abrupt                bool // it is closed while things are under way
}

type chipSettings struct {
	ports     int
	profile   int
	latency   time.Duration
	rows      int // 0: not limited
	vlans     int
	ways      int
	batch     int
	domain    int
	quirks    int64
	lagLimit  int
	linkLimit int
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

var ageings = [...]time.Duration{0, -1, 10 * time.Second, time.Minute, 5 * time.Minute, fdb.NoLearning}

func drawSettings(w *sim.World) (s settings) {
	num := func(name string, draw func(*rand.Rand) int64) int { return int(w.Setting(name, draw)) }
	is := func(name string, draw func(*rand.Rand) int64) bool { return w.Setting(name, draw) == 1 }
	long := func(name string, values ...time.Duration) time.Duration {
		all := make([]int64, len(values))
		for i, v := range values {
			all[i] = int64(v)
		}
		return time.Duration(w.Setting(name, pick(all...)))
	}
	num(Mark, pick(1))
	s.stations = max(num("stations", between(4, 16)), 1)
	s.software = min(max(num("software", between(2, 5)), 0), 9)
	s.filtering = is("filtering", pick(1, 1, 0))
	s.pvid = num("pvid", pick(0, 0, 2, -1))
	s.local0 = is("local0", pick(0, 0, 1))
	s.learns = is("learns", pick(0, 1))
	s.marks = is("marks", pick(0, 1)) && s.learns
	s.ageing = long("ageing", ageings[:]...)
	s.delay = long("delay", 0, 0, 100*time.Millisecond, 2*time.Second)
	s.timeout = long("timeout", time.Second, 500*time.Millisecond, 5*time.Second)
	s.retry = long("retry", 100*time.Millisecond, 50*time.Millisecond, time.Second)
	s.batch = num("batch", pick(0, 0, 1, 4))
	s.max = num("max", pick(0, 0, 0, 8))
	s.vetoLearned = num("vetolearned", pick(0, 0, 0, 1, 2))
	s.vetoUser = num("vetouser", pick(0, 0, 1, 2))
	s.breaker = num("breaker", pick(0, 0, -1, 1))
	s.stp = num("stp", pick(0, 0, 0, int64(bridge.STPKernel), int64(bridge.STPUser)))
	s.peer = is("peer", pick(1, 0))
	s.explicit = is("explicit", pick(0, 1))
	s.linkLocal = w.Setting("linklocal", pick(0, 0, 0, 1<<14, 1<<3|1<<16))
	s.abrupt = is("abrupt", pick(0, 0, 1))
	for i := range min(num("chips", pick(1, 1, 2, 2, 0)), 2) {
		s.chips = append(s.chips, drawChip(w, "chip"+strconv.Itoa(i)+"."))
	}
	return s
}

func drawChip(w *sim.World, name string) (c chipSettings) {
	num := func(what string, draw func(*rand.Rand) int64) int { return int(w.Setting(name+what, draw)) }
	c.ports = min(max(num("ports", between(3, 6)), 1), 9)
	c.profile = num("profile", between(0, 3))
	c.quirks = w.Setting(name+"quirks", pick(0, 0, 0, 0, int64(hwsim.QuirkDeleteAbsentFails), int64(hwsim.QuirkStaticOnly), int64(hwsim.QuirkSilent)))
	c.latency = time.Duration(w.Setting(name+"latency", pick(0, 0, int64(time.Millisecond), int64(40*time.Millisecond))))
	c.rows = num("rows", pick(0, 0, 0, 12, 40))
	c.vlans = num("vlans", pick(0, 0, 0, 10))
	c.ways = num("ways", pick(0, 0, 0, 4))
	c.batch = num("batch", pick(0, 0, 1, 8))
	c.domain = num("domain", between(0, 2))
	c.lagLimit = num("lags", pick(0, 0, 1))
	c.linkLimit = num("laglinks", pick(0, 0, 2))
	return c
}
