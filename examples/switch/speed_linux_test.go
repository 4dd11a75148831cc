package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

const (
	speedRounds  = 9
	speedBatches = 5
	speedBatch   = 900 // frames; the queue of a device holds 1000
)

// speedway is two TAP devices in a namespace. Frames of station a, behind the first, are for
// station b, behind the second.
type speedway struct {
	*testing.T
	one, two *place
	fds      [2]int
	from     socket
	frame    []byte // from a to b
	back     []byte // from b to a
	buf      []byte
}

// speedPath is one way to get frames from the first device to the second. before and after are not
// measured, pass is; each frame that pass is to forward waits in the first device.
type speedPath struct {
	name          string
	before, after func()
	fills         bool // frames come by the first device, and not from the test
	others        bool // others than this thread do it
	pass          func(frames int)
}

const (
	clockProcess = 2 // CLOCK_PROCESS_CPUTIME_ID
	clockThread  = 3 // CLOCK_THREAD_CPUTIME_ID
)

// processorTime reads a clock of clock_gettime(2).
func processorTime(clock uintptr) time.Duration {
	var ts syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}

// spent is the time of this thread, or of all others.
func (p *speedPath) spent() time.Duration {
	if p.others {
		return processorTime(clockProcess) - processorTime(clockThread)
	}
	return processorTime(clockThread)
}

func newSpeedway(t *testing.T) *speedway {
	w := &speedway{T: t, one: newPlace(t, "f"), buf: make([]byte, 2048)}
	second, err := hwsim.OpenTAP(deviceName("g"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Close() })
	w.two = &place{TB: t, namespace: w.one.namespace, tap: second}
	ip(t, "link", "set", second.Name(), "netns", w.one.namespace)
	w.one.inside(func() error { // nobody but the test is to send
		for _, whose := range []string{"all", "default"} {
			err := os.WriteFile("/proc/sys/net/ipv6/conf/"+whose+"/disable_ipv6", []byte("1"), 0)
			if err != nil && !os.IsNotExist(err) {
				return err
			}
		}
		return nil
	})
	w.one.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
	w.one.ip("link", "set", "br0", "up")
	for i, p := range []*place{w.one, w.two} {
		p.ip("link", "set", p.tap.Name(), "arp", "off", "up")
		if err := p.tap.SyscallConn().Control(func(fd uintptr) { w.fds[i] = int(fd) }); err != nil {
			t.Fatal(err)
		}
	}
	w.from = w.one.socket(0) // which only sends
	return w
}

// load sets the size of the frames.
func (w *speedway) load(size int) {
	a, b := switchdev.MAC{2, 0, 0, 0, 9, 1}, switchdev.MAC{2, 0, 0, 0, 9, 2}
	w.frame = append(note(b, a, "there"), make([]byte, size-60)...)
	w.back = append(note(a, b, "back"), make([]byte, size-60)...)
}

func (w *speedway) must(err error) {
	if err != nil {
		w.Helper()
		w.Fatal(err)
	}
}

// fill puts frames into the first device.
func (w *speedway) fill(frames int) {
	for range frames {
		w.from.send(w.frame)
	}
}

func (w *speedway) read(fd int) int {
	n, err := syscall.Read(fd, w.buf)
	w.must(err)
	return n
}

func (w *speedway) write(fd int, f []byte) {
	_, err := syscall.Write(fd, f)
	w.must(err)
}

// raw reads and writes with nothing in between: what there is to be had.
func (w *speedway) raw() speedPath {
	return speedPath{name: "read(2) + write(2)", fills: true, pass: func(frames int) {
		for range frames {
			w.write(w.fds[1], w.buf[:w.read(w.fds[0])])
		}
	}}
}

// taps does so with package hwsim.
func (w *speedway) taps() speedPath {
	return speedPath{name: "TAP.Read + TAP.Write", fills: true, pass: func(frames int) {
		for range frames {
			n, err := w.one.tap.Read(w.buf)
			w.must(err)
			_, err = w.two.tap.Write(w.buf[:n])
			w.must(err)
		}
	}}
}

// software is a bridge in between.
func (w *speedway) software() speedPath {
	b, err := bridge.New(bridge.Config{})
	w.must(err)
	w.Cleanup(func() { _ = b.Close() })
	devices := []*hwsim.TAP{nil, w.one.tap, w.two.tap}
	for id := range switchdev.PortID(2) {
		w.must(b.AddPort(w.Context(), bridge.PortConfig{ID: id + 1, MAC: switchdev.MAC{2, 0, 0, 0, 8, byte(id)}}))
	}
	var out bridge.Egress
	return speedPath{
		name: "with bridge.Forward", fills: true,
		before: func() { b.Forward(2, w.back, &out) }, // who b is
		pass: func(frames int) {
			for range frames {
				n, err := w.one.tap.Read(w.buf)
				w.must(err)
				b.Forward(1, w.buf[:n], &out)
				for _, id := range out.Ports() {
					_, err = devices[id].Write(w.buf[:n])
					w.must(err)
				}
			}
		},
	}
}

// live is the switch of -live. Its bridge does not hear that devices come and go.
func (w *speedway) live() *liveSwitch {
	opt := options{ageing: liveAgeing}
	s, err := newLiveSwitch([]*hwsim.TAP{w.one.tap, w.two.tap}, opt)
	w.must(err)
	w.Cleanup(func() { w.must(s.close()) })
	w.must(s.join(w.Context(), opt))
	s.unplug()
	return s
}

// ready plugs in the second device and waits until the chip holds both stations.
func (w *speedway) ready(s *liveSwitch) {
	w.must(w.two.tap.Plug(s.ports[1].Port))
	s.ports[0].SetCarrier(true)
	for late := time.Now().Add(patience); ; runtime.Gosched() {
		trapped := s.chip.Stats().Trapped
		s.ports[0].Ingress(w.frame)
		s.ports[1].Ingress(w.back)
		if s.chip.Stats().Trapped == trapped {
			return
		}
		if time.Now().After(late) {
			w.Fatal("the chip does not learn")
		}
	}
}

// chip is the chip of -live, in this thread.
func (w *speedway) chip() speedPath {
	s := w.live()
	return speedPath{
		name: "with the chip", fills: true, before: func() { w.ready(s) }, after: w.two.tap.Unplug,
		pass: func(frames int) {
			for range frames {
				n, err := w.one.tap.Read(w.buf)
				w.must(err)
				s.ports[0].Ingress(w.buf[:n:n]) // nobody keeps it but the other TAP
			}
		},
	}
}

// plugged is -live as it is: the device in the port has a reader of its own, which finds the frames
// waiting. It counts all that the process does meanwhile, and the reader is on another processor than
// the frames come from, where copying costs more.
func (w *speedway) plugged() speedPath {
	s := w.live()
	return speedPath{
		name: "with -live, all of it", fills: true, others: true, before: func() { w.ready(s) }, after: w.two.tap.Unplug,
		pass: func(frames int) {
			goal := w.two.tap.Counters().TxFrames + uint64(frames)
			w.must(w.one.tap.Plug(s.ports[0].Port))
			for late := time.Now().Add(patience); w.two.tap.Counters().TxFrames < goal; {
				if time.Now().After(late) {
					w.Fatal("frames are missing")
				}
			}
			w.one.tap.Unplug()
		},
	}
}

// kernel is the bridge of Linux with the devices as its ports.
func (w *speedway) kernel() speedPath {
	both := func(args ...string) {
		for _, p := range []*place{w.one, w.two} {
			p.ip(append([]string{"link", "set", p.tap.Name()}, args...)...)
		}
	}
	return speedPath{
		name: "the kernel's bridge",
		before: func() {
			both("master", "br0")
			w.write(w.fds[1], w.back) // who b is
			for w.read(w.fds[0]) != len(w.back) {
			}
		},
		after: func() { both("nomaster") },
		pass: func(frames int) {
			for range frames {
				w.write(w.fds[0], w.frame)
			}
			for range frames {
				w.read(w.fds[1])
			}
		},
	}
}

// measure returns the time for a frame.
func (w *speedway) measure(p speedPath) float64 {
	if p.before != nil {
		p.before()
	}
	written := w.two.tap.Counters().TxFrames // by way of package hwsim
	var spent time.Duration
	for range speedBatches {
		if p.fills {
			w.fill(speedBatch)
		}
		begin := p.spent()
		p.pass(speedBatch)
		spent += p.spent() - begin
	}
	if p.after != nil {
		p.after()
	}
	if n := w.two.tap.Counters().TxFrames - written; strings.HasPrefix(p.name, "with") && n < speedBatches*speedBatch {
		w.Errorf("%s: %d frames arrived, want %d", p.name, n, speedBatches*speedBatch)
	}
	return float64(spent.Nanoseconds()) / (speedBatches * speedBatch)
}

// middle returns the median and the ends.
func middle(list []float64) (median, low, high float64) {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2], list[0], list[len(list)-1]
}

// TestSpeedOfTAPs prints what a frame from TAP to TAP costs in processor time of the thread that
// forwards it, and how that compares with reads and writes alone. All ways take turns. It asserts that every
// frame arrives, to which the kernel may have added one of its own, and nothing about time.
func TestSpeedOfTAPs(t *testing.T) {
	needsRoot(t)
	w := newSpeedway(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	w.load(60)
	paths := []speedPath{w.raw(), w.taps(), w.software(), w.chip(), w.plugged(), w.kernel()}
	for _, size := range []int{60, 1514} {
		w.load(size)
		spent := make([][]float64, len(paths))
		for round := range speedRounds {
			for i := range paths {
				i = (i + round) % len(paths)
				spent[i] = append(spent[i], w.measure(paths[i]))
			}
		}
		text := fmt.Sprintf("frames of %d bytes, %d rounds of %d frames: median (lowest to highest)\n", size, speedRounds, speedBatches*speedBatch)
		for i, p := range paths {
			ratios := make([]float64, speedRounds)
			for r := range ratios {
				ratios[r] = spent[0][r] / spent[i][r]
			}
			ns, least, most := middle(spent[i])
			ratio, low, high := middle(ratios)
			text += fmt.Sprintf("%-24s%6.0f ns (%.0f to %.0f)  %8.0f frames/s  %.2f of reads and writes alone (%.2f to %.2f)\n",
				p.name, ns, least, most, 1e9/ns, ratio, low, high)
		}
		t.Log(text)
	}
}
