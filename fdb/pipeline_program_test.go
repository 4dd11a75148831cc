package fdb

import "slices"

// multisets calls yield with every multiset of n of the tasks, in canonical
// order.
func multisets(tasks []task, n int, yield func([]task)) {
	var rec func(from int, got []task)
	rec = func(from int, got []task) {
		if len(got) == n {
			yield(slices.Clone(got))
			return
		}
		for i := from; i < len(tasks); i++ {
			rec(i, append(got, tasks[i]))
		}
	}
	rec(0, nil)
}

func countDeed(tasks []task, a deed) (n int) {
	for _, k := range tasks {
		if k.act == a {
			n++
		}
	}
	return n
}

// oneKey are the actions of programs on one key.
func oneKey() []task {
	var tasks []task
	for a := range doC {
		tasks = append(tasks, task{act: a})
	}
	return tasks
}

// pipelinePrograms returns what is explored with multisets of n actions. On one
// key these are all, in all five layouts. Up to two actions meet each kind of
// trouble: one refusal and one deadline at any point; one operation that is not
// answered, carried out or not, and one deadline; a device that hangs for ever,
// either of the two. Three actions meet a refusal and a deadline together, and a
// device that hangs, where each device claims one port; a deadline where one
// device claims everything, and where one port is claimed twice; a refusal, and
// a device that hangs, in the other two.
func pipelinePrograms(n int) []*pipelineProgram {
	var ps []*pipelineProgram
	multisets(oneKey(), n, func(tasks []task) {
		if countDeed(tasks, doG) == n {
			return // there is nothing to age
		}
		for layout := range layouts {
			add := func(refusals, losses, times, hung int) {
				ps = append(ps, &pipelineProgram{tasks: tasks, layout: layout, keys: 1,
					refusals: refusals, losses: losses, times: times, hung: hung})
			}
			switch {
			case n < 3:
				add(1, 0, 1, -1)
				add(0, 1, 1, -1)
				add(0, 0, 1, 0)
				add(0, 0, 1, 1)
			case layout == 0:
				add(1, 0, 1, -1)
				add(0, 0, 1, 0)
			case layout == 1 || layout == 4:
				add(0, 0, 1, -1)
			default:
				add(1, 0, 0, -1)
				add(0, 0, 1, layout%2)
			}
		}
	})
	return append(append(ps, specialPrograms(n)...), policyPrograms(n)...)
}

func tasksOf(acts ...deed) (tasks []task) {
	for _, a := range acts {
		tasks = append(tasks, task{act: a})
	}
	return tasks
}

// policyPrograms returns the programs with Remove, with a port that is removed,
// with devices that may refuse what is learned, with entries that are made
// whatever devices say, and with a breaker.
func policyPrograms(n int) []*pipelineProgram {
	var ps []*pipelineProgram
	add := func(tasks []task, p pipelineProgram, layouts ...int) {
		for _, layout := range layouts {
			q := p
			q.tasks, q.layout, q.keys = tasks, layout, 1
			ps = append(ps, &q)
		}
	}
	few := 0 // with three actions only one thing goes wrong
	if n < 3 {
		few = 1
	}
	multisets(tasksOf(doL1, doL2, doA1, doR1, doR2, doD, doF, doX), n-1, func(tasks []task) {
		add(append(slices.Clone(tasks), task{act: doM}), pipelineProgram{hung: -1, refusals: 1, times: few}, 0, 2)
		add(append(slices.Clone(tasks), task{act: doQ}), pipelineProgram{hung: -1, refusals: 1, times: few}, 0, 3)
		if n < 3 {
			add(append(slices.Clone(tasks), task{act: doQ}), pipelineProgram{hung: 1, times: 1}, 0, 3)
			add(append(slices.Clone(tasks), task{act: doQ}), pipelineProgram{hung: -1, losses: 1, times: 1}, 0)
		}
	})
	multisets(tasksOf(doL1, doL2, doR2, doD, doF, doP, doG, doX), n, func(tasks []task) {
		if countDeed(tasks, doL1)+countDeed(tasks, doL2) == 0 || countDeed(tasks, doG) > 1 {
			return
		}
		add(tasks, pipelineProgram{hung: -1, drop: true, refusals: 1, times: few}, 0, 1)
		if n < 3 {
			add(tasks, pipelineProgram{hung: -1, drop: true, losses: 1, times: 1}, 0, 2)
			add(tasks, pipelineProgram{hung: 0, drop: true, times: 1}, 0, 2)
		}
	})
	multisets(tasksOf(doL2, doA1, doR1, doR2, doD, doF, doX), n, func(tasks []task) {
		add(tasks, pipelineProgram{hung: -1, soft: true, refusals: 1, times: few}, 0, 2)
		if n < 3 {
			add(tasks, pipelineProgram{hung: -1, soft: true, losses: 1, times: 1}, 0, 4)
			add(tasks, pipelineProgram{hung: 0, soft: true, times: 2, breaker: 1}, 0, 2)
		}
	})
	multisets(tasksOf(doL1, doA1, doR1, doR2, doD, doX), n, func(tasks []task) {
		add(tasks, pipelineProgram{hung: -1, breaker: 1, times: 1 + few}, 0, 2)
		add(tasks, pipelineProgram{hung: 1, breaker: 1, times: 1}, 0, 3)
	})
	return ps
}

// specialPrograms returns the programs with two keys, with devices of one row, and with
// Close.
func specialPrograms(n int) []*pipelineProgram {
	var ps []*pipelineProgram
	two := []task{{doL1, 0}, {doL2, 0}, {doR1, 0}, {doD, 0}, {doL1, 1}, {doR1, 1}, {doF, 0}, {doX, 0}}
	multisets(two, n, func(tasks []task) {
		other := false
		for _, k := range tasks {
			other = other || k.key == 1
		}
		if !other {
			return
		}
		for _, layout := range []int{0, 2} {
			ps = append(ps,
				&pipelineProgram{tasks: tasks, layout: layout, keys: 2, hung: -1, refusals: 1},
				&pipelineProgram{tasks: tasks, layout: layout, keys: 2, hung: -1, capacity: 1})
		}
	})
	if n >= 2 {
		multisets(oneKey()[:doG], n-1, func(tasks []task) {
			for _, layout := range []int{0, 3} {
				ps = append(ps, &pipelineProgram{tasks: append(slices.Clone(tasks), task{act: doC}), layout: layout, keys: 1, hung: -1, refusals: 1})
			}
		})
	}
	if n == 2 { // what takes four actions to go wrong
		for _, tasks := range [][]task{{{act: doL1}, {act: doL2}, {act: doF}, {act: doG}}, {{act: doL1}, {act: doL1}, {act: doF}, {act: doG}}} {
			ps = append(ps, &pipelineProgram{tasks: tasks, layout: 1, keys: 1, hung: -1})
		}
		ps = append(ps, &pipelineProgram{tasks: []task{{act: doL1}, {act: doL1}, {act: doL2}, {act: doG}}, layout: 1, keys: 1, hung: -1, refusals: 1})
	}
	return ps
}

// allPrograms returns everything that is explored, the shortest first.
func allPrograms() []*pipelineProgram {
	var ps []*pipelineProgram
	for n := 1; n <= 3; n++ {
		for _, p := range pipelinePrograms(n) {
			p.number, p.actions = len(ps), n
			ps = append(ps, p)
		}
	}
	return ps
}

// mixed returns the programs in another order: neighbours have little in common,
// and those with few actions still come first.
func mixed(ps []*pipelineProgram) []*pipelineProgram {
	var out []*pipelineProgram
	for from := range pipelineStride {
		for i := from; i < len(ps); i += pipelineStride {
			out = append(out, ps[i])
		}
	}
	rank := func(p *pipelineProgram) int {
		if len(p.tasks) > 3 {
			return 1 // there are three, and some bugs need them
		}
		return p.actions
	}
	slices.SortStableFunc(out, func(a, b *pipelineProgram) int { return rank(a) - rank(b) })
	return out
}
