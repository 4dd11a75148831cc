package yard

import "github.com/switchcore/switchcore/lab/campaign/internal/sim"

// The invariants of a bridge with devices.
var (
	invPath     = sim.Invariant{ID: "B1", Text: "what becomes of a frame is what the rules of a bridge say"}
	invEgress   = sim.Invariant{ID: "B2", Text: "no frame leaves by a port that may not have it"}
	invOnce     = sim.Invariant{ID: "B3", Text: "who is to have a frame has it once, from software or hardware"}
	invFlood    = sim.Invariant{ID: "B4", Text: "no frame for an accepted station is flooded"}
	invCount    = sim.Invariant{ID: "B5", Text: "every frame is counted once when it comes in and once when it is dealt with"}
	invVerb     = sim.Invariant{ID: "B6", Text: "a verb answers what it has to"}
	invModel    = sim.Invariant{ID: "B7", Text: "the bridge is what the verbs made it, and a number that is used again inherits nothing"}
	invOwn      = sim.Invariant{ID: "B8", Text: "own addresses are where their owners are, and nowhere else"}
	invGone     = sim.Invariant{ID: "B9", Text: "nothing is learned on a port that is not there, or in a VLAN that it is not in"}
	invLife     = sim.Invariant{ID: "B10", Text: "what is learned on a port was heard by it in its present life"}
	invConverge = sim.Invariant{ID: "B11", Text: "a quiet device holds what the bridge wants, and nothing else"}
	invTree     = sim.Invariant{ID: "B12", Text: "the spanning tree leaves no loop, and every bridge within reach"}
	invDeadline = sim.Invariant{ID: "B13", Text: "nothing waits longer than its deadline"}
	invClose    = sim.Invariant{ID: "B14", Text: "Close ends everything and leaves nothing in the devices"}
	invAudit    = sim.Invariant{ID: "audit", Text: "a device is driven by the rules"}
	invBusy     = sim.Invariant{ID: "poll", Text: "Poll does everything that is due"}
	invInput    = sim.Invariant{ID: "input", Text: "bad input is refused and changes nothing"}
)
