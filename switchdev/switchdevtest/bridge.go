package switchdevtest

import (
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func bridgeChecks() []check {
	const role = "BridgeOffloader"
	return []check{
		{Rule: Rule{"bridge/set-is-idempotent", role, "Set operations are upserts and idempotent."}, need: roleBridge, run: checkBridgeSet},
		{Rule: Rule{"bridge/ageing-range", role, "An ageing time outside the device's Limits answers ErrRange."}, need: roleBridge | roleLimits, run: checkAgeingRange},
		{Rule: Rule{"bridge/check-agrees", role, "CheckBridge answers as ApplyBridge would, as far as that can be known beforehand."}, need: roleBridge | roleLimits, run: checkBridgeAgrees},
	}
}

func (p *probe) ageing(d time.Duration) switchdev.BridgeOp {
	return switchdev.BridgeOp{Op: p.op(p.domain), Set: switchdev.BridgeAttrAgeing, Ageing: d}
}

func checkBridgeSet(p *probe) {
	p.setUp()
	ageing := 300 * time.Second // Linux's default
	if l := p.sizes(); l.AgeingMax > 0 {
		ageing = min(max(ageing, l.AgeingMin), l.AgeingMax)
	}
	for range 3 {
		p.must("filtering", p.bridgeErrors(p.filtering()))
		p.must("ageing", p.bridgeErrors(p.ageing(ageing)))
	}
}

// outside returns ageing times beyond the limits. Zero is not among them: it
// means that nothing is learned.
func (p *probe) outsideAgeing() (times []time.Duration) {
	l := p.sizes()
	if l.AgeingMin > 1 {
		times = append(times, l.AgeingMin-1)
	}
	if l.AgeingMax > 0 {
		times = append(times, l.AgeingMax+1)
	}
	if times == nil {
		p.skip("the device does not limit the ageing time")
	}
	return times
}

func checkAgeingRange(p *probe) {
	p.setUp()
	l := p.sizes()
	for _, d := range p.outsideAgeing() {
		p.mustBe("ageing "+d.String(), p.bridgeErrors(p.ageing(d))[0], switchdev.ErrRange)
	}
	for _, d := range []time.Duration{l.AgeingMin, l.AgeingMax} {
		if d > 0 {
			p.must("ageing "+d.String(), p.bridgeErrors(p.ageing(d)))
		}
	}
}

func checkBridgeAgrees(p *probe) {
	p.setUp()
	ops := []switchdev.BridgeOp{p.filtering()}
	for _, d := range p.outsideAgeing() {
		ops = append(ops, p.ageing(d))
	}
	for _, op := range ops {
		before, then := p.checkBridgeErrors(op)[0], p.bridgeErrors(op)[0]
		p.skipUnsupported("a bridge operation", then)
		p.agree(before, then, "CheckBridge", "ApplyBridge")
	}
}
