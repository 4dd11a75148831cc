package fdb

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// portSet is a set of ports that is read at any time.
type portSet struct {
	mu sync.Mutex // for whoever changes it; a leaf
	of atomic.Pointer[map[uint16]struct{}]
}

func (s *portSet) has(p switchdev.PortID) bool {
	of := s.of.Load()
	if of == nil {
		return false
	}
	_, ok := (*of)[uint16(p)]
	return ok
}

// change puts p in or takes it out, and calls then before the next change.
func (s *portSet) change(p uint16, in bool, then func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := make(map[uint16]struct{})
	if of := s.of.Load(); of != nil {
		maps.Copy(next, *of)
	}
	if in {
		next[p] = struct{}{}
	} else {
		delete(next, p)
	}
	s.of.Store(&next)
	then()
}

// bar makes a port one that is gone, or one that is there again.
func (t *Table) bar(p uint16, on bool) {
	t.gone.change(p, on, func() { t.stations.Bar(p, on) })
}

// RemovePort takes port p out of the table for good. From the moment in which it
// is called nothing is learned on p (the outcome is Barred), operations that name
// p are refused with [switchdev.ErrPortGone], and no Lookup finds an entry of p.
// It returns when entries of every kind, local ones too, have left the table,
// their rows every device, and no call that was to set one is out, with how many
// entries there were; so nothing of p can turn up in a device afterwards (I23).
// The error is that of a device that does not let go of a row, or
// ErrOutcomeUnknown when one did not answer in time: the rows are withdrawn as
// soon as it lets itself be told. Port 0, the bridge itself, is refused with
// ErrInvalid. Addresses of the bridge that are to stay are to be given to another
// port first, or entered again. Linux: br_fdb_delete_by_port with do_all, and
// switchdev_deferred_process (net/bridge/br_if.c, del_nbp).
func (t *Table) RemovePort(ctx context.Context, p switchdev.PortID) (int, error) {
	k := t.SubmitRemovePort(p)
	err := k.Wait(ctx)
	return k.Count(), err
}

// SubmitRemovePort is RemovePort without the wait. It never blocks.
func (t *Table) SubmitRemovePort(p switchdev.PortID) *Ticket {
	const name = "fdb.removeport"
	if p == switchdev.PortHost {
		k := t.newTicket()
		k.resolve(0, &switchdev.OpError{Op: name, Object: p.String(), Reason: "not a port", Err: switchdev.ErrInvalid})
		return k
	}
	return t.submitFlush(name, Filter{Port: p, OnPort: true}, func() { t.bar(uint16(p), true) }, func(j *job) bool {
		t.flushChanges()
		t.unshow(uint16(p), j.seq)
		return t.awaitRows(j, func(r row) bool { return r.port == uint16(p) })
	})
}

// AddPort makes a port that was removed, or that a device reported as gone, one
// that is there: frames on it are learned again. A port that was never removed
// needs no AddPort. Anybody may call it; it never blocks.
func (t *Table) AddPort(p switchdev.PortID) { t.bar(uint16(p), false) }

// Admit says in which VLANs stations are learned on port p from now on: nil means in
// all, and without one; a set means in its members only, so the empty one in none.
// Elsewhere [Table.Learn] answers Barred, also for a frame that was being looked at
// when Admit was called: whoever flushes afterwards finds nothing coming after. What
// users and devices enter is not concerned, nor is what is known already. A bridge
// calls it when ports go down and VLANs change. Anybody may; it never blocks. Ours:
// the kernel asks the port, and a frame in flight may be learned after the flush.
func (t *Table) Admit(p switchdev.PortID, vlans *switchdev.VLANSet) {
	if vlans == nil {
		t.stations.Admit(uint16(p), nil)
		return
	}
	only := new(overlay.VLANs)
	for v := range vlans.All() {
		only[v>>6] |= 1 << (v & 63)
	}
	t.stations.Admit(uint16(p), only)
}

// awaitRows makes a job wait for the rows that match selects to leave every
// device, a chunk at a time.
func (t *Table) awaitRows(j *job, match func(row) bool) bool {
	for j.dev < len(t.devs) {
		if !t.devices.AwaitRows(j.dev, j.walkOf(t, j.dev), match, &j.wait) {
			return false
		}
		j.dev++
	}
	return true
}

// portGone is the refusal of an operation on a port that was removed.
func (o *op) portGone() error {
	return &switchdev.OpError{Op: o.verb.op(), Object: o.entry.Key.String(), Reason: "port " + o.entry.Port.String(), Err: switchdev.ErrPortGone}
}

// lost acts on a device's report that a port is no more in it.
func (t *Table) lost(dev int, p switchdev.PortID) {
	c := &t.devs[dev].claims
	if p == switchdev.PortHost || !c.has(uint16(p)) {
		t.stats.stale.Add(1)
		return
	}
	c.remove(uint16(p))
	t.devs[dev].lacking.change(uint16(p), true, func() {})
	review := func(j *job) bool { return t.review(dev, j) }
	for i := range t.devs { // the port may be one of several devices
		if t.devs[i].claims.has(uint16(p)) {
			t.submitJob("fdb.portgone", review)
			return
		}
	}
	t.submitFlush("fdb.portgone", OnPort(p), func() { t.bar(uint16(p), true) }, review)
}

// lacks reports whether a device that holds every port has said that it does not
// have this one.
func (d *device) lacks(p switchdev.PortID) bool { return d.lacking.has(p) }
