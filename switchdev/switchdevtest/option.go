package switchdevtest

import (
	"reflect"
	"strings"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Option tells [Run] what it cannot know of a device.
type Option func(*config)

type config struct {
	ports     []switchdev.PortID
	domains   [2]switchdev.Domain
	vlans     []switchdev.VLAN
	vlansSet  bool
	firstLAG  switchdev.PortID
	capacity  int
	stress    int
	seed      uint64
	patience  time.Duration
	realTime  bool
	noReset   string
	skips     []skip
	required  roleSet
	strangers []string // required, but not known to the kit

	hang   func(switchdev.Driver) (release func())
	slow   func(switchdev.Driver, time.Duration)
	learn  func(switchdev.Driver, switchdev.Domain, switchdev.PortID, switchdev.FDBKey)
	shared func(switchdev.Usage) int
}

type skip struct{ pattern, why string }

// hookSet is a set of options that checks depend on.
type hookSet uint8

const (
	hookHang hookSet = 1 << iota
	hookSlow
	hookLearn
	hookShared
)

var hookNames = [...]string{"WithHang", "WithSlow", "WithLearn", "WithShared"}

func (h hookSet) String() string {
	var names []string
	for i, name := range hookNames {
		if h&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

func newConfig(opts []Option) *config {
	cfg := &config{domains: [2]switchdev.Domain{1, 2}, firstLAG: 1001, capacity: 4096, stress: 100, seed: 1}
	for _, opt := range opts {
		opt(cfg)
	}
	if cfg.patience <= 0 {
		cfg.patience = time.Hour // virtual, so it costs nothing
		if cfg.realTime {
			cfg.patience = 20 * time.Second
		}
	}
	return cfg
}

func (cfg *config) given() (h hookSet) {
	for i, there := range [...]bool{cfg.hang != nil, cfg.slow != nil, cfg.learn != nil, cfg.shared != nil} {
		if there {
			h |= 1 << i
		}
	}
	return h
}

// WithPorts names the ports that the kit may use, at least two; rules about two
// domains need three. Without it the kit takes the first four that
// [switchdev.PortLister] lists, or else ports 1 to 4.
func WithPorts(ports ...switchdev.PortID) Option {
	return func(cfg *config) { cfg.ports = ports }
}

// WithDomains names the two domains in which the kit works. The default is 1
// and 2.
func WithDomains(main, other switchdev.Domain) Option {
	return func(cfg *config) { cfg.domains = [2]switchdev.Domain{main, other} }
}

// WithVLANs names the VLANs of the kit's rows. Two are needed to check that
// rows of two VLANs differ. The default is 10 and 20 for devices with a VLAN
// table and none, that is [switchdev.NoVLAN], for the others.
func WithVLANs(vlans ...switchdev.VLAN) Option {
	return func(cfg *config) { cfg.vlans, cfg.vlansSet = vlans, true }
}

// WithLAGs names the lowest of the numbers that the kit gives to link aggregation
// groups; the others follow it. The default is 1001.
func WithLAGs(first switchdev.PortID) Option {
	return func(cfg *config) { cfg.firstLAG = first }
}

// WithCapacity bounds how many operations the kit spends on filling a table.
// Rules about full tables are skipped for devices that are not full after n.
// The default is 4096.
func WithCapacity(n int) Option {
	return func(cfg *config) { cfg.capacity = n }
}

// WithStress sets how many rounds each goroutine of the concurrency rules
// makes; on a slow device they make fewer, as many as patience allows. The default
// is 100; 0 or less skips these rules.
func WithStress(rounds int) Option {
	return func(cfg *config) { cfg.stress = rounds }
}

// WithSeed sets the seed of the rules that draw random operations. It is
// printed by their failures. The default is 1.
func WithSeed(seed uint64) Option {
	return func(cfg *config) { cfg.seed = seed }
}

// WithPatience sets how long the kit waits for a call or a report that must
// come. The default is an hour of virtual time, or with [WithRealTime] twenty
// seconds.
func WithPatience(d time.Duration) Option {
	return func(cfg *config) { cfg.patience = d }
}

// WithRealTime runs every rule without a bubble of package testing/synctest,
// for drivers that do real input and output. The rule about goroutines left
// behind is skipped then.
func WithRealTime() Option {
	return func(cfg *config) { cfg.realTime = true }
}

// WithoutReset makes the kit never call Reset, for the reason given. The rules
// that need it are skipped.
func WithoutReset(why string) Option {
	return func(cfg *config) { cfg.noReset = why }
}

// Skip skips the rules that pattern names, visibly and with the reason. A
// pattern is a rule's name or, in the syntax of [path.Match], something like
// "reset/*". A pattern that names no rule fails the run.
func Skip(pattern, why string) Option {
	return func(cfg *config) { cfg.skips = append(cfg.skips, skip{pattern, why}) }
}

// Require makes it a failure that the driver lacks the role T, or answers that
// it does not support what the rules of T try; without it both are skips.
// T is an interface of package switchdev:
//
//	switchdevtest.Require[switchdev.FDBDumper]()
func Require[T any]() Option {
	return func(cfg *config) {
		name := reflect.TypeFor[T]().Name()
		role := roleNamed(name)
		if role == 0 {
			cfg.strangers = append(cfg.strangers, reflect.TypeFor[T]().String())
		}
		cfg.required |= role
	}
}

// WithHang gives the kit a way to hang the device: after hang has returned no
// operation that the device is given makes progress, until release is called.
// Reset and Close are no such operations. Release may be called twice.
func WithHang(hang func(d switchdev.Driver) (release func())) Option {
	return func(cfg *config) { cfg.hang = hang }
}

// WithSlow gives the kit a way to make the device slow: after slow has returned
// each operation of a batch takes about perOp; 0 is the normal speed.
func WithSlow(slow func(d switchdev.Driver, perOp time.Duration)) Option {
	return func(cfg *config) { cfg.slow = slow }
}

// WithLearn gives the kit a way to make the device learn a station by itself,
// typically by a frame sent into the port. When learn returns, the device may
// still be busy with it.
func WithLearn(learn func(d switchdev.Driver, domain switchdev.Domain, port switchdev.PortID, key switchdev.FDBKey)) Option {
	return func(cfg *config) { cfg.learn = learn }
}

// WithShared tells which tables draw on [switchdev.Limits].Shared: sum returns
// what of the budget the usage amounts to.
func WithShared(sum func(u switchdev.Usage) int) Option {
	return func(cfg *config) { cfg.shared = sum }
}
