package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// patience ends tests that hang; nothing that passes waits for it.
const patience = 20 * time.Second

// ip runs iproute2.
func ip(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// needsRoot skips a test where TAP devices and namespaces cannot be made.
func needsRoot(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip of iproute2: ", err)
	}
	tap, err := hwsim.OpenTAP("")
	if errors.Is(err, switchdev.ErrPermission) || errors.Is(err, switchdev.ErrUnsupported) {
		t.Skip("needs TAP devices: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = tap.Close()
}

// deviceName returns a name that no other process uses.
func deviceName(letter string) string { return fmt.Sprintf("sw%d%s", os.Getpid(), letter) }

// place is a network namespace with a network device in it: a station.
type place struct {
	testing.TB
	namespace string
	tap       *hwsim.TAP
	mac       switchdev.MAC
	index     int
}

// newPlace makes a namespace and moves a new TAP device into it. Its end stays with the test.
func newPlace(t testing.TB, letter string, addresses ...string) *place {
	t.Helper()
	p := &place{TB: t, namespace: deviceName(letter)}
	if out, err := exec.Command("ip", "netns", "add", p.namespace).CombinedOutput(); err != nil {
		t.Skipf("needs network namespaces: %v: %s", err, out)
	}
	t.Cleanup(func() { ip(t, "netns", "del", p.namespace) })
	var err error
	if p.tap, err = hwsim.OpenTAP(deviceName(letter)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.tap.Close() })
	ip(t, "link", "set", p.tap.Name(), "netns", p.namespace)
	p.ip("link", "set", "dev", p.tap.Name(), "addrgenmode", "none", "up")
	p.become(addresses...)
	if p.mac, err = p.tap.MAC(); err != nil {
		t.Fatal(err)
	}
	p.inside(func() error {
		dev, err := net.InterfaceByName(p.tap.Name())
		if err == nil {
			p.index = dev.Index
		}
		return err
	})
	return p
}

// ip runs iproute2 in the namespace.
func (p *place) ip(args ...string) {
	p.Helper()
	ip(p, append([]string{"-n", p.namespace}, args...)...)
}

// become gives the device addresses in place of those that it has.
func (p *place) become(addresses ...string) {
	p.Helper()
	p.ip("addr", "flush", "dev", p.tap.Name())
	for _, a := range addresses {
		args := []string{"addr", "add", a, "dev", p.tap.Name()}
		if strings.Contains(a, ":") {
			args = append(args, "nodad")
		}
		p.ip(args...)
	}
}

// inside runs f, which makes sockets, in the namespace.
func (p *place) inside(f func() error) {
	p.Helper()
	setns := map[string]uintptr{
		"amd64": 308, "386": 346, "arm64": 268, "arm": 375, "riscv64": 268, "loong64": 268, "ppc64le": 350, "s390x": 339,
	}[runtime.GOARCH] // package syscall does not have all of them
	if setns == 0 {
		p.Skip("the number of setns(2) is not known for ", runtime.GOARCH)
	}
	err := func() error {
		runtime.LockOSThread()
		here, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			return err
		}
		defer here.Close()
		there, err := os.Open(filepath.Join("/run/netns", p.namespace))
		if err != nil {
			return err
		}
		defer there.Close()
		if _, _, errno := syscall.RawSyscall(setns, there.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
			return errno
		}
		err = f()
		if _, _, errno := syscall.RawSyscall(setns, here.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
			return errno // the thread stays locked and ends with the test
		}
		runtime.UnlockOSThread()
		return err
	}()
	if err != nil {
		p.Fatal(err)
	}
}

// socket is a packet socket at the device of a place: it sees every frame that comes in by it, for
// whomever, and none that leaves.
type socket struct {
	*place
	*os.File
}

const (
	anyType  = 0x0003 // ETH_P_ALL
	testType = 0x88b5 // IEEE 802, local experimental

	packetIgnoreOutgoing = 23 // include/uapi/linux/if_packet.h
	solPacket            = 263
)

func (p *place) socket(kind uint16) socket {
	p.Helper()
	var file *os.File
	p.inside(func() error {
		fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		file = os.NewFile(uintptr(fd), p.namespace)
		if err := syscall.SetsockoptInt(fd, solPacket, packetIgnoreOutgoing, 1); err != nil {
			return err
		}
		network := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, kind))
		return syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: network, Ifindex: p.index})
	})
	p.Cleanup(func() { _ = file.Close() })
	if err := file.SetDeadline(time.Now().Add(patience)); err != nil {
		p.Fatal(err)
	}
	return socket{p, file}
}

func (s socket) send(f []byte) {
	s.Helper()
	if _, err := s.Write(f); err != nil {
		s.Fatal("send: ", err)
	}
}

func (s socket) next() []byte {
	s.Helper()
	buf := make([]byte, 2048)
	n, err := s.Read(buf)
	if err != nil {
		s.Fatalf("%s hears nothing more: %v", s.namespace, err)
	}
	return buf[:n]
}

// until reads up to the last of some frames, and returns the others that came.
func (s socket) until(markers ...[]byte) (others [][]byte) {
	s.Helper()
	for left := len(markers); left > 0; {
		f := s.next()
		marker := false
		for _, m := range markers {
			marker = marker || bytes.Equal(f, m)
		}
		if marker {
			left--
		} else {
			others = append(others, f)
		}
	}
	return others
}

// note is a frame of the tests.
func note(dst, src switchdev.MAC, text string) []byte {
	f := make([]byte, 60)
	copy(f, dst[:])
	copy(f[6:], src[:])
	binary.BigEndian.PutUint16(f[12:], testType)
	copy(f[14:], text)
	return f
}

var everybody = switchdev.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// ping asks for echoes and waits for each; nothing is sent twice.
func (p *place) ping(from, to string, count int) {
	p.Helper()
	network, request, reply := "ip4:icmp", byte(8), byte(0)
	if strings.Contains(to, ":") {
		network, request, reply = "ip6:ipv6-icmp", 128, 129
	}
	var conn net.PacketConn
	p.inside(func() (err error) {
		conn, err = net.ListenPacket(network, from)
		return err
	})
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		p.Fatal(err)
	}
	buf := make([]byte, 256)
	for i := range count {
		ask := []byte{request, 0, 0, 0, 0x5c, 0x07, 0, byte(i), 'e', 'c', 'h', 'o'}
		if request == 8 { // the kernel sums ICMPv6
			binary.BigEndian.PutUint16(ask[2:], checksum(ask))
		}
		if _, err := conn.WriteTo(ask, &net.IPAddr{IP: net.ParseIP(to)}); err != nil {
			p.Fatal(err)
		}
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				p.Fatalf("%s from %s hears no echo %d of %s: %v", p.namespace, from, i, to, err)
			}
			if n == len(ask) && buf[0] == reply && bytes.Equal(buf[4:n], ask[4:]) {
				break
			}
		}
	}
}

// checksum is that of RFC 1071, of an even number of bytes.
func checksum(data []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(data); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
