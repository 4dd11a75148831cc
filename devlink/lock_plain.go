//go:build !devlinkdebug

package devlink

import "sync"

// ranks checks nothing in this build.
type ranks struct{}

func newRanks() *ranks { return nil }

func (*ranks) enter(rank) {}
func (*ranks) leave(rank) {}
func (*ranks) free()      {}

func (*ranks) call() *call       { return nil }
func (*ranks) begin(*call) *call { return nil }
func (*ranks) end(*call)         {}

// mutex is a lock with a place in the order, which is looked at with the tag
// devlinkdebug.
type mutex struct{ sync.Mutex }

func (*mutex) place(*ranks, rank) {}
