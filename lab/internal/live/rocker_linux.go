package live

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// rack is the switch of the machine: a device of the driver rocker whose ports are
// cabled to interfaces of the driver virtio_net of the same machine. It and its cables
// are in the namespace of the first process for good, so everything is there.
//
// The device works by itself, and the driver does part of its work later; see [Kernel.quiet].
type rack struct {
	*monitor
	shown bool
	named map[string]time.Time // addresses, and when a command last had them
}

// openRack makes the switch as it is after a start of the machine, and takes away what
// is left of an earlier Kernel. The names of its ports are s1 to s4 when "lab switch"
// has been there, see [Kernel.showRack].
func (k *Kernel) openRack() error {
	m, err := openMonitor(k.cfg.Switch, k.cfg.timeout())
	if err != nil {
		return err
	}
	k.rack = &rack{monitor: m, named: map[string]time.Time{}}
	if err := yieldToAll(); err != nil {
		return err
	}
	if err := k.clear(); err != nil {
		return err
	}
	return rebind()
}

// close ends what openRack began.
func (k *Kernel) closeRack() error {
	return errors.Join(k.clear(), k.rack.conn.Close())
}

// clear deletes all interfaces that commands make.
func (k *Kernel) clear() error {
	if err := k.settleSpace(home, k.spaces[home]); err != nil {
		return err
	}
	for _, d := range k.spaces[home].devices {
		if d.kind == "bridge" || d.kind == "veth" && strings.HasPrefix(d.name, "p") {
			if _, err := k.run(k.ip, "link", "del", "dev", d.name); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	drivers = "/sys/bus/pci/drivers/rocker"
	netdevs = "/sys/class/net"
)

// rebind takes the driver from its device and gives it back, which resets both.
func rebind() error {
	found, err := filepath.Glob(drivers + "/0000:*")
	if err != nil || len(found) != 1 {
		return fmt.Errorf("live: %d devices of the driver rocker: %w", len(found), errors.ErrUnsupported)
	}
	for _, verb := range []string{"unbind", "bind"} {
		if err := os.WriteFile(filepath.Join(drivers, verb), []byte(filepath.Base(found[0])), 0); err != nil {
			return fmt.Errorf("live: %s: %w", verb, err)
		}
	}
	return nil
}

// showRack gives ports and hosts their names and addresses, and takes the hosts up.
func (k *Kernel) showRack() error {
	if k.rack.shown {
		return nil
	}
	k.rack.shown = true
	ports, err := filepath.Glob(netdevs + "/*")
	if err != nil {
		return err
	}
	var away, back []string
	count := 0
	for i, dir := range ports {
		name := filepath.Base(dir)
		driver, _ := os.Readlink(filepath.Join(dir, "device/driver")) // none: not a device
		temporary := "was" + strconv.Itoa(i)
		switch filepath.Base(driver) {
		case "rocker":
			text, err := os.ReadFile(filepath.Join(dir, "phys_port_name"))
			n := strings.TrimPrefix(strings.TrimSpace(string(text)), switchName+"p")
			if err != nil || len(n) != 1 {
				return fmt.Errorf("live: port %q of the switch: %w", text, err)
			}
			away = append(away, "link set dev "+name+" down", "link set dev "+name+" name "+temporary)
			back = append(back, "link set dev "+temporary+" name s"+n, "link set dev s"+n+" address 02:00:00:00:00:0"+n)
			count++
		case "virtio_net":
			text, err := os.ReadFile(filepath.Join(dir, "address"))
			n, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "02:00:00:00:01:0")
			if err != nil || !ok {
				continue
			}
			away = append(away, "link set dev "+name+" down", "link set dev "+name+" name "+temporary)
			back = append(back, "link set dev "+temporary+" name h"+n, "link set dev h"+n+" promisc on up")
			count++
		}
	}
	if count != 2*switchPorts {
		return fmt.Errorf("live: %d ports and hosts of a switch: %w", count, errors.ErrUnsupported)
	}
	return k.batch(slices.Concat(away, back))
}

// makeSwitch executes "lab switch".
func (k *Kernel) makeSwitch(line string, w []string) error {
	if k.rack == nil {
		return &Unsupported{line, "a machine without a switch"}
	}
	i := slices.Index(w, "ports")
	if i < 1 {
		return &Unsupported{line, "lab switch BR [OPTION VALUE]... ports P..."}
	}
	if err := k.showRack(); err != nil {
		return err
	}
	if err := k.settleSpace(home, k.spaces[home]); err != nil {
		return err
	}
	return k.buildBridge(w[0], w[1:i], w[i+1:])
}

// hardware executes "lab hw".
func (k *Kernel) hardware(line string, w []string) ([]string, error) {
	if k.rack == nil || len(w) != 1 || w[0] != switchName {
		return nil, &Unsupported{line, "lab hw " + switchName + " on a machine that has one"}
	}
	rows, err := k.rack.rows()
	slices.Sort(rows)
	return rows, err
}

// again is how long the device does not tell of a station that it has told of.
const again = 1100 * time.Millisecond

// refreshable waits until the device, which counts in whole seconds, would tell of a
// station once more, if a command has named its address already. In the lab every
// command is late enough for that.
func (r *rack) refreshable(mac string) error {
	if r == nil {
		return nil
	}
	at, ok := r.named[mac]
	if !ok {
		return nil
	}
	return pause(time.Until(at.Add(again)))
}

// name notes that the command has named addresses.
func (r *rack) name(w []string) {
	if r == nil {
		return
	}
	for _, word := range w {
		if strings.Count(word, ":") == 5 {
			r.named[word] = time.Now()
		}
	}
}

// rest is time enough for what can be done at once, on a processor that has nothing
// else to do.
const rest = 3 * time.Millisecond

// quiet returns when the switch and its driver have nothing left to do: the device
// has taken the frames that were sent (they count as the socket's until then), and
// no interrupt has come for twice as long as their work takes that have come.
func (k *Kernel) quiet() error {
	if k.rack == nil {
		return nil
	}
	limit := time.Now().Add(k.cfg.timeout())
	for last, same := "", 0; same < 2; {
		if time.Now().After(limit) {
			return errors.New("live: the switch is never quiet")
		}
		var unsent int32
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(k.packets), syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&unsent))); errno != 0 {
			return errno
		}
		if err := pause(rest); err != nil {
			return err
		}
		now, err := interrupts()
		if err != nil {
			return err
		}
		if unsent == 0 && now == last {
			same++
		} else {
			last, same = now, 0
		}
	}
	return nil
}

// connected returns when what follows from carriers that have come and gone is done: the
// kernel does it at most once in a second (net/core/link_watch.c, linkwatch_schedule_work).
func (k *Kernel) connected() error {
	if k.rack == nil {
		return nil
	}
	limit := time.Now().Add(k.cfg.timeout())
	for {
		if err := k.quiet(); err != nil {
			return err
		}
		if err := k.settleSpace(home, k.spaces[home]); err != nil {
			return err
		}
		waits := false
		for _, d := range k.spaces[home].devices {
			waits = waits || !d.settled
		}
		if !waits {
			return nil
		}
		if time.Now().After(limit) {
			return errors.New("live: the carrier of an interface is not told of")
		}
		if err := pause(10 * rest); err != nil {
			return err
		}
	}
}

// interrupts are the counts of the switch's interrupts and of those of its cables.
func interrupts() (string, error) {
	text, err := os.ReadFile("/proc/interrupts")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "rocker") || strings.Contains(line, "-input.") || strings.Contains(line, "-output.") {
			b.WriteString(line)
		}
	}
	return b.String(), nil
}

// yieldToAll has the thread, and the tools that it runs, wait for everything else on its
// processor: what the kernel has to do is done before they go on. Of that the frames that
// have come in are first, as they are where a processor is fast enough to deal with them
// when they come.
func yieldToAll() error {
	const fifo, idle = 1, 5 // SCHED_FIFO, SCHED_IDLE
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return err
	}
	for _, file := range names {
		name, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(name), "ksoftirqd/") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil {
			err = schedule(pid, fifo, 1)
		}
		if err != nil {
			return err
		}
	}
	return schedule(0, idle, 0)
}

// schedule sets how a thread is scheduled; 0 is the caller.
func schedule(pid, policy int, priority int32) error {
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, uintptr(pid), uintptr(policy), uintptr(unsafe.Pointer(&priority)))
	if errno != 0 {
		return errno
	}
	return nil
}
