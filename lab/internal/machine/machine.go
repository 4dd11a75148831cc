package machine

import (
	"errors"
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Machine is the kernel's side of the lab. Make one with New and end it with Close.
// It is used by one goroutine at a time.
type Machine struct {
	cfg     Config
	now     time.Time
	spaces  map[string]*space
	devices map[int]*device
	next    int // index of the next device
	bridges []*bridgeDevice
	rack    *rack
	flight  flight
	moments time.Duration // those that have passed
	recent  string        // what the last poll was about, for who finds that it never ends
	closed  bool
}

// space is a network namespace.
type space struct {
	name    string
	lo      *device
	journal journal
}

// New returns a machine with the initial namespace and its lo, and a switch whose ports
// nobody sees yet.
func New(cfg Config) (*Machine, error) {
	if cfg.Start.IsZero() {
		cfg.Start = time.Date(2001, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	m := &Machine{
		cfg: cfg, now: cfg.Start, spaces: make(map[string]*space), devices: make(map[int]*device), next: firstIndex,
	}
	if err := m.openRack(); err != nil {
		return nil, err
	}
	m.openSpace("")
	return m, nil
}

// Close ends bridges and switches. It is idempotent.
func (m *Machine) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	m.loose()
	var errs []error
	for _, b := range slices.Clone(m.bridges) {
		if err := m.closeBridge(b); err != nil {
			errs = append(errs, err, b.b.Close())
		}
	}
	return errors.Join(append(errs, m.rack.sw.Close())...)
}

// Now returns the machine's time.
func (m *Machine) Now() time.Time { return m.now }

// AddNS makes a namespace, "ip netns add": EEXIST if there is one of that name.
func (m *Machine) AddNS(name string) error {
	if m.spaces[name] != nil {
		return &Error{Errno: EEXIST}
	}
	m.openSpace(name)
	return nil
}

func (m *Machine) openSpace(name string) *space {
	s := &space{name: name}
	s.lo = &device{index: 1, name: "lo", space: s, kind: Loopback, mtu: 65536, carrier: true, up: name == ""}
	m.spaces[name] = s
	return s
}

// HasNS reports whether there is such a namespace; "" always is.
func (m *Machine) HasNS(name string) bool { return m.spaces[name] != nil }

// DeleteNS removes a namespace with all that is in it, "ip netns del": ENOENT if there is
// none. Virtual devices are deleted, each with the other end of its cable. Linux:
// net/core/dev.c, default_device_exit_batch.
func (m *Machine) DeleteNS(name string) error {
	s := m.spaces[name]
	if s == nil || name == "" {
		return &Error{Errno: ENOENT}
	}
	for _, d := range m.sorted(s) {
		if d.kind == Host {
			return &Unsupported{What: "deleting the namespace of a station of a switch port"}
		}
	}
	var errs []error
	for _, d := range m.sorted(s) {
		if d.kind != Loopback && m.devices[d.index] == d { // not gone with its peer
			errs = append(errs, m.remove(d))
		}
	}
	delete(m.spaces, name)
	return errors.Join(errs...)
}

// firstIndex is the number of the first device that is no port of a switch, whose
// numbers are those of the switch.
const firstIndex = 16

// bridgeMAC is the address of a bridge of the lab.
func bridgeMAC() switchdev.MAC { return switchdev.MAC{0x02, 0, 0, 0, 0, 0xfe} }
