package devlink_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// told is an event as the model expects it.
type told struct {
	verb  devlink.Verb
	marks devlink.Marks
	life  devlink.Life
	obj   devlink.Object
}

// modelInstance is an instance as it should be. Its objects are of the types that users
// see, and only what they see counts.
type modelInstance struct {
	m    *model
	life devlink.Life
	home string // its namespace, also while nobody can see it
	// evicted is a namespace that is being deleted and that it has to leave.
	evicted string

	state   devlink.State
	info    devlink.InstanceInfo
	objs    [devlink.KindParam + 1][]devlink.Object
	chip    *chip
	aux     []*modelAux
	nested  *modelNest
	endings int
	down    bool
	meddled bool

	born   map[uint32]int // ports
	births int
	hw     map[devlink.Key]uint32
	health map[devlink.Key]*modelHealth
}

type modelAux struct {
	name   string
	probed bool
}

type modelNest struct {
	in      *modelInstance
	endings int
	onPort  bool
	port    uint32
	born    int
}

type modelHealth struct {
	dump        bool
	recovered   bool
	recoveredAt time.Time
}

func (x *modelInstance) tell(v devlink.Verb, o devlink.Object, marks devlink.Marks) {
	if x.state.Visible() {
		x.m.events = append(x.m.events, told{v, marks, x.life, o})
	}
}

func (x *modelInstance) find(k devlink.Kind, key devlink.Key) devlink.Object {
	for _, o := range x.objs[k] {
		if o.Key() == key {
			return o
		}
	}
	return nil
}

// add, change and take do one thing to the state, and tell of it.
func (x *modelInstance) add(o devlink.Object, marks devlink.Marks) {
	k := o.Kind()
	x.objs[k] = append(slices.Clone(x.objs[k]), o)
	if k == devlink.KindPort {
		slices.SortFunc(x.objs[k], func(a, b devlink.Object) int { return cmp.Compare(a.Key().Port, b.Key().Port) })
	}
	x.tell(devlink.Added, o, marks)
}

// change is silent where nothing is otherwise.
func (x *modelInstance) change(v devlink.Verb, o devlink.Object, marks devlink.Marks) {
	k := o.Kind()
	x.objs[k] = slices.Clone(x.objs[k])
	for n, was := range x.objs[k] {
		if was.Key() == o.Key() {
			x.objs[k][n] = o
			if face(was) != face(o) || marks.Has(devlink.Poked) || v == devlink.Status {
				x.tell(v, o, marks)
			}
		}
	}
}

func (x *modelInstance) take(o devlink.Object, marks devlink.Marks) {
	k := o.Kind()
	x.objs[k] = slices.DeleteFunc(slices.Clone(x.objs[k]), func(p devlink.Object) bool { return p.Key() == o.Key() })
	x.tell(devlink.Deleted, o, marks)
}

// bracketMarks are those of an object where its instance begins or ends.
func bracketMarks(o devlink.Object) devlink.Marks {
	switch o := o.(type) {
	case *devlink.SnapshotInfo, *devlink.ResourceInfo, *devlink.ReporterInfo:
		return devlink.Silent
	case *devlink.RegionInfo:
		if o.OnPort {
			return devlink.Silent
		}
	case *devlink.ParamInfo:
		return paramMarks(o)
	}
	return 0
}

func paramMarks(p *devlink.ParamInfo) (m devlink.Marks) {
	if p.OnPort {
		m = devlink.Silent
	}
	for _, s := range p.Values {
		if s.Value == (devlink.ParamValue{}) {
			m |= devlink.Silent | devlink.Partial
		}
	}
	return m
}

func (x *modelInstance) port(n uint32) *devlink.PortInfo {
	p, _ := x.find(devlink.KindPort, portKey(n)).(*devlink.PortInfo)
	return p
}

func portKey(n uint32) devlink.Key { return devlink.Key{Port: n, OnPort: true} }

// hasPort reports whether what belongs to a port, if it does, can be there.
func (x *modelInstance) hasPort(k devlink.Key) bool { return !k.OnPort || x.port(k.Port) != nil }

func (x *modelInstance) addPort(p *devlink.PortInfo) error {
	switch {
	case x.state == devlink.Failed:
		return devlink.ErrReloadFailed
	case x.port(p.Index) != nil:
		return switchdev.ErrBusy
	}
	x.births++
	x.born[p.Index] = x.births
	x.add(p, 0)
	return nil
}

func newPort(n, lanes uint32) *devlink.PortInfo {
	return &devlink.PortInfo{Index: n, Number: n, Lanes: lanes, Splittable: lanes > 1, Flavour: devlink.FlavourPhysical}
}

func (x *modelInstance) removePort(n uint32) error {
	p := x.port(n)
	if p == nil {
		return switchdev.ErrNoDevice
	}
	for k := devlink.KindParam; k > devlink.KindPort; k-- {
		for _, o := range slices.Backward(slices.Clone(x.objs[k])) {
			if key := o.Key(); key.OnPort && key.Port == n {
				x.take(o, devlink.Leaked|bracketMarks(o))
			}
		}
	}
	x.take(p, 0)
	return nil
}

func (x *modelInstance) updatePort(n uint32, f func(*devlink.PortInfo)) error {
	p := x.port(n)
	if p == nil {
		return switchdev.ErrNoDevice
	}
	c := *p
	f(&c)
	x.change(devlink.Changed, &c, 0)
	return nil
}

// snapshots are those of a region.
func (x *modelInstance) snapshots(k devlink.Key) (list []*devlink.SnapshotInfo) {
	for _, o := range x.objs[devlink.KindSnapshot] {
		key := o.Key()
		if key.ID = 0; key == k {
			list = append(list, o.(*devlink.SnapshotInfo))
		}
	}
	return list
}

func (x *modelInstance) lowest() (id uint32) {
	for slices.ContainsFunc(x.objs[devlink.KindSnapshot], func(o devlink.Object) bool { return o.Key().ID == uint64(id) }) {
		id++
	}
	return id
}

func (x *modelInstance) addSnapshot(k devlink.Key) error {
	r, _ := x.find(devlink.KindRegion, k).(*devlink.RegionInfo)
	switch {
	case r == nil:
		return switchdev.ErrNotExist
	case len(x.snapshots(k)) >= int(r.MaxSnapshots):
		return switchdev.ErrNoSpace
	}
	x.add(&devlink.SnapshotInfo{Region: k.Name, Port: k.Port, OnPort: k.OnPort, ID: x.lowest()}, 0)
	return nil
}

func (x *modelInstance) removeRegion(k devlink.Key) error {
	r := x.find(devlink.KindRegion, k)
	if r == nil {
		return switchdev.ErrNotExist
	}
	for _, s := range x.snapshots(k) {
		x.take(s, 0)
	}
	x.take(r, 0)
	return nil
}

func (x *modelInstance) resource(k devlink.Key) *devlink.ResourceInfo {
	r, _ := x.find(devlink.KindResource, k).(*devlink.ResourceInfo)
	return r
}

func parentOf(r *devlink.ResourceInfo) devlink.Key {
	k := r.Key()
	k.ID = r.Parent
	return k
}

// parts are the resources that are parts of one.
func (x *modelInstance) parts(r *devlink.ResourceInfo) (list []*devlink.ResourceInfo) {
	for _, o := range x.objs[devlink.KindResource] {
		if p := o.(*devlink.ResourceInfo); p.Parent != 0 && parentOf(p) == r.Key() {
			list = append(list, p)
		}
	}
	return list
}

func (x *modelInstance) fits(r *devlink.ResourceInfo) bool {
	sum := uint64(0)
	for _, p := range x.parts(r) {
		sum += p.SizeNew // small numbers here
	}
	return sum <= r.SizeNew
}

func (x *modelInstance) setSize(k devlink.Key, size uint64) error {
	r := x.resource(k)
	switch {
	case !x.state.Visible():
		return switchdev.ErrNoDevice
	case r == nil || size > r.Max || size < r.Min:
		return switchdev.ErrInvalid
	}
	c := *r
	c.SizeNew = size
	c.SizeValid = x.fits(&c)
	x.change(devlink.Changed, &c, devlink.Silent)
	x.judge(parentOf(r))
	return nil
}

// judge says anew whether the parts of a resource fit.
func (x *modelInstance) judge(k devlink.Key) {
	if r := x.resource(k); r != nil && k.ID != 0 {
		c := *r
		c.SizeValid = x.fits(r)
		x.change(devlink.Changed, &c, devlink.Silent)
	}
}

func (x *modelInstance) dropResource(r *devlink.ResourceInfo, marks devlink.Marks) {
	for _, p := range slices.Backward(x.parts(r)) {
		x.dropResource(p, marks)
	}
	x.take(r, devlink.Silent|marks)
}

func (x *modelInstance) param(k devlink.Key) *devlink.ParamInfo {
	p, _ := x.find(devlink.KindParam, k).(*devlink.ParamInfo)
	return p
}

// setting changes a parameter in one mode.
func (x *modelInstance) setting(p *devlink.ParamInfo, m devlink.ParamMode, more devlink.Marks, f func(*devlink.ParamSetting)) {
	c := *p
	c.Values = slices.Clone(p.Values)
	for n := range c.Values {
		if c.Values[n].Mode == m {
			f(&c.Values[n])
		}
	}
	if !slices.Equal(c.Values, p.Values) {
		x.change(devlink.Changed, &c, paramMarks(&c)|more)
	}
}

// reread is what the hardware says of a parameter.
func (x *modelInstance) reread(p *devlink.ParamInfo) {
	x.setting(p, devlink.ParamRuntime, 0, func(s *devlink.ParamSetting) { s.Value = x.hardware(p.Key()) })
}

func (x *modelInstance) hardware(k devlink.Key) devlink.ParamValue {
	if x.chip.mute {
		return devlink.ParamValue{}
	}
	return devlink.Uint32Value(x.hw[k])
}

func (x *modelInstance) addParam(k devlink.Key, modes devlink.ParamMode) error {
	switch {
	case x.param(k) != nil:
		return switchdev.ErrExist
	case !x.hasPort(k):
		return switchdev.ErrNotExist
	}
	p := &devlink.ParamInfo{Port: k.Port, OnPort: k.OnPort, Name: k.Name, Type: devlink.ParamUint32, Modes: modes}
	for _, m := range modes.Each() {
		s := devlink.ParamSetting{Mode: m}
		if m == devlink.ParamRuntime {
			s.Value = x.hardware(k)
		}
		p.Values = append(p.Values, s)
	}
	x.add(p, paramMarks(p))
	return nil
}

func (x *modelInstance) setDriverInit(k devlink.Key, v devlink.ParamValue) error {
	p := x.param(k)
	switch {
	case p == nil:
		return switchdev.ErrInvalid
	case !p.Modes.Has(devlink.ParamDriverInit):
		return switchdev.ErrUnsupported
	}
	x.setting(p, devlink.ParamDriverInit, 0, func(s *devlink.ParamSetting) {
		if s.Value == (devlink.ParamValue{}) || s.Value == s.Current {
			s.Value = v
		}
		s.Current, s.Default = v, v
	})
	return nil
}

func (x *modelInstance) setParam(k devlink.Key, m devlink.ParamMode, v devlink.ParamValue) error {
	p := x.param(k)
	switch {
	case !x.state.Visible():
		return switchdev.ErrNoDevice
	case p == nil || v.Type() != devlink.ParamUint32 || v.Uint() == vetoed:
		return switchdev.ErrInvalid
	case !p.Modes.Has(m):
		return switchdev.ErrUnsupported
	case m == devlink.ParamDriverInit:
		x.setting(p, m, 0, func(s *devlink.ParamSetting) { s.Value = v })
		return nil
	case x.chip.refuse:
		return errChip
	}
	x.hw[k] = uint32(v.Uint())
	x.reread(p)
	return nil
}

func (x *modelInstance) resetParam(k devlink.Key) error {
	p := x.param(k)
	switch {
	case !x.state.Visible():
		return switchdev.ErrNoDevice
	case p == nil:
		return switchdev.ErrInvalid
	}
	s, ok := p.Setting(devlink.ParamDriverInit)
	if !ok || s.Default == (devlink.ParamValue{}) {
		return switchdev.ErrUnsupported
	}
	x.setting(p, devlink.ParamDriverInit, 0, func(s *devlink.ParamSetting) { s.Value = s.Default })
	return nil
}
