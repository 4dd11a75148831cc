package bridge_test

import (
	"errors"
	"testing"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// TestCloseOfAManualBridgeAnswersEverybody: a device hangs, and nobody will ever
// bring its answers back. Everything that was submitted has an outcome when Close
// returns, and Close says that ports may be left in the device.
func TestCloseOfAManualBridgeAnswersEverybody(t *testing.T) {
	chip, err := hwsim.New(hwsim.Config{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer chip.Close()
	b, err := bridge.New(bridge.Config{Manual: true, Start: begin, Hardware: bridge.Hardware{Devices: []bridge.Device{{Driver: chip}}}})
	if err != nil {
		t.Fatal(err)
	}
	settle := func() {
		for range 5 {
			b.Poll(begin)
			chip.Poll(begin)
		}
	}
	first := b.SubmitAddPort(on(chip, 1))
	settle()
	if err := first.Err(); err != nil {
		t.Fatal(err)
	}
	hang, err := hwsim.ParseFault("hang:fdb")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chip.Inject(hang); err != nil {
		t.Fatal(err)
	}
	half := b.SubmitAddPort(on(chip, 2))
	settle()
	queued := b.SubmitSetPortUp(2, false)
	closed := b.Close()
	if !errors.Is(closed, switchdev.ErrOutcomeUnknown) && !errors.Is(closed, switchdev.ErrClosed) {
		t.Errorf("Close: %v", closed)
	}
	for name, k := range map[string]*bridge.Ticket{"half done": half, "queued": queued} {
		select {
		case <-k.Done():
			if k.Err() == nil {
				t.Errorf("%s: no error", name)
			}
		default:
			t.Errorf("%s: never answered", name)
		}
	}
	if again := b.Close(); again != closed {
		t.Errorf("the second Close: %v", again)
	}
}
