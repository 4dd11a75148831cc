package devlink

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A callback is not over while somebody who has its token adds or removes a part, as the
// part has the instance to itself.
func TestCallbackLastsAsLongAsItsParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		i := registered(t, r, "a", "")
		alone := func(context.Context, *Locked) error {
			time.Sleep(time.Second)
			if i.slot.now().what != "devlink.do" {
				t.Error("somebody else has the instance:", i.slot.now().what)
			}
			return nil
		}
		x := &part{name: "x", log: t.Logf, begin: alone, end: func(ctx context.Context, l *Locked) { alone(ctx, l) }}
		for _, f := range []func(l *Locked) error{
			func(l *Locked) error { return l.AddAuxiliary(x) },
			func(l *Locked) error { return l.RemoveAuxiliary("x") },
		} {
			done := make(chan error, 1)
			k := i.SubmitDo(func(_ context.Context, l *Locked) error {
				go func() { done <- f(l) }()
				synctest.Wait()
				return nil
			})
			next := i.SubmitMove("")
			finish(t, k)
			finish(t, next)
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
