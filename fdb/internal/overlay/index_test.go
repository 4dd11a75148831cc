package overlay

import (
	"testing"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// TestIndexIsKeyed: addresses that all begin at one place under one seed are
// spread under another, so nobody who does not know it can choose them.
func TestIndexIsKeyed(t *testing.T) {
	var known, other index
	known.init(0, [2]uint64{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9})
	other.init(0, [2]uint64{0x94d049bb133111eb, 0xd6e8feb86659fd93})
	const mask, n = 1<<13 - 1, 200
	places := make(map[uint64]int)
	for k, found := cam.Key(0), 0; found < n; k++ {
		if home(known.hash(k))&mask == 0 {
			places[home(other.hash(k))&mask]++
			found++
		}
	}
	if len(places) < n*9/10 {
		t.Errorf("%d stations at %d places", n, len(places))
	}
}
