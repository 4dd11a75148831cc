// Embed is a learning switch inside a program, for its own tunnels: Ethernet frames in UDP datagrams.
// What there is to copy is hub. "go run ./examples/embed" starts processes that are the far ends of tunnels,
// and lets stations there talk, move and attack. The exit status is 1 if anything is not as it must be.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// hub is the switch. A datagram is an Ethernet frame and nothing else; the address that it comes from
// says whose it is, and is a port of the bridge. A tunnel opens with the first frame, which is sent back.
type hub struct {
	*net.UDPConn
	bridge *bridge.Bridge
	ports  map[netip.AddrPort]switchdev.PortID
	ends   []netip.AddrPort // of port 1, of port 2, ...
	egress bridge.Egress
	buf    [1 << 16]byte
}

// newHub returns a hub on loopback that learns at most limit stations.
func newHub(limit int) (*hub, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	b, err := bridge.New(bridge.Config{Table: fdb.Config{Learning: fdb.Learning{Max: limit}}})
	return &hub{UDPConn: conn, bridge: b, ports: map[netip.AddrPort]switchdev.PortID{}}, err
}

// next sends a frame where it is to go, without allocating. It reports false when the hub is closed.
func (h *hub) next() bool {
	n, from, err := h.ReadFromUDPAddrPort(h.buf[:])
	in, known := h.ports[from]
	if !known && err == nil && len(h.ends) < 64 { // who may have a port is to be decided here
		in = switchdev.PortID(len(h.ends) + 1)
		if h.bridge.AddPort(context.Background(), bridge.PortConfig{ID: in, MAC: switchdev.MAC{6, 5: byte(in)}}) == nil {
			h.ends, h.ports[from] = append(h.ends, from), in
			h.WriteToUDPAddrPort(h.buf[:n], from)
		}
	}
	h.bridge.Forward(in, h.buf[:n], &h.egress) // what is no frame, or from no port, goes nowhere
	for i, out := range h.egress.Ports() {
		h.WriteToUDPAddrPort(h.egress.Frame(i, h.buf[:n]), h.ends[out-1])
	}
	return !errors.Is(err, net.ErrClosed)
}

func main() {
	if len(os.Args) < 2 {
		h, err := newHub(limit)
		if err == nil {
			err = run(h, process, os.Stdout, os.Stderr)
		}
		if err != nil {
			log.Fatal(err)
		}
	} else if conn, err := net.Dial("udp4", os.Args[1]); err == nil {
		go io.Copy(os.Stdout, conn)
		for f := (frame{}); binary.Read(os.Stdin, binary.BigEndian, &f) == nil; binary.Write(conn, binary.BigEndian, f) {
		}
	}
}

// process is this program as the far end of a tunnel, with pipes in place of stations.
func process(hub string) (out io.Reader, in io.Writer, stop func(), err error) {
	exe, err := os.Executable()
	cmd := exec.Command(exe, hub)
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	return stdout, stdin, func() { stdin.Close(); cmd.Wait() }, errors.Join(err, err1, err2, cmd.Start())
}

// run tells the story with a hub, which it closes, and four ends that start makes.
func run(h *hub, start func(hub string) (io.Reader, io.Writer, func(), error), stdout, stderr io.Writer) error {
	defer h.bridge.Close()
	defer h.Close()
	go func() {
		for h.next() {
		}
	}()
	defer time.AfterFunc(30*time.Second, func() { log.Fatal("FAILED: a frame was lost") }).Stop()
	s := story{out: make(chan frame, 1024), at: [256]byte{0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3}}
	for end := range s.in {
		out, in, stop, err := start(h.LocalAddr().String())
		if err != nil {
			return err
		}
		defer stop()
		s.in[end] = in
		go func() {
			for f := (frame{}); binary.Read(out, binary.BigEndian, &f) == nil; s.out <- f {
				f.End = byte(end)
			}
		}()
		s.send(byte(end), byte(end)) // opens the tunnel
	}
	return s.tell(h.bridge, stdout, stderr)
}

// The switch learns limit stations. Frames with a number over secret are for stations that it has learned.
const limit, secret = 256, 1000

type frame struct {
	To, From switchdev.MAC // with the stations' numbers at the end
	Type     switchdev.EtherType
	Seq      uint32 // 0 if it is part of the attack
	End      byte   // where it came out
}

// story is what happens at the ends of the tunnels.
type story struct {
	in     [4]io.Writer
	out    chan frame
	at     [256]byte // the ends where the stations are
	seq    uint32
	strays int // secrets that came out elsewhere
}

// send lets a station send to another, and reports whether the frame came out there and not elsewhere.
func (s *story) send(from, to byte) bool {
	s.seq++
	f := frame{switchdev.MAC{2, 5: to}, switchdev.MAC{2, 5: from}, 0x88b5, s.seq, 0}
	binary.Write(s.in[s.at[from]], binary.BigEndian, f)
	for f = range s.out {
		home := f.End == s.at[f.To[5]]
		if !home && f.Seq > secret {
			s.strays++
		}
		if f.Seq == s.seq && (home || f.Seq > secret) {
			break
		}
	}
	return f.End == s.at[to]
}

// tell lets twelve stations talk and five move, while the last end floods the switch with others.
func (s *story) tell(b *bridge.Bridge, stdout, stderr io.Writer) (err error) {
	for i := range byte(17) {
		s.send(i, (i+1)%12)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s.seq = secret
	slowest, learned, forwarded, flooded := 1, 0, uint64(0), uint64(0)
	for burst := range 400 {
		for range 50 {
			madeUp := switchdev.MACFromUint64(2<<40 | rand.Uint64()>>16&^(3<<40))
			binary.Write(s.in[3], binary.BigEndian, frame{To: madeUp.Next(), From: madeUp})
		}
		mover, peer, frames := byte(12+burst%5), byte(burst%12), 1
		for s.at[mover] = byte(burst+1) % 4; s.send(mover, peer) && !s.send(peer, mover) && frames < 9; {
			frames++
		}
		for i := range byte(12) {
			s.send(i, (i+1)%12)
		}
		slowest, learned = max(slowest, frames), max(learned, b.Table().Stats().Learned)
		if burst%20 == 19 {
			fmt.Fprintf(stderr, "\r%d moves, %d made-up stations, %d learned%s", burst+1, 50*(burst+1), learned, "\n"[:burst/399])
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	for _, port := range b.Stats().Ports {
		forwarded += port.Outcome(bridge.ReasonForwarded)
		flooded += port.Outcome(bridge.ReasonFlooded)
	}
	check := func(ok bool, n any, what string) {
		if fmt.Fprintf(stdout, "%8d %s\n", n, what); !ok {
			err = errors.Join(err, fmt.Errorf("FAILED: %d %s", n, what))
		}
	}
	check(forwarded >= 400*14, forwarded, "frames forwarded to one end")
	check(flooded > limit, flooded, "frames flooded")
	check(s.strays == 0, s.strays, "unintended floods: frames for a learned station that came out elsewhere")
	check(slowest == 1, slowest, "frame from a new place, at most, until traffic followed, in 400 moves")
	check(learned <= limit, learned, "stations learned, at most; the limit is 256")
	check(b.Table().Stats().Limited > 0, b.Table().Stats().Limited, "times a made-up station was not learned")
	check(after.HeapAlloc < before.HeapAlloc+1<<20, int(after.HeapAlloc)-int(before.HeapAlloc), "bytes that the heap has grown by")
	return err
}
