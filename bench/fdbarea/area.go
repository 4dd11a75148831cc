package fdbarea

import "github.com/switchcore/switchcore/bench/measure"

// Area returns the measurements of the forwarding database.
func Area() measure.Area {
	return measure.Area{Name: "fdb", Groups: []measure.Group{
		calibration(),
		lookups("1M", 1<<20, 1<<12),
		lookups("64k", 1<<16, 1<<11),
		lookups("1k", 1<<10, 1<<10),
		besideWriter(),
		writers(),
		growth(),
		memory(),
		dumps(),
		flushes(),
		passes(),
		refreshes(),
		queueing(),
		secondStage(),
		linuxBridge(),
	}}
}
