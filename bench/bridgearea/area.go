package bridgearea

import "github.com/switchcore/switchcore/bench/measure"

// Area returns the measurements of the bridge.
func Area() measure.Area {
	return measure.Area{Name: "bridge", Groups: []measure.Group{
		forwards(),
		several(),
		allocations(),
		filtering(),
		gvisor(),
		taps(),
	}}
}
