package overlay

import "github.com/switchcore/switchcore/fdb/internal/cam"

// Source says where a lookup found its answer.
type Source uint8

// The sources.
const (
	FromMain   Source = iota // the main table
	FromOpen                 // a record of the open generation
	FromSealed               // a record of the sealed generation
)

// Lookup returns where a station is. It takes no lock and allocates nothing.
// The stamp is the main table's and may lag behind what is pending; 0 for a
// station that is only pending.
func (t *Table) Lookup(k cam.Key) (cam.Hot, bool) {
	v := t.View()
	h := t.main.Get(k.Word())
	if v.Final(h) {
		return h &^ cam.Frozen, true
	}
	h = t.LookupIn(v, k, h)
	return h, h != 0
}

// LookupBatch sets hots[i] to what Lookup returns for words[i], 0 where there is
// nothing and with Frozen undefined. hots must be as long as words. Each answer is right for itself at some
// instant of the call; together they are no snapshot.
func (t *Table) LookupBatch(words []cam.Word, hots []cam.Hot) {
	v := t.View()
	t.main.GetBatch(words, hots)
	for i, h := range hots {
		if !v.Final(h) {
			hots[i] = t.LookupIn(v, words[i].Key(), h)
		}
	}
}

// View is the first step of a [Table.Lookup], for callers that take the steps one
// by one: a call more would be a tenth of what a lookup costs. The second is Get of
// the main table. What it returns is the answer if it is Final; otherwise LookupIn
// has the answer. The view must be taken before main is looked at: what leaves the
// view later is in main by then.
type View struct{ d *descriptor }

// View returns what is pending now.
func (t *Table) View() View { return View{t.desc.Load()} }

// Final reports whether a word of the main table, looked up after the view was
// taken, is what Lookup returns.
func (v View) Final(h cam.Hot) bool { return h&(marked|cam.Present) == v.d.plain }

// Knows reports whether a learn says nothing that such a word does not.
func (v View) Knows(h cam.Hot, port uint16, tick uint64) bool {
	const all = cam.PortMask | cam.Present | cam.Local | cam.Inactive | marked
	return h&all == cam.Hot(0).WithPort(port)|v.d.plain && h.Stamp() >= tick
}

// LookupIn is the last step of [Table.Lookup] for a word that is not the answer. It
// returns the answer, 0 if there is no entry.
func (t *Table) LookupIn(v View, k cam.Key, h cam.Hot) cam.Hot {
	if h == 0 && v.d.lacks(k) {
		return 0
	}
	h, _ = t.look(v.d, k)
	return h
}

// LookupFrom is Lookup that says where the answer comes from.
func (t *Table) LookupFrom(k cam.Key) (cam.Hot, Source, bool) {
	h, from := t.look(t.desc.Load(), k)
	return h, from, h != 0
}

// LookupMain looks in the main table only, as a switch without the second stage
// would: what was learned is missed until it is applied. For comparison.
func (t *Table) LookupMain(k cam.Key) (cam.Hot, bool) {
	h, ok := t.main.Find(k)
	return h &^ private, ok && h&gone == 0
}

// lacks reports whether no generation ever held a record of a key. It may say no
// where none did.
func (d *descriptor) lacks(k cam.Key) bool {
	return d.open.index.lacks(k) && (d.sealed == nil || d.sealed.index.lacks(k))
}

// read returns the word of the main table and its number. They belong together
// unless the word is settled.
func (t *Table) read(k cam.Key) (cam.Hot, uint64) {
	for {
		r, ok := t.main.Probe(k)
		if !ok {
			return 0, 0
		}
		h, seq := r.Hot(), r.Seq()
		if r.Load() == h {
			return h, seq
		}
	}
}

// look is the whole lookup.
func (t *Table) look(d *descriptor, k cam.Key) (cam.Hot, Source) {
	// known is how many consumed records of the key the previous pass met.
	for known := 0; ; {
		h, seq := t.read(k)
		if h&settled != 0 {
			if h&gone != 0 {
				return 0, FromMain
			}
			return h &^ private, FromMain
		}
		v := view{word: h &^ private, flushes: d.flushes}
		for len(v.flushes) > 0 && v.flushes[0].seq <= seq {
			v.flushes = v.flushes[1:]
		}
		still := true
		if h == 0 || h&marked != 0 {
			used := v.records(d, k)
			if h == 0 && v.after == 0 && used == 0 {
				return 0, FromMain // there was no record to come, or to go
			}
			// What was consumed meanwhile went into another word, and what was
			// learned meanwhile belongs on top of that one. No entry is an entry
			// without a number: it may have come and gone.
			again, same := t.read(k)
			still = (h^again)&^cam.StampMask == 0 && seq == same && used == known
			known = used
		}
		v.flush(k, seqMask)
		if now := t.desc.Load(); now != d {
			d, known = now, 0
		} else if still {
			return v.word, v.from
		}
	}
}

// view is a fold by a reader.
type view struct {
	word    cam.Hot
	from    Source
	flushes []*flush // still to come
	after   uint64   // number of the newest record that was folded, 0 for none
	n       int
	more    bool // there are others than recs holds; they may be the same once more
	recs    [foldSize]uint64
	source  [foldSize]Source
}

// records folds the live records of a key and the flushes between them. A record
// that is carried over is in the open generation before it leaves the sealed
// one, so the sealed one is read first. It returns how many consumed ones it met.
func (v *view) records(d *descriptor, k cam.Key) (used int) {
	for v.more = true; v.more; {
		v.n, v.more = 0, false
		used = 0
		if d.sealed != nil {
			used = v.collect(&d.sealed.index, k, FromSealed)
		}
		used += v.collect(&d.open.index, k, FromOpen)
		for i, w := range v.recs[:v.n] {
			if seq := w & seqMask; seq > v.after {
				v.flush(k, seq)
				v.word, _ = seen(v.word, uint16(w>>48), w&kindBits, 0)
				v.from, v.after = v.source[i], seq
			}
		}
	}
	return used
}

// collect gathers the oldest records that were not folded yet, in number order, and
// counts the consumed ones.
func (v *view) collect(x *index, k cam.Key, from Source) (used int) {
	for s := x.search(k); s.next(); {
		switch w := s.cell.word.Load(); {
		case w == consumed:
			used++
		case w&seqMask > v.after:
			v.add(w, from)
		}
	}
	return used
}

func (v *view) add(w uint64, from Source) {
	i := v.n
	if i < len(v.recs) {
		v.n++
	} else {
		v.more = true
		if i--; v.recs[i]&seqMask <= w&seqMask {
			return
		}
	}
	for ; i > 0 && v.recs[i-1]&seqMask > w&seqMask; i-- {
		v.recs[i], v.source[i] = v.recs[i-1], v.source[i-1]
	}
	v.recs[i], v.source[i] = w, from
}

// flush applies the flushes before a number.
func (v *view) flush(k cam.Key, before uint64) {
	for len(v.flushes) > 0 && v.flushes[0].seq < before {
		if v.flushes[0].Matches(k, v.word) {
			v.word, v.from = 0, FromMain
		}
		v.flushes = v.flushes[1:]
	}
}
