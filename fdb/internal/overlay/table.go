package overlay

import (
	"maps"
	"math/rand/v2"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/internal/atomic"
)

// The bits of a word that the package uses for itself. Words that it returns
// have none of them.
const (
	marked  = cam.Marked // look further: a record is pending or the key is busy
	settled = cam.Moved  // look no further: this word is the fold
	gone    = cam.Spare  // with settled: the fold is that there is no entry
	private = marked | settled | gone
)

// Entry is all that the table knows of a key; no entry when Hot is 0.
type Entry = cam.Entry

// Defaults of Config.
const (
	DefaultPendingMax = 1 << 14
)

// Config is what a table can be told. The zero Config is right.
type Config struct {
	// PendingMax bounds the records of stations that are new, over all
	// generations: 0 means DefaultPendingMax, negative no bound.
	PendingMax int
	// LearnedMax bounds learned entries, pending ones included: 0 means no
	// bound (fdb_max_learned of Linux). Entries with User or Local are exempt.
	LearnedMax int
	// LearnedOwner is the owner that learned entries get.
	LearnedOwner uint8
	// KeepOffload leaves Offload as it is when a station moves. Otherwise it is 0
	// then: nobody knows yet where the entry stands.
	KeepOffload bool
	// Emit, if not nil, hears every change of the main table that is not just
	// a refresh, in commit order. It is called by the serialised verbs, not
	// under the pending lock, and may call nothing but the concurrent methods.
	Emit func(Change)
	// EmitBulk, if not nil, hears of the entries that a flush or the sweep removed
	// together, in its place among the changes, and may keep what it is given.
	// Without it each of them is a Change for Emit.
	EmitBulk func(Bulk)
	// Seed keys the hashes; zero means a random one.
	Seed [2]uint64
}

// Cause says what made a change.
type Cause uint8

// The causes.
const (
	Learned   Cause = iota + 1 // a station was seen for the first time
	Roamed                     // a station was seen on another port
	Activated                  // a station that had been reported inactive was seen
	Flushed                    // a flush covered the entry
	Expired                    // the sweep found it too old
	Operated                   // a user operation finished
	Withdrawn                  // what a learn made was taken back: hardware refused it
)

// Change is one change of the main table.
type Change struct {
	Key      cam.Key
	Old, New Entry // without marks; Hot 0 = no entry
	Cause    Cause
	// Note is the caller's, who may set it when he is told.
	Note uint8
	// Seq is the number of the learn, flush or operation; a sweep draws its own.
	Seq uint64
}

// Bulk is many entries of the main table that were removed by one cause.
type Bulk struct {
	Cause Cause
	Seq   uint64 // of the flush or the sweep
	Gone  cam.Batch
}

// Table is the two-stage table. Make one with [New].
type Table struct {
	main *cam.Table
	desc atomic.Pointer[descriptor]
	_    [48]byte // the lock's line is not the readers'

	mu       atomic.Mutex // the pending lock; guards what follows, and all writes to main
	seq      uint64       // the number drawn last
	ending   uint64       // number of the operation that Finish is ending, 0 for none
	learned  int          // entries of main that count against learnedMax
	reserved int          // keys for which room is kept: a record or an operation may make an entry that counts
	limits   limits
	busy     map[cam.Key]flight // keys between Stage and Finish
	vetoes   vetoes
	counts   counters
	scratch  []*record

	seed [2]uint64 // of the indexes; constant

	// For the serialised verbs alone.
	emit    func(Change)
	changes []Change
	bulk    Bulk // made before the changes
	bulks   func(Bulk)
	sweep   sweep
	order   []cam.Key // of the sealed generation
	left    []cam.Key // of order: those that are still to be applied
	// operation is for Operate.
	operation operation
	owner     uint8
	keep      bool // Config.KeepOffload
}

type limits struct{ pending, learned int }

// flight is a user operation between Stage and Finish.
type flight struct {
	seq      uint64
	reserves bool    // room is kept for the entry that it makes
	expect   cam.Hot // what it makes, if expects
	expects  bool
}

// descriptor is immutable; only the generations behind it change.
type descriptor struct {
	open   *generation
	sealed *generation // nil when there is none
	// active flushes are visible and not yet applied to main; held ones are
	// applied but for keys with an older operation in flight. flushes is both,
	// in number order.
	active, held, flushes []*flush
	// barred are the ports on which not everything is learned.
	barred map[uint16]bar
	// plain is what a word is under marked and Present if it needs no further
	// look: Present, or nothing that a word can be while a flush is active.
	plain cam.Hot
}

// complete fills in what follows from the rest.
func (d *descriptor) complete() *descriptor {
	d.flushes = mergeFlushes(d.held, d.active)
	d.plain = cam.Present
	if len(d.active) > 0 {
		d.plain = ^cam.Hot(0)
	}
	return d
}

// New returns an empty table.
func New(cfg Config) *Table {
	seed := cfg.Seed
	if seed == [2]uint64{} {
		seed = [2]uint64{rand.Uint64(), rand.Uint64()}
	}
	t := &Table{
		main:   cam.New(cam.Config{Seed: cfg.Seed}),
		seed:   seed,
		limits: limits{pending: cfg.PendingMax, learned: cfg.LearnedMax},
		busy:   map[cam.Key]flight{},
		emit:   cfg.Emit,
		bulks:  cfg.EmitBulk,
		owner:  cfg.LearnedOwner,
		keep:   cfg.KeepOffload,
	}
	if t.limits.pending == 0 {
		t.limits.pending = DefaultPendingMax
	}
	t.desc.Store((&descriptor{open: newGeneration(0, t.seed)}).complete())
	return t
}

// Main returns the main table, for its concurrent methods and for Snapshot and
// Stats, which are serialised. Nobody else writes to it.
func (t *Table) Main() *cam.Table { return t.main }

// Snapshot returns the main table as it is. What is pending is not in it: apply
// that first. Serialised.
func (t *Table) Snapshot() *cam.Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.main.Snapshot()
}

// SetLearnedMax changes Config.LearnedMax alone. Lowering it removes nothing and
// admits nothing until fewer are learned.
func (t *Table) SetLearnedMax(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits.learned = n
}

// Bar makes Learn refuse a port, or take it again: a port that leaves is barred
// first and flushed then, so no learn that was decided before can follow.
func (t *Table) Bar(port uint16, on bool) {
	t.rebar(port, func(b *bar) { b.gone = on })
}

// Admit makes Learn take stations of a port in some VLANs only, nil for all that there
// are: what is taken back is flushed then, as with Bar.
func (t *Table) Admit(port uint16, only *VLANs) {
	t.rebar(port, func(b *bar) { b.only = only })
}

func (t *Table) rebar(port uint16, edit func(*bar)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := *t.desc.Load()
	b := d.barred[port]
	if edit(&b); b == d.barred[port] {
		return
	}
	barred := make(map[uint16]bar, len(d.barred)+1)
	maps.Copy(barred, d.barred)
	barred[port] = b
	if b == (bar{}) {
		delete(barred, port)
	}
	d.barred = barred
	t.publish(d)
}

// VLANs is a set of VLANs, a bit each. Nobody changes one that a table has.
type VLANs [64]uint64

// bar says what is not learned on a port.
type bar struct {
	gone bool
	only *VLANs
}

// bars reports whether a station is not learned on a port.
func (d *descriptor) bars(k cam.Key, port uint16) bool {
	if len(d.barred) == 0 {
		return false
	}
	b := d.barred[port]
	v := uint16(k) & 0xfff
	return b.gone || b.only != nil && b.only[v>>6]>>(v&63)&1 == 0
}

// publish replaces the descriptor, under the pending lock.
func (t *Table) publish(d descriptor) { t.desc.Store(d.complete()) }

// draw returns the next number, under the pending lock.
func (t *Table) draw() uint64 {
	t.seq++
	return t.seq
}

// report hands the collected changes to Emit, without the pending lock.
func (t *Table) report() {
	t.reportBulk()
	if t.emit != nil {
		for _, c := range t.changes {
			t.emit(c)
		}
	}
	clear(t.changes)
	t.changes = t.changes[:0]
}

func (t *Table) reportBulk() {
	b := t.bulk
	t.bulk = Bulk{}
	switch {
	case b.Gone.Len() == 0:
	case t.bulks != nil:
		t.bulks(b)
	case t.emit != nil:
		for k, e := range b.Gone.All() {
			t.emit(Change{Key: k, Old: e, Cause: b.Cause, Seq: b.Seq})
		}
	}
}

// note collects a change unless nobody could see it.
func (t *Table) note(c Change) {
	c.Old.Hot, c.New.Hot = c.Old.Hot&^private, c.New.Hot&^private
	if t.emit != nil && visible(c.Old, c.New) {
		t.changes = append(t.changes, c)
	}
}

// visible reports whether two values of an entry differ in more than its time.
func visible(a, b Entry) bool {
	return (a.Hot^b.Hot)&^(cam.StampMask|private) != 0 || a.Owner != b.Owner || a.Notify != b.Notify
}
