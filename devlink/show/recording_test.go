package show_test

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
	"github.com/switchcore/switchcore/switchdev"
)

// What Linux 6.1 and iproute2 answered, command by command, and where the registry
// answers otherwise what that is: those are differences that its documentation lists.
//
//go:embed testdata/recordings testdata/ours
var recordings embed.FS

// world is a machine with netdevsims on which a recording is carried out.
type world struct {
	t       *testing.T
	reg     *devlink.Registry
	now     time.Time
	host    host
	drivers map[string]*netdevsim
	inst    map[string]*devlink.Instance
	subs    map[string]*devlink.Subscription
	out     []string
}

// TestRecordingsOfLinuxReplay carries out what was done to a kernel.
func TestRecordingsOfLinuxReplay(t *testing.T) {
	files, err := recordings.ReadDir("testdata/recordings")
	if err != nil || len(files) != 23 {
		t.Fatal(len(files), err)
	}
	differ := 0
	for _, f := range files {
		want, err := recordings.ReadFile("testdata/recordings/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if ours, err := recordings.ReadFile("testdata/ours/" + f.Name()); err == nil {
			if differ++; string(ours) == string(want) {
				t.Errorf("%s: no difference", f.Name())
			}
			want = ours
		}
		t.Run(strings.TrimSuffix(f.Name(), ".txt"), func(t *testing.T) { replay(t, string(want)) })
	}
	if differ != 6 {
		t.Errorf("%d recordings differ", differ)
	}
}

func replay(t *testing.T, text string) {
	w := &world{
		t: t, now: time.Unix(1e9, 0), drivers: map[string]*netdevsim{}, inst: map[string]*devlink.Instance{}, subs: map[string]*devlink.Subscription{},
	}
	var err error
	if w.reg, err = devlink.New(devlink.Config{Manual: true, Start: w.now}); err != nil {
		t.Fatal(err)
	}
	defer w.close()
	var got []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			if line == "" || strings.HasPrefix(line, "#") {
				got = append(got, line)
			}
			continue
		}
		w.out = nil
		w.run(strings.Fields(command))
		got = append(append(got, line), w.out...)
	}
	if s := strings.Join(got, "\n") + "\n"; s != text {
		t.Errorf("%s", diff(text, s))
	}
}

// diff shows the lines around the first difference, and all of what was got.
func diff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return fmt.Sprintf("line %d: got\n%s\nwant\n%s\nof\n%s", n+1, b[min(n, len(b)-1)], a[min(n, len(a)-1)], got)
}

func (w *world) close() {
	for _, s := range w.subs {
		s.Close()
	}
	if err := w.reg.Close(); err != nil {
		w.t.Error(err)
	}
}

// settle carries out what was submitted.
func (w *world) settle() { w.reg.Poll(w.now) }

// done waits for a ticket.
func (w *world) done(k *devlink.Ticket) error {
	w.settle()
	select {
	case <-k.Done():
		return k.Err()
	default:
		w.t.Fatal("an operation does not end")
		return nil
	}
}

func (w *world) print(lines ...string) { w.out = append(w.out, lines...) }

// strerror is the text that Linux's C library has for an errno.
func strerror(err error) string {
	for errno, text := range map[syscall.Errno]string{
		syscall.EPERM: "Operation not permitted", syscall.EBUSY: "Device or resource busy", syscall.EEXIST: "File exists",
		syscall.ENODEV: "No such device", syscall.EINVAL: "Invalid argument", syscall.ENOSPC: "No space left on device",
		syscall.EOPNOTSUPP: "Operation not supported", syscall.ECANCELED: "Operation canceled", syscall.ENOENT: "No such file or directory",
	} {
		if errors.Is(err, errno) {
			return text
		}
	}
	return err.Error()
}

// answer prints what the tool says of an error.
func (w *world) answer(err error) {
	var op *switchdev.OpError
	if errors.As(err, &op) && op.Reason != "" {
		w.print("! Error: " + strings.TrimSuffix(op.Reason, ".") + ".")
	}
	if err != nil {
		w.print("! kernel answers: " + strerror(err))
	}
}

// run carries out one command.
func (w *world) run(words []string) {
	switch {
	case words[0] == "ip" && words[2] == "add":
		if err := w.reg.AddNamespace(words[3]); err != nil {
			w.t.Fatal(err)
		}
	case words[0] == "ip":
		if err := w.done(w.reg.SubmitDeleteNamespace(words[3])); err != nil {
			w.t.Log(words, err)
		}
	case words[0] == "lab":
		w.lab(words[1:])
	default:
		c := &command{world: w}
		c.run(words[1:])
	}
	w.settle()
}

func (w *world) lab(words []string) {
	switch words[0] {
	case "device":
		w.device(words[1], words[2:])
	case "events":
		w.events(words[2:])
	case "wait":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			w.t.Fatal(err)
		}
		w.now = w.now.Add(d)
	case "peek":
		if d := w.drivers[words[1]]; words[2] == "max_macs" {
			w.print(strconv.FormatUint(d.macs, 10))
		} else {
			w.print(map[bool]string{true: "Y", false: "N"}[d.test1])
		}
	case "fault":
		if err := w.drivers[words[1]].fault(w, w.inst[words[1]], words[2], words[3]); err != nil {
			w.print("! " + strerror(err))
		}
	}
}

func (w *world) device(name string, words []string) {
	d, i := w.drivers[name], w.inst[name]
	switch words[0] {
	case "ports":
		n, _ := strconv.Atoi(words[1])
		d = &netdevsim{sim: sim{ports: n}, host: &w.host, knobs: map[string]bool{}}
		i, err := w.reg.NewInstance(devlink.InstanceConfig{Handle: devlink.Handle{Bus: "netdevsim", Device: name}, Driver: d})
		if err != nil {
			w.t.Fatal(err)
		}
		w.drivers[name], w.inst[name] = d, i
		w.with(i, d.begin)
		if err := w.done(i.SubmitRegister()); err != nil {
			w.t.Fatal(err)
		}
	case "del":
		if err := w.done(i.SubmitUnregister()); err != nil {
			w.t.Fatal(err)
		}
	default:
		n, _ := strconv.ParseUint(words[1], 10, 32)
		w.with(i, func(l *devlink.Locked) error {
			if words[0] == "del-port" {
				return d.delPort(l, uint32(n))
			}
			return d.addPort(l, uint32(n))
		})
	}
}

// with has the driver do something of its own accord.
func (w *world) with(i *devlink.Instance, f func(l *devlink.Locked) error) {
	if err := w.done(i.SubmitDo(do(f))); err != nil {
		w.print("! " + strerror(err))
	}
}

// events prints what a namespace has been told.
func (w *world) events(words []string) {
	namespace := ""
	if len(words) > 1 && words[0] == "netns" {
		namespace, words = words[1], words[2:]
	}
	sub := w.subs[namespace]
	if sub == nil {
		sub, err := w.reg.Subscribe(devlink.SubscribeOptions{Namespace: namespace})
		if err != nil {
			w.t.Fatal(err)
		}
		w.subs[namespace] = sub
		return
	}
	for {
		e, ok, err := sub.TryNext()
		if err != nil {
			w.t.Fatal(err)
		}
		if !ok {
			return
		}
		told, ok := show.View{}.FromEvent(e)
		if !ok {
			continue
		}
		line := told.String()
		only := len(words) > 0 && !slices.ContainsFunc(words[1:], func(s string) bool { return strings.HasPrefix(line, s+"-") })
		if !only {
			w.print(line)
		}
	}
}
