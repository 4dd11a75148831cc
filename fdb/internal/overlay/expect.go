package overlay

import "github.com/switchcore/switchcore/fdb/internal/cam"

// Expect says what the operation that is in flight on a key makes of the entry if
// it ends well, 0 for none. A flush is then through without it when it covers
// neither that nor what there is now. Serialised.
func (t *Table) Expect(k cam.Key, h cam.Hot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b, ok := t.busy[k]; ok {
		b.expect, b.expects = h, true
		t.busy[k] = b
	}
}

// tellHeld tells that a held flush is through, if no operation that it overtook
// can leave anything that it covers. It stays held until they have ended, so
// that readers go on folding it.
func (t *Table) tellHeld(d *descriptor, f *flush) {
	if f.told {
		return
	}
	for k, b := range t.busy {
		if b.seq < f.seq && t.mayLeave(d, f, k, b) {
			return
		}
	}
	f.told = true
	t.sweep.retired = append(t.sweep.retired, FlushDone{f.seq, f.killed})
}

// mayLeave reports whether the end of an operation on k can leave an entry that
// the flush covers.
func (t *Table) mayLeave(d *descriptor, f *flush, k cam.Key, b flight) bool {
	if !b.expects || len(d.records(nil, k)) > 0 {
		return true
	}
	base := t.entry(k)
	return f.concerns(k, base.Hot&^private) || f.concerns(k, b.expect)
}
