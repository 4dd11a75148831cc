package tool

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// wait is "lab wait".
type wait struct{ d time.Duration }

// longestWait bounds "lab wait".
const longestWait = 30 * 24 * time.Hour

func parseWait(a *args) verb {
	if len(a.words) == 0 {
		a.outside("", "a duration is missing")
		return wait{}
	}
	word := a.next()
	d, err := time.ParseDuration(word)
	if err != nil || d < 0 || d > longestWait || strings.ContainsAny(word, "+-") {
		a.outside(word, "not a duration such as 3s")
	}
	a.end()
	return wait{d}
}

// end wants that nothing follows.
func (a *args) end() {
	if a.more() {
		a.usage(a.next())
	}
}

func (v wait) run(r *run) error { return r.machine.Wait(v.d) }

// events is "lab events fdb".
type events struct {
	ns     given
	sorted bool
}

func parseEventsFDB(a *args) verb {
	var v events
	for a.more() {
		switch word := a.next(); {
		case word == "sorted":
			v.sorted = true
		case word == "netns" && !v.ns.ok:
			if len(a.words) == 0 {
				a.outside(word, "a name is missing")
				break
			}
			v.ns.take(a)
		default:
			a.usage(word)
		}
	}
	return v
}

func (v events) run(r *run) error {
	if v.ns.ok && (v.ns.text == "" || !r.machine.HasNS(v.ns.text)) {
		return &NotSupported{Word: v.ns.text, Reason: "no such namespace"}
	}
	rows, recording := r.machine.FDBEvents(v.ns.text)
	if !recording {
		return nil
	}
	var lines []string
	for _, row := range rows {
		word := "new "
		if row.Deleted {
			row.Deleted, word = false, "del "
		}
		text, err := row.MarshalJSON()
		if err != nil {
			return fmt.Errorf("a notification: %w", err)
		}
		lines = append(lines, word+string(text))
	}
	if v.sorted {
		slices.Sort(lines)
	}
	r.out = append(r.out, lines...)
	return nil
}

// hardware is "lab hw".
type hardware struct{ name string }

func parseHardware(a *args) verb {
	if len(a.words) == 0 {
		a.outside("", "the name of the device is missing")
		return hardware{}
	}
	v := hardware{a.next()}
	a.end()
	return v
}

func (v hardware) run(r *run) error {
	rows, err := r.machine.SwitchRows(v.name)
	if errors.Is(err, switchdev.ErrNoDevice) {
		return &NotSupported{Word: v.name, Reason: "no such switching device"}
	}
	var lines []string
	for _, row := range rows {
		if row.MAC.IsUnicast() {
			lines = append(lines, fmt.Sprintf("hw vlan %d mac %s port %s", row.VLAN, row.MAC, row.Port))
		}
	}
	slices.Sort(lines)
	r.out = append(r.out, lines...)
	return err
}
