//go:build !explore

package overlay

import "testing"

// A key in flight has many records, and they are just being carried over: readers meet
// some of them twice, and more than they take in one pass.
func TestLookupMeetsRecordsTwice(t *testing.T) {
	for n := 1; n <= 2*foldSize; n++ {
		for m := range n + 1 {
			table := New(Config{})
			k := host(1)
			if _, seq := table.Stage(k); seq == 0 {
				t.Fatal("not staged")
			}
			for i := range n {
				table.AcceptFlush(AllOfPort(9)) // or they would be one record
				if out := table.Learn(k, uint16(1+i), 1); !out.Accepted() {
					t.Fatal(out)
				}
			}
			if !table.Seal() {
				t.Fatal("not sealed")
			}
			d := table.desc.Load()
			r := d.sealed.last(k)
			for range m { // as carry begins
				moved := *r
				moved.older = nil
				d.open.insert(moved)
				r = r.older
			}
			if h, ok := table.Lookup(k); !ok || h.Port() != uint16(n) {
				t.Errorf("%d of %d carried: port %d, %v", m, n, h.Port(), ok)
			}
		}
	}
}
