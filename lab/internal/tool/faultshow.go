package tool

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// describeFault is a fault in the words that make one, and how often it has struck.
func describeFault(f machine.Injected) string {
	words := []string{f.Kind.String(), faultRoleOf(f.Match)}
	add := func(name, value string) {
		if value != "" {
			words = append(words, name, value)
		}
	}
	if !f.Match.MAC.IsZero() {
		add("mac", f.Match.MAC.String())
	}
	add("vlan", counted(int(f.Match.VLAN)))
	add("port", f.Port)
	add("to", f.To)
	add("nth", counted(f.Nth))
	add("count", counted(f.Count))
	if f.Kind == hwsim.FaultFull {
		add("rows", strconv.Itoa(f.Rows))
	}
	add("copies", counted(f.Copies))
	add("behind", counted(f.Behind))
	add("answered", counted(f.Answered))
	if f.Delay != 0 {
		add("delay", plain(f.Delay))
	}
	add("err", faultAnswerOf(f.Err))
	if f.Text != "" {
		add("text", `"`+f.Text+`"`)
	}
	if f.After {
		words = append(words, "done")
	}
	if f.Deaf {
		words = append(words, "deaf")
	}
	return fmt.Sprintf("%s hits %d", strings.Join(words, " "), f.Hits)
}

func faultRoleOf(s hwsim.Selector) string {
	for _, r := range faultRoles() {
		if r.role == s.Role && s.Verb != "" {
			return r.name + "." + s.Verb
		}
		if r.role == s.Role {
			return r.name
		}
	}
	return s.Role.String()
}

func faultAnswerOf(err error) string {
	for _, one := range faultAnswers() {
		if err != nil && err == one.err {
			return one.name
		}
	}
	return ""
}

// counted is a number, or nothing for 0, which says nothing.
func counted(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// plain writes a duration without the units that are zero, such as 1m for 1m0s.
func plain(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// reconcile is "lab reconcile".
type reconcile struct{ name string }

func parseReconcile(a *args) verb {
	if len(a.words) == 0 {
		a.outside("", "the name of the device is missing")
		return reconcile{}
	}
	v := reconcile{a.next()}
	a.end()
	return v
}

func (v reconcile) run(r *run) error {
	differ, err := r.machine.Reconcile(v.name)
	if errors.Is(err, switchdev.ErrNoDevice) {
		return &NotSupported{Word: v.name, Reason: "no such switching device"}
	}
	if differ > 0 {
		r.print(fmt.Sprintf("differ %d", differ))
	}
	return err
}

// clock is "lab clock".
type clock struct{}

func parseClock(a *args) verb {
	a.end()
	return clock{}
}

func (clock) run(r *run) error {
	r.print(plain(r.machine.Waited()))
	return nil
}
