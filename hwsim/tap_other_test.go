//go:build !linux

package hwsim

import (
	"errors"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

func TestTAPIsRefusedElsewhere(t *testing.T) {
	if tap, err := OpenTAP("tap0"); tap != nil || !errors.Is(err, switchdev.ErrUnsupported) {
		t.Errorf("OpenTAP: %v, %v, want ErrUnsupported", tap, err)
	}
}
