package overlay

import (
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
	// Emit, if not nil, hears every change of the main table that is not just
	// a refresh, in commit order. It is called by the serialised verbs, not
	// under the pending lock, and may call nothing but the concurrent methods.
	Emit func(Change)
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
)

// Change is one change of the main table.
type Change struct {
	Key      cam.Key
	Old, New Entry // without marks; Hot 0 = no entry
	Cause    Cause
	// Seq is the number of the learn, flush or operation; a sweep draws its own.
	Seq uint64
}

// Table is the two-stage table. Make one with [New].
type Table struct {
	main *cam.Table
	desc atomic.Pointer[descriptor]
	_    [48]byte // the lock's line is not the readers'

	mu       atomic.Mutex // the pending lock; guards what follows, and all writes to main
	seq      uint64       // the number drawn last
	learned  int          // entries of main that count against learnedMax
	reserved int          // keys with a live record whose entry in main does not count
	limits   limits
	busy     map[cam.Key]uint64 // keys between Stage and Finish, with their number
	barred   map[uint16]struct{}
	counts   counters
	scratch  []*record

	seed [2]uint64 // of the indexes; constant

	// For the serialised verbs alone.
	emit    func(Change)
	changes []Change
	sweep   sweep
	owner   uint8
}

type limits struct{ pending, learned int }

// descriptor is immutable; only the generations behind it change.
type descriptor struct {
	open   *generation
	sealed *generation // nil when there is none
	// active flushes are visible and not yet applied to main; held ones are
	// applied but for keys with an older operation in flight. flushes is both,
	// in number order.
	active, held, flushes []*flush
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
		busy:   map[cam.Key]uint64{},
		barred: map[uint16]struct{}{},
		emit:   cfg.Emit,
		owner:  cfg.LearnedOwner,
	}
	if t.limits.pending == 0 {
		t.limits.pending = DefaultPendingMax
	}
	t.desc.Store(&descriptor{open: newGeneration(0, t.seed)})
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

// SetLimits changes Config.PendingMax and Config.LearnedMax. Lowering a limit
// removes nothing.
func (t *Table) SetLimits(pendingMax, learnedMax int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if pendingMax == 0 {
		pendingMax = DefaultPendingMax
	}
	t.limits = limits{pending: pendingMax, learned: learnedMax}
}

// Bar makes Learn refuse a port, or take it again: a port that leaves is barred
// first and flushed then, so no learn that was decided before can follow.
func (t *Table) Bar(port uint16, on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if on {
		t.barred[port] = struct{}{}
	} else {
		delete(t.barred, port)
	}
}

// publish replaces the descriptor, under the pending lock.
func (t *Table) publish(d descriptor) {
	d.flushes = mergeFlushes(d.held, d.active)
	t.desc.Store(&d)
}

// draw returns the next number, under the pending lock.
func (t *Table) draw() uint64 {
	t.seq++
	return t.seq
}

// report hands the collected changes to Emit, without the pending lock.
func (t *Table) report() {
	if t.emit != nil {
		for _, c := range t.changes {
			t.emit(c)
		}
	}
	clear(t.changes)
	t.changes = t.changes[:0]
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
	return (a.Hot^b.Hot)&^(cam.StampMask|private) != 0 || a.Owner != b.Owner
}
