//go:build race || !(amd64 || arm64)

package bridge

import "sync/atomic"

// increase adds to a counter that nobody else writes.
func increase(c *atomic.Uint64, n uint64) { c.Store(c.Load() + n) }
