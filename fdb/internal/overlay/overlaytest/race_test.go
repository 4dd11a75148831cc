//go:build !explore

package overlaytest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/fdb/internal/overlay/overlaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// path drives the overlay from between the frames: a generation stays open for
// some frames, sealed for some, and is applied piece by piece.
func path(t *overlay.Table, lookup func(cam.Key) (cam.Hot, overlay.Source, bool)) overlaytest.Path {
	return overlaytest.Path{
		Learn: func(k cam.Key, port uint16, tick uint64) bool { return t.Learn(k, port, tick).Accepted() },
		Lookup: func(k cam.Key) (uint16, overlay.Source, bool) {
			h, from, ok := lookup(k)
			return h.Port(), from, ok
		},
		Work: func(frames int) {
			switch frames % 11 {
			case 0:
				t.Seal()
			case 2, 3:
				t.Apply(3)
			case 5, 7, 8:
				for t.Seal(); !t.Apply(100); {
				}
			}
		},
	}
}

const exchanges = 1_000_000

func TestSeedRaceNeverFloods(t *testing.T) {
	n := exchanges
	if testing.Short() || raceEnabled {
		n /= 10
	}
	table := overlay.New(overlay.Config{})
	got := overlaytest.SeedRace(n, path(table, table.LookupFrom))
	t.Logf("%d exchanges: %+v", n, got)
	if got.Floods != 0 || got.Stale != 0 || got.Refused != 0 {
		t.Errorf("%d floods, %d stale, %d refused; want none", got.Floods, got.Stale, got.Refused)
	}
	for from, n := range got.From {
		if n < 10_000 {
			t.Errorf("source %d answered %d times only", from, n)
		}
	}
	if err := table.Check(); err != nil {
		t.Error(err)
	}
}

// The same race without the second stage shows that the test can fail.
func TestSeedRaceFloodsWithoutOverlay(t *testing.T) {
	table := overlay.New(overlay.Config{})
	got := overlaytest.SeedRace(10_000, path(table, func(k cam.Key) (cam.Hot, overlay.Source, bool) {
		h, ok := table.LookupMain(k)
		return h, overlay.FromMain, ok
	}))
	t.Logf("%+v", got)
	if got.Floods == 0 || got.Stale == 0 {
		t.Errorf("%d floods and %d stale answers; the race was not run", got.Floods, got.Stale)
	}
}

// With a worker of its own the table is raced in earnest; run it with -race too.
func TestSeedRaceWithWorker(t *testing.T) {
	table := overlay.New(overlay.Config{PendingMax: -1})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				table.Seal()
				table.Apply(16)
			}
		}
	}()
	p := path(table, table.LookupFrom)
	p.Work = nil
	got := overlaytest.SeedRace(100_000, p)
	close(stop)
	<-stopped
	t.Logf("%+v", got)
	if got.Floods != 0 || got.Stale != 0 || got.Refused != 0 {
		t.Errorf("%d floods, %d stale, %d refused; want none", got.Floods, got.Stale, got.Refused)
	}
}
