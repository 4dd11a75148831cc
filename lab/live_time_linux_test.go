package lab_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/lab"
	"github.com/switchcore/switchcore/lab/internal/live"
)

var (
	timedSequences = flag.Int("live.timed", 0, "random sequences in which time passes that are executed in the lab and on the running kernel")
	timedSeed      = flag.Uint64("live.timedseed", 1, "the first of their seeds")
	timedLength    = flag.Int("live.timedlength", 30, "commands of one")
	timedAtOnce    = flag.Int("live.timedatonce", 20, "how many are executed at once")
	timedLate      = flag.Duration("live.timedlate", 350*time.Millisecond, "how late a command may be")
	timedShrink    = flag.Bool("live.timedshrink", false, "make those that disagree short, which takes as long as they do many times over")
)

// TestLiveKernelAndLabAgreeOnTime executes random sequences in which time passes in the
// lab and on the kernel that runs, and wants the same of every command and every wait:
// its output, the notifications, the tables and the states of the ports. Only if it is
// asked to, for it waits in real time:
//
//	go test ./lab -run TestLiveKernelAndLabAgreeOnTime -timeout 30m -args -live.timed 100
//
// Commands take no time in the lab and some on the kernel. So a sequence is first
// executed in several labs that are late by different amounts, and changed until all
// of them agree: then nothing that they know of comes due near to a command. A sequence
// of which a command is later than that on the kernel says nothing.
func TestLiveKernelAndLabAgreeOnTime(t *testing.T) {
	if *timedSequences == 0 {
		t.Skip("not asked to wait in real time: -live.timed N")
	}
	with := runningKernel(t)
	gate := make(chan struct{}, max(*timedAtOnce, 1))
	var wg sync.WaitGroup
	var mu sync.Mutex
	agreed, late, commands, waits := 0, 0, 0, 0
	for seed := *timedSeed; seed < *timedSeed+uint64(*timedSequences); seed++ {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			lines, err := steady(live.TimedProgram(seed, *timedLength), with)
			d := ""
			if err == nil {
				d, err = timedDisagreement(lines, with)
			}
			if d != "" && *timedShrink {
				lines = live.Shrink(lines, func(l []string) bool {
					ok, err1 := agreeWhenLate(l, with)
					d, err2 := timedDisagreement(l, with)
					return ok < 0 && err1 == nil && err2 == nil && d != ""
				})
				d, err = timedDisagreement(lines, with)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, errLate):
				late++
			case err != nil:
				t.Errorf("seed %d: %v", seed, err)
			case d != "":
				t.Errorf("seed %d:\n%s\n%s", seed, strings.Join(lines, "\n"), d)
			default:
				agreed++
				commands += len(lines)
				for _, line := range lines {
					if _, ok := waiting(line); ok {
						waits++
					}
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %d sequences agree, with %d commands, of which %d wait; %d were late", agreed, *timedSequences, commands, waits, late)
	if agreed == 0 && !t.Failed() {
		t.Skip("this machine is too slow: every sequence was late")
	}
}

// errLate is that of a sequence that the kernel executed too slowly.
var errLate = errors.New("too late to be compared")

// runningKernel says what the lab has to be like for the kernel that runs.
func runningKernel(t *testing.T) lab.Config {
	t.Helper()
	k, err := live.New(live.Config{})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("not compared with the running kernel: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if _, err := k.Exec("lab bridge br0 ports p1"); err != nil {
		t.Fatal(err)
	}
	rows, err := k.Dump()
	if err != nil {
		t.Fatal(err)
	}
	c := lab.Config{Quirks: lab.Upstream, NoVLANFiltering: true}
	if slices.ContainsFunc(rows, func(row string) bool { return strings.Contains(row, `"vlan":1,`) }) {
		c.NoVLANFiltering = false
	}
	var name syscall.Utsname
	if err := syscall.Uname(&name); err != nil {
		t.Fatal(err)
	}
	if name.Release[0] == '6' && name.Release[1] == '.' && name.Release[2] == '1' && name.Release[3] == '.' {
		c.Quirks = lab.Linux61
	}
	return c
}

// waiting returns how long a command waits, false if it is another.
func waiting(line string) (time.Duration, bool) {
	word, ok := strings.CutPrefix(line, "lab wait ")
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(word)
	return d, err == nil
}

// lateness is how late the commands of a segment, between two waits, are. Of any two
// segments one of the first labs is late in one and not in the other, and one of the
// next the other way about; the rest are late by chance, more and more.
type lateness struct {
	*rand.Rand
	lab, segment   int
	most, so, step time.Duration
}

// The labs that are late. A sequence has fewer segments than 2 to the power of bits.
const (
	bits   = 6
	chance = 3
	labs   = 1 + 2*bits + chance
)

func newLateness(lab int) *lateness {
	s := &lateness{Rand: rand.New(rand.NewPCG(uint64(lab), 1)), lab: lab, most: *timedLate, segment: -1}
	s.over()
	return s
}

// over begins the next segment.
func (s *lateness) over() {
	s.segment++
	s.so, s.step = 0, 0
	switch n := s.lab - 1; {
	case n < 0:
	case n < 2*bits:
		if s.segment>>(n%bits)&1 == n/bits {
			s.step = s.most
		}
	default:
		s.step = s.most / time.Duration(1+s.IntN(6))
	}
}

// next returns by how much a command is later than the one before.
func (s *lateness) next() time.Duration {
	d := min(s.step, s.most-s.so)
	s.so += d
	return d
}

// steady changes a sequence until labs that are late by different amounts agree on it:
// waits become others, and other commands are left out.
func steady(lines []string, with lab.Config) ([]string, error) {
	lines = slices.Clone(lines)
	tries := 0
	for {
		at, err := agreeWhenLate(lines, with)
		if err != nil || at < 0 {
			return lines, err
		}
		d, ok := waiting(lines[at])
		if tries++; ok && tries < 5 {
			lines[at] = fmt.Sprintf("lab wait %ds", int(d/time.Second)%5+1)
			continue
		}
		tries = 0
		lines = slices.Delete(lines, at, at+1)
	}
}

// agreeWhenLate returns the first command that labs of different lateness disagree on,
// -1 if there is none.
func agreeWhenLate(lines []string, with lab.Config) (int, error) {
	var all [labs]*watched
	var late [labs]*lateness
	for i := range all {
		w, err := watch(with)
		if err != nil {
			return 0, err
		}
		defer w.Close()
		all[i], late[i] = w, newLateness(i)
	}
	passed := time.Duration(0)
	for at, line := range lines {
		d, wait := waiting(line)
		passed += d
		var want string
		for i, w := range all {
			until := w.now
			if wait {
				late[i].over()
				until = passed
			}
			until += late[i].next()
			got, err := w.told(line, until)
			switch {
			case err != nil:
				return 0, err
			case i == 0:
				want = got
			case got != want:
				return at, nil
			}
		}
	}
	return -1, nil
}

// watched is a lab whose time is known.
type watched struct {
	*lab.Lab
	now time.Duration
}

func watch(with lab.Config) (*watched, error) {
	l, err := lab.New(with)
	return &watched{Lab: l}, err
}

// moment is what a command takes in the lab.
const moment = 10 * time.Millisecond

// exec executes a command that does not wait.
func (w *watched) exec(line string) ([]string, error) {
	w.now += moment
	out, err := w.Exec(context.Background(), line)
	if err != nil || out == "" {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n"), nil
}

// until lets time pass.
func (w *watched) until(t time.Duration) error {
	if t <= w.now {
		return nil
	}
	_, err := w.Exec(context.Background(), "lab wait "+(t-w.now).String())
	w.now = t
	return err
}

// told is all that there is to see of a command that comes, or of a wait that ends, at
// a time.
func (w *watched) told(line string, at time.Duration) (string, error) {
	if err := w.until(at); err != nil {
		return "", err
	}
	out := ""
	cmds := []string{line, "lab events fdb sorted"}
	if _, wait := waiting(line); wait {
		cmds = []string{"lab events fdb sorted", "bridge -j fdb show", "bridge -j link show"}
	}
	for _, cmd := range cmds {
		lines, err := w.exec(cmd)
		if err != nil {
			return "", fmt.Errorf("%s: %w", cmd, err)
		}
		out += strings.Join(lines, "\n") + "\n\n"
	}
	return out, nil
}

// timedDisagreement executes the commands on both, and says what the first difference
// is; "" if there is none. Time on the kernel is that of the lab after every wait.
func timedDisagreement(lines []string, with lab.Config) (d string, err error) {
	k, err := live.New(live.Config{})
	if err != nil {
		return "", err
	}
	l, err := watch(with)
	if err != nil {
		return "", errors.Join(err, k.Close())
	}
	defer func() { err = errors.Join(err, k.Close(), l.Close()) }()
	began, passed := time.Now(), time.Duration(0)
	for i, line := range lines {
		wait, ok := waiting(line)
		passed += wait
		if ok {
			if rest := time.Until(began.Add(passed)); rest > 0 {
				_, err = k.Exec("lab wait " + rest.String())
			}
			if d = ""; err == nil {
				d, err = comparedWait(k, l, passed)
			}
		} else {
			d, err = comparedTimed(k, l, line)
		}
		if err == nil && time.Since(began) > passed+*timedLate {
			err = errLate
		}
		if err != nil {
			return "", err
		}
		if d != "" {
			return fmt.Sprintf("%d. %s:\n%s", i+1, line, d), nil
		}
	}
	return "", nil
}

// comparedTimed executes a command on both.
func comparedTimed(k *live.Kernel, l *watched, line string) (string, error) {
	want, err := k.Exec(line)
	if err != nil {
		return "", err
	}
	got, err := l.exec(line)
	if err != nil || !slices.Equal(want, got) {
		return differ("output", want, got), err
	}
	// What has aged leaves by deferred work, at the earliest 10 ms after the last time.
	if _, err := k.Exec("lab wait 30ms"); err != nil {
		return "", err
	}
	want = k.Events()
	if got, err = l.exec("lab events fdb"); err != nil {
		return "", err
	}
	if manyLeave(line) || strings.Count(strings.Join(want, ""), `"state":"stale"`) > 1 {
		slices.Sort(want)
		slices.Sort(got)
	}
	// What making a bridge with an address tells of before the address is set is no
	// part of the language.
	if !slices.Equal(want, got) && !strings.HasPrefix(line, "lab bridge") {
		return differ("notifications", want, got), nil
	}
	return comparedTables(k, l)
}

// comparedWait lets time pass in the lab, as it has on the kernel. Notifications of one
// instant have no order.
func comparedWait(k *live.Kernel, l *watched, until time.Duration) (string, error) {
	const instant = 10 * moment
	var want []string
	kernel := k.Events()
	quiet, first := 0, 0
	for more := true; more; {
		more = l.now+instant < until && len(kernel) > 1
		step := until
		if more {
			step = l.now + instant
		}
		if err := l.until(step - moment); err != nil {
			return "", err
		}
		got, err := l.exec("lab events fdb")
		if err != nil {
			return "", err
		}
		if quiet++; len(got) > 0 {
			if quiet > 3 {
				first = len(want)
			}
			quiet = 0
		}
		want = append(want, got...)
		slices.Sort(want[first:])
		if first < len(kernel) {
			slices.Sort(kernel[first:min(len(want), len(kernel))])
		}
	}
	if !slices.Equal(kernel, want) {
		return differ("notifications", kernel, want), nil
	}
	return comparedAll(k, l)
}

// comparedAll compares the tables, and what the ports are.
func comparedAll(k *live.Kernel, l *watched) (string, error) {
	if d, err := comparedTables(k, l); d != "" || err != nil {
		return d, err
	}
	const ports = "bridge -j link show"
	want, err := k.Exec(ports)
	if err != nil {
		return "", err
	}
	got, err := l.exec(ports)
	if err != nil || !slices.Equal(want, got) {
		return differ("ports", want, got), err
	}
	return "", nil
}

func comparedTables(k *live.Kernel, l *watched) (string, error) {
	want, err := k.Dump()
	if err != nil {
		return "", err
	}
	got, err := l.exec("bridge -j fdb show")
	if err != nil || !slices.Equal(want, got) {
		return differ("tables", want, got), err
	}
	return "", nil
}

// manyLeave reports whether a command may delete several entries.
func manyLeave(line string) bool {
	return slices.ContainsFunc(strings.Fields(line), func(word string) bool {
		return slices.Contains([]string{"flush", "fdb_flush", "down", "master", "nomaster", "ageing_time"}, word) && !strings.HasPrefix(line, "bridge fdb add")
	})
}

// differ are the lines that only one of two has, or all if it is the order.
func differ(what string, want, got []string) string {
	out := []string{what}
	for _, line := range want {
		if !slices.Contains(got, line) {
			out = append(out, "  kernel only "+line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			out = append(out, "  lab only    "+line)
		}
	}
	if len(out) == 1 {
		out = append(out, "  kernel "+strings.Join(want, "\n         "), "  lab    "+strings.Join(got, "\n         "))
	}
	return strings.Join(out, "\n")
}
