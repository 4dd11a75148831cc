//go:build linux

package peer

import (
	"bytes"
	"errors"
	"testing"
)

// TestTAPs sends a frame each way, and through the kernel's bridge.
func TestTAPs(t *testing.T) {
	failed := make(chan error)
	go func() { failed <- tapsWork() }() // its thread ends with it
	if err := <-failed; errors.Is(err, ErrNoTAP) {
		t.Skip(err)
	} else if err != nil {
		t.Error(err)
	}
}

func tapsWork() error {
	bridged, err := NewTAPs(2, true)
	if err != nil {
		return err
	}
	defer bridged.Close()
	plain, err := NewTAPs(2, false)
	if err != nil {
		return err
	}
	defer plain.Close()
	frame := append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5}, make([]byte, 46)...)
	buf := make([]byte, 2048)
	get := func(p *TAP) bool {
		for {
			n, err := p.Read(buf)
			if n == 0 || err != nil {
				return false
			}
			if bytes.Equal(buf[:n], frame) {
				return true
			}
		}
	}
	if err := plain.Ports[0].Send(frame); err != nil {
		return err
	}
	if !get(plain.Ports[0]) || get(plain.Ports[1]) {
		return errors.New("what the host sent did not leave by its interface alone")
	}
	before, err := plain.Ports[1].Received()
	if err != nil {
		return err
	}
	if err := plain.Ports[1].Write(frame); err != nil {
		return err
	}
	if after, err := plain.Ports[1].Received(); err != nil || after != before+1 {
		return errors.Join(errors.New("what was written did not come in"), err)
	}
	if err := bridged.Ports[0].Write(frame); err != nil {
		return err
	}
	if !get(bridged.Ports[1]) || get(bridged.Ports[0]) {
		return errors.New("the kernel's bridge did not forward the frame")
	}
	return nil
}
