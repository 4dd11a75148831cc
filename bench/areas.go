package main

import (
	"github.com/switchcore/switchcore/bench/bridgearea"
	"github.com/switchcore/switchcore/bench/devlinkarea"
	"github.com/switchcore/switchcore/bench/fdbarea"
	"github.com/switchcore/switchcore/bench/measure"
)

// areas are the parts of the library that are measured, in the order of the
// table. A new part adds a package and a line here.
func areas() []measure.Area {
	return []measure.Area{
		fdbarea.Area(),
		bridgearea.Area(),
		devlinkarea.Area(),
	}
}
