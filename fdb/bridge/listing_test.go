package bridge_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// TestListingIsReadBack: what a bridge prints is read as what its table holds.
func TestListingIsReadBack(t *testing.T) {
	w := newWorld(t, bridge.Config{MAC: mac(0xfe), Table: fdb.Config{Ageing: ageing}}, 1, 2)
	w.entry(mac(1), 2, fdb.Static|fdb.Sticky)
	w.entry(mac(2), 1, fdb.Extern)
	w.goes(2, broadcast, mac(3), flooded, 0, 1)
	view, n := w.b.View(), 0
	view.Stats, view.Details = true, true
	for row, err := range show.Read(strings.NewReader(w.show()), show.Text) {
		if err != nil {
			t.Fatal(err)
		}
		got, err := view.ToEntry(row)
		if err != nil {
			t.Fatal(err)
		}
		want, err := w.b.Table().Get(t.Context(), got.Key)
		if err != nil || got.Port != want.Port || got.State() != want.State() || got.Flags != want.Flags&^fdb.User {
			t.Errorf("%v is read as %+v, the table has %+v, %v", row, got, want, err)
		}
		n++
	}
	if n != w.b.Table().Len() || n < 6 {
		t.Errorf("%d rows of %d entries", n, w.b.Table().Len())
	}
	if _, ok := view.PortID("nobody"); ok {
		t.Error("nobody has a port")
	}
	if name := view.PortName(99); name != "port99" {
		t.Errorf("port 99 is %q", name)
	}
}

// TestOverdueEntriesAreStale until the sweep comes to them.
func TestOverdueEntriesAreStale(t *testing.T) {
	w := newWorld(t, bridge.Config{Table: fdb.Config{Ageing: fdb.NoLearning}}, 1)
	k := w.b.Table().SubmitReplace(fdb.Entry{Key: fdb.Key{MAC: mac(1)}, Port: 1})
	w.b.Table().Poll(w.now)
	if err := k.Err(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder // and not w.show, which polls
	if err := w.b.WriteFDB(&out); err != nil || !strings.Contains(out.String(), "02:00:00:00:00:01 dev p1 master br0 stale\n") {
		t.Errorf("%v, listing is\n%s", err, out.String())
	}
}

// TestNamesThatNoLineCanHold are an error and not a line that reads otherwise.
func TestNamesThatNoLineCanHold(t *testing.T) {
	w := newWorld(t, bridge.Config{})
	w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 1, Name: "my port", MAC: portMAC(1)}))
	for _, write := range []func(io.Writer) error{w.b.WriteFDB, w.b.WriteFDBJSON} {
		var out strings.Builder
		if err := write(&out); !errors.Is(err, switchdev.ErrInvalid) {
			t.Errorf("%v, %q", err, out.String())
		}
	}
}

// waiting is a log handler that takes the bridge's slot at every line.
type waiting struct {
	slog.Handler
	look func()
	mu   sync.Mutex
	seen []string
}

func (h *waiting) Enabled(context.Context, slog.Level) bool { return true }

func (h *waiting) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	h.seen = append(h.seen, r.Message)
	h.mu.Unlock()
	h.look()
	return nil
}

// TestTableLogsWhileTheBridgeIsHeld: a bridge claims addresses with its slot held,
// and the table's refusal is logged by nobody who holds it.
func TestTableLogsWhileTheBridgeIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &waiting{Handler: slog.DiscardHandler, look: func() {}}
		b, err := bridge.New(bridge.Config{Logger: slog.New(h)})
		if err != nil {
			t.Fatal(err)
		}
		h.look = func() { b.SetPromiscuous(false) }
		if _, err := b.Table().RemovePort(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		err = b.AddPort(t.Context(), bridge.PortConfig{ID: 2, MAC: portMAC(2)})
		if !errors.Is(err, switchdev.ErrPortGone) {
			t.Errorf("AddPort: %v", err)
		}
		synctest.Wait()
		h.mu.Lock()
		if !slices.Contains(h.seen, "fdb: operation refused") {
			t.Errorf("logged: %q", h.seen)
		}
		h.mu.Unlock()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}
