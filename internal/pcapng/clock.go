package pcapng

import (
	"math"
	"math/bits"
	"time"
)

// resolution is how an interface's 64-bit time stamps map to time: ticks of 10^-exponent or
// 2^-exponent seconds, counted from offset seconds after 1970.
type resolution struct {
	exponent uint8
	binary   bool
	offset   int64
}

// The range of time.Time that can be written as RFC 3339; beyond it a stamp is damage, not time.
const (
	firstSecond = -62135596800 // 0001-01-01T00:00:00Z
	lastSecond  = 253402300799 // 9999-12-31T23:59:59Z
)

var microseconds = resolution{exponent: 6}

// resolutionFrom decodes the if_tsresol octet: the top bit chooses powers of two.
func resolutionFrom(octet uint8) resolution {
	return resolution{exponent: octet & 0x7f, binary: octet&0x80 != 0}
}

// time converts a stamp. It is false where the stamp lies outside the years 1 to 9999. What is
// finer than a nanosecond is cut off.
func (r resolution) time(ticks uint64) (time.Time, bool) {
	split := splitDecimal
	if r.binary {
		split = splitBinary
	}
	sec, nsec := split(ticks, uint(r.exponent))
	if sec > math.MaxInt64 {
		return time.Time{}, false
	}
	// With the offset bounded, a sum that overflows comes out far below the range.
	if r.offset > lastSecond {
		return time.Time{}, false
	}
	total := int64(sec) + r.offset
	if total < firstSecond || total > lastSecond {
		return time.Time{}, false
	}
	return time.Unix(total, nsec).UTC(), true
}

// splitDecimal divides ticks of 10^-n seconds into seconds and nanoseconds.
func splitDecimal(ticks uint64, n uint) (sec uint64, nsec int64) {
	unit, fits := pow10(n)
	if fits {
		sec, ticks = ticks/unit, ticks%unit
	}
	if n <= 9 {
		scale, _ := pow10(9 - n)
		return sec, int64(ticks * scale)
	}
	scale, fits := pow10(n - 9)
	if !fits {
		return sec, 0
	}
	return sec, int64(ticks / scale)
}

// pow10 returns 10^n and whether it fits into 64 bits.
func pow10(n uint) (uint64, bool) {
	if n > 19 {
		return 0, false
	}
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p, true
}

// splitBinary divides ticks of 2^-n seconds into seconds and nanoseconds.
func splitBinary(ticks uint64, n uint) (sec uint64, nsec int64) {
	if n < 64 {
		sec = ticks >> n
		ticks &= 1<<n - 1
	}
	hi, lo := bits.Mul64(ticks, uint64(time.Second))
	if n >= 64 {
		return sec, int64(hi >> (n - 64))
	}
	return sec, int64(hi<<(64-n) | lo>>n)
}
