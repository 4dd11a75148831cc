//go:build linux

package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// LinuxBridge is a bridge of the running kernel with one port, in a network
// namespace of its own, driven over a netlink socket. It belongs to the
// goroutine that made it, which is bound to its thread.
type LinuxBridge struct {
	fd       int
	port     uint32 // interface index
	seq      uint32
	buf, msg []byte
}

// ErrNoBridge is wrapped where a kernel bridge cannot be made: not Linux, not
// root, or a kernel without it.
var ErrNoBridge = errors.New("no kernel bridge")

// NewLinuxBridge makes the namespace, which ends with the thread: the calling
// goroutine must not outlive its measurements.
func NewLinuxBridge() (*LinuxBridge, error) {
	b, err := newNamespace()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoBridge, err)
	}
	if err := b.setUp(); err != nil {
		b.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoBridge, err)
	}
	return b, nil
}

// setUp makes the bridge br0 and a pair of virtual Ethernet interfaces, and
// makes one of these a port. Nothing is brought up: a static entry needs no
// carrier.
func (b *LinuxBridge) setUp() error {
	if err := b.link("br0", "bridge"); err != nil {
		return fmt.Errorf("a bridge: %w", err)
	}
	if err := b.link("port0", "veth"); err != nil {
		return fmt.Errorf("a port: %w", err)
	}
	bridge, err := index("br0")
	if err != nil {
		return err
	}
	if b.port, err = index("port0"); err != nil {
		return err
	}
	b.begin(unix.RTM_SETLINK, 0, unix.SizeofIfInfomsg)
	body := b.msg[unix.SizeofNlMsghdr:]
	binary.NativeEndian.PutUint32(body[4:], b.port)
	b.attr(unix.IFLA_MASTER, binary.NativeEndian.AppendUint32(nil, bridge))
	return b.send()
}

// link makes an interface.
func (b *LinuxBridge) link(name, kind string) error {
	b.begin(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, unix.SizeofIfInfomsg)
	b.attr(unix.IFLA_IFNAME, append([]byte(name), 0))
	inner := attribute(nil, unix.IFLA_INFO_KIND, []byte(kind))
	b.attr(unix.IFLA_LINKINFO, inner)
	return b.send()
}

// index returns the index of an interface in the namespace of the thread.
func index(name string) (uint32, error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(s)
	if err := unix.IoctlIfreq(s, unix.SIOCGIFINDEX, ifr); err != nil {
		return 0, os.NewSyscallError("SIOCGIFINDEX", err)
	}
	return ifr.Uint32(), nil
}

// begin starts a message with a zero header of the family's own. Messages of a
// batch follow one another in msg.
func (b *LinuxBridge) begin(kind, flags uint16, header int) {
	b.msg = b.msg[:0]
	b.next(kind, flags, header)
}

func (b *LinuxBridge) next(kind, flags uint16, header int) {
	b.seq++
	h := binary.NativeEndian.AppendUint32(b.msg, uint32(unix.SizeofNlMsghdr+header))
	h = binary.NativeEndian.AppendUint16(h, kind)
	h = binary.NativeEndian.AppendUint16(h, flags|unix.NLM_F_REQUEST)
	h = binary.NativeEndian.AppendUint32(h, b.seq)
	h = binary.NativeEndian.AppendUint32(h, 0)
	b.msg = append(h, make([]byte, header)...)
}

// attr appends an attribute to the only message.
func (b *LinuxBridge) attr(kind uint16, value []byte) {
	b.msg = attribute(b.msg, kind, value)
	binary.NativeEndian.PutUint32(b.msg, uint32(len(b.msg)))
}

func attribute(to []byte, kind uint16, value []byte) []byte {
	to = binary.NativeEndian.AppendUint16(to, uint16(unix.SizeofRtAttr+len(value)))
	to = binary.NativeEndian.AppendUint16(to, kind)
	to = append(to, value...)
	return append(to, make([]byte, -len(to)&3)...)
}

// send asks for an acknowledgement of the message and waits for it.
func (b *LinuxBridge) send() error {
	flags := binary.NativeEndian.Uint16(b.msg[6:])
	binary.NativeEndian.PutUint16(b.msg[6:], flags|unix.NLM_F_ACK)
	if err := unix.Sendto(b.fd, b.msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	_, err := b.receive(func([]byte) {})
	return err
}

// receive reads messages until one is an acknowledgement or ends a dump, and
// returns how many others there were.
func (b *LinuxBridge) receive(each func(body []byte)) (n int, err error) {
	for {
		size, _, err := unix.Recvfrom(b.fd, b.buf, 0)
		if err != nil {
			return n, err
		}
		for left := b.buf[:size]; len(left) >= unix.SizeofNlMsghdr; {
			length := int(binary.NativeEndian.Uint32(left))
			if length < unix.SizeofNlMsghdr || length > len(left) {
				return n, fmt.Errorf("netlink: a message of %d bytes in %d", length, len(left))
			}
			body := left[unix.SizeofNlMsghdr:length]
			switch binary.NativeEndian.Uint16(left[4:]) {
			case unix.NLMSG_DONE:
				return n, nil
			case unix.NLMSG_ERROR:
				if code := int32(binary.NativeEndian.Uint32(body)); code != 0 {
					return n, unix.Errno(-code)
				}
				return n, nil
			default:
				each(body)
				n++
			}
			left = left[min((length+3)&^3, len(left)):]
		}
	}
}

// The parts of a neighbour message that are used (linux/neighbour.h).
const (
	ndmsgSize = 12
	ndaLladdr = 2
	ntfMaster = 4
	nudNoarp  = 0x40
)

// Batch is how many entries are put into one write to the socket.
const Batch = 256

// Add makes static entries of stations first to first+n-1, Batch in one write.
// Only the last message of a write asks for an acknowledgement, so nothing is
// said of the others unless they fail.
func (b *LinuxBridge) Add(first, n uint64) error {
	for end := first + n; first < end; {
		b.msg = b.msg[:0]
		count := min(end-first, Batch)
		for i := range count {
			flags := uint16(unix.NLM_F_CREATE | unix.NLM_F_EXCL)
			if i == count-1 {
				flags |= unix.NLM_F_ACK
			}
			b.entry(first+i, flags)
		}
		first += count
		if err := unix.Sendto(b.fd, b.msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		if _, err := b.receive(func([]byte) {}); err != nil {
			return err
		}
	}
	return nil
}

// entry appends the message that makes the entry of a station. The kernel here
// need not have VLANs, so the station has none.
func (b *LinuxBridge) entry(i uint64, flags uint16) {
	at := len(b.msg)
	b.next(unix.RTM_NEWNEIGH, flags, ndmsgSize)
	body := b.msg[at+unix.SizeofNlMsghdr:]
	body[0] = unix.AF_BRIDGE
	binary.NativeEndian.PutUint32(body[4:], b.port)
	binary.NativeEndian.PutUint16(body[8:], nudNoarp)
	body[10] = ntfMaster
	mac := binary.BigEndian.AppendUint64(nil, Address(Packed(i))<<16)
	b.msg = attribute(b.msg, ndaLladdr, mac[:6])
	binary.NativeEndian.PutUint32(b.msg[at:], uint32(len(b.msg)-at))
}

// Dump reads every entry of the namespace and returns how many there are.
func (b *LinuxBridge) Dump() (int, error) {
	b.begin(unix.RTM_GETNEIGH, unix.NLM_F_DUMP, unix.SizeofIfInfomsg)
	b.msg[unix.SizeofNlMsghdr] = unix.AF_BRIDGE
	if err := unix.Sendto(b.fd, b.msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	return b.receive(func([]byte) {})
}

// Close closes the socket. The namespace goes with the thread.
func (b *LinuxBridge) Close() { _ = unix.Close(b.fd) }
