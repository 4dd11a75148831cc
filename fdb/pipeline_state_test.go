package fdb

import (
	"github.com/switchcore/switchcore/internal/offload"
)

// rank writes numbers in the order in which the hash meets them; their order by
// size is added at the end.
func (w *world) rank(seq uint64) byte {
	for i, s := range w.seqs {
		if s == seq {
			return byte(i)
		}
	}
	w.seqs = append(w.seqs, seq)
	return byte(len(w.seqs) - 1)
}

func packBits(set ...bool) (f byte) {
	for i, on := range set {
		if on {
			f |= 1 << i
		}
	}
	return f
}

func appendKey(b []byte, k uint64) []byte { return append(b, byte(keyIndex(k))) }
func appendRow(b []byte, r row) []byte    { return append(b, byte(r.port), byte(r.flags)) }

// state returns everything that decides what can happen and what is checked.
func (w *world) state() []byte {
	t := w.t
	w.seqs = w.seqs[:0]
	b := w.buf[:0]
	for _, k := range w.left {
		b = append(b, byte(k.act), k.key)
	}
	b = append(b, 0xff, byte(w.refusals), byte(w.losses), byte(w.times), packBits(w.closed, w.gone))
	b = append(b, w.vetoed[:]...)
	if !w.closed {
		b = t.stations.AppendState(b, worldCams[:w.p.keys], t.clock.tick(), w.rank)
		d := offload.Describer[uint64, row]{Key: appendKey, Row: appendRow, Now: w.now, Unit: worldTick}
		for _, j := range t.jobs {
			d.Waiters = append(d.Waiters, &j.wait)
			b = append(b, packBits(j.ran, j.over), byte(j.dev), byte(j.count), byte(j.deadline.Sub(w.now)/worldTick), w.rank(j.seq))
			b = j.wait.AppendState(b)
		}
		for _, j := range t.inbox.jobs {
			b = append(b, w.rank(j.seq))
		}
		b = t.devices.AppendState(b, &d)
		for _, dev := range t.devs {
			until := byte(0xff)
			if !dev.call.until.IsZero() {
				until = byte(dev.call.until.Sub(w.now) / worldTick)
			}
			b = append(b, until)
		}
		for i, k := range worldCams[:w.p.keys] {
			if p, ok := t.untold.get(k); ok {
				b = append(b, 1, byte(p.told.Port()), byte(rowOf(p.told).flags), packBits(p.told.Hot != 0))
			}
			if p, ok := t.untold.pauses.of[k]; ok {
				b = append(b, 2, byte(p.port), byte(p.tries), byte(p.until.Sub(w.now)/worldTick))
			}
			for _, o := range t.queues[k] {
				b = append(b, byte(o.verb), byte(o.entry.Port))
			}
			b = append(b, byte(i))
		}
		for _, o := range t.inbox.ops {
			b = append(b, byte(keyIndex(uint64(o.key))), byte(o.verb), byte(o.entry.Port))
		}
		for _, k := range t.ready {
			b = append(b, byte(keyIndex(uint64(k))))
		}
	}
	for _, r := range t.reports.queue {
		b = append(b, byte(r.dev), byte(r.Kind), byte(r.Port), byte(r.Epoch), r.Key.MAC[5])
	}
	for _, d := range w.devs {
		b = w.deviceState(append(b, 0xfd), d)
	}
	b = w.oracleState(b)
	for i := range w.seqs { // the order of the numbers
		n := byte(0)
		for _, s := range w.seqs {
			if s < w.seqs[i] {
				n++
			}
		}
		b = append(b, n)
	}
	w.buf = b
	return b
}

// mine reports whether a row was set for the operation that is in flight.
func (w *world) mine(key int, gen uint64) byte {
	o := w.t.inFlight[worldCams[key]]
	return packBits(o != nil && o.seq == gen)
}

func (w *world) deviceState(b []byte, d *fakeDevice) []byte {
	b = append(b, byte(d.epoch))
	for i, r := range d.rows[:w.p.keys] {
		b = append(b, packBits(r.on, r.static, d.aged[i]), r.port)
		if r.on {
			b = append(b, w.mine(i, r.gen))
		}
	}
	if d.out == nil {
		return append(b, 0)
	}
	b = append(b, 1, byte(d.done))
	for i, o := range d.out.ops {
		r := &d.out.results[i]
		b = append(b, byte(o.Verb), o.Entry.Key.MAC[5], byte(o.Entry.Port), byte(o.Entry.Flags), byte(r.Epoch), w.mine(keyIndex(o.Entry.Key.Pack()), uint64(o.Gen)))
		b = append(b, packBits(r.Token != 0, r.Err != nil))
	}
	return b
}
