package show

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"math"

	"github.com/switchcore/switchcore/internal/jsonread"
	"github.com/switchcore/switchcore/switchdev"
)

// readJSON yields the rows of an array of objects.
func readJSON(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		p := newDecoder(r)
		p.Delim('[')
		for p.More() {
			row := p.row()
			if p.Broken() {
				yield(row, p.end())
				return
			}
			if !yield(row, p.result()) {
				return
			}
		}
		p.Delim(']')
		if p.Rest(); p.Broken() {
			yield(Row{}, p.end())
		}
	}
}

// UnmarshalJSON sets the row to that of an object, or leaves it as it is and
// returns a [*ParseError].
func (r *Row) UnmarshalJSON(b []byte) error {
	p := newDecoder(bytes.NewReader(b))
	row := p.row()
	if p.Rest(); p.Broken() {
		return p.end()
	}
	if err := p.result(); err != nil {
		return err
	}
	*r = row
	return nil
}

// decoder reads objects, member by member.
type decoder struct{ *jsonread.Reader }

func newDecoder(r io.Reader) decoder { return decoder{jsonread.New(r)} }

// result returns what was wrong with the row, and forgets it.
func (p decoder) result() error {
	if fault := p.Result(); fault != nil {
		return (*ParseError)(fault)
	}
	return nil
}

// end returns what broke the input.
func (p decoder) end() error {
	fault, err := p.End()
	if fault != nil {
		return (*ParseError)(fault)
	}
	return err
}

// row reads one object. Keys may come in any order, but once.
func (p decoder) row() (r Row) {
	if !p.Delim('{') {
		return r
	}
	line, column := p.Where()
	var seen member
	for key, ok := p.Key(); ok; key, ok = p.Key() {
		m, known := memberOf(key)
		switch {
		case !known:
			p.Refuse("row", key, "unknown key")
			p.Skip(p.Token())
		case seen&m != 0:
			p.Refuse("row", key, "twice")
			p.Skip(p.Token())
		default:
			seen |= m
			p.member(&r, m, key)
		}
	}
	if seen&memberMAC == 0 {
		p.RefuseAt(line, column, "mac", "", "missing")
	}
	if seen&memberState == 0 {
		p.RefuseAt(line, column, "state", "", "missing")
	}
	if field := r.fault(); field != "" {
		p.RefuseAt(line, column, "row", r.MAC.String(), "bad "+field)
	}
	return r
}

// member reads the value of a member.
func (p decoder) member(r *Row, m member, key string) {
	switch m {
	case memberDeleted:
		r.Deleted = p.Bool(key)
	case memberMAC:
		r.MAC = parsed(p, key, parseMAC)
	case memberDev:
		r.Dev = p.name(key)
	case memberDst:
		r.Dst = parsed(p, key, parseAddr)
	case memberVLAN:
		r.VLAN = switchdev.VLAN(p.number(key, 1, uint32(switchdev.MaxVLAN)).Value)
	case memberNotify:
		r.Notify = p.Bool(key)
	case memberInactive:
		r.Inactive = p.Bool(key)
	case memberUsed:
		r.Used = p.number(key, 0, math.MaxUint32)
	case memberUpdated:
		r.Updated = p.number(key, 0, math.MaxUint32)
	case memberFlags:
		r.Flags = p.flags()
	case memberMaster:
		r.Master = p.name(key)
	case memberState:
		r.State = parsed(p, key, parseState)
	default:
		p.remote(&r.Remote, m, key)
	}
}

func (p decoder) remote(r *Remote, m member, key string) {
	switch m {
	case memberPort:
		r.Port = p.number(key, 0, math.MaxUint16)
	case memberVNI:
		r.VNI = p.number(key, 0, math.MaxUint32)
	case memberSrcVNI:
		r.SrcVNI = p.number(key, 0, math.MaxUint32)
	case memberVia:
		r.Via = p.name(key)
	case memberViaIndex:
		r.ViaIndex = p.number(key, 0, math.MaxUint32)
	case memberNextHop:
		r.NextHop = p.number(key, 0, math.MaxUint32)
	case memberNetNS:
		r.NetNS = p.number(key, 0, math.MaxInt32)
	}
}

func parseState(s string) (State, error) {
	if state := State(s); state.valid() {
		return state, nil
	}
	return Reachable, errors.New("no state")
}

// member is a key of a row's object, one bit each.
type member uint32

const (
	memberDeleted member = 1 << iota
	memberMAC
	memberDev
	memberDst
	memberVLAN
	memberPort
	memberVNI
	memberSrcVNI
	memberVia
	memberViaIndex
	memberNextHop
	memberNetNS
	memberNotify
	memberInactive
	memberUsed
	memberUpdated
	memberFlags
	memberMaster
	memberState
)

// keys are the keys of the members, in the order of their bits.
var keys = [...]string{"deleted", "mac", "ifname", "dst", "vlan", "port", "vni", "src_vni", "viaIf", "viaIfIndex",
	"nhid", "linkNetNsId", "activity_notify", "inactive", "used", "updated", "flags", "master", "state"}

func memberOf(key string) (member, bool) {
	for i, k := range keys {
		if k == key {
			return 1 << i, true
		}
	}
	return 0, false
}
