package overlay

import "github.com/switchcore/switchcore/fdb/internal/cam"

// maxVetoes bounds the stations that may not be learned on some port: the oldest
// veto makes room for a new one.
const maxVetoes = 4096

// veto says that a station is not to be learned on a port before a tick.
type veto struct {
	port  uint16
	until uint64
	turn  uint64 // of the order's entry that is about this veto
}

// vetoes are kept under the pending lock.
type vetoes struct {
	of    map[cam.Key]veto
	order []vetoTurn // oldest first, with turns that are no more
	turn  uint64
}

type vetoTurn struct {
	key  cam.Key
	turn uint64
}

// Veto makes Learn refuse, with the outcome [Vetoed], to make an entry of a
// station on a port or to move one there, until a tick: hardware has refused it,
// and frames must not try again one by one. What refreshes an entry passes, and
// so does a user operation. A learn that makes or moves the entry elsewhere lifts
// the veto, and a new veto of the station takes its place. Learns that are
// pending stay. At most 4096 vetoes are kept, the youngest.
func (t *Table) Veto(k cam.Key, port uint16, until uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := &t.vetoes
	if v.of == nil {
		v.of = map[cam.Key]veto{}
	}
	v.turn++
	v.of[k] = veto{port, until, v.turn}
	v.order = append(v.order, vetoTurn{k, v.turn})
	for len(v.of) > maxVetoes || len(v.order) > 2*maxVetoes || v.over(v.order[0]) {
		if oldest := v.order[0]; !v.over(oldest) {
			delete(v.of, oldest.key)
		}
		v.order = v.order[1:]
	}
}

// over reports whether a turn's veto is no more, or another one.
func (v *vetoes) over(o vetoTurn) bool { return v.of[o.key].turn != o.turn }

// forbids reports whether a record must not make or move an entry, and lifts a
// veto that is out of date.
func (v *vetoes) forbids(r *record) bool {
	if len(v.of) == 0 {
		return false
	}
	n, ok := v.of[r.key]
	if ok && r.stamp >= n.until {
		v.lift(r.key)
		return false
	}
	return ok && n.port == r.port
}

// lift ends the veto of a station.
func (v *vetoes) lift(k cam.Key) {
	delete(v.of, k)
	if len(v.of) == 0 {
		*v = vetoes{turn: v.turn}
	}
}
