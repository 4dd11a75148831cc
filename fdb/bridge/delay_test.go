package bridge_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// timer is a port of Linux that is in no spanning tree, in tenths of a second: what
// QuirkStateSelection is to do, written down once more and slowly.
type timer struct {
	now, due, delay int // due at 0: not running
	user, down      bool
	state           switchdev.PortState
}

// selection is br_port_state_selection.
func (p *timer) selection() {
	if p.state == switchdev.PortBlocking && !p.user {
		p.state, p.due = switchdev.PortForwarding, p.now+p.delay
	}
}

// tenth lets a tenth of a second pass: br_forward_delay_timer_expired.
func (p *timer) tenth() {
	if p.now++; p.now != p.due {
		return
	}
	p.due = 0
	switch p.state {
	case switchdev.PortListening:
		p.state, p.due = switchdev.PortLearning, p.now+p.delay
	case switchdev.PortLearning:
		p.state = switchdev.PortForwarding
	}
}

// do is a command, of which the arguments are in tenths of a second.
func (p *timer) do(command string, n int) {
	switch command {
	case "up":
		p.down, p.state = false, switchdev.PortBlocking
		p.selection()
	case "down":
		p.down, p.state, p.due = true, switchdev.PortDisabled, 0
	case "delay":
		p.delay = n
	case "user":
		p.user = true
	case "state":
		if !p.down {
			p.state = switchdev.PortState(n)
			p.selection()
		}
	}
}

// do is the same command to port 1 of a bridge.
func (w *world) do10(command string, n int) {
	w.t.Helper()
	switch command {
	case "up", "down":
		w.must(w.b.SubmitSetPortUp(1, command == "up"))
	case "delay":
		if err := w.b.SetSTPTimes(time.Duration(n)*tenth, 0, 0); err != nil {
			w.t.Fatal(err)
		}
	case "user":
		w.must(w.b.SubmitSetSTP(bridge.STPUser))
	case "state":
		if p, _ := w.b.Port(1); !p.Up {
			w.fails(w.b.SubmitSetPortState(1, switchdev.PortState(n)), switchdev.ErrNetDown)
			return
		}
		w.must(w.b.SubmitSetPortState(1, switchdev.PortState(n)))
	}
}

const tenth = 100 * time.Millisecond

// command is one at a time, in tenths of a second.
type command struct {
	at   int
	name string
	n    int
}

// follows executes commands on the port of a bridge and on a timer, and compares the
// states for so long.
func (w *world) follows(p *timer, commands []command, long int) {
	w.t.Helper()
	for p.now < long {
		for _, c := range commands {
			if c.at == p.now {
				p.do(c.name, c.n)
				w.do10(c.name, c.n)
			}
		}
		if got, _ := w.b.Port(1); got.State != p.state {
			w.t.Fatalf("%v: at %d.%d s %v, want %v", commands, p.now/10, p.now%10, got.State, p.state)
		}
		p.tenth()
		w.after(tenth)
	}
}

// selecting are the sets of quirks in which ports go on by themselves.
func selecting() []bridge.Quirks {
	return []bridge.Quirks{bridge.QuirkStateSelection, bridge.QuirkStateSelection | bridge.QuirkTreeSwitch, everyQuirk}
}

// TestForwardDelayWithoutATree: every state at several times, with forward delays that
// change or not, in a port that goes down and up meanwhile or does not, and with a program
// that takes over or does not.
func TestForwardDelayWithoutATree(t *testing.T) {
	var meanwhile [][]command
	for _, delay := range [][]command{nil, {{51, "delay", 30}}, {{51, "delay", 200}}} {
		for _, link := range [][]command{nil, {{23, "down", 0}, {32, "up", 0}}, {{62, "down", 0}, {93, "up", 0}}} {
			for _, user := range [][]command{nil, {{0, "user", 0}}, {{55, "user", 0}}} {
				meanwhile = append(meanwhile, slices.Concat(delay, link, user))
			}
		}
	}
	runs := 0
	for _, q := range selecting() {
		for _, delay := range []int{40, 150} {
			for _, also := range meanwhile {
				for _, at := range []int{0, 41, 73, 160} {
					for s := switchdev.PortDisabled; s.Valid(); s++ {
						cfg := bridge.Config{Quirks: q, STP: bridge.STPConfig{ForwardDelay: time.Duration(delay) * tenth}}
						w := newWorld(t, cfg, 1, 2)
						p := &timer{delay: delay}
						p.do("up", 0)
						w.follows(p, append([]command{{at, "state", int(s)}}, also...), 400)
						w.isIn(2, switchdev.PortForwarding)
						runs++
					}
				}
			}
		}
	}
	t.Logf("%d sequences", runs)
}

// TestForwardDelayByHand has the times of the kernel as they are worked out by hand, and
// those of a bridge without the quirk.
func TestForwardDelayByHand(t *testing.T) {
	const d, b, l, r, f = switchdev.PortDisabled, switchdev.PortBlocking, switchdev.PortListening, switchdev.PortLearning, switchdev.PortForwarding
	type row struct {
		commands []command
		want     map[int]switchdev.PortState // just before a second
	}
	for name, c := range map[string]row{
		"learning":            {[]command{{40, "state", int(r)}}, map[int]switchdev.PortState{4: f, 5: r, 15: r, 16: f, 60: f}},
		"listening":           {[]command{{40, "state", int(l)}}, map[int]switchdev.PortState{5: l, 15: l, 16: r, 30: r, 31: f, 60: f}},
		"the timer is over":   {[]command{{200, "state", int(r)}}, map[int]switchdev.PortState{20: f, 21: r, 60: r}},
		"begun by blocking":   {[]command{{200, "state", int(b)}, {210, "state", int(l)}}, map[int]switchdev.PortState{21: f, 22: l, 35: l, 36: r, 50: r, 51: f}},
		"disabled does not":   {[]command{{40, "state", int(d)}, {80, "state", int(r)}}, map[int]switchdev.PortState{5: d, 8: d, 9: r, 15: r, 16: f}},
		"stays disabled":      {[]command{{40, "state", int(d)}}, map[int]switchdev.PortState{5: d, 60: d}},
		"the delay of then":   {[]command{{40, "state", int(l)}, {50, "delay", 20}}, map[int]switchdev.PortState{15: l, 16: r, 17: r, 18: f}},
		"ended by going down": {[]command{{40, "state", int(l)}, {50, "down", 0}, {60, "up", 0}, {70, "state", int(r)}}, map[int]switchdev.PortState{6: d, 7: f, 8: r, 16: r, 21: r, 22: f}},
	} {
		for _, q := range []bridge.Quirks{0, bridge.QuirkTreeSwitch, bridge.QuirkStateSelection, everyQuirk} {
			t.Run(name+" "+q.String(), func(t *testing.T) {
				w := newWorld(t, bridge.Config{Quirks: q}, 1, 2)
				set := f
				for at := range 601 {
					if want, ok := c.want[at/10+1]; ok && at%10 == 9 {
						if !q.Has(bridge.QuirkStateSelection) {
							want = set // what is set stays
						}
						w.isIn(1, want)
					}
					for _, one := range c.commands {
						if one.at != at {
							continue
						}
						w.do10(one.name, one.n)
						switch one.name {
						case "state":
							set = switchdev.PortState(one.n)
						case "down":
							set = d
						case "up":
							set = f
						}
					}
					w.after(tenth)
				}
			})
		}
	}
}

// TestForwardDelayOfADevice: a device hears of every state as it comes, and software does
// not wait for one that refuses.
func TestForwardDelayOfADevice(t *testing.T) {
	dev := newFake("sw0")
	cfg := withDevice(dev)
	cfg.Quirks = bridge.QuirkStateSelection
	w := newWorld(t, cfg)
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	is := func(software, hardware switchdev.PortState) {
		t.Helper()
		w.isIn(1, software)
		if _, ports := dev.holds(); ports[1].State != hardware {
			t.Errorf("the device has %v, want %v", ports[1].State, hardware)
		}
	}
	hears := func(s switchdev.PortState, times int) {
		t.Helper()
		sets := 0
		dev.refusing(func(what string, _ switchdev.PortID) error {
			if what == "set" {
				sets++
			}
			return nil
		})
		w.state(1, s)
		dev.refusing(nil)
		if sets != times {
			t.Errorf("the device hears %d times of %v, want %d", sets, s, times)
		}
	}
	w.pass(4 * time.Second)
	hears(switchdev.PortListening, 1)
	hears(switchdev.PortForwarding, 1)
	w.pass(time.Second)
	hears(switchdev.PortListening, 1)
	w.pass(9900 * time.Millisecond)
	is(switchdev.PortListening, switchdev.PortListening)
	w.pass(tenth)
	is(switchdev.PortLearning, switchdev.PortLearning)
	dev.refusing(func(what string, _ switchdev.PortID) error {
		if what == "set" || what == "check" {
			return switchdev.ErrNoSpace
		}
		return nil
	})
	w.pass(15 * time.Second)
	is(switchdev.PortForwarding, switchdev.PortLearning)
	w.fails(w.b.SubmitSetPortState(1, switchdev.PortBlocking), switchdev.ErrNoSpace)
	is(switchdev.PortForwarding, switchdev.PortLearning)
	dev.refusing(nil)
	w.pass(time.Minute)
	is(switchdev.PortForwarding, switchdev.PortForwarding)
	hears(switchdev.PortBlocking, 2)
	seen := 0
	dev.refusing(func(what string, _ switchdev.PortID) error {
		if seen++; seen > 2 {
			return switchdev.ErrNoSpace
		}
		return nil
	})
	if err := w.do(w.b.SubmitSetPortState(1, switchdev.PortBlocking)); !errors.Is(err, switchdev.ErrNoSpace) {
		t.Errorf("a device that takes blocking and not what comes of it: %v", err)
	}
	is(switchdev.PortForwarding, switchdev.PortBlocking)
	dev.refusing(nil)
	w.pass(time.Minute)
	is(switchdev.PortForwarding, switchdev.PortForwarding)
}

// TestForwardDelayWhenThePortJoins: a port may begin in a state, and goes on from it.
func TestForwardDelayWhenThePortJoins(t *testing.T) {
	const f = switchdev.PortForwarding
	for _, c := range []struct {
		mode                  bridge.STPMode
		begins, first, second switchdev.PortState // after 10, and after 20 s
	}{
		{bridge.STPOff, switchdev.PortDisabled, f, f},
		{bridge.STPOff, switchdev.PortBlocking, f, f},
		{bridge.STPOff, switchdev.PortListening, switchdev.PortListening, switchdev.PortLearning},
		{bridge.STPOff, switchdev.PortLearning, switchdev.PortLearning, f},
		{bridge.STPUser, switchdev.PortDisabled, switchdev.PortBlocking, switchdev.PortBlocking},
		{bridge.STPUser, switchdev.PortListening, switchdev.PortListening, switchdev.PortListening},
		{bridge.STPUser, switchdev.PortForwarding, f, f},
	} {
		for _, q := range selecting() {
			w := newWorld(t, bridge.Config{Quirks: q, STP: bridge.STPConfig{Mode: c.mode}})
			w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 1, Name: "p1", MAC: portMAC(1), State: c.begins}))
			w.pass(10 * time.Second)
			w.isIn(1, c.first)
			w.pass(10 * time.Second)
			w.isIn(1, c.second)
			if s := w.b.STP(); s != (bridge.STPStatus{Mode: c.mode}) {
				t.Errorf("no tree runs: %+v", s)
			}
		}
	}
}

// TestForwardDelayUnderABridgeThatIsDown: with QuirkStateWhileDown the state that is set
// then goes on as well, until the bridge comes up and its ports begin anew.
func TestForwardDelayUnderABridgeThatIsDown(t *testing.T) {
	w := newWorld(t, bridge.Config{Quirks: everyQuirk}, 1, 2, 3)
	w.state(2, switchdev.PortLearning) // which going down ends
	w.must(w.b.SubmitSetUp(false))
	w.pass(16 * time.Second)
	w.isIn(2, switchdev.PortDisabled)
	w.state(2, switchdev.PortLearning) // no timer runs
	w.state(1, switchdev.PortBlocking)
	w.isIn(1, switchdev.PortForwarding)
	w.pass(5 * time.Second)
	w.state(1, switchdev.PortListening)
	w.pass(9 * time.Second)
	w.must(w.b.SubmitSetPortUp(1, false)) // nobody looks at the port
	w.isIn(1, switchdev.PortListening)
	w.pass(2 * time.Second)
	w.isIn(1, switchdev.PortLearning)
	w.must(w.b.SubmitSetPortUp(1, true))
	w.pass(20 * time.Second)
	w.isIn(1, switchdev.PortForwarding)
	w.isIn(2, switchdev.PortLearning)
	w.isIn(3, switchdev.PortDisabled)
	w.state(1, switchdev.PortListening)
	w.must(w.b.SubmitSetUp(true))
	for id := range switchdev.PortID(3) {
		w.isIn(id+1, switchdev.PortForwarding)
	}
	w.state(1, switchdev.PortLearning)
	w.state(2, switchdev.PortListening)
	w.pass(14 * time.Second)
	w.isIn(1, switchdev.PortLearning)
	w.pass(2 * time.Second)
	w.isIn(1, switchdev.PortForwarding)
	w.isIn(2, switchdev.PortLearning)
	// What a port without a carrier has kept ends when it is taken down, the timer as well.
	w.must(w.b.SubmitSetUp(false))
	w.state(1, switchdev.PortBlocking)
	w.state(1, switchdev.PortListening)
	w.must(w.b.SubmitSetCarrier(1, false))
	w.must(w.b.SubmitSetUp(true))
	w.isIn(1, switchdev.PortListening)
	w.must(w.b.SubmitSetPortUp(1, false))
	w.pass(time.Minute)
	w.isIn(1, switchdev.PortDisabled)
}

// TestForwardDelayOverTreesThatComeAndGo: which states come of a switch is
// QuirkTreeSwitch's, and the timers of ports go on.
func TestForwardDelayOverTreesThatComeAndGo(t *testing.T) {
	for _, q := range selecting() {
		t.Run(q.String(), func(t *testing.T) {
			stays := q.Has(bridge.QuirkTreeSwitch)
			cfg := treeConfig(bridge.STPOff)
			cfg.Quirks = q
			w := newWorld(t, cfg, 1, 2)
			w.pass(5 * time.Second)
			w.state(1, switchdev.PortBlocking) // 2 s from now
			w.pass(tenth)
			w.state(1, switchdev.PortLearning)
			w.must(w.b.SubmitSetSTP(bridge.STPKernel))
			w.isIn(1, choose(stays, switchdev.PortLearning, switchdev.PortListening))
			w.isIn(2, choose(stays, switchdev.PortForwarding, switchdev.PortListening))
			w.fails(w.b.SubmitSetPortState(1, switchdev.PortBlocking), switchdev.ErrBusy)
			w.pass(1900 * time.Millisecond)
			w.isIn(1, choose(stays, switchdev.PortForwarding, switchdev.PortListening))
			w.pass(5 * time.Second)
			w.must(w.b.SubmitSetSTP(bridge.STPOff))
			w.isIn(1, switchdev.PortForwarding)
			w.holds(choose(stays, 2*time.Second, 5*time.Minute))
			w.state(1, switchdev.PortLearning) // the timer is over, or began with the switch
			w.pass(4 * time.Second)
			w.isIn(1, choose(stays, switchdev.PortLearning, switchdev.PortForwarding))
			w.must(w.b.SubmitSetSTP(bridge.STPUser))
			w.state(1, switchdev.PortBlocking)
			w.must(w.b.SubmitSetPortUp(2, false))
			w.must(w.b.SubmitSetPortUp(2, true))
			w.pass(20 * time.Second)
			w.isIn(1, switchdev.PortBlocking)
			w.isIn(2, switchdev.PortBlocking)
			w.must(w.b.SubmitSetSTP(bridge.STPOff))
			w.isIn(1, choose(stays, switchdev.PortBlocking, switchdev.PortForwarding))
			w.state(2, switchdev.PortBlocking) // which it is, and which has all states selected
			w.isIn(1, switchdev.PortForwarding)
			w.isIn(2, switchdev.PortForwarding)
			w.state(2, switchdev.PortListening)
			w.pass(time.Minute)
			w.isIn(2, switchdev.PortForwarding)
			w.state(2, switchdev.PortListening)
			w.must(w.b.SubmitSetSTP(bridge.STPKernel))
			w.must(w.b.SubmitSetSTP(bridge.STPUser))
			w.isIn(2, switchdev.PortListening)
			w.pass(time.Minute)
			w.isIn(2, switchdev.PortListening)
		})
	}
}
