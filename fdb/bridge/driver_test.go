package bridge_test

import (
	"errors"
	"testing"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// tagged is a driver that == cannot compare.
type tagged struct {
	*fake
	tags []string
}

// TestDriverThatCannotBeComparedIsRefused: devices are told apart by ==, which
// panics for such a value.
func TestDriverThatCannotBeComparedIsRefused(t *testing.T) {
	dev := tagged{newFake("sw0"), []string{"a"}}
	b, err := bridge.New(withDevices(dev))
	if !errors.Is(err, switchdev.ErrInvalid) {
		t.Errorf("error %v", err)
	}
	if b != nil {
		_ = b.Close()
	}
	w := newWorld(t, withDevices(dev.fake))
	w.fails(w.b.SubmitAddPort(on(dev, 1)), switchdev.ErrNoDevice)
}
