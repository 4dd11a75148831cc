package hwsim

import (
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// replayLAG carries out a LAG operation on the model.
func (a *auditor) replayLAG(r *Record) {
	links, there := a.lags[r.Port]
	if r.Outcome != nil {
		most := a.history.Limits.LAGLinks
		if there && r.Verb == "set" && a.excuse(r) && !a.corruptLAG[r.Port] && (most == 0 || len(r.Links) <= most) {
			a.blame(RuleRepeat, r, "no space for a LAG that is there")
		}
		if r.Before != r.After {
			a.blame(RuleRepeat, r, "refused, and the use of the tables went from %+v to %+v", r.Before, r.After)
		}
		return
	}
	suspect := a.corruptLAG[r.Port]
	a.corruptLAG[r.Port] = r.Faults.Has(FaultIgnore)
	if r.Verb == "delete" {
		if r.After.LAGs > r.Before.LAGs {
			a.blame(RuleRepeat, r, "deleting grew the table")
		}
		if r.Quirks != 0 || r.Faults.Has(FaultIgnore) {
			a.suspectRows(r, func(_ rowKey, w wantedRow) bool { return w.port == r.Port })
		}
		a.endLAG(r.Port)
		return
	}
	if most := a.history.Limits.LAGLinks; most > 0 && len(r.Links) > most {
		a.blame(RuleBudget, r, "%d links of %d", len(r.Links), most)
	}
	if there && r.Before != r.After && !suspect {
		a.blame(RuleRepeat, r, "links changed, and the use of the tables went from %+v to %+v", r.Before, r.After)
	}
	for _, id := range r.Links {
		if !slices.Contains(links, id) {
			a.checkLink(r, id)
		}
	}
	a.lags[r.Port] = r.Links
	delete(a.ended, r.Port)
	delete(a.gone, r.Port)
}

// checkLink blames a LAG for a link that is somewhere else too.
func (a *auditor) checkLink(r *Record, id switchdev.PortID) {
	if other, ok := a.lagOf(id); ok && other != r.Port {
		a.blame(RuleLAG, r, "port %d is a link of %d too", id, other)
	}
	for k := range a.joined {
		if k.port == id {
			a.blame(RuleLAG, r, "port %d is a member of domain %d", id, k.domain)
		}
	}
}

// lagOf returns the LAG that a port is a link of, as far as that is certain.
func (a *auditor) lagOf(port switchdev.PortID) (switchdev.PortID, bool) {
	for id, links := range a.lags {
		if slices.Contains(links, port) && !a.corruptLAG[id] {
			return id, true
		}
	}
	return 0, false
}

// endLAG takes a LAG out of the model, with all that is of it.
func (a *auditor) endLAG(id switchdev.PortID) {
	if _, there := a.lags[id]; there {
		a.ended[id] = true
	}
	delete(a.lags, id)
	// Also of one that the model does not know: it was said to have ended before.
	a.withdraw(func(_ switchdev.Domain, p switchdev.PortID) bool { return p == id })
}

// loseLink takes a port that is gone out of its LAG.
func (a *auditor) loseLink(port switchdev.PortID) {
	for id, links := range a.lags {
		a.lags[id] = slices.DeleteFunc(slices.Clone(links), func(o switchdev.PortID) bool { return o == port })
	}
}

// checkLAG reports whether RuleLAG has something to say about an operation that
// sets something on a port, and says it.
func (a *auditor) checkLAG(r *Record) bool {
	if id, ok := a.lagOf(r.Port); ok {
		a.blame(RuleLAG, r, "%s.%s on port %d, which is a link of %d", r.Role, r.Verb, r.Port, id)
		return true
	}
	if a.ended[r.Port] && !a.corruptLAG[r.Port] {
		a.blame(RuleLAG, r, "%s.%s on LAG %d, which has ended", r.Role, r.Verb, r.Port)
		return true
	}
	return false
}
