package overlay

import "github.com/switchcore/switchcore/fdb/internal/cam"

// AppendState appends everything that decides what the table will do with the
// given keys, in a form that is equal for two tables that will do the same:
// numbers are written as what rank makes of them, and stamps as their distance
// from tick. It is for explorers of the table's pipeline. Serialised, and
// without learns meanwhile.
func (t *Table) AppendState(b []byte, keys []cam.Key, tick uint64, rank func(uint64) byte) []byte {
	d := t.desc.Load()
	for _, k := range keys {
		e := t.entry(k)
		b = append(b, byte(e.Hot.Port()), byte(e.Hot.Flags()>>36), byte(e.Hot.Flags()>>44), byte(tick-min(tick, e.Stamp())), e.Owner, e.Offload)
		if e.Hot != 0 {
			b = append(b, rank(e.Seq))
		}
		if seq, ok := t.busy[k]; ok {
			b = append(b, 1, rank(seq))
		}
		for _, g := range [2]*generation{d.sealed, d.open} {
			for r := g.last(k); r != nil; r = r.older {
				roamed := byte(0)
				if r.roamed {
					roamed = 1
				}
				b = append(b, byte(r.port), roamed, byte(tick-min(tick, r.stamp)), rank(r.seq))
			}
			b = append(b, 0xff)
		}
	}
	for _, g := range [2]*generation{d.sealed, d.open} {
		switch {
		case g == nil:
			b = append(b, 0)
		case g.index.n.Load() == 0:
			b = append(b, 1)
		case g.first == 0:
			b = append(b, 2)
		default:
			b = append(b, 3, rank(g.first))
		}
	}
	for _, list := range [2][]*flush{d.active, d.held} {
		for _, f := range list {
			b = append(b, byte(f.Port), byte(f.Mask>>36), byte(f.Mask>>44), byte(f.killed), rank(f.seq))
		}
		b = append(b, 0xff)
	}
	for _, f := range t.sweep.retired {
		b = append(b, rank(f.Seq), byte(f.Killed))
	}
	return b
}
