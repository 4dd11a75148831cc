package show

import (
	"iter"
	"time"

	"github.com/switchcore/switchcore/devlink"
)

// View makes rows of what a registry has. The zero View makes what devlink(8) of
// iproute2 6.1 prints without options.
type View struct {
	// Stats is option -s: reloads of instances are counted, and what Count says of traps,
	// groups and policers.
	Stats bool
	// Verbose is option -v: the metadata of traps, the paths of resources.
	Verbose bool
	// Recent adds what newer tools print: the numbers of instances, burst periods,
	// defaults of parameters, instances within others.
	Recent bool
	// Count returns the packets of a trap, a group or a policer, ok being false if nobody
	// knows; nil knows of none. It is where a program asks the [devlink.Instance], which
	// [devlink.Registry.Instance] finds by the life's namespace and handle, and which may
	// wait for a driver.
	Count func(l *devlink.Life, o devlink.Object) (s devlink.TrapStats, ok bool)
	// Location is where it is the time at which dumps were made; nil is UTC.
	Location *time.Location
}

// Rows yields the rows that a command prints in a namespace, "" being the initial one:
// the instances in the order in which they were made, and what each has in the order of
// the kernel. Sections that are no listing of objects have none.
func (v View) Rows(s *devlink.Snapshot, namespace string, section Section) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for l, info := range s.Instances(namespace) {
			switch section {
			case Devs:
				if !yield(v.FromInstance(l, info)) {
					return
				}
			case Resources:
				if !v.resources(s.Objects(namespace, l.Handle), l.Handle, yield) {
					return
				}
			case Regions:
				if !regions(s.Objects(namespace, l.Handle), l.Handle, yield) {
					return
				}
			default:
				for o := range s.Objects(namespace, l.Handle) {
					if r := v.listed(l, o); r != nil && r.Section() == section && !yield(r) {
						return
					}
				}
			}
		}
	}
}

// listed is fromObject with the kinds that have no events of their own.
func (v View) listed(l *devlink.Life, o devlink.Object) Row {
	switch o := o.(type) {
	case *devlink.ReporterInfo:
		return v.FromReporter(l.Handle, o)
	case *devlink.TrapInfo:
		r := v.FromTrap(l.Handle, o)
		r.Stats = v.count(l, o)
		return r
	case *devlink.GroupInfo:
		r := v.FromGroup(l.Handle, o)
		r.Stats = v.count(l, o)
		return r
	case *devlink.PolicerInfo:
		r := v.FromPolicer(l.Handle, o)
		r.Stats = v.count(l, o)
		return r
	}
	return v.fromObject(l, o)
}

func (v View) count(l *devlink.Life, o devlink.Object) (r RxStats) {
	if !v.Stats || v.Count == nil {
		return r
	}
	s, ok := v.Count(l, o)
	if !ok {
		return r
	}
	r.Shown = true
	if o.Kind() != devlink.KindPolicer {
		r.Bytes, r.Packets = Num(s.Bytes), Num(s.Packets)
	}
	if s.Counted {
		r.Dropped = Num(s.Drops)
	}
	return r
}

// FromInstance returns the row of an instance.
func (v View) FromInstance(l *devlink.Life, n *devlink.InstanceInfo) *Dev {
	d := &Dev{Handle: l.Handle, ReloadFailed: n.ReloadFailed}
	if v.Stats {
		d.Stats = DevStats{
			Shown:  true,
			Reload: actions(n.Local, n.Reloads.Actions, n.Reloads.Limits),
			Remote: actions(n.Remote, ^devlink.ReloadActions(0), ^devlink.ReloadLimits(0)),
		}
	}
	if v.Recent {
		d.Index = Num(l.Index)
		for i := range n.Nested {
			d.Nested = append(d.Nested, nested(l, &n.Nested[i]))
		}
	}
	return d
}

// actions are the counts of what a device can do. Linux: devlink_reload_stats_put
// (net/devlink/dev.c), which leaves out what makes no sense: to restart the driver
// without a reset.
func actions(c devlink.ReloadCounts, able devlink.ReloadActions, limits devlink.ReloadLimits) Actions {
	of := func(l devlink.ReloadLimit, a devlink.ReloadAction) Number { return Num(uint64(c.Of(l, a))) }
	s := Actions{Shown: true}
	if able.Has(devlink.ActionDriverReinit) {
		s.DriverReinit = Limits{Shown: true, Unspecified: of(devlink.LimitUnspec, devlink.ActionDriverReinit)}
	}
	if able.Has(devlink.ActionFWActivate) {
		s.FWActivate = Limits{Shown: true, Unspecified: of(devlink.LimitUnspec, devlink.ActionFWActivate)}
		if limits.Has(devlink.LimitNoReset) {
			s.FWActivate.NoReset = of(devlink.LimitNoReset, devlink.ActionFWActivate)
		}
	}
	return s
}

// nested is an instance within an object of another. That of another namespace has the
// name of that, or no number where it is the initial one, which has no name.
func nested(l *devlink.Life, n *devlink.NestedIn) Nested {
	r := Nested{Handle: n.Handle}
	switch {
	case n.Namespace == l.Namespace:
	case n.Namespace == "":
		r.ID, r.HasID = -1, true
	default:
		r.NetNS = n.Namespace
	}
	return r
}

// FromPort returns the row of a port.
func (v View) FromPort(l *devlink.Life, p *devlink.PortInfo) *Port {
	r := &Port{
		At: Place{Handle: l.Handle, Port: p.Index, OnPort: true}, Type: p.Type.String(), Netdev: p.Netdev, IBDev: p.IBDev(),
	}
	if p.DesiredType != devlink.PortNotSet && p.DesiredType != p.Type {
		r.DesiredType = p.DesiredType.String()
	}
	if e := p.Extra; e != nil && e.OnLinecard {
		r.Linecard = Num(uint64(e.Linecard))
	}
	if p.Flavour == devlink.FlavourNone {
		return r
	}
	r.Flavour, r.Splittable = p.Flavour.String(), AnswerOf(p.Splittable)
	if p.Flavour == devlink.FlavourUnused {
		r.Flavour = unknownFlavour
	}
	if p.Flavour.Numbered() {
		r.Number = Num(uint64(p.Number))
	}
	if group, ok := p.SplitGroup(); ok {
		r.SplitGroup = Num(uint64(group))
	}
	if p.Lanes > 0 {
		r.Lanes = Num(uint64(p.Lanes))
	}
	if f := p.PCI; f != nil {
		r.Controller, r.PF, r.External = Num(uint64(f.Controller)), Num(uint64(f.PF)), AnswerOf(f.External)
		switch p.Flavour {
		case devlink.FlavourPCIVF:
			r.VF = Num(uint64(f.VF))
		case devlink.FlavourPCISF:
			r.SF = Num(uint64(f.SF))
		}
	}
	if p.Function != nil {
		r.Function = v.function(l, p.Function)
	}
	return r
}

func (v View) function(l *devlink.Life, n *devlink.PortFunction) Function {
	r := Function{State: n.State.String(), OpState: n.OpState.String()}
	if n.HWAddr != "" {
		r.HWAddr = n.HWAddr.String()
	}
	for i, c := range [...]*Answer{&r.RoCE, &r.Migratable, &r.IPsecCrypto, &r.IPsecPacket} {
		if ability := devlink.FunctionRoCE << i; n.Known.Has(ability) {
			*c = AnswerOf(n.Caps.Has(ability))
		}
	}
	if n.HasMaxIOEQs {
		r.MaxIOEQs = Num(uint64(n.MaxIOEQs))
	}
	if v.Recent && n.Nested != nil {
		r.Nested = []Nested{nested(l, n.Nested)}
	}
	// The kernel has no function of which it can tell nothing.
	r.Shown = r.HWAddr != "" || r.State != "" || r.OpState != "" || n.Known != 0 || r.MaxIOEQs.Shown || r.Nested != nil
	return r
}

// FromParam returns the row of a parameter; false if there is none, as a value of it is
// not known.
func (v View) FromParam(h devlink.Handle, p *devlink.ParamInfo) (*Param, bool) {
	r := &Param{At: Place{h, p.Port, p.OnPort}, Name: p.Name, Generic: p.Generic, Values: make([]ParamValue, len(p.Values))}
	for i, s := range p.Values {
		if s.Value.Type() == 0 {
			return nil, false
		}
		r.Values[i] = ParamValue{Mode: s.Mode.String(), Value: paramScalar(p.Name, s.Value)}
		if v.Recent && s.Default.Type() != 0 {
			r.Values[i].Default = paramScalar(p.Name, s.Default)
		}
	}
	return r, true
}

// paramScalar is a value as the tool prints it, which has words for some numbers, and
// prints nothing of others of the same parameter.
func paramScalar(name string, v devlink.ParamValue) Scalar {
	var words []string
	switch name {
	case "fw_load_policy":
		words = []string{"driver", "flash", "disk", "unknown"}
	case "reset_dev_on_drv_probe":
		words = []string{"unknown", "always", "never", "disk"}
	}
	switch v.Type() {
	case devlink.ParamBool:
		return BoolScalar(v.Bool())
	case devlink.ParamString:
		return TextScalar(v.Text())
	}
	switch n := v.Uint(); {
	case words == nil:
		return NumberScalar(n)
	case n < uint64(len(words)):
		return TextScalar(words[n])
	}
	return Scalar{}
}
