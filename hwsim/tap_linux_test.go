package hwsim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/switchcore/switchcore/switchdev"
)

// patience ends tests that hang; nothing that passes waits for it.
const patience = 20 * time.Second

// openTestTAP makes a device that is up, or skips the test where that is not allowed.
func openTestTAP(t *testing.T) *TAP {
	t.Helper()
	tap, err := OpenTAP("")
	if errors.Is(err, switchdev.ErrPermission) || errors.Is(err, switchdev.ErrUnsupported) {
		t.Skip("needs TAP devices: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tap.Close() })
	// Else the kernel sends frames of its own, and not when a test expects them.
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+tap.Name()+"/disable_ipv6", []byte("1"), 0)
	if err := tap.SetUp(true); err != nil {
		t.Fatal(err)
	}
	return tap
}

// station is what uses the device: a packet socket that sees the frames of the tests
// and nothing else.
type station struct {
	testing.TB
	*os.File
}

// testType is the type of the tests' frames (IEEE 802, local experimental).
const testType = 0x88b5

func newStation(t testing.TB, tap *TAP) station {
	t.Helper()
	network := func(v uint16) uint16 { return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v)) }
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := station{t, os.NewFile(uintptr(fd), "packet socket")}
	t.Cleanup(func() { _ = s.Close() })
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: network(testType), Ifindex: tap.index}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return s
}

// note builds a frame of the tests that is a number to tell it by.
func note(dst, src switchdev.MAC, number uint32, size int) []byte {
	f := make([]byte, max(size, 18))
	copy(f, dst[:])
	copy(f[6:], src[:])
	binary.BigEndian.PutUint16(f[12:], testType)
	for i := 14; i+4 <= len(f); i += 4 {
		binary.BigEndian.PutUint32(f[i:], number)
	}
	return f
}

func (s station) send(f []byte) {
	s.Helper()
	if _, err := s.Write(f); err != nil {
		s.Fatal("send: ", err)
	}
}

func (s station) receives(want []byte) {
	s.Helper()
	buf := make([]byte, 2048)
	n, err := s.Read(buf)
	if err != nil {
		s.Fatalf("waits for % x: %v", want[:18], err)
	}
	if !bytes.Equal(buf[:n], want) {
		s.Fatalf("got % x, want % x", buf[:min(n, 18)], want[:18])
	}
}

// next reads frames until one of the tests comes: the kernel's own stack sends too.
func next(t *testing.T, tap *TAP, buf []byte) []byte {
	t.Helper()
	for {
		n, err := tap.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if n >= 14 && binary.BigEndian.Uint16(buf[12:]) == testType {
			return buf[:n]
		}
	}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip of iproute2: ", err)
	}
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestTAPCarriesFramesUnchanged(t *testing.T) {
	tap := openTestTAP(t)
	there := newStation(t, tap)
	buf := make([]byte, 2048)
	for i, size := range []int{18, 60, 1514} {
		f := note(macA, macB, uint32(i), size)
		there.send(f)
		if got := next(t, tap, buf); !bytes.Equal(got, f) {
			t.Fatalf("read % x, want % x", got[:18], f[:18])
		}
		f = note(macB, macA, uint32(i)<<8, size)
		if n, err := tap.Write(f); n != len(f) || err != nil {
			t.Fatal(n, err)
		}
		there.receives(f)
	}
	if c := tap.Counters(); c.RxFrames < 3 || c.RxBytes < 18+60+1514 || c.TxFrames != 3 || c.TxBytes != 18+60+1514 {
		t.Errorf("counters %+v", c)
	}
}

func TestTAPKnowsItsDevice(t *testing.T) {
	tap := openTestTAP(t)
	dev, err := net.InterfaceByName(tap.Name())
	if err != nil {
		t.Fatal(err)
	}
	if mac, err := tap.MAC(); err != nil || mac.String() != dev.HardwareAddr.String() {
		t.Errorf("MAC %v, %v, the kernel says %v", mac, err, dev.HardwareAddr)
	}
	if mtu, err := tap.MTU(); err != nil || mtu != dev.MTU || mtu != 1500 {
		t.Errorf("MTU %v, %v, the kernel says %v", mtu, err, dev.MTU)
	}
	ip(t, "link", "set", tap.Name(), "mtu", "9000", "address", macC.String())
	mac, _ := tap.MAC()
	if mtu, err := tap.MTU(); mtu != 9000 || mac != macC {
		t.Errorf("after a change: MTU %v, MAC %v, %v", mtu, mac, err)
	}
	for _, up := range []bool{false, true} {
		if err := tap.SetUp(up); err != nil {
			t.Fatal(err)
		}
		if dev, _ = net.InterfaceByName(tap.Name()); dev.Flags&net.FlagUp != 0 != up || tap.running() != up {
			t.Errorf("set %v: the kernel says %v, the poller %v", up, dev.Flags, tap.running())
		}
	}
	for _, up := range []bool{false, true} {
		if err := tap.SetCarrier(up); err != nil {
			t.Fatal(err)
		}
		says, err := os.ReadFile("/sys/class/net/" + tap.Name() + "/carrier")
		if err != nil {
			t.Skip("needs sysfs: ", err)
		}
		if strings.HasPrefix(string(says), "1") != up {
			t.Errorf("carrier %v: the kernel says %q", up, says)
		}
	}
}

// wants checks an error for a sentinel and the errno of the kernel.
func wants(t *testing.T, what string, err, sentinel error, errno syscall.Errno) {
	t.Helper()
	if !errors.Is(err, sentinel) || !errors.Is(err, errno) {
		t.Errorf("%s: %v, want %v and %v", what, err, sentinel, errno)
	}
}

func TestTAPRefusesWhatTheKernelRefuses(t *testing.T) {
	tap := openTestTAP(t)
	_, err := OpenTAP(tap.Name())
	wants(t, "a second one", err, switchdev.ErrBusy, syscall.EBUSY)
	for _, name := range []string{"lo", "a/b", "a b", "0123456789abcdef"} {
		_, err = OpenTAP(name)
		wants(t, name, err, switchdev.ErrInvalid, syscall.EINVAL)
	}
	var op *switchdev.OpError
	if !errors.As(err, &op) || op.Object != "0123456789abcdef" {
		t.Errorf("%v does not name the device", err)
	}
	_, err = tap.Write(make([]byte, 13))
	wants(t, "13 bytes", err, switchdev.ErrInvalid, syscall.EINVAL)
	if err := tap.SetUp(false); err != nil {
		t.Fatal(err)
	}
	_, err = tap.Write(note(macA, macB, 1, 60))
	wants(t, "down", err, switchdev.ErrNetDown, syscall.ENETDOWN) // the kernel says EIO here
	if c := tap.Counters(); c.TxDown != 1 || c.TxFailed != 1 || c.TxFrames != 0 {
		t.Errorf("counters %+v", c)
	}
}

// TestTAPNeedsCapability gives up the capabilities of one thread, which ends with the
// test.
func TestTAPNeedsCapability(t *testing.T) {
	openTestTAP(t)
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		header := struct {
			version uint32
			pid     int32
		}{version: 0x20080522}
		var none [6]uint32
		if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0); errno != 0 {
			done <- errno
			return
		}
		_, err := OpenTAP("")
		done <- err
	}()
	wants(t, "without capabilities", <-done, switchdev.ErrPermission, syscall.EPERM)
}

func TestTAPCloseUnblocksReader(t *testing.T) {
	tap := openTestTAP(t)
	reading := make(chan struct{})
	result := make(chan error)
	go func() {
		buf := make([]byte, 2048)
		close(reading)
		for {
			if _, err := tap.Read(buf); err != nil {
				result <- err
				return
			}
		}
	}()
	<-reading
	if err := tap.Close(); err != nil {
		t.Error(err)
	}
	wants(t, "the reader", <-result, switchdev.ErrClosed, syscall.EBADF)
	if _, err := net.InterfaceByName(tap.Name()); err == nil {
		t.Error("the device is still there")
	}
	_, err := tap.Read(make([]byte, 100))
	wants(t, "read", err, switchdev.ErrClosed, syscall.EBADF)
	_, err = tap.Write(make([]byte, 100))
	wants(t, "write", err, switchdev.ErrClosed, syscall.EBADF)
	_, err = tap.MAC()
	wants(t, "MAC", err, switchdev.ErrClosed, syscall.EBADF)
	if err := tap.Close(); err != nil {
		t.Error("closed again: ", err)
	}
}

func TestTAPThatWasDeletedSaysSo(t *testing.T) {
	tap := openTestTAP(t)
	result := make(chan error)
	go func() {
		buf := make([]byte, 2048)
		for {
			if _, err := tap.Read(buf); err != nil {
				result <- err
				return
			}
		}
	}()
	ip(t, "link", "del", tap.Name())
	wants(t, "the reader", <-result, switchdev.ErrNoDevice, syscall.ENODEV)
	_, err := tap.Write(make([]byte, 100))
	wants(t, "write", err, switchdev.ErrNoDevice, syscall.ENODEV) // the kernel says EBADFD
	_, err = tap.MAC()
	wants(t, "MAC", err, switchdev.ErrNoDevice, syscall.EBADFD)
	_, err = tap.MTU()
	wants(t, "MTU", err, switchdev.ErrNoDevice, syscall.ENODEV)
	wants(t, "up", tap.SetUp(true), switchdev.ErrNoDevice, syscall.ENODEV)
	chip, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer chip.Close()
	wants(t, "plug", tap.Plug(chip.Port(1)), switchdev.ErrNoDevice, syscall.ENODEV)
}

func TestTAPStaysWhereItIsPersistent(t *testing.T) {
	first := openTestTAP(t)
	name := first.Name()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	ip(t, "tuntap", "add", "dev", name, "mode", "tap")
	defer ip(t, "tuntap", "del", "dev", name, "mode", "tap")
	for range 2 {
		tap, err := OpenTAP(name)
		if err != nil {
			t.Fatal(err)
		}
		_ = tap.Close()
	}
	if _, err := net.InterfaceByName(name); err != nil {
		t.Error(err)
	}
}

func TestTAPReadAndWriteAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	tap := openTestTAP(t)
	there := newStation(t, tap)
	f := note(macA, macB, 1, 60)
	if n := testing.AllocsPerRun(200, func() { _, _ = tap.Write(f) }); n != 0 {
		t.Errorf("Write: %v allocations", n)
	}
	for range 202 {
		there.send(f)
	}
	buf := make([]byte, 2048)
	if n := testing.AllocsPerRun(200, func() { _, _ = tap.Read(buf) }); n != 0 {
		t.Errorf("Read: %v allocations", n)
	}
}

func TestTAPTakesWritesFromEverywhere(t *testing.T) {
	tap := openTestTAP(t)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			f := note(macA, macB, uint32(w), 60)
			for range 500 {
				if _, err := tap.Write(f); err != nil && err != switchdev.ErrClosed {
					t.Error(err)
				}
			}
		})
	}
	writers.Go(func() { _ = tap.Close() })
	writers.Wait()
	if c := tap.Counters(); c.TxFrames+c.TxFailed != 2000 || c.TxDown != 0 {
		t.Errorf("counters %+v", c)
	}
}
