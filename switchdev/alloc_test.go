package switchdev

import (
	"errors"
	"syscall"
	"testing"
)

// wantNoAllocs fails t if f allocates.
func wantNoAllocs(t *testing.T, name string, f func()) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s: %v allocations, want 0", name, n)
	}
}

func TestValuesDoNotAllocate(t *testing.T) {
	mac := MustParseMAC("02:00:5e:10:00:01")
	key := FDBKey{mac, 10}
	buf := make([]byte, 0, 64)
	var (
		set  VLANSet
		sum  uint64
		less int
	)
	wantNoAllocs(t, "MAC.AppendTo", func() { buf = mac.AppendTo(buf[:0]) })
	wantNoAllocs(t, "MAC.Compare", func() { less += mac.Compare(mac.Next()) })
	wantNoAllocs(t, "ParseMAC", func() { m, _ := ParseMAC("02:00:5e:10:00:01"); sum += m.Uint64() })
	wantNoAllocs(t, "FDBKey.AppendTo", func() { buf = key.AppendTo(buf[:0]) })
	wantNoAllocs(t, "FDBKey.Compare", func() { less += key.Compare(FDBKey{mac, 11}) })
	wantNoAllocs(t, "FDBKey.Pack", func() { sum += UnpackFDBKey(key.Pack()).Pack() })
	wantNoAllocs(t, "FDBKey.Check", func() {
		if key.Check() != nil {
			less++
		}
	})
	wantNoAllocs(t, "VLANSet", func() {
		_ = set.Add(5)
		for v := range set.All() {
			sum += uint64(v)
		}
		set.Remove(5)
	})
}

func TestSentinelsDoNotAllocate(t *testing.T) {
	full := func() error { return ErrNoSpace }
	hits := 0
	wantNoAllocs(t, "return and errors.Is", func() {
		if errors.Is(full(), ErrNoSpace) && !errors.Is(full(), ErrExist) {
			hits++
		}
	})
	wantNoAllocs(t, "errors.Is with an errno", func() {
		if errors.Is(full(), syscall.ENOSPC) {
			hits++
		}
	})
}
