package cam

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// cpu returns the time that the calling thread has worked.
func cpu() time.Duration {
	runtime.LockOSThread()
	var ts syscall.Timespec
	const threadTime = 3
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadTime, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}
