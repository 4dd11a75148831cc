// Command merge joins capture files, one per bridge port, into one pcapng file with one named
// interface per port and the frames in the order of time:
//
//	merge -o stations.pcapng p1=p1-in.pcap p2=p2-in.pcap
//
// Frames with equal stamps keep the order of the arguments. Each input may be pcap or pcapng;
// the interfaces within it do not matter. With -until, frames later than a time are left out: "date +%s.%N" prints one.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchcore/switchcore/internal/pcapng"
)

func main() {
	out := flag.String("o", "", "the file to write")
	until := flag.String("until", "", "the time of the last frame to keep, in seconds since 1970 with nine decimals")
	flag.Parse()
	if *out == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: merge -o out.pcapng name=file...")
		os.Exit(2)
	}
	if err := run(*out, *until, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "merge:", err)
		os.Exit(1)
	}
}

func run(out, until string, inputs []string) error {
	last, err := parseTime(until)
	if err != nil {
		return err
	}
	var names []string
	var packets []pcapng.Packet
	for i, input := range inputs {
		name, file, ok := strings.Cut(input, "=")
		if !ok {
			return fmt.Errorf("%q is not name=file", input)
		}
		names = append(names, name)
		read, err := readAll(file, i)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		packets = append(packets, read...)
	}
	slices.SortStableFunc(packets, func(a, b pcapng.Packet) int { return a.Time.Compare(b.Time) })
	packets = slices.DeleteFunc(packets, func(p pcapng.Packet) bool { return p.Time.After(last) })
	if err := write(out, names, packets); err != nil {
		return err
	}
	fmt.Printf("%s: %d frames on %d ports\n", out, len(packets), len(names))
	return nil
}

// parseTime reads seconds and nanoseconds; nothing stands for a time that no frame is after.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Unix(math.MaxUint32, 0), nil
	}
	whole, fraction, _ := strings.Cut(text, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	if len(fraction) != 9 {
		return time.Time{}, fmt.Errorf("time %q has not nine decimals", text)
	}
	nsec, err := strconv.ParseInt(fraction, 10, 64)
	return time.Unix(sec, nsec), err
}

// readAll reads the frames of a file and says that they came from the given interface.
func readAll(file string, port int) (packets []pcapng.Packet, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := pcapng.NewReader(f)
	if err != nil {
		return nil, err
	}
	for p, err := range r.All() {
		if err != nil {
			return nil, err
		}
		p.Data = bytes.Clone(p.Data)
		p.Interface = port
		packets = append(packets, p)
	}
	return packets, nil
}

func write(out string, names []string, packets []pcapng.Packet) (err error) {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := bufio.NewWriter(f)
	w, err := pcapng.NewWriter(b, names...)
	if err != nil {
		return err
	}
	for _, p := range packets {
		if err := w.WritePacket(p); err != nil {
			return err
		}
	}
	return b.Flush()
}
