package bridge

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// Bridge forwards frames among its ports with a forwarding database of its own.
// All methods may be called concurrently, with the exception named at Poll.
// Make one with [New] and end it with [Bridge.Close].
type Bridge struct {
	cfg     Config
	table   *fdb.Table
	devices []*device
	view    atomic.Pointer[view]
	host    *meters
	strays  atomic.Uint64
	token   atomic.Uint64 // of operations handed to devices
	gens    atomic.Uint64 // of ports in devices
	want    atomic.Pointer[want]
	// shortened is how long stations live in a topology change, 0 if there is none.
	// It belongs to the operations on the bridge as a whole, like changes of want.
	shortened time.Duration
	// arriving are ports that are about to be, or to be in more VLANs.
	arriving atomic.Pointer[map[switchdev.PortID]*port]
	tree     tree
	tallies  tallies

	// slot is the bridge's slot: who has taken the token may use everything
	// down to the next blank line. Nobody keeps it over a driver call, a
	// callback or a wait.
	slot     chan struct{}
	ports    map[switchdev.PortID]*port // published
	setting  setting                    // published
	names    map[string]switchdev.PortID
	numbers  map[switchdev.PortID]switchdev.PortID // of ports that join and of links: whose they are
	own      map[fdb.Key]*ownAddress
	joins    uint64                     // ports that have begun to join
	births   uint64                     // of entries of own addresses
	explicit bool                       // the address was configured
	astray   bool                       // own addresses may not be where they are to be
	queues   map[switchdev.PortID][]*op // by port; the first is under way
	active   []*op                      // of a Manual bridge: under way
	unsure   map[place]*doubt
	replaced []fdb.Entry // by own addresses, and not logged yet
	pollNow  time.Time
	closed   bool

	wake      chan struct{}
	running   sync.WaitGroup // operations under way
	calls     sync.WaitGroup // driver calls that are out
	callsEnd  context.Context
	endCalls  context.CancelFunc
	closeOnce sync.Once
	closeErr  error
}

// New returns a bridge without ports, or says what is wrong with cfg, matching
// [switchdev.ErrInvalid]. Unless cfg.Manual is set its table starts goroutines,
// which Close ends.
func New(cfg Config) (*Bridge, error) {
	if err := cfg.settle(); err != nil {
		return nil, err
	}
	b := &Bridge{
		cfg: cfg, slot: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		ports: make(map[switchdev.PortID]*port), names: make(map[string]switchdev.PortID),
		numbers: make(map[switchdev.PortID]switchdev.PortID),
		own:     make(map[fdb.Key]*ownAddress), queues: make(map[switchdev.PortID][]*op),
		unsure: make(map[place]*doubt), pollNow: cfg.Start,
	}
	if b.pollNow.IsZero() {
		b.pollNow = time.Now()
	}
	if err := b.openTable(); err != nil {
		return nil, err
	}
	b.host = &meters{slot: slots}
	b.callsEnd, b.endCalls = context.WithCancel(context.Background())
	b.setting = cfg.setting()
	b.want.Store(&want{ageing: b.table.Ageing(), filtering: cfg.VLAN.Filtering, protocol: cfg.VLAN.Protocol, host: *b.setting.host})
	b.publish()
	if !cfg.MAC.IsZero() {
		b.explicit = true
		b.setting.mac = cfg.MAC
		b.claimAll(cfg.MAC, switchdev.PortHost, b.setting.host)
		b.publish()
	}
	b.unlock()
	for _, d := range b.devices {
		d.bind(b)
	}
	b.tree.open(b)
	return b, nil
}

// openTable makes the table, which knows the devices by what tells the lives of
// their ports apart.
func (b *Bridge) openTable() (err error) {
	for i, cfg := range b.cfg.Hardware.Devices {
		if cfg.Driver == nil {
			return refusal("bridge.new", "Hardware.Devices", "no driver", switchdev.ErrInvalid)
		}
		d := newDevice(cfg, i)
		b.devices = append(b.devices, d)
		b.cfg.Table.Hardware.Devices = append(b.cfg.Table.Hardware.Devices, fdb.Device{
			Driver: d.table, Domain: d.Domain, Ports: []switchdev.PortID{}, Ages: d.Ages, Adopt: d.Adopt,
		})
	}
	b.table, err = fdb.New(b.cfg.Table)
	return err
}

// Table returns the bridge's forwarding database. Whoever changes entries, reads
// events or flushes does that with the table; closing it is the bridge's, and so
// is the ageing time, which devices share: see [Bridge.SetAgeing].
func (b *Bridge) Table() *fdb.Table { return b.table }

// Name returns the bridge's name.
func (b *Bridge) Name() string { return b.cfg.Name }

// unlock gives the slot back, and then logs what was done under it: a log handler
// is the program's, and may call the bridge.
func (b *Bridge) unlock() {
	replaced := b.replaced
	b.replaced = nil
	b.slot <- struct{}{}
	for _, e := range replaced {
		b.cfg.Logger.Warn("bridge: an own address was a station's", "bridge", b.cfg.Name, "mac", e.MAC, "port", e.Port)
	}
}

// publish gives the data path the ports as they are. The caller holds the slot.
func (b *Bridge) publish() { b.view.Store(newView(b.ports, b.setting)) }

// set changes what holds for the bridge as a whole, for software.
func (b *Bridge) set(edit func(*setting)) {
	<-b.slot
	defer b.unlock()
	was := b.setting
	edit(&b.setting)
	b.publish()
	if was.filtering != b.setting.filtering || was.up != b.setting.up {
		for _, p := range b.ports {
			b.admit(p)
		}
	}
}

// Wake returns a channel that gets a token when there is work before the time
// that Poll returned last. It is for programs that drive a Manual bridge; they
// listen to the channel of the table's Wake as well.
func (b *Bridge) Wake() <-chan struct{} { return b.wake }

func (b *Bridge) nudge() { signal(b.wake) }

// Poll does everything that is due at now, in the table as well, and returns
// when there will be more; the zero time if nothing is to be expected. It never
// waits, except inside a driver that has only roles that block. Time never goes
// back: an earlier now counts as the latest. Poll is for Manual bridges, on
// others it does nothing; calls must not overlap.
func (b *Bridge) Poll(now time.Time) (next time.Time) {
	if !b.cfg.Manual {
		return time.Time{}
	}
	<-b.slot
	if now.Before(b.pollNow) {
		now = b.pollNow
	}
	b.pollNow = now
	b.unlock()
	for worked := true; worked; {
		<-b.slot
		b.mendDue(now)
		b.unlock()
		b.advance() // a device that was reset has its ports before the table gives it rows
		next = sooner(b.table.Poll(now), b.tree.poll(now))
		worked = b.advance()
	}
	<-b.slot
	defer b.unlock()
	for _, d := range b.unsure {
		next = sooner(next, d.due)
	}
	return next
}

// sooner returns the earlier of two times, of which zero means never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// advance takes every operation of a Manual bridge as far as it goes.
func (b *Bridge) advance() (worked bool) {
	<-b.slot
	active := append([]*op(nil), b.active...)
	b.unlock()
	for _, o := range active {
		for o.next != nil {
			wait := o.next()
			if wait == nil {
				worked = true
				continue
			}
			select {
			case <-wait:
				worked = true
				continue
			default:
			}
			break
		}
		if o.next == nil {
			b.finish(o)
			worked = true
		}
	}
	return worked
}

// now returns the time: Poll's on a Manual bridge.
func (b *Bridge) now() time.Time {
	<-b.slot
	defer b.unlock()
	return b.time()
}

// time is now for who holds the slot.
func (b *Bridge) time() time.Time {
	if !b.cfg.Manual {
		return time.Now()
	}
	return b.pollNow
}

// SetPromiscuous says whether the host gets a copy of every unicast frame that
// passes. It takes effect at once. Linux: IFF_PROMISC on the bridge device.
func (b *Bridge) SetPromiscuous(on bool) {
	b.set(func(s *setting) { s.promisc = on })
}

// SetLinkLocal says what becomes of frames to the reserved group addresses from now
// on. ErrInvalid for bits 0 to 2, and then nothing has changed. Linux: the
// attributes group_fwd_mask and no_linklocal_learn of a bridge
// (net/bridge/br_netlink.c, br_changelink).
func (b *Bridge) SetLinkLocal(l LinkLocal) error {
	if l.Forward&0b111 != 0 {
		return refusal("bridge.set-link-local", b.cfg.Name, "bits 0 to 2 are restricted", switchdev.ErrInvalid)
	}
	b.set(func(s *setting) { s.linkLocal = l })
	return nil
}

// Close removes every port, with its entries and its rows in the devices, and
// the bridge's own address, then closes the table and waits for the drivers that
// honour their ctx. A device that may have kept a port is asked once more to let
// it go. The error joins what went wrong. Operations that were
// submitted before are carried out first; later ones answer
// [switchdev.ErrClosed]. Close is idempotent and must not be called from a
// driver's callback.
//
// On a Manual bridge Close polls, without letting time pass: where a device
// needs time the ports are to be removed before. What is not done then ends with
// an error, which is also Close's.
func (b *Bridge) Close() error {
	b.closeOnce.Do(func() { b.closeErr = b.close() })
	return b.closeErr
}

func (b *Bridge) close() error {
	var tickets, last []*Ticket
	<-b.slot
	ids := make(map[switchdev.PortID]bool)
	for id := range b.queues { // also those that are about to be added
		ids[id] = true
	}
	for id := range b.ports {
		ids[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) { // in an order that can be repeated
		tickets = append(tickets, b.enqueue(b.removal(id)))
	}
	for _, m := range b.astrayPorts() {
		last = append(last, b.enqueue(b.mending(m)))
	}
	b.closed = true
	for _, d := range b.unsure {
		d.stop()
	}
	b.unlock()
	b.settleManual()
	b.running.Wait()
	b.tree.close()
	rest := b.table.SubmitFlush(fdb.Filter{})
	var table, devices error
	if b.cfg.Manual {
		b.settleManual()
		table = b.table.Close() // which answers everything that the table was asked
		b.endManual()
		devices = b.closeDevices()
	} else {
		<-rest.Done()
		devices = b.closeDevices()
		table = b.table.Close()
	}
	var errs []error
	for _, k := range tickets {
		if err := k.Err(); err != nil && !errors.Is(err, switchdev.ErrNoDevice) {
			errs = append(errs, err)
		}
	}
	for _, k := range last {
		if err := k.Err(); err != nil && !errors.Is(err, switchdev.ErrClosed) { // a driver that is closed keeps nothing
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, rest.Err(), devices, table)...)
}

// endManual ends the operations of a Manual bridge whose table is closed. One that
// waits for a frame that somebody is still looking at has an unknown outcome.
func (b *Bridge) endManual() {
	for {
		for b.advance() {
		}
		<-b.slot
		left := append([]*op(nil), b.active...)
		b.unlock()
		if len(left) == 0 {
			return
		}
		for _, o := range left {
			o.fail(refusal(o.name, "port "+o.port.String(), "a frame is still being looked at", switchdev.ErrOutcomeUnknown))
			b.finish(o)
		}
	}
}

// settleManual polls a Manual bridge until nothing more happens at this time.
func (b *Bridge) settleManual() {
	if b.cfg.Manual {
		b.Poll(b.now())
	}
}
