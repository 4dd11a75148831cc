//go:build explore

package atomic

import (
	"unsafe"

	"github.com/switchcore/switchcore/internal/explore"
)

// word is a shared word whose every access is a step of the explorer. Only one
// thread runs at a time, so the accesses themselves are plain.
type word[T ~uint64 | ~uint32 | ~int64] struct{ v T }

// Load returns the value.
func (w *word[T]) Load() T { explore.Load(unsafe.Pointer(w)); return w.v }

// Store sets the value.
func (w *word[T]) Store(v T) { explore.Store(unsafe.Pointer(w)); w.v = v }

// Swap sets the value and returns the old one.
func (w *word[T]) Swap(v T) T {
	explore.Store(unsafe.Pointer(w))
	old := w.v
	w.v = v
	return old
}

// CompareAndSwap sets the value if it is old.
func (w *word[T]) CompareAndSwap(old, v T) bool {
	explore.Store(unsafe.Pointer(w))
	if w.v != old {
		return false
	}
	w.v = v
	return true
}

// Add adds to the value and returns the sum.
func (w *word[T]) Add(d T) T { explore.Store(unsafe.Pointer(w)); w.v += d; return w.v }

// And clears the bits that are not in mask and returns the old value.
func (w *word[T]) And(mask T) T {
	explore.Store(unsafe.Pointer(w))
	old := w.v
	w.v &= mask
	return old
}

// Or sets the bits of mask and returns the old value.
func (w *word[T]) Or(mask T) T {
	explore.Store(unsafe.Pointer(w))
	old := w.v
	w.v |= mask
	return old
}

// Uint64 is an atomic uint64.
type Uint64 struct{ word[uint64] }

// Uint32 is an atomic uint32.
type Uint32 struct{ word[uint32] }

// Int64 is an atomic int64.
type Int64 struct{ word[int64] }

// Bool is an atomic boolean.
type Bool struct{ v bool }

// Load returns the value.
func (b *Bool) Load() bool { explore.Load(unsafe.Pointer(b)); return b.v }

// Store sets the value.
func (b *Bool) Store(v bool) { explore.Store(unsafe.Pointer(b)); b.v = v }

// Swap sets the value and returns the old one.
func (b *Bool) Swap(v bool) bool {
	explore.Store(unsafe.Pointer(b))
	old := b.v
	b.v = v
	return old
}

// CompareAndSwap sets the value if it is old.
func (b *Bool) CompareAndSwap(old, v bool) bool {
	explore.Store(unsafe.Pointer(b))
	if b.v != old {
		return false
	}
	b.v = v
	return true
}

// Pointer is an atomic pointer to a T.
type Pointer[T any] struct{ p *T }

// Load returns the pointer.
func (p *Pointer[T]) Load() *T { explore.Load(unsafe.Pointer(p)); return p.p }

// Store sets the pointer.
func (p *Pointer[T]) Store(v *T) { explore.Store(unsafe.Pointer(p)); p.p = v }

// Swap sets the pointer and returns the old one.
func (p *Pointer[T]) Swap(v *T) *T {
	explore.Store(unsafe.Pointer(p))
	old := p.p
	p.p = v
	return old
}

// CompareAndSwap sets the pointer if it is old.
func (p *Pointer[T]) CompareAndSwap(old, v *T) bool {
	explore.Store(unsafe.Pointer(p))
	if p.p != old {
		return false
	}
	p.p = v
	return true
}

// Mutex is a lock that the explorer gives away.
type Mutex struct{ _ byte }

// Lock takes the lock.
func (m *Mutex) Lock() { explore.Lock(unsafe.Pointer(m)) }

// Unlock gives it back.
func (m *Mutex) Unlock() { explore.Unlock(unsafe.Pointer(m)) }

// Yield lets another thread make its next write.
func Yield() { explore.Wait() }

// Init64 stores v in a word that no other thread can reach yet.
func Init64(p *Uint64, v uint64) { p.v = v }

// Init32 is [Init64] for a 32-bit word.
func Init32(p *Uint32, v uint32) { p.v = v }

// Fetch64 does nothing: the value is not looked at.
func Fetch64(*Uint64) {}

// Fetch32 is [Fetch64] for a 32-bit word.
func Fetch32(*Uint32) {}

// CopyPointers copies src to dst; nobody may store in src meanwhile.
func CopyPointers[T any](dst, src []Pointer[T]) { copy(dst, src) }
