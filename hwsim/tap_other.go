//go:build !linux

package hwsim

import "github.com/switchcore/switchcore/switchdev"

func openTAP(name string) (*TAP, error) {
	return nil, tapRefusal("open", name, "TAP devices are Linux's", switchdev.ErrUnsupported)
}

// Nobody has a TAP to call these with.

func (t *TAP) mac() (switchdev.MAC, error) { return switchdev.MAC{}, switchdev.ErrUnsupported }

func (t *TAP) mtu() (int, error) { return 0, switchdev.ErrUnsupported }

func (t *TAP) setUp(bool) error { return switchdev.ErrUnsupported }

func (t *TAP) setCarrier(bool) error { return switchdev.ErrUnsupported }

func (t *TAP) exists() bool { return false }

func (t *TAP) running() bool { return false }

func (t *TAP) awaitUp() bool { return false }

func readTAP(uintptr, []byte) (int, bool, error) { return 0, true, switchdev.ErrUnsupported }

func writeTAP(uintptr, []byte) (int, error) { return 0, switchdev.ErrUnsupported }
