package fdb

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestLookupBatchSaysWhatLookupSays: in every state that the table can be in, for
// every length of a batch.
func TestLookupBatchSaysWhatLookupSays(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Unix(1000, 0)
	table := newTable(t, Config{Manual: true, Start: now, Seed: 1})
	check := func(state string) {
		t.Helper()
		for n := range 65 {
			keys, hits := make([]Key, n), make([]Hit, n+1)
			for i := range keys {
				keys[i] = stationKey(rng.IntN(600))
				if rng.IntN(8) == 0 {
					keys[i].VLAN |= switchdev.VLAN(1 + rng.IntN(15)<<12) // none, though its low bits are a station's
				}
			}
			for i := range hits {
				hits[i] = Hit{Port: 999, Flags: 1}
			}
			found := table.LookupBatch(keys, hits)
			for i, k := range keys {
				hit, ok := table.Lookup(k)
				if hits[i] != hit || found>>i&1 != 0 != ok {
					t.Fatalf("%s: %v is number %d of %d: %+v, %v, want %+v, %v", state, k, i, n, hits[i], found>>i&1, hit, ok)
				}
				if k.VLAN > switchdev.MaxVLAN && ok {
					t.Fatalf("%s: %v found", state, k)
				}
			}
			if n < 64 && found>>n != 0 || hits[n] != (Hit{Port: 999, Flags: 1}) {
				t.Fatalf("%s: found %x, and wrote behind the %d keys: %+v", state, found, n, hits[n])
			}
		}
	}
	check("empty")
	for n := range 300 {
		table.Learn(stationKey(n), switchdev.PortID(1+n%7))
	}
	check("pending")
	table.Poll(now)
	check("applied")
	for n := 250; n < 400; n++ {
		table.Learn(stationKey(n), 9)
	}
	check("moves and new ones pending")
	if !table.stations.Seal() {
		t.Fatal("not sealed")
	}
	for n := 350; n < 450; n++ {
		table.Learn(stationKey(n), 10)
	}
	check("sealed and open")
	table.SubmitFlush(OnPort(3))
	check("a flush pending")
	if _, seq := table.stations.Stage(camKey(stationKey(5))); seq == 0 {
		t.Fatal("not staged")
	}
	check("an operation in flight")
	table.SubmitFlush(Filter{})
	check("all flushed")
}

func TestLookupBatchPanicsOnWrongLengths(t *testing.T) {
	table := newTable(t, Config{Manual: true})
	for name, f := range map[string]func(){
		"65 keys":    func() { table.LookupBatch(make([]Key, 65), make([]Hit, 65)) },
		"fewer hits": func() { table.LookupBatch(make([]Key, 3), make([]Hit, 2)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// TestKeysThatNoTableHolds: VLANs beyond 12 bits are no alias of a station, also not
// of one that is only pending.
func TestKeysThatNoTableHolds(t *testing.T) {
	now := time.Unix(1000, 0)
	table := newTable(t, Config{Manual: true, Start: now})
	k := stationKey(1)
	for _, state := range []string{"pending", "applied"} {
		if table.Learn(k, 1); state == "applied" {
			table.Poll(now)
		}
		for bit := 12; bit < 16; bit++ {
			far := k
			far.VLAN |= 1 << bit
			if hit, ok := table.Lookup(far); ok || hit != (Hit{}) {
				t.Errorf("%s: %v is %+v, %v", state, far, hit, ok)
			}
			if got := table.Learn(far, 1); got != Ignored {
				t.Errorf("%s: Learn(%v) = %v", state, far, got)
			}
		}
		group := k
		group.MAC[0] |= 1
		if got := table.Learn(group, 1); got != Ignored {
			t.Errorf("%s: Learn(%v) = %v", state, group, got)
		}
		if got := table.Learn(k, switchdev.PortHost); got != Ignored {
			t.Errorf("%s: Learn on the host's port = %v", state, got)
		}
		if got := table.Learn(k, 1); got != Known {
			t.Errorf("%s: Learn again = %v", state, got)
		}
	}
	if err := table.SetAgeing(NoLearning); err != nil {
		t.Fatal(err)
	}
	if got := table.Learn(k, 1); got != Ignored {
		t.Errorf("with no learning: %v", got)
	}
}

func TestLookupBatchDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	now := time.Unix(1000, 0)
	table := newTable(t, Config{Manual: true, Start: now})
	var keys [64]Key
	var hits [64]Hit
	for n := range keys {
		keys[n] = stationKey(n)
		table.Learn(keys[n], 1)
	}
	noAllocs(t, "LookupBatch of pending stations", 100, 0, func() { table.LookupBatch(keys[:], hits[:]) })
	table.Poll(now)
	noAllocs(t, "LookupBatch", 100, 0, func() { table.LookupBatch(keys[:], hits[:]) })
	table.SubmitFlush(OnPort(9))
	noAllocs(t, "LookupBatch under a flush", 100, 0, func() { table.LookupBatch(keys[:], hits[:]) })
}

// FuzzLookupBatch: whatever the keys, a batch says what single lookups say.
func FuzzLookupBatch(f *testing.F) {
	f.Add([]byte("0123456701234567"), uint16(0))
	f.Add(make([]byte, 64*8), uint16(0x1fff))
	f.Fuzz(func(t *testing.T, data []byte, or uint16) {
		table, err := New(Config{Manual: true})
		if err != nil {
			t.Fatal(err)
		}
		defer table.Close()
		var keys []Key
		for ; len(data) >= 8 && len(keys) < 64; data = data[8:] {
			k := switchdev.UnpackFDBKey(uint64(data[0])<<52 | uint64(data[5])<<12 | uint64(data[7]))
			if len(keys)%2 == 0 {
				table.Learn(k, 3)
			}
			if len(keys)%5 == 0 {
				table.Poll(time.Now())
			}
			k.VLAN |= switchdev.VLAN(or)
			keys = append(keys, k)
		}
		hits := make([]Hit, len(keys))
		found := table.LookupBatch(keys, hits)
		for i, k := range keys {
			if hit, ok := table.Lookup(k); hit != hits[i] || ok != (found>>i&1 != 0) {
				t.Errorf("%v: %+v, %v; alone %+v, %v", k, hits[i], found>>i&1, hit, ok)
			}
		}
	})
}
