package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// TestStateSelectionThatATreeOvertakes: a tree that begins while a device is being told of a state
// has its ports begin anew, unless they are to stay as they are.
func TestStateSelectionThatATreeOvertakes(t *testing.T) {
	for _, q := range selecting() {
		synctest.Test(t, func(t *testing.T) {
			dev := newFake("sw0")
			cfg := withDevice(dev)
			cfg.Quirks, cfg.STP.Send = q, func(switchdev.PortID, []byte) {}
			b, err := bridge.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if err := b.AddPort(t.Context(), on(dev, 1)); err != nil {
				t.Fatal(err)
			}
			answer := make(chan struct{})
			dev.refusing(func(string, switchdev.PortID) error {
				<-answer
				return nil
			})
			set := b.SubmitSetPortState(1, switchdev.PortDisabled)
			synctest.Wait()
			tree := b.SubmitSetSTP(bridge.STPKernel)
			synctest.Wait()
			close(answer)
			if err := errors.Join(set.Wait(t.Context()), tree.Wait(t.Context())); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			want := choose(q.Has(bridge.QuirkTreeSwitch), switchdev.PortDisabled, switchdev.PortListening)
			if p, _ := b.Port(1); p.State != want {
				t.Errorf("%v: %v, want %v", q, p.State, want)
			}
		})
	}
}

// TestForwardDelayByTheClock: a bridge that is not Manual has its own timers, and what is
// set while they run holds.
func TestForwardDelayByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := bridge.New(bridge.Config{Quirks: bridge.QuirkStateSelection})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if err := b.AddPort(t.Context(), bridge.PortConfig{ID: 1, Name: "p1", MAC: portMAC(1)}); err != nil {
			t.Fatal(err)
		}
		var seen []string
		for range 40 {
			time.Sleep(time.Second)
			if len(seen) == 3 {
				if err := b.SetPortState(t.Context(), 1, switchdev.PortListening); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			p, _ := b.Port(1)
			seen = append(seen, fmt.Sprint(p.State))
		}
		want := slices.Concat(slices.Repeat([]string{"forwarding"}, 3), slices.Repeat([]string{"listening"}, 11),
			slices.Repeat([]string{"learning"}, 15), slices.Repeat([]string{"forwarding"}, 11))
		if !slices.Equal(seen, want) {
			t.Errorf("%s", strings.Join(seen, " "))
		}
	})
}

// TestForwardDelayAndAUserAtOnce: a state that is set at the instant at which the timer
// expires comes before or after that, and nothing in between.
func TestForwardDelayAndAUserAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(map[string]bool)
		for range 200 {
			b, err := bridge.New(bridge.Config{Quirks: bridge.QuirkStateSelection})
			if err != nil {
				t.Fatal(err)
			}
			set := func(s switchdev.PortState) {
				if err := b.SetPortState(t.Context(), 1, s); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.AddPort(t.Context(), bridge.PortConfig{ID: 1, Name: "p1", MAC: portMAC(1)}); err != nil {
				t.Fatal(err)
			}
			set(switchdev.PortLearning)
			time.Sleep(15 * time.Second)
			set(switchdev.PortListening)
			var after []string
			for range 3 {
				synctest.Wait()
				p, _ := b.Port(1)
				after = append(after, p.State.String())
				time.Sleep(16 * time.Second)
			}
			switch got := strings.Join(after, " "); got {
			case "listening listening listening", "learning forwarding forwarding":
				seen[got] = true
			default:
				t.Fatal(got)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
		}
		t.Log(seen)
	})
}
