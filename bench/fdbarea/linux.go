package fdbarea

import (
	"errors"
	"fmt"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/fdb"
)

// linuxBridge measures beside the bridge of the running kernel.
func linuxBridge() measure.Group {
	return measure.Group{Name: "linux bridge", Rows: []measure.Row{
		{Name: "1M/add/linux", Ours: "add/ours", Peer: "add/linux", Rule: measure.Faster, Gate: 2,
			Text: "adding 1M static entries without hardware, by Apply of 256, beside netlink with 256 messages in a write; CPU of all threads"},
		{Name: "1M/dump/linux", Ours: "dump/ours", Peer: "dump/linux", Rule: measure.Faster, Gate: 100,
			Text: "reading 1M entries, beside a netlink dump; the kernel's is measured once, for it takes most of a minute"},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n := s.Size(1<<20, 20_000)
		for round := range s.Rounds {
			s.Progress("round %d of %d: ours", round+1, s.Rounds)
			if err := addAndDump(rec, n); err != nil {
				return err
			}
		}
		s.Progress("the kernel's bridge, once")
		failed := make(chan error)
		go func() { failed <- kernelAddAndDump(rec, n) }() // its thread ends with it
		return <-failed
	}}
}

func addAndDump(rec *measure.Record, n int) error {
	t, err := newOurs(config(), 0)
	if err != nil {
		return err
	}
	defer t.Close()
	a := &applied{ours: t}
	rec.Add("add/ours", measure.InParts(n, 1<<18, func(from, to int) {
		for i := from; i < to; i++ {
			a.ops = append(a.ops, fdb.Op{Verb: fdb.VerbAdd, Entry: fdb.Entry{Key: key(uint64(i)), Port: 1, Flags: fdb.Static}})
			if len(a.ops) == updateBatch || i == to-1 {
				err = errors.Join(err, a.apply())
			}
		}
	}))
	measure.Quiet(func() {
		seen := 0
		rec.Add("dump/ours", measure.PerOp(1, func() {
			for range t.All() {
				seen++
			}
		}))
		if seen != n {
			err = errors.Join(err, fmt.Errorf("%d of %d entries were dumped", seen, n))
		}
	})
	return err
}

func kernelAddAndDump(rec *measure.Record, n int) error {
	if !rec.Wants("add/linux") && !rec.Wants("dump/linux") {
		return nil
	}
	b, err := peer.NewLinuxBridge()
	if err != nil {
		return fmt.Errorf("%w: %w", measure.ErrSkip, err)
	}
	defer b.Close()
	rec.Add("add/linux", measure.PerOpAll(n, func() { err = b.Add(0, uint64(n)) }))
	if err != nil || !rec.Wants("dump/linux") {
		return err
	}
	seen := 0
	rec.Add("dump/linux", measure.PerOp(1, func() { seen, err = b.Dump() }))
	if err == nil && seen < n {
		err = fmt.Errorf("the kernel dumped %d of %d entries", seen, n)
	}
	return err
}
