package live

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config says what a Kernel is made with. The zero Config is good.
type Config struct {
	// Timeout bounds one run of a tool and the way of one frame; zero means
	// ten seconds. It is only reached if something is broken.
	Timeout time.Duration
	// Switch, if not empty, says that the Kernel is to have the switch of the
	// virtual machine that it runs in, and is the path of a Unix socket or character
	// device where the machine's monitor answers. Everything happens in the
	// namespace of the first process then, which is to have nothing else in it.
	// Only Linux knows it.
	Switch string
}

func (c Config) timeout() time.Duration {
	if c.Timeout <= 0 {
		return 10 * time.Second
	}
	return c.Timeout
}

// Unsupported is a command that is not executed here, and why.
type Unsupported struct {
	// Line is the command, Reason what there is not.
	Line, Reason string
}

// Error returns command and reason.
func (u *Unsupported) Error() string { return fmt.Sprintf("live: %q: %s", u.Line, u.Reason) }

// words splits a command at spaces; double quotes group.
func words(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	quoted, some := false, false
	for _, c := range line {
		switch {
		case c == '"':
			quoted, some = !quoted, true
		case c == ' ' && !quoted:
			if some {
				out = append(out, word.String())
			}
			word.Reset()
			some = false
		default:
			word.WriteRune(c)
			some = true
		}
	}
	if some {
		out = append(out, word.String())
	}
	if quoted || len(out) == 0 {
		return nil, &Unsupported{line, "not a command"}
	}
	return out, nil
}

// beyond says what a command needs that a kernel without VLAN filtering does not have.
func beyond(w []string) string {
	switch {
	case w[0] == "bridge" && (slices.Contains(w[1:min(3, len(w))], "vlan") || slices.Contains(w[1:min(3, len(w))], "v")):
		return "a kernel without VLAN filtering"
	case slices.Contains(w, "vlan_filtering") || slices.Contains(w, "vlan_default_pvid"):
		return "a kernel without VLAN filtering"
	}
	return ""
}

// lines splits what a tool printed; blank lines and spaces at the end are dropped.
func lines(printed []byte) []string {
	var out []string
	for line := range bytes.Lines(printed) {
		if s := strings.TrimRight(string(line), " \t\r\n"); s != "" {
			out = append(out, s)
		}
	}
	return out
}
