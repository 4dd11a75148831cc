package stp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// kernelBridge is a bridge of Linux with STP in a network namespace of its own. The far
// ends of its ports are in the namespace of the test.
type kernelBridge struct {
	t       *testing.T
	ns      string
	sockets []int // of the far ends, by port number less one
	shell   io.Writer
	answers *bufio.Scanner
}

// portMAC and kernelMAC are the addresses that the ports and the bridge get.
func portMAC(n int) switchdev.MAC { return switchdev.MAC{2, 0xdd, 5: byte(n)} }

func kernelMAC() switchdev.MAC { return switchdev.MAC{2, 0xdd, 1} }

func newKernelBridge(t *testing.T, ports int, options ...string) *kernelBridge {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not root: the kernel's bridge has not been asked")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("there is no ip(8): the kernel's bridge has not been asked")
	}
	k := &kernelBridge{t: t, ns: fmt.Sprintf("stp%d", os.Getpid())}
	if out, err := exec.Command("ip", "netns", "add", k.ns).CombinedOutput(); err != nil {
		t.Skipf("no network namespaces, the kernel's bridge has not been asked: %v, %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", k.ns).Run() })
	create := append([]string{"-n", k.ns, "link", "add", "br0", "address", kernelMAC().String(), "type", "bridge"}, options...)
	if out, err := exec.Command("ip", create...).CombinedOutput(); err != nil {
		t.Skipf("no bridge, the kernel has not been asked: %v, %s", err, out)
	}
	for n := 1; n <= ports; n++ {
		far, near := k.far(n), fmt.Sprintf("p%d", n)
		k.ip("link", "add", "name", far, "type", "veth", "peer", "name", near, "address", portMAC(n).String(), "netns", k.ns)
		t.Cleanup(func() { _ = exec.Command("ip", "link", "del", far).Run() })
		k.ip("link", "set", far, "up")
		k.sockets = append(k.sockets, k.open(far))
		k.ip("-n", k.ns, "link", "set", near, "master", "br0")
		k.ip("-n", k.ns, "link", "set", near, "type", "bridge_slave", "cost", "100")
		k.ip("-n", k.ns, "link", "set", near, "up")
	}
	k.talk()
	return k
}

func (k *kernelBridge) far(n int) string { return fmt.Sprintf("%s-%d", k.ns, n) }

func (k *kernelBridge) ip(args ...string) {
	k.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		k.t.Fatalf("ip %v: %v, %s", args, err, out)
	}
}

// open opens a packet socket that waits at most a tenth of a second for a frame.
func (k *kernelBridge) open(device string) int {
	k.t.Helper()
	all := binary.NativeEndian.Uint16([]byte{0, syscall.ETH_P_ALL})
	dev, err := net.InterfaceByName(device)
	if err != nil {
		k.t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, int(all))
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = syscall.Close(fd) })
	err = errors.Join(
		syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: dev.Index}),
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 100_000}))
	if err != nil {
		k.t.Fatal(err)
	}
	return fd
}

// talk starts a shell in the namespace, whose sysfs shows the bridge.
func (k *kernelBridge) talk() {
	cmd := exec.Command("ip", "netns", "exec", k.ns, "sh")
	in, err := cmd.StdinPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	k.shell, k.answers = in, bufio.NewScanner(out)
}

// read returns the contents of files of the bridge's directory.
func (k *kernelBridge) read(files ...string) (values []string) {
	k.t.Helper()
	fmt.Fprintf(k.shell, "cd /sys/class/net/br0 && cat %s\n", strings.Join(files, " "))
	for range files {
		if !k.answers.Scan() {
			k.t.Fatalf("reading %v: %v", files, k.answers.Err())
		}
		values = append(values, k.answers.Text())
	}
	return values
}

// await reads until it has seen what is wanted, or for a long time. Carriers come, and
// frames may be handed to the bridge, after the call that caused it has returned.
func (k *kernelBridge) await(want func(values []string) bool, files ...string) (values []string) {
	k.t.Helper()
	for range 5000 {
		if values = k.read(files...); want(values) {
			break
		}
	}
	return values
}

// up takes the bridge up and waits for its ports.
func (k *kernelBridge) up() {
	k.t.Helper()
	k.ip("-n", k.ns, "link", "set", "br0", "up")
	for n := range k.sockets {
		k.awaitPort(n + 1)
	}
}

func (k *kernelBridge) awaitPort(n int) {
	k.t.Helper()
	k.await(func(state []string) bool { return state[0] != "0" }, fmt.Sprintf("brif/p%d/state", n))
}

// next returns the next BPDU that the kernel sends by port n, which must come within a
// time that is long.
func (k *kernelBridge) next(n int, want func(BPDU) bool) (BPDU, []byte) {
	k.t.Helper()
	buf := make([]byte, 2048)
	for range 150 {
		length, from, err := syscall.Recvfrom(k.sockets[n-1], buf, 0)
		switch {
		case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			k.t.Fatal(err)
		}
		frame := bytes.Clone(buf[:length])
		if from.(*syscall.SockaddrLinklayer).Pkttype == syscall.PACKET_OUTGOING || string(frame[:6]) != groupAddress {
			continue
		}
		b, ok := Parse(frame)
		if !ok {
			k.t.Fatalf("not understood: %x", frame)
		}
		if again := b.AppendFrame(nil, portMAC(n)); !bytes.Equal(again, frame) {
			k.t.Fatalf("the kernel sends\n%x, we write the same as\n%x", frame, again)
		}
		if want(b) {
			return b, frame
		}
	}
	k.t.Fatalf("port %d: the kernel does not send it", n)
	return BPDU{}, nil
}

func (k *kernelBridge) send(n int, b BPDU) []byte {
	k.t.Helper()
	return k.inject(n, b.AppendFrame(nil, switchdev.MAC{2, 0xee, 5: byte(n)}))
}

func (k *kernelBridge) inject(n int, frame []byte) []byte {
	k.t.Helper()
	dev, err := net.InterfaceByName(k.far(n))
	if err != nil {
		k.t.Fatal(err)
	}
	if err := syscall.Sendto(k.sockets[n-1], frame, 0, &syscall.SockaddrLinklayer{Ifindex: dev.Index}); err != nil {
		k.t.Fatal(err)
	}
	return frame
}
