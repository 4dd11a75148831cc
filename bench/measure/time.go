package measure

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// PerOp runs f, which does n operations, on one thread, and returns how many
// nanoseconds of that thread's time one took.
func PerOp(n int, f func()) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := Thread()
	f()
	return float64(Thread()-start) / float64(n)
}

// PerOpAll is PerOp with the time of all threads, for what is done by several.
func PerOpAll(n int, f func()) float64 {
	start := Process()
	f()
	return float64(Process()-start) / float64(n)
}

// InParts is PerOpAll of n operations that f does in parts, with a collection
// before each that does not count. So what they leave behind is used again, and
// no time goes into asking the system for ever more memory.
func InParts(n, part int, f func(from, to int)) float64 {
	sum := 0.0
	for from := 0; from < n; from += part {
		to := min(from+part, n)
		Quiet(func() { sum += PerOpAll(n, func() { f(from, to) }) })
	}
	return sum
}

// Quiet collects garbage and then runs f without the collector.
func Quiet(f func()) {
	runtime.GC()
	old := debug.SetGCPercent(-1)
	defer debug.SetGCPercent(old)
	f()
}

// Beside runs f on the first processor while g, given a channel that is closed
// when f is done, runs on the second. Both are alone on a thread. Where threads
// cannot be bound, or there is one processor, the scheduler decides.
func Beside(f func(), g func(done <-chan struct{})) {
	done, ready := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		// The thread is not unlocked, so it ends here with its binding.
		runtime.LockOSThread()
		pin(1)
		close(ready)
		g(done)
	})
	wg.Go(func() {
		runtime.LockOSThread()
		pin(0)
		<-ready
		defer close(done)
		f()
	})
	wg.Wait()
}

// Both runs f twice at the same time, on two processors, as PerOp does, and
// returns the mean of the two results.
func Both(n int, f func()) float64 {
	var ns [2]float64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range ns {
		wg.Go(func() {
			runtime.LockOSThread()
			pin(i)
			<-start
			began := Thread()
			f()
			ns[i] = float64(Thread()-began) / float64(n)
		})
	}
	close(start)
	wg.Wait()
	return (ns[0] + ns[1]) / 2
}
