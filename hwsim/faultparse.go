package hwsim

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// refusals are the errors that a text can name, as err=….
var refusals = [...]struct {
	name string
	err  error
}{
	{"busy", switchdev.ErrBusy},
	{"exist", switchdev.ErrExist},
	{"invalid", switchdev.ErrInvalid},
	{"no-device", switchdev.ErrNoDevice},
	{"no-space", switchdev.ErrNoSpace},
	{"not-exist", switchdev.ErrNotExist},
	{"permission", switchdev.ErrPermission},
	{"range", switchdev.ErrRange},
	{"timeout", switchdev.ErrTimeout},
	{"unavailable", switchdev.ErrDeviceUnavailable},
	{"unknown", switchdev.ErrOutcomeUnknown},
	{"unsupported", switchdev.ErrUnsupported},
}

// ParseFault reads a fault as it is written on a command line: the kind, the
// role with or without a verb, and what else there is to say, with colons
// between.
//
//	refuse:fdb:p=0.1             every tenth FDB operation is refused
//	refuse:vlan.set:err=no-space VLAN memberships are refused, as for want of space
//	refuse:lag.set:err=no-space  there is no room for a LAG
//	full:fdb:100                 the forwarding database holds 100 rows
//	slow:fdb:50ms                FDB operations take 50 ms longer
//	hang:fdb.delete:nth=3        FDB deletes hang, from the third on
//	hang:fdb:done                they take effect and aren't answered
//	reset:after=100              the chip is reset after the hundredth operation
//	lost:report.learned:p=0.1    every tenth report of a learned station is lost
//	late:report.aged:200ms       reports of aged rows come 200 ms late
//	duplicate:report:2:50ms      every report comes twice more, 50 ms later
//	reorder:report:3             every report comes behind the next three
//	partial:fdb:3                batches end after three operations
//	partial:fdb:3:done           only the first three operations are answered
//	ignore:fdb.delete:nth=2      the second delete and those after it aren't done
//	misplace:fdb:target=3        rows are written with port 3
//	vanish:fdb:10s               rows disappear 10 s after they were set
//	drift:fdb:10s                or move to another port
//	gone:fdb:nth=20:5s           the port of the 20th operation is removed, for 5 s
//
// After the role come, in any order: a duration (the Delay of slow, late,
// duplicate, reorder, vanish, drift and gone) or a number (of rows for full,
// copies for duplicate, reports for reorder, operations for partial); p=, nth=,
// count=; mac=, vlan=, port= and domain= to select; target=, the port of
// misplace, drift and gone; err=, one of busy, exist, invalid, no-device,
// no-space, not-exist, permission, range, timeout, unavailable, unknown and
// unsupported; done, to strike after the operation has taken effect; deaf, to
// ignore its ctx; before= and after=, which are nth= without and with done. An
// address is written with dashes or dots.
//
// The error is a [*switchdev.ParseError], which is [switchdev.ErrInvalid].
func ParseFault(spec string) (Fault, error) {
	var f Fault
	parts := strings.Split(spec, ":")
	kind := slices.Index(faultNames[:], parts[0])
	if kind <= 0 {
		return Fault{}, faultError(spec, "want one of "+strings.Join(faultNames[1:], ", ")+", not "+strconv.Quote(parts[0]))
	}
	f.Kind = FaultKind(kind)
	parts = parts[1:]
	if len(parts) > 0 && f.Match.parseRole(parts[0]) {
		parts = parts[1:]
	}
	seen := make([]string, 0, len(parts))
	for _, part := range parts {
		name, reason := f.parsePart(part)
		if reason == "" && slices.Contains(seen, name) {
			reason = "said twice"
		}
		if reason != "" {
			return Fault{}, faultError(spec, strconv.Quote(part)+": "+reason)
		}
		seen = append(seen, name)
	}
	var refused *switchdev.OpError
	if err := f.check(""); errors.As(err, &refused) {
		return Fault{}, faultError(spec, refused.Reason)
	}
	if f.Kind == FaultSlow && f.Delay == 0 {
		return Fault{}, faultError(spec, "slow wants a duration, such as 50ms")
	}
	return f, nil
}

func faultError(spec, reason string) error {
	return &switchdev.ParseError{What: "fault", Input: spec, Reason: reason}
}

// parseRole reads role or role.verb, and reports whether s is one.
func (s *Selector) parseRole(text string) bool {
	role, verb, _ := strings.Cut(text, ".")
	i := slices.Index(roleNames[:], role)
	if i < 0 || strings.HasSuffix(text, ".") {
		return false
	}
	if verb != "" && !slices.Contains(roleVerbs[i], verb) {
		return false
	}
	s.Role, s.Verb = Role(i), verb
	return true
}

var roleVerbs = [numRoles][]string{
	RoleAny:    {"set", "delete"},
	RolePort:   {"join", "leave", "set"},
	RoleLAG:    {"set", "delete"},
	RoleBridge: {"set"},
	RoleVLAN:   {"set", "delete"},
	RoleFDB:    {"set", "delete"},
	RoleFlush:  {"flush"},
	RoleDump:   {"dump"},
	RoleReset:  {"reset"},
	RoleReport: {"learned", "aged", "flushed", "reset", "port-up", "port-down", "port-gone", "flow", "space"},
}

// parsePart reads one part and returns what it is about, or what is wrong.
func (f *Fault) parsePart(part string) (name, reason string) {
	name, value, assigned := strings.Cut(part, "=")
	if !assigned {
		return f.parseWord(part)
	}
	switch name {
	case "p":
		p, err := strconv.ParseFloat(value, 64)
		if err != nil || !(p > 0 && p <= 1) {
			return name, "want a probability above 0 and at most 1"
		}
		f.Probability = p
		return name, ""
	case "nth", "before", "after":
		if name != "nth" && !f.Kind.canFollow() {
			return name, "only for hang, reset and gone"
		}
		f.After = f.After || name == "after"
		return "nth", parseCount(value, &f.Nth)
	case "count":
		return name, parseCount(value, &f.Count)
	case "target":
		return name, f.parseTarget(value)
	case "err":
		return name, f.parseErr(value)
	}
	return name, f.Match.parse(name, value)
}

// canFollow reports whether the kind may strike after the operation too.
func (k FaultKind) canFollow() bool {
	return k == FaultHang || k == FaultReset || k == FaultGone
}

// hasDelay reports whether the kind takes a duration.
func (k FaultKind) hasDelay() bool {
	switch k {
	case FaultSlow, FaultLate, FaultDuplicate, FaultReorder, FaultVanish, FaultDrift, FaultGone:
		return true
	}
	return false
}

// number returns the field that a bare number sets, and its name; nil if the kind
// has none.
func (f *Fault) number() (n *int, name string) {
	switch f.Kind {
	case FaultFull:
		return &f.Rows, "rows"
	case FaultDuplicate:
		return &f.Copies, "copies"
	case FaultReorder:
		return &f.Behind, "reports"
	case FaultPartial:
		return &f.Answered, "operations"
	}
	return nil, ""
}

func (f *Fault) parseWord(word string) (name, reason string) {
	switch {
	case word == "done" && (f.Kind.canFollow() || f.Kind == FaultPartial):
		f.After = true
		return word, ""
	case word == "deaf" && f.Kind == FaultHang:
		f.Deaf = true
		return word, ""
	}
	count, what := f.number()
	if count != nil {
		if n, err := strconv.ParseUint(word, 10, 31); err == nil {
			*count = int(n)
			return what, ""
		}
		if !f.Kind.hasDelay() {
			return what, "want a number of " + what
		}
	}
	if !f.Kind.hasDelay() {
		return word, "not understood"
	}
	d, err := time.ParseDuration(word)
	if err != nil || d <= 0 {
		return "delay", "want a duration, such as 50ms"
	}
	f.Delay = d
	return "delay", ""
}

func (f *Fault) parseTarget(value string) string {
	if f.Kind != FaultMisplace && f.Kind != FaultDrift && f.Kind != FaultGone {
		return "only for misplace, drift and gone"
	}
	port, err := switchdev.ParsePortID(value)
	var parse *switchdev.ParseError
	switch {
	case errors.As(err, &parse):
		return parse.Reason
	case port == 0:
		return "want a number from 1 on"
	}
	f.Target = port
	return ""
}

func (f *Fault) parseErr(value string) string {
	if f.Kind != FaultRefuse {
		return "only for refuse"
	}
	for _, r := range refusals {
		if r.name == value {
			f.Err = r.err
			return ""
		}
	}
	return "no such error"
}

func parseCount(value string, n *int) string {
	u, err := strconv.ParseUint(value, 10, 31)
	if err != nil || u == 0 {
		return "want a number from 1 on"
	}
	*n = int(u)
	return ""
}

func (s *Selector) parse(name, value string) string {
	var err error
	switch name {
	case "mac":
		s.MAC, err = switchdev.ParseMAC(value)
		if err == nil && s.MAC.IsZero() {
			return "the zero address is none"
		}
	case "vlan":
		s.VLAN, err = switchdev.ParseVLAN(value)
	case "port":
		s.Port, err = switchdev.ParsePortID(value)
		if err == nil && s.Port == 0 {
			return "want a number from 1 on"
		}
	case "domain":
		var d switchdev.Domain
		if d, err = switchdev.ParseDomain(value); err == nil {
			s.Domain = &d
		}
	default:
		return "not understood"
	}
	var parse *switchdev.ParseError
	if errors.As(err, &parse) {
		return parse.Reason
	}
	return ""
}
