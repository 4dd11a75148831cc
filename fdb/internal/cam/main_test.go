package cam

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testSeed makes runs repeat.
var testSeed = [2]uint64{0x9e3779b97f4a7c15, 0xd1b54a32d192ed03}

// stationKey scatters i over MAC addresses and VLANs, one to one up to 2^48.
func stationKey(i int) Key {
	x := uint64(i) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	return Key((x&(1<<48-1))<<12 | uint64(i)&0xfff)
}
