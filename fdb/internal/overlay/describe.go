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
		if f, ok := t.busy[k]; ok {
			b = append(b, 1, bit(f.reserves), rank(f.seq))
		}
		if v, ok := t.vetoes.of[k]; ok && v.until > tick {
			b = append(b, 2, byte(v.port), byte(v.until-tick))
		}
		for _, g := range [2]*generation{d.sealed, d.open} {
			for r := g.last(k); r != nil; r = r.older {
				b = append(b, byte(r.port), bit(r.roamed)|bit(r.locked)<<1|bit(r.reserves)<<2, byte(tick-min(tick, r.stamp)), rank(r.seq))
			}
			b = append(b, 0xff)
		}
	}
	for _, g := range [2]*generation{d.sealed, d.open} {
		switch {
		case g == nil:
			b = append(b, 0)
		case g.index.empty():
			b = append(b, 1)
		case g.first == 0:
			b = append(b, 2)
		default:
			b = append(b, 3, rank(g.first))
		}
	}
	for _, list := range [2][]*flush{d.active, d.held} {
		for _, f := range list {
			b = append(b, byte(f.Port), byte(f.Mask>>36), byte(f.Mask>>44), f.Cold.Mask, f.Extern.Mask, byte(f.killed), bit(f.told), rank(f.seq))
		}
		b = append(b, 0xff)
	}
	if t.limits.learned > 0 {
		b = append(b, byte(t.limits.learned-t.learned-t.reserved))
	}
	for _, f := range t.sweep.retired {
		b = append(b, rank(f.Seq), byte(f.Killed))
	}
	return b
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}
