package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Exec executes one command and returns the lines that a transcript would have of
// it.
func (k *Kernel) Exec(line string) ([]string, error) {
	w, err := words(line)
	if err != nil {
		return nil, err
	}
	if why := beyond(w); why != "" && !k.vlans {
		return nil, &Unsupported{line, why}
	}
	var out []string
	err = k.do(func() error {
		var err error
		switch w[0] {
		case "lab":
			out, err = k.lab(line, w[1:])
		case "ip":
			out, err = k.ipTool(w[1:])
		case "bridge":
			out, err = k.tool(k.bridge, w[1:])
		default:
			err = &Unsupported{line, "no tool " + w[0]}
		}
		if err != nil {
			return err
		}
		k.rack.name(w)
		return k.settle()
	})
	return out, err
}

// run runs a tool and returns what it printed.
func (k *Kernel) run(tool string, args ...string) (printed [2]bytes.Buffer, err error) {
	return k.feed("", tool, args...)
}

// feed is run with a standard input.
func (k *Kernel) feed(input, tool string, args ...string) (printed [2]bytes.Buffer, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), k.cfg.timeout())
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	cmd.Stdout, cmd.Stderr = &printed[0], &printed[1]
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		err = nil // what it has to say it says
	}
	return printed, err
}

// tool runs ip(8) or bridge(8) as the command says.
func (k *Kernel) tool(tool string, args []string) ([]string, error) {
	printed, err := k.run(tool, args...)
	if err != nil {
		return nil, err
	}
	out := lines(printed[0].Bytes())
	if object, asJSON := object(args); asJSON {
		if out, err = elements(printed[0].Bytes()); err == nil && object == "fdb" {
			out, err = fdbLines(out)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(out, complaints(printed[1].Bytes(), k.module)...), nil
}

// object returns the first word that is no option, and whether -j is one.
func object(args []string) (word string, asJSON bool) {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case !strings.HasPrefix(a, "-"):
			return a, asJSON
		case a == "-j":
			asJSON = true
		case a == "-n":
			i++
		}
	}
	return "", asJSON
}

// ipTool is tool for ip(8), and for what follows from its namespaces.
func (k *Kernel) ipTool(args []string) ([]string, error) {
	if i := slices.Index(args, "netns"); i > 0 && i+1 < len(args) && args[i+1] == "1" {
		args = slices.Clone(args)
		args[i+1] = strconv.Itoa(k.thread) // home is the first process's in a transcript
	}
	out, err := k.tool(k.ip, args)
	if err != nil || len(args) != 3 || args[0] != "netns" {
		return out, err
	}
	switch args[1] {
	case "add":
		err = k.number(args[2])
	case "del", "delete":
		k.forget(args[2])
		err = pause(deletion)
	}
	return out, err
}

// deletion is time enough for what is in a namespace to go after its name; nothing
// tells when it has.
const deletion = 300 * time.Millisecond

// pause lets time pass.
func pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
	return nil
}

// lab executes a verb that is no tool's.
func (k *Kernel) lab(line string, w []string) ([]string, error) {
	if len(w) == 0 {
		return nil, &Unsupported{line, "lab WHAT"}
	}
	switch w[0] {
	case "bridge":
		return nil, k.makeBridge(line, w[1:])
	case "switch":
		return nil, k.makeSwitch(line, w[1:])
	case "hw":
		return k.hardware(line, w[1:])
	case "ports":
		return nil, k.batch(k.pairs(w[1:], ""))
	case "send":
		return k.send(line, w[1:])
	case "events":
		return k.eventsVerb(line, w[1:])
	case "wait":
		d, err := time.ParseDuration(w[len(w)-1])
		if len(w) != 2 || err != nil || d < 0 || d > time.Minute {
			return nil, &Unsupported{line, "lab wait Ns"}
		}
		return nil, pause(d)
	}
	return nil, &Unsupported{line, "lab " + w[0]}
}

// eventsVerb executes "lab events".
func (k *Kernel) eventsVerb(line string, w []string) ([]string, error) {
	number := home
	if len(w) >= 3 && w[1] == "netns" {
		number = slices.IndexFunc(k.spaces, func(s *space) bool { return s.name == w[2] })
		w = slices.Delete(slices.Clone(w), 1, 3)
	}
	if len(w) < 1 || len(w) > 2 || w[0] != "fdb" || len(w) == 2 && w[1] != "sorted" || number < 0 {
		return nil, &Unsupported{line, "lab events fdb [netns NAME] [sorted]"}
	}
	out := k.spaces[number].notifications()
	if len(w) == 2 {
		slices.Sort(out)
	}
	return out, nil
}

// pairs returns the commands that make ports with their cables and hosts, and put
// the ports under a bridge if one is named.
func (k *Kernel) pairs(ports []string, bridge string) []string {
	var cmds []string
	for _, p := range ports {
		n := strings.TrimPrefix(p, "p")
		if _, ok := k.byName(p); !ok {
			cmds = append(cmds, fmt.Sprintf("link add dev %s address 02:00:00:00:00:%02s type veth peer name h%s address 02:00:00:00:01:%02s", p, n, n, n),
				"link set dev h"+n+" up")
		}
		if bridge != "" {
			cmds = append(cmds, "link set dev "+p+" master "+bridge)
		}
		cmds = append(cmds, "link set dev "+p+" up")
	}
	return cmds
}

// makeBridge executes "lab bridge".
func (k *Kernel) makeBridge(line string, w []string) error {
	i := slices.Index(w, "ports")
	if i < 1 {
		return &Unsupported{line, "lab bridge BR [OPTION VALUE]... ports P..."}
	}
	for _, p := range w[i+1:] {
		if n, err := strconv.Atoi(strings.TrimPrefix(p, "p")); err != nil || !strings.HasPrefix(p, "p") || n < 1 || n > 9 {
			return &Unsupported{line, "port " + p}
		}
	}
	return k.buildBridge(w[0], w[1:i], w[i+1:])
}

// buildBridge makes a bridge with options over ports.
func (k *Kernel) buildBridge(name string, options, ports []string) error {
	cmds := []string{
		"link add dev " + name + " address 02:00:00:00:00:fe type bridge mcast_snooping 0 " + strings.Join(options, " "),
		"link set dev " + name + " up",
	}
	return k.batch(append(cmds, k.pairs(ports, name)...))
}

// batch runs commands of ip(8) that must not fail.
func (k *Kernel) batch(cmds []string) error {
	printed, err := k.feed(strings.Join(cmds, "\n")+"\n", k.ip, "-batch", "-")
	if err == nil && printed[1].Len() != 0 {
		err = fmt.Errorf("live: %q: %s", cmds, printed[1].String())
	}
	return err
}
