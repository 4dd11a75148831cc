package main

import (
	"fmt"
	"slices"

	"github.com/switchcore/switchcore/lab/campaign/internal/plant"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/lab/campaign/internal/yard"
)

// world is what a seed is played in.
type world uint8

const (
	bothWorlds world = iota // each seed has one of them
	tableWorld
	bridgeWorld
)

var worldNames = [...]string{"both", "table", "bridge"}

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
	switch {
	case w != bothWorlds:
		return w
	case seed%2 == 1:
		return bridgeWorld
	}
	return tableWorld
}

// worldOf returns the world of a program that was recorded.
func worldOf(p *sim.Program) world {
	if slices.ContainsFunc(p.Settings, func(s sim.Setting) bool { return s.Name == yard.Mark }) {
		return bridgeWorld
	}
	return tableWorld
}

// build returns what makes the world.
func (w world) build() sim.Builder {
	if w == bridgeWorld {
		return yard.Build
	}
	return plant.Build
}
