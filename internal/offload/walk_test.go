package offload

import (
	"maps"
	"slices"
	"testing"
)

const many = 3*chunk + 7

// TestResetIsDoneInChunks: nothing is handed over before every cell has been
// looked at, and then users' rows go first (rule 23).
func TestResetIsDoneInChunks(t *testing.T) {
	r := newRig(t, 16, "1")
	for k := range many {
		r.put(k, 1)
	}
	r.wantErrOf(r.set(many-1, 1), nil)
	r.run()
	op := r.set(many+5, 1)
	r.form(0)
	r.back(0)
	r.wantErr(op, nil)
	r.lose(0)
	settled := len(r.settled)
	clear(r.settled)
	r.hear(0)
	if n := len(r.settled); n > 2*chunk || settled < many {
		t.Fatalf("%d keys were looked at in one go", n)
	}
	if got := r.e.Device(0).Rows; got != 0 {
		t.Errorf("%d rows believed", got)
	}
	r.wantState(many/2, false, false) // at once, also of those that nobody has looked at
	steps := 0
	for ; r.e.Renewing(); steps++ {
		if r.form(0) != "" || r.e.Pending(0, r.now) {
			t.Fatal("handed over before the end")
		}
		r.put(many+10+steps, 1) // stations come meanwhile
		r.e.Renew(r.now)
	}
	if steps < 3 {
		t.Errorf("%d steps", steps)
	}
	r.form(0)
	if first := r.chips[0].call.Items[0].Key; first != many-1 && first != many+5 {
		t.Errorf("the first row is that of %d", first)
	}
	r.back(0)
	r.run()
	if n := len(r.chips[0].rows); n != len(r.rows) {
		t.Errorf("%d rows, want %d", n, len(r.rows))
	}
}

// TestResetDuringAReset begins again.
func TestResetDuringAReset(t *testing.T) {
	r := newRig(t, 512, "1")
	for k := range many {
		r.put(k, 1)
	}
	r.run()
	r.lose(0)
	r.hear(0)
	r.e.Renew(r.now)
	r.lose(0)
	r.hear(0)
	for r.e.Renewing() {
		r.e.Renew(r.now)
	}
	if n := len(r.e.devs[0].walks); n != 0 {
		t.Errorf("%d walks are left", n)
	}
	r.run()
	if n := len(r.chips[0].rows); n != many {
		t.Errorf("%d rows, want %d", n, many)
	}
}

// TestWalkMeetsWhatStays: cells are dropped and made while somebody is on his way.
func TestWalkMeetsWhatStays(t *testing.T) {
	r := newRig(t, 512, "12")
	for k := range many {
		r.put(k, 1)
	}
	r.run()
	var w Walk[int, byte]
	met := map[int]bool{}
	d := r.e.devs[0]
	for n := 0; ; n++ {
		last := d.forEach(&w, func(c *cell[int, byte]) {
			if met[c.key] {
				t.Fatalf("met %d twice", c.key)
			}
			met[c.key] = true
		})
		if last {
			break
		}
		for k := n * 100; k < n*100+2*chunk; k += 3 { // also the next one
			r.drop(k)
		}
		r.put(many+n, 2)
		r.run()
	}
	for k := range d.cells {
		if k < many && !met[k] {
			t.Errorf("%d was there throughout and not met", k)
		}
	}
	if len(d.walks) != 0 {
		t.Error("the walk is not over")
	}
	keys := slices.Sorted(maps.Keys(d.cells))
	var list []int
	for c := d.oldest; c != nil; c = c.next {
		list = append(list, c.key)
	}
	slices.Sort(list)
	if !slices.Equal(list, keys) {
		t.Errorf("the list has %d cells, the map %d", len(list), len(keys))
	}
}

func TestReconcileInChunks(t *testing.T) {
	r := newRig(t, 512, "1")
	for k := range many {
		r.put(k, 1)
	}
	r.run()
	c := r.chips[0]
	for k := 0; k < many; k += 10 {
		delete(c.rows, k)
		c.rows[-k-1] = 1
	}
	mark, _ := r.e.Mark(0)
	dump := maps.Clone(c.rows)
	a := &Audit[int, byte]{Dev: 0, Mark: mark, Rows: dump, Keys: slices.Sorted(maps.Keys(dump))}
	for n := 0; !r.e.Judge(a); n++ {
		r.drop(many - 1 - 5*n) // goes meanwhile, and nothing is sent
	}
	if want := 2 * (many/10 + 1); a.Differ < want-10 || a.Differ > want+10 {
		t.Errorf("%d differ, want about %d", a.Differ, want)
	}
	r.run()
	if n := len(c.rows); n != len(r.rows) {
		t.Errorf("%d rows, want %d", n, len(r.rows))
	}
}

// TestAwaitRowsOfAPort waits for what is left of it and for nothing else.
func TestAwaitRowsOfAPort(t *testing.T) {
	r := newRig(t, 1, "12")
	r.put(1, 1)
	r.put(2, 2)
	r.run()
	r.put(3, 1)
	r.put(4, 2)
	r.form(0) // 3=1 is out
	r.drop(1)
	r.drop(3)
	await := func() *int {
		var w Waiter
		var walk Walk[int, byte]
		for !r.e.AwaitRows(0, &walk, func(p byte) bool { return p == 1 }, &w) {
		}
		ended := new(int)
		w.Arm(func([]error) { *ended++ })
		return ended
	}
	ended := await()
	for range 4 {
		if *ended != 0 {
			for k, p := range r.chips[0].rows {
				if p == 1 {
					t.Fatalf("over, and %d is still there", k)
				}
			}
			break
		}
		r.back(0)
		r.form(0)
	}
	if *ended != 1 {
		t.Fatal("not over")
	}
	if r.chips[0].call != nil {
		r.back(0)
	}
	r.form(0) // the rest, if any, is of port 2
	if *await() != 1 {
		t.Error("waits for another port")
	}
}
