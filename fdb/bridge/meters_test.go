package bridge

import (
	"context"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// A frame that found its port before the port was taken out of the data path,
// and is counted in only afterwards, is not looked at: nobody waits for it.
func TestFrameThatComesAfterTheDrainIsNotTaken(t *testing.T) {
	b, ctx := onePort(t), context.Background()
	late := b.view.Load().port(1)
	if err := b.RemovePort(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if late.meters.enter(60) {
		t.Error("taken")
	}
}

// A removal waits for the frame that is being looked at.
func TestRemovalWaitsForFramesInside(t *testing.T) {
	b, ctx := onePort(t), context.Background()
	m := b.view.Load().port(1).meters
	if !m.enter(60) {
		t.Fatal("not taken")
	}
	k := b.SubmitRemovePort(1)
	// The flush comes after the frame has left: what it teaches goes with it.
	b.table.Learn(switchdev.FDBKey{MAC: switchdev.MAC{2, 9}}, 1)
	m.leave(ReasonFlooded)
	if err := k.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.table.Lookup(switchdev.FDBKey{MAC: switchdev.MAC{2, 9}}); ok {
		t.Error("what the last frame taught is still there")
	}
}

// A Manual bridge that waits for a frame is polled again when the frame has left,
// whoever brought it.
func TestFrameThatLeavesWakesAManualBridge(t *testing.T) {
	b, err := New(Config{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	now := b.now()
	add := b.SubmitAddPort(PortConfig{ID: 1, MAC: switchdev.MAC{2, 1}})
	b.Poll(now)
	if add.Err() != nil {
		t.Fatal(add.Err())
	}
	m := b.view.Load().port(1).meters
	m.enter(60)
	down := b.SubmitSetPortUp(1, false)
	b.Poll(now)
	for len(b.Wake()) > 0 {
		<-b.Wake()
	}
	m.leave(ReasonFlooded)
	select {
	case <-b.Wake():
		b.Poll(now)
	default:
		t.Error("nobody is told to poll")
	}
	select {
	case <-down.Done():
	default:
		t.Error("the port is not down")
	}
}

// onePort returns a bridge with one port.
func onePort(t *testing.T) *Bridge {
	t.Helper()
	b, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if err := b.AddPort(context.Background(), PortConfig{ID: 1, MAC: switchdev.MAC{2, 1}}); err != nil {
		t.Fatal(err)
	}
	return b
}
