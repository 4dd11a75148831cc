package switchdevtest

import (
	"context"
	"errors"

	"github.com/switchcore/switchcore/switchdev"
)

func dumpChecks() []check {
	const role = "FDBDumper"
	return []check{
		{Rule: Rule{"dump/once", role, "A row that is there throughout is seen exactly once."}, need: roleDump, run: checkDumpOnce},
		{Rule: Rule{"dump/domain", role, "DumpFDB calls yield with the rows of the domain, and of no other."}, need: roleDump, run: checkDumpDomain},
		{Rule: Rule{"dump/stops", role, "DumpFDB calls yield until yield returns false."}, need: roleDump, run: checkDumpStops},
		{Rule: Rule{"dump/epoch", role, "DumpFDB returns the epoch in which the dump ran."}, need: roleDump, run: checkDumpEpoch},
		{Rule: Rule{"dump/cancelled", role, "ctx ends the dump with ctx's error."}, need: roleDump, run: checkDumpCancelled},
		{Rule: Rule{"dump/generation", role, "Gen is the generation of the operation that set the row, 0 if the device does not keep it."}, need: roleDump, run: checkDumpGen},
		{Rule: Rule{"dump/never-waits", role, "A driver that implements FDBSubmitter never waits in DumpFDB: what it cannot read now it answers with ErrBusy."},
			need: roleDump | roleSubmit, hooks: hookHang, run: checkDumpNeverWaits},
	}
}

// populate sets n rows, or as many as there is room for, and returns them.
func (p *probe) populate(n int) table {
	p.tb.Helper()
	ops, want := make([]switchdev.FDBOp, p.room(n)), table{}
	for i := range ops {
		ops[i] = p.set(p.key(i), p.port(i))
		want[p.key(i)] = p.port(i)
	}
	p.place(ops...)
	return want
}

func checkDumpOnce(p *probe) {
	p.setUp()
	p.want(table{})
	p.want(p.populate(20)) // fails on a row that is seen twice
}

func checkDumpDomain(p *probe) {
	p.setUp()
	p.setUpOther()
	want := p.populate(3)
	p.wantIn(p.other, table{}, "the other domain, where nothing was set")
	p.place(p.setIn(p.other, p.key(7), p.otherPort))
	p.want(want)
	p.wantIn(p.other, table{p.key(7): p.otherPort}, "the other domain")
}

func checkDumpStops(p *probe) {
	p.setUp()
	p.populate(5)
	for most := 1; most <= 3; most++ {
		calls := 0
		p.do("DumpFDB", func() {
			_, _ = p.roles.dump.DumpFDB(context.Background(), p.domain, func(switchdev.FDBRow) bool {
				calls++
				return calls < most
			})
		})
		if calls > most {
			p.fatalf("yield was called %d times and returned false the %dth time", calls, most)
		}
	}
}

func checkDumpEpoch(p *probe) {
	p.setUp()
	want := p.mustFDB(p.set(p.key(0), p.port(0)))[0].Epoch
	if _, epoch := p.rows(p.domain); epoch != want || epoch == 0 {
		p.fatalf("DumpFDB returns epoch %v, the row in it was set in epoch %v", epoch, want)
	}
}

func checkDumpCancelled(p *probe) {
	p.setUp()
	p.populate(2)
	p.rows(p.domain) // skips what cannot be dumped
	var err error
	p.do("DumpFDB", func() {
		_, err = p.roles.dump.DumpFDB(cancelled(), p.domain, func(switchdev.FDBRow) bool { return true })
	})
	if !errors.Is(err, context.Canceled) {
		p.fatalf("DumpFDB with a ctx that has ended: %v", err)
	}
}

func checkDumpGen(p *probe) {
	p.setUp()
	p.gen = 1000
	op := p.set(p.key(0), p.port(0))
	p.mustFDB(op)
	rows, _ := p.rows(p.domain)
	for _, row := range rows {
		if row.Key == op.Entry.Key && row.Gen != 0 && row.Gen != op.Gen {
			p.fatalf("the row has generation %d, the operation that set it had %d", row.Gen, op.Gen)
		}
	}
}

func checkDumpNeverWaits(p *probe) {
	p.setUp()
	p.hangUp()
	ops := []switchdev.FDBOp{p.set(p.key(0), p.port(0))}
	ctx, cancel := context.WithCancel(context.Background())
	p.atEnd(cancel)
	running := p.start(func() { forms[1].apply(&p.roles, ctx, ops, make([]switchdev.Result, 1)) })
	p.stillRunning("WithHang", running)
	var err error
	p.do("DumpFDB, while a batch hangs,", func() {
		_, err = p.roles.dump.DumpFDB(context.Background(), p.domain, func(switchdev.FDBRow) bool { return true })
	})
	if err != nil && !errors.Is(err, switchdev.ErrBusy) && !errors.Is(err, errors.ErrUnsupported) {
		p.fatalf("DumpFDB while a batch hangs: %v", err)
	}
}
