package fdb

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// sim is a bench over simulated chips. The first claims ports 1 to 4; with two,
// the first has ports 1 and 2, and the second 3 and 4. Port 9 is nobody's.
type sim struct {
	*bench
	chips []*hwsim.Chip
}

// newSim makes a chip of each configuration, with every port a forwarding member
// of domain 0, and a table over them. What cfg says of devices goes for all.
func newSim(t testing.TB, cfg Config, device Device, chips ...hwsim.Config) *sim {
	t.Helper()
	s := &sim{}
	all := []switchdev.PortID{1, 2, 3, 4}
	for i, hc := range chips {
		hc.Name, hc.Manual = []string{"sw0", "sw1"}[i], true
		hc.Log.Capacity = 1 << 16
		c, err := hwsim.New(hc)
		if err != nil {
			t.Fatal(err)
		}
		enlist(t, c)
		device.Driver, device.Ports = c, all
		if len(chips) == 2 {
			device.Ports = all[2*i : 2*i+2]
		}
		cfg.Hardware.Devices = append(cfg.Hardware.Devices, device)
		s.chips = append(s.chips, c)
	}
	t.Cleanup(func() { // after the table is closed
		for _, c := range s.chips {
			for _, v := range c.Audit() {
				if v.Rule != hwsim.RuleCorrupt { // the chip's own fault
					t.Errorf("%s: %v", c.Name(), v)
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	s.bench = newBench(t, cfg)
	t.Cleanup(func() { // before that: nothing is to be out when the table is closed
		for _, c := range s.chips {
			c.ReleaseAll()
		}
		s.pass(time.Minute)
	})
	s.Poll(s.now)
	return s
}

// enlist makes the ports of a chip members of domain 0.
func enlist(t testing.TB, c *hwsim.Chip) {
	t.Helper()
	ops := make([]switchdev.PortOp, 4)
	for i := range ops {
		ops[i] = switchdev.PortOp{
			Op: switchdev.Op{Token: switchdev.Token(1 + i)}, Verb: switchdev.PortJoin,
			Port: switchdev.PortID(1 + i), State: switchdev.PortForwarding, Up: true,
		}
	}
	results := make([]switchdev.Result, len(ops))
	c.ApplyPorts(t.Context(), ops, results)
	for _, r := range results {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// chip0 is the first chip.
func (s *sim) chip0() *hwsim.Chip { return s.chips[0] }

// Poll lets table and chips do all that is due at now, and says when there is more.
func (s *sim) Poll(now time.Time) (next time.Time) {
	for {
		next = s.bench.Poll(now)
		for _, c := range s.chips {
			if at := c.Poll(now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		select {
		case <-s.Wake():
		default:
			return next
		}
	}
}

// pass lets time go by, and everything happen when it is due.
func (s *sim) pass(d time.Duration) {
	s.t.Helper()
	end := s.now.Add(d)
	for next := s.Poll(s.now); !next.IsZero() && next.Before(end); next = s.Poll(s.now) {
		if !next.After(s.now) {
			s.t.Fatalf("due again at %v, now is %v", next, s.now)
		}
		s.now = next
	}
	s.now = end
	s.Poll(s.now)
}

// do waits for an operation that ends without time going by.
func (s *sim) do(k *Ticket) error {
	s.t.Helper()
	s.Poll(s.now)
	if !ended(k) {
		s.t.Fatal("the operation has not ended")
	}
	return k.Err()
}

func (s *sim) must(k *Ticket) {
	s.t.Helper()
	if err := s.do(k); err != nil {
		s.t.Fatal(err)
	}
}

// put is a user's replace.
func (s *sim) put(k Key, p switchdev.PortID, f Flags) {
	s.t.Helper()
	s.must(s.SubmitReplace(Entry{Key: k, Port: p, Flags: f}))
}

// seen is a frame that software sees, applied and in hardware.
func (s *sim) seen(k Key, p switchdev.PortID) Learned {
	l := s.Learn(k, p)
	s.Poll(s.now)
	return l
}

func ended(k *Ticket) bool {
	select {
	case <-k.Done():
		return true
	default:
		return false
	}
}

func (s *sim) inject(c *hwsim.Chip, f hwsim.Fault) *hwsim.Injected {
	s.t.Helper()
	in, err := c.Inject(f)
	if err != nil {
		s.t.Fatal(err)
	}
	return in
}

// changes is tells without what is said of hardware alone.
func (s *sim) changes(want string) (events []Event) {
	s.t.Helper()
	all := s.events()
	events = slices.DeleteFunc(slices.Clone(all), func(e Event) bool { return e.Kind == OffloadChanged })
	if got := kinds(events); got != want {
		s.t.Errorf("events %q, want %q", got, want)
	}
	return all
}

// frame is one that comes in at a port of the first chip.
func (s *sim) frame(k Key, p switchdev.PortID) {
	f := make([]byte, 64)
	copy(f, []byte{2, 0xff, 0, 0, 0, 1})
	copy(f[6:], k.MAC[:])
	s.chip0().Port(p).Ingress(f)
	s.Poll(s.now)
}

// rowAt returns where a chip forwards a station to, 0 if it has no row.
func rowAt(c *hwsim.Chip, k Key) switchdev.PortID {
	for _, r := range c.Rows() {
		if r.Key == k {
			return r.Port
		}
	}
	return 0
}

// told returns the rows that a chip was told to hold.
func told(c *hwsim.Chip) map[Key]switchdev.FDBEntry {
	rows := make(map[Key]switchdev.FDBEntry)
	for _, r := range c.Rows() {
		if r.Flags&switchdev.FDBHWLearned == 0 {
			rows[r.Key] = r.FDBEntry
		}
	}
	return rows
}

// rest fails unless each chip holds exactly what the table wants of it.
func (s *sim) rest() {
	s.t.Helper()
	for i, c := range s.chips {
		want := make(map[Key]switchdev.FDBEntry)
		for e := range s.All() {
			if r, ok := wantedRow(e); ok && onPorts(s.cfg.Hardware.Devices[i].Ports...)(e) {
				want[e.Key] = r
			}
		}
		if got := told(c); !maps.Equal(got, want) {
			s.t.Errorf("%s holds %v\nwant %v", c.Name(), got, want)
		}
	}
}

// sets returns the keys of the rows that a chip was told to set since record n.
func sets(c *hwsim.Chip, after uint64) (keys []Key) {
	for r := range c.Log() {
		if r.Role == hwsim.RoleFDB && r.Verb == "set" && r.Submitted.Seq > after {
			keys = append(keys, r.Key)
		}
	}
	return keys
}

// mark is the last number of a chip's log.
func mark(c *hwsim.Chip) (last uint64) {
	for r := range c.Log() {
		last = max(last, r.Submitted.Seq, r.Executed.Seq, r.Returned.Seq)
	}
	return last
}

// once fails unless every one of the keys is there exactly once.
func (s *sim) once(keys []Key, want int) {
	s.t.Helper()
	sorted := slices.SortedFunc(slices.Values(keys), Key.Compare)
	if n := len(slices.Compact(slices.Clone(sorted))); n != len(keys) || n != want {
		s.t.Errorf("%d operations for %d keys, want one each for %d", len(keys), n, want)
	}
}
