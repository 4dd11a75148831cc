package show

import (
	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// Verb is what an event tells of an object.
type Verb uint8

// The verbs.
const (
	New    Verb = iota + 1 // it is there, or is now as it says
	Del                    // it is no more
	Status                 // of a health reporter, or of an update of firmware
	Begin                  // of such an update
	End                    // of such an update
)

var verbs = []string{"new", "del", "status", "begin", "end"}

// String returns the word of the monitor, for instance "new".
func (v Verb) String() string {
	if v == 0 || int(v) > len(verbs) {
		return "verb?"
	}
	return verbs[v-1]
}

// Event is one event of an instance. Its row has what the monitor prints of the
// object.
type Event struct {
	Verb Verb
	Row  Row
}

// valid reports whether the verb is one that is told of the row.
func (e Event) valid() bool {
	if e.Row == nil {
		return false
	}
	switch s := e.Row.Section(); {
	case s == Reporters:
		return e.Verb == Status
	case s == Flashes:
		return e.Verb == Status || e.Verb == Begin || e.Verb == End
	case s == Rates || sections[s].event != "":
		return e.Verb == New || e.Verb == Del
	}
	return false
}

// FromEvent returns what Linux tells of an event; false if it tells nothing: of what is
// part of a replay, of what is marked [devlink.Silent], of reloads that begin and end,
// and of resources. The row of a region has its size, that of a snapshot its number, as
// in the messages of Linux. Packets are counted as in listings. Linux: devlink_notify and
// its like (net/devlink).
func (v View) FromEvent(e devlink.Event) (Event, bool) {
	if e.Life == nil || e.Object == nil || e.Marks.Has(devlink.Silent) {
		return Event{}, false
	}
	told := Event{Verb: New}
	switch e.Verb {
	case devlink.Added, devlink.Changed:
	case devlink.Deleted:
		told.Verb = Del
	case devlink.Status:
		told.Verb = Status
	default:
		return Event{}, false
	}
	at := Place{Handle: e.Life.Handle}
	switch o := e.Object.(type) {
	case *devlink.InstanceInfo:
		v.Stats = true // as the monitor does without being asked
		told.Row = v.FromInstance(e.Life, o)
	case *devlink.ReporterInfo:
		if e.Verb == devlink.Added || e.Verb == devlink.Deleted {
			return Event{}, false
		}
		told.Verb, told.Row = Status, v.FromReporter(at.Handle, o)
	case *devlink.RegionInfo:
		told.Row = &Region{At: at, Name: o.Name, Size: Num(o.Size)}
	case *devlink.SnapshotInfo:
		told.Row = &Region{At: at, Name: o.Region, Snapshots: []uint32{o.ID}}
	default:
		told.Row = v.listed(e.Life, o)
	}
	return told, told.Row != nil && told.valid()
}

// fromObject returns the row of an object of its own, nil if there is none.
func (v View) fromObject(l *devlink.Life, o devlink.Object) Row {
	switch o := o.(type) {
	case *devlink.PortInfo:
		return v.FromPort(l, o)
	case *devlink.ParamInfo:
		if r, ok := v.FromParam(l.Handle, o); ok {
			return r
		}
	case *devlink.TrapInfo:
		return v.FromTrap(l.Handle, o)
	case *devlink.GroupInfo:
		return v.FromGroup(l.Handle, o)
	case *devlink.PolicerInfo:
		return v.FromPolicer(l.Handle, o)
	}
	return nil
}

// String returns the event in one line, which has of the row only what says which
// object it is and what became of it; for instance
//
//	port-new pci/0000:01:00.0/1 {"type":"eth","netdev":"eth0","flavour":"physical"}
//
// The words before the hyphen are "dev", "port", "param", "region", "trap",
// "trap-group", "trap-policer", "rate", "health-reporter" and "flash-update"; those
// after it "new" and "del", "recover" for the status of a reporter, and for an update
// nothing, "status" and "end". Ours: devlink(8) has no such form; it is for tests and
// logs.
func (e Event) String() string {
	b, err := e.AppendText(nil)
	if err != nil {
		return "event?"
	}
	return string(b)
}

// AppendText appends what String returns. It fails as [Check] does, and if the verb is
// none of the row's.
func (e Event) AppendText(b []byte) ([]byte, error) {
	if !e.valid() {
		return b, &switchdev.OpError{Op: "devlink.show", Object: e.Verb.String(), Reason: "no such event", Err: switchdev.ErrInvalid}
	}
	var f form
	line := brief{e.Row}
	if line.members(&f); f.wrong != "" || !e.Row.Place().valid() {
		return b, &switchdev.OpError{Op: "devlink.show", Object: keyOf(e.Row), Reason: "bad " + f.wrong, Err: switchdev.ErrInvalid}
	}
	b = append(append(b, e.word()...), ' ')
	if r, ok := e.Row.(*Rate); ok && r.At.OnPort {
		b = r.At.append(b)
	} else {
		b = e.Row.Place().append(b)
	}
	if e.Verb == Begin || e.Verb == End {
		return b, nil
	}
	f = form{mode: printing, out: printer{buf: append(b, ' ')}}
	f.out.begin('{')
	line.members(&f)
	f.out.end('}')
	return f.out.buf, nil
}

// word is the first word of the line.
func (e Event) word() string {
	for _, w := range eventWords {
		if w.section == e.Row.Section() && w.verb == e.Verb {
			return w.word
		}
	}
	return "?"
}

var eventWords = []struct {
	word    string
	section Section
	verb    Verb
}{
	{"dev-new", Devs, New}, {"dev-del", Devs, Del}, {"port-new", Ports, New}, {"port-del", Ports, Del},
	{"param-new", Params, New}, {"param-del", Params, Del}, {"region-new", Regions, New}, {"region-del", Regions, Del},
	{"trap-new", Traps, New}, {"trap-del", Traps, Del}, {"trap-group-new", Groups, New}, {"trap-group-del", Groups, Del},
	{"trap-policer-new", Policers, New}, {"trap-policer-del", Policers, Del}, {"rate-new", Rates, New}, {"rate-del", Rates, Del},
	{"health-reporter-recover", Reporters, Status},
	{"flash-update", Flashes, Begin}, {"flash-update-status", Flashes, Status}, {"flash-update-end", Flashes, End},
}

// brief is what stands of a row in the line of an event.
type brief struct{ row Row }

func (b brief) members(f *form) {
	switch r := b.row.(type) {
	case *Dev:
		failed := AnswerOf(r.ReloadFailed)
		if f.answer("reload_failed", &failed, true, false); f.mode == reading {
			r.ReloadFailed = failed == Yes
		}
	case *Port:
		f.choice("type", &r.Type, true, portTypes)
		f.name("netdev", &r.Netdev, false)
		f.choice("flavour", &r.Flavour, false, portFlavours)
	case *Param:
		f.name("name", &r.Name, true)
	case *Region:
		f.name("region", &r.Name, true)
		var id Number
		if len(r.Snapshots) > 0 {
			id = Num(uint64(r.Snapshots[0]))
		}
		if f.number("snapshot", &id, 32, false); id.Shown && f.mode == reading {
			r.Snapshots = []uint32{uint32(id.Value)}
		}
	case *Trap:
		f.name("group", &r.Group, true)
		f.name("name", &r.Name, true)
		f.choice("action", &r.Action, true, trapActions)
	case *Group:
		f.name("group", &r.Name, true)
		f.number("policer", &r.Policer, 32, false)
	case *Policer:
		f.number("policer", &r.ID, 32, true)
	case *Reporter:
		f.name("reporter", &r.Name, true)
		f.choice("state", &r.State, true, reporterStates)
		f.number("error", &r.Errors, 64, true)
		f.number("recover", &r.Recoveries, 64, true)
	case *Rate:
		f.name("node", &r.Node, false)
		f.number("tx_share", &r.Share, 64, true)
		f.number("tx_max", &r.Max, 64, true)
		f.name("parent", &r.Parent, false)
	case *Flash:
		f.line("msg", &r.Message)
		f.line("component", &r.Component)
		f.number("done", &r.Done, 64, false)
		f.number("total", &r.Total, 64, false)
		f.number("timeout", &r.Timeout, 64, false)
	}
}
