package lab_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/lab"
)

// lateness is how late one of the labs is that have to agree on a sequence. There are two
// kinds of it.
//
// Commands are late, since they take time on the kernel. Of any two segments, between two
// waits, one of the first labs is late in one and not in the other, and one of the next
// the other way about; more are late by chance.
//
// Timers are late, since Linux wants few interrupts rather than punctual ones. The timers
// of the lab are exact, so in the last labs all waits are shorter instead, which makes
// what was begun before them late by as much:
//
//   - A timer is put into a wheel whose steps grow with how long it runs, and is rounded
//     up to one (calc_index and the table above LVL_CLK_SHIFT in kernel/time/timer.c): late
//     by up to about 1/8 of its time. At 250 Hz those from 2 s to 16 s are by up to 256 ms, at
//     1000 Hz those from 4 s to 32 s by up to 512 ms. Timers that start timers add up, and
//     a sweep that nothing ages in starts the next one (br_fdb_cleanup in
//     net/bridge/br_fdb.c): its time drifts. What has aged is not late: that is a matter
//     of stamps (has_expired).
//   - The timers of BPDUs are rounded to whole seconds of the machine besides (round_jiffies
//     in net/bridge/br_stp_timer.c and in br_transmit_config in net/bridge/br_stp.c): one of
//     a second ends after 0.75 s to 1.75 s. So nobody knows at which part of a second a
//     bridge sends its BPDUs, which is when a neighbour hears its address and whether the
//     topology changes. In the last labs time passes after each bridge was made, so that
//     all that follows comes at another such part, and if a tree runs waits are shorter or
//     longer by so much besides.
type lateness struct {
	*rand.Rand
	lab, segment   int
	most, so, step time.Duration
	due            time.Duration // when the last wait was over
	pace           float64       // what part of a wait passes; another in each segment if mixed is set
	mixed, tree    bool
}

// The labs that are late. A sequence has fewer segments than 2 to the power of bits.
const (
	bits   = 5
	chance = 3
	paces  = 6 // whose timers are all late by one part of their time, up to the most
	mixed  = 8 // whose timers are late by chance, and their commands too
	labs   = 1 + 2*bits + chance + paces + mixed

	mostLate = 0.125 // of its time is a timer late

	bpduEarly, bpduLate = 250 * time.Millisecond, 750 * time.Millisecond
)

func newLateness(lab int, tree bool) *lateness {
	s := &lateness{Rand: rand.New(rand.NewPCG(uint64(lab), 1)), lab: lab, most: *timedLate, segment: -1, pace: 1, tree: tree}
	switch n := lab - (1 + 2*bits + chance); {
	case n >= paces:
		s.mixed = true
	case n >= 0:
		s.pace = 1 - mostLate*float64(n+1)/paces
	}
	s.over(0)
	return s
}

// over begins the next segment, after a wait.
func (s *lateness) over(wait time.Duration) {
	s.segment++
	s.so, s.step = 0, 0
	switch n := s.lab - 1; {
	case n < 0:
	case n < 2*bits:
		if s.segment>>(n%bits)&1 == n/bits {
			s.step = s.most
		}
	case n < 2*bits+chance || s.mixed:
		s.step = s.most / time.Duration(1+s.IntN(6))
	}
	if s.mixed {
		s.pace = 1 - mostLate*s.Float64()
	}
	s.due += time.Duration(float64(wait) * s.pace)
	if s.mixed && s.tree && wait > 0 {
		s.due += bpduEarly - time.Duration(s.Int64N(int64(bpduEarly+bpduLate)))
	}
}

// next returns by how much a command is later than the one before.
func (s *lateness) next() time.Duration {
	d := min(s.step, s.most-s.so)
	s.so += d
	return d
}

// phase returns how much time passes after a bridge was made.
func (s *lateness) phase() time.Duration {
	if s.lab <= 2*bits+chance {
		return 0
	}
	d := time.Duration(s.IntN(100)) * moment
	s.due += d
	return d
}

// steadied says what steady did to a sequence: how many waits have become others, and
// how many commands are left out.
type steadied struct{ changed, dropped int }

// steady changes a sequence until labs that are late by different amounts agree on it. Of
// a command that they disagree on the last wait until then becomes another, and when it
// has been all that there are the command is left out.
func steady(lines []string, with lab.Config) (_ []string, did steadied, err error) {
	lines = slices.Clone(lines)
	tries, order := make([]int, len(lines)), byLab()
	for {
		at, err := agreeWhenLate(lines, with, order)
		if err != nil || at < 0 {
			return lines, did, err
		}
		if last := lastWait(lines[:at+1]); last >= 0 && tries[last] < 4 { // from 1 s to 5 s
			tries[last]++
			d, _ := waiting(lines[last])
			lines[last] = fmt.Sprintf("lab wait %ds", int(d/time.Second)%5+1)
			did.changed++
			continue
		}
		lines, tries = slices.Delete(lines, at, at+1), slices.Delete(tries, at, at+1)
		did.dropped++
	}
}

// lastWait returns where the last wait is, -1 if there is none.
func lastWait(lines []string) int {
	at := len(lines) - 1
	for ; at >= 0; at-- {
		if _, ok := waiting(lines[at]); ok {
			break
		}
	}
	return at
}

// byLab returns all labs that are late.
func byLab() (order []int) {
	for lab := range labs - 1 {
		order = append(order, lab+1)
	}
	return order
}

// agreeWhenLate returns a command that the exact lab and one that is late disagree on, -1
// if there is none. The labs are asked in that order; the one that disagrees is asked
// first next time.
func agreeWhenLate(lines []string, with lab.Config, order []int) (int, error) {
	tree := slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, "stp_state 1") })
	exact, err := delay(0, tree, with)
	if err != nil {
		return 0, err
	}
	defer exact.Close()
	var want []string
	for i, lab := range order {
		late, err := delay(lab, tree, with)
		if err != nil {
			return 0, err
		}
		defer late.Close()
		for at, line := range lines {
			if at == len(want) {
				told, err := exact.execute(line)
				if err != nil {
					return 0, err
				}
				want = append(want, told)
				if tree && silences(line, told) {
					return at, nil
				}
			}
			got, err := late.execute(line)
			if err != nil {
				return 0, err
			}
			if got != want[at] {
				copy(order[1:], order[:i])
				order[0] = lab
				return at, nil
			}
		}
	}
	return -1, nil
}

// silences reports whether a command deletes what was learned from the BPDUs of the
// bridge at the other end of the cable between p5 and h5. The next of them may come
// before the command is looked at, which labs that are late hardly ever meet.
func silences(line, told string) bool {
	_, wait := waiting(line)
	return !wait && (strings.Contains(told, `del {"mac":"02:00:00:00:00:05","ifname":"h5"`) ||
		strings.Contains(told, `del {"mac":"02:00:00:00:01:05","ifname":"p5"`))
}

// delayed is a lab that is late.
type delayed struct {
	*watched
	late *lateness
}

func delay(lab int, tree bool, with lab.Config) (*delayed, error) {
	w, err := watch(with)
	return &delayed{w, newLateness(lab, tree)}, err
}

// execute returns all that there is to see of a command.
func (d *delayed) execute(line string) (string, error) {
	until := d.now
	if wait, ok := waiting(line); ok {
		d.late.over(wait)
		until = d.late.due
	}
	told, err := d.told(line, until+d.late.next())
	if err == nil && strings.HasPrefix(line, "lab bridge") {
		err = d.until(d.now + d.late.phase())
	}
	return told, err
}

// TestLateLabsNoticeWhatIsDueNearToACommand has an entry age at 11 s.
func TestLateLabsNoticeWhatIsDueNearToACommand(t *testing.T) {
	for _, c := range []struct {
		waits [2]string
		want  int
	}{
		{[2]string{"8s", "4s"}, -1},
		{[2]string{"9800ms", "3s"}, 3},  // a command may be later than that
		{[2]string{"10500ms", "2s"}, 3}, // a timer may be
		{[2]string{"11s", "2s"}, 3},
		{[2]string{"12s", "2s"}, -1},
	} {
		lines := []string{"lab bridge br0 ageing_time 1000 ports p1 p2", "lab wait 1s", "lab send h1 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff",
			"lab wait " + c.waits[0], "lab wait " + c.waits[1]}
		at, err := agreeWhenLate(lines, lab.Config{}, byLab())
		if err != nil || at != c.want {
			t.Errorf("waits of %s: labs disagree on command %d, %v; want %d", c.waits, at, err, c.want)
		}
	}
}

func TestOrderIsThatOfEntriesAndOfWhatIsApart(t *testing.T) {
	row := func(what, mac string) string { return what + ` {"mac":"` + mac + `","ifname":"p1","master":"br0"}` }
	a, b, gone := row("new", "02:aa:00:00:00:01"), row("new", "02:aa:00:00:00:02"), row("del", "02:aa:00:00:00:01")
	for _, c := range []struct {
		kernel, lab []string
		at          []time.Duration
		want        bool
	}{
		{[]string{a, b}, []string{a, b}, []time.Duration{0, apart}, true},
		{[]string{b, a}, []string{a, b}, []time.Duration{0, apart - 1}, true},
		{[]string{b, a}, []string{a, b}, []time.Duration{0, apart}, false},
		{[]string{gone, a}, []string{a, gone}, []time.Duration{0, 0}, false},
		{[]string{a, gone, a}, []string{a, gone, a}, []time.Duration{0, 0, 0}, true},
		{[]string{a, a, gone}, []string{a, gone, a}, []time.Duration{0, 0, 0}, false},
		{[]string{a}, []string{a, b}, []time.Duration{0, 0}, false},
		{[]string{a, a}, []string{a, b}, []time.Duration{0, 0}, false},
	} {
		if got := sameOrder(c.kernel, c.lab, c.at); got != c.want {
			t.Errorf("kernel %q, lab %q at %v: %v", c.kernel, c.lab, c.at, got)
		}
	}
}
