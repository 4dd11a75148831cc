package main

import (
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHandMadeFramesFitOnAWire(t *testing.T) {
	c, err := parseCast([]string{"02:00:00:00:02:02", "02:00:00:00:02:01", "02:00:00:00:01:03", "02:00:00:00:01:00"})
	if err != nil {
		t.Fatal(err)
	}
	reserved := map[byte]bool{}
	for set, count := range map[string]int{"odd": 42, "wander": 1, "seek": 2, "own": 1} {
		frames, err := c.frames(set)
		if err != nil {
			t.Fatal(err)
		}
		if len(frames) != count {
			t.Errorf("%s: %d frames, want %d", set, len(frames), count)
		}
		for i, f := range frames {
			if len(f) < 14 || len(f) > 1518 {
				t.Errorf("%s %d: %d bytes", set, i, len(f))
			}
			if [5]byte(f[:5]) == [5]byte{0x01, 0x80, 0xc2} && f[5] < 16 {
				reserved[f[5]] = true
			}
		}
	}
	if len(reserved) != 16 {
		t.Errorf("frames to %d of the 16 reserved groups", len(reserved))
	}
	if _, err := c.frames("none"); err == nil {
		t.Error("an unknown set is no error")
	}
	if _, err := parseCast([]string{"02:00:00:00:02:02", "x"}); err == nil {
		t.Error("a bad address is no error")
	}
}

func TestLongestFrameIsTheLongestTagged(t *testing.T) {
	f := frame(broadcast, net.HardwareAddr{2, 0, 0, 0, 0, 1}, typeTag, tag(10, []byte{0x88, 0xb5}), longest+4)
	if len(f) != 1518 || f[12] != 0x81 || f[15] != 10 || f[16] != 0x88 {
		t.Errorf("% x… of %d bytes", f[:18], len(f))
	}
}
