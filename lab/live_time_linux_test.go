package lab_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
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
// Commands take no time in the lab and some on the kernel, and timers of the kernel are
// late. So a sequence is first executed in several labs that are late by different
// amounts, and changed until all of them agree: then nothing that they know of comes due
// near to a command, nor does anything depend on when exactly a timer ends; see lateness.
// How much was changed is logged. A sequence of which a command is later than that on the
// kernel says nothing.
func TestLiveKernelAndLabAgreeOnTime(t *testing.T) {
	if *timedSequences == 0 {
		t.Skip("not asked to wait in real time: -live.timed N")
	}
	with := runningKernel(t)
	gate := make(chan struct{}, max(*timedAtOnce, 1))
	var wg sync.WaitGroup
	var mu sync.Mutex
	agreed, late, commands, waits := 0, 0, 0, 0
	changed, all := 0, steadied{}
	alone := make(chan struct{}, 1) // steady takes time that commands on the kernel have not
	for seed := *timedSeed; seed < *timedSeed+uint64(*timedSequences); seed++ {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			alone <- struct{}{}
			lines, did, err := steady(live.TimedProgram(seed, *timedLength), with)
			<-alone
			d := ""
			if err == nil {
				d, err = timedDisagreement(lines, with)
			}
			if d != "" && *timedShrink {
				lines = live.Shrink(lines, func(l []string) bool {
					ok, err1 := agreeWhenLate(l, with, byLab())
					d, err2 := timedDisagreement(l, with)
					return ok < 0 && err1 == nil && err2 == nil && d != ""
				})
				d, err = timedDisagreement(lines, with)
			}
			mu.Lock()
			defer mu.Unlock()
			if did != (steadied{}) {
				changed++
				all.changed += did.changed
				all.dropped += did.dropped
			}
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
	t.Logf("%d were changed beforehand, since they left something to chance: %d waits are others, %d commands were dropped", changed, all.changed, all.dropped)
	if agreed == 0 && !t.Failed() {
		t.Skip("this machine is too slow: every sequence was late")
	}
}

// errLate is that of a sequence that the kernel executed too slowly.
var errLate = errors.New("too late to be compared")

// runningKernel says what the lab has to be like for the kernel that runs.
func runningKernel(t *testing.T) lab.Config {
	t.Helper()
	k := kernelHere(t)
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
	cmds := []string{line, "lab events fdb sorted", "bridge -j fdb show"}
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

// comparedWait lets time pass in the lab, as it has on the kernel.
func comparedWait(k *live.Kernel, l *watched, until time.Duration) (string, error) {
	const step = 10 * moment
	want := k.Events()
	var got []string
	var at []time.Duration
	for more := true; more; {
		more = l.now+step < until && len(want) > 1
		next := until
		if more {
			next = l.now + step
		}
		if err := l.until(next - moment); err != nil {
			return "", err
		}
		told, err := l.exec("lab events fdb")
		if err != nil {
			return "", err
		}
		for _, line := range told {
			got, at = append(got, line), append(at, l.now)
		}
	}
	if !sameOrder(want, got, at) {
		return differ("notifications", want, got), nil
	}
	return comparedAll(k, l)
}

// apart is how long after another notification one comes that the kernel tells after it.
// Which of two timers ends first that are nearer to each other is chance on Linux, so what
// two of them delete has no order, nor has what one of them deletes and what a BPDU makes,
// which comes up to 1.75 s after the last: see lateness. What one sweep deletes is told
// newest first on Linux, and in no order here. That is no matter for steady: timers of
// the lab do not change places, whatever the waits are, and after the wait all is the same.
const apart = 2 * time.Second

// sameOrder reports whether the notifications of the kernel are those of the lab, told at
// those times, and in the same order as far as they concern one entry or are apart.
func sameOrder(kernel, lab []string, at []time.Duration) bool {
	if len(kernel) != len(lab) {
		return false
	}
	left := slices.Clone(lab)
	for _, line := range kernel {
		i := slices.Index(left, line)
		if i < 0 {
			return false
		}
		for j, before := range left[:i] {
			if before != "" && (at[i]-at[j] >= apart || entryOf(before) == entryOf(line)) {
				return false
			}
		}
		left[i] = ""
	}
	return true
}

// entryOf is what a notification says of which entry it is about.
func entryOf(line string) [3]string {
	var is [3]string
	for i, name := range []string{`"mac":"`, `"master":"`, `"vlan":`} {
		if _, rest, ok := strings.Cut(line, name); ok {
			is[i], _, _ = strings.Cut(rest, ",")
		}
	}
	return is
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
