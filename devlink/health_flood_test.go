package devlink

import (
	"context"
	"io"
	"testing"
)

// TestReportsWithoutEndQueueOneDump: a driver that reports errors while its instance is
// busy, which nothing recovers from, makes the instance's queue no longer than by one.
func TestReportsWithoutEndQueueOneDump(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i := newInstance(t, r, "a")
		var dumped []any
		var fails error = io.ErrUnexpectedEOF
		var rep *Reporter
		do(t, i, func(l *Locked) (err error) {
			rep, err = l.AddReporter(ReporterConfig{Name: "loud", Dump: func(_ context.Context, _ *Locked, m *Message, private any) error {
				dumped = append(dumped, private)
				if len(dumped) == 1 { // one that comes while it is written is not in it
					rep.SubmitReport("meanwhile", -1)
					rep.SubmitReport("meanwhile", -2)
				}
				m.PutUint32Pair("n", 1)
				return fails
			}})
			return err
		})
		finish(t, i.SubmitRegister())
		var tickets []*Ticket
		do(t, i, func(*Locked) error {
			for n := range 1000 {
				tickets = append(tickets, rep.SubmitReport("again", n))
			}
			if tickets[0].ended() || tickets[999].ended() {
				t.Error("a report was over before its dump")
			}
			return nil
		})
		for _, k := range tickets {
			finish(t, k) // with auto-recovery off a report is always a success
		}
		do(t, i, func(*Locked) error { return nil })
		health(t, rep, InError, 1002, 0)
		if len(dumped) != 2 || dumped[0] != 0 || dumped[1] != -1 {
			t.Errorf("dumped %v, want 0 and -1", dumped)
		}
		fails = nil // what failed is tried again with the next
		finish(t, rep.SubmitReport("last", 7))
		if len(dumped) != 3 || dumped[2] != 7 || rep.Info().DumpTime.IsZero() {
			t.Errorf("dumped %v", dumped)
		}
	})
}
