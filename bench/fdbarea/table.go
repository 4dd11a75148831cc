package fdbarea

import (
	"fmt"
	"math/bits"
	"runtime"
	"time"
	"unsafe"

	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/core"
	"github.com/switchcore/switchcore/switchdev"
)

// ageing is longer than any run, so that no station leaves while it is measured;
// the clock, the stamps and the sweep are what they are with any other time.
const ageing = 2 * time.Hour

// config is the table of all measurements: the zero Config, but for the ageing
// time.
func config() fdb.Config { return fdb.Config{Ageing: ageing} }

// manual is config for a table that does nothing by itself, with room for what
// is to stay pending.
func manual() fdb.Config {
	c := config()
	c.Manual, c.Start = true, time.Unix(0, 0)
	c.Learning.Pending = 1 << 20
	return c
}

// ours is a public table and the loops over it.
type ours struct {
	*fdb.Table
	now time.Time // of a Manual table
}

// raw returns the key of station i as it lies in memory: the address in the order
// of transmission, then the VLAN. Only for little-endian machines; a test says so on
// others.
func raw(i uint64) uint64 {
	packed := peer.Packed(i)
	return bits.ReverseBytes64(packed>>12<<16) | packed&0xfff<<48
}

// key returns the key of station i. It is put together as one word, as a bridge
// would have it that loads the address from a frame: a Key assembled byte by byte
// costs as much as a lookup.
func key(i uint64) fdb.Key {
	r := raw(i)
	return *(*fdb.Key)(unsafe.Pointer(&r))
}

func port(i uint64) switchdev.PortID { return switchdev.PortID(peer.PortOf(i)) }

// newOurs returns a table that learned stations 0 to n-1 from frames and has
// applied all of them.
func newOurs(cfg fdb.Config, n int) (*ours, error) {
	table, err := fdb.New(cfg)
	if err != nil {
		return nil, err
	}
	t := &ours{Table: table, now: cfg.Start}
	if cfg.Manual {
		t.now = t.now.Add(time.Second)
		t.Poll(t.now)
	}
	for i := range uint64(n) {
		for !t.Learn(key(i), port(i)).Accepted() {
			t.settle() // as many wait to be applied as may
		}
	}
	t.settle()
	if t.Len() != n {
		return nil, fmt.Errorf("the table learned %d of %d stations", t.Len(), n)
	}
	return t, nil
}

// settle returns when nothing is pending.
func (t *ours) settle() {
	if !t.now.IsZero() {
		t.Poll(t.now)
	}
	for t.Stats().Pending > 0 {
		runtime.Gosched()
	}
}

// find looks up a walk and returns how many were found.
func (t *ours) find(w peer.Walk) (found uint64) {
	ports := uint64(0)
	for i := w.First; i < w.First+w.Count; i++ {
		if hit, ok := t.Lookup(key(w.At(i))); ok {
			found++
			ports += uint64(hit.Port)
		}
	}
	return checked(found, ports)
}

// follow looks up a walk in which each lookup needs the one before.
func (t *ours) follow(w peer.Walk) (found uint64) {
	last := uint64(0)
	for i := w.First; i < w.First+w.Count; i++ {
		if hit, ok := t.Lookup(key(w.After(i, last))); ok {
			found++
			last = uint64(hit.Port)
		}
	}
	return found
}

// batch is how many stations are looked up at once.
const batch = 64

// findBatch looks up a walk, 64 stations at a time.
func (t *ours) findBatch(w peer.Walk) (found uint64) {
	var keys [batch]fdb.Key
	var hits [batch]fdb.Hit
	ports := uint64(0)
	for i := w.First; i < w.First+w.Count; i += batch {
		for j := range keys {
			keys[j] = key(w.At(i + uint64(j)))
		}
		for set := t.LookupBatch(keys[:], hits[:]); set != 0; set &= set - 1 {
			found++
		}
		ports += uint64(hits[i%batch].Port)
	}
	return checked(found, ports)
}

// mainTable is the main table alone and the loops over it.
type mainTable struct{ *core.Table }

func newMain(n int) mainTable {
	t := mainTable{core.New()}
	for i := range uint64(n) {
		t.put(i, peer.PortOf(i))
	}
	return t
}

func (t mainTable) put(i uint64, port uint16) { core.Put(t.Table, core.Key(peer.Packed(i)), port) }
func (t mainTable) remove(i uint64)           { core.Remove(t.Table, core.Key(peer.Packed(i))) }

func (t mainTable) find(w peer.Walk) (found uint64) {
	ports := uint64(0)
	for i := w.First; i < w.First+w.Count; i++ {
		if hot := t.Get(core.MakeWord(raw(w.At(i)))); hot != 0 {
			found++
			ports += uint64(hot.Port())
		}
	}
	return checked(found, ports)
}

func (t mainTable) follow(w peer.Walk) (found uint64) {
	last := uint64(0)
	for i := w.First; i < w.First+w.Count; i++ {
		if hot := t.Get(core.MakeWord(raw(w.After(i, last)))); hot != 0 {
			found++
			last = uint64(hot.Port())
		}
	}
	return found
}

func (t mainTable) findBatch(w peer.Walk) (found uint64) {
	var words [batch]core.Word
	var hots [batch]core.Hot
	ports := uint64(0)
	for i := w.First; i < w.First+w.Count; i += batch {
		for j := range words {
			words[j] = core.MakeWord(raw(w.At(i + uint64(j))))
		}
		t.GetBatch(words[:], hots[:])
		for _, h := range hots {
			if h != 0 {
				found++
			}
		}
		ports += uint64(hots[i%batch].Port())
	}
	return checked(found, ports)
}

// checked returns found and keeps the compiler from leaving ports out.
func checked(found, ports uint64) uint64 {
	if ports == 1<<63 {
		return 0
	}
	return found
}
