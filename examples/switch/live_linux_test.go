package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// network is a live switch among three namespaces.
type network struct {
	*liveSwitch
	a, b, c *place
}

func newNetwork(t *testing.T, specs ...string) *network {
	t.Helper()
	needsRoot(t)
	n := &network{
		a: newPlace(t, "a", "10.77.0.1/24", "fd77::1/64"),
		b: newPlace(t, "b", "10.77.0.2/24", "fd77::2/64"),
		c: newPlace(t, "c", "10.77.0.3/24", "fd77::3/64"),
	}
	opt := options{ageing: liveAgeing, faults: faults(t, specs...)}
	var err error
	if n.liveSwitch, err = newLiveSwitch([]*hwsim.TAP{n.a.tap, n.b.tap, n.c.tap}, opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.close(); err != nil {
			t.Error(err)
		}
	})
	if err := n.join(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	return n
}

// offloaded waits until the chip holds a station.
func (n *network) offloaded(t *testing.T, mac switchdev.MAC, port switchdev.PortID) {
	t.Helper()
	news, err := n.bridge.Table().Subscribe(fdb.SubscribeOptions{Replay: true, Filter: func(e *fdb.Event) bool {
		return e.Entry.MAC == mac && e.Entry.Port == port && e.Entry.Offload == fdb.Offloaded
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer news.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		e, err := news.Next(ctx)
		if err != nil {
			t.Fatalf("the chip does not hear of %v at port %v: %v", mac, port, err)
		}
		if e.Entry.MAC == mac { // the end of the replay is told as well
			return
		}
	}
}

// overheard fails if one of the frames is for a station, and returns how many requests for an
// address there are.
func overheard(t *testing.T, where string, frames [][]byte) (requests int) {
	t.Helper()
	for _, f := range frames {
		if f[0]&1 == 0 {
			t.Errorf("%s hears % x, which is for a station", where, f[:min(len(f), 60)])
		}
		arp := binary.BigEndian.Uint16(f[12:]) == 0x0806
		solicitation := binary.BigEndian.Uint16(f[12:]) == 0x86dd && f[20] == 58 && f[54] == 135 // RFC 4861
		if arp || solicitation {
			requests++
		}
	}
	return requests
}

// TestNamespacesTalkAndTheThirdHearsNothing has real network stacks talk through the chip, with good
// hardware and without: the third station gets what is for everybody and not one frame of the
// conversation.
func TestNamespacesTalkAndTheThirdHearsNothing(t *testing.T) {
	for _, specs := range [][]string{nil, {"hang:fdb"}, {"refuse:fdb"}, {"slow:fdb:5ms"}} {
		t.Run(strings.Join(specs, " "), func(t *testing.T) {
			n := newNetwork(t, specs...)
			third := n.c.socket(anyType)
			n.a.ping("10.77.0.1", "10.77.0.2", 1)
			if specs == nil {
				n.offloaded(t, n.a.mac, 1)
				n.offloaded(t, n.b.mac, 2)
			}
			n.a.ping("10.77.0.1", "10.77.0.2", 20)
			n.a.ping("fd77::1", "fd77::2", 20)
			n.b.ping("10.77.0.2", "10.77.0.1", 20)
			n.b.ping("fd77::2", "fd77::1", 20)
			// Each reader keeps the order of its frames: what comes before the last of both has come.
			enda, endb := note(everybody, n.a.mac, "end of a"), note(everybody, n.b.mac, "end of b")
			n.a.socket(testType).send(enda)
			n.b.socket(testType).send(endb)
			// One request for an address each, so none was lost and asked again.
			if got := overheard(t, "the third", third.until(enda, endb)); got != 2 {
				t.Errorf("%d requests for addresses, want 2", got)
			}
			inHardware := uint64(0)
			for _, p := range n.ports {
				inHardware += p.Counters().RxFrames
			}
			for _, trapped := range n.chip.Stats().Trapped {
				inHardware -= trapped
			}
			if specs == nil && inHardware < 160 { // 80 echoes and what was asked
				t.Errorf("the chip has switched %d frames by itself", inHardware)
			}
			for _, p := range n.ports {
				if lost := p.drops(); lost.sum() > 0 {
					t.Errorf("%s dropped%v", p.Name(), lost)
				}
			}
		})
	}
}

// TestStationMovesWithOneFrame has a station turn up behind another device: its first frame moves
// it. From when the chip says that it holds the new place nothing goes to the old one.
func TestStationMovesWithOneFrame(t *testing.T) {
	n := newNetwork(t)
	n.a.ping("10.77.0.1", "10.77.0.2", 3)
	n.a.ping("fd77::1", "fd77::2", 3)
	moved, key := n.a.mac, fdb.Key{MAC: n.a.mac}

	n.a.ip("link", "set", n.a.tap.Name(), "address", "02:00:00:00:77:99")
	n.a.become()
	n.c.ip("link", "set", n.c.tap.Name(), "address", moved.String())
	n.c.become("10.77.0.1/24", "fd77::1/64")
	old, b, c := n.a.socket(anyType), n.b.socket(testType), n.c.socket(testType)
	first := note(everybody, moved, "here I am")
	c.send(first)
	b.until(first)
	if hit, ok := n.bridge.Table().Lookup(key); !ok || hit.Port != 3 {
		t.Errorf("after one frame the station is at %v, %v", hit, ok)
	}
	n.offloaded(t, moved, 3)
	answer := note(moved, n.b.mac, "there you are")
	b.send(answer)
	if got := c.next(); !bytes.Equal(got, answer) {
		t.Errorf("the station hears % x", got)
	}
	n.c.ping("10.77.0.1", "10.77.0.2", 10)
	n.c.ping("fd77::1", "fd77::2", 10)
	n.b.ping("10.77.0.2", "10.77.0.1", 10)
	n.b.ping("fd77::2", "fd77::1", 10)
	endb, endc := note(everybody, n.b.mac, "end of b"), note(everybody, moved, "end of c")
	b.send(endb)
	c.send(endc)
	overheard(t, "the old place", old.until(endb, endc))
}

// TestLinkThatIsLostEmptiesThePort takes a station's device down and up again.
func TestLinkThatIsLostEmptiesThePort(t *testing.T) {
	n := newNetwork(t)
	n.a.ping("10.77.0.1", "10.77.0.2", 2)
	news, err := n.bridge.Table().Subscribe(fdb.SubscribeOptions{Filter: func(e *fdb.Event) bool {
		return e.Entry.MAC == n.b.mac && e.Kind.Removes()
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer news.Close()
	n.b.ip("link", "set", n.b.tap.Name(), "down")
	n.a.socket(testType).send(note(everybody, n.a.mac, "who is there"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := news.Next(ctx); err != nil {
		t.Fatal(err)
	}
	n.b.ip("link", "set", n.b.tap.Name(), "up")
	for _, want := range []switchdev.ReportKind{switchdev.ReportPortDown, switchdev.ReportPortUp} {
		select {
		case r := <-n.links:
			if r.Port != 2 || r.Kind != want {
				t.Fatalf("%v of port %v, want %v of port 2", r.Kind, r.Port, want)
			}
		case <-ctx.Done():
			t.Fatalf("no report %v", want)
		}
	}
	// It stands behind that of the report, in the queue of the port.
	if err := n.bridge.SetCarrier(ctx, 2, true); err != nil {
		t.Fatal(err)
	}
	b, hello := n.b.socket(testType), note(n.b.mac, n.a.mac, "hello again")
	n.a.socket(testType).send(hello)
	if got := b.next(); !bytes.Equal(got, hello) {
		t.Errorf("the station hears % x", got)
	}
}

// program starts the program with the arguments, in a process of its own.
func program(t *testing.T, args ...string) (cmd *exec.Cmd, out *bufio.Scanner, errs *bytes.Buffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd, errs = exec.CommandContext(ctx, exe, args...), new(bytes.Buffer)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = errs
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(stdout), errs
}

// TestLiveEndsWithASignal runs the program as a user does.
func TestLiveEndsWithASignal(t *testing.T) {
	needsRoot(t)
	made, there := deviceName("m"), deviceName("t")
	ip(t, "tuntap", "add", "dev", there, "mode", "tap")
	defer ip(t, "tuntap", "del", "dev", there, "mode", "tap")
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd, out, errs := program(t, "-live", made+","+there)
		text := ""
		for !strings.Contains(text, "port 2: ") && out.Scan() {
			text += out.Text() + "\n"
		}
		for _, name := range []string{made, there} {
			if dev, err := net.InterfaceByName(name); err != nil || dev.Flags&net.FlagUp == 0 || !strings.Contains(text, ": "+name+", ") {
				t.Errorf("%s: %v, %v\n%s%s", name, dev, err, text, errs)
			}
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		for out.Scan() {
			text += out.Text() + "\n"
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v\n%s", sig, err, errs)
		}
		for _, want := range []string{"through the chip", "after ", "fdb show br br0:", "dev " + made + " offload master br0 permanent", "hardware calls: "} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in\n%s", want, text)
			}
		}
		if _, err := net.InterfaceByName(made); err == nil {
			t.Error("the device that was made is still there")
		}
	}
}

func TestLiveEndsWhenTheTimeIsOver(t *testing.T) {
	needsRoot(t)
	a, b := deviceName("x"), deviceName("y")
	out, errs := runs(t, 0, "-live", a+","+b, "-for", "1100ms", "-j")
	if !strings.Contains(out, `"ifname":"`+b+`"`) {
		t.Errorf("no table in\n%s", out)
	}
	if !strings.Contains(errs, " frames/s in, ") {
		t.Errorf("no statistics in %q", errs)
	}
	if _, errs = runs(t, 0, "-live", a+","+b, "-for", "1ms", "-q"); errs != "" {
		t.Errorf("with -q: %q", errs)
	}
}

func TestLiveSaysWhatDeviceIsTaken(t *testing.T) {
	needsRoot(t)
	tap, err := hwsim.OpenTAP(deviceName("z"))
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	if _, errs := runs(t, 1, "-live", deviceName("w")+","+tap.Name()); !strings.Contains(errs, tap.Name()+": busy") {
		t.Errorf("stderr %q", errs)
	}
	if _, err := net.InterfaceByName(deviceName("w")); err == nil {
		t.Error("the device that was made is still there")
	}
}

// TestLiveEndsWithoutTheDevice deletes a device under the switch.
func TestLiveEndsWithoutTheDevice(t *testing.T) {
	n := newNetwork(t)
	plugged := n.b.tap.Plugged()
	n.b.ip("link", "del", n.b.tap.Name())
	select {
	case <-plugged:
	case <-time.After(patience):
		t.Fatal("still in the port")
	}
	n.a.ping("10.77.0.1", "10.77.0.3", 3)
}
