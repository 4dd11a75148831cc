package show

import "github.com/switchcore/switchcore/devlink"

// Dev is an instance.
type Dev struct {
	devlink.Handle
	// Index is its number, which the newest tools print.
	Index Number
	// ReloadFailed tells that a reload went wrong.
	ReloadFailed bool
	// Stats counts reloads. Option -s, and always in the monitor.
	Stats DevStats
	// Nested are the instances within it; nil is missing.
	Nested []Nested
}

// DevStats counts the reloads of an instance: those that were asked of it and those
// that others brought about. It can be compared with ==.
type DevStats struct {
	Shown          bool
	Reload, Remote Actions
}

// Actions counts reloads by what they did.
type Actions struct {
	Shown                    bool
	DriverReinit, FWActivate Limits
}

// Limits counts reloads by what they were not to do.
type Limits struct {
	Shown                bool
	Unspecified, NoReset Number
}

// Section implements [Row].
func (*Dev) Section() Section { return Devs }

// Place implements [Row].
func (d *Dev) Place() Place { return Place{Handle: d.Handle} }

func (*Dev) title() string { return "" }

func (d *Dev) members(f *form) {
	f.number("index", &d.Index, 64, false)
	f.truth("reload_failed", &d.ReloadFailed)
	f.object("stats", &d.Stats.Shown, &d.Stats, false)
	f.nested(&d.Nested)
}

// bare reports whether text has the handle alone.
func (d *Dev) bare() bool {
	return !d.Index.Shown && !d.ReloadFailed && !d.Stats.Shown && d.Nested == nil
}

func (s *DevStats) members(f *form) {
	f.object("reload", &s.Reload.Shown, &s.Reload, false)
	f.object("remote_reload", &s.Remote.Shown, &s.Remote, false)
}

func (a *Actions) members(f *form) {
	f.object("driver_reinit", &a.DriverReinit.Shown, &a.DriverReinit, false)
	f.object("fw_activate", &a.FWActivate.Shown, &a.FWActivate, false)
}

func (l *Limits) members(f *form) {
	f.number("unspecified", &l.Unspecified, 32, false)
	f.number("no_reset", &l.NoReset, 32, false)
}

// Port is a port.
type Port struct {
	At Place
	// Type is notset, auto, eth or ib; DesiredType is what it is to become.
	Type, DesiredType string
	// Netdev and IBDev are its devices.
	Netdev, IBDev string
	// Flavour is what it leads to, for instance "physical".
	Flavour string
	// Controller, PF, VF and SF number the function that it leads to; External tells
	// whether that is on another host.
	Controller, PF, VF, SF Number
	External               Answer
	// Linecard is where it is, Number what is printed on it, SplitGroup what the parts
	// of a port that was split have in common.
	Linecard, Number, SplitGroup Number
	// Splittable tells whether it can be split, Lanes into how many at most.
	Splittable Answer
	Lanes      Number
	// Function is the function that it leads to.
	Function Function
}

// Function is what is shown of a port's function.
type Function struct {
	Shown bool
	// HWAddr is its address, bytes in hexadecimal with colons between.
	HWAddr string
	// State is inactive or active, OpState detached or attached.
	State, OpState string
	// RoCE, Migratable, IPsecCrypto and IPsecPacket are what it may do; Yes is printed
	// as "enable".
	RoCE, Migratable, IPsecCrypto, IPsecPacket Answer
	// MaxIOEQs is how many event queues it may have.
	MaxIOEQs Number
	// Nested is the instance that it has; nil is missing.
	Nested []Nested
}

var (
	portTypes    = []string{"notset", "auto", "eth", "ib"}
	portFlavours = []string{"physical", "cpu", "dsa", "pcipf", "pcivf", "pcisf", "virtual", unknownFlavour}
	states       = []string{"inactive", "active"}
	opstates     = []string{"detached", "attached"}
)

// unknownFlavour is what the tool calls the flavour of an unused port.
const unknownFlavour = "<unknown flavour>"

// Section implements [Row].
func (*Port) Section() Section { return Ports }

// Place implements [Row].
func (p *Port) Place() Place { return p.At }

func (*Port) title() string { return "" }

func (p *Port) members(f *form) {
	if f.mode == checking {
		f.blame("place", p.At.OnPort)
	}
	f.choice("type", &p.Type, true, portTypes)
	f.choice("des_type", &p.DesiredType, false, portTypes)
	f.name("netdev", &p.Netdev, false)
	f.name("ibdev", &p.IBDev, false)
	f.choice("flavour", &p.Flavour, false, portFlavours)
	f.number("controller", &p.Controller, 32, false)
	f.number("pfnum", &p.PF, 16, false)
	f.number("vfnum", &p.VF, 16, false)
	f.number("sfnum", &p.SF, 32, false)
	f.answer("external", &p.External, false, false)
	f.number("lc", &p.Linecard, 32, false)
	f.number("port", &p.Number, 32, false)
	f.number("split_group", &p.SplitGroup, 32, false)
	f.answer("splittable", &p.Splittable, false, false)
	f.number("lanes", &p.Lanes, 32, false)
	f.object("function", &p.Function.Shown, &p.Function, false)
}

func (n *Function) members(f *form) {
	if f.mode == printing {
		f.out.lead(f.out.indent)
	}
	f.address("hw_addr", &n.HWAddr)
	f.out.tight = false // the tool has the space even where no address stands before
	f.choice("state", &n.State, false, states)
	f.choice("opstate", &n.OpState, false, opstates)
	f.able("roce", &n.RoCE)
	f.able("migratable", &n.Migratable)
	f.able("ipsec_crypto", &n.IPsecCrypto)
	f.able("ipsec_packet", &n.IPsecPacket)
	f.number("max_io_eqs", &n.MaxIOEQs, 32, false)
	f.nested(&n.Nested)
}

// Param is a parameter.
type Param struct {
	At   Place
	Name string
	// Generic tells whether it means the same with all drivers.
	Generic bool
	// Values are its values, one for each mode.
	Values []ParamValue
}

// ParamValue is the value of a parameter in one mode.
type ParamValue struct {
	// Mode is runtime, driverinit or permanent.
	Mode string
	// Value is the value; Default is what it is reset to, which the newest tools print.
	Value, Default Scalar
}

var paramModes = []string{"runtime", "driverinit", "permanent"}

// Section implements [Row].
func (*Param) Section() Section { return Params }

// Place implements [Row].
func (p *Param) Place() Place { return p.At }

func (*Param) title() string { return "" }

func (p *Param) members(f *form) {
	f.name("name", &p.Name, true)
	f.generic("type", &p.Generic)
	records(f, "values", &p.Values, true)
}

func (v *ParamValue) members(f *form) {
	f.choice("cmode", &v.Mode, true, paramModes)
	f.scalar("value", &v.Value)
	f.scalar("default", &v.Default)
}

// Region is a region, or with Snapshots alone what the tool prints of one that was
// made.
type Region struct {
	At   Place
	Name string
	// Size is how many bytes it has.
	Size Number
	// Snapshots are the numbers of its snapshots; nil is missing.
	Snapshots []uint32
	// Max is how many there can be.
	Max Number
}

// Section implements [Row].
func (*Region) Section() Section { return Regions }

// Place implements [Row]. Linux shows the regions of ports without their port, so
// those of one name have one key.
func (r *Region) Place() Place { return Place{Handle: r.At.Handle} }

func (r *Region) title() string { return r.Name }

func (r *Region) members(f *form) {
	if f.mode == checking {
		f.blame("name", r.Name != "")
	}
	f.size("size", &r.Size, false)
	if f.mode == printing && f.out.text && !r.Size.Shown && len(r.Snapshots) == 1 {
		f.out.key("snapshot")
		f.out.digits(uint64(r.Snapshots[0]))
	} else {
		numbers(f, "snapshot", &r.Snapshots, false)
	}
	f.number("max", &r.Max, 32, false)
}

// Reporter is a health reporter.
type Reporter struct {
	At   Place
	Name string
	// State is healthy or error.
	State string
	// Errors and Recoveries count.
	Errors, Recoveries Number
	// DumpDate and DumpTime say when the dump was made that it keeps: 2006-01-02 and
	// 15:04:05.
	DumpDate, DumpTime string
	// Grace and Burst are periods in milliseconds.
	Grace, Burst Number
	// AutoRecover and AutoDump are what it does by itself.
	AutoRecover, AutoDump Answer
}

var reporterStates = []string{"healthy", "error"}

// Section implements [Row].
func (*Reporter) Section() Section { return Reporters }

// Place implements [Row].
func (r *Reporter) Place() Place { return r.At }

func (*Reporter) title() string { return "" }

func (r *Reporter) members(f *form) {
	f.name("reporter", &r.Name, true)
	if f.mode == printing {
		f.out.lead(f.out.indent + 2)
	}
	f.choice("state", &r.State, true, reporterStates)
	f.size("error", &r.Errors, true)
	f.size("recover", &r.Recoveries, true)
	f.name("last_dump_date", &r.DumpDate, false)
	f.name("last_dump_time", &r.DumpTime, false)
	f.size("grace_period", &r.Grace, false)
	f.size("burst_period", &r.Burst, false)
	f.answer("auto_recover", &r.AutoRecover, false, false)
	f.answer("auto_dump", &r.AutoDump, false, false)
}
