package devlinkarea

import "github.com/switchcore/switchcore/bench/measure"

// Area returns the measurements of devlink.
func Area() measure.Area {
	return measure.Area{Name: "devlink", Groups: []measure.Group{
		deliveries(),
		sleepers(),
		memory(),
		calls(),
	}}
}
