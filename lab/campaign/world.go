package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/switchcore/switchcore/lab/campaign/internal/plant"
	"github.com/switchcore/switchcore/lab/campaign/internal/rack"
	"github.com/switchcore/switchcore/lab/campaign/internal/script"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/lab/campaign/internal/yard"
)

// world is what a seed is played in.
type world uint8

const (
	allWorlds world = iota // each seed has one of them
	tableWorld
	bridgeWorld
	scriptWorld
	devlinkWorld
)

var worldNames = [...]string{"all", "table", "bridge", "script", "devlink"}

// MarshalText implements [encoding.TextMarshaler].
func (w world) MarshalText() ([]byte, error) { return []byte(worldNames[w]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (w *world) UnmarshalText(text []byte) error {
	i := slices.Index(worldNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("no such world: %q", text)
	}
	*w = world(i)
	return nil
}

// of returns the world of a seed.
func (w world) of(seed uint64) world {
	if w != allWorlds {
		return w
	}
	return [...]world{tableWorld, bridgeWorld, scriptWorld, devlinkWorld}[seed%4]
}

// worldOf returns the world of a program that was recorded.
func worldOf(p *sim.Program) world {
	for mark, w := range map[string]world{yard.Mark: bridgeWorld, rack.Mark: devlinkWorld} {
		if slices.ContainsFunc(p.Settings, func(s sim.Setting) bool { return s.Name == mark }) {
			return w
		}
	}
	return tableWorld
}

// build returns what makes a world, unless it is that of a script.
func (w world) build() sim.Builder {
	switch w {
	case bridgeWorld:
		return yard.Build
	case devlinkWorld:
		return rack.Build
	}
	return plant.Build
}

// outcome is what became of a seed in any world.
type outcome struct {
	violation *sim.Violation
	virtual   time.Duration
	steps     int
	refused   int
	faults    map[string]int
	trace     []byte
	report    func(c *command) // prints what broke, smaller
}

// run runs a seed.
func (w world) run(seed uint64, o sim.Options) outcome {
	if w == scriptWorld {
		r := script.Run(seed, o)
		return outcome{
			violation: r.Violation, virtual: r.Virtual, steps: len(r.Program.Lines), refused: r.Refused, faults: r.Faults,
			trace: []byte(r.Transcript()), report: func(c *command) { c.reportScript(seed, r) },
		}
	}
	r := sim.Run(seed, w.build(), o)
	return outcome{
		violation: r.Violation, virtual: r.Virtual, steps: len(r.Program.Steps), faults: r.Faults,
		trace: r.Trace, report: func(c *command) { c.reportOf(seed, r, w.build()) },
	}
}
