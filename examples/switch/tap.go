package main

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/switchcore/switchcore/internal/pcapng"
	"github.com/switchcore/switchcore/switchdev"
)

// tap keeps what one port sends, as a capture file in the making.
type tap struct {
	name string
	file bytes.Buffer
	out  *pcapng.Writer
}

// tap begins to keep what leaves the ports.
func (s *ethernetSwitch) tap(ports []string) (err error) {
	for _, name := range ports {
		t := &tap{name: name}
		if t.out, err = pcapng.NewWriter(&t.file, name); err != nil {
			return err
		}
		s.taps = append(s.taps, t)
	}
	return nil
}

// keep writes down a frame that leaves a port.
func (s *ethernetSwitch) keep(port switchdev.PortID, data []byte) {
	if s.taps != nil && s.err == nil {
		s.err = s.taps[port-1].out.WritePacket(pcapng.Packet{Time: s.now, Data: data})
	}
}

// save writes the file of every tap into a directory, which it makes if it is not there.
func (s *ethernetSwitch) save(dir string) error {
	if len(s.taps) == 0 || s.err != nil {
		return s.err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, t := range s.taps {
		if err := os.WriteFile(filepath.Join(dir, t.name+".pcapng"), t.file.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return nil
}
