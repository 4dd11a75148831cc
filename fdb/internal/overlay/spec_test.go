package overlay

import (
	"fmt"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// spec is what the table ought to be for one key: the fold in number order of
// all accepted learns and flushes, sweeps, and operations that finished (rule
// 2). Slow and obvious: an operation in flight keeps the log of what came since
// it was numbered, and its finish plays that again.
type spec struct {
	now    value
	busy   bool
	before value // when the operation in flight was staged
	log    []action
	all    []action // accepted ever
	late   bool     // a flush of what is in hardware was accepted
	off    bool     // the entry is in hardware
	maybe  bool     // it was learned since the flush, perhaps with a record
	odd    bool     // seen on a locked port while in flight: stamps may be newer
}

type value struct {
	here  bool
	port  uint16
	flags cam.Hot // without Present
	stamp uint64
}

const specFlags = cam.Static | cam.Local | cam.Sticky | cam.Ext | cam.Locked | cam.User | cam.Inactive

func valueOf(h cam.Hot) value {
	if h == 0 {
		return value{}
	}
	return value{true, h.Port(), h & specFlags, h.Stamp()}
}

// same compares what a lookup shows.
func (v value) same(o value) bool {
	return v.here == o.here && v.port == o.port && v.flags == o.flags
}

func (v value) String() string {
	if !v.here {
		return "-"
	}
	return fmt.Sprintf("p%d/%x", v.port, uint64(v.flags>>36))
}

// action is a learn or, if filter is set, a flush.
type action struct {
	port   uint16
	tick   uint64
	filter *Filter
	locked bool   // seen on a locked port
	seq    uint64 // 0 when there was nothing to note
}

// on is the action applied to a value, written down a second time from the rules.
func (a action) on(k cam.Key, v value) value {
	if f := a.filter; f != nil {
		if v.here && (!f.ByPort || f.Port == v.port) && (!f.ByVLAN || f.VLAN == uint16(k)&0xfff) &&
			(f.Mask == 0 || v.flags&f.Mask == f.Flags) {
			return value{}
		}
		return v
	}
	if !v.here && a.locked {
		return value{true, a.port, cam.Locked, a.tick}
	}
	if !v.here {
		return value{true, a.port, 0, a.tick}
	}
	if a.locked && (v.port != a.port || v.flags&cam.Locked == 0) || v.flags&cam.Local != 0 {
		return v
	}
	v.stamp = max(v.stamp, a.tick)
	v.flags &^= cam.Inactive
	if v.port != a.port && v.flags&cam.Sticky == 0 {
		v.port = a.port
		v.flags &^= cam.Ext | cam.Locked
	}
	return v
}

func (s *spec) act(k cam.Key, a action) {
	s.now = a.on(k, s.now)
	s.all = append(s.all[:len(s.all):len(s.all)], a)
	s.odd = s.odd || s.busy && a.locked
	if s.busy {
		s.log = append(s.log[:len(s.log):len(s.log)], a)
	}
}

func (s *spec) stage() { s.busy, s.before, s.log = true, s.now, nil }

// finish ends the operation; keep leaves the entry as it was.
func (s *spec) finish(k cam.Key, keep bool, v value) {
	if keep {
		v = s.before
	}
	for _, a := range s.log {
		v = a.on(k, v)
	}
	s.now, s.busy, s.before, s.log, s.off = v, false, value{}, nil, s.off && keep
}
