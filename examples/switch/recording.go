package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/switchcore/switchcore/internal/pcapng"
	"github.com/switchcore/switchcore/switchdev"
)

//go:embed capture/stations.pcapng
var builtIn []byte

const (
	maxPorts = 1024
	// maxSpan keeps virtual time far from where the clocks of chip and table end. A capture that is
	// longer has wrong time stamps.
	maxSpan = 10 * 365 * 24 * time.Hour
)

// recording is a capture as the switch sees it: frames that come in at numbered ports.
type recording struct {
	name   string
	ports  []string // names; see portID
	dealt  bool     // the capture does not know ports, and stations were given some
	frames []frame  // in the order of time
}

// frame is a frame that comes in.
type frame struct {
	at   time.Time
	port switchdev.PortID
	data []byte
}

// portID is the number of the port whose name has index i. Number 0 is the host.
func portID(i int) switchdev.PortID { return switchdev.PortID(i + 1) }

// load reads a capture file, or the one that is built in if file is empty. A capture with one
// interface has seen one wire and does not know ports: then count of them are made up.
func load(file string, count int) (*recording, error) {
	if file == "" {
		return read("the built-in recording", bytes.NewReader(builtIn), count)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(file, f, count)
}

func read(name string, from io.Reader, count int) (*recording, error) {
	r, err := pcapng.NewReader(from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	rec := &recording{name: name}
	last := time.Unix(0, 0).UTC()
	for p, err := range r.All() {
		bad := func(format string, args ...any) error {
			return fmt.Errorf("%s: frame %d: "+format, slices.Concat([]any{name, len(rec.frames) + 1}, args)...)
		}
		var link *pcapng.LinkTypeError
		switch {
		case errors.As(err, &link):
			return nil, bad("offset %d: link type %d is not Ethernet", link.Offset, link.LinkType)
		case err != nil:
			return nil, bad("%w", err)
		case p.Truncated():
			return nil, bad("only %d of its %d bytes were captured; capture whole frames (tcpdump -s 0)", len(p.Data), p.OrigLen)
		case p.Interface >= maxPorts:
			return nil, bad("more than %d interfaces", maxPorts)
		}
		if !p.Time.IsZero() { // a frame without a stamp came with the one before it
			last = p.Time
		}
		rec.frames = append(rec.frames, frame{last, portID(p.Interface), bytes.Clone(p.Data)})
	}
	if len(rec.frames) == 0 {
		return nil, fmt.Errorf("%s: no frames", name)
	}
	if wires := r.Interfaces(); len(wires) > 1 {
		rec.ports = portNames(wires[:min(len(wires), maxPorts)])
	} else {
		rec.deal(count)
	}
	slices.SortStableFunc(rec.frames, func(a, b frame) int { return a.at.Compare(b.at) })
	if span := rec.span(); span > maxSpan {
		return nil, fmt.Errorf("%s: spans %v, at most %v are replayed; are its time stamps right?", name, span, maxSpan)
	}
	return rec, nil
}

// portNames returns the names of the interfaces if they can be told apart and are fit for files and
// terminals, and otherwise p1, p2 and so on.
func portNames(wires []pcapng.Interface) []string {
	const fit = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_@"
	var names []string
	for _, w := range wires {
		same := func(n string) bool { return strings.EqualFold(n, w.Name) } // as file systems see it
		if w.Name == "" || len(w.Name) > 32 || strings.Trim(w.Name, fit) != "" || slices.ContainsFunc(names, same) {
			return numbered(len(wires))
		}
		names = append(names, w.Name)
	}
	return names
}

func numbered(count int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("p%d", i+1)
	}
	return names
}

// deal gives every source address a port, round robin in the order of their first frames.
func (rec *recording) deal(count int) {
	rec.ports, rec.dealt = numbered(count), true
	seats := map[string]switchdev.PortID{}
	for i := range rec.frames {
		f := &rec.frames[i]
		source := string(f.data[min(len(f.data), 6):min(len(f.data), 12)])
		if seats[source] == 0 {
			seats[source] = portID(len(seats) % count)
		}
		f.port = seats[source]
	}
}

func (rec *recording) span() time.Duration {
	return rec.frames[len(rec.frames)-1].at.Sub(rec.frames[0].at)
}

// longest returns the length of the longest frame that passes: at least that of Ethernet with a tag
// and without check sequence, and at most what a chip can be made for.
func (rec *recording) longest() int {
	n := 1518
	for _, f := range rec.frames {
		n = max(n, len(f.data))
	}
	return min(n, 65535)
}
