// Package capture holds a recording of a real Linux bridge with five ports: what each port
// received, and what the bridge sent out of each port because of it. README.md says how it was
// made, what is in it, and how to make it again.
//
// Both recordings are pcapng with one interface per port, named p1 to p5, and with the frames
// in the order of time by one clock.
//
//	r, err := pcapng.NewReader(bytes.NewReader(capture.Stations()))
package capture

import "embed"

//go:embed stations.pcapng bridge-out.pcapng fdb.txt
var files embed.FS

// Stations returns a copy of stations.pcapng: the frames that the ports received, in the order
// in which the bridge took them.
func Stations() []byte { return read("stations.pcapng") }

// BridgeOut returns a copy of bridge-out.pcapng: the frames that the bridge sent out of its
// ports.
func BridgeOut() []byte { return read("bridge-out.pcapng") }

// FDB returns fdb.txt: what "bridge fdb show br br0" said at the recording's end.
func FDB() string { return string(read("fdb.txt")) }

func read(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the compiler put the file there
	}
	return b
}
