package devlinkarea

import (
	"runtime"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/devlink"
)

// memory measures what a registered port weighs.
func memory() measure.Group {
	return measure.Group{Name: "memory", Rows: []measure.Row{
		{Name: "640k/bytes/64-ports", Ours: "bytes", Unit: measure.Bytes, Rule: measure.AtMost, Gate: 512, Goal: 256,
			Text: "bytes a port, all told: what the heap grew by, after a collection, for 10,000 registered instances of 64 physical ports, of which nobody hears"},
		{Name: "640k/bytes/heard", Ours: "bytes/heard", Unit: measure.Bytes, Rule: measure.AtMost,
			Text: "the same with a snapshot taken and a subscriber that has not read, for whom the last 4096 records are kept, before all instances were reloaded"},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		instances := s.Size(10_000, 64)
		var failed error
		weigh := func(heard bool) func() float64 {
			return func() float64 {
				bytes, err := weigh(instances, 64, heard)
				if err != nil && failed == nil {
					failed = err
				}
				return bytes / float64(instances*64)
			}
		}
		s.Interleave(rec, measure.Case{Series: "bytes", Run: weigh(false)}, measure.Case{Series: "bytes/heard", Run: weigh(true)})
		return failed
	}}
}

// weigh returns by how much instances make the heap grow.
func weigh(instances, ports int, heard bool) (bytes float64, err error) {
	before := heap()
	w, err := newWorld(devlink.Config{}, instances, ports)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	snap := w.Snapshot()
	if heard {
		if _, err := w.Subscribe(devlink.SubscribeOptions{}); err != nil {
			return 0, err
		}
		for _, i := range w.all {
			if err := finish(w.Registry, i.SubmitReload(devlink.ReloadRequest{}).Ticket); err != nil {
				return 0, err
			}
		}
	} else {
		snap = nil
	}
	bytes = float64(heap()) - float64(before)
	runtime.KeepAlive(w)
	runtime.KeepAlive(snap)
	return bytes, nil
}
