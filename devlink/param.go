package devlink

import (
	"slices"
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// ParamType is the type of a parameter's values. The zero value is none.
type ParamType uint8

// The types. Linux: enum devlink_param_type.
const (
	ParamUint8 ParamType = iota + 1
	ParamUint16
	ParamUint32
	ParamUint64
	ParamString
	ParamBool
)

var paramTypeNames = [...]string{"none", "u8", "u16", "u32", "u64", "string", "bool"}

// String returns the type's name, for instance "u32".
func (t ParamType) String() string {
	if int(t) < len(paramTypeNames) {
		return paramTypeNames[t]
	}
	return "type?"
}

func (t ParamType) bits() int {
	if t >= ParamUint8 && t <= ParamUint64 {
		return 8 << (t - ParamUint8)
	}
	return 0
}

// maxParamString is how long a string may be, without what ends it. Linux:
// __DEVLINK_PARAM_MAX_STRING_VALUE (include/net/devlink.h).
const maxParamString = 31

// ParamValue is a value of a parameter, with its type. Values can be compared with ==.
// The zero ParamValue is none: it has no type.
type ParamValue struct {
	typ  ParamType
	n    uint64
	text string
}

// Uint8Value returns a value of type u8.
func Uint8Value(v uint8) ParamValue { return ParamValue{ParamUint8, uint64(v), ""} }

// Uint16Value returns a value of type u16.
func Uint16Value(v uint16) ParamValue { return ParamValue{ParamUint16, uint64(v), ""} }

// Uint32Value returns a value of type u32.
func Uint32Value(v uint32) ParamValue { return ParamValue{ParamUint32, uint64(v), ""} }

// Uint64Value returns a value of type u64.
func Uint64Value(v uint64) ParamValue { return ParamValue{ParamUint64, v, ""} }

// StringValue returns a value of type string. One of more than 31 bytes, or with a zero
// byte, is refused where it is used.
func StringValue(v string) ParamValue { return ParamValue{ParamString, 0, v} }

// BoolValue returns a value of type bool.
func BoolValue(v bool) ParamValue {
	if v {
		return ParamValue{ParamBool, 1, ""}
	}
	return ParamValue{ParamBool, 0, ""}
}

// ParseParamValue reads a value of a type as devlink(8) does: a number in Go's
// notation, true or false, or a string. The error is a [*switchdev.ParseError].
func ParseParamValue(t ParamType, s string) (ParamValue, error) {
	bad := func(reason string) (ParamValue, error) {
		return ParamValue{}, &switchdev.ParseError{What: "devlink param value", Input: s, Reason: reason}
	}
	v := ParamValue{typ: t}
	switch {
	case t == ParamString:
		v.text = s
	case t == ParamBool && (s == "true" || s == "false"):
		return BoolValue(s == "true"), nil
	case t.bits() > 0:
		n, err := strconv.ParseUint(s, 0, t.bits())
		if err != nil {
			return bad("not a " + t.String())
		}
		v.n = n
	default:
		return bad("not a " + t.String())
	}
	if reason := v.check(); reason != "" {
		return bad(reason)
	}
	return v, nil
}

// Type returns the type; the zero ParamType if it is none.
func (v ParamValue) Type() ParamType { return v.typ }

// Uint returns the value of a number, 0 of something else.
func (v ParamValue) Uint() uint64 {
	if v.typ.bits() == 0 {
		return 0
	}
	return v.n
}

// Bool returns the value of a bool, false of something else.
func (v ParamValue) Bool() bool { return v.typ == ParamBool && v.n != 0 }

// Text returns the value of a string, "" of something else.
func (v ParamValue) Text() string { return v.text }

// String returns the value as devlink(8) prints it, "" if it is none.
func (v ParamValue) String() string {
	switch v.typ {
	case 0:
		return ""
	case ParamString:
		return v.text
	case ParamBool:
		return strconv.FormatBool(v.n != 0)
	default:
		return strconv.FormatUint(v.n, 10)
	}
}

// check says why the value cannot be one, "" if it can.
func (v ParamValue) check() string {
	if len(v.text) > maxParamString {
		return "too long"
	}
	for i := range len(v.text) {
		if v.text[i] == 0 {
			return "zero byte"
		}
	}
	return ""
}

// ParamMode says when a value has its effect; a ParamMode may also be a set of several.
type ParamMode uint8

// The modes. Linux: enum devlink_param_cmode.
const (
	// ParamRuntime: at once, until the driver is restarted.
	ParamRuntime ParamMode = 1 << iota
	// ParamDriverInit: from the next reload on. The instance keeps the value for the
	// driver.
	ParamDriverInit
	// ParamPermanent: after the device was reset. It keeps the value itself.
	ParamPermanent

	paramModes = 1<<iota - 1
)

// Has reports whether all of m are in the set.
func (s ParamMode) Has(m ParamMode) bool { return s&m == m }

// Each returns the single modes of the set in their order.
func (s ParamMode) Each() []ParamMode {
	var list []ParamMode
	for m := ParamRuntime; m <= ParamPermanent; m <<= 1 {
		if s.Has(m) {
			list = append(list, m)
		}
	}
	return list
}

// String returns the name that devlink(8) has for one mode, for instance "driverinit";
// of several, the names with commas between.
func (s ParamMode) String() (text string) {
	for i, name := range [...]string{"runtime", "driverinit", "permanent"} {
		if s.Has(1 << i) {
			if text != "" {
				text += ","
			}
			text += name
		}
	}
	return text
}

// ParamInfo is what can be seen of a parameter.
type ParamInfo struct {
	// Port is the port whose parameter it is, if OnPort is set; else it is the device's.
	Port   uint32
	OnPort bool
	// Name names it among the parameters of the device, or of the port.
	Name string
	// Generic tells that it means the same with all drivers.
	Generic bool
	// Type is that of its values, Modes those that it has.
	Type  ParamType
	Modes ParamMode
	// Values are one for each mode, in their order. Nobody may write to them.
	Values []ParamSetting

	def *ParamConfig
}

// ParamSetting is a parameter in one of its modes.
type ParamSetting struct {
	Mode ParamMode
	// Value is the value as users see it: with ParamDriverInit the one that they have
	// set, also if no reload has followed yet. It is none if the driver could not tell
	// it, or has never said with what it begins.
	Value ParamValue
	// Default is what the value is reset to, none if it cannot be.
	Default ParamValue
	// Current is, with ParamDriverInit, the value that the driver works with; none if it
	// has not said. Ours: Linux does not show it.
	Current ParamValue
}

// Pending reports whether the value is one that waits for a reload.
func (s ParamSetting) Pending() bool {
	return s.Mode == ParamDriverInit && s.Value != ParamValue{} && s.Value != s.Current
}

// Kind implements [Object].
func (*ParamInfo) Kind() Kind { return KindParam }

// Key implements [Object].
func (p *ParamInfo) Key() Key { return Key{Port: p.Port, OnPort: p.OnPort, Name: p.Name} }

// Setting returns the parameter in one mode, ok being false if it has not that mode.
func (p *ParamInfo) Setting(m ParamMode) (s ParamSetting, ok bool) {
	for _, s = range p.Values {
		if s.Mode == m {
			return s, true
		}
	}
	return ParamSetting{}, false
}

// with returns the parameter with another setting.
func (p *ParamInfo) with(s ParamSetting) *ParamInfo {
	c := *p
	c.Values = slices.Clone(p.Values)
	for i := range c.Values {
		if c.Values[i].Mode == s.Mode {
			c.Values[i] = s
		}
	}
	return &c
}

// marks says what is special about telling of the parameter: Linux tells of none of
// which it does not know all values, nor of those of ports.
func (p *ParamInfo) marks() (m Marks) {
	if p.OnPort {
		m = Silent
	}
	for _, s := range p.Values {
		if s.Value.typ == 0 {
			m |= Partial | Silent
		}
	}
	return m
}

// generic returns the type of a generic parameter. Linux: devlink_param_generic
// (net/devlink/param.c).
func generic(name string) (t ParamType, ok bool) {
	t, ok = genericParams[name]
	return t, ok
}

var genericParams = map[string]ParamType{
	"internal_error_reset": ParamBool, "max_macs": ParamUint32, "enable_sriov": ParamBool,
	"region_snapshot_enable": ParamBool, "ignore_ari": ParamBool, "msix_vec_per_pf_max": ParamUint32,
	"msix_vec_per_pf_min": ParamUint32, "fw_load_policy": ParamUint8, "reset_dev_on_drv_probe": ParamUint8,
	"enable_roce": ParamBool, "enable_remote_dev_reset": ParamBool, "enable_eth": ParamBool,
	"enable_rdma": ParamBool, "enable_vnet": ParamBool, "enable_iwarp": ParamBool,
	"io_eq_size": ParamUint32, "event_eq_size": ParamUint32, "enable_phc": ParamBool,
	"clock_id": ParamUint64, "total_vfs": ParamUint32, "num_doorbells": ParamUint32,
	"max_mac_per_vf": ParamUint32,
}
