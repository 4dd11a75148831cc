package tool

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// faultUsage is what may follow "lab fault".
const faultUsage = "SWITCH KIND [WHAT] [mac MAC] [vlan N] [port PORT] [nth N] [count N] [OPTION VALUE|done|deaf]... | SWITCH off [KIND] | SWITCH show"

// fault is "lab fault": something that goes wrong with a switching device.
type fault struct {
	name string
	machine.Fault
}

// faultNow is something that happens to the device at once.
type faultNow struct {
	name string
	kind hwsim.FaultKind
	key  switchdev.FDBKey
	to   string
}

// faultOff is "lab fault SWITCH off".
type faultOff struct {
	name string
	kind hwsim.FaultKind
}

// faultShow is "lab fault SWITCH show".
type faultShow struct{ name string }

// faultRole is a word for what is struck, with the verbs that it may be narrowed to.
type faultRole struct {
	name  string
	role  hwsim.Role
	verbs []string
}

// faultRoles are the words for what is struck.
func faultRoles() []faultRole {
	return []faultRole{
		{"fdb", hwsim.RoleFDB, []string{"set", "delete"}},
		{"flush", hwsim.RoleFlush, nil},
		{"vlan", hwsim.RoleVLAN, []string{"set", "delete"}},
		{"port", hwsim.RolePort, []string{"join", "leave", "set"}},
		{"bridge", hwsim.RoleBridge, nil},
		{"dump", hwsim.RoleDump, nil},
		{"report", hwsim.RoleReport, []string{"learned", "aged", "flushed", "reset", "space"}},
	}
}

// faultKind is a word for what goes wrong: what it may strike, the first if nothing is said,
// and which options it has besides those of every kind.
type faultKind struct {
	kind    hwsim.FaultKind
	strikes string
	options string
	wants   string // the option that has to be given
	now     bool   // may happen at once
}

// faultKinds are the words for what goes wrong. A chip of the lab does not wait but for
// rows, and its ports are not pulled out.
func faultKinds() []faultKind {
	const any, reports = "fdb flush vlan port bridge dump", "delay"
	return []faultKind{
		{kind: hwsim.FaultRefuse, strikes: any, options: "err text"},
		{kind: hwsim.FaultFull, strikes: "fdb", options: "rows", wants: "rows"},
		{kind: hwsim.FaultSlow, strikes: "fdb", options: "delay", wants: "delay"},
		{kind: hwsim.FaultHang, strikes: "fdb", options: "done deaf"},
		{kind: hwsim.FaultReset, strikes: any, options: "done", now: true},
		{kind: hwsim.FaultLost, strikes: "report"},
		{kind: hwsim.FaultLate, strikes: "report", options: reports, wants: "delay"},
		{kind: hwsim.FaultDuplicate, strikes: "report", options: reports + " copies"},
		{kind: hwsim.FaultReorder, strikes: "report", options: reports + " behind"},
		{kind: hwsim.FaultPartial, strikes: any, options: "answered done"},
		{kind: hwsim.FaultIgnore, strikes: "fdb vlan flush"},
		{kind: hwsim.FaultMisplace, strikes: "fdb", options: "to"},
		{kind: hwsim.FaultVanish, strikes: "fdb", options: "delay", now: true},
		{kind: hwsim.FaultDrift, strikes: "fdb", options: "delay to", now: true},
	}
}

// setsOnly reports whether a kind strikes rows that are set, and no others.
func (k *faultKind) setsOnly() bool {
	return k.kind == hwsim.FaultMisplace || k.kind == hwsim.FaultVanish || k.kind == hwsim.FaultDrift
}

func parseFault(a *args) verb {
	if len(a.words) == 0 {
		a.outside("", "the name of the device is missing")
		return faultShow{}
	}
	name := a.next()
	switch {
	case strings.HasPrefix(name, "netdevsim"):
		a.outside("lab fault "+name, "not in the lab")
	case len(a.words) == 0:
		a.outside("", "what is to go wrong is missing")
	}
	if a.err != nil {
		return faultShow{}
	}
	switch word := a.next(); word {
	case "show":
		a.end()
		return faultShow{name}
	case "off":
		v := faultOff{name: name}
		if a.more() {
			v.kind = a.faultKind(a.next()).kind
		}
		a.end()
		return v
	default:
		return a.parseFault(name, a.faultKind(word))
	}
}

// faultKind is the meaning of a word for what goes wrong.
func (a *args) faultKind(word string) faultKind {
	var names []string
	for _, k := range faultKinds() {
		if k.kind.String() == word {
			return k
		}
		names = append(names, k.kind.String())
	}
	a.outside(word, "want one of "+strings.Join(names, ", ")+", off and show")
	return faultKind{}
}

func (a *args) parseFault(name string, k faultKind) verb {
	if k.now && a.more() && a.words[0] == "now" {
		a.next()
		return a.parseFaultNow(name, k)
	}
	v := fault{name: name}
	v.Kind = k.kind
	a.strikes(&v, &k)
	p := faultParser{args: a, f: &v.Fault, kind: &k}
	for a.more() {
		p.option(a.next())
	}
	switch {
	case k.wants != "" && !slices.Contains(p.seen, k.wants):
		a.outside("", k.kind.String()+" wants the word "+k.wants)
	case v.Text != "" && v.Err == nil:
		v.Err = switchdev.ErrBusy
	}
	return v
}

// strikes takes the word for what is struck, if there is one; else it is the first that the
// kind may strike.
func (a *args) strikes(v *fault, k *faultKind) {
	if a.err != nil {
		return
	}
	may := strings.Fields(k.strikes)
	word := ""
	if len(a.words) > 0 {
		word = a.words[0]
	}
	name, verb, narrowed := strings.Cut(word, ".")
	roles := faultRoles()
	at := slices.IndexFunc(roles, func(r faultRole) bool { return r.name == name })
	switch r := roles[max(at, 0)]; {
	case at < 0:
		at = slices.IndexFunc(roles, func(r faultRole) bool { return r.name == may[0] })
		v.Match.Role = roles[at].role
	case !slices.Contains(may, name):
		a.outside(word, k.kind.String()+" strikes "+strings.Join(may, ", ")+" only")
	case narrowed && !slices.Contains(r.verbs, verb):
		a.outside(word, "no such operation of "+name)
	case k.setsOnly() && verb == "delete":
		a.outside(word, k.kind.String()+" strikes fdb.set only")
	default:
		a.next()
		v.Match.Role, v.Match.Verb = r.role, verb
	}
}

func (a *args) parseFaultNow(name string, k faultKind) verb {
	v := faultNow{name: name, kind: k.kind}
	if k.kind == hwsim.FaultReset {
		a.end()
		return v
	}
	var f machine.Fault
	allowed := "mac vlan"
	if k.kind == hwsim.FaultDrift {
		allowed += " to"
	}
	p := faultParser{args: a, f: &f, only: allowed}
	for a.more() {
		p.option(a.next())
	}
	for want := range strings.FieldsSeq(strings.Replace(allowed, " vlan", "", 1)) {
		if !slices.Contains(p.seen, want) {
			a.outside("", k.kind.String()+" now wants the word "+want)
		}
	}
	v.key, v.to = switchdev.FDBKey{MAC: f.Match.MAC, VLAN: f.Match.VLAN}, f.To
	return v
}

// faultParser takes the options of a fault.
type faultParser struct {
	*args
	f    *machine.Fault
	kind *faultKind
	only string // the options that there are, if kind is nil
	seen []string
}

// option takes a word and what has to follow.
func (p *faultParser) option(word string) {
	allowed := p.only
	if p.kind != nil {
		allowed = "mac vlan port " + p.kind.options
		if p.kind.kind != hwsim.FaultFull {
			allowed += " nth count"
		}
	}
	switch {
	case !slices.Contains(strings.Fields(allowed), word):
		p.usage(word)
		return
	case slices.Contains(p.seen, word):
		p.outside(word, "said twice")
		return
	}
	p.seen = append(p.seen, word)
	const most = 1 << 20
	switch f := p.f; word {
	case "done":
		f.After = true
	case "deaf":
		f.Deaf = true
	case "mac":
		if f.Match.MAC = p.labMAC(p.word(word)); f.Match.MAC.IsZero() {
			p.outside(word, "the zero address is none")
		}
	case "vlan":
		f.Match.VLAN = switchdev.VLAN(p.labNumber(1, 4094))
	case "port":
		f.Port = p.word(word)
	case "to":
		f.To = p.word(word)
	case "nth":
		f.Nth = p.labNumber(1, most)
	case "count":
		f.Count = p.labNumber(1, most)
	case "rows":
		f.Rows = p.labNumber(0, most)
	case "copies":
		f.Copies = p.labNumber(1, 100)
	case "behind":
		f.Behind = p.labNumber(1, most)
	case "answered":
		f.Answered = p.labNumber(0, most)
	case "delay":
		f.Delay = p.duration(p.word(word))
	case "err":
		f.Err = p.answer(p.word(word))
	case "text":
		f.Text = p.word(word)
	}
}

// word takes the word that has to follow a word of the lab's own verbs.
func (a *args) word(after string) string {
	switch {
	case a.err != nil:
		return ""
	case len(a.words) == 0:
		a.outside(after, "a word is missing")
		return ""
	case a.words[0] == "":
		a.outside(after, "an empty word")
	}
	return a.next()
}

func (a *args) duration(word string) time.Duration {
	d, err := time.ParseDuration(word)
	if a.err == nil && (err != nil || d <= 0 || d > longestWait || strings.ContainsAny(word, "+-")) {
		a.outside(word, "not a duration such as 3s")
	}
	return d
}

// faultAnswer is an error that a device may give, as it is written.
type faultAnswer struct {
	name string
	err  error
}

// faultAnswers are the errors that a device may give.
func faultAnswers() []faultAnswer {
	return []faultAnswer{
		{"busy", switchdev.ErrBusy}, {"exist", switchdev.ErrExist}, {"invalid", switchdev.ErrInvalid},
		{"no-device", switchdev.ErrNoDevice}, {"no-space", switchdev.ErrNoSpace}, {"not-exist", switchdev.ErrNotExist},
		{"permission", switchdev.ErrPermission}, {"range", switchdev.ErrRange}, {"timeout", switchdev.ErrTimeout},
		{"unavailable", switchdev.ErrDeviceUnavailable}, {"unknown", switchdev.ErrOutcomeUnknown},
		{"unsupported", switchdev.ErrUnsupported},
	}
}

func (a *args) answer(word string) error {
	var names []string
	for _, one := range faultAnswers() {
		if one.name == word {
			return one.err
		}
		names = append(names, one.name)
	}
	a.outside(word, "want one of "+strings.Join(names, ", "))
	return nil
}

// ofSwitch is the answer of a request about a switch whose refusals are not a kernel's.
func ofSwitch(name string, err error) error {
	var no *machine.Error
	switch {
	case !errors.As(err, &no):
		return err
	case no.Errno == machine.ENOENT:
		return &NotSupported{Reason: "no such row"}
	case no.Text != "":
		return &NotSupported{Word: no.Text, Reason: "no such port of a switching device"}
	}
	return &NotSupported{Word: name, Reason: "no such switching device"}
}

func (v fault) run(r *run) error { return ofSwitch(v.name, r.machine.InjectFault(v.name, v.Fault)) }

func (v faultOff) run(r *run) error { return ofSwitch(v.name, r.machine.LiftFaults(v.name, v.kind)) }

func (v faultNow) run(r *run) error {
	if v.kind == hwsim.FaultReset {
		return ofSwitch(v.name, r.machine.ResetSwitch(v.name))
	}
	return ofSwitch(v.name, r.machine.TamperRow(v.name, v.key, v.to))
}

func (v faultShow) run(r *run) error {
	all, err := r.machine.Faults(v.name)
	for _, f := range all {
		r.print(describeFault(f))
	}
	return ofSwitch(v.name, err)
}
