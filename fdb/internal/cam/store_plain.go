//go:build !race && !explore && (amd64 || arm64)

package cam

import "github.com/switchcore/switchcore/internal/atomic"

// The memory model of Go promises two things of a plain store of a machine word that
// races with atomic loads: a load sees the old value or the new one, and an atomic
// operation that follows it publishes it. That is all that the callers of ahead and
// bump need, and a locked instruction less each, which costs as much as a load of the
// second cache. The race detector and the explorer see atomic stores.

func ahead(w *atomic.Uint64, v uint64) { atomic.Init64(w, v) }

func bump(w *atomic.Uint64, n int) { atomic.Init64(w, w.Load()+uint64(n)) }
