package bridge_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// curious is a log handler that looks at the bridge.
type curious struct {
	slog.Handler
	look func()
	seen int
}

func (c *curious) Enabled(context.Context, slog.Level) bool { return true }

func (c *curious) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn { // what it makes the bridge log in turn is not
		c.seen++
		c.look()
	}
	return nil
}

// TestLogHandlerMayUseTheBridge: no line is logged with anything held.
func TestLogHandlerMayUseTheBridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &curious{Handler: slog.DiscardHandler, look: func() {}}
		w := newWorld(t, bridge.Config{Logger: slog.New(h)}, 1)
		h.look = func() {
			w.b.SetPromiscuous(false)
			_ = w.b.WriteFDB(io.Discard)
			w.b.SubmitSetPortState(9, switchdev.PortBlocking)
		}
		w.send(1, stationB, portMAC(2)) // it will be an own address
		w.poll()
		w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 2, MAC: portMAC(2)}))
		if w.at(portMAC(2), 2); h.seen == 0 {
			t.Error("nothing was logged")
		}
		if _, ok := w.b.Table().Lookup(fdb.Key{MAC: portMAC(2)}); !ok {
			t.Error("the address is gone")
		}
	})
}
