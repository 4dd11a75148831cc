// Package cam is the main table of the forwarding database: station keys to
// packed 64-bit words, looked up without a lock, an allocation or a second
// cache line.
//
// An atomic directory pointer leads to segments of 8 KiB lookup array, 128
// buckets of one cache line with four keys and their four hot words.
// Directory and segments are those of extendible hashing: the top bits of a
// keyed hash choose the segment, the low bits the bucket, and growth splits one
// segment at a time, so no writer ever stalls for the whole table. What a lookup
// does not need (the number of the writing operation, owner, offload state, time
// of last use) lies in a parallel array of the same segment object. Segments
// hold no pointers; the garbage collector never looks inside.
//
// # Life of a slot
//
// A key word is written once in a segment's life, after its value. Deleting
// zeroes the hot word; the slot may then be revived for the same key only, and
// is reclaimed for others when the segment is built anew: by a split, a
// rebuild, a merge, or the first write after a snapshot.
//
// A segment is replaced by freezing every live hot word (a bit set by
// compare-and-swap, after which nobody's compare-and-swap succeeds), copying it,
// and storing the new pointer. So neither a refresh nor a mark is ever lost:
// whoever meets a frozen word looks the key up again. The garbage collector is
// the grace period: a replaced segment lives as long as somebody reads it.
//
// # Concurrency
//
// [Table.Find], [Table.Get], [Table.GetBatch], [Table.Probe], [Table.Refresh],
// [Table.Mark], [Table.Unmark], [Table.Touch], [Table.Any], [Table.Oldest],
// [Table.Len] and the scans may be
// called by any number of goroutines at any time. Everything else writes: one
// goroutine at a time, serialised by the caller, concurrently with all the
// former. Snapshots may be read by anybody.
//
// # Memory
//
// 14 KiB a segment: 56 bytes an entry in all at 2^20 entries, 32 of them in the
// lookup array. Segments split at 62.5 % of their slots used, unless an eighth of
// those is dead: then the segment is built anew at 68.75 %. So however stations come and go
// a segment that growth left behind holds 120 entries on average, or 120 bytes an
// entry. Neighbours merge when both are nearly empty, and the directory halves when
// no segment needs its last two bits: an emptied table ends as one segment. What
// [Table.Cull] empties at once is handed over whole, and one segment without keys
// stands for all of those until they are written to. A
// snapshot pins the segments that it shares with the table.
package cam
