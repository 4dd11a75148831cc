package live

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// space is a network namespace of a Kernel.
type space struct {
	name      string // "" is home
	devices   map[int]device
	names     map[int]string // also of interfaces that have gone
	recording bool
	events    []string
}

func newSpace(name string) *space {
	return &space{name: name, devices: map[int]device{}, names: map[int]string{}}
}

// byName finds an interface at home.
func (k *Kernel) byName(name string) (device, bool) {
	for _, d := range k.spaces[home].devices {
		if d.name == name {
			return d, true
		}
	}
	return device{}, false
}

// number gives a namespace that was named the number by which netlink speaks of it.
func (k *Kernel) number(name string) error {
	if _, err := os.Stat(filepath.Join(namespaces, name)); err != nil {
		return nil // the tool has said why
	}
	if slices.ContainsFunc(k.spaces, func(s *space) bool { return s.name == name }) {
		return nil
	}
	quiet := "for f in all default; do echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; done"
	if _, err := k.run(k.ip, "netns", "exec", name, "sh", "-c", quiet); err != nil {
		return err
	}
	printed, err := k.run(k.ip, "netns", "set", name, strconv.Itoa(len(k.spaces)))
	if err == nil && printed[1].Len() > 0 {
		err = fmt.Errorf("live: a number for namespace %s: %s", name, printed[1].String())
	}
	k.spaces = append(k.spaces, newSpace(name))
	return err
}

// forget is for a namespace that was deleted. Its number is not given again.
func (k *Kernel) forget(name string) {
	if _, err := os.Stat(filepath.Join(namespaces, name)); err == nil {
		return
	}
	for _, s := range k.spaces[1:] {
		if s.name == name {
			s.name = "-"
		}
	}
}

// settle learns which interfaces there are, has the kernel do the deferred work on
// their carrier, lets frames that are under way arrive, and keeps the notifications.
func (k *Kernel) settle() error {
	if err := k.connected(); err != nil {
		return err
	}
	for number, s := range k.spaces {
		if s.name == "-" {
			continue
		}
		if err := k.settleSpace(number, s); err != nil {
			return fmt.Errorf("live: namespace %q: %w", s.name, err)
		}
	}
	if err := k.quiet(); err != nil {
		return err
	}
	if k.loopback != 0 {
		if _, err := k.flush(); err != nil {
			return err
		}
	}
	return k.listen()
}

func (k *Kernel) settleSpace(number int, s *space) error {
	clear(s.devices)
	var bridges, others []int
	err := request(k.talk, syscall.RTM_GETLINK, syscall.NLM_F_DUMP, linkBody(0, number), k.buf, func(m syscall.NetlinkMessage) error {
		d, err := parseDevice(m)
		s.devices[d.index], s.names[d.index] = d, d.name
		if d.kind == "bridge" {
			bridges = append(bridges, d.index)
		} else {
			others = append(others, d.index)
		}
		return err
	})
	if err != nil {
		return err
	}
	for range 2 { // a port's carrier may change its bridge's, and that a cable's
		for _, index := range slices.Concat(others, bridges) {
			err := request(k.talk, syscall.RTM_GETLINK, 0, linkBody(index, number), k.buf, func(syscall.NetlinkMessage) error { return nil })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// listen keeps the notifications that have come.
func (k *Kernel) listen() error {
	for {
		msgs, number, err := message(k.hear, syscall.MSG_DONTWAIT, k.buf)
		if err != nil || msgs == nil {
			return err
		}
		if number < 0 || number >= len(k.spaces) {
			continue
		}
		s := k.spaces[number]
		for _, m := range msgs {
			n, ok, err := parseNeighbour(m)
			if err != nil {
				return err
			}
			line, keep, err := s.line(n)
			if err != nil {
				return err
			}
			if ok && keep && s.recording {
				s.events = append(s.events, map[bool]string{false: "new ", true: "del "}[n.deleted]+line)
			}
		}
	}
}

// line prints what a message says; false for what transcripts leave out.
func (s *space) line(n neighbour) (string, bool, error) {
	if s.names[n.index] == "lo" || n.flags&0x02 != 0 && isFilter(n.mac.String()) {
		return "", false, nil
	}
	line, err := rowLine(n.row(func(index int) string { return s.names[index] }))
	return line, true, err
}

// notifications returns those of a namespace since the previous call. The first call
// starts recording and returns nothing.
func (s *space) notifications() []string {
	if !s.recording {
		s.recording = true
		return nil
	}
	out := s.events
	s.events = nil
	return out
}

// Events returns the notifications since the previous call, as "lab events fdb"
// prints them. The first call starts recording and returns nothing.
func (k *Kernel) Events() []string { return k.spaces[home].notifications() }

// Dump returns the forwarding databases as "bridge -j fdb show" prints them,
// without running it.
func (k *Kernel) Dump() ([]string, error) {
	var rows []string
	err := k.do(func() error {
		body := make([]byte, 12)
		body[0] = familyBR
		return request(k.talk, syscall.RTM_GETNEIGH, syscall.NLM_F_DUMP, body, k.buf, func(m syscall.NetlinkMessage) error {
			n, ok, err := parseNeighbour(m)
			if !ok || err != nil {
				return err
			}
			line, keep, err := k.spaces[home].line(n)
			if keep {
				rows = append(rows, line)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return fdbLines(rows)
}
