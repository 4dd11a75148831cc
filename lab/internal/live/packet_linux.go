package live

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/switchcore/switchcore/switchdev"
)

const (
	solPacket            = 263 // linux/if_packet.h
	packetAuxdata        = 8
	packetIgnoreOutgoing = 23
	vlanValid            = 1 << 4
	etherType            = 0x88b5
	vlanType             = 0x8100
	frameSize            = 64
	// hops is how often a frame may be queued on its way, with room to spare:
	// twice for each bridge that it passes, and cables may join bridges.
	hops = 8
)

// taps opens the socket that sends and hears the frames of all interfaces.
func taps() (int, error) {
	proto := int(htons(syscall.ETH_P_ALL))
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, proto)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		syscall.SetsockoptInt(fd, solPacket, packetAuxdata, 1),
		syscall.SetsockoptInt(fd, solPacket, packetIgnoreOutgoing, 1),
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<20))
	if err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

func htons(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

// frame makes the frame that "lab send" sends; vlan is -1 for an untagged one.
func frame(src, dst switchdev.MAC, vlan int) []byte {
	b := make([]byte, 0, frameSize)
	b = append(append(b, dst[:]...), src[:]...)
	if vlan >= 0 {
		b = binary.BigEndian.AppendUint16(b, vlanType)
		b = binary.BigEndian.AppendUint16(b, uint16(vlan))
	}
	b = binary.BigEndian.AppendUint16(b, etherType)
	return b[:frameSize]
}

// sighting is a frame that an interface received.
type sighting struct {
	index int
	frame []byte
	vlan  int // -1: untagged
}

// receive reads one frame; false if there is none.
func (k *Kernel) receive(flags int) (sighting, bool, error) {
	buf, oob := make([]byte, 2048), make([]byte, 256)
	for {
		n, on, _, from, err := syscall.Recvmsg(k.packets, buf, oob, flags)
		switch {
		case errors.Is(err, syscall.EINTR), errors.Is(err, syscall.ENETDOWN): // a device went, an error of the past
			continue
		case errors.Is(err, syscall.EAGAIN):
			return sighting{}, false, nil
		case err != nil:
			return sighting{}, false, err
		}
		ll, ok := from.(*syscall.SockaddrLinklayer)
		if !ok || ll.Pkttype == syscall.PACKET_OUTGOING {
			continue
		}
		s := sighting{ll.Ifindex, slices.Clone(buf[:n]), -1}
		return s, true, s.tag(oob[:on])
	}
}

// tag takes the VLAN of a frame from where the kernel has put it.
func (s *sighting) tag(oob []byte) error {
	cmsgs, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return err
	}
	for _, c := range cmsgs {
		if c.Header.Level == solPacket && c.Header.Type == packetAuxdata && len(c.Data) >= 18 {
			if binary.NativeEndian.Uint32(c.Data)&vlanValid != 0 {
				s.vlan = int(binary.NativeEndian.Uint16(c.Data[16:]) & 0xfff)
				return nil
			}
		}
	}
	if len(s.frame) >= 18 && binary.BigEndian.Uint16(s.frame[12:]) == vlanType {
		s.vlan = int(binary.BigEndian.Uint16(s.frame[14:]) & 0xfff)
		s.frame = slices.Delete(s.frame, 12, 16)
	}
	return nil
}

// drain forgets what nobody asked for.
func (k *Kernel) drain() error {
	for {
		if _, ok, err := k.receive(syscall.MSG_DONTWAIT); !ok || err != nil {
			return err
		}
	}
}

// transmit sends by an interface, as what the frame says that it is: what a bridge
// itself sends is not looked at for a tag otherwise. That the interface is down is no
// error: the frame is lost.
func (k *Kernel) transmit(index int, f []byte) error {
	to := &syscall.SockaddrLinklayer{Ifindex: index, Protocol: htons(binary.BigEndian.Uint16(f[12:])), Halen: 6}
	err := syscall.Sendto(k.packets, f, 0, to)
	if errors.Is(err, syscall.ENETDOWN) || errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENXIO) {
		return nil
	}
	return err
}

// flush sends frames by the loopback device until what was sent before has arrived,
// and returns all other frames that did.
func (k *Kernel) flush() ([]sighting, error) {
	var got []sighting
	for range hops {
		k.markers++
		marker := frame(switchdev.MAC{}, switchdev.MAC{}, -1)
		binary.BigEndian.PutUint64(marker[14:], k.markers)
		if err := k.transmit(k.loopback, marker); err != nil {
			return nil, err
		}
		for {
			s, ok, err := k.receive(0)
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, errors.New("live: a frame on the loopback device did not arrive")
			}
			if s.index == k.loopback && len(s.frame) >= 22 && binary.BigEndian.Uint64(s.frame[14:]) == k.markers {
				break
			}
			got = append(got, s)
		}
	}
	return got, nil
}

// send executes "lab send".
func (k *Kernel) send(line string, w []string) ([]string, error) {
	if len(w) < 3 {
		return nil, &Unsupported{line, "lab send IF SRC DST"}
	}
	src, err1 := switchdev.ParseMAC(w[1])
	dst, err2 := switchdev.ParseMAC(w[2])
	vlan, count := -1, 1
	rest := w[3:]
	for ; len(rest) >= 2; rest = rest[2:] {
		n, err := strconv.Atoi(rest[1])
		switch {
		case err == nil && rest[0] == "vlan" && n >= 0 && n < 4096:
			vlan = n
		case err == nil && rest[0] == "count" && n > 0 && n <= 1000:
			count = n
		default:
			return nil, &Unsupported{line, "lab send: " + rest[0]}
		}
	}
	from, ok := k.byName(w[0])
	if err1 != nil || err2 != nil || len(rest) != 0 || !ok {
		return nil, &Unsupported{line, "lab send IF SRC DST [vlan V] [count K]"}
	}
	if err := k.drain(); err != nil {
		return nil, err
	}
	if err := k.rack.refreshable(w[1]); err != nil {
		return nil, err
	}
	f := frame(src, dst, vlan)
	for range count {
		if err := k.transmit(from.index, f); err != nil {
			return nil, fmt.Errorf("live: %s: %w", line, err)
		}
	}
	got, err := k.arrived()
	return []string{"rx: " + k.places(got, src, dst)}, err
}

// arrived returns the frames that arrive by what was sent.
func (k *Kernel) arrived() ([]sighting, error) {
	got, err := k.flush()
	if err != nil || k.rack == nil {
		return got, err
	}
	if err := k.quiet(); err != nil {
		return got, err
	}
	more, err := k.flush()
	return append(got, more...), err
}

// places words who received frames with the two addresses.
func (k *Kernel) places(got []sighting, src, dst switchdev.MAC) string {
	counts := map[string]map[int]int{}
	for _, s := range got {
		d, ok := k.spaces[home].devices[s.index]
		if !ok || !isPlace(d) || len(s.frame) < 14 || [6]byte(s.frame[0:6]) != dst || [6]byte(s.frame[6:12]) != src {
			continue
		}
		if binary.BigEndian.Uint16(s.frame[12:]) != etherType {
			continue
		}
		if counts[d.name] == nil {
			counts[d.name] = map[int]int{}
		}
		counts[d.name][s.vlan]++
	}
	var words []string
	for name, tags := range counts {
		for vlan, n := range tags {
			word := name
			if vlan >= 0 {
				word += "/" + strconv.Itoa(vlan)
			}
			if n > 1 {
				word += "*" + strconv.Itoa(n)
			}
			words = append(words, word)
		}
	}
	if words == nil {
		return "-"
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// isPlace reports whether "lab send" tells what an interface receives: hosts, and
// bridges.
func isPlace(d device) bool {
	return d.kind == "bridge" || (d.kind == "veth" || d.kind == "") && strings.HasPrefix(d.name, "h")
}
