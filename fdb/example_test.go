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

// station is a key that differs in the last digits.
func station(last byte) fdb.Key {
	return fdb.Key{MAC: switchdev.MAC{0x02, 0, 0, 0, 0, last}}
}

// open is New for examples, in which nothing goes wrong.
func open(cfg fdb.Config) *fdb.Table {
	table, err := fdb.New(cfg)
	if err != nil {
		panic(err)
	}
	return table
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

// Ten lines with a map do the same until a station moves while it is being sent
// to, and is never heard of again until it goes away: the map sends to where it
// was, for ever.
func Example_map() {
	type where struct {
		port switchdev.PortID
		used time.Time
	}
	stations := make(map[fdb.Key]where)
	learn := func(k fdb.Key, p switchdev.PortID) {
		if _, known := stations[k]; !known { // so a move is not seen
			stations[k] = where{p, time.Now()}
		}
	}
	send := func(k fdb.Key) (switchdev.PortID, bool) {
		w, ok := stations[k]
		if ok {
			stations[k] = where{w.port, time.Now()} // so a busy entry does not age
		}
		return w.port, ok
	}
	table := open(fdb.Config{})
	defer table.Close()

	for _, port := range []switchdev.PortID{1, 2} { // it is carried from port 1 to port 2
		learn(station(1), port)
		table.Learn(station(1), port)
	}
	port, _ := send(station(1))
	hit, _ := table.Destination(station(1))
	fmt.Println("the map sends to port", port)
	fmt.Println("the table sends to port", hit.Port)
	// Output:
	// the map sends to port 1
	// the table sends to port 2
}

// A table with hardware: what it holds, the switch does too.
func ExampleNew() {
	chip, err := hwsim.New(hwsim.Config{Name: "sw0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer chip.Close()
	table, err := fdb.New(fdb.Config{
		Name:     "br0",
		Ageing:   5 * time.Minute,
		Learning: fdb.Learning{Max: 10_000},
		Hardware: fdb.Hardware{Devices: []fdb.Device{{Driver: chip}}, Timeout: time.Second},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer table.Close()
	fmt.Println(table.Devices()[0].Name, table.Ageing())

	_, err = fdb.New(fdb.Config{Events: 1000}) // refused, not mended
	fmt.Println(errors.Is(err, switchdev.ErrInvalid))
	// Output:
	// sw0 5m0s
	// true
}

// Learn is called for every frame that comes in.
func ExampleTable_Learn() {
	table := open(fdb.Config{})
	defer table.Close()

	fmt.Println(table.Learn(station(1), 1))
	fmt.Println(table.Learn(fdb.Key{MAC: switchdev.Broadcast()}, 1)) // no station
	hit, _ := table.Lookup(station(1))                               // at once
	fmt.Println(hit.Port)
	// Output:
	// queued
	// ignored
	// 1
}

// On a locked port a frame grants nothing, but says who asks to be let in.
func ExampleTable_LearnLocked() {
	table := open(fdb.Config{})
	defer table.Close()

	fmt.Println(table.LearnLocked(station(1), 1))
	hit, _ := table.Lookup(station(1))
	fmt.Println(hit.Flags)
	fmt.Println(table.Replace(context.Background(), fdb.Entry{Key: station(1), Port: 1})) // let in
	hit, _ = table.Lookup(station(1))
	fmt.Println(hit.Flags)
	// Output:
	// queued
	// locked
	// <nil>
	// user
}

// A hit on a local entry ends at the host; no hit floods.
func ExampleTable_Lookup() {
	table := open(fdb.Config{})
	defer table.Close()
	if err := table.Add(context.Background(), fdb.Entry{Key: station(1), Flags: fdb.Permanent}); err != nil {
		fmt.Println(err)
	}
	for _, k := range []fdb.Key{station(1), station(2)} {
		switch hit, ok := table.Lookup(k); {
		case !ok:
			fmt.Println("flood")
		case hit.Flags&fdb.Local != 0:
			fmt.Println("host")
		default:
			fmt.Println("port", hit.Port)
		}
	}
	// Output:
	// host
	// flood
}

// Destination also notes that the entry was used, to a tick of the clock.
func ExampleTable_Destination() {
	now := time.Unix(0, 0)
	table := open(fdb.Config{Manual: true, Start: now})
	defer table.Close()
	table.Learn(station(1), 7)
	table.Poll(now.Add(time.Minute))

	table.Lookup(station(1))
	e, _ := table.Get(context.Background(), station(1))
	fmt.Println(e.Used.IsZero())
	table.Destination(station(1))
	e, _ = table.Get(context.Background(), station(1))
	fmt.Println(e.Used.Sub(now).Round(time.Second))
	// Output:
	// true
	// 1m0s
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
