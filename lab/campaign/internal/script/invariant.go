package script

import "github.com/switchcore/switchcore/lab/campaign/internal/sim"

func told() sim.Invariant { return sim.Invariant{ID: "L1", Text: "what is listed is what was told"} }

func harmless() sim.Invariant { return sim.Invariant{ID: "L2", Text: "a refused line changes nothing"} }

func delivered() sim.Invariant { return sim.Invariant{ID: "L3", Text: "a frame goes where it belongs"} }

func offloaded() sim.Invariant {
	return sim.Invariant{ID: "L4", Text: "hardware holds what is shown as offloaded, and nothing else"}
}

func selected() sim.Invariant {
	return sim.Invariant{ID: "L5", Text: "a query shows what the table has"}
}

func flushed() sim.Invariant { return sim.Invariant{ID: "L6", Text: "a flush takes what it names"} }

func learned() sim.Invariant {
	return sim.Invariant{ID: "L7", Text: "a frame teaches where its sender is"}
}

func answered() sim.Invariant { return sim.Invariant{ID: "L8", Text: "every line has an answer"} }

func edited() sim.Invariant { return sim.Invariant{ID: "L9", Text: "an entry is what was asked for"} }

func untouched() sim.Invariant {
	return sim.Invariant{ID: "L10", Text: "what was refused is as it was"}
}

func held() sim.Invariant {
	return sim.Invariant{ID: "L12", Text: "what was made is in the switch"}
}

func mended() sim.Invariant {
	return sim.Invariant{ID: "L11", Text: "when faults are over the switch holds what users fixed"}
}

func survived() sim.Invariant { return sim.Invariant{ID: "panic", Text: "nothing panics"} }
