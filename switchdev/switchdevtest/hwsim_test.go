package switchdevtest_test

import (
	"encoding/binary"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
	"github.com/switchcore/switchcore/switchdev/switchdevtest"
)

func newChip(t testing.TB, cfg hwsim.Config) *hwsim.Chip {
	chip, err := hwsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chip.Close() })
	return chip
}

func chipOf(d switchdev.Driver) *hwsim.Chip {
	chip, _ := switchdev.As[*hwsim.Chip](d)
	return chip
}

// slow remembers the fault of each chip, so that a new one replaces it.
type slow struct {
	mu sync.Mutex
	at map[*hwsim.Chip]*hwsim.Injected
}

func (s *slow) set(d switchdev.Driver, perOp time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chip := chipOf(d)
	if in := s.at[chip]; in != nil {
		in.Release()
		delete(s.at, chip)
	}
	if perOp > 0 {
		in, err := chip.Inject(hwsim.Fault{Kind: hwsim.FaultSlow, Match: hwsim.Selector{Role: hwsim.RoleFDB}, Delay: perOp})
		if err != nil {
			panic(err)
		}
		s.at[chip] = in
	}
}

func hang(d switchdev.Driver) func() {
	in, err := chipOf(d).Inject(hwsim.Fault{Kind: hwsim.FaultHang, Match: hwsim.Selector{Role: hwsim.RoleFDB}})
	if err != nil {
		panic(err)
	}
	return in.Release
}

// learn sends a tagged frame from the station to an address that nobody has.
func learn(d switchdev.Driver, _ switchdev.Domain, port switchdev.PortID, key switchdev.FDBKey) {
	frame := make([]byte, 64)
	copy(frame, []byte{2, 0xff, 0xff, 0xff, 0xff, 0xfe})
	copy(frame[6:], key.MAC[:])
	binary.BigEndian.PutUint16(frame[12:], uint16(switchdev.EtherTypeVLAN))
	binary.BigEndian.PutUint16(frame[14:], uint16(key.VLAN))
	binary.BigEndian.PutUint16(frame[16:], uint16(switchdev.EtherTypeIPv4))
	chipOf(d).Port(port).Ingress(frame)
}

var chipLimits = switchdev.Limits{Ports: 4, FDB: 64, VLANs: 40, Shared: 90, LAGs: 2, LAGLinks: 3, Batch: 32, AgeingMin: 10 * time.Second, AgeingMax: 1e6 * time.Second}

func chipOptions() []switchdevtest.Option {
	s := &slow{at: map[*hwsim.Chip]*hwsim.Injected{}}
	return []switchdevtest.Option{
		switchdevtest.WithHang(hang), switchdevtest.WithSlow(s.set), switchdevtest.WithLearn(learn), switchdevtest.WithStress(30),
		switchdevtest.WithShared(func(u switchdev.Usage) int { return u.FDB + u.VLANs + u.Flows + u.Headers }),
		switchdevtest.Require[switchdev.FDBOffloader](), switchdevtest.Require[switchdev.FDBSubmitter](),
		switchdevtest.Require[switchdev.LAGOffloader](), switchdevtest.Require[switchdev.Resetter](), switchdevtest.Require[switchdev.Reporter](),
	}
}

func TestChipKeepsTheContract(t *testing.T) {
	switchdevtest.Run(t, func(t testing.TB) switchdev.Driver {
		return newChip(t, hwsim.Config{Limits: chipLimits})
	}, chipOptions()...)
}

func TestChipWithBucketsKeepsTheContract(t *testing.T) {
	switchdevtest.Run(t, func(t testing.TB) switchdev.Driver {
		return newChip(t, hwsim.Config{Limits: switchdev.Limits{FDB: 64}, Hardware: hwsim.Hardware{Ways: 4, Buckets: 16}})
	}, chipOptions()...)
}

// TestTinyChipKeepsTheContract: a table may be as small as it likes, and there need
// not be a second domain.
func TestTinyChipKeepsTheContract(t *testing.T) {
	for _, rows := range []int{1, 2, 3, 7} {
		t.Run(strconv.Itoa(rows), func(t *testing.T) {
			switchdevtest.Run(t, func(t testing.TB) switchdev.Driver {
				return newChip(t, hwsim.Config{Limits: switchdev.Limits{FDB: rows, Domains: 1}})
			}, append(chipOptions(), switchdevtest.WithStress(3), switchdevtest.Skip("flush/*", "three stations don't fit"))...)
		})
	}
}

// silent is a chip that does not tell its sizes.
type silent struct {
	switchdev.Driver
	switchdev.PortOffloader
	switchdev.FDBOffloader
	switchdev.FDBDumper
	switchdev.Resetter
	switchdev.Reporter
}

func TestTinyChipWithoutLimitsKeepsTheContract(t *testing.T) {
	for _, rows := range []int{2, 3, 7} {
		t.Run(strconv.Itoa(rows), func(t *testing.T) {
			switchdevtest.Run(t, func(t testing.TB) switchdev.Driver {
				c := newChip(t, hwsim.Config{Limits: switchdev.Limits{FDB: rows, Domains: 1}})
				return silent{c, c, c, c, c, c}
			}, switchdevtest.WithStress(3))
		})
	}
}

func TestSlowChipKeepsTheContract(t *testing.T) {
	switchdevtest.Run(t, func(t testing.TB) switchdev.Driver {
		return newChip(t, hwsim.Config{Limits: chipLimits, Hardware: hwsim.Hardware{
			Latency: hwsim.Latency{Batch: 200 * time.Microsecond, Op: 10 * time.Microsecond}}})
	}, append(chipOptions(), switchdevtest.WithStress(5))...)
}

// profiles are the chips that the kit is run on, besides those above.
var profiles = []struct {
	name string
	hw   hwsim.Hardware
	opts []switchdevtest.Option
}{
	{"secure", hwsim.Hardware{Profile: hwsim.Secure}, []switchdevtest.Option{
		switchdevtest.Skip("fdb/set-replaces-learned", "the chip holds no row that it was not told to hold"),
		switchdevtest.Skip("flush/keeps-taken-over", "the same"),
		switchdevtest.Skip("flush/drops-learned", "the same"),
		switchdevtest.Skip("flush/restricted", "the same"),
	}},
	{"polled", hwsim.Hardware{Profile: hwsim.Polled}, nil},
	{"rocker", hwsim.Hardware{Profile: hwsim.Rocker}, nil},
	{"rocker with what it can do", hwsim.Hardware{
		Profile: hwsim.Rocker, PortFlags: switchdev.PortLearns, Rows: hwsim.ControlledRows, AllFloods: true, Refresh: 1,
	}, []switchdevtest.Option{
		switchdevtest.Skip("fdb/local-any-port", "the driver takes no row of the bridge itself"),
		switchdevtest.Skip("port/set-is-idempotent", "the driver can change no flag but one"),
	}},
	{"rocker with buckets", hwsim.Hardware{Profile: hwsim.Rocker, Ways: 4, Buckets: 16}, nil},
}

// TestEveryProfileKeepsTheContract: by itself, and behind a decorator.
func TestEveryProfileKeepsTheContract(t *testing.T) {
	for _, p := range profiles {
		opts := append(chipOptions(), p.opts...)
		t.Run(p.name, func(t *testing.T) {
			switchdevtest.Run(t, func(t testing.TB) switchdev.Driver {
				return newChip(t, hwsim.Config{Limits: chipLimits, Hardware: p.hw})
			}, opts...)
		})
		t.Run("faulty "+p.name, func(t *testing.T) {
			switchdevtest.Run(t, func(t testing.TB) switchdev.Driver {
				return switchdevtest.Faulty(newChip(t, hwsim.Config{Limits: chipLimits, Hardware: p.hw}), nil)
			}, append(opts, switchdevtest.WithStress(10))...)
		})
	}
}

func TestFaultyChipKeepsTheContract(t *testing.T) {
	switchdevtest.Run(t, func(t testing.TB) switchdev.Driver {
		return switchdevtest.Faulty(newChip(t, hwsim.Config{Limits: chipLimits}), nil)
	}, chipOptions()...)
}
