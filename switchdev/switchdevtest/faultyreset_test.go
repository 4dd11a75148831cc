package switchdevtest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// stubborn is a device that heeds nothing while it works on a batch.
type stubborn struct{ *reference }

func (s stubborn) Unwrap() switchdev.Driver { return s.reference }

func (s stubborn) ApplyFDB(_ context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	time.Sleep(10 * time.Second)
	s.reference.ApplyFDB(context.Background(), ops, results)
}

// TestFaultyResetWaitsForOldCalls: a batch begun before the reset of a stubborn
// device has taken its effect when the tables are cleared, and none later.
func TestFaultyResetWaitsForOldCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Faulty(stubborn{newReference(t, "")}, nil)
		defer d.Close()
		r := findRoles(d)
		ops, results := sets(3)
		go r.fdb.ApplyFDB(context.Background(), ops, results)
		time.Sleep(time.Second)
		epoch, err := r.reset.Reset(context.Background())
		if err != nil || epoch != 2 {
			t.Fatalf("Reset: %v, %v", epoch, err)
		}
		time.Sleep(time.Minute)
		if got := held(t, d); got != nil {
			t.Errorf("the device holds %v, set by a batch begun before the reset", got)
		}
		for i, res := range results {
			if res.Token == 0 || res.Err == nil && res.Epoch >= epoch {
				t.Errorf("result %d: %+v", i, res)
			}
		}
	})
}

// TestFaultyResetHeedsCtx: a reset that waits for a stubborn device ends with
// its ctx, and the device is not reset.
func TestFaultyResetHeedsCtx(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Faulty(stubborn{newReference(t, "")}, nil)
		defer d.Close()
		r := findRoles(d)
		ops, results := sets(1)
		go r.fdb.ApplyFDB(context.Background(), ops, results)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := r.reset.Reset(ctx); err != context.DeadlineExceeded {
			t.Errorf("Reset: %v", err)
		}
		if e := r.reset.Epoch(); e != 1 {
			t.Errorf("the epoch is %v after a reset that failed", e)
		}
	})
}
