// Package overlay is the forwarding database without devices, events or time:
// the main table of package cam under generations of pending learns and a list
// of pending flushes, which lookups fold in. It knows the bridge's learn rules.
//
// # Two stages
//
// A learn that changes anything becomes a numbered record in the open
// generation: a log of records and a small index for readers. The worker seals
// the generation, sorts its keys, applies it to the main table in their order
// and un-publishes it. A flush becomes a numbered line in the descriptor and
// counts at once; the worker removes what it covers later. What Lookup returns
// is at every instant the fold, in number order, of the main table, the pending
// flushes and the records (rule 2).
//
// One pointer leads to the immutable descriptor: open generation, sealed
// generation, flushes. The pending lock, a leaf held over nothing but memory
// work, orders everything that draws a number or writes the main table. Readers
// and the refresh of a known station take no lock. What they rely on:
//
//   - A reader loads the descriptor before it probes the main table, and a
//     generation is un-published after its last record is in the main table.
//   - A present key with a live record is Marked. So an unmarked word needs no
//     look at the records, and under no pending flush no look at anything.
//   - While the writer carries one key over, the word says Settled and is the
//     fold by itself; the number is stored and the records are consumed inside
//     that window. So the pair (word without Settled, number) read as word,
//     number, same word again, belongs together.
//   - A record is consumed, never cleared, in ascending order of number, and
//     after its effect is in the main table; a record that is carried over is
//     in the open generation before it is consumed in the sealed one. A reader
//     reads the word and its number, the sealed generation, the open one, and
//     word and number again. When these have changed, or the descriptor has, or
//     it meets consumed records that the pass before did not, it starts again:
//     an entry may have come and gone, and records that were learned meanwhile belong on top of another
//     word, or under another flush. So Lookup is lock-free, not wait-free: each
//     new pass means that the worker made progress.
//   - What has no mark has no record and is in nobody's hands: a flush and the
//     sweep remove such entries a segment at a time, and a batch of operations
//     writes them without a window.
//
// # Concurrency
//
// [Table.Lookup], [Table.LookupFrom], [Table.LookupMain], [Table.Learn],
// [Table.LearnLocked], [Table.Veto],
// [Table.AcceptFlush], [Table.Get], [Table.Bar], [Table.Pending],
// [Table.Counters], [Table.PortCounters] and the limits may be called by any
// number of goroutines. The serialised verbs ([Table.Stage], [Table.Finish],
// [Table.FinishFor], [Table.Reserve], [Table.Withdraw], [Table.Operate],
// [Table.Seal], [Table.Apply], [Table.FlushStep], [Table.Expire], [Table.Sweep],
// [Table.Update], [Table.Snapshot], [Table.Quiet], [Table.Check]) are for one
// goroutine at a time, concurrently with all the former.
package overlay
