package live

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// Kernel is the running kernel in a network namespace of its own.
type Kernel struct {
	cfg      Config
	jobs     chan func()
	ended    chan struct{}
	ip       string
	bridge   string
	module   *regexp.Regexp
	talk     int // netlink: questions
	hear     int // netlink: notifications
	packets  int
	loopback int
	thread   int
	vlans    bool // VLAN filtering is built in
	markers  uint64
	buf      []byte
	spaces   []*space // by number; home first
	rack     *rack    // nil: there is none
}

// New makes a namespace. The error matches errors.ErrUnsupported where that cannot
// be: not root, or tools that are not installed.
func New(cfg Config) (*Kernel, error) {
	k := &Kernel{cfg: cfg, jobs: make(chan func()), ended: make(chan struct{}), talk: -1, hear: -1, packets: -1,
		buf: make([]byte, 1<<16), spaces: []*space{newSpace("")},
		module: regexp.MustCompile(modulePrefix)}
	var err1, err2 error
	k.ip, err1 = exec.LookPath("ip")
	k.bridge, err2 = exec.LookPath("bridge")
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("live: %w: %w", errors.ErrUnsupported, err)
	}
	go k.serve()
	if err := k.do(k.enter); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// serve is the one thread that is in the namespace. It is never unlocked, so that
// the thread ends with it, and the namespace with the thread and its sockets.
func (k *Kernel) serve() {
	runtime.LockOSThread()
	defer close(k.ended)
	for job := range k.jobs {
		job()
	}
}

// do runs f on the thread that is in the namespace.
func (k *Kernel) do(f func() error) error {
	done := make(chan error)
	k.jobs <- func() { done <- f() }
	return <-done
}

// Close ends the namespace with all that is in it.
func (k *Kernel) Close() error {
	var err error
	if k.rack != nil {
		err = k.do(k.closeRack)
	}
	close(k.jobs)
	<-k.ended
	for _, fd := range []int{k.talk, k.hear, k.packets} {
		if fd >= 0 {
			err = errors.Join(err, syscall.Close(fd))
		}
	}
	return err
}

func (k *Kernel) enter() error {
	if err := k.hide(); err != nil {
		return fmt.Errorf("live: a namespace: %w: %w", errors.ErrUnsupported, err)
	}
	if err := stay(); err != nil {
		return fmt.Errorf("live: one processor: %w", err)
	}
	for _, which := range []string{"all", "default"} {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/disable_ipv6", []byte("1"), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("live: IPv6 off: %w", err)
		}
	}
	if err := k.open(); err != nil {
		return err
	}
	var err error
	if k.vlans, err = k.filtersVLANs(); err != nil {
		return fmt.Errorf("live: VLAN filtering: %w", err)
	}
	if _, err := k.run(k.ip, "link", "set", "dev", "lo", "up"); err != nil {
		return err
	}
	if k.cfg.Switch != "" {
		if err := k.openRack(); err != nil {
			return err
		}
	}
	if err := k.settle(); err != nil {
		return err
	}
	lo, ok := k.byName("lo")
	if !ok {
		return errors.New("live: no loopback device")
	}
	k.loopback = lo.index
	_, err = k.flush()
	return err
}

// hide gives the thread namespaces of its own: of the network, and of files, where
// the directory of named network namespaces is a new one, so that names are free and
// what they name ends with the thread.
func (k *Kernel) hide() error {
	k.thread = syscall.Gettid()
	apart := syscall.CLONE_NEWNET | syscall.CLONE_NEWNS
	if k.cfg.Switch != "" {
		apart = syscall.CLONE_NEWNS
	}
	if err := syscall.Unshare(apart); err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := os.MkdirAll(namespaces, 0o755); err != nil {
		return err
	}
	return syscall.Mount("live", namespaces, "tmpfs", 0, "")
}

// namespaces is where ip(8) has its names of network namespaces.
const namespaces = "/var/run/netns"

// open opens the sockets.
func (k *Kernel) open() error {
	var err1, err2, err3 error
	k.talk, err1 = rtnetlink(0)
	k.hear, err2 = rtnetlink(1 << (groupNeigh - 1))
	k.packets, err3 = taps()
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	limit := syscall.NsecToTimeval(int64(k.cfg.timeout()))
	return errors.Join(
		syscall.SetsockoptInt(k.hear, solNetlink, listenAll, 1),
		syscall.SetsockoptTimeval(k.talk, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit),
		syscall.SetsockoptTimeval(k.packets, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit))
}

// stay keeps the thread to one of the processors that it may use.
func stay() error {
	var mask [128]uint64
	n, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	if errno != 0 {
		return errno
	}
	var cpus []int
	for i := range int(n) * 8 {
		if mask[i/64]&(1<<(i%64)) != 0 {
			cpus = append(cpus, i)
		}
	}
	if len(cpus) == 0 {
		return syscall.EINVAL
	}
	cpu := cpus[int(time.Now().UnixNano()/1000)%len(cpus)]
	mask = [128]uint64{}
	mask[cpu/64] = 1 << (cpu % 64)
	_, _, errno = syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	if errno != 0 {
		return errno
	}
	return nil
}
