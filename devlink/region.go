package devlink

import (
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// RegionChunk is how many bytes a read of a region hands over at a time, and asks the
// driver for. Linux: DEVLINK_REGION_READ_CHUNK_SIZE (net/devlink/region.c).
const RegionChunk = 256

// RegionConfig describes a region: an address space of a device that users can look at,
// as it was when a snapshot was taken, or as it is.
type RegionConfig struct {
	// Name is its name, which no other region of the device, or of the port, has.
	Name string
	// Size is how many bytes it has.
	Size uint64
	// MaxSnapshots is how many snapshots there can be at a time.
	MaxSnapshots uint32

	// Snapshot takes a snapshot, for a user. The bytes are the region's from then on,
	// Size of them. Nil: users cannot have snapshots taken.
	Snapshot func(ctx context.Context, l *Locked) ([]byte, error)
	// Read fills buf, at most RegionChunk bytes, with what the device has at the offset.
	// Nil: only snapshots can be read.
	Read func(ctx context.Context, l *Locked, offset uint64, buf []byte) error
	// Release gets the bytes of a snapshot back when it has been deleted and nobody reads
	// it any more. It is called with no lock held, from anywhere, and must not wait for
	// the instance; that it panics is logged. Nil: they are left to the garbage collector.
	Release func(data []byte)
}

// RegionInfo is what can be seen of a region. Its key has its name, and its port if it
// is a port's.
type RegionInfo struct {
	Name string
	// Port is the port that it is about, if OnPort is set.
	Port   uint32
	OnPort bool
	// Size is how many bytes it has, MaxSnapshots how many snapshots it keeps.
	Size         uint64
	MaxSnapshots uint32

	region *Region
}

// Kind implements [Object].
func (*RegionInfo) Kind() Kind { return KindRegion }

// Key implements [Object].
func (r *RegionInfo) Key() Key { return Key{Port: r.Port, OnPort: r.OnPort, Name: r.Name} }

// Region stands for a region of an instance, for who adds snapshots to it. Its methods
// may be called from anywhere, at any time, and wait for nobody; when the region has
// gone they answer ErrNotExist, also if another one has its name.
type Region struct {
	inst *Instance
	cfg  RegionConfig
	info *RegionInfo
}

// Info returns what can be seen of the region.
func (r *Region) Info() *RegionInfo { return r.info }

// AddRegion adds a region of the device. The errors match ErrInvalid for a bad name,
// ErrExist for one in use. Linux: devl_region_create (net/devlink/region.c).
func (l *Locked) AddRegion(c RegionConfig) (*Region, error) { return l.addRegion(c, Key{Name: c.Name}) }

// AddPortRegion adds a region of a port. The errors are those of AddRegion, and
// ErrNoDevice if there is no such port. Linux: devlink_port_region_create; it tells
// nobody of one where an instance is registered, which is marked [Silent].
func (l *Locked) AddPortRegion(port uint32, c RegionConfig) (*Region, error) {
	return l.addRegion(c, Key{Name: c.Name, Port: port, OnPort: true})
}

func (l *Locked) addRegion(c RegionConfig, key Key) (*Region, error) {
	const what = "devlink.region.add"
	if !validName(c.Name) {
		return nil, l.refuse(what, key.path(), "bad name", switchdev.ErrInvalid)
	}
	r := &Region{inst: l.inst, cfg: c}
	r.info = &RegionInfo{
		Name: c.Name, Port: key.Port, OnPort: key.OnPort, Size: c.Size, MaxSnapshots: c.MaxSnapshots, region: r,
	}
	err := l.tell(what, func() ([]Event, error) {
		i := l.inst
		switch {
		case !i.objs.hasPortOf(key):
			return nil, l.refuse(what, key.path(), "", switchdev.ErrNoDevice)
		case i.objs.get(KindRegion, key) != nil:
			return nil, l.refuse(what, key.path(), "", switchdev.ErrExist)
		}
		i.objs.put(r.info)
		return []Event{{Verb: Added, Object: r.info}}, nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// RemoveRegion removes a region and its snapshots, of which is told first, in the order
// in which they were taken. ErrNotExist if it has gone. Linux: devl_region_destroy.
func (l *Locked) RemoveRegion(r *Region) error {
	const what = "devlink.region.remove"
	var events []Event
	err := l.tell(what, func() ([]Event, error) {
		i := l.inst
		if r == nil || r.inst != i || !r.present() {
			return nil, l.refuse(what, "", "", switchdev.ErrNotExist)
		}
		for _, s := range r.snapshots() {
			i.objs.remove(KindSnapshot, s.Key())
			events = append(events, Event{Verb: Deleted, Object: s})
		}
		i.objs.remove(KindRegion, r.info.Key())
		events = append(events, Event{Verb: Deleted, Object: r.info})
		return events, nil
	})
	l.inst.letGo(events)
	return err
}

// letGo gives back what drivers lent for objects that have been removed, and ends what
// still counts for them. Whoever removes objects in the place of a driver calls it, or
// release for each, with no lock held.
func (i *Instance) letGo(events []Event) {
	for _, e := range events {
		release(e.Object)
	}
}

func release(o Object) {
	switch o := o.(type) {
	case *SnapshotInfo:
		o.body.release()
	case *TrapInfo:
		o.trap.action.Store(uint32(ActionDrop))
		o.trap.quiesce()
	case *ResourceInfo:
		o.record.occupancy.Store(nil)
	}
}

// present reports whether the region is there. The caller holds mu.
func (r *Region) present() bool {
	return r.inst.objs.get(KindRegion, r.info.Key()) == Object(r.info)
}

// snapshots returns the snapshots of the region in the order in which they were taken.
// The caller holds mu.
func (r *Region) snapshots() (list []*SnapshotInfo) {
	key := r.info.Key()
	for _, o := range r.inst.objs[KindSnapshot] {
		if s, ok := o.(*SnapshotInfo); ok && s.region() == key {
			list = append(list, s)
		}
	}
	return list
}

// snapshot returns one of them, nil if there is none. The caller holds mu.
func (r *Region) snapshot(id uint32) *SnapshotInfo {
	key := r.info.Key()
	key.ID = uint64(id)
	s, _ := r.inst.objs.get(KindSnapshot, key).(*SnapshotInfo)
	return s
}

// region returns the region that a user names. The caller holds mu.
func (i *Instance) region(what string, key Key, missing string) (*Region, error) {
	if !i.objs.hasPortOf(key) {
		return nil, i.refuse(what, key.path(), "", switchdev.ErrNoDevice)
	}
	if info, _ := i.objs.get(KindRegion, Key{Port: key.Port, OnPort: key.OnPort, Name: key.Name}).(*RegionInfo); info != nil {
		return info.region, nil
	}
	return nil, i.refuse(what, key.path(), missing, switchdev.ErrInvalid)
}

// hasPortOf reports whether the port that an object belongs to is there, if it belongs
// to any.
func (s *objects) hasPortOf(key Key) bool {
	return !key.OnPort || s.get(KindPort, Key{Port: key.Port, OnPort: true}) != nil
}

// path is the key in the names of objects in errors, as in "1/dummy".
func (k Key) path() string {
	if k.OnPort {
		return portName(k.Port) + "/" + k.Name
	}
	return k.Name
}

// RegionRead says what is read of a region.
type RegionRead struct {
	// Snapshot is the snapshot's number. Nil with Direct: what the device has now.
	Snapshot *uint32
	Direct   bool
	// Offset is where to begin and Length how many bytes to read; what is behind the end
	// is left out. All of it: Length is math.MaxUint64.
	Offset, Length uint64
}

// Chunk is a piece of a region, at most RegionChunk bytes.
type Chunk struct {
	Address uint64
	Data    []byte
}

// ReadTicket stands for a read of a region that was submitted.
type ReadTicket struct {
	*Ticket
	chunks []Chunk // written before Done is closed
}

// Chunks returns what was read, in ascending order, when the ticket has ended. It is the
// caller's.
func (k *ReadTicket) Chunks() []Chunk {
	if !k.ended() {
		return nil
	}
	return k.chunks
}

// ReadRegion reads of a region. Snapshots are read at once, whatever the driver is
// doing; a direct read asks the driver, with the instance, for every chunk. What begins
// at the very end is empty. The errors match ErrInvalid for a region or snapshot that is
// not there, an offset behind the end, a read of neither or both of a snapshot and the
// device; ErrUnsupported for a region that cannot be read directly; ErrNoDevice for a
// port that is not there or an instance that nobody can see. Linux:
// devlink_nl_region_read_dumpit (net/devlink/region.c).
func (i *Instance) ReadRegion(ctx context.Context, region Key, q RegionRead) ([]Chunk, error) {
	k := i.SubmitReadRegion(region, q)
	if err := k.Wait(ctx); err != nil {
		return nil, err
	}
	return k.Chunks(), nil
}

// SubmitReadRegion is ReadRegion without the wait. It never blocks; a read of a snapshot
// has ended when it returns.
func (i *Instance) SubmitReadRegion(region Key, q RegionRead) *ReadTicket {
	const what = "devlink.region.read"
	k := &ReadTicket{}
	if q.Direct && q.Snapshot == nil {
		k.Ticket = i.submit(what, func(o *op) (err error) {
			k.chunks, err = o.readDirect(region, q)
			return err
		})
		return k
	}
	var err error
	k.chunks, err = i.readSnapshot(what, region, q)
	k.Ticket = i.resolved(what, err)
	return k
}

// resolved is the ticket of something that had its outcome at once.
func (i *Instance) resolved(what string, err error) *Ticket {
	o := i.newOp(what, nil)
	o.ticket.begin()
	o.ticket.resolve(err)
	return o.ticket
}

func (i *Instance) readSnapshot(what string, key Key, q RegionRead) ([]Chunk, error) {
	if err := i.usable(what, true); err != nil {
		return nil, err
	}
	s, from, to, err := i.borrow(what, key, q)
	if err != nil {
		return nil, err
	}
	defer s.body.release()
	return chunks(from, slices.Clone(s.body.data[from:to])), nil
}

// borrow finds a snapshot and the part of it that is to be read; it is the caller's
// until he releases it.
func (i *Instance) borrow(what string, key Key, q RegionRead) (s *SnapshotInfo, from, to uint64, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	r, err := i.region(what, key, "Requested region does not exist")
	if err != nil {
		return nil, 0, 0, err
	}
	refuse := func(reason string) (*SnapshotInfo, uint64, uint64, error) {
		return nil, 0, 0, i.refuse(what, key.path(), reason, switchdev.ErrInvalid)
	}
	switch {
	case q.Snapshot == nil:
		return refuse("No snapshot id provided")
	case q.Direct:
		return refuse("Direct region read does not use snapshot")
	}
	if s = r.snapshot(*q.Snapshot); s == nil {
		return refuse("Requested snapshot does not exist")
	}
	if from, to, err = r.span(what, q); err == nil {
		s.body.borrow()
	}
	return s, from, to, err
}

// span is the part of a region that is read.
func (r *Region) span(what string, q RegionRead) (from, to uint64, err error) {
	from, to = q.Offset, r.cfg.Size
	if end := q.Offset + q.Length; end >= q.Offset && end < to {
		to = end
	}
	if from > to {
		return 0, 0, r.inst.refuse(what, r.info.Key().path(), "", switchdev.ErrInvalid)
	}
	return from, to, nil
}

func chunks(from uint64, data []byte) (list []Chunk) {
	for c := range slices.Chunk(data, RegionChunk) {
		list = append(list, Chunk{from, c})
		from += uint64(len(c))
	}
	return list
}

func (o *op) readDirect(key Key, q RegionRead) (list []Chunk, err error) {
	i := o.inst
	if err := i.usable(o.what, false); err != nil {
		return nil, err
	}
	i.mu.Lock()
	r, err := i.region(o.what, key, "Requested region does not exist")
	i.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if r.cfg.Read == nil {
		return nil, i.refuse(o.what, key.path(), "Requested region does not support direct read", switchdev.ErrUnsupported)
	}
	from, to, err := r.span(o.what, q)
	if err != nil {
		return nil, err
	}
	err = o.call(func(ctx context.Context, l *Locked) error {
		for at := from; at < to; at += RegionChunk {
			buf := make([]byte, min(RegionChunk, to-at))
			if err := r.cfg.Read(ctx, l, at, buf); err != nil {
				return i.driverError(o.what, key.path(), err)
			}
			list = append(list, Chunk{at, buf})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
