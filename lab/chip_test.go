package lab

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
	"github.com/switchcore/switchcore/switchdev/switchdevtest"
)

// decorated is a switch with another driver before its own.
type decorated struct {
	Switch
	driver switchdev.Driver
}

func (d decorated) Driver() switchdev.Driver { return d.driver }

// TestNewWantsAWholeSwitch: what a NewSwitch forgets is found by New.
func TestNewWantsAWholeSwitch(t *testing.T) {
	closes := 0
	for name, open := range map[string]func(SwitchConfig) (Switch, error){
		"made no switch": func(SwitchConfig) (Switch, error) { return nil, nil },
		"no driver": func(c SwitchConfig) (Switch, error) {
			sw, err := NewChip(c)
			return counted{decorated{Switch: sw}, &closes}, err
		},
	} {
		l, err := New(Config{NewSwitch: open})
		if l != nil || !errors.Is(err, switchdev.ErrInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if closes != 1 {
		t.Errorf("the switch without a driver was closed %d times", closes)
	}
}

// TestSwitchOfOnesOwnReplaysTheSame: through the public contract and with a decorator that
// does nothing, hardware does what it does without.
func TestSwitchOfOnesOwnReplaysTheSame(t *testing.T) {
	all := recordings(t)
	maps.Copy(all, ownOfLinux(t))
	closed := 0
	cfg := Config{Quirks: Linux61, NewSwitch: func(c SwitchConfig) (Switch, error) {
		if len(c.Ports) != 4 || c.Ports[0] != (SwitchPort{1, "s1", switchdev.MustParseMAC("02:00:00:00:00:01")}) || !c.Rocker || c.Start.IsZero() {
			t.Errorf("made from %+v", c)
		}
		sw, err := NewChip(c)
		if err != nil {
			return nil, err
		}
		return counted{decorated{sw, switchdevtest.Faulty(sw.Driver(), nil)}, &closed}, nil
	}}
	ran := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !slices.ContainsFunc(all[name].Steps, func(s Step) bool { return strings.HasPrefix(s.Command, "lab switch ") }) {
			continue
		}
		ran++
		diffs, _, err := Verify(t.Context(), cfg, all[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, d := range diffs {
			t.Errorf("%s: %v", name, d)
		}
	}
	if ran < 20 || closed != ran {
		t.Errorf("%d transcripts with hardware, %d switches closed", ran, closed)
	}
}

// counted counts how often it is closed.
type counted struct {
	Switch
	closed *int
}

func (c counted) Close() error {
	*c.closed++
	return c.Switch.Close()
}

func TestChipAnswersWithinTheCall(t *testing.T) {
	sw, err := NewChip(SwitchConfig{Name: "sw1", Ports: []SwitchPort{{1, "s1", switchdev.MAC{2, 5: 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer sw.Close()
	d := sw.Driver()
	if _, ok := switchdev.As[switchdev.FDBSubmitter](d); ok {
		t.Error("the driver completes by itself, which decorators pass on in goroutines")
	}
	_, fdb := switchdev.As[switchdev.FDBOffloader](d)
	_, ports := switchdev.As[switchdev.PortOffloader](d)
	_, reports := switchdev.As[switchdev.Reporter](d)
	_, dump := switchdev.As[switchdev.FDBDumper](d)
	if !fdb || !ports || !reports || !dump {
		t.Errorf("roles: fdb %v, ports %v, reports %v, dump %v", fdb, ports, reports, dump)
	}
}
