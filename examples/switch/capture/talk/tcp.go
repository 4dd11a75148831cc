package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// patience is how long a TCP conversation may take before it counts as failed.
const patience = 30 * time.Second

// serve answers until it is killed. A connection begins with a line: "push N" is followed by N
// bytes, which it confirms with a line; "pull N" asks for N bytes; "chat 0" for an echo of lines.
func serve(args []string) error {
	failed := make(chan error)
	for _, address := range args {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					failed <- err
					return
				}
				go func() {
					if err := answer(conn); err != nil {
						fmt.Fprintln(os.Stderr, "talk: serve:", err)
					}
				}()
			}
		}()
	}
	return <-failed
}

func answer(conn net.Conn) error {
	defer conn.Close()
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	verb, count, _ := strings.Cut(strings.TrimSpace(line), " ")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		return err
	}
	switch verb {
	case "push":
		if _, err := io.CopyN(io.Discard, in, n); err != nil {
			return err
		}
		_, err = fmt.Fprintln(conn, "thanks")
		return err
	case "pull":
		_, err := io.CopyN(conn, endless{}, n)
		return err
	case "chat":
		_, err := io.Copy(conn, in)
		return err
	}
	return fmt.Errorf("unknown request %q", line)
}

// endless is a reader of zeros.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// open connects and asks for something.
func open(address, verb, count string) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	err = conn.SetDeadline(time.Now().Add(patience))
	if err == nil {
		_, err = fmt.Fprintln(conn, verb, count)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func push(args []string) error {
	conn, err := open(args[0], "push", args[1])
	if err != nil {
		return err
	}
	defer conn.Close()
	n, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(conn, endless{}, n); err != nil {
		return err
	}
	_, err = bufio.NewReader(conn).ReadString('\n')
	return err
}

func pull(args []string) error {
	conn, err := open(args[0], "pull", args[1])
	if err != nil {
		return err
	}
	defer conn.Close()
	n, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, conn, n)
	return err
}

func chat(args []string) error {
	conn, err := open(args[0], "chat", "0")
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	return repeat(args[1], args[2], func(n int) error {
		if _, err := fmt.Fprintln(conn, "message", n); err != nil {
			return err
		}
		line, err := in.ReadString('\n')
		if err == nil && line != fmt.Sprintln("message", n) {
			err = fmt.Errorf("message %d came back as %q", n, line)
		}
		return err
	})
}
