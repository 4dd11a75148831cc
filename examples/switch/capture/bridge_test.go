package capture

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/switchcore/switchcore/internal/pcapng"
)

// isOwn reports whether an address is the bridge's or one of its ports'; see topology.txt.
func isOwn(a mac) bool {
	return [5]byte(a[:5]) == [5]byte(bridgeMAC[:5]) && a[5] <= ports
}

const ageing = 10 * time.Second

// margin is how near to the ageing time a destination's age may come without making it a matter of
// luck whether the kernel's timer has run: timers there are exact to a few milliseconds.
const margin = 250 * time.Millisecond

// obvious is a bridge with one table and no hurry: IEEE 802.1D as the Linux bridge does it with
// the settings of topology.txt.
type obvious struct {
	where map[mac]int
	seen  map[mac]time.Time
	close []string // lookups too near to the ageing time
}

// forward returns the ports, counted from zero, that a frame must leave by.
func (b *obvious) forward(in int, frame []byte, now time.Time) (out []int) {
	to, from := destination(frame), source(frame)
	if from.group() || from == (mac{}) {
		return nil
	}
	if to.reserved() && to[5] == 1 { // PAUSE: not even learned from
		return nil
	}
	if !isOwn(from) {
		b.where[from], b.seen[from] = in, now
	}
	switch {
	case to.reserved() && to[5] != 0: // with STP off, :00 is a group like any other
		return nil
	case isOwn(to):
		return nil
	}
	if !to.group() {
		age := now.Sub(b.seen[to])
		port, known := b.where[to]
		if known && (age-ageing).Abs() < margin {
			b.close = append(b.close, fmt.Sprintf("%v at age %v", to, age))
		}
		if known && age < ageing {
			if port == in {
				return nil
			}
			return []int{port}
		}
	}
	for p := range ports {
		if p != in {
			out = append(out, p)
		}
	}
	return out
}

// TestObviousBridgeSendsWhatLinuxSent shows that the two recordings belong together: a bridge
// that does nothing but the standard, fed with what the ports received, sends what the kernel
// sent, frame by frame and in the same order on each port.
func TestObviousBridgeSendsWhatLinuxSent(t *testing.T) {
	in, out := load(t, Stations()), load(t, BridgeOut())
	var sent [ports][]pcapng.Packet
	for _, p := range out {
		sent[p.Interface] = append(sent[p.Interface], p)
	}
	b := &obvious{where: map[mac]int{}, seen: map[mac]time.Time{}}
	flooded := map[string]int{}
	for n, p := range in {
		to := destination(p.Data)
		_, known := b.where[to]
		targets := b.forward(p.Interface, p.Data, p.Time)
		if !to.group() && len(targets) == ports-1 {
			flooded[map[bool]string{true: "aged", false: "never seen"}[known]]++
		}
		for _, port := range targets {
			if len(sent[port]) == 0 {
				t.Fatalf("frame %d at %v (% x): Linux sent nothing more out of p%d", n, p.Time, p.Data[:14], port+1)
			}
			got := sent[port][0]
			if !slices.Equal(got.Data, p.Data) {
				t.Fatalf("frame %d at %v from p%d (% x): Linux sent % x at %v out of p%d instead", n, p.Time, p.Interface+1,
					p.Data[:14], got.Data[:14], got.Time, port+1)
			}
			if delay := got.Time.Sub(p.Time); delay < 0 || delay > 100*time.Millisecond {
				t.Errorf("frame %d left p%d %v after it came", n, port+1, delay)
			}
			sent[port] = sent[port][1:]
		}
	}
	for port, rest := range sent {
		if len(rest) > 0 {
			t.Errorf("Linux sent %d more frames out of p%d, the first % x at %v", len(rest), port+1, rest[0].Data[:14], rest[0].Time)
		}
	}
	if len(b.close) > 0 {
		t.Errorf("the outcome hangs on the timer's exactness: %v", b.close)
	}
	t.Logf("unicast floods: %v", flooded)
	if flooded["aged"] < 3 || flooded["never seen"] < 1 {
		t.Errorf("unicast floods %v: the recording must show both kinds", flooded)
	}
	b.compareFDB(t, in[len(in)-1].Time)
}

// compareFDB compares what the obvious bridge has learned with what the kernel listed.
func (b *obvious) compareFDB(t *testing.T, now time.Time) {
	t.Helper()
	listed := map[mac]int{}
	line := regexp.MustCompile(`(?m)^([0-9a-f:]{17}) dev p(\d) master br0 *$`)
	for _, m := range line.FindAllStringSubmatch(FDB(), -1) {
		var a mac
		var port int
		if _, err := fmt.Sscanf(m[1]+" "+m[2], "%x:%x:%x:%x:%x:%x %d", &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &port); err != nil {
			t.Fatal(err)
		}
		listed[a] = port - 1
	}
	if len(listed) < 5 {
		t.Errorf("only %d stations are listed", len(listed))
	}
	for station, port := range b.where {
		age := now.Sub(b.seen[station])
		got, found := listed[station]
		if found != (age < ageing) && (age-ageing).Abs() > 2*time.Second {
			t.Errorf("%v, last seen %v before the end: listed %v", station, age, found)
		}
		if found && got != port {
			t.Errorf("%v: listed on p%d, last seen on p%d", station, got+1, port+1)
		}
		delete(listed, station)
	}
	for station := range listed {
		t.Errorf("%v is listed but was never seen", station)
	}
}
