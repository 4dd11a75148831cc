package live

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/switchcore/switchcore/switchdev"
)

// The numbers of linux/rtnetlink.h, linux/neighbour.h and linux/if_link.h that
// package syscall does not have.
const (
	groupNeigh  = 3
	familyBR    = 7
	ndaLLAddr   = 2
	ndaVLAN     = 5
	ndaMaster   = 9
	ndaFlagsExt = 15
	iflaInfo    = 18
	iflaKind    = 1
	iflaTarget  = 46 // IFLA_TARGET_NETNSID
	solNetlink  = 270
	listenAll   = 8       // NETLINK_LISTEN_ALL_NSID
	lowerUp     = 1 << 16 // IFF_LOWER_UP: there is a carrier; IFF_RUNNING follows it
)

// rtnetlink opens a netlink socket that hears the groups.
func rtnetlink(groups uint32) (int, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Groups: groups}),
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<20))
	if err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

// message reads what is there; nil if nothing is and the flags say not to wait. With
// it comes the number of the namespace that it is of, home for the socket's own.
func message(fd, flags int, buf []byte) ([]syscall.NetlinkMessage, int, error) {
	var oob [64]byte
	for {
		n, on, _, _, err := syscall.Recvmsg(fd, buf, oob[:], flags)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN) && flags&syscall.MSG_DONTWAIT != 0:
			return nil, home, nil
		case err != nil:
			return nil, home, err
		}
		msgs, err := syscall.ParseNetlinkMessage(buf[:n])
		return msgs, namespaceOf(oob[:on]), err
	}
}

// home is the number of the namespace that a Kernel begins with; the others are
// numbered from 1.
const home = 0

func namespaceOf(oob []byte) int {
	cmsgs, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return home
	}
	for _, c := range cmsgs {
		if c.Header.Level == solNetlink && c.Header.Type == listenAll && len(c.Data) >= 4 {
			return int(int32(binary.NativeEndian.Uint32(c.Data)))
		}
	}
	return home
}

// request asks a question and hands each part of the answer to part.
func request(fd int, kind, flags uint16, body, buf []byte, part func(syscall.NetlinkMessage) error) error {
	req := make([]byte, 16, 16+len(body))
	binary.NativeEndian.PutUint32(req[0:], uint32(16+len(body)))
	binary.NativeEndian.PutUint16(req[4:], kind)
	binary.NativeEndian.PutUint16(req[6:], syscall.NLM_F_REQUEST|flags)
	if err := syscall.Sendto(fd, append(req, body...), 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	for {
		msgs, _, err := message(fd, 0, buf)
		if err != nil {
			return err
		}
		for _, m := range msgs {
			switch m.Header.Type {
			case syscall.NLMSG_DONE:
				return nil
			case syscall.NLMSG_ERROR:
				if errno := int32(binary.NativeEndian.Uint32(m.Data)); errno != 0 {
					return syscall.Errno(-errno)
				}
				return nil
			}
			if err := part(m); err != nil {
				return err
			}
			if m.Header.Flags&syscall.NLM_F_MULTI == 0 {
				return nil
			}
		}
	}
}

// attributes walks over the attributes of a message.
func attributes(b []byte, each func(kind uint16, value []byte)) error {
	for len(b) >= 4 {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			return fmt.Errorf("live: an attribute of %d octets in %d", n, len(b))
		}
		each(binary.NativeEndian.Uint16(b[2:])&0x3fff, b[4:n])
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

// parseNeighbour takes a message of an entry apart; false if it is none of a bridge.
func parseNeighbour(m syscall.NetlinkMessage) (neighbour, bool, error) {
	if m.Header.Type != syscall.RTM_NEWNEIGH && m.Header.Type != syscall.RTM_DELNEIGH || len(m.Data) < 12 || m.Data[0] != familyBR {
		return neighbour{}, false, nil
	}
	n := neighbour{
		deleted: m.Header.Type == syscall.RTM_DELNEIGH,
		index:   int(binary.NativeEndian.Uint32(m.Data[4:])),
		state:   binary.NativeEndian.Uint16(m.Data[8:]),
		flags:   m.Data[10],
	}
	err := attributes(m.Data[12:], func(kind uint16, v []byte) {
		switch {
		case kind == ndaLLAddr && len(v) == 6:
			n.mac = switchdev.MAC(v)
		case kind == ndaVLAN && len(v) >= 2:
			n.vlan = binary.NativeEndian.Uint16(v)
		case kind == ndaMaster && len(v) >= 4:
			n.master, n.hasMaster = int(binary.NativeEndian.Uint32(v)), true
		case kind == ndaFlagsExt && len(v) >= 4:
			n.flagsExt = binary.NativeEndian.Uint32(v)
		}
	})
	return n, true, err
}

// device is what is kept of an interface.
type device struct {
	index int
	name  string
	kind  string
	up    bool
	// settled: the kernel has done what follows from a change of the carrier.
	settled bool
}

func parseDevice(m syscall.NetlinkMessage) (device, error) {
	if m.Header.Type != syscall.RTM_NEWLINK || len(m.Data) < 16 {
		return device{}, fmt.Errorf("live: a message of type %d instead of a link", m.Header.Type)
	}
	d := device{
		index: int(binary.NativeEndian.Uint32(m.Data[4:])),
		up:    binary.NativeEndian.Uint32(m.Data[8:])&syscall.IFF_UP != 0,
	}
	flags := binary.NativeEndian.Uint32(m.Data[8:])
	d.settled = !d.up || flags&syscall.IFF_RUNNING != 0 == (flags&lowerUp != 0)
	var inner error
	err := attributes(m.Data[16:], func(kind uint16, v []byte) {
		switch kind {
		case syscall.IFLA_IFNAME:
			d.name = strings.TrimRight(string(v), "\x00")
		case iflaInfo:
			inner = attributes(v, func(kind uint16, v []byte) {
				if kind == iflaKind {
					d.kind = strings.TrimRight(string(v), "\x00")
				}
			})
		}
	})
	return d, errors.Join(err, inner)
}

// linkBody is a request about a link, or about all, of a namespace.
func linkBody(index, namespace int) []byte {
	b := make([]byte, 16, 24)
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	if namespace != home {
		b = binary.NativeEndian.AppendUint16(b, 8)
		b = binary.NativeEndian.AppendUint16(b, iflaTarget)
		b = binary.NativeEndian.AppendUint32(b, uint32(namespace))
	}
	return b
}
