package plant

import "github.com/switchcore/switchcore/lab/campaign/internal/sim"

// The invariants of a table with devices. The numbers are those of the table's
// contract and of the commit rules in ARCHITECTURE.md.
var (
	invBlind    = sim.Invariant{ID: "I1", Text: "what was accepted is found, as the fold of all that was accepted says (rule 2)"}
	invConserve = sim.Invariant{ID: "I3", Text: "what was learned is counted once"}
	invOrder    = sim.Invariant{ID: "I6", Text: "main, events and snapshots tell the same in one order"}
	invFence    = sim.Invariant{ID: "I7", Text: "an operation is decided against what Lookup says"}
	invFlush    = sim.Invariant{ID: "I8", Text: "a flush removes what was there before it and nothing else"}
	invEvents   = sim.Invariant{ID: "I10", Text: "a follower hears every change once, in order"}
	invBounds   = sim.Invariant{ID: "I12", Text: "what is new is dropped only beyond the bound, what is known never"}
	invLimit    = sim.Invariant{ID: "I13", Text: "no more is learned than the limit says"}
	invSync     = sim.Invariant{ID: "I15", Text: "nil says that table and devices hold it, an error that they hold what they held"}
	invOffload  = sim.Invariant{ID: "I16", Text: "offloaded says that every device that claims the entry holds it"}
	invPolicy   = sim.Invariant{ID: "I18", Text: "what a device does not take is kept or dropped as the policy says"}
	invDeadline = sim.Invariant{ID: "I19", Text: "nothing waits longer than its deadline"}
	invConverge = sim.Invariant{ID: "I22", Text: "a quiet device holds what the table wants, and nothing else"}
	invGone     = sim.Invariant{ID: "I23", Text: "a port that is gone has nothing left anywhere"}
	invAgeing   = sim.Invariant{ID: "I25", Text: "an entry leaves when its time is over, not before and not much later"}
	invInput    = sim.Invariant{ID: "input", Text: "bad input is refused and changes nothing"}
	invFlood    = sim.Invariant{ID: "flood", Text: "no frame for an accepted station is flooded"}
	invClose    = sim.Invariant{ID: "close", Text: "Close ends everything that was under way"}
	invAudit    = sim.Invariant{ID: "audit", Text: "a device is driven by the rules"}
	invBusy     = sim.Invariant{ID: "poll", Text: "Poll does everything that is due"}
)
