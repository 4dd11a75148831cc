package devlinkarea

import (
	"context"
	"runtime"
	"time"

	"github.com/switchcore/switchcore/devlink"
)

// world is a registry whose instances are registered.
type world struct {
	*devlink.Registry
	chip *chip
	all  []*devlink.Instance
}

func newWorld(cfg devlink.Config, instances, ports int) (*world, error) {
	r, err := devlink.New(cfg)
	if err != nil {
		return nil, err
	}
	w := &world{Registry: r, chip: &chip{portsOf(ports)}}
	w.all, err = w.chip.build(r, instances)
	for n := 0; err == nil && n < len(w.all); n++ {
		err = finish(r, w.all[n].SubmitRegister())
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return w, nil
}

// finish waits for an outcome; a Manual registry is polled first.
func finish(r *devlink.Registry, t *devlink.Ticket) error {
	r.Poll(time.Time{})
	return t.Wait(context.Background())
}

// mallocs returns how many allocations there were while f ran.
func mallocs(f func()) uint64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// heap returns the bytes of live objects.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what had finalizers is gone only now
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
