package hwsim

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// PortConfig describes one port. The zero value of each field stands for what
// its comment says.
type PortConfig struct {
	// ID is the port's number, 1 to 65535. Zero: the port's place in the list,
	// counted from 1.
	ID switchdev.PortID
	// Name is the port's name. Empty: "p" and the number.
	Name string
	// MAC is the port's address. Zero: Config.MAC plus the number.
	MAC switchdev.MAC
	// Down makes the port begin without carrier.
	Down bool
}

// Latency is how long operations take. All zero: no time at all. Negative
// values are refused.
type Latency struct {
	// Batch is what every batch costs before its first operation.
	Batch time.Duration
	// Op is what every operation costs; it takes effect at the end of it.
	Op time.Duration
}

// Hardware says what the chip is like.
type Hardware struct {
	// Profile is the learning model. Zero: Autonomous.
	Profile Profile
	// MTU is the largest payload; frames from 14 to MTU+18 bytes pass. Zero:
	// 1500. Between 46 and 65535-18; anything else is refused.
	MTU int
	// Refresh is how often the chip reports that a station whose row may age
	// is still sending. Zero: at most once a second for each row, which is
	// what Linux expects of drivers. Negative: never.
	Refresh time.Duration
	// Ways is the number of rows that one hash bucket of the forwarding
	// database holds. Zero or negative: there are no buckets, only the limits
	// bound the table.
	Ways int
	// Buckets is the number of buckets; it counts only with Ways. Zero: as
	// many as hold Limits.FDB rows, or 1024 where that is not limited.
	Buckets int
	// Latency is how long operations take.
	Latency Latency
	// Poll is how often the driver of a Polled chip looks for what is new. Zero:
	// 100 ms. Negative is refused. It does not count with other profiles.
	Poll time.Duration
	// Quirks are what the driver gets wrong. Zero: nothing.
	Quirks Quirks
	// PortFlags are the flags of ports that the driver can change. Zero: all
	// that a chip has. An operation that changes another is refused with
	// ErrInvalid, also by CheckPorts; one that gives it the value that it has, at
	// a join that of [switchdev.DefaultPortFlags], is not. Linux: the
	// driver's answer to SWITCHDEV_ATTR_ID_PORT_PRE_BRIDGE_FLAGS; rocker can
	// change PortLearns (rocker_port_attr_pre_bridge_flags_set).
	PortFlags switchdev.PortFlags
	// Rows are the rows that the driver takes from operations. Zero: AllRows.
	Rows Rows
	// AllFloods makes the host get its copy of what is flooded in every VLAN. False:
	// in those that port 0 is a member of. Linux: rocker
	// (OFDPA_CTRL_DFLT_BRIDGING copies to the CPU).
	AllFloods bool
}

// Host is the chip's side towards the host's CPU.
type Host struct {
	// Queue is the number of frames that wait for the host. Zero: 256.
	// Negative: none, everything is dropped and counted. It does not count
	// with OnTrap.
	Queue int
	// OnTrap is called with every frame for the host, in the goroutine of
	// whoever made the frame come in and without any lock held. It only
	// queues. Nil: the frames go to the channel of [Chip.Host].
	OnTrap func(HostFrame)
}

// LogConfig says what the chip writes down.
type LogConfig struct {
	// Capacity is the number of operations that [Chip.Log] remembers. Zero:
	// 1024. Negative: none.
	Capacity int
	// Logger gets resets, port changes and injected faults. Nil: nothing is
	// logged.
	Logger *slog.Logger
}

// Config describes a chip. The zero value is a chip with four ports, without
// limits, latency or faults.
type Config struct {
	// Name is the device's name. Empty: "sw0".
	Name string
	// MAC is the address that those of the ports are counted from. Zero:
	// 02:00:5e:00:00:00. A group address is refused.
	MAC switchdev.MAC
	// Ports describes the ports, in any order. Nil: Count of them, all default.
	Ports []PortConfig
	// Count is the number of ports when Ports is nil. Zero: 4. Negative: none.
	Count int
	// Limits are the sizes of the tables, with their own meaning of zero.
	// Negative ones are refused.
	Limits switchdev.Limits
	// Hardware says what the chip is like.
	Hardware Hardware
	// Host is the side towards the CPU.
	Host Host
	// Seed decides everything that is random: faults with a probability and
	// the hash of the buckets. The same seed and calls give the same run.
	Seed uint64
	// Manual makes a chip without a goroutine: submitted operations, ageing
	// and wires proceed in [Chip.Poll] only.
	Manual bool
	// Log says what is written down.
	Log LogConfig
}

const (
	defaultPorts   = 4
	defaultMTU     = 1500
	defaultQueue   = 256
	defaultLog     = 1024
	defaultRefresh = time.Second
	defaultBuckets = 1024
	defaultPoll    = 100 * time.Millisecond // MLXSW_SP_DEFAULT_LEARNING_INTERVAL
	defaultAgeing  = 300 * time.Second      // BR_DEFAULT_AGEING_TIME, include/linux/if_bridge.h

	headerLen = 14
	tagLen    = 4
	maxMTU    = 65535 - headerLen - tagLen
	minMTU    = 46
)

var defaultMAC = switchdev.MAC{0x02, 0x00, 0x5e}

// bad is the refusal of a configuration.
func (cfg *Config) bad(field, reason string) error {
	return &switchdev.OpError{Op: "hwsim.new", Device: cfg.Name, Object: field, Reason: reason, Err: switchdev.ErrInvalid}
}

// settle fills in the defaults and refuses what is never right.
func (cfg *Config) settle() error {
	if cfg.Name == "" {
		cfg.Name = "sw0"
	}
	if cfg.MAC.IsZero() {
		cfg.MAC = defaultMAC
	}
	if cfg.MAC.IsMulticast() {
		return cfg.bad("MAC", "a group address")
	}
	if err := cfg.settleHardware(); err != nil {
		return err
	}
	if err := cfg.settleLimits(); err != nil {
		return err
	}
	cfg.Host.Queue = orDefault(cfg.Host.Queue, defaultQueue)
	cfg.Log.Capacity = orDefault(cfg.Log.Capacity, defaultLog)
	return nil
}

func (cfg *Config) settleHardware() error {
	hw := &cfg.Hardware
	if hw.Profile >= numProfiles {
		return cfg.bad("Hardware.Profile", "no such profile")
	}
	if hw.MTU == 0 {
		hw.MTU = defaultMTU
	}
	if hw.MTU < minMTU || hw.MTU > maxMTU {
		return cfg.bad("Hardware.MTU", "want 46 to "+strconv.Itoa(maxMTU))
	}
	if hw.Refresh == 0 {
		hw.Refresh = defaultRefresh
	}
	if hw.Poll == 0 {
		hw.Poll = defaultPoll
	}
	if hw.Poll < 0 {
		return cfg.bad("Hardware.Poll", "negative duration")
	}
	if hw.Rows >= numRows {
		return cfg.bad("Hardware.Rows", "no such kinds of rows")
	}
	if hw.Quirks >= quirksEnd {
		return cfg.bad("Hardware.Quirks", "no such quirk")
	}
	if hw.Latency.Batch < 0 || hw.Latency.Op < 0 {
		return cfg.bad("Hardware.Latency", "negative duration")
	}
	hw.Ways = max(hw.Ways, 0)
	if hw.Buckets < 0 {
		return cfg.bad("Hardware.Buckets", "negative number")
	}
	if hw.Ways > 0 && hw.Buckets == 0 {
		hw.Buckets = defaultBuckets
		if rows := cfg.Limits.FDB; rows > 0 {
			hw.Buckets = (rows-1)/hw.Ways + 1
		}
	}
	return nil
}

func (cfg *Config) settleLimits() error {
	l := cfg.Limits
	for _, n := range [...]int{l.Ports, l.Domains, l.VLANs, l.FDB, l.Flows, l.Headers, l.LAGs, l.LAGLinks, l.Shared, l.Batch} {
		if n < 0 {
			return cfg.bad("Limits", "negative number")
		}
	}
	if l.AgeingMin < 0 || l.AgeingMax < 0 || l.AgeingMax > 0 && l.AgeingMin > l.AgeingMax {
		return cfg.bad("Limits", "ageing range is empty or negative")
	}
	return nil
}

// orDefault reads the zero of a configuration as its default and what is
// negative as off.
func orDefault(n, zero int) int {
	if n == 0 {
		return zero
	}
	return max(n, 0)
}

// New makes a chip. A bad configuration is refused with a
// [*switchdev.OpError] that is [switchdev.ErrInvalid]. Unless Config.Manual is
// set the chip has one goroutine, which ends with [Chip.Close].
func New(cfg Config) (*Chip, error) {
	if err := cfg.settle(); err != nil {
		return nil, err
	}
	c := &Chip{
		cfg:  cfg,
		wake: make(chan struct{}, 1),
		quit: make(chan struct{}),
	}
	c.epoch.Store(1)
	c.log.capacity = cfg.Log.Capacity
	if err := c.makePorts(); err != nil {
		return nil, err
	}
	c.beginGroups()
	if !cfg.Manual {
		c.base = time.Now()
		c.based = true
		c.workers.Go(c.run)
	}
	return c, nil
}

func (c *Chip) makePorts() error {
	list := c.cfg.Ports
	count := len(list)
	if list == nil {
		count = orDefault(c.cfg.Count, defaultPorts)
	}
	if count > int(switchdev.MaxPort) {
		return c.cfg.bad("Count", "more than 65535 ports")
	}
	if most := c.cfg.Limits.Ports; most > 0 && count > most {
		return c.cfg.bad("Ports", "more than Limits.Ports")
	}
	all := make([]Port, count)
	c.ports = make([]*Port, 0, count)
	for i := range all {
		pc := PortConfig{}
		if list != nil {
			pc = list[i]
		}
		if pc.ID == 0 {
			pc.ID = switchdev.PortID(i + 1)
		}
		if err := c.addPort(&all[i], pc); err != nil {
			return err
		}
	}
	return nil
}
