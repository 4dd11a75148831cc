package hwsim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// office is a chip whose first ports are in one domain, with a TAP in each and a
// station behind it.
type office struct {
	*Chip
	taps     []*TAP
	stations []station
	carrier  chan switchdev.Report // of the ports
}

func (o *office) Report(r switchdev.Report) {
	if r.Kind == switchdev.ReportPortUp || r.Kind == switchdev.ReportPortDown {
		o.carrier <- r
	}
}

func newOffice(t *testing.T, count int, cfg Config) *office {
	t.Helper()
	o := &office{carrier: make(chan switchdev.Report, 64)}
	for range count {
		tap := openTestTAP(t)
		o.taps = append(o.taps, tap)
		o.stations = append(o.stations, newStation(t, tap))
	}
	if cfg.Host.OnTrap == nil {
		cfg.Host.Queue = -1
	}
	var err error
	if o.Chip, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	o.Bind(o)
	for i, tap := range o.taps {
		op, result := joinOp(o.port(switchdev.PortID(i+1)).id), make([]switchdev.Result, 1)
		op.Op = switchdev.Op{Domain: 1, Token: switchdev.Token(i + 1), Gen: 1}
		o.ApplyPorts(t.Context(), []switchdev.PortOp{op}, result)
		if result[0].Err != nil {
			t.Fatal(result[0].Err)
		}
		if err := tap.Plug(o.Port(switchdev.PortID(i + 1))); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// becomes waits for a report of a port's carrier.
func (o *office) becomes(t *testing.T, port switchdev.PortID, up bool) {
	t.Helper()
	select {
	case r := <-o.carrier:
		if r.Port != port || (r.Kind == switchdev.ReportPortUp) != up {
			t.Fatalf("%v of port %v, want port %v to be up: %v", r.Kind, r.Port, port, up)
		}
	case <-time.After(patience):
		t.Fatalf("no report of port %v, want up: %v", port, up)
	}
}

func ends(t *testing.T, tap *TAP, plugged <-chan struct{}) {
	t.Helper()
	select {
	case <-plugged:
	case <-time.After(patience):
		t.Fatal("the plug of ", tap.Name(), " does not end")
	}
}

var everybody = switchdev.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func TestPluggedTAPsAreSwitched(t *testing.T) {
	o := newOffice(t, 3, Config{})
	hello := note(everybody, macA, 1, 60)
	o.stations[0].send(hello)
	o.stations[1].receives(hello)
	o.stations[2].receives(hello)
	answer := note(macA, macB, 2, 1514)
	o.stations[1].send(answer)
	o.stations[0].receives(answer)
	// Next at the third is what comes later: the answer was for the first alone.
	last := note(everybody, macB, 3, 60)
	o.stations[1].send(last)
	o.stations[2].receives(last)
	o.stations[0].receives(last)
	if n := o.Port(2).Counters(); n.RxFrames < 2 || n.RxBytes < 1514+60 {
		t.Errorf("counters of port 2: %+v", n)
	}
	if _, err := o.taps[0].Read(make([]byte, 100)); err != switchdev.ErrBusy {
		t.Errorf("Read beside the port: %v", err)
	}
}

// TestFrameThatIsKeptIsNotWrittenTo keeps every frame that the host gets, and looks at
// them when all have come.
func TestFrameThatIsKeptIsNotWrittenTo(t *testing.T) {
	const count = 3000
	var kept [][]byte // by the TAP's one reader
	done := make(chan struct{})
	o := newOffice(t, 2, Config{Host: Host{OnTrap: func(f HostFrame) {
		if f.Port == 1 && binary.BigEndian.Uint16(f.Frame[12:]) == testType {
			if kept = append(kept, f.Frame); len(kept) == count {
				close(done)
			}
		}
	}}})
	size := func(i int) int { return 60 + i*97%1455 }
	for i := range count {
		want := note(everybody, macA, uint32(i), size(i))
		o.stations[0].send(want)
		o.stations[1].receives(want) // so that no queue runs over
	}
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the host does not get all frames")
	}
	for i, got := range kept {
		if want := note(everybody, macA, uint32(i), size(i)); !bytes.Equal(got, want) {
			t.Fatalf("frame %d is now % x, came as % x", i, got[:18], want[:18])
		}
		if cap(got) != len(got) {
			t.Fatalf("frame %d: append would write into the next", i)
		}
	}
}

// TestOnlyFramesOfOneTAPGiveTheirMemoryBack asks for every way that a frame can go whether its
// memory may be used again.
func TestOnlyFramesOfOneTAPGiveTheirMemoryBack(t *testing.T) {
	o := newOffice(t, 2, Config{})
	op, result := joinOp(3), make([]switchdev.Result, 1)
	op.Op = switchdev.Op{Domain: 1, Token: 9, Gen: 1}
	o.ApplyPorts(t.Context(), []switchdev.PortOp{op}, result)
	pl, far, free := o.taps[0].plug.Load(), o.Port(2), o.Port(3)
	far.Ingress(note(macA, macB, 0, 60))
	free.Ingress(note(macA, macC, 0, 60))
	check := func(what string, f []byte, want bool) {
		t.Helper()
		pl.arrive(f) // so that the source is known
		if got := pl.arrive(f); got != want {
			t.Errorf("%s: kept %v, want %v", what, got, want)
		}
	}
	known, beside := note(macB, macA, 1, 60), note(macC, macA, 1, 60)
	check("to a TAP", known, false)
	check("dropped", note(macA, macA, 1, 60), false)
	check("flooded", note(everybody, macA, 1, 60), true)
	check("unknown", note(switchdev.MAC{2, 0, 0, 0, 0, 0x77}, macA, 1, 60), true)
	check("for the host", note(switchdev.MAC{1, 0x80, 0xc2, 0, 0, 14}, macA, 1, 60), true)
	check("to a port with nothing in it", beside, true)
	if err := free.Attach(Wire{Tx: make(chan []byte, 9)}); err != nil {
		t.Fatal(err)
	}
	check("to a wire", beside, true)
	free.OnEgress(func([]byte) {})
	free.Detach()
	check("to a hook", beside, true)
	if err := free.Attach(Wire{}); err != nil {
		t.Fatal(err)
	}
	check("to a hook beside a wire that has no Tx", beside, true)
	far.OnEgress(func([]byte) { o.taps[1].Unplug() })
	check("to a hook in place of a TAP's", known, true)
	far.OnEgress(nil)
	if err := o.taps[1].Plug(far); err != nil {
		t.Fatal(err)
	}
	far.Ingress(note(macA, macB, 0, 60))
	check("to a TAP again", known, false)
}

// TestFrameBetweenTAPsAllocatesNothing counts what the whole way costs.
func TestFrameBetweenTAPsAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	o := newOffice(t, 2, Config{Hardware: Hardware{Refresh: -1}})
	pl := o.taps[0].plug.Load()
	o.Port(2).Ingress(note(macA, macB, 0, 60))
	f := note(macB, macA, 1, 60)
	pl.arrive(f)
	if n := testing.AllocsPerRun(200, func() { pl.arrive(f) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFrameOverTheChipsMTUIsDropped(t *testing.T) {
	o := newOffice(t, 2, Config{})
	ip(t, "link", "set", o.taps[0].Name(), "mtu", "9000")
	o.stations[0].send(note(everybody, macA, 1, 1519))
	o.stations[0].send(note(everybody, macA, 2, 9000))
	fits := note(everybody, macA, 3, 1514)
	o.stations[0].send(fits)
	o.stations[1].receives(fits)
	if n := o.Port(1).Counters().Drops[DropLong]; n != 2 {
		t.Errorf("%d long frames, want 2", n)
	}
}

func TestPortHasTheCarrierOfItsTAP(t *testing.T) {
	o := newOffice(t, 2, Config{})
	far := o.taps[1]
	for i := range uint32(3) {
		if err := far.SetUp(false); err != nil {
			t.Fatal(err)
		}
		o.stations[0].send(note(everybody, macA, i, 60))
		o.becomes(t, 2, false)
		if o.Port(2).Carrier() {
			t.Error("carrier of a device that is down")
		}
		if err := far.SetUp(true); err != nil {
			t.Fatal(err)
		}
		o.becomes(t, 2, true)
		// The packet socket reports once that its device went down.
		if _, err := o.stations[1].Read(make([]byte, 100)); !errors.Is(err, syscall.ENETDOWN) {
			t.Fatal(err)
		}
		hello := note(everybody, macA, 100+i, 60)
		o.stations[0].send(hello)
		o.stations[1].receives(hello)
	}
	if n := far.Counters(); n.TxDown < 3 {
		t.Errorf("counters %+v", n)
	}
	far.Unplug()
	o.becomes(t, 2, false)
	if err := far.SetUp(false); err != nil {
		t.Fatal(err)
	}
	if err := far.Plug(o.Port(2)); err != nil || o.Port(2).Carrier() {
		t.Error("carrier of a device that is down when it is plugged in: ", err)
	}
	if err := far.SetUp(true); err != nil {
		t.Fatal(err)
	}
	o.becomes(t, 2, true)
	o.Port(2).SetCarrier(false)
	o.becomes(t, 2, false)
	o.stations[0].send(note(everybody, macA, 200, 60))
	o.stations[0].send(note(macA, macA, 201, 60)) // nothing to wait for: what matters is that nobody plugs it in again
	o.Port(2).SetCarrier(true)
	o.becomes(t, 2, true)
}

// sinkFunc is a sink of reports.
type sinkFunc func(switchdev.Report)

func (f sinkFunc) Report(r switchdev.Report) { f(r) }

// holdNews keeps what is told of a port's carrier from going further until the test puts
// something into the channel, each time.
func (o *office) holdNews(t *testing.T, port switchdev.PortID, kinds ...switchdev.ReportKind) chan<- struct{} {
	release, over := make(chan struct{}), make(chan struct{})
	end := o.Bind(sinkFunc(func(r switchdev.Report) {
		if r.Port == port && slices.Contains(kinds, r.Kind) {
			select {
			case <-release:
			case <-over:
			}
		}
	}))
	t.Cleanup(func() {
		close(over)
		end()
	})
	return release
}

// until waits for what is so sooner or later.
func until(t *testing.T, otherwise string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !is(); runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatal(otherwise)
		}
	}
}

// TestFirstFrameIsSoonerThanTheNews lets a station talk the moment that its device is up,
// while whoever follows the device is still busy with the news that it is down.
func TestFirstFrameIsSoonerThanTheNews(t *testing.T) {
	o := newOffice(t, 2, Config{})
	far := o.taps[1]
	release := o.holdNews(t, 2, switchdev.ReportPortDown)
	for i := range uint32(20) {
		before := far.Counters().RxFrames
		if err := far.SetUp(false); err != nil {
			t.Fatal(err)
		}
		o.stations[0].send(note(everybody, macA, i, 60))
		o.becomes(t, 2, false)
		_, _ = o.stations[1].Read(make([]byte, 100)) // that the device went down
		if err := far.SetUp(true); err != nil {
			t.Fatal(err)
		}
		hello := note(everybody, macB, i, 60)
		o.stations[1].send(hello)
		until(t, "the frame is not read", func() bool { return far.Counters().RxFrames != before })
		release <- struct{}{}
		o.stations[0].receives(hello)
		o.becomes(t, 2, true)
	}
}

// TestFirstFrameIsSoonerThanNewsOfLongAgo has the device go down again while its follower is
// still busy with the news that it is up: that it was seen up then says nothing of now.
func TestFirstFrameIsSoonerThanNewsOfLongAgo(t *testing.T) {
	o := newOffice(t, 2, Config{})
	far := o.taps[1]
	release := o.holdNews(t, 2, switchdev.ReportPortDown, switchdev.ReportPortUp)
	set := func(up bool) {
		t.Helper()
		if err := far.SetUp(up); err != nil {
			t.Fatal(err)
		}
	}
	set(false)
	o.stations[0].send(note(everybody, macA, 1, 60))
	o.becomes(t, 2, false)
	release <- struct{}{}
	set(true)
	o.becomes(t, 2, true)
	before := far.Counters().RxFrames
	set(false)
	o.stations[0].send(note(everybody, macA, 2, 60))
	until(t, "no frame finds the device down", func() bool { return len(far.plug.Load().lowered) == 1 })
	release <- struct{}{}
	o.becomes(t, 2, false)
	_, _ = o.stations[1].Read(make([]byte, 100)) // that the device went down
	set(true)
	hello := note(everybody, macB, 3, 60)
	o.stations[1].send(hello)
	until(t, "the frame is not read", func() bool { return far.Counters().RxFrames != before })
	release <- struct{}{}
	o.becomes(t, 2, true)
	release <- struct{}{}
	o.stations[0].receives(hello)
}

func TestPlugEnds(t *testing.T) {
	for name, end := range map[string]func(o *office, t *testing.T){
		"Unplug": func(o *office, _ *testing.T) { o.taps[0].Unplug() },
		"Close":  func(o *office, _ *testing.T) { _ = o.taps[0].Close() },
		"Detach": func(o *office, _ *testing.T) { o.Port(1).Detach() },
		"Remove": func(o *office, _ *testing.T) { o.Port(1).Remove() },
		"chip":   func(o *office, _ *testing.T) { _ = o.Close() },
		"delete": func(o *office, t *testing.T) { ip(t, "link", "del", o.taps[0].Name()) },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, 2, Config{})
			tap, port := o.taps[0], o.Port(1)
			plugged := tap.Plugged()
			end(o, t)
			ends(t, tap, plugged)
			if tap.Plugged() != nil {
				t.Error("still plugged in")
			}
			gone := name == "chip" || name == "Remove"
			if port.Carrier() && !gone {
				t.Error("the port has carrier")
			}
			if err := port.Attach(Wire{}); (err == nil) == gone {
				t.Error("a wire in its place: ", err)
			}
			port.OnEgress(nil)
			port.Detach()
			if name == "Close" || name == "delete" {
				return
			}
			o.stations[0].send(note(everybody, macA, 7, 60))
			if got := next(t, tap, make([]byte, 100)); got[17] != 7 {
				t.Errorf("read % x", got)
			}
			if gone {
				return
			}
			if err := tap.Plug(o.Port(1)); err != nil {
				t.Fatal(err)
			}
			again := note(everybody, macA, 8, 60)
			o.stations[0].send(again)
			o.stations[1].receives(again)
		})
	}
}

func TestPlugIsRefused(t *testing.T) {
	o := newOffice(t, 1, Config{})
	free, port := openTestTAP(t), o.Port(2)
	wants(t, "a port with a TAP", free.Plug(o.Port(1)), switchdev.ErrBusy, syscall.EBUSY)
	wants(t, "a TAP in a port", o.taps[0].Plug(port), switchdev.ErrBusy, syscall.EBUSY)
	wants(t, "a wire on a TAP", o.Port(1).Attach(Wire{}), switchdev.ErrBusy, syscall.EBUSY)
	if err := port.Attach(Wire{}); err != nil {
		t.Fatal(err)
	}
	wants(t, "a port with a wire", free.Plug(port), switchdev.ErrBusy, syscall.EBUSY)
	port.Detach()
	port.OnEgress(func([]byte) {})
	wants(t, "a port with a hook", free.Plug(port), switchdev.ErrBusy, syscall.EBUSY)
	port.OnEgress(nil)
	port.Remove()
	wants(t, "a removed port", free.Plug(port), switchdev.ErrPortGone, syscall.ENODEV)
	port = o.Port(3)
	_ = o.Close()
	wants(t, "a closed chip", free.Plug(port), switchdev.ErrClosed, syscall.EBADF)
	_ = free.Close()
	wants(t, "a closed TAP", free.Plug(port), switchdev.ErrClosed, syscall.EBADF)
	if free.Plugged() != nil {
		t.Error("a refused TAP is plugged in")
	}
}

// TestPlugAndUnplugWhileFramesPass is for the race detector.
func TestPlugAndUnplugWhileFramesPass(t *testing.T) {
	o := newOffice(t, 2, Config{})
	var all sync.WaitGroup
	stop := make(chan struct{})
	for i := range 2 {
		all.Go(func() {
			f := note(everybody, switchdev.MAC{2, 0, 0, 0, 0, byte(i)}, 1, 60)
			for {
				select {
				case <-stop:
					return
				default:
					o.Port(1).Ingress(f)
					_, _ = o.taps[i].Write(f)
				}
			}
		})
	}
	for i := range 100 {
		switch tap := o.taps[1]; i % 4 {
		case 0:
			tap.Unplug()
		case 1:
			o.Port(2).Detach()
		case 2:
			_ = tap.SetUp(false)
			_ = tap.SetUp(true)
		}
		if err := o.taps[1].Plug(o.Port(2)); err != nil && !errors.Is(err, switchdev.ErrBusy) {
			t.Fatal(err)
		}
		for len(o.carrier) > 0 {
			<-o.carrier
		}
	}
	all.Go(func() { _ = o.taps[1].Close() })
	all.Go(func() { _ = o.Close() })
	close(stop)
	all.Wait()
}
