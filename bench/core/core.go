// Package core shows the main table of the forwarding database to the
// benchmarks, which measure it beside the public table: the difference is what
// the events, the second stage of learning and the commit pipeline cost.
//
// The main table is internal to fdb, and a nested module is outside of it. So
// this package is a module of its own whose path lies under fdb/, and bench's
// go.mod says where to find it. That way the main table is measured in the same
// process, in the same round and by the same loops as everything else, and not
// by another program. Nobody else can import it: it is published nowhere.
package core

import "github.com/switchcore/switchcore/fdb/internal/cam"

type (
	// Table is the main table.
	Table = cam.Table
	// Key is a packed station key, as switchdev.FDBKey.Pack makes it.
	Key = cam.Key
	// Word is a key as lookups want it.
	Word = cam.Word
	// Hot is the word that a lookup returns, 0 where there is no entry.
	Hot = cam.Hot
)

// segmentLookup is how many bytes of a segment are lookup array.
const segmentLookup = 8 << 10

// New returns an empty table.
func New() *Table { return cam.New(cam.Config{}) }

// Put makes the entry of a key what the arguments say.
func Put(t *Table, k Key, port uint16) { t.Put(k, cam.MakeHot(port, 0, 1), cam.Cold{}) }

// Remove removes the entry of a key.
func Remove(t *Table, k Key) { t.Delete(k) }

// MakeWord returns the word of a key whose address and VLAN are given as they
// lie in the memory of a little-endian machine.
func MakeWord(raw uint64) Word {
	w, _ := cam.MakeWord(raw)
	return w
}

// LookupBytes returns the size of the lookup array of a table. It is for the
// writer to call.
func LookupBytes(t *Table) int { return t.Stats().Segments * segmentLookup }
