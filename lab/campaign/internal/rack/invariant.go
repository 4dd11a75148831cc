package rack

import "github.com/switchcore/switchcore/lab/campaign/internal/sim"

// The invariants of a registry with cards.
var (
	invStream = sim.Invariant{ID: "R1", Text: "a subscriber reads lives in brackets, in order, without gap, and nothing else"}
	invView   = sim.Invariant{ID: "R2", Text: "what was told is what can be seen"}
	invEnds   = sim.Invariant{ID: "R3", Text: "every operation comes to an end"}
	invError  = sim.Invariant{ID: "R4", Text: "a verb answers what it can answer"}
	invPlace  = sim.Invariant{ID: "R5", Text: "a card is in one namespace, which is there"}
	invFailed = sim.Invariant{ID: "R6", Text: "a card whose reload went wrong says so and has nothing that works"}
	invSlot   = sim.Invariant{ID: "R7", Text: "a driver does one thing at a time, and goes down only when it is up"}
	invToken  = sim.Invariant{ID: "R8", Text: "a token dies with its callback"}
	invOthers = sim.Invariant{ID: "R9", Text: "nobody waits for a driver but who has to"}
	invRest   = sim.Invariant{ID: "R10", Text: "a reload mends what went wrong"}
	invClose  = sim.Invariant{ID: "R11", Text: "Close ends everything"}
)
