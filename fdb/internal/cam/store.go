//go:build race || explore || !(amd64 || arm64)

package cam

import "github.com/switchcore/switchcore/internal/atomic"

// ahead stores what the writer's next atomic store or compare-and-swap publishes:
// whoever sees that one sees v. Somebody who does not may see v all the same.
func ahead(w *atomic.Uint64, v uint64) { w.Store(v) }

// bump adds to a word that only the writer changes.
func bump(w *atomic.Uint64, n int) { w.Add(uint64(n)) }
