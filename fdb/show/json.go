package show

import (
	"github.com/switchcore/switchcore/switchdev"
)

// MarshalJSON returns the object that "bridge -j" prints. It fails as [Row.Check]
// does.
func (r Row) MarshalJSON() ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	o := object{buf: []byte{'{'}}
	o.row(&r)
	return append(o.buf, '}'), nil
}

// object appends the members of an object.
type object struct {
	buf    []byte
	pretty bool
	more   bool // a member was written
}

// row appends the members of a row, in the order of the tool.
func (o *object) row(r *Row) {
	o.flag("deleted", r.Deleted)
	o.key("mac")
	o.buf = append(r.MAC.AppendTo(append(o.buf, '"')), '"')
	o.name("ifname", r.Dev)
	if r.Dst.IsValid() {
		o.key("dst")
		o.buf = append(appendAddr(append(o.buf, '"'), r.Dst), '"')
	}
	o.number("vlan", Number{uint32(r.VLAN), r.VLAN != switchdev.NoVLAN})
	o.number("port", r.Port)
	o.number("vni", r.VNI)
	o.number("src_vni", r.SrcVNI)
	o.name("viaIf", r.Via)
	o.number("viaIfIndex", r.ViaIndex)
	o.number("nhid", r.NextHop)
	o.number("linkNetNsId", r.NetNS)
	o.flag("activity_notify", r.Notify)
	o.flag("inactive", r.Inactive)
	o.number("used", r.Used)
	o.number("updated", r.Updated)
	o.flags(r.Flags)
	o.name("master", r.Master)
	o.key("state")
	o.text(string(r.State))
}

func (o *object) key(k string) {
	if o.more {
		o.buf = append(o.buf, ',')
	}
	o.more = true
	if o.pretty {
		o.buf = append(o.buf, "\n        "...)
	}
	o.buf = append(append(append(o.buf, '"'), k...), `":`...)
	if o.pretty {
		o.buf = append(o.buf, ' ')
	}
}

func (o *object) flag(k string, v bool) {
	if v {
		o.key(k)
		o.buf = append(o.buf, "true"...)
	}
}

func (o *object) number(k string, n Number) {
	if n.Shown {
		o.key(k)
		o.buf = n.digits(o.buf)
	}
}

func (o *object) name(k, v string) {
	if v != "" {
		o.key(k)
		o.text(v)
	}
}

func (o *object) flags(f Flags) {
	o.key("flags")
	o.buf = append(o.buf, '[')
	if o.pretty {
		o.buf = append(o.buf, ' ')
	}
	more := false
	for i, word := range flagWords {
		if f&(1<<i) == 0 {
			continue
		}
		if more {
			o.buf = append(o.buf, ',')
		}
		more = true
		o.text(word)
	}
	if o.pretty && more {
		o.buf = append(o.buf, ' ')
	}
	o.buf = append(o.buf, ']')
}

// text appends a string. The names that pass Check hold no control characters.
func (o *object) text(s string) {
	o.buf = append(o.buf, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			o.buf = append(o.buf, '\\')
		}
		o.buf = append(o.buf, s[i])
	}
	o.buf = append(o.buf, '"')
}
