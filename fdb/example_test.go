package fdb_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

func station(last byte) fdb.Key {
	return fdb.Key{MAC: switchdev.MAC{0x02, 0, 0, 0, 0, last}}
}

// A frame from a station comes in, and the answer finds its way back.
func Example() {
	table, err := fdb.New(fdb.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer table.Close()

	fmt.Println(table.Learn(station(1), 3)) // a new station on port 3
	if hit, ok := table.Lookup(station(1)); ok {
		fmt.Println("send to port", hit.Port)
	}
	if _, ok := table.Lookup(station(2)); !ok {
		fmt.Println("flood")
	}
	// Output:
	// queued
	// send to port 3
	// flood
}

// Add returns when the table and the switch hold the entry, or with the reason
// why neither does.
func ExampleTable_Add() {
	chip, err := hwsim.New(hwsim.Config{Name: "sw0", Ports: make([]hwsim.PortConfig, 4)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer chip.Close()
	table, err := fdb.New(fdb.Config{Hardware: fdb.Hardware{Devices: []fdb.Device{{Driver: chip}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer table.Close()

	ctx := context.Background()
	entry := fdb.Entry{Key: station(1), Port: 2, Flags: fdb.Static}
	fmt.Println(table.Add(ctx, entry))
	for _, row := range chip.Rows() {
		fmt.Println("in hardware:", row.Key, "port", row.Port)
	}
	err = table.Add(ctx, entry)
	fmt.Println(err, errors.Is(err, fs.ErrExist))
	// Output:
	// <nil>
	// in hardware: 02:00:00:00:00:01 port 2
	// fdb.add 02:00:00:00:00:01: already exists true
}

// A flush is visible at once; Flush returns when the entries have left the
// table and the devices.
func ExampleTable_Flush() {
	table, err := fdb.New(fdb.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
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

// A subscription begins with the table as it is, and then tells every change.
func ExampleTable_Subscribe() {
	table, err := fdb.New(fdb.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
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

// A Manual table starts nothing: the program says what time it is.
func ExampleTable_Poll() {
	now := time.Unix(0, 0)
	table, err := fdb.New(fdb.Config{Manual: true, Start: now, Ageing: 5 * time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer table.Close()

	table.Learn(station(1), 1)
	ticket := table.SubmitAdd(fdb.Entry{Key: station(2), Port: 2, Flags: fdb.Static})
	next := table.Poll(now)
	fmt.Println(table.Len(), "entries;", ticket.Err(), "next in", next.Sub(now))
	for !next.IsZero() && table.Len() > 1 {
		now = next
		next = table.Poll(now)
	}
	fmt.Println(table.Len(), "entry")
	// Output:
	// 2 entries; <nil> next in 5m0s
	// 1 entry
}
