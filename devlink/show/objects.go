package show

import (
	"iter"
	"time"

	"github.com/switchcore/switchcore/devlink"
)

// resources yields the resources of an instance, each with its parts.
func (v View) resources(objects iter.Seq[devlink.Object], h devlink.Handle, yield func(Row) bool) bool {
	var all []*devlink.ResourceInfo
	pending := false
	for o := range objects {
		if r, ok := o.(*devlink.ResourceInfo); ok {
			all = append(all, r)
			pending = pending || r.Pending()
		}
	}
	tree := resourceTree{v, all, pending}
	for _, r := range all {
		if r.Parent == 0 && !yield(&Resource{Place{h, r.Port, r.OnPort}, tree.part(r, "")}) {
			return false
		}
	}
	return true
}

// resourceTree makes the rows of the resources of one instance.
type resourceTree struct {
	view    View
	all     []*devlink.ResourceInfo
	pending bool // some size of the instance has not been asked for by the driver
}

func (t resourceTree) part(r *devlink.ResourceInfo, path string) Part {
	p := Part{Name: r.Name, Size: Num(r.Size), Unit: r.Unit.String()}
	path += "/" + r.Name
	if t.view.Verbose {
		p.Path = path
	}
	if r.Pending() {
		p.SizeNew = Num(r.SizeNew)
	}
	if n, ok := r.Occupancy(); ok {
		p.Occupied = Num(n)
	}
	if r.Min != r.Max {
		p.Min, p.Max, p.Granularity = Num(r.Min), Num(r.Max), Num(r.Granularity)
	}
	for _, c := range t.all {
		if c.Parent == r.ID && c.Port == r.Port && c.OnPort == r.OnPort {
			p.Parts = append(p.Parts, t.part(c, path))
		}
	}
	if t.pending && p.Parts != nil {
		p.Valid = AnswerOf(r.SizeValid)
	}
	return p
}

// regions yields the regions of an instance, each with its snapshots.
func regions(objects iter.Seq[devlink.Object], h devlink.Handle, yield func(Row) bool) bool {
	var rows []*Region
	for o := range objects {
		switch o := o.(type) {
		case *devlink.RegionInfo:
			rows = append(rows, &Region{
				At: Place{h, o.Port, o.OnPort}, Name: o.Name, Size: Num(o.Size), Snapshots: []uint32{}, Max: Num(uint64(o.MaxSnapshots)),
			})
		case *devlink.SnapshotInfo:
			for _, r := range rows {
				if r.Name == o.Region && r.At.Port == o.Port && r.At.OnPort == o.OnPort {
					r.Snapshots = append(r.Snapshots, o.ID)
				}
			}
		}
	}
	for _, r := range rows {
		if !yield(r) {
			return false
		}
	}
	return true
}

// FromReporter returns the row of a health reporter.
func (v View) FromReporter(h devlink.Handle, n *devlink.ReporterInfo) *Reporter {
	r := &Reporter{
		At: Place{h, n.Port, n.OnPort}, Name: n.Name, State: n.State.String(), Errors: Num(n.Errors), Recoveries: Num(n.Recoveries),
	}
	if !n.DumpTime.IsZero() {
		at := n.DumpTime.UTC()
		if v.Location != nil {
			at = n.DumpTime.In(v.Location)
		}
		r.DumpDate, r.DumpTime = at.Format(time.DateOnly), at.Format(time.TimeOnly)
	}
	if n.Abilities.Recover {
		r.Grace, r.AutoRecover = Num(uint64(n.Grace.Milliseconds())), AnswerOf(n.AutoRecover)
		if v.Recent {
			r.Burst = Num(uint64(n.Burst.Milliseconds()))
		}
	}
	if n.Abilities.Dump {
		r.AutoDump = AnswerOf(n.AutoDump)
	}
	return r
}

// FromTrap returns the row of a trap, without its packets.
func (v View) FromTrap(h devlink.Handle, t *devlink.TrapInfo) *Trap {
	r := &Trap{
		At: Place{Handle: h}, Name: t.Name, Type: t.Type.String(), Generic: AnswerOf(t.Generic), Action: t.Action.String(), Group: t.Group,
	}
	if v.Verbose {
		r.Metadata.Shown = true
		if t.Metadata&devlink.MetadataInputPort != 0 {
			r.Metadata.Is |= MetadataInputPort
		}
		if t.Metadata&devlink.MetadataFlowActionCookie != 0 {
			r.Metadata.Is |= MetadataCookie
		}
	}
	return r
}

// FromGroup returns the row of a group of traps, without its packets.
func (v View) FromGroup(h devlink.Handle, g *devlink.GroupInfo) *Group {
	r := &Group{At: Place{Handle: h}, Name: g.Name, Generic: AnswerOf(g.Generic)}
	if g.Policer != 0 {
		r.Policer = Num(uint64(g.Policer))
	}
	return r
}

// FromPolicer returns the row of a policer, without its packets.
func (v View) FromPolicer(h devlink.Handle, p *devlink.PolicerInfo) *Policer {
	return &Policer{At: Place{Handle: h}, ID: Num(uint64(p.ID)), Rate: Num(p.Rate), Burst: Num(p.Burst)}
}
