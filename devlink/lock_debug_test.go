//go:build devlinkdebug

package devlink

import (
	"context"
	"fmt"
	"github.com/switchcore/switchcore/switchdev"
	"strings"
	"testing"
	"time"
)

// mustPanic reports that f did not panic with a text.
func mustPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if p := fmt.Sprint(recover()); !strings.Contains(p, text) {
			t.Errorf("panic %q, want %q", p, text)
		}
	}()
	f()
}

func TestRanksFindEveryInversion(t *testing.T) {
	r := newRegistry(t, Config{})
	i := registered(t, r, "a", "")
	j := registered(t, r, "b", "")
	mustPanic(t, "registry is taken inside that of the instance", func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		r.Namespaces()
	})
	mustPanic(t, "instance is taken inside that of the instance", func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		j.State()
	})
	mustPanic(t, "instance is taken inside that of the hub", func() {
		r.hub.guard(func() { i.State() })
	})
	mustPanic(t, "instance is taken inside that of the registry", func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		i.State()
	})
	mustPanic(t, "graph is taken inside that of the queue", func() {
		i.slot.mu.Lock()
		defer i.slot.mu.Unlock()
		r.graph.Lock()
	})
	mustPanic(t, "callback or a wait", func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		r.CloseContext(context.Background())
	})
	mustPanic(t, "callback or a wait", func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		o := i.newOp("test", nil)
		o.call(nil)
	})
	mustPanic(t, "<nil>", func() { // this is the order
		i.mu.Lock()
		defer i.mu.Unlock()
		r.Snapshot()
	})
}

func TestRanksForgetGoroutines(t *testing.T) {
	r := newRegistry(t, Config{})
	registered(t, r, "a", "")
	r.ranks.held.Range(func(id, held any) bool {
		t.Errorf("goroutine %v holds %v", id, held)
		return true
	})
}

// A callback that waits without its ctx is known by its goroutine.
func TestCallbacksAreKnownByTheirGoroutine(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		a, b := registered(t, r, "a", ""), registered(t, r, "b", "")
		bare := context.Background()
		finish(t, a.SubmitDo(func(ctx context.Context, _ *Locked) error {
			mustBe(t, r.Close(), switchdev.ErrDeadlock)
			mustBe(t, a.Unregister(bare), switchdev.ErrDeadlock)
			return b.Do(bare, func(context.Context, *Locked) error {
				mustBe(t, a.Unregister(bare), switchdev.ErrDeadlock)
				return nil
			})
		}))
		if a.State() != Registered {
			t.Error(a.State())
		}
		var n *Notifier
		told := make(chan error, 2)
		n = notifier(t, r, NotifyOptions{}, func(context.Context, Event) { told <- r.Close(); told <- n.Close(bare) })
		finish(t, a.SubmitUnregister())
		r.Poll(time.Time{})
		mustBe(t, <-told, switchdev.ErrDeadlock)
		mustBe(t, <-told, switchdev.ErrDeadlock)
		<-n.Done()
		r.ranks.calls.Range(func(id, _ any) bool {
			t.Errorf("goroutine %v is said to be in a callback", id)
			return true
		})
	})
}
