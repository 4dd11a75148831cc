package show

import (
	"bufio"
	"errors"
	"io"
	"iter"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/switchcore/switchcore/internal/jsonread"
	"github.com/switchcore/switchcore/switchdev"
)

// longest is how long a line may be.
const longest = 1 << 16

// readText yields the rows of text.
func readText(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		in := bufio.NewReaderSize(r, longest)
		seen := make(jsonread.Names)
		for number := 1; ; number++ {
			line, err := in.ReadSlice('\n')
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				yield(Row{}, &ParseError{Line: number, Column: longest, What: "row", Input: jsonread.Shorten(string(line)), Reason: "the line is too long"})
				return
			case err != nil && !errors.Is(err, io.EOF):
				yield(Row{}, err)
				return
			}
			if text := strings.TrimSuffix(string(line), "\n"); strings.Trim(text, " ") != "" {
				p := lineParser{line: text, number: number, names: seen}
				row := p.row()
				if !yield(row, p.result()) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

// lineParser reads the words of a line. The first error stays, and nothing is
// read after it.
type lineParser struct {
	line   string
	number int
	names  jsonread.Names
	words  []word
	next   int
	err    *ParseError
	room   [32]word
}

// word is a word of a line and where it begins.
type word struct {
	text string
	at   int
}

func (p *lineParser) result() error {
	if p.err != nil {
		return p.err
	}
	return nil
}

func (p *lineParser) fail(what string, w word, reason string) {
	if p.err == nil {
		p.err = &ParseError{Line: p.number, Column: w.at + 1, What: what, Input: jsonread.Shorten(w.text), Reason: reason}
	}
}

// row reads the fields in the order of the tool.
func (p *lineParser) row() Row {
	var r Row
	p.split()
	r.State = p.state()
	r.Deleted = p.is("Deleted")
	r.MAC = p.mac()
	if p.is("dev") {
		r.Dev = p.name("dev")
	}
	if p.is("dst") {
		r.Dst = p.addr()
	}
	if p.is("vlan") {
		r.VLAN = switchdev.VLAN(p.number32("vlan", 1, uint32(switchdev.MaxVLAN)).Value)
	}
	p.remote(&r.Remote)
	r.Notify = p.is("activity_notify")
	r.Inactive = p.is("inactive")
	if p.is("used") {
		r.Used, r.Updated = p.times()
	}
	r.Flags = p.flags()
	if p.is("master") {
		r.Master = p.name("master")
	}
	if p.err == nil && p.next < len(p.words) {
		p.fail("row", p.words[p.next], "unknown word, or not in its place")
	}
	if p.err == nil {
		if field := r.fault(); field != "" {
			p.fail("row", word{p.line, 0}, "bad "+field)
		}
	}
	return r
}

func (p *lineParser) remote(r *Remote) {
	if p.is("port") {
		r.Port = p.number32("port", 0, math.MaxUint16)
	}
	if p.is("vni") {
		r.VNI = p.number32("vni", 0, math.MaxUint32)
	}
	if p.is("src_vni") {
		r.SrcVNI = p.number32("src_vni", 0, math.MaxUint32)
	}
	if p.is("via") {
		r.Via, r.ViaIndex = p.via()
	}
	if p.is("nhid") {
		r.NextHop = p.number32("nhid", 0, math.MaxUint32)
	}
	if p.is("link-netnsid") {
		r.NetNS = p.number32("link-netnsid", 0, math.MaxInt32)
	}
}

// split cuts the line into words.
func (p *lineParser) split() {
	p.words = p.room[:0]
	for i := 0; i < len(p.line); {
		if p.line[i] == ' ' {
			i++
			continue
		}
		end := strings.IndexByte(p.line[i:], ' ')
		if end < 0 {
			end = len(p.line) - i
		}
		p.words = append(p.words, word{p.line[i : i+end], i})
		i += end
	}
}

// state takes the last word off if it is a state: what comes before a state ends
// with a space, so a line that ends with one has none.
func (p *lineParser) state() State {
	if len(p.words) == 0 || strings.HasSuffix(p.line, " ") {
		return Reachable
	}
	last := p.words[len(p.words)-1].text
	s, isNumber := strings.CutPrefix(last, "state=")
	if state := State(s); state.valid() && state != Reachable && state.numeric() == isNumber {
		p.words = p.words[:len(p.words)-1]
		return state
	}
	return Reachable
}

// is takes the next word if it is key.
func (p *lineParser) is(key string) bool {
	if p.err == nil && p.next < len(p.words) && p.words[p.next].text == key {
		p.next++
		return true
	}
	return false
}

// take takes the next word, which belongs to the field what.
func (p *lineParser) take(what string) (word, bool) {
	switch {
	case p.err != nil:
		return word{}, false
	case p.next == len(p.words):
		p.fail(what, word{"", len(p.line)}, "missing")
		return word{}, false
	}
	p.next++
	return p.words[p.next-1], true
}

func (p *lineParser) mac() (m switchdev.MAC) {
	w, ok := p.take("mac")
	if !ok {
		return m
	}
	m, err := parseMAC(w.text)
	if err != nil {
		p.fail("mac", w, err.Error())
	}
	return m
}

// parseMAC reads an address as the tool writes it.
func parseMAC(s string) (switchdev.MAC, error) {
	if len(s) == 17 && s[2] == ':' {
		if m, err := switchdev.ParseMAC(s); err == nil {
			return m, nil
		}
	}
	return switchdev.MAC{}, errors.New("want six bytes in hexadecimal, separated by colons")
}

func (p *lineParser) name(what string) string {
	w, ok := p.take(what)
	if !ok {
		return ""
	}
	if !validName(w.text) {
		p.fail(what, w, "not a name")
		return ""
	}
	if p.names == nil {
		return w.text
	}
	return p.names.Of(w.text)
}

func (p *lineParser) addr() netip.Addr {
	w, ok := p.take("dst")
	if !ok {
		return netip.Addr{}
	}
	a, err := parseAddr(w.text)
	if err != nil {
		p.fail("dst", w, err.Error())
	}
	return a
}

func parseAddr(s string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return a, nil
	}
	return netip.Addr{}, errors.New("not an IP address")
}

func (p *lineParser) number32(what string, low, high uint32) Number {
	w, ok := p.take(what)
	if !ok {
		return Number{}
	}
	return p.parse(what, w, low, high)
}

func (p *lineParser) parse(what string, w word, low, high uint32) Number {
	n, err := strconv.ParseUint(w.text, 10, 32)
	if err != nil || uint32(n) < low || uint32(n) > high {
		p.fail(what, w, "want "+strconv.FormatUint(uint64(low), 10)+" to "+strconv.FormatUint(uint64(high), 10))
		return Number{}
	}
	return Num(uint32(n))
}

// via reads a name, or "ifindex" and a number. No number begins a field, so an
// interface of that name is not mistaken.
func (p *lineParser) via() (string, Number) {
	if p.next+1 < len(p.words) && p.words[p.next].text == "ifindex" && isDigit(p.words[p.next+1].text[0]) {
		p.next++
		return "", p.number32("via ifindex", 0, math.MaxUint32)
	}
	return p.name("via"), Number{}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// times reads "used/updated".
func (p *lineParser) times() (used, updated Number) {
	w, ok := p.take("used")
	if !ok {
		return used, updated
	}
	first, second, cut := strings.Cut(w.text, "/")
	if !cut {
		p.fail("used", w, "want two numbers and a slash")
		return used, updated
	}
	used = p.parse("used", word{first, w.at}, 0, math.MaxUint32)
	return used, p.parse("updated", word{second, w.at + len(first) + 1}, 0, math.MaxUint32)
}

// flags reads the words of the flags. The word "master" is one, unless the name of
// the bridge follows and nothing else.
func (p *lineParser) flags() (f Flags) {
	for i, text := range flagWords {
		if Flags(1)<<i == MasterWord && len(p.words)-p.next == 2 {
			continue
		}
		if p.is(text) {
			f |= 1 << i
		}
	}
	return f
}
