//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// sendFrames sends frames as they are, through a packet socket.
func sendFrames(args []string) error {
	device, err := net.InterfaceByName(args[0])
	if err != nil {
		return err
	}
	c, err := parseCast(args[2:])
	if err != nil {
		return err
	}
	frames, err := c.frames(args[1])
	if err != nil {
		return err
	}
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("packet socket: %w", err)
	}
	defer syscall.Close(fd)
	for i, f := range frames {
		if err := syscall.Sendto(fd, f, 0, &syscall.SockaddrLinklayer{Ifindex: device.Index}); err != nil {
			return fmt.Errorf("frame %d (% x): %w", i, f[:14], err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// ping sends echo requests from one device and waits a while for each reply. To get no reply at
// all is an error.
func ping(args []string) error {
	address, err := net.ResolveIPAddr("ip", args[1])
	if err != nil {
		return err
	}
	network, request, reply := "ip4:icmp", byte(8), byte(0)
	if address.IP.To4() == nil {
		network, request, reply = "ip6:ipv6-icmp", 128, 129
	}
	onDevice := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = syscall.BindToDevice(int(fd), args[0]) })
		if err != nil {
			return err
		}
		return failed
	}}
	conn, err := onDevice.ListenPacket(context.Background(), network, "")
	if err != nil {
		return err
	}
	defer conn.Close()
	answered := 0
	err = repeat(args[2], args[3], func(n int) error {
		if _, err := conn.WriteTo(echo(request, uint16(os.Getpid()), uint16(n)), address); err != nil {
			return err
		}
		if awaitReply(conn, reply, uint16(os.Getpid()), uint16(n)) {
			answered++
		}
		return nil
	})
	if err == nil && answered == 0 {
		err = fmt.Errorf("no reply from %v", address)
	}
	return err
}

// echo makes an echo message of 64 bytes. The checksum is for IPv4; for IPv6 the stack sets it.
func echo(kind byte, id, seq uint16) []byte {
	m := make([]byte, 64)
	m[0] = kind
	binary.BigEndian.PutUint16(m[4:], id)
	binary.BigEndian.PutUint16(m[6:], seq)
	for i := range m[8:] {
		m[8+i] = byte(i)
	}
	sum := uint32(0)
	for i := 0; i < len(m); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(m[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(m[2:], ^uint16(sum+sum>>16))
	return m
}

// awaitReply reads until the reply comes, for at most 150 ms.
func awaitReply(conn net.PacketConn, kind byte, id, seq uint16) bool {
	if err := conn.SetReadDeadline(time.Now().Add(150 * time.Millisecond)); err != nil {
		return false
	}
	for b := make([]byte, 2048); ; {
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			return false
		}
		if n >= 8 && b[0] == kind && binary.BigEndian.Uint16(b[4:]) == id && binary.BigEndian.Uint16(b[6:]) == seq {
			return true
		}
	}
}

// The ethtool commands (linux/ethtool.h) that switch off what would put frames over the MTU, or
// without their checksum, on a virtual wire.
var offloads = map[string]uint32{
	"tx checksum": 0x17, // ETHTOOL_STXCSUM
	"sg":          0x19, // ETHTOOL_SSG
	"tso":         0x1f, // ETHTOOL_STSO
	"gso":         0x24, // ETHTOOL_SGSO
	"gro":         0x2c, // ETHTOOL_SGRO
}

const siocEthtool = 0x8946

// plain switches the offloads of a device off.
func plain(args []string) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	for name, command := range offloads {
		value := struct{ command, data uint32 }{command, 0}
		request := struct {
			name [syscall.IFNAMSIZ]byte
			data unsafe.Pointer
			rest [16]byte
		}{data: unsafe.Pointer(&value)}
		copy(request.name[:syscall.IFNAMSIZ-1], args[0])
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), siocEthtool, uintptr(unsafe.Pointer(&request)))
		if errno != 0 {
			return fmt.Errorf("%s off: %w", name, errno)
		}
	}
	return nil
}
