//go:build !linux

package measure

import "time"

// CPUTime says whether Thread and Process are CPU times.
const CPUTime = false

var began = time.Now()

// Thread returns the time since the program began.
func Thread() time.Duration { return time.Since(began) }

// Process returns the time since the program began.
func Process() time.Duration { return time.Since(began) }

// pin does nothing and says so.
func pin(int) bool { return false }
