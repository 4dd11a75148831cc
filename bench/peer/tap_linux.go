//go:build linux

package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNoTAP is wrapped where TAP interfaces cannot be made: not Linux, not root,
// or a kernel without them.
var ErrNoTAP = errors.New("no TAP interfaces")

// TAP is a TAP interface: Read and Write are what a program does that is the
// other end of its cable.
type TAP struct {
	Name   string
	fd     int
	packet int // a packet socket on the interface
}

// TAPs are interfaces in a network namespace of their own, and the host in it
// says nothing by itself. They belong to the goroutine that made them, which is
// bound to its thread.
type TAPs struct {
	Ports  []*TAP
	bridge *LinuxBridge
}

// queue is how many frames wait in an interface for a program to read them.
const queue = 1024

// NewTAPs makes a namespace, which ends with the thread, with so many TAP
// interfaces, which are up. With bridged they are the ports of a bridge of the
// kernel.
func NewTAPs(n int, bridged bool) (*TAPs, error) {
	b, err := newNamespace()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTAP, err)
	}
	t := &TAPs{bridge: b}
	// Or the host would ask about its addresses on every interface.
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
	if err := t.setUp(n, bridged); err != nil {
		t.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoTAP, err)
	}
	return t, nil
}

func (t *TAPs) setUp(n int, bridged bool) error {
	var master uint32
	if bridged {
		if err := t.bridge.link("br0", "bridge"); err != nil {
			return fmt.Errorf("a bridge: %w", err)
		}
		var err error
		if master, err = index("br0"); err != nil {
			return err
		}
		if err := t.bridge.up(master, 0); err != nil {
			return err
		}
	}
	for i := range n {
		p := &TAP{Name: fmt.Sprintf("tap%d", i), fd: -1, packet: -1}
		t.Ports = append(t.Ports, p)
		if err := p.open(); err != nil {
			return err
		}
		at, err := index(p.Name)
		if err != nil {
			return err
		}
		if err := t.bridge.up(at, master); err != nil {
			return err
		}
		if err := p.listen(at); err != nil {
			return err
		}
	}
	return nil
}

// open makes the interface.
func (p *TAP) open() (err error) {
	if p.fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("open /dev/net/tun", err)
	}
	ifr, err := unix.NewIfreq(p.Name)
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(p.fd, unix.TUNSETIFF, ifr); err != nil {
		return os.NewSyscallError("TUNSETIFF", err)
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	ifr.SetUint32(queue)
	return os.NewSyscallError("SIOCSIFTXQLEN", unix.IoctlIfreq(s, unix.SIOCSIFTXQLEN, ifr))
}

// listen makes the packet socket by which the host sends. It gets nothing: its
// protocol is 0.
func (p *TAP) listen(index uint32) (err error) {
	if p.packet, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("a packet socket", err)
	}
	_ = unix.SetsockoptInt(p.packet, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 16<<20)
	return os.NewSyscallError("bind", unix.Bind(p.packet, &unix.SockaddrLinklayer{Ifindex: int(index)}))
}

// Send sends a frame from the host in the namespace, so that Read gets it.
func (p *TAP) Send(frame []byte) error {
	_, err := unix.Write(p.packet, frame)
	return err
}

// Read reads a frame that leaves the interface. It returns 0 when there is none.
func (p *TAP) Read(buf []byte) (int, error) {
	n, err := unix.Read(p.fd, buf)
	if err == unix.EAGAIN {
		return 0, nil
	}
	return n, err
}

// Write puts a frame into the interface, as one that came in by it.
func (p *TAP) Write(frame []byte) error {
	_, err := unix.Write(p.fd, frame)
	return err
}

// Drain reads what waits and forgets it.
func (p *TAP) Drain(buf []byte) {
	for {
		if n, err := p.Read(buf); n == 0 || err != nil {
			return
		}
	}
}

// Received returns how many frames have come in by the interface.
func (p *TAP) Received() (n uint64, err error) {
	text, err := os.ReadFile("/proc/thread-self/net/dev")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if name, counters, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name == p.Name {
			var octets uint64
			_, err := fmt.Sscan(counters, &octets, &n)
			return n, err
		}
	}
	return 0, fmt.Errorf("no counters of %s", p.Name)
}

// Close ends the interfaces. The namespace goes with the thread.
func (t *TAPs) Close() {
	for _, p := range t.Ports {
		_ = unix.Close(p.fd)
		_ = unix.Close(p.packet)
	}
	t.bridge.Close()
}

// newNamespace makes a network namespace and a netlink socket in it. The
// goroutine is bound to its thread for good.
func newNamespace() (*LinuxBridge, error) {
	runtime.LockOSThread() // for good: nobody else may run on a thread in another namespace
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("a network namespace: %w", err)
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("a netlink socket: %w", err)
	}
	b := &LinuxBridge{fd: fd, buf: make([]byte, 1<<20)}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	// A lost answer is an error then, and not a wait for ever.
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 30})
	return b, nil
}

// up brings an interface up, as a port of master unless that is 0.
func (b *LinuxBridge) up(index, master uint32) error {
	b.begin(unix.RTM_SETLINK, 0, unix.SizeofIfInfomsg)
	body := b.msg[unix.SizeofNlMsghdr:]
	binary.NativeEndian.PutUint32(body[4:], index)
	binary.NativeEndian.PutUint32(body[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(body[12:], unix.IFF_UP)
	if master != 0 {
		b.attr(unix.IFLA_MASTER, binary.NativeEndian.AppendUint32(nil, master))
	}
	return b.send()
}
