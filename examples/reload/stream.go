package main

import (
	"context"
	"fmt"
	"time"

	"github.com/switchcore/switchcore/devlink"
)

// stream says what is told of one card and of its sub-function, in whatever namespace,
// with runs of the same kind in one line.
func stream(ctx context.Context, s *devlink.Subscription, name string, say func(string, ...any)) error {
	var line string
	count := 0
	flush := func() {
		if count > 1 {
			line = fmt.Sprintf("%s, %d of them", line, count)
		}
		if count > 0 {
			say("event:   %s", line)
		}
		count = 0
	}
	defer flush()
	for {
		e, ok, err := s.TryNext()
		if err != nil {
			return err
		}
		if !ok {
			flush()
			if e, err = s.Next(ctx); err != nil {
				return err
			}
		}
		if d := e.Life.Device; d != name && d != "sf."+name {
			continue
		}
		if e.Verb == devlink.Changed && e.Object.Kind() == devlink.KindPort && !e.Marks.Has(devlink.Poked) {
			continue // its network device
		}
		now := text(e)
		if count > 0 && now != line {
			flush()
		}
		line = now
		count++
	}
}

// text is an event without the number of what it is about.
func text(e devlink.Event) string {
	s := e.Verb.String() + " " + e.Object.Kind().String()
	if p, ok := e.Object.(*devlink.ReloadProgress); ok {
		s = "reload begins"
		if p.Ended {
			s = fmt.Sprintf("reload has performed %v", p.Performed)
			if p.Err != nil {
				s += ": " + p.Err.Error()
			}
		}
	}
	if e.Marks.Has(devlink.Poked) {
		s += " (what is nested in it has changed)"
	}
	return fmt.Sprintf("%s: %s in %s", e.Life.Handle, s, where(e.Life.Namespace))
}

// progress shows how far things are, in one line, until ctx ends.
func progress(ctx context.Context, show func(string), began time.Time, slow *chip, list []*chip, namespaces *tally) {
	for wait(ctx, 50*time.Millisecond) == nil {
		reloads, reads := 0, 0
		for _, c := range list {
			n, _ := c.reloads.read()
			m, _ := c.reads.read()
			reloads, reads = reloads+n, reads+m
		}
		n, _ := namespaces.read()
		show(fmt.Sprintf("%6.2fs  %v is %v | others: %d reloads, %d reads, %d namespaces",
			time.Since(began).Seconds(), slow.inst.Handle(), slow.inst.State(), reloads, reads, n))
	}
}
