package show

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math"
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// readJSON yields the rows of an array of objects.
func readJSON(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		p := newDecoder(r)
		if !p.delim('[') {
			yield(Row{}, p.end())
			return
		}
		for p.dec.More() {
			row := p.row()
			if p.broken() || !yield(row, p.result()) {
				if p.broken() {
					yield(row, p.end())
				}
				return
			}
		}
		if p.delim(']'); p.broken() || p.rest() {
			yield(Row{}, p.end())
		}
	}
}

// UnmarshalJSON sets the row to that of an object, or leaves it as it is and
// returns a [*ParseError].
func (r *Row) UnmarshalJSON(b []byte) error {
	p := newDecoder(bytes.NewReader(b))
	row := p.row()
	if p.broken() || p.rest() {
		return p.end()
	}
	if err := p.result(); err != nil {
		return err
	}
	*r = row
	return nil
}

// decoder reads objects, member by member.
type decoder struct {
	dec   *json.Decoder
	at    *position
	names names
	fault *ParseError // of the row; the first one stays
	err   error       // of the input; nothing is read after it
	start int64       // where the last token begins
}

func newDecoder(r io.Reader) *decoder {
	at := &position{r: r, line: 1, column: 1}
	p := &decoder{dec: json.NewDecoder(at), at: at, names: make(names)}
	p.dec.UseNumber()
	return p
}

func (p *decoder) broken() bool { return p.err != nil }

// result returns what was wrong with the row, and forgets it.
func (p *decoder) result() error {
	fault := p.fault
	p.fault = nil
	if fault != nil {
		return fault
	}
	return nil
}

// end returns why the input ended too early.
func (p *decoder) end() error {
	var parse *ParseError
	syntax := (*json.SyntaxError)(nil)
	switch {
	case errors.As(p.err, &parse):
		return parse
	case errors.Is(p.err, io.EOF), errors.Is(p.err, io.ErrUnexpectedEOF):
		line, column := p.at.of(math.MaxInt64)
		return &ParseError{Line: line, Column: column, What: "json", Reason: "the input ends too early"}
	case errors.As(p.err, &syntax):
		line, column := p.at.of(max(p.start, syntax.Offset-1))
		return &ParseError{Line: line, Column: column, What: "json", Reason: syntax.Error()}
	}
	return p.err
}

// token returns the next token, nil if there is none.
func (p *decoder) token() json.Token {
	if p.err != nil {
		return nil
	}
	before := p.dec.InputOffset()
	t, err := p.dec.Token()
	p.start = p.at.skip(before)
	p.err = err
	return t
}

// refuse says that the token is not what was wanted; the row is lost, not the
// input.
func (p *decoder) refuse(what, input, reason string) {
	line, column := p.at.of(p.start)
	p.refuseAt(line, column, what, input, reason)
}

func (p *decoder) refuseAt(line, column int, what, input, reason string) {
	if p.fault == nil && p.err == nil {
		p.fault = &ParseError{Line: line, Column: column, What: what, Input: shorten(input), Reason: reason}
	}
}

func (p *decoder) delim(d json.Delim) bool {
	if t := p.token(); p.err == nil && t != d {
		p.refuse("json", literal(t), "want "+d.String())
		p.err = p.fault
	}
	return p.err == nil
}

// rest reports whether anything but space follows.
func (p *decoder) rest() bool {
	t := p.token()
	if errors.Is(p.err, io.EOF) {
		return false
	}
	if p.err == nil {
		p.refuse("json", literal(t), "more than one value")
		p.err = p.fault
	}
	return true
}

// skip passes over the value that begins with t.
func (p *decoder) skip(t json.Token) {
	depth := 0
	for p.err == nil {
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return
		}
		t = p.token()
	}
}

// literal is how a token stands in an error.
func literal(t json.Token) string {
	switch t := t.(type) {
	case string:
		return t
	case json.Number:
		return t.String()
	case bool:
		return strconv.FormatBool(t)
	case json.Delim:
		return t.String()
	}
	return "null"
}

// row reads one object. Keys may come in any order, but once.
func (p *decoder) row() (r Row) {
	if !p.delim('{') {
		return r
	}
	line, column := p.at.of(p.start)
	var seen member
	for p.err == nil && p.dec.More() {
		key, _ := p.token().(string)
		m, ok := memberOf(key)
		switch {
		case p.err != nil:
		case !ok:
			p.refuse("row", key, "unknown key")
			p.skip(p.token())
		case seen&m != 0:
			p.refuse("row", key, "twice")
			p.skip(p.token())
		default:
			seen |= m
			p.member(&r, m, key)
		}
	}
	p.delim('}')
	if seen&memberMAC == 0 {
		p.refuseAt(line, column, "mac", "", "missing")
	}
	if seen&memberState == 0 {
		p.refuseAt(line, column, "state", "", "missing")
	}
	if field := r.fault(); field != "" {
		p.refuseAt(line, column, "row", r.MAC.String(), "bad "+field)
	}
	return r
}

// member reads the value of a member.
func (p *decoder) member(r *Row, m member, key string) {
	switch m {
	case memberDeleted:
		r.Deleted = p.bool(key)
	case memberMAC:
		r.MAC = parsed(p, key, parseMAC)
	case memberDev:
		r.Dev = p.name(key)
	case memberDst:
		r.Dst = parsed(p, key, parseAddr)
	case memberVLAN:
		r.VLAN = switchdev.VLAN(p.number(key, 1, uint32(switchdev.MaxVLAN)).Value)
	case memberNotify:
		r.Notify = p.bool(key)
	case memberInactive:
		r.Inactive = p.bool(key)
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

func (p *decoder) remote(r *Remote, m member, key string) {
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
