package overlay

import (
	"testing"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

const station1 = cam.Key(1 << 12)

// with returns a table that holds one entry of station1, and hears its changes.
func with(cfg Config, e Entry) (*Table, *[]Change) {
	changes := new([]Change)
	cfg.Emit = func(c Change) { *changes = append(*changes, c) }
	t := New(cfg)
	if e.Hot != 0 {
		t.Operate([]cam.Key{station1}, nil, func(_ int, _ *Entry, _ uint64, next *Entry) bool { *next = e; return true }, nil)
		*changes = nil
	}
	return t, changes
}

func entryOf(port uint16, flags cam.Hot) Entry { return Entry{Hot: cam.MakeHot(port, flags, 1)} }

func settleAll(t *Table) {
	for !t.Quiet() {
		t.Seal()
		t.Apply(10)
		t.FlushStep(10)
	}
}

// The rows of a locked port with MAC authentication bypass: br_handle_frame_finish.
func TestLockedPortLearnsOnlyWhatIsUnknown(t *testing.T) {
	for _, c := range []struct {
		name string
		was  Entry
		want Outcome
		then cam.Hot
		at   uint16
	}{
		{"nothing", Entry{}, Queued, cam.Locked, 1},
		{"locked there", entryOf(1, cam.Locked), Refreshed, cam.Locked, 1},
		{"locked elsewhere", entryOf(2, cam.Locked), Shut, cam.Locked, 2},
		{"learned there", entryOf(1, 0), Shut, 0, 1},
		{"static there", entryOf(1, cam.Static|cam.User), Shut, cam.Static | cam.User, 1},
		{"extern elsewhere", entryOf(2, cam.Ext), Shut, cam.Ext, 2},
		{"local", entryOf(0, cam.Local|cam.Static), Shut, cam.Local | cam.Static, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, _ := with(Config{}, c.was)
			if got := x.LearnLocked(station1, 1, 5); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
			for range 2 { // pending, and applied
				h, _ := x.Lookup(station1)
				if h.Port() != c.at || h&specFlags != c.then {
					t.Errorf("port %d, flags %x, want %d, %x", h.Port(), h&specFlags, c.at, c.then)
				}
				settleAll(x)
			}
			if h, _ := x.Lookup(station1); c.want != Shut && h.Stamp() != 5 || c.want == Shut && h.Stamp() != 1 {
				t.Errorf("stamp %d", h.Stamp())
			}
			if got := x.LearnLocked(station1, 1, 5); c.want != Shut && got != Known {
				t.Errorf("again in the same tick: %v", got)
			}
		})
	}
}

func TestLockedStationStaysLockedUntilItMoves(t *testing.T) {
	for _, applied := range []bool{false, true} {
		x, _ := with(Config{}, Entry{})
		x.LearnLocked(station1, 1, 1)
		if applied {
			settleAll(x)
		}
		x.Learn(station1, 1, 2)
		if h, _ := x.Lookup(station1); !h.Has(cam.Locked) {
			t.Error("a frame of the same port unlocked the station")
		}
		if o := x.Learn(station1, 2, 3); o != Moved {
			t.Error(o)
		}
		if h, _ := x.Lookup(station1); h.Has(cam.Locked) || h.Port() != 2 {
			t.Error("a station that moved is still locked")
		}
		if o := x.LearnLocked(station1, 1, 4); o != Shut {
			t.Errorf("back to the locked port: %v", o)
		}
		x.AcceptFlush(Everything())
		if o := x.LearnLocked(station1, 1, 5); o != Queued {
			t.Errorf("after a flush: %v", o)
		}
		settleAll(x)
		if h, _ := x.Lookup(station1); !h.Has(cam.Locked) || h.Port() != 1 {
			t.Errorf("%x", h)
		}
		if err := x.Check(); err != nil {
			t.Error(err)
		}
	}
}

// A user's entry needs no room; what is learned in its place does (fdb_max_learned).
func TestLimitCountsWhatIsLearnedInPlaceOfAUsersEntry(t *testing.T) {
	x, _ := with(Config{LearnedMax: 1}, entryOf(1, cam.User))
	x.Learn(2<<12, 1, 1)
	if o := x.Learn(station1, 2, 1); o != Moved {
		t.Errorf("a roam of an entry that does not count: %v", o)
	}
	x.AcceptFlush(Everything())
	if o := x.Learn(station1, 1, 2); o != Limited {
		t.Errorf("a new station where nothing is left, but the other is not yet gone: %v", o)
	}
	settleAll(x)
	if o := x.Learn(station1, 1, 2); o != Queued {
		t.Errorf("after the flush: %v", o)
	}
	if p := x.Pending(); p.Learned+p.Reserved != 1 {
		t.Errorf("%+v", p)
	}
}

func TestLimitOfAKeyInFlight(t *testing.T) {
	x, _ := with(Config{LearnedMax: 1}, entryOf(1, cam.User))
	x.Learn(2<<12, 1, 1)
	_, seq := x.Stage(station1)
	if o := x.Learn(station1, 2, 1); o != Limited {
		t.Errorf("the operation may delete the entry, and there is no room for the learned one: %v", o)
	}
	if x.Reserve(station1) || x.Reserve(3<<12) {
		t.Error("room was kept where there is none")
	}
	x.SetLearnedMax(2)
	if !x.Reserve(station1) || !x.Reserve(station1) {
		t.Error("there is room for one")
	}
	if o := x.Learn(station1, 2, 1); o != Moved {
		t.Errorf("the operation has room: %v", o)
	}
	x.SetLearnedMax(1)
	if err := x.Check(); err != nil {
		t.Error(err)
	}
	x.Finish(station1, seq, &Entry{})
	settleAll(x)
	if p := x.Pending(); p.Learned != 2 || p.Reserved != 0 {
		t.Errorf("lowering the limit takes nothing: %+v", p)
	}
	if o := x.Learn(3<<12, 1, 1); o != Limited {
		t.Errorf("above the limit: %v", o)
	}
}

// A device's entry counts, and stays one when a frame takes it over.
func TestExternEntryRoamsAtTheLimit(t *testing.T) {
	was := entryOf(1, cam.Ext)
	was.Owner = 3
	x, changes := with(Config{LearnedMax: 1, LearnedOwner: 7}, was)
	if o := x.Learn(station1, 2, 2); o != Moved {
		t.Error(o)
	}
	settleAll(x)
	e, _ := x.Get(station1)
	if e.Port() != 2 || e.Has(cam.Ext) || e.Owner != 7 || x.Pending().Learned != 1 {
		t.Errorf("%+v, %+v", e, x.Pending())
	}
	if len(*changes) != 1 || (*changes)[0].Cause != Roamed {
		t.Errorf("%+v", *changes)
	}
}

// br_fdb_update marks an entry active whatever port the frame came from.
func TestFrameWakesAnInactiveEntry(t *testing.T) {
	for _, c := range []struct {
		flags cam.Hot
		port  uint16
		want  Outcome
		cause Cause
	}{
		{cam.Static | cam.User, 1, Refreshed, Activated},
		{cam.Static | cam.Sticky | cam.User, 2, Kept, Activated},
		{cam.Static | cam.User, 2, Moved, Roamed},
	} {
		x, changes := with(Config{}, entryOf(1, c.flags|cam.Inactive))
		if o := x.Learn(station1, c.port, 2); o != c.want {
			t.Errorf("%v, want %v", o, c.want)
		}
		settleAll(x)
		x.Learn(station1, c.port, 3) // no more news
		settleAll(x)
		if h, _ := x.Lookup(station1); h.Has(cam.Inactive) || h.Stamp() != 3 {
			t.Errorf("%x", h)
		}
		if len(*changes) != 1 || (*changes)[0].Cause != c.cause {
			t.Errorf("%+v", *changes)
		}
	}
}

func TestVetoKeepsAStationOff(t *testing.T) {
	x, _ := with(Config{}, Entry{})
	x.Veto(station1, 1, 10)
	for _, c := range []struct {
		port uint16
		tick uint64
		want Outcome
	}{{1, 5, Vetoed}, {1, 9, Vetoed}, {1, 10, Queued}} {
		if o := x.Learn(station1, c.port, c.tick); o != c.want {
			t.Errorf("port %d at %d: %v, want %v", c.port, c.tick, o, c.want)
		}
	}
	x.Veto(station1, 2, 20)
	if o := x.Learn(station1, 2, 11); o != Vetoed {
		t.Errorf("a move: %v", o)
	}
	if o := x.Learn(station1, 1, 12); o != Refreshed {
		t.Errorf("a refresh where it is: %v", o)
	}
	if o := x.Learn(station1, 2, 13); o != Vetoed {
		t.Errorf("what is refreshed lifts nothing: %v", o)
	}
	if o := x.Learn(station1, 3, 14); o != Moved {
		t.Errorf("another port: %v", o)
	}
	if o := x.Learn(station1, 2, 15); o != Moved {
		t.Errorf("another port has lifted it: %v", o)
	}
	if x.Counters().Vetoed != 4 || x.Pending().Vetoes != 0 {
		t.Errorf("%+v, %+v", x.Counters(), x.Pending())
	}
}

func TestVetoesAreBounded(t *testing.T) {
	x := New(Config{})
	for i := range cam.Key(3 * maxVetoes) {
		x.Veto(i<<12, 1, 100)
		x.Veto(5<<12, 1, 100) // the same again and again takes one place
	}
	if p := x.Pending(); p.Vetoes != maxVetoes || len(x.vetoes.order) > 2*maxVetoes {
		t.Errorf("%d, %d", p.Vetoes, len(x.vetoes.order))
	}
	for k, want := range map[cam.Key]Outcome{5 << 12: Vetoed, 1 << 12: Queued, (3*maxVetoes - 1) << 12: Vetoed} {
		if o := x.Learn(k, 1, 1); o != want {
			t.Errorf("%x: %v, want %v", k, o, want)
		}
	}
}

func TestWithdrawPutsBackWhatWasTold(t *testing.T) {
	told := entryOf(1, cam.Ext)
	x, changes := with(Config{}, told)
	told, _ = x.Get(station1)
	x.Learn(station1, 2, 2)
	settleAll(x)
	moved, _ := x.Get(station1)
	*changes = nil
	x.Learn(station1, 3, 3) // newer: it stays
	e, ok := x.Withdraw(station1, moved.Seq, &told)
	if !ok || e.Port() != 3 {
		t.Fatalf("%+v, %v", e, ok)
	}
	if len(*changes) != 2 || (*changes)[0].Cause != Withdrawn || (*changes)[0].New.Hot != told.Hot || (*changes)[1].Cause != Roamed {
		t.Errorf("%+v", *changes)
	}
	if _, ok := x.Withdraw(station1, moved.Seq, nil); ok {
		t.Error("an entry was taken back that is another one by now")
	}
	if _, ok := x.Withdraw(station1, e.Seq, nil); !ok || x.Pending().Learned != 0 {
		t.Error("it was not taken back")
	}
	if _, hit := x.Lookup(station1); hit || x.Check() != nil {
		t.Error(x.Check())
	}
}

// A flush that is newer than the told entry covers it when it is put back.
func TestWithdrawRespectsAPendingFlush(t *testing.T) {
	x, _ := with(Config{}, entryOf(1, 0))
	told, _ := x.Get(station1)
	x.Learn(station1, 2, 2)
	settleAll(x)
	moved, _ := x.Get(station1)
	x.AcceptFlush(ByPort(1))
	if e, ok := x.Withdraw(station1, moved.Seq, &told); !ok || e.Hot != 0 {
		t.Errorf("%+v, %v", e, ok)
	}
}

func TestBatchOfReplacementsAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	x := New(Config{Emit: func(Change) {}})
	keys, left, n := make([]cam.Key, 100), make([]int, 0, 100), uint64(0)
	for i := range keys {
		keys[i] = cam.Key(i) << 12
	}
	decide := func(i int, _ *Entry, seq uint64, next *Entry) bool {
		*next = entryOf(uint16(seq), cam.User)
		return true
	}
	if got := testing.AllocsPerRun(100, func() { n++; left = x.Operate(keys, left[:0], decide, nil) }); got != 0 || len(left) > 0 {
		t.Errorf("%v allocations, %d left", got, len(left))
	}
}
