package show_test

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
	"github.com/switchcore/switchcore/switchdev"
)

func do(f func(l *devlink.Locked) error) func(context.Context, *devlink.Locked) error {
	return func(_ context.Context, l *devlink.Locked) error { return f(l) }
}

// command is one of devlink(8).
type command struct {
	*world
	json      bool
	namespace string
	view      show.View
	words     []string
	inst      *devlink.Instance // of the handle, if there is one
	rest      string            // of the handle
}

func (c *command) run(words []string) {
	for strings.HasPrefix(words[0], "-") {
		switch words[0] {
		case "-j":
			c.json = true
		case "-s":
			c.view.Stats = true
		case "-N":
			c.namespace, words = words[1], words[1:]
		}
		words = words[1:]
	}
	n := 2
	if words[1] == "param" || words[1] == "policer" {
		n = 3
	}
	c.words = words[min(n, len(words)):]
	if len(c.words) > 0 {
		parts := strings.SplitN(c.words[0], "/", 3)
		i, err := c.reg.Instance(c.namespace, devlink.Handle{Bus: parts[0], Device: parts[1]})
		if err != nil {
			c.answer(switchdev.ErrNoDevice)
			return
		}
		c.inst = i
		if len(parts) > 2 {
			c.rest = parts[2]
		}
	}
	c.carry(strings.Join(words[:n], " "))
}

// arg returns what stands behind a word.
func (c *command) arg(word string) (string, bool) {
	if i := slices.Index(c.words, word); i >= 0 {
		return c.words[i+1], true
	}
	return "", false
}

func (c *command) number(word string) *uint64 {
	s, ok := c.arg(word)
	if !ok {
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		c.t.Fatal(err)
	}
	return &n
}

func (c *command) carry(what string) {
	switch what {
	case "dev show":
		c.list(show.Devs)
	case "port show":
		c.list(show.Ports)
	case "dev reload":
		c.reload()
	case "dev param show":
		c.list(show.Params)
	case "dev param set":
		c.setParam()
	case "resource show":
		c.list(show.Resources)
	case "resource set":
		path, _ := c.arg("path")
		r := devlink.FindResource(c.reg.Snapshot().Objects(c.namespace, c.inst.Handle()), path)
		if r == nil {
			c.print("! error parsing resource path Invalid argument")
			return
		}
		c.answer(c.done(c.inst.SubmitSetResource(r.Key(), *c.number("size"))))
	case "trap policer show":
		c.list(show.Policers)
	case "trap policer set":
		change := devlink.PolicerChange{Rate: c.number("rate"), Burst: c.number("burst")}
		c.answer(c.done(c.inst.SubmitSetPolicer(uint32(*c.number("policer")), change)))
	default:
		c.more(what)
	}
}

func (c *command) more(what string) {
	verb := strings.Fields(what)[1]
	switch {
	case what == "region show":
		c.list(show.Regions)
	case what == "health show":
		if name, ok := c.arg("reporter"); ok {
			key := devlink.Key{Name: name}
			if c.reg.Snapshot().Object(c.namespace, c.inst.Handle(), devlink.KindReporter, key) == nil {
				c.answer(switchdev.ErrInvalid)
				return
			}
		}
		c.list(show.Reporters)
	case strings.HasPrefix(what, "region"):
		c.region(verb)
	case strings.HasPrefix(what, "health"):
		c.health(verb)
	default:
		c.t.Fatal("unknown command", what)
	}
}

// list prints the rows of a section, those that were asked for.
func (c *command) list(s show.Section) {
	var rows []show.Row
	for r := range c.view.Rows(c.reg.Snapshot(), c.namespace, s) {
		name, _ := c.arg("name")
		reporter, _ := c.arg("reporter")
		policer := c.number("policer")
		switch r := r.(type) {
		case *show.Param:
			if name != "" && r.Name != name {
				continue
			}
		case *show.Reporter:
			if reporter != "" && r.Name != reporter {
				continue
			}
			r.DumpDate, r.DumpTime = "", "" // which no recording has
		case *show.Policer:
			if policer != nil && r.ID.Value != *policer {
				continue
			}
		case *show.Port:
			if c.rest != "" && strconv.Itoa(int(r.At.Port)) != c.rest {
				continue
			}
		}
		rows = append(rows, r)
	}
	c.print(strings.Split(strings.TrimSuffix(print(c.t, s, show.Members, rows), "\n"), "\n")...)
	if len(rows) == 0 {
		c.out = c.out[:len(c.out)-1]
	}
}

func (c *command) reload() {
	var q devlink.ReloadRequest
	asked := false
	if s, ok := c.arg("action"); ok {
		asked = true
		q.Action = map[string]devlink.ReloadAction{"driver_reinit": devlink.ActionDriverReinit, "fw_activate": devlink.ActionFWActivate}[s]
	}
	if _, ok := c.arg("limit"); ok {
		asked, q.LimitsGiven, q.Limits = true, true, devlink.LimitsOf(devlink.LimitNoReset)
	}
	if s, ok := c.arg("netns"); ok {
		switch {
		case s == "1":
			s = ""
		case !slices.Contains(c.reg.Namespaces(), s):
			c.print(`! "` + s + `" is not a number or not within range`)
			return
		}
		q.To = []string{s}
	}
	k := c.inst.SubmitReload(q)
	err := c.done(k.Ticket)
	if c.answer(err); err == nil && asked && c.json {
		r := &show.Reload{DriverReinit: k.Result().Performed.Has(devlink.ActionDriverReinit)}
		c.print(strings.TrimSuffix(print(c.t, show.Reloads, show.Members, []show.Row{r}), "\n"))
	}
}

func (c *command) setParam() {
	name, _ := c.arg("name")
	value, _ := c.arg("value")
	key := devlink.Key{Name: name}
	p := c.reg.Snapshot().Object(c.namespace, c.inst.Handle(), devlink.KindParam, key).(*devlink.ParamInfo)
	v, err := devlink.ParseParamValue(p.Type, value)
	if err != nil {
		c.t.Fatal(err)
	}
	c.answer(c.done(c.inst.SubmitSetParam(key, devlink.ParamDriverInit, v)))
}

func (c *command) region(verb string) {
	key, id := devlink.Key{Name: c.rest}, c.number("snapshot")
	switch {
	case verb == "new" && id != nil:
		c.answer(c.done(c.inst.SubmitNewSnapshotID(key, uint32(*id)).Ticket))
	case verb == "new":
		k := c.inst.SubmitNewSnapshot(key)
		err := c.done(k.Ticket)
		if c.answer(err); err == nil {
			r := &show.Region{At: show.Place{Handle: c.inst.Handle()}, Name: c.rest, Snapshots: []uint32{k.Snapshot().ID}}
			c.print(strings.TrimSuffix(print(c.t, show.Regions, show.Members, []show.Row{r}), "\n"))
		}
	case verb == "del":
		c.answer(c.done(c.inst.SubmitDeleteSnapshot(key, uint32(*id))))
	default:
		q := devlink.RegionRead{Snapshot: new(uint32(*id)), Length: math.MaxUint64}
		if verb == "read" {
			q.Offset, q.Length = *c.number("address"), *c.number("length")
		}
		c.answer(c.done(c.inst.SubmitReadRegion(key, q).Ticket))
	}
}

func (c *command) health(verb string) {
	name, _ := c.arg("reporter")
	key := devlink.Key{Name: name}
	switch verb {
	case "recover":
		c.answer(c.done(c.inst.SubmitRecoverReporter(key)))
	case "test":
		c.answer(c.done(c.inst.SubmitTestReporter(key)))
	case "diagnose":
		c.answer(c.done(c.inst.SubmitDiagnoseReporter(key).Ticket))
	case "set":
		var change devlink.ReporterChange
		if n := c.number("grace_period"); n != nil {
			change.Grace = new(time.Duration(*n) * time.Millisecond)
		}
		if s, ok := c.arg("auto_recover"); ok {
			change.AutoRecover = new(s == "true")
		}
		c.answer(c.done(c.inst.SubmitSetReporter(key, change)))
	}
}
