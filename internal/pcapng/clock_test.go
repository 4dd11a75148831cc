package pcapng

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// exactTime is the oracle: the same sum in exact integers.
func exactTime(octet uint8, offset int64, ticks uint64) (time.Time, bool) {
	base := big.NewInt(10)
	if octet&0x80 != 0 {
		base = big.NewInt(2)
	}
	unit := new(big.Int).Exp(base, big.NewInt(int64(octet&0x7f)), nil)
	ns := new(big.Int).Mul(new(big.Int).SetUint64(ticks), big.NewInt(1e9))
	ns.Div(ns, unit)
	ns.Add(ns, new(big.Int).Mul(big.NewInt(offset), big.NewInt(1e9)))
	sec, nsec := new(big.Int).DivMod(ns, big.NewInt(1e9), new(big.Int))
	if sec.Cmp(big.NewInt(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix())) < 0 ||
		sec.Cmp(big.NewInt(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).Unix())) >= 0 {
		return time.Time{}, false
	}
	return time.Unix(sec.Int64(), nsec.Int64()).UTC(), true
}

func TestResolutionAgreesWithExactArithmetic(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	offsets := []int64{0, 1, -1, 10, 1 << 32, -1 << 33, firstSecond, firstSecond - 1, lastSecond, lastSecond + 1, math.MinInt64, math.MaxInt64}
	good := 0
	for octet := range 256 {
		for n := range 400 {
			ticks := rng.Uint64() >> rng.IntN(64)
			if n == 0 {
				ticks = math.MaxUint64
			}
			offset := offsets[rng.IntN(len(offsets))]
			r := resolutionFrom(uint8(octet))
			r.offset = offset
			got, ok := r.time(ticks)
			want, wantOK := exactTime(uint8(octet), offset, ticks)
			if ok != wantOK || !got.Equal(want) {
				t.Fatalf("octet %#x offset %d ticks %d: %v %v, want %v %v", octet, offset, ticks, got, ok, want, wantOK)
			}
			if ok {
				good++
			}
		}
	}
	if good < 20000 {
		t.Errorf("only %d stamps were in range: the test tries too little", good)
	}
}
