package devlink

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// PortType says what a port is to the host.
type PortType uint8

// The types. Linux: enum devlink_port_type (include/uapi/linux/devlink.h).
const (
	PortNotSet PortType = iota
	PortAuto
	PortEth
	PortIB
)

var portTypeNames = [...]string{"notset", "auto", "eth", "ib"}

// String returns the name that devlink(8) has for it, for instance "eth".
func (t PortType) String() string {
	if int(t) < len(portTypeNames) {
		return portTypeNames[t]
	}
	return "type?"
}

// PortFlavour says what a port leads to.
type PortFlavour uint8

// The flavours. Linux: enum devlink_port_flavour, which has no FlavourNone and a
// flag beside it that says whether there is one.
const (
	FlavourNone     PortFlavour = iota // nothing is known of it
	FlavourPhysical                    // a plug at the outside
	FlavourCPU                         // the host behind a switch
	FlavourDSA                         // another switch of the same tree
	FlavourPCIPF                       // a physical function
	FlavourPCIVF                       // a virtual function
	FlavourPCISF                       // a subfunction
	FlavourVirtual                     // a function as it sees itself
	FlavourUnused                      // nothing
)

var flavourNames = [...]string{"none", "physical", "cpu", "dsa", "pcipf", "pcivf", "pcisf", "virtual", "unused"}

// String returns the name that devlink(8) has for it, for instance "pcivf".
func (f PortFlavour) String() string {
	if int(f) < len(flavourNames) {
		return flavourNames[f]
	}
	return "flavour?"
}

// PCI reports whether the port leads to a function, so that [PortInfo.PCI] is there.
func (f PortFlavour) PCI() bool { return f == FlavourPCIPF || f == FlavourPCIVF || f == FlavourPCISF }

// Numbered reports whether the port has the number that is printed on it, so that
// [PortInfo.Number] means something.
func (f PortFlavour) Numbered() bool {
	return f == FlavourPhysical || f == FlavourCPU || f == FlavourDSA
}

// PortInfo is what can be seen of a port. There may be hundreds of thousands, most of
// them alike: what few of them have stands behind pointers.
type PortInfo struct {
	// Index is its name within the instance.
	Index uint32
	// Number is what is printed on it, or that of the port that it was split from; see
	// [PortFlavour.Numbered].
	Number uint32
	// Lanes is how many lanes it has, 0 if that is not known.
	Lanes uint32
	// Subport is which part of a port that was split it is, if Split is set.
	Subport uint32
	// NetdevIndex is the number of its network device, 0 if it has none.
	NetdevIndex uint32

	born uint32 // which of all ports that the instance has had; see Port

	// Type is what it is, DesiredType what a user wants it to be; PortNotSet is no
	// wish.
	Type, DesiredType PortType
	// Flavour is what it leads to. FlavourNone: no attribute is known, and none is shown.
	Flavour PortFlavour
	// Splittable tells that it can be split, Split that it is a part of one that was.
	Splittable, Split bool

	// Netdev is the name of its network device, "" if it has none.
	Netdev string
	// PCI tells which function it leads to, with flavours of that kind; else nil.
	PCI *PCIFunction
	// Function is what can be seen of the function itself, nil if nothing.
	Function *PortFunction
	// Extra is what few ports have, nil if this one does not.
	Extra *PortExtra

	ops *portOps // nil: the driver of the instance
}

// portOps is who carries out the commands on a port.
type portOps struct{ v any }

// PCIFunction tells which function a port leads to.
type PCIFunction struct {
	// Controller is 0 for the one that the instance is on. PF, VF and SF are numbers
	// under it; VF and SF have a meaning with their flavours only.
	Controller, PF, VF, SF uint32
	// External tells that the function is on another host than the instance.
	External bool
}

// PortExtra is what few ports have.
type PortExtra struct {
	// IBDev is the name of its InfiniBand device, "" if it has none.
	IBDev string
	// SwitchID is that of the switch of which it is a port, up to 32 bytes; "" if of
	// none.
	SwitchID string
	// Linecard is the number of the line card on which it is, if OnLinecard is set.
	Linecard   uint32
	OnLinecard bool
}

// Kind implements [Object].
func (*PortInfo) Kind() Kind { return KindPort }

// Key implements [Object].
func (p *PortInfo) Key() Key { return Key{Port: p.Index, OnPort: true} }

// IBDev returns the name of its InfiniBand device, "" if it has none.
func (p *PortInfo) IBDev() string {
	if p.Extra == nil {
		return ""
	}
	return p.Extra.IBDev
}

// SplitGroup returns the number that all parts of a port that was split have in
// common, ok being false if this is no such part. Linux: devlink_nl_port_attrs_put
// (net/devlink/port.c).
func (p *PortInfo) SplitGroup() (group uint32, ok bool) {
	return p.Number, p.Split && p.Flavour.Numbered()
}

// The most bytes that addresses and identifiers have. Linux: MAX_ADDR_LEN and
// MAX_PHYS_ITEM_ID_LEN (include/linux/netdevice.h).
const (
	maxHWAddr   = 32
	maxSwitchID = 32
)

// check says what contradicts itself, "" if nothing.
func (p *PortInfo) check() string {
	switch {
	case p.Type > PortIB || p.DesiredType > PortIB:
		return "no such type"
	case p.Flavour > FlavourUnused:
		return "no such flavour"
	case p.Flavour.PCI() != (p.PCI != nil):
		return "PCI goes with the flavours of functions"
	case p.Split && p.Splittable:
		return "a part cannot be split again"
	case p.Type != PortEth && (p.Netdev != "" || p.NetdevIndex != 0):
		return "only a port of type eth has a network device"
	case p.Type != PortIB && p.IBDev() != "":
		return "only a port of type ib has an InfiniBand device"
	case p.Extra != nil && len(p.Extra.SwitchID) > maxSwitchID:
		return "switch id too long"
	case p.Function != nil:
		return p.Function.check()
	}
	return ""
}

// clone returns a copy that shares nothing that can be written to.
func (p *PortInfo) clone() *PortInfo {
	c := *p
	c.PCI, c.Function, c.Extra = copied(p.PCI), copied(p.Function), copied(p.Extra)
	if f := c.Function; f != nil {
		f.Nested = copied(f.Nested)
	}
	if c.Extra != nil && *c.Extra == (PortExtra{}) {
		c.Extra = nil
	}
	return &c
}

// keepNested gives the function of the port the nested instance that another one has.
func (p *PortInfo) keepNested(from *PortInfo) {
	var nested *NestedIn
	if from.Function != nil {
		nested = from.Function.Nested
	}
	if p.Function == nil && nested != nil {
		p.Function = &PortFunction{}
	}
	if p.Function != nil {
		p.Function.Nested = nested
	}
}

// copied returns a pointer to a copy.
func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}

// alike reports whether two pointers are both nil or what they point to is equal.
func alike[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// equal reports whether nobody can see a difference.
func (p *PortInfo) equal(q *PortInfo) bool {
	a, b := *p, *q
	if !alike(a.PCI, b.PCI) || !alike(a.Extra, b.Extra) || !a.Function.equal(b.Function) {
		return false
	}
	a.PCI, a.Extra, a.Function = b.PCI, b.Extra, b.Function
	return a == b
}

// setDevice makes the port one of a type, with the device of that type and no other.
func (p *PortInfo) setDevice(t PortType, netdev string, index uint32, ibdev string) {
	p.Type, p.Netdev, p.NetdevIndex = t, netdev, index
	if ibdev == p.IBDev() {
		return
	}
	extra := PortExtra{}
	if p.Extra != nil {
		extra = *p.Extra
	}
	extra.IBDev = ibdev
	p.Extra = nil
	if extra != (PortExtra{}) {
		p.Extra = &extra
	}
}

// HWAddr is the hardware address of a function: its bytes in transmission order, 6 of
// them where it is one of Ethernet. The zero HWAddr is none.
type HWAddr string

// HWAddrOf returns the address of an Ethernet function.
func HWAddrOf(m switchdev.MAC) HWAddr { return HWAddr(m[:]) }

// MAC returns the address of an Ethernet function, ok being false if it has not 6
// bytes.
func (a HWAddr) MAC() (m switchdev.MAC, ok bool) { return switchdev.MACFromSlice([]byte(a)) }

// String returns the bytes in hexadecimal with colons between.
func (a HWAddr) String() string {
	var b strings.Builder
	for i := range len(a) {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(hex.EncodeToString([]byte{a[i]}))
	}
	return b.String()
}

// portName is what a port is called in errors, behind the handle.
func portName(index uint32) string { return strconv.FormatUint(uint64(index), 10) }
