package fdb

import (
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestAdmitSaysWhereStationsAreLearned: nothing new, no move and no renewal of what
// was flushed comes in where a port does not admit it; what is known stays, and what
// a user enters is his.
func TestAdmitSaysWhereStationsAreLearned(t *testing.T) {
	tb, err := New(Config{Manual: true, Start: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	defer tb.Close()
	key := func(n byte, v switchdev.VLAN) Key { return Key{MAC: switchdev.MAC{2, 0, 0, 0, 0, n}, VLAN: v} }
	learns := func(k Key, p switchdev.PortID, want Learned) {
		t.Helper()
		if got := tb.Learn(k, p); got != want {
			t.Errorf("Learn(%v, %v) = %v, want %v", k, p, got, want)
		}
	}
	learns(key(1, 10), 1, Queued)
	learns(key(2, 20), 1, Queued)
	learns(key(4, 20), 2, Queued)
	tb.Poll(time.Unix(2, 0))
	var ten switchdev.VLANSet
	_ = ten.Add(10)
	tb.Admit(1, &ten)
	learns(key(1, 10), 1, Refreshed)
	learns(key(3, 10), 1, Queued)
	learns(key(3, 20), 1, Barred)
	learns(key(3, 0), 1, Barred)
	learns(key(4, 20), 1, Barred) // no move
	learns(key(4, 10), 2, Queued) // other ports are not concerned
	if got := tb.LearnLocked(key(5, 20), 1); got != Barred {
		t.Errorf("LearnLocked = %v", got)
	}
	if hit, ok := tb.Lookup(key(2, 20)); !ok || hit.Port != 1 {
		t.Error("what is known has gone")
	}
	if k := tb.SubmitReplace(Entry{Key: key(6, 20), Port: 1, Flags: Static}); true {
		tb.Poll(time.Unix(2, 0))
		if k.Err() != nil {
			t.Error(k.Err())
		}
	}
	tb.Admit(1, new(switchdev.VLANSet))
	learns(key(7, 10), 1, Barred)
	tb.Admit(1, nil)
	learns(key(7, 10), 1, Queued)
	learns(key(7, 0), 1, Queued)
	if n := tb.PortStats(1).Barred; n != 5 {
		t.Errorf("%d barred", n)
	}
	tb.SubmitRemovePort(1)
	tb.Admit(1, nil) // a port that has gone stays gone
	learns(key(8, 10), 1, Barred)
	tb.AddPort(1)
	learns(key(8, 10), 1, Queued)
}

func TestFrameKeysAreThoseOfTheFrame(t *testing.T) {
	frame := []byte{1, 2, 3, 4, 5, 6, 2, 4, 6, 8, 10, 12, 0x81, 0x00}
	for _, v := range []switchdev.VLAN{0, 1, 4094} {
		dst, src := FrameKeys(frame, v)
		if want := (Key{MAC: switchdev.MAC(frame[:6]), VLAN: v}); dst != want {
			t.Errorf("destination %v, want %v", dst, want)
		}
		if want := (Key{MAC: switchdev.MAC(frame[6:12]), VLAN: v}); src != want {
			t.Errorf("source %v, want %v", src, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("13 bytes are no header")
		}
	}()
	FrameKeys(frame[:13], 1)
}
