package show

// Trap is a packet trap.
type Trap struct {
	At   Place
	Name string
	// Type is drop, exception or control.
	Type string
	// Generic tells whether it means the same with all drivers.
	Generic Answer
	// Action is drop, trap or mirror.
	Action string
	// Group is the group that it belongs to.
	Group string
	// Metadata is what comes with its packets. Option -v.
	Metadata Metadata
	// Stats counts its packets. Option -s.
	Stats RxStats
}

// Metadata is what a trap says of its packets. It can be compared with ==.
type Metadata struct {
	Shown bool
	// Is is a set of MetadataInputPort and MetadataCookie.
	Is MetadataSet
}

// MetadataSet is a set of kinds of metadata.
type MetadataSet uint8

// The kinds. Linux: DEVLINK_TRAP_METADATA_TYPE_F_*.
const (
	MetadataInputPort MetadataSet = 1 << iota // "input_port"
	MetadataCookie                            // "flow_action_cookie"
)

// RxStats counts packets. It can be compared with ==.
type RxStats struct {
	Shown bool
	// Bytes and Packets are those that came to the host, Dropped those that hardware
	// or a policer dropped.
	Bytes, Packets, Dropped Number
}

var (
	trapTypes   = []string{"drop", "exception", "control"}
	trapActions = []string{"drop", "trap", "mirror"}
	metadata    = []string{"input_port", "flow_action_cookie"}
)

// Section implements [Row].
func (*Trap) Section() Section { return Traps }

// Place implements [Row].
func (t *Trap) Place() Place { return t.At }

func (*Trap) title() string { return "" }

func (t *Trap) members(f *form) {
	f.name("name", &t.Name, true)
	f.choice("type", &t.Type, true, trapTypes)
	f.answer("generic", &t.Generic, true, false)
	f.choice("action", &t.Action, true, trapActions)
	f.name("group", &t.Group, true)
	f.words("metadata", &t.Metadata.Shown, (*uint8)(&t.Metadata.Is), metadata)
	f.stats(&t.Stats)
}

// stats is the member that counts packets, an object within an object.
func (f *form) stats(s *RxStats) { f.object("stats", &s.Shown, (*statsOuter)(s), false) }

type statsOuter RxStats

func (s *statsOuter) members(f *form) { f.object("rx", &s.Shown, (*RxStats)(s), true) }

func (s *RxStats) members(f *form) {
	f.size("bytes", &s.Bytes, false)
	f.size("packets", &s.Packets, false)
	f.size("dropped", &s.Dropped, false)
}

// Group is a group of traps.
type Group struct {
	At   Place
	Name string
	// Generic tells whether it means the same with all drivers.
	Generic Answer
	// Policer is the number of the policer that it has.
	Policer Number
	// Stats counts its packets. Option -s.
	Stats RxStats
}

// Section implements [Row].
func (*Group) Section() Section { return Groups }

// Place implements [Row].
func (g *Group) Place() Place { return g.At }

func (*Group) title() string { return "" }

func (g *Group) members(f *form) {
	f.name("name", &g.Name, true)
	f.answer("generic", &g.Generic, true, false)
	f.number("policer", &g.Policer, 32, false)
	f.stats(&g.Stats)
}

// Policer is a policer of trapped packets.
type Policer struct {
	At Place
	// ID is its number.
	ID Number
	// Rate is in packets a second, Burst in packets.
	Rate, Burst Number
	// Stats counts what it dropped. Option -s.
	Stats RxStats
}

// Section implements [Row].
func (*Policer) Section() Section { return Policers }

// Place implements [Row].
func (p *Policer) Place() Place { return p.At }

func (*Policer) title() string { return "" }

func (p *Policer) members(f *form) {
	f.number("policer", &p.ID, 32, true)
	f.number("rate", &p.Rate, 64, true)
	f.number("burst", &p.Burst, 64, true)
	f.stats(&p.Stats)
}
