//go:build !explore

package atomic

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// The words, exactly those of sync/atomic.
type (
	Uint64 = atomic.Uint64
	Uint32 = atomic.Uint32
	Int64  = atomic.Int64
	Bool   = atomic.Bool

	// Pointer is an atomic pointer to a T.
	Pointer[T any] = atomic.Pointer[T]
)

// Mutex is the lock of the few parts that need one.
type Mutex = sync.Mutex

// Yield lets other goroutines run. A loop that waits for another goroutine's
// next step calls it once per turn, so that the explorer can see that nothing
// changes until that step.
func Yield() { runtime.Gosched() }

// Init64 stores v in a word that no other goroutine can reach yet. It is not
// atomic: it costs a plain store where Store costs a locked instruction. The
// object becomes visible by an atomic store of a pointer to it.
func Init64(p *Uint64, v uint64) { *(*uint64)(unsafe.Pointer(p)) = v }

// Init32 is [Init64] for a 32-bit word.
func Init32(p *Uint32, v uint32) { *(*uint32)(unsafe.Pointer(p)) = v }

// Fetch64 asks for the cache line of a word that will be needed soon. It is a
// load whose result nobody waits for.
func Fetch64(p *Uint64) { p.Load() }

// Fetch32 is [Fetch64] for a 32-bit word.
func Fetch32(p *Uint32) { p.Load() }

// CopyPointers is a plain copy of src to dst, which no other goroutine can
// reach yet; nobody may store in src meanwhile.
func CopyPointers[T any](dst, src []Pointer[T]) { copy(dst, src) }
