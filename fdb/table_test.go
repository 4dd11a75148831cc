package fdb

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func key(n byte) Key { return Key{MAC: switchdev.MAC{2, 0, 0, 0, 0, n}} }

func newTable(t *testing.T, cfg Config) *Table {
	t.Helper()
	table, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := table.stations.Check(); err != nil {
			t.Error(err)
		}
	})
	return table
}

func TestSoftwareTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		table := newTable(t, Config{})
		if got := table.Learn(key(1), 1); got != Queued {
			t.Fatalf("Learn = %v", got)
		}
		if hit, ok := table.Lookup(key(1)); !ok || hit.Port != 1 {
			t.Fatalf("Lookup = %v %v", hit, ok)
		}
		synctest.Wait()
		if got := table.Len(); got != 1 {
			t.Fatalf("Len = %d", got)
		}
		if got := table.Learn(key(1), 1); got != Known {
			t.Fatalf("Learn = %v", got)
		}
		if got := table.Learn(key(1), 2); got != Moved {
			t.Fatalf("Learn = %v", got)
		}
		if hit, ok := table.Lookup(key(1)); !ok || hit.Port != 2 {
			t.Fatalf("Lookup = %v %v", hit, ok)
		}
		// EEXIST, as RTM_NEWNEIGH with NLM_F_CREATE|NLM_F_EXCL.
		err := table.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static})
		if !errors.Is(err, fs.ErrExist) || !errors.Is(err, syscall.EEXIST) {
			t.Fatalf("Add = %v", err)
		}
		if err := table.Replace(ctx, Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Fatal(err)
		}
		e, err := table.Get(ctx, key(1))
		if err != nil || e.Port != 1 || e.Flags != Static|User || e.Owner != OwnerUser {
			t.Fatalf("Get = %+v, %v", e, err)
		}
		if err := table.Delete(ctx, key(1), 2); !errors.Is(err, syscall.ENOENT) {
			t.Fatalf("Delete = %v", err)
		}
		if err := table.Delete(ctx, key(1), 1); err != nil {
			t.Fatal(err)
		}
		if _, ok := table.Lookup(key(1)); ok {
			t.Fatal("deleted entry found")
		}
		for i := range byte(10) {
			table.Learn(key(i), switchdev.PortID(1+i%2))
		}
		n, err := table.Flush(ctx, OnPort(1))
		if n != 5 || err != nil {
			t.Fatalf("Flush = %d, %v", n, err)
		}
		time.Sleep(DefaultAgeing + 2*time.Second)
		if table.Len() != 0 {
			t.Fatalf("Len = %d after the ageing time", table.Len())
		}
	})
}

func TestBadConfigIsRefused(t *testing.T) {
	for _, cfg := range []Config{
		{Events: 3}, {Learning: Learning{Delay: -1}}, {Hardware: Hardware{Timeout: -1}},
		{Hardware: Hardware{Devices: []Device{{}}}}, {Ageing: time.Millisecond}, {Start: time.Now()},
	} {
		if _, err := New(cfg); !errors.Is(err, switchdev.ErrInvalid) {
			t.Errorf("New(%+v) = %v", cfg, err)
		}
	}
}

func TestSubscriptionReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		table := newTable(t, Config{Events: 4})
		table.Learn(key(1), 1)
		synctest.Wait()
		sub, err := table.Subscribe(SubscribeOptions{Replay: true})
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
		want := func(kind EventKind, k Key) {
			t.Helper()
			e, err := sub.Next(ctx)
			if err != nil || e.Kind != kind || e.Entry.Key != k {
				t.Fatalf("Next = %v %v, %v; want %v %v", e.Kind, e.Entry.Key, err, kind, k)
			}
		}
		want(Existing, key(1))
		want(Synced, Key{})
		table.Learn(key(2), 1)
		want(Added, key(2))
		for i := byte(3); i < 10; i++ {
			table.Learn(key(i), 1)
			synctest.Wait()
		}
		if _, err := sub.Next(ctx); !errors.Is(err, switchdev.ErrOverrun) {
			t.Fatalf("Next = %v", err)
		}
		for range 9 {
			if e, err := sub.Next(ctx); err != nil || e.Kind != Existing {
				t.Fatalf("Next = %v, %v", e.Kind, err)
			}
		}
		want(Synced, Key{})
	})
}
