package show

import (
	"math"
	"strings"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// View is how the entries of a table look as rows of a bridge: the names, and
// what the tool was asked for. The zero View is a bridge "br0" with ports "port1",
// "port2" and so on, without options.
type View struct {
	// Bridge is the bridge's name, which is also the interface of the entries
	// of port 0; "br0" if empty.
	Bridge string
	// PortName names a port that is not 0, PortID finds the port of a name
	// that is not the bridge's. If nil, ports are called "port1" and so on.
	PortName func(switchdev.PortID) string
	PortID   func(string) (switchdev.PortID, bool)
	// Stats gives rows their times (-s), Details what is said of activity (-d).
	Stats, Details bool
	// Now is the time from which Stats counts; zero means time.Now.
	Now time.Time
}

func (v View) bridge() string {
	if v.Bridge == "" {
		return "br0"
	}
	return v.Bridge
}

func (v View) now() time.Time {
	if v.Now.IsZero() {
		return time.Now()
	}
	return v.Now
}

// FromEntry returns the row that the tool prints for an entry. Used of an entry
// that never was a destination is its Updated, as for a new entry in Linux
// (net/bridge/br_fdb.c, fdb_fill_info).
func (v View) FromEntry(e fdb.Entry) Row {
	r := Row{MAC: e.MAC, VLAN: e.VLAN, Dev: v.portName(e.Port), Master: v.bridge(), State: State(e.State())}
	for _, p := range shownFlags {
		if e.Flags&p.flag != 0 {
			r.Flags |= p.word
		}
	}
	if e.Offload == fdb.Offloaded {
		r.Flags |= Offload
	}
	if v.Details {
		r.Notify = e.Flags&fdb.Notify != 0
		r.Inactive = r.Notify && e.Flags&fdb.Inactive != 0
	}
	if v.Stats {
		now, used := v.now(), e.Used
		if used.IsZero() {
			used = e.Updated
		}
		r.Used, r.Updated = seconds(now.Sub(used.Time())), seconds(now.Sub(e.Updated.Time()))
	}
	return r
}

// seconds rounds down, as the tool does.
func seconds(d time.Duration) Number {
	return Num(uint32(min(max(d/time.Second, 0), math.MaxUint32)))
}

// The flags that a bridge's rows show by a word.
var shownFlags = [...]struct {
	flag fdb.Flags
	word Flags
}{{fdb.Extern, ExternLearn}, {fdb.Sticky, Sticky}, {fdb.Locked, Locked}}

// Owns reports whether a row is one of the bridge's own table, and not of an
// interface's, of another bridge's, or of a tunnel's.
func (v View) Owns(r Row) bool {
	return r.Master == v.bridge() && r.Flags&(Self|Router|MasterWord) == 0 && r.Remote == (Remote{})
}

// ToEntry returns the entry that a row shows, such as [fdb.Table.Replace] takes
// it. What no row shows it cannot tell: a permanent entry is also Static, as every
// one that a user adds (unless a control plane owns it); the owner is the control
// plane of extern_learn entries, the user of static and permanent ones, and who
// else would be nobody: the entry was learned. Times are those of a row with
// Stats, to the second.
//
// The error is a [*switchdev.OpError]: ErrNoDevice for a name that is no port's,
// ErrInvalid for a row that [View.Owns] denies, or whose key no table takes.
func (v View) ToEntry(r Row) (fdb.Entry, error) {
	refuse := func(reason string, err error) (fdb.Entry, error) {
		return fdb.Entry{}, &switchdev.OpError{Op: "fdb.show", Object: r.MAC.String(), Reason: reason, Err: err}
	}
	e := fdb.Entry{Key: fdb.Key{MAC: r.MAC, VLAN: r.VLAN}, Stale: r.State == Stale}
	port, ok := v.portID(r.Dev)
	switch {
	case !v.Owns(r):
		return refuse("not an entry of "+v.bridge(), switchdev.ErrInvalid)
	case !ok:
		return refuse("no port "+r.Dev, switchdev.ErrNoDevice)
	case !e.Key.Valid():
		return refuse("not a key", switchdev.ErrInvalid)
	case r.State.numeric():
		return refuse("state "+string(r.State), switchdev.ErrInvalid)
	}
	e.Port = port
	for _, p := range shownFlags {
		if r.Flags&p.word != 0 {
			e.Flags |= p.flag
		}
	}
	if r.Flags&Offload != 0 {
		e.Offload = fdb.Offloaded
	}
	if r.Notify {
		e.Flags |= fdb.Notify
	}
	if r.Inactive {
		e.Flags |= fdb.Inactive
	}
	v.kind(&e, r.State)
	if r.Used.Shown {
		e.Used, e.Updated = fdb.InstantOf(v.ago(r.Used)), fdb.InstantOf(v.ago(r.Updated))
	}
	return e, nil
}

// kind sets what follows from the state.
func (v View) kind(e *fdb.Entry, s State) {
	switch extern := e.Flags&fdb.Extern != 0; {
	case s == Permanent && extern:
		e.Flags |= fdb.Local
	case s == Permanent:
		e.Flags |= fdb.Permanent
	case s == Static:
		e.Flags |= fdb.Static
	}
	switch {
	case e.Flags&fdb.Extern != 0:
		e.Owner = fdb.OwnerControl
	case e.Flags&(fdb.Static|fdb.Local) != 0:
		e.Owner = fdb.OwnerUser
	}
}

func (v View) ago(n Number) time.Time { return v.now().Add(-time.Duration(n.Value) * time.Second) }

func (v View) portName(p switchdev.PortID) string {
	switch {
	case p.IsHost():
		return v.bridge()
	case v.PortName == nil:
		return "port" + p.String()
	}
	return v.PortName(p)
}

func (v View) portID(name string) (switchdev.PortID, bool) {
	switch {
	case name == v.bridge():
		return switchdev.PortHost, true
	case v.PortID != nil:
		return v.PortID(name)
	}
	digits, ok := strings.CutPrefix(name, "port")
	p, err := switchdev.ParsePortID(digits)
	return p, ok && err == nil && !p.IsHost()
}
