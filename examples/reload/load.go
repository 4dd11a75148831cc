package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/switchcore/switchcore/devlink"
)

// tally is how often something was done, and how long it ever took to get to it.
type tally struct {
	mu      sync.Mutex
	n       int
	longest time.Duration
}

func (t *tally) note(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
	t.longest = max(t.longest, d)
}

func (t *tally) read() (n int, longest time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n, t.longest
}

// timed notes how long f took.
func (t *tally) timed(f func() error) error {
	began := time.Now()
	err := f()
	t.note(time.Since(began))
	return err
}

// load keeps an instance, and the registry, busy until ctx ends: it reads, sets a
// parameter and reloads, again and again.
func (c *chip) load(ctx context.Context, r *devlink.Registry) error {
	background := context.WithoutCancel(ctx)
	for n := uint32(1); wait(ctx, 5*time.Millisecond) == nil; n++ {
		for range 10 {
			if err := c.reads.timed(func() error { return look(r, c.inst.Handle()) }); err != nil {
				return err
			}
		}
		set := func() error {
			return c.inst.SetParam(background, maxMACs, devlink.ParamDriverInit, devlink.Uint32Value(1+n%64))
		}
		if err := c.sets.timed(set); err != nil {
			return err
		}
		if n%4 != 0 {
			continue
		}
		c.asked.Store(time.Now().UnixNano())
		if _, err := c.inst.Reload(background, devlink.ReloadRequest{}); err != nil {
			return err
		}
	}
	return nil
}

// look finds an instance, and reads everything that there is.
func look(r *devlink.Registry, h devlink.Handle) error {
	if _, err := r.Instance("", h); err != nil {
		return err
	}
	s := r.Snapshot()
	for namespace := range s.Namespaces() {
		for life := range s.Instances(namespace) {
			for range s.Objects(namespace, life.Handle) {
			}
		}
	}
	return nil
}

// churn adds and deletes other namespaces until ctx ends.
func churn(ctx context.Context, r *devlink.Registry, t *tally) error {
	background := context.WithoutCancel(ctx)
	for n := 0; wait(ctx, 7*time.Millisecond) == nil; n++ {
		name := fmt.Sprint("other", n)
		err := t.timed(func() error {
			if err := r.AddNamespace(name); err != nil {
				return err
			}
			return r.DeleteNamespace(background, name)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// table is who was made to wait, and how long.
func table(w io.Writer, list []*chip, namespaces *tally) {
	fmt.Fprintf(w, "\nwho waited for whom, at most\n")
	fmt.Fprintf(w, "%-22s %8s %10s %8s %10s %8s %10s\n", "", "reloads", "waited", "sets", "waited", "reads", "waited")
	for _, c := range list {
		fmt.Fprintf(w, "%-22s", c.inst.Handle())
		for _, t := range []*tally{&c.reloads, &c.sets, &c.reads} {
			n, longest := t.read()
			fmt.Fprintf(w, " %8d %10v", n, longest.Round(time.Microsecond))
		}
		fmt.Fprintln(w)
	}
	n, longest := namespaces.read()
	fmt.Fprintf(w, "%d other namespaces were added and deleted meanwhile, each within %v\n", n, longest.Round(time.Microsecond))
}
