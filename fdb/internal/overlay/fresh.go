package overlay

import "github.com/switchcore/switchcore/fdb/internal/cam"

// Waits reports whether the main table holds the key with a mark: something is
// pending for it, or it is in flight. Anybody may call it.
func (t *Table) Waits(k cam.Key) bool {
	h, _ := t.main.Find(k)
	return h&marked != 0
}

// Fresh reports whether the open generation holds something that was learned
// since it was opened, so that sealing it gets the worker further. Records that
// were carried over because their keys are in flight do not count: they would
// only be carried again. Serialised.
func (t *Table) Fresh() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.desc.Load().open.first != 0
}

// Sealed reports whether there is a sealed generation. Serialised.
func (t *Table) Sealed() bool { return t.desc.Load().sealed != nil }

// Flushing reports whether a flush is still to be applied. Anybody may call it.
func (t *Table) Flushing() bool { return len(t.desc.Load().active) > 0 }
