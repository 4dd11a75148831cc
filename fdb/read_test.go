package fdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// TestReadReadsWhatNextReads: a flush of thousands, which nobody but the subscribers
// expands, read in batches and one by one; both hear the same, each entry once, and
// the overrun once.
func TestReadReadsWhatNextReads(t *testing.T) {
	b := newBench(t, Config{Events: 16, Learning: Learning{Pending: -1}})
	one, err := b.Subscribe(SubscribeOptions{Replay: true})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	many, err := b.Subscribe(SubscribeOptions{Replay: true})
	if err != nil {
		t.Fatal(err)
	}
	defer many.Close()
	const n = 3000
	for i := range n {
		b.Learn(stationKey(i), switchdev.PortID(1+i%3))
	}
	b.must(b.SubmitReplace(Entry{Key: key(1), Port: 2, Flags: Static}))
	b.pass(0)
	b.must(b.SubmitFlush(OnPort(2)))
	b.must(b.SubmitFlush(Everything()))
	for i := range 20 { // one record each: more than the ring holds
		b.must(b.SubmitReplace(Entry{Key: key(9), Port: switchdev.PortID(1 + i%2), Flags: Static}))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // never wait
	var got []string
	for dst := make([]Event, 100); ; {
		n, err := many.Read(ctx, dst)
		for _, e := range dst[:n] {
			got = append(got, fmt.Sprint(e))
		}
		if errors.Is(err, context.Canceled) {
			break
		}
		if err != nil {
			got = append(got, err.Error())
		}
		if n == 0 && err == nil {
			t.Fatal("Read returned nothing")
		}
	}
	var want []string
	for {
		e, ok, err := one.TryNext()
		switch {
		case errors.Is(err, switchdev.ErrOverrun):
			want = append(want, err.Error())
			continue
		case err != nil:
			t.Fatal(err)
		}
		if !ok {
			break
		}
		want = append(want, fmt.Sprint(e))
	}
	if !slices.Equal(got, want) {
		t.Errorf("in batches %d lines, one by one %d:\n%.500v\n%.500v", len(got), len(want), got, want)
	}
	if n, err := many.Read(ctx, make([]Event, 4)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("with nothing to read and no time: %d, %v", n, err)
	}
	if n, err := many.Read(ctx, nil); n != 0 || err != nil {
		t.Errorf("into nothing: %d, %v", n, err)
	}
}

// TestBulkRemovalsAreTold: what a flush and the sweep remove together is told of each
// entry as it was, stale or not, and the numbers go on.
func TestBulkRemovalsAreTold(t *testing.T) {
	b := newBench(t, Config{Learning: Learning{Pending: -1}})
	const n = 700
	learn := func() {
		for i := range n {
			b.Learn(stationKey(i), switchdev.PortID(1+i%3))
		}
		b.pass(0)
		b.events()
	}
	check := func(what string, kind EventKind, stale bool) {
		t.Helper()
		events := b.events()
		seen := make(map[Key]bool)
		for i, e := range events {
			if i > 0 && e.Seq != events[i-1].Seq+1 {
				t.Fatalf("%s: event %d follows %d", what, e.Seq, events[i-1].Seq)
			}
			if e.Kind != kind || e.Entry.Stale != stale || e.Old != e.Entry || e.Entry.Port == 0 || e.Op == 0 {
				t.Fatalf("%s: told %+v", what, e)
			}
			seen[e.Entry.Key] = true
		}
		if len(events) != n || len(seen) != n || b.Len() != 0 {
			t.Errorf("%s: %d events of %d stations, %d left", what, len(events), len(seen), b.Len())
		}
	}
	learn()
	b.must(b.SubmitFlush(Everything()))
	check("flush", Flushed, false)
	learn()
	b.through(2 * DefaultAgeing)
	check("sweep", Aged, true)
}
