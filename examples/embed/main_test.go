package main

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/fdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// checkReport compares with the sample in README.md, which every run prints, but for the size of the heap.
func checkReport(t *testing.T, report string) {
	t.Helper()
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "```\n")
	sample, _, found := strings.Cut(rest, "```\n")
	if !found || strings.Count(sample, "\n") != 6 || !strings.HasPrefix(report, sample) {
		t.Errorf("the report is not that of README.md:\n%s", report)
	}
}

// needSockets skips where there is no loopback.
func needSockets(t *testing.T) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Skip("no UDP on loopback:", err)
	}
	conn.Close()
}

func switchOf(t *testing.T) *hub {
	t.Helper()
	h, err := newHub(limit)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// here makes an end of a tunnel without a process.
func here(hub string) (io.Reader, io.Writer, func(), error) {
	conn, err := net.Dial("udp4", hub)
	return conn, conn, func() { conn.Close() }, err
}

func TestStoryIsTrueInOneProcess(t *testing.T) {
	needSockets(t)
	var out, progress bytes.Buffer
	if err := run(switchOf(t), here, &out, &progress); err != nil {
		t.Error(err)
	}
	checkReport(t, out.String())
	if !strings.Contains(progress.String(), "\r400 moves, 20000 made-up stations, 256 learned\n") {
		t.Errorf("progress %q", &progress)
	}
}

func TestStoryIsTrueAsProgram(t *testing.T) {
	needSockets(t)
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("processes cannot be started, or there is no go command:", err)
	}
	program := filepath.Join(t.TempDir(), "embed.exe")
	if out, err := exec.Command(tool, "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(program)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s", err, &errs)
	}
	checkReport(t, out.String())
}

// TestStoryFindsABrokenSwitch tells the story at bridges that are wrong.
func TestStoryFindsABrokenSwitch(t *testing.T) {
	needSockets(t)
	for name, c := range map[string]struct {
		spoil func(*hub) error
		want  string
	}{
		"no limit":    {func(h *hub) error { return h.bridge.Table().SetLearningMax(0) }, "stations learned"},
		"no learning": {func(h *hub) error { return h.bridge.SetAgeing(t.Context(), fdb.NoLearning) }, "unintended floods"},
		"small table": {func(h *hub) error { return h.bridge.Table().SetLearningMax(10) }, "unintended floods"},
	} {
		t.Run(name, func(t *testing.T) {
			h := switchOf(t)
			if err := c.spoil(h); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := run(h, here, &out, io.Discard); err == nil || !strings.Contains(err.Error(), "FAILED: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one about %q\n%s", err, c.want, &out)
			}
		})
	}
}

func TestStartErrorEndsTheRun(t *testing.T) {
	needSockets(t)
	broken := func(string) (io.Reader, io.Writer, func(), error) { return nil, nil, nil, io.ErrUnexpectedEOF }
	if err := run(switchOf(t), broken, io.Discard, io.Discard); err != io.ErrUnexpectedEOF {
		t.Errorf("error %v", err)
	}
}

// TestFrameCostsNoAllocation sends frames from one end to another, through the hub.
func TestFrameCostsNoAllocation(t *testing.T) {
	needSockets(t)
	if runtime.GOOS != "linux" {
		t.Skip("what the sockets of", runtime.GOOS, "allocate is not ours")
	}
	h := switchOf(t)
	defer h.bridge.Close()
	defer h.Close()
	buf := make([]byte, 64)
	var ends [2]*net.UDPConn
	var err error
	frame := func(to, from byte) []byte {
		return append([]byte{2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5}, make([]byte, 46)...)
	}
	hop := func(from, to int, data []byte) {
		ends[from].Write(data)
		if !h.next() {
			t.Fatal("the hub has stopped")
		}
		if n, err := ends[to].Read(buf); n != len(data) || err != nil {
			t.Fatalf("read %d bytes, %v", n, err)
		}
	}
	for i := range ends {
		if ends[i], err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(h.LocalAddr().String()))); err != nil {
			t.Fatal(err)
		}
		defer ends[i].Close()
		hop(i, i, frame(byte(i), byte(i))) // opens the tunnel
	}
	there, back := frame(1, 0), frame(0, 1)
	if n := testing.AllocsPerRun(100, func() { hop(0, 1, there); hop(1, 0, back) }); n != 0 {
		t.Errorf("%v allocations for two frames", n)
	}
}

func TestProgramHasUnder200Lines(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 2 {
		t.Skip("the source is not here:", err)
	}
	lines := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(data, []byte("\n"))
	}
	if lines == 0 || lines >= 200 {
		t.Errorf("%d lines, want fewer than 200", lines)
	}
}
