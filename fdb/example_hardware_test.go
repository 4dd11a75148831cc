package fdb_test

import (
	"context"
	"fmt"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// chip is a simulated switch for examples, in which nothing goes wrong.
func chip() *hwsim.Chip {
	c, err := hwsim.New(hwsim.Config{Name: "sw0"})
	if err != nil {
		panic(err)
	}
	return c
}

// A device gets the entries of a port when the port joins, and loses them when it
// leaves; the table keeps them.
func ExampleTable_Join() {
	sw0 := chip()
	defer sw0.Close()
	table := open(fdb.Config{Hardware: fdb.Hardware{Devices: []fdb.Device{{Driver: sw0, Ports: []switchdev.PortID{}}}}})
	defer table.Close()
	ctx := context.Background()
	if err := table.Add(ctx, fdb.Entry{Key: station(1), Port: 2, Flags: fdb.Static}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(len(sw0.Rows()), "rows")
	fmt.Println(table.Join(ctx, sw0, 2), len(sw0.Rows()), "row")
	fmt.Println(table.Leave(ctx, sw0, 2), len(sw0.Rows()), "rows")
	fmt.Println(table.Len(), "entry")
	// Output:
	// 0 rows
	// <nil> 1 row
	// <nil> 0 rows
	// 1 entry
}

// A row that hardware lost is found and made again.
func ExampleTable_Reconcile() {
	sw0 := chip()
	defer sw0.Close()
	table := open(fdb.Config{Hardware: fdb.Hardware{Devices: []fdb.Device{{Driver: sw0}}}})
	defer table.Close()
	ctx := context.Background()
	entry := fdb.Entry{Key: station(1), Port: 2, Flags: fdb.Static}
	if err := table.Add(ctx, entry); err != nil {
		fmt.Println(err)
	}
	sw0.DropRow(0, station(1)) // a bit flipped
	fmt.Println(len(sw0.Rows()), "rows")
	differ, err := table.Reconcile(ctx, sw0)
	fmt.Println(differ, "row differed,", err)
	fmt.Println(table.Replace(ctx, entry), len(sw0.Rows()), "row") // nil says that hardware holds it
	// Output:
	// 0 rows
	// 1 row differed, <nil>
	// <nil> 1 row
}

// Remove cannot be refused: the devices follow.
func ExampleTable_Remove() {
	table := open(fdb.Config{})
	defer table.Close()
	ctx := context.Background()

	table.Learn(station(1), 1)
	fmt.Println(table.Remove(ctx, station(1), 1))
	_, ok := table.Lookup(station(1))
	fmt.Println(ok)
	// Output:
	// <nil>
	// false
}

// After RemovePort nothing of the port can turn up again.
func ExampleTable_RemovePort() {
	table := open(fdb.Config{})
	defer table.Close()
	ctx := context.Background()

	table.Learn(station(1), 4)
	n, err := table.RemovePort(ctx, 4)
	fmt.Println(n, err)
	fmt.Println(table.Learn(station(1), 4)) // a frame that was on its way
	table.AddPort(4)                        // another one in its place
	fmt.Println(table.Learn(station(1), 4))
	// Output:
	// 1 <nil>
	// barred
	// queued
}

// What a device holds, and how it is.
func ExampleTable_Devices() {
	sw0 := chip()
	defer sw0.Close()
	table := open(fdb.Config{Hardware: fdb.Hardware{Devices: []fdb.Device{{Driver: sw0}}}})
	defer table.Close()
	if err := table.Add(context.Background(), fdb.Entry{Key: station(1), Port: 2, Flags: fdb.Static}); err != nil {
		fmt.Println(err)
	}
	for _, d := range table.Devices() {
		fmt.Println(d.Name, "breaker", d.Breaker, "rows", d.Rows, "failed", d.Failed)
	}
	// Output: sw0 breaker closed rows 1 failed 0
}

// An operator hears how long hardware takes and when it does not answer.
func ExampleTrace() {
	sw0 := chip()
	defer sw0.Close()
	table := open(fdb.Config{
		Hardware: fdb.Hardware{Devices: []fdb.Device{{Driver: sw0}}},
		Trace: &fdb.Trace{
			Returned: func(c fdb.CallTrace) { fmt.Println(c.Device, "had", c.Operations, "refused", c.Refused) },
			Ended:    func(o fdb.OpTrace) { fmt.Println(o.Op, o.Key, o.Err) },
		},
	})
	if err := table.Add(context.Background(), fdb.Entry{Key: station(1), Port: 2, Flags: fdb.Static}); err != nil {
		fmt.Println(err)
	}
	table.Close() // when it returns everything has been told
	// Output:
	// sw0 had 1 refused 0
	// fdb.add 02:00:00:00:00:01 <nil>
}

// What came of the stations of one port.
func ExampleTable_PortStats() {
	table := open(fdb.Config{Learning: fdb.Learning{Max: 1}})
	defer table.Close()

	table.Learn(station(1), 1)
	table.Learn(station(2), 1)
	s := table.PortStats(1)
	fmt.Println(s.Accepted, "accepted", s.Limited, "limited")
	// Output: 1 accepted 1 limited
}

// A burst of frames is looked up together.
func ExampleTable_LookupBatch() {
	table := open(fdb.Config{})
	defer table.Close()

	table.Learn(station(1), 1)
	table.Learn(station(3), 3)
	keys := []fdb.Key{station(1), station(2), station(3)}
	var hits [64]fdb.Hit
	found := table.LookupBatch(keys, hits[:])
	for i, k := range keys {
		if found&(1<<i) != 0 {
			fmt.Println(k, "port", hits[i].Port)
		} else {
			fmt.Println(k, "flood")
		}
	}
	// Output:
	// 02:00:00:00:00:01 port 1
	// 02:00:00:00:00:02 flood
	// 02:00:00:00:00:03 port 3
}
