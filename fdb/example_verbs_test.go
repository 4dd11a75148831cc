package fdb_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// Replace makes an entry what it says, whatever was there.
func ExampleTable_Replace() {
	table := open(fdb.Config{})
	defer table.Close()
	ctx := context.Background()

	table.Learn(station(1), 1)
	fmt.Println(table.Add(ctx, fdb.Entry{Key: station(1), Port: 2, Flags: fdb.Static}))
	fmt.Println(table.Replace(ctx, fdb.Entry{Key: station(1), Port: 2, Flags: fdb.Static | fdb.Sticky}))
	e, err := table.Get(ctx, station(1))
	fmt.Println(e.Port, e.Flags, e.Owner, err)
	// Output:
	// fdb.add 02:00:00:00:00:01: already exists
	// <nil>
	// 2 static,sticky,user user <nil>
}

// A control plane's entries are its own: they do not age, and stay its when a user
// changes them.
func ExampleTable_Replace_extern() {
	table := open(fdb.Config{})
	defer table.Close()
	ctx := context.Background()

	fmt.Println(table.Replace(ctx, fdb.Entry{Key: station(1), Port: 5, Flags: fdb.Extern}))
	fmt.Println(table.Replace(ctx, fdb.Entry{Key: station(1), Port: 5, Flags: fdb.Static}))
	e, err := table.Get(ctx, station(1))
	fmt.Println(e.Flags, e.Owner, err)
	// Output:
	// <nil>
	// <nil>
	// static,extern_learn,user control <nil>
}

// Update changes what is there and makes nothing.
func ExampleTable_Update() {
	table := open(fdb.Config{})
	defer table.Close()

	err := table.Update(context.Background(), fdb.Entry{Key: station(1), Port: 1})
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output: true
}

// Use does as if a frame had been seen, and ignores the limit.
func ExampleTable_Use() {
	table := open(fdb.Config{Learning: fdb.Learning{Max: 1}})
	defer table.Close()
	ctx := context.Background()

	table.Learn(station(1), 1)
	fmt.Println(table.Learn(station(2), 2))
	fmt.Println(table.Use(ctx, station(2), 2))
	hit, ok := table.Lookup(station(2))
	fmt.Println(hit.Port, hit.Flags, ok)
	// Output:
	// limited
	// <nil>
	// 2 user true
}

// Delete compares: an entry that has moved meanwhile is not this one.
func ExampleTable_Delete() {
	table := open(fdb.Config{})
	defer table.Close()
	ctx := context.Background()

	table.Learn(station(1), 1)
	table.Learn(station(1), 2)
	err := table.Delete(ctx, station(1), 1)
	fmt.Println(errors.Is(err, switchdev.ErrNotExist))
	fmt.Println(table.Delete(ctx, station(1), 2))
	// Output:
	// true
	// <nil>
}

// A flush is visible at once; Flush returns when the entries have left the
// table and the devices.
func ExampleTable_Flush() {
	table := open(fdb.Config{})
	defer table.Close()

	table.Learn(station(1), 1)
	table.Learn(station(2), 2)
	n, err := table.Flush(context.Background(), fdb.OnPort(1)) // its cable was pulled
	fmt.Println(n, err)
	_, ok1 := table.Lookup(station(1))
	_, ok2 := table.Lookup(station(2))
	fmt.Println(ok1, ok2)
	// Output:
	// 1 <nil>
	// false true
}

// The filter of "bridge fdb flush dev br0 vlan 10 static".
func ExampleFilter() {
	f := fdb.Filter{VLAN: 10, Mask: fdb.Static | fdb.Local, Flags: fdb.Static}
	in := fdb.Entry{Key: fdb.Key{MAC: station(1).MAC, VLAN: 10}, Port: 1}
	fmt.Println(f.Selects(in))
	in.Flags = fdb.Static
	fmt.Println(f.Selects(in))
	// Output:
	// false
	// true
}

// Apply takes many operations at once; each has its own outcome.
func ExampleTable_Apply() {
	table := open(fdb.Config{})
	defer table.Close()

	ops := []fdb.Op{
		{Verb: fdb.VerbAdd, Entry: fdb.Entry{Key: station(1), Port: 1, Flags: fdb.Static}},
		{Verb: fdb.VerbDelete, Entry: fdb.Entry{Key: station(2), Port: 1}},
		{Verb: fdb.VerbAdd, Entry: fdb.Entry{Key: station(3), Port: 3, Flags: fdb.Static}},
	}
	fmt.Println("first error:", table.Apply(context.Background(), ops))
	for _, op := range ops {
		fmt.Println(op.Verb, op.Err)
	}
	// Output:
	// first error: fdb.delete 02:00:00:00:00:02: does not exist
	// add <nil>
	// delete fdb.delete 02:00:00:00:00:02: does not exist
	// add <nil>
}

// A subscription begins with the table as it is, and then tells every change.
func ExampleTable_Subscribe() {
	table := open(fdb.Config{})
	defer table.Close()
	ctx := context.Background()
	if err := table.Add(ctx, fdb.Entry{Key: station(1), Port: 1, Flags: fdb.Static}); err != nil {
		fmt.Println(err)
		return
	}
	sub, err := table.Subscribe(fdb.SubscribeOptions{Replay: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()

	if err := table.Delete(ctx, station(1), 1); err != nil {
		fmt.Println(err)
		return
	}
	table.Learn(station(2), 2)
	for e, err := range sub.All(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Kind, e.Entry.Key, e.Entry.Port)
		if e.Kind == fdb.Added {
			break
		}
	}
	// Output:
	// existing 02:00:00:00:00:01 1
	// synced 00:00:00:00:00:00 0
	// deleted 02:00:00:00:00:01 1
	// added 02:00:00:00:00:02 2
}

// A snapshot stays as it was taken.
func ExampleTable_Snapshot() {
	table := open(fdb.Config{})
	defer table.Close()
	ctx := context.Background()
	for n := range byte(3) {
		if err := table.Add(ctx, fdb.Entry{Key: station(n + 1), Port: 1, Flags: fdb.Static}); err != nil {
			fmt.Println(err)
		}
	}
	snap := table.Snapshot()
	if _, err := table.Flush(ctx, fdb.Everything()); err != nil {
		fmt.Println(err)
	}
	byKey := slices.SortedFunc(snap.All(), func(a, b fdb.Entry) int { return a.MAC.Compare(b.MAC) })
	fmt.Println(table.Len(), snap.Len(), byKey[0].Key)
	// Output: 0 3 02:00:00:00:00:01
}

// Whoever may not wait submits; the ticket has the outcome whether anybody waits
// or not.
func ExampleTicket() {
	table := open(fdb.Config{})
	defer table.Close()

	ticket := table.SubmitAdd(fdb.Entry{Key: station(1), Port: 1, Flags: fdb.Static})
	flushed := table.SubmitFlush(fdb.Dynamic()) // from a spanning tree, say
	<-ticket.Done()
	fmt.Println(ticket.Err())
	fmt.Println(flushed.Wait(context.Background()), flushed.Count())
	// Output:
	// <nil>
	// <nil> 0
}

// A Manual table starts nothing: the program says what time it is.
func ExampleTable_Poll() {
	now := time.Unix(0, 0)
	table := open(fdb.Config{Manual: true, Start: now, Ageing: 5 * time.Minute})
	defer table.Close()

	table.Learn(station(1), 1)
	ticket := table.SubmitAdd(fdb.Entry{Key: station(2), Port: 2, Flags: fdb.Static})
	next := table.Poll(now)
	fmt.Println(table.Len(), "entries;", ticket.Err(), "next in", next.Sub(now).Round(time.Second))
	for !next.IsZero() && table.Len() > 1 {
		now = next
		next = table.Poll(now)
	}
	fmt.Println(table.Len(), "entry")
	// Output:
	// 2 entries; <nil> next in 5m0s
	// 1 entry
}

// A shorter ageing time counts for the entries that are there.
func ExampleTable_SetAgeing() {
	now := time.Unix(0, 0)
	table := open(fdb.Config{Manual: true, Start: now})
	defer table.Close()

	table.Learn(station(1), 1)
	table.Poll(now)
	now = now.Add(time.Minute)
	table.Poll(now)
	fmt.Println(table.Len())
	fmt.Println(table.SetAgeing(30 * time.Second))
	table.Poll(now)
	fmt.Println(table.Len())
	// Output:
	// 1
	// <nil>
	// 0
}

// While the spanning tree says that the topology changes, what is not heard of for
// the forward delay leaves.
func ExampleTable_TopologyChange() {
	now := time.Unix(0, 0)
	table := open(fdb.Config{Manual: true, Start: now})
	defer table.Close()

	table.Learn(station(1), 1)
	table.Poll(now)
	fmt.Println(table.TopologyChange(15*time.Second), table.Hold())
	table.Poll(now.Add(20 * time.Second))
	fmt.Println(table.Len())
	fmt.Println(table.TopologyChange(0), table.Hold())
	// Output:
	// <nil> 15s
	// 0
	// <nil> 5m0s
}

// The limit holds for what is learned, not for what is entered.
func ExampleTable_SetLearningMax() {
	table := open(fdb.Config{})
	defer table.Close()

	fmt.Println(table.SetLearningMax(1))
	fmt.Println(table.Learn(station(1), 1), table.Learn(station(2), 1))
	fmt.Println(table.Add(context.Background(), fdb.Entry{Key: station(2), Port: 1}))
	// Output:
	// <nil>
	// queued limited
	// <nil>
}
