package hwsim

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/switchcore/switchcore/switchdev"
)

// TAP is a network device of Linux whose cable ends in this process: what the
// kernel sends by the device comes out of [TAP.Read], and what is given to
// [TAP.Write] has come in by it. Plugged into a [Port] it joins a chip to real
// network stacks, also to those of other network namespaces: the device may be
// moved to one while it is open.
//
// To the switch the device is a station, or whatever the kernel puts behind it.
// Its address is not that of the port; a port with the same one would take the
// station's frames for its own.
//
// Make one with [OpenTAP] and end it with [TAP.Close]. All methods may be called
// concurrently. On systems other than Linux there is none.
//
// Linux: drivers/net/tun.c, Documentation/networking/tuntap.rst.
type TAP struct {
	name  string
	index int // the device's number where it was opened
	file  *os.File
	raw   syscall.RawConn
	fd    uintptr // good for those who are inside
	count tapCounters
	// inside counts who is in a call with fd. When shut is set nobody goes in any more.
	inside atomic.Int64
	shut   atomic.Bool

	// mu guards closed and changes of plug. It is not held while a frame is on its
	// way, nor over anything that waits.
	mu     sync.Mutex
	plug   atomic.Pointer[tapPlug] // nil: in no port
	closed bool
}

// OpenTAP attaches to the TAP device of that name in the network namespace of the
// caller, and makes it where there is none. A device that was made goes with
// [TAP.Close] or with the process; one that is persistent, as ip-tuntap(8) makes
// them, stays. A name such as "tap%d" has the kernel put in a number, and an empty
// one stands for that.
//
// The device carries bare frames (IFF_TAP, IFF_NO_PI), from the destination address
// on and without frame check sequence. A new one is down, see [TAP.SetUp].
//
// The errors are [*switchdev.OpError] that match a sentinel and the kernel's errno:
//
//   - ErrPermission, EPERM: no CAP_NET_ADMIN; or EACCES: /dev/net/tun may not be
//     opened;
//   - ErrBusy, EBUSY: another process, or this one, holds the device;
//   - ErrInvalid, EINVAL: a name that no device can have, or that of a device that is
//     no TAP or one of several queues;
//   - ErrUnsupported: another system, or a Linux without TAP devices, ENOENT, ENODEV
//     or ENXIO.
func OpenTAP(name string) (*TAP, error) {
	return openTAP(name)
}

// tapRefusal is the error of an operation on a device.
func tapRefusal(op, name, reason string, err error) error {
	return &switchdev.OpError{Op: "hwsim.tap-" + op, Object: name, Reason: reason, Err: err}
}

// Name returns the device's name as it was when it was opened.
func (t *TAP) Name() string { return t.name }

// MAC returns the address that the device has now, wherever it was moved to: that of
// the station, not of the port. ErrNoDevice: the device was deleted, ErrClosed: the
// TAP was closed.
func (t *TAP) MAC() (switchdev.MAC, error) { return t.mac() }

// MTU returns the largest payload that the kernel sends by the device; a frame is up
// to 14 bytes longer, 18 with a VLAN tag. It is looked up in the network namespace of
// the caller: ErrNoDevice if the device is not there.
func (t *TAP) MTU() (int, error) { return t.mtu() }

// SetUp sets the device up or down, as "ip link set" does; that needs CAP_NET_ADMIN.
// It is looked up in the network namespace of the caller: ErrNoDevice if the device
// is not there.
func (t *TAP) SetUp(up bool) error { return t.setUp(up) }

// SetCarrier plugs the cable at the device in or out, as the station sees it
// (NO-CARRIER): from Linux 5.0 on, before that EINVAL. It waits for the kernel's lock
// of all network devices. A new device has carrier. Linux: TUNSETCARRIER.
func (t *TAP) SetCarrier(up bool) error { return t.setCarrier(up) }

// SyscallConn returns the device's file descriptor for what is not here, such as
// offloads and filters. It is non-blocking.
func (t *TAP) SyscallConn() syscall.RawConn { return t.raw }

// Read waits for a frame that the kernel sends by the device, and returns its length.
// What does not fit into b is lost, without a sign. It allocates nothing and keeps no
// thread while it waits.
//
// ErrClosed: the TAP was closed, before or meanwhile. ErrNoDevice: the device was
// deleted. ErrBusy: the TAP is plugged into a port, which has the frames. A Read that
// waits already when that happens gets one of them, or ErrTimeout when the plug ends.
func (t *TAP) Read(b []byte) (int, error) {
	if t.plug.Load() != nil {
		return 0, switchdev.ErrBusy
	}
	return t.read(b)
}

func (t *TAP) read(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	if !t.enter() {
		return 0, switchdev.ErrClosed
	}
	n, done, err := readTAP(t.fd, b)
	t.inside.Add(-1)
	if !done { // nothing waits: then the poller knows when
		n, err = t.file.Read(b)
	}
	if err != nil {
		return 0, t.readError(err)
	}
	t.count.rxFrames.Add(1)
	t.count.rxBytes.Add(uint64(n))
	return n, nil
}

// enter reports whether fd may be used, until inside is one less.
func (t *TAP) enter() bool {
	t.inside.Add(1)
	if t.shut.Load() {
		t.inside.Add(-1)
		return false
	}
	return true
}

func (t *TAP) readError(err error) error {
	switch {
	case t.shut.Load(), errors.Is(err, fs.ErrClosed):
		return switchdev.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return switchdev.ErrTimeout
	case !t.exists(): // the poller has another word for it than the kernel
		return switchdev.ErrNoDevice
	}
	return err
}

// Write lets a frame come in by the device. The kernel's stack takes it before Write
// returns, a bridge or a route that the device belongs to included, which to Go's
// scheduler is the goroutine's own work. Write never waits for anything, not for
// another Write either, and allocates nothing.
//
// The errors are bare: ErrNetDown if the device is down, ErrInvalid for a frame under
// 14 bytes, ErrNoDevice if the device was deleted, ErrClosed, ErrBusy when a limit of
// the descriptor's memory was set and is used up, and else the kernel's errno. What was
// not written is counted.
func (t *TAP) Write(frame []byte) (n int, err error) {
	err = switchdev.ErrClosed
	if t.enter() {
		n, err = writeTAP(t.fd, frame)
		t.inside.Add(-1)
	}
	switch err {
	case nil:
		t.count.txFrames.Add(1)
		t.count.txBytes.Add(uint64(n))
	case switchdev.ErrNetDown:
		t.count.txDown.Add(1)
	default:
		t.count.txFailed.Add(1)
	}
	return n, err
}

// TAPCounters are the counters of a TAP. They only grow.
type TAPCounters struct {
	// RxFrames and RxBytes count what the kernel has sent by the device and Read or
	// the port has taken. What the kernel found no room for in the device's queue
	// (ip link set txqueuelen) is in the statistics of the device.
	RxFrames, RxBytes uint64
	// TxFrames and TxBytes count what the kernel was given.
	TxFrames, TxBytes uint64
	// TxDown counts frames for a device that was down, TxFailed those that could not
	// be written for another reason.
	TxDown, TxFailed uint64
}

type tapCounters struct {
	rxFrames, rxBytes, txFrames, txBytes, txDown, txFailed atomic.Uint64
}

// Counters returns the TAP's counters. They are not a point in time.
func (t *TAP) Counters() TAPCounters {
	n := &t.count
	return TAPCounters{
		RxFrames: n.rxFrames.Load(), RxBytes: n.rxBytes.Load(),
		TxFrames: n.txFrames.Load(), TxBytes: n.txBytes.Load(),
		TxDown: n.txDown.Load(), TxFailed: n.txFailed.Load(),
	}
}

// Close ends the TAP: readers return ErrClosed, and one that is plugged into a port is
// unplugged as with [TAP.Unplug]. Close waits for the reader of the port, so it is not
// to be called from a callback of the chip. It is idempotent and returns nil.
func (t *TAP) Close() error {
	t.mu.Lock()
	first, plug := !t.closed, t.plug.Load()
	t.closed = true
	t.mu.Unlock()
	t.shut.Store(true)
	for t.inside.Load() > 0 {
		runtime.Gosched() // a call with fd takes a microsecond, and nobody goes in
	}
	if first {
		_ = t.file.Close() // of a device it has nothing to say
	}
	if plug != nil {
		plug.end()
		<-plug.ended
	}
	return nil
}
