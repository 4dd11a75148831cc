// Command talk makes the traffic of the recording: see record.sh for how it is called. All but
// the frames command go through the network stack of the namespace it runs in, so that what
// is on the wire is what that stack makes of it.
//
//	talk serve ADDR...                  answer push, pull and chat on these TCP addresses
//	talk push ADDR BYTES                send so many bytes over TCP
//	talk pull ADDR BYTES                fetch so many bytes over TCP
//	talk chat ADDR COUNT PAUSE          exchange short messages over one TCP connection
//	talk listen GROUP:PORT DEV TIME     be a member of a multicast group for a while
//	talk say ADDR COUNT PAUSE BYTES     send UDP datagrams to a station, group or broadcast
//	talk ping DEV ADDR COUNT PAUSE      send ICMP echo requests out of one device (Linux, root)
//	talk frames DEV SET OWN PEER PORT BRIDGE
//	                                    send a set of hand-made frames (Linux, root); the four
//	                                    addresses are the sender's, another station's, a bridge
//	                                    port's and the bridge's
//	talk plain DEV                      switch off segmentation and checksum offloads (Linux, root)
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"time"
)

// verb is one command: how many arguments it needs at least, and what it does.
type verb struct {
	arguments int
	run       func(args []string) error
}

var verbs = map[string]verb{
	"serve":  {1, serve},
	"push":   {2, push},
	"pull":   {2, pull},
	"chat":   {3, chat},
	"listen": {3, listen},
	"say":    {4, say},
	"ping":   {4, ping},
	"frames": {6, sendFrames},
	"plain":  {1, plain},
}

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("usage: talk command arguments; see the source"))
	}
	v, ok := verbs[os.Args[1]]
	if !ok || len(os.Args)-2 < v.arguments {
		fail(fmt.Errorf("no command %q with %d arguments", os.Args[1], len(os.Args)-2))
	}
	if err := v.run(os.Args[2:]); err != nil {
		fail(fmt.Errorf("%v: %w", os.Args[1:], err))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "talk:", err)
	os.Exit(1)
}

// repeat calls do count times with a pause between.
func repeat(count, pause string, do func(n int) error) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	wait, err := time.ParseDuration(pause)
	if err != nil {
		return err
	}
	for i := range n {
		if i > 0 {
			time.Sleep(wait)
		}
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}

// listen joins a multicast group, so that the stack reports its membership, and counts what it
// hears. To hear nothing is an error.
func listen(args []string) error {
	group, err := net.ResolveUDPAddr("udp", args[0])
	if err != nil {
		return err
	}
	device, err := net.InterfaceByName(args[1])
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	conn, err := net.ListenMulticastUDP("udp", device, group)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	for heard := 0; ; heard++ {
		if _, err := conn.Read(make([]byte, 2048)); err != nil {
			if heard == 0 {
				return fmt.Errorf("heard nothing: %w", err)
			}
			return nil
		}
	}
}

func say(args []string) error {
	size, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	conn, err := net.Dial("udp", args[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	return repeat(args[1], args[2], func(n int) error {
		_, err := conn.Write(slices.Repeat([]byte{byte(n)}, size))
		return err
	})
}
