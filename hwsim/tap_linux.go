package hwsim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/switchcore/switchcore/switchdev"
)

const (
	tunPath = "/dev/net/tun"
	// setCarrierRequest is TUNSETCARRIER (include/uapi/linux/if_tun.h), which package
	// syscall lacks: _IOW('T', 226, int), as TUNSETIFF is with 202.
	setCarrierRequest = syscall.TUNSETIFF + 226 - 202
)

// ifreq is struct ifreq of include/uapi/linux/if.h, in its size on 64 bits.
type ifreq struct {
	name [syscall.IFNAMSIZ]byte
	data [24]byte
}

func newIfreq(name string) *ifreq {
	r := &ifreq{}
	copy(r.name[:syscall.IFNAMSIZ-1], name)
	return r
}

func (r *ifreq) text() string {
	name, _, _ := bytes.Cut(r.name[:], []byte{0})
	return string(name)
}

func ioctl(fd, request uintptr, arg unsafe.Pointer) error {
	for {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg))
		if errno == 0 {
			return nil
		}
		if errno != syscall.EINTR {
			return errno
		}
	}
}

// tapSentinel returns an errno with the sentinel that says the same; bare, where the
// sentinel alone says it.
func tapSentinel(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	sentinel := error(nil)
	switch errno {
	case syscall.EPERM, syscall.EACCES:
		sentinel = switchdev.ErrPermission
	case syscall.EBUSY:
		sentinel = switchdev.ErrBusy
	case syscall.EINVAL:
		sentinel = switchdev.ErrInvalid
	case syscall.EBADFD, syscall.ENODEV:
		sentinel = switchdev.ErrNoDevice
	default:
		return err
	}
	if errors.Is(sentinel, errno) {
		return sentinel
	}
	return fmt.Errorf("%w: %w", sentinel, errno)
}

func openTAP(name string) (*TAP, error) {
	if len(name) >= syscall.IFNAMSIZ {
		return nil, tapRefusal("open", name, "a name has up to 15 bytes", switchdev.ErrInvalid)
	}
	fd, err := syscall.Open(tunPath, syscall.O_RDWR|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	switch err {
	case nil:
	case syscall.ENOENT, syscall.ENODEV, syscall.ENXIO:
		return nil, tapRefusal("open", name, tunPath+" is missing", fmt.Errorf("%w: %w", switchdev.ErrUnsupported, err))
	default:
		return nil, tapRefusal("open", name, tunPath, tapSentinel(err))
	}
	// A descriptor without a device is an error to the poller: the device comes first.
	request := newIfreq(name)
	binary.NativeEndian.PutUint16(request.data[:], syscall.IFF_TAP|syscall.IFF_NO_PI)
	if err := ioctl(uintptr(fd), syscall.TUNSETIFF, unsafe.Pointer(request)); err != nil {
		_ = syscall.Close(fd)
		return nil, tapRefusal("open", name, "", tapSentinel(err))
	}
	t := &TAP{name: request.text(), fd: uintptr(fd), file: os.NewFile(uintptr(fd), tunPath)}
	if t.raw, err = t.file.SyscallConn(); err == nil {
		t.index, err = deviceIndex(t.name)
	}
	if err != nil {
		_ = t.file.Close()
		return nil, tapRefusal("open", t.name, "", tapSentinel(err))
	}
	return t, nil
}

// control calls the device by its descriptor.
func (t *TAP) control(op string, f func(fd uintptr) error) error {
	var failed error
	if err := t.raw.Control(func(fd uintptr) { failed = f(fd) }); err != nil {
		return switchdev.ErrClosed
	}
	if failed != nil {
		return tapRefusal(op, t.name, "", tapSentinel(failed))
	}
	return nil
}

func (t *TAP) mac() (mac switchdev.MAC, err error) {
	err = t.control("mac", func(fd uintptr) error {
		request := newIfreq("")
		err := ioctl(fd, syscall.SIOCGIFHWADDR, unsafe.Pointer(request))
		copy(mac[:], request.data[2:]) // behind sa_family
		return err
	})
	return mac, err
}

func (t *TAP) setCarrier(up bool) error {
	value := int32(0)
	if up {
		value = 1
	}
	return t.control("carrier", func(fd uintptr) error { return ioctl(fd, setCarrierRequest, unsafe.Pointer(&value)) })
}

// exists reports whether the device is there.
func (t *TAP) exists() bool {
	return nil == t.control("get", func(fd uintptr) error { return ioctl(fd, syscall.TUNGETIFF, unsafe.Pointer(newIfreq(""))) })
}

// inNamespace calls f with a socket for requests by name.
func inNamespace(f func(socket uintptr) error) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if errors.Is(err, syscall.EAFNOSUPPORT) {
		fd, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return f(uintptr(fd))
}

func deviceIndex(name string) (index int, err error) {
	err = inNamespace(func(socket uintptr) error {
		request := newIfreq(name)
		err := ioctl(socket, syscall.SIOCGIFINDEX, unsafe.Pointer(request))
		index = int(int32(binary.NativeEndian.Uint32(request.data[:])))
		return err
	})
	return index, err
}

// byName calls f with a socket, if the name still is the device's there. The
// namespace is the thread's.
func (t *TAP) byName(op string, f func(socket uintptr) error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	index, err := deviceIndex(t.name)
	if err == nil && (index != t.index || !t.exists()) {
		err = syscall.ENODEV
	}
	if err == nil {
		err = inNamespace(f)
	}
	if err != nil {
		return tapRefusal(op, t.name, "", tapSentinel(err))
	}
	return nil
}

func (t *TAP) mtu() (mtu int, err error) {
	err = t.byName("mtu", func(socket uintptr) error {
		request := newIfreq(t.name)
		err := ioctl(socket, syscall.SIOCGIFMTU, unsafe.Pointer(request))
		mtu = int(int32(binary.NativeEndian.Uint32(request.data[:])))
		return err
	})
	return mtu, err
}

func (t *TAP) setUp(up bool) error {
	return t.byName("up", func(socket uintptr) error {
		request := newIfreq(t.name)
		if err := ioctl(socket, syscall.SIOCGIFFLAGS, unsafe.Pointer(request)); err != nil {
			return err
		}
		flags := binary.NativeEndian.Uint16(request.data[:]) &^ syscall.IFF_UP
		if up {
			flags |= syscall.IFF_UP
		}
		binary.NativeEndian.PutUint16(request.data[:], flags)
		return ioctl(socket, syscall.SIOCSIFFLAGS, unsafe.Pointer(request))
	})
}

// readTAP takes a frame from the device, and reports false if there is none now.
//
// Neither this nor writeTAP tells Go's scheduler of the call: the descriptor does not
// block, so to the scheduler the call is a computation like another, and telling takes
// some twenty nanoseconds of about three hundred.
func readTAP(fd uintptr, b []byte) (n int, done bool, err error) {
	for {
		r, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(r), true, nil
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return 0, false, nil
		}
		return 0, true, errno
	}
}

// writeTAP gives the device a frame.
func writeTAP(fd uintptr, frame []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(frame))), uintptr(len(frame)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
			continue
		case syscall.EIO:
			return 0, switchdev.ErrNetDown
		case syscall.EBADFD:
			return 0, switchdev.ErrNoDevice
		case syscall.EINVAL:
			return 0, switchdev.ErrInvalid
		case syscall.EAGAIN:
			return 0, switchdev.ErrBusy
		}
		return 0, errno
	}
}

// pollfd is struct pollfd of include/uapi/asm-generic/poll.h.
type pollfd struct {
	fd              int32
	events, revents int16
}

const pollOut = 4 // POLLOUT

// writable reports whether the device takes frames: it is up. Where it is not, asking
// also has the kernel wake the poller when it is (tun_chr_poll).
func writable(fd uintptr) bool {
	ask := pollfd{fd: int32(fd), events: pollOut}
	var none syscall.Timespec
	for {
		n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&ask)), 1, uintptr(unsafe.Pointer(&none)), 0, 0, 0)
		if errno != syscall.EINTR {
			return errno == 0 && n == 1 && ask.revents&pollOut != 0
		}
	}
}

// running reports whether the device is up.
func (t *TAP) running() (up bool) {
	_ = t.raw.Control(func(fd uintptr) { up = writable(fd) })
	return up
}

// awaitUp waits until the device is up, and reports false if that will not be, or the
// plug ends first.
func (t *TAP) awaitUp() bool { return t.raw.Write(writable) == nil }
