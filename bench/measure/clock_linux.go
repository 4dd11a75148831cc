package measure

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime says whether Thread and Process are CPU times.
const CPUTime = true

// Thread returns the CPU time of the calling thread.
func Thread() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

// Process returns the CPU time of all threads.
func Process() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		panic(err) // the kernel has had both clocks since 2.6.12
	}
	return time.Duration(ts.Nano())
}

// pin binds the calling thread to the n-th of the processors that the process
// may use, and reports whether there are that many.
func pin(n int) bool {
	var all, one unix.CPUSet
	if unix.SchedGetaffinity(unix.Getpid(), &all) != nil {
		return false
	}
	for cpu := range len(all) * 64 {
		if !all.IsSet(cpu) {
			continue
		}
		if n == 0 {
			one.Set(cpu)
			return unix.SchedSetaffinity(0, &one) == nil
		}
		n--
	}
	return false
}
