package fdb

import (
	"context"

	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// Remove is Delete that no device can refuse: the entry of k on port p leaves the
// table first, and Remove returns nil then. The devices follow in their own time:
// a row that one does not let go of is asked for again with growing pauses, until
// it is gone. ErrNotExist when there is no such entry, or it is on another port;
// an operation that is under way on the key is waited for.
func (t *Table) Remove(ctx context.Context, k Key, p switchdev.PortID) error {
	return t.SubmitRemove(k, p).Wait(ctx)
}

// SubmitRemove is Remove without the wait. It never blocks.
func (t *Table) SubmitRemove(k Key, p switchdev.PortID) *Ticket {
	return t.submit(VerbRemove, Entry{Key: k, Port: p})
}

// removed ends a Remove: main first, and the level rule does the rest.
func (t *Table) removed(o *op) { t.finish(o, &overlay.Entry{}, nil) }
