package tool

import (
	"errors"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// netns is "ip netns add" and del (ip/ipnetns.c).
type netns struct {
	remove bool
	name   string
}

func parseNetnsAdd(a *args) verb { return parseNetns(a, false) }

func parseNetnsDelete(a *args) verb { return parseNetns(a, true) }

// parseNetns passes over words after the name, as the tool does.
func parseNetns(a *args, remove bool) verb {
	v := netns{remove: remove}
	if len(a.words) == 0 {
		a.fail("No netns name specified")
		return v
	}
	v.name, a.words = a.words[0], nil
	if v.name == "" || v.name == "." || v.name == ".." || len(v.name) > 255 || strings.Contains(v.name, "/") {
		a.fail(`Invalid netns name "%s"`, v.name)
	}
	return v
}

// run tells of the namespace's file, which is what the tool stumbles over.
func (v netns) run(r *run) error {
	doing, err := "create", error(nil)
	if v.remove {
		doing, err = "remove", r.machine.DeleteNS(v.name)
	} else {
		err = r.machine.AddNS(v.name)
	}
	if errors.Is(err, switchdev.ErrExist) || errors.Is(err, switchdev.ErrNotExist) {
		r.complain("Cannot " + doing + ` namespace file "/run/netns/` + v.name + `": ` + strerror(err))
		return nil
	}
	return err
}
