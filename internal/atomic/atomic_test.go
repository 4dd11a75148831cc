//go:build !explore

package atomic_test

import (
	"testing"
	"unsafe"

	"github.com/switchcore/switchcore/internal/atomic"
)

// Init64 and Init32 write through a pointer to the whole word: they are right
// only while the word is all that the type holds.
func TestInitWritesTheWordThatLoadReads(t *testing.T) {
	var a atomic.Uint64
	var b atomic.Uint32
	if unsafe.Sizeof(a) != 8 || unsafe.Sizeof(b) != 4 {
		t.Fatalf("sizes %d and %d, want 8 and 4", unsafe.Sizeof(a), unsafe.Sizeof(b))
	}
	atomic.Init64(&a, 0x0123456789abcdef)
	atomic.Init32(&b, 0x89abcdef)
	if a.Load() != 0x0123456789abcdef || b.Load() != 0x89abcdef {
		t.Fatalf("read back %#x and %#x", a.Load(), b.Load())
	}
}
