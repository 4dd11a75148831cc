package devlink

import (
	"context"
	"runtime/debug"
	"strconv"
	"sync/atomic"

	"github.com/switchcore/switchcore/switchdev"
)

// SnapshotInfo is what can be seen of a snapshot of a region. Its key has the name of the
// region and its number.
type SnapshotInfo struct {
	// Region is the region's name, Port the port that it is about if OnPort is set.
	Region string
	Port   uint32
	OnPort bool
	// ID is its number. Snapshots of several regions may have the same: they were taken
	// together.
	ID uint32

	body *body
}

// Kind implements [Object].
func (*SnapshotInfo) Kind() Kind { return KindSnapshot }

// Key implements [Object].
func (s *SnapshotInfo) Key() Key {
	return Key{Port: s.Port, OnPort: s.OnPort, Name: s.Region, ID: uint64(s.ID)}
}

// region is the key of the region.
func (s *SnapshotInfo) region() Key { return Key{Port: s.Port, OnPort: s.OnPort, Name: s.Region} }

// body is the bytes of a snapshot, which are given back when it has been deleted and
// nobody reads it.
type body struct {
	data []byte
	give func([]byte)
	refs atomic.Int64
}

func newBody(data []byte, give func([]byte)) *body {
	b := &body{data: data, give: give}
	b.refs.Store(1)
	return b
}

// giveBack gives the bytes of a snapshot back. There is no operation that a panic of the
// driver could end.
func (r *Region) giveBack(data []byte) {
	if r.cfg.Release == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			r.inst.reg.cfg.Logger.Error("devlink: driver panicked", "instance", r.inst.handle.String(),
				"region", r.info.Name, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	r.cfg.Release(data)
}

// borrow is called with the mu of an instance that has the snapshot.
func (b *body) borrow() { b.refs.Add(1) }

func (b *body) release() {
	if b.refs.Add(-1) == 0 && b.give != nil {
		b.give(b.data)
	}
}

// numbers are the numbers of snapshots that somebody holds, and how often, besides those
// that there are snapshots of.
type numbers map[uint32]int

// usesNumber reports whether a number is in use. The caller holds mu.
func (i *Instance) usesNumber(id uint32) bool {
	if i.held[id] > 0 {
		return true
	}
	for _, o := range i.objs[KindSnapshot] {
		if s, ok := o.(*SnapshotInfo); ok && s.ID == id {
			return true
		}
	}
	return false
}

// hold holds a number once more. The caller holds mu.
func (i *Instance) hold(id uint32) {
	if i.held == nil {
		i.held = numbers{}
	}
	i.held[id]++
}

// drop is the reverse.
func (i *Instance) drop(id uint32) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch i.held[id] {
	case 0:
		return false
	case 1:
		delete(i.held, id)
	default:
		i.held[id]--
	}
	return true
}

// lowest holds the lowest number that is not in use. The caller holds mu.
func (i *Instance) lowest() uint32 {
	used := make(map[uint32]bool, len(i.objs[KindSnapshot]))
	for _, o := range i.objs[KindSnapshot] {
		if s, ok := o.(*SnapshotInfo); ok {
			used[s.ID] = true
		}
	}
	var id uint32
	for used[id] || i.held[id] > 0 {
		id++
	}
	i.hold(id)
	return id
}

// TakeSnapshotID returns the lowest number that no snapshot of the instance has, and that
// nobody else is given until it has been handed back with ReleaseSnapshotID: a driver
// takes one for snapshots of any number of regions that belong together. It may be called
// from anywhere and waits for nobody. Linux: devlink_region_snapshot_id_get
// (net/devlink/region.c).
func (i *Instance) TakeSnapshotID() uint32 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.lowest()
}

// ReleaseSnapshotID hands a number back. It stays in use as long as there are snapshots
// of it. ErrInvalid if nobody took it. Linux: devlink_region_snapshot_id_put.
func (i *Instance) ReleaseSnapshotID(id uint32) error {
	if !i.drop(id) {
		return i.refuse("devlink.snapshot.release", "", "not taken", switchdev.ErrInvalid)
	}
	return nil
}

// AddSnapshot adds a snapshot with a number that was taken, or that another region has a
// snapshot of. The bytes, as many as the region has, are the region's from then on, but
// not if there is an error: ErrNoSpace if there are as many as the region keeps, ErrExist
// if it has one of the number, ErrInvalid if the number was not taken or the bytes are not
// as many, ErrNotExist if the region has gone. Linux: devlink_region_snapshot_create.
func (r *Region) AddSnapshot(id uint32, data []byte) error {
	const what = "devlink.snapshot.add"
	s, refused := r.newSnapshot(id, data), error(nil)
	r.inst.tell(func() []Event {
		if refused = r.admit(what, s); refused != nil {
			return nil
		}
		r.inst.objs.put(s)
		return []Event{{Verb: Added, Object: s}}
	})
	return refused
}

func (r *Region) newSnapshot(id uint32, data []byte) *SnapshotInfo {
	return &SnapshotInfo{
		Region: r.info.Name, Port: r.info.Port, OnPort: r.info.OnPort, ID: id, body: newBody(data, r.giveBack),
	}
}

// admit says why a snapshot cannot be added. The caller holds mu.
func (r *Region) admit(what string, s *SnapshotInfo) error {
	name := s.path()
	switch {
	case !r.present():
		return r.inst.refuse(what, name, "", switchdev.ErrNotExist)
	case uint64(len(r.snapshots())) >= uint64(r.cfg.MaxSnapshots):
		return r.inst.refuse(what, name, regionFull, switchdev.ErrNoSpace)
	case r.snapshot(s.ID) != nil:
		return r.inst.refuse(what, name, snapshotInUse, switchdev.ErrExist)
	case uint64(len(s.body.data)) != r.cfg.Size:
		return r.inst.refuse(what, name, "not the size of the region", switchdev.ErrInvalid)
	case !r.inst.usesNumber(s.ID):
		return r.inst.refuse(what, name, "number not taken", switchdev.ErrInvalid)
	}
	return nil
}

const (
	regionFull    = "The region has reached the maximum number of stored snapshots"
	snapshotInUse = "The requested snapshot id is already in use"
)

// path is what a snapshot is called in errors.
func (s *SnapshotInfo) path() string {
	return s.region().path() + "/" + strconv.FormatUint(uint64(s.ID), 10)
}

// SnapshotTicket stands for a NewSnapshot that was submitted.
type SnapshotTicket struct {
	*Ticket
	info *SnapshotInfo // written before Done is closed
}

// Snapshot returns the snapshot that was taken; nil if none was, or not yet.
func (k *SnapshotTicket) Snapshot() *SnapshotInfo {
	if !k.ended() {
		return nil
	}
	return k.info
}

// NewSnapshot has the driver take a snapshot of a region, with the lowest number that is
// not in use, and returns it. The errors match ErrInvalid for a region that is not there,
// ErrUnsupported if none can be taken, ErrNoSpace if there are as many as the region
// keeps; ErrNoDevice for a port that is not there or an instance that nobody can see;
// ErrReloadFailed. Linux: devlink_nl_region_new_doit (net/devlink/region.c).
func (i *Instance) NewSnapshot(ctx context.Context, region Key) (*SnapshotInfo, error) {
	k := i.SubmitNewSnapshot(region)
	err := k.Wait(ctx)
	return k.Snapshot(), err
}

// SubmitNewSnapshot is NewSnapshot without the wait. It never blocks.
func (i *Instance) SubmitNewSnapshot(region Key) *SnapshotTicket {
	return i.submitSnapshot(region, nil)
}

// NewSnapshotID is NewSnapshot with a number. The errors match ErrExist, too, if the
// number is in use, by another region or somebody who took it as well: only a driver
// takes snapshots of several regions with one number.
func (i *Instance) NewSnapshotID(ctx context.Context, region Key, id uint32) (*SnapshotInfo, error) {
	k := i.SubmitNewSnapshotID(region, id)
	err := k.Wait(ctx)
	return k.Snapshot(), err
}

// SubmitNewSnapshotID is NewSnapshotID without the wait. It never blocks.
func (i *Instance) SubmitNewSnapshotID(region Key, id uint32) *SnapshotTicket {
	return i.submitSnapshot(region, &id)
}

func (i *Instance) submitSnapshot(region Key, id *uint32) *SnapshotTicket {
	k := &SnapshotTicket{}
	k.Ticket = i.submit("devlink.region.new", func(o *op) (err error) {
		k.info, err = o.newSnapshot(region, id)
		return err
	})
	return k
}

func (o *op) newSnapshot(key Key, want *uint32) (s *SnapshotInfo, err error) {
	i := o.inst
	if err := i.usable(o.what, false); err != nil {
		return nil, err
	}
	r, id, err := i.prepareSnapshot(o.what, key, want)
	if err != nil {
		return nil, err
	}
	defer i.drop(id)
	err = o.call(func(ctx context.Context, l *Locked) error {
		data, err := r.cfg.Snapshot(ctx, l)
		if err != nil {
			return i.driverError(o.what, key.path(), err)
		}
		s = r.newSnapshot(id, data)
		err = l.tell(o.what, func() ([]Event, error) {
			if err := r.admit(o.what, s); err != nil {
				return nil, err
			}
			i.objs.put(s)
			return []Event{{Verb: Added, Object: s}}, nil
		})
		if err != nil {
			s.body.release()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// prepareSnapshot finds the region that a snapshot is to be taken of and holds the number
// that it will have.
func (i *Instance) prepareSnapshot(what string, key Key, want *uint32) (r *Region, id uint32, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r, err = i.region(what, key, "The requested region does not exist"); err != nil {
		return nil, 0, err
	}
	switch {
	case r.cfg.Snapshot == nil:
		return nil, 0, i.refuse(what, key.path(), "The requested region does not support taking an immediate snapshot", switchdev.ErrUnsupported)
	case uint64(len(r.snapshots())) >= uint64(r.cfg.MaxSnapshots):
		return nil, 0, i.refuse(what, key.path(), regionFull, switchdev.ErrNoSpace)
	case want == nil:
		return r, i.lowest(), nil
	case r.snapshot(*want) != nil:
		return nil, 0, i.refuse(what, key.path(), snapshotInUse, switchdev.ErrExist)
	case i.usesNumber(*want):
		return nil, 0, i.refuse(what, key.path(), "", switchdev.ErrExist)
	}
	i.hold(*want)
	return r, *want, nil
}

// DeleteSnapshot deletes a snapshot of a region; who is reading it reads on. No driver is
// asked. The errors match ErrInvalid for a region or a snapshot that is not there,
// ErrNoDevice as with NewSnapshot, ErrReloadFailed. Linux: devlink_nl_region_del_doit.
func (i *Instance) DeleteSnapshot(ctx context.Context, region Key, id uint32) error {
	return i.SubmitDeleteSnapshot(region, id).Wait(ctx)
}

// SubmitDeleteSnapshot is DeleteSnapshot without the wait. It never blocks.
func (i *Instance) SubmitDeleteSnapshot(region Key, id uint32) *Ticket {
	return i.submit("devlink.region.del", func(o *op) error {
		if err := i.usable(o.what, false); err != nil {
			return err
		}
		var events []Event
		var refused error
		i.tell(func() []Event {
			r, err := i.region(o.what, region, "")
			if err != nil {
				refused = err
				return nil
			}
			s := r.snapshot(id)
			if s == nil {
				refused = i.refuse(o.what, region.path(), "", switchdev.ErrInvalid)
				return nil
			}
			i.objs.remove(KindSnapshot, s.Key())
			events = []Event{{Verb: Deleted, Object: s}}
			return events
		})
		i.letGo(events)
		return refused
	})
}
