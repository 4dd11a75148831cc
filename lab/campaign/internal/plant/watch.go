package plant

import (
	"errors"
	"math/rand/v2"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// watcher is a subscriber and what it makes of the events.
type watcher struct {
	p      *Plant
	sub    *fdb.Subscription
	state  map[fdb.Key]fdb.Entry
	seq    uint64
	replay bool
	synced bool // the state is the whole table
	main   bool // the follower: what it hears of ages is the oracle's
	lost   int
}

// picture is a snapshot and what was in it when it was taken.
type picture struct {
	snap *fdb.Snapshot
	was  map[fdb.Key]oracle.Value
}

func (p *Plant) watch(replay, main bool) *watcher {
	sub, err := p.table.Subscribe(fdb.SubscribeOptions{Replay: replay})
	if err != nil {
		p.w.Fail(invEvents, "Subscribe: %v", err)
	}
	wt := &watcher{p: p, sub: sub, replay: replay, main: main, state: make(map[fdb.Key]fdb.Entry)}
	if !replay {
		wt.resync()
	}
	return wt
}

// resync takes the state from a snapshot, as a follower does that lost events
// and asked for no replay.
func (wt *watcher) resync() {
	snap := wt.p.table.Snapshot()
	clear(wt.state)
	for e := range snap.All() {
		wt.state[e.Key] = e
	}
	wt.seq, wt.synced = snap.Seq(), true
}

func (p *Plant) watchOps() []sim.Op {
	draw := func(r *rand.Rand) ([]int64, bool) { return []int64{r.Int64N(64), r.Int64N(64)}, true }
	return []sim.Op{
		{Name: "subscribe", Weight: 2, Draw: draw, Do: func(a []int64) {
			if len(p.watchers) < 4 {
				p.watchers = append(p.watchers, p.watch(index(sim.Arg(a, 0), 3) > 0, false))
			}
		}},
		{Name: "read", Weight: 3, Draw: draw, Do: func(a []int64) {
			if wt := p.watcher(a); wt != nil {
				wt.read(1 + index(sim.Arg(a, 1), 40))
			}
		}},
		{Name: "unsubscribe", Weight: 1, Draw: draw, Do: p.unsubscribe},
		{Name: "snapshot", Weight: 1, Draw: draw, Do: func([]int64) { p.takePicture() }},
	}
}

func (p *Plant) watcher(a []int64) *watcher {
	if len(p.watchers) == 0 {
		return nil
	}
	return p.watchers[index(sim.Arg(a, 0), len(p.watchers))]
}

func (p *Plant) unsubscribe(a []int64) {
	if len(p.watchers) == 0 {
		return
	}
	i := index(sim.Arg(a, 0), len(p.watchers))
	wt := p.watchers[i]
	if err := wt.sub.Close(); err != nil {
		p.w.Fail(invEvents, "closing a subscription: %v", err)
	}
	if _, ok, err := wt.sub.TryNext(); ok || !errors.Is(err, switchdev.ErrClosed) {
		p.w.Fail(invEvents, "reading a closed subscription: %v %v", ok, err)
	}
	p.watchers = append(p.watchers[:i:i], p.watchers[i+1:]...)
}

// drain reads all there is.
func (wt *watcher) drain() { wt.read(1 << 30) }

func (wt *watcher) read(n int) {
	for range n {
		e, ok, err := wt.sub.TryNext()
		switch {
		case errors.Is(err, switchdev.ErrOverrun):
			wt.overrun()
		case err != nil:
			wt.p.w.Fail(invEvents, "TryNext: %v", err)
		case !ok:
			return
		default:
			wt.hear(e)
		}
	}
}

func (wt *watcher) overrun() {
	wt.lost++
	wt.synced = false
	wt.p.counted["overruns"]++
	wt.p.w.Log("overrun, follower %v", wt.main)
	if !wt.replay {
		wt.resync()
	}
	clearIf(wt.replay, wt.state)
	if wt.main { // what aged meanwhile nobody told
		for _, k := range wt.p.keys {
			if !wt.p.model.Busy(k) {
				wt.p.adopt(k)
			}
		}
	}
}

func clearIf(on bool, m map[fdb.Key]fdb.Entry) {
	if on {
		clear(m)
	}
}

// hear holds an event against what was heard before: a station that is new was
// not there, one that goes was, and what it replaces is what was told.
func (wt *watcher) hear(e fdb.Event) {
	k := e.Entry.Key
	old, had := wt.state[k]
	fail := func(why string) {
		wt.p.w.Fail(invEvents, "%s: %v %d: %s instead of %s, known is %s", why, e.Kind, e.Seq, show(e.Entry), show(e.Old), show(old))
	}
	if wt.main {
		wt.p.w.Log("event %d %v %s instead of %s", e.Seq, e.Kind, show(e.Entry), show(e.Old))
	}
	switch e.Kind {
	case fdb.Existing:
		if had || wt.synced || !wt.replay {
			fail("a replay that does not begin with nothing")
		}
		wt.state[k] = e.Entry
		return
	case fdb.Synced:
		if wt.synced || !wt.replay {
			fail("synced twice")
		}
		wt.synced, wt.seq = true, max(wt.seq, e.Seq)
		return
	}
	if !wt.synced {
		fail("news before the replay is complete")
	}
	if e.Seq <= wt.seq {
		if wt.lost > 0 && !wt.replay {
			return // it is in the snapshot
		}
		fail("out of order")
	}
	wt.seq = e.Seq
	if why := wt.fits(e, old, had); why != "" {
		fail(why)
	}
	if wt.main {
		wt.p.noticed(e)
	}
	if e.Kind.Removes() {
		delete(wt.state, k)
		return
	}
	wt.state[k] = e.Entry
}

// fits says what is wrong with an event.
func (wt *watcher) fits(e fdb.Event, old fdb.Entry, had bool) string {
	same := func(a, b fdb.Entry) bool {
		return a.Port == b.Port && a.Flags == b.Flags && a.Owner == b.Owner && a.Offload == b.Offload
	}
	switch {
	case e.Kind == fdb.Vetoed && !had && e.Old == (fdb.Entry{}):
		return ""
	case e.Kind == fdb.Added && had:
		return "added twice"
	case e.Kind != fdb.Added && !had:
		return "of what is not there"
	case e.Kind == fdb.OffloadChanged:
		now := e.Entry
		if now.Offload == old.Offload {
			return "no change"
		}
		if now.Offload = old.Offload; !same(now, old) {
			return "more than the offload state changed"
		}
	case e.Kind != fdb.Added && !same(e.Old, old):
		return "old is not what was told"
	case e.Kind == fdb.Changed && same(e.Old, e.Entry):
		return "nothing changed"
	case e.Kind == fdb.MovedTo && e.Old.Port == e.Entry.Port, e.Kind == fdb.Changed && e.Old.Port != e.Entry.Port:
		return "moved or not"
	}
	return ""
}

func (p *Plant) takePicture() {
	if len(p.pictures) >= 2 {
		p.lookAgain(p.pictures[0])
		p.pictures = p.pictures[1:]
	}
	pic := picture{p.table.Snapshot(), make(map[fdb.Key]oracle.Value)}
	for e := range pic.snap.All() {
		pic.was[e.Key] = oracle.Of(e)
	}
	p.pictures = append(p.pictures, pic)
}

// lookAgain: a snapshot does not change, but for times.
func (p *Plant) lookAgain(pic picture) {
	n := 0
	for e := range pic.snap.All() {
		n++
		if was := pic.was[e.Key]; !was.Same(oracle.Of(e)) {
			p.w.Fail(invOrder, "a snapshot had %v for %v and has %v", was, e.Key, oracle.Of(e))
		}
	}
	if n != len(pic.was) {
		p.w.Fail(invOrder, "a snapshot had %d entries and has %d", len(pic.was), n)
	}
}
