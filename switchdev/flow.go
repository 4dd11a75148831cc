package switchdev

import (
	"context"
	"time"
)

// FlowID names one flow on a device for as long as it exists. Two flows that
// differ in their mask only are two flows. Zero is not an id.
type FlowID uint64

// FlowState is where a flow is.
type FlowState uint8

// The states of a flow on a device. The zero value is FlowAbsent.
const (
	// FlowAbsent: the device knows nothing of it.
	FlowAbsent FlowState = iota
	// FlowInHardware: packets that match are handled by the device.
	FlowInHardware
	// FlowHeld: the device keeps the flow and will put it into hardware when
	// it can, for instance when the neighbour behind its tunnel is resolved.
	// The operation has succeeded; software handles the packets meanwhile.
	FlowHeld
	// FlowRefused: the device does not hold it, for the reason given.
	FlowRefused
	numFlowStates
)

var flowStateNames = [numFlowStates]string{"absent", "in-hardware", "held", "refused"}

// String returns the state's name, for instance "held".
func (s FlowState) String() string {
	if s < numFlowStates {
		return flowStateNames[s]
	}
	return "state(" + itoa(uint64(s)) + ")"
}

// Flow is a rule: what matches is treated by Actions.
type Flow struct {
	ID      FlowID
	Match   Match
	Actions []Action
}

// FlowVerb is what a [FlowOp] does.
type FlowVerb uint8

// The verbs of a flow operation.
const (
	// FlowPut installs the flow or replaces the actions of the one with the
	// same id; the match of an id never changes (ErrInvalid). Replacing makes
	// before it breaks: at no instant do matching packets meet no rule.
	FlowPut FlowVerb = iota + 1
	// FlowDelete removes the flow with Flow.ID. Its last counters are in the
	// result.
	FlowDelete
)

// FlowOp installs, replaces or deletes a flow.
type FlowOp struct {
	Op
	Verb FlowVerb
	Flow Flow
}

// FlowResult is the answer to a [FlowOp].
type FlowResult struct {
	Result
	// State is FlowInHardware or FlowHeld when Err is nil and the operation
	// was a put, FlowAbsent after a delete, FlowRefused otherwise.
	State FlowState
	// Stats are the counters at a delete.
	Stats FlowStats
}

// FlowOffloader is the role of devices with a flow table.
//
// After a put has succeeded the device reports every later change of the
// flow's state to its sink with ReportFlow, and the token of the put: held to
// in hardware, in hardware to held, or refused, after which the device holds
// the flow no more. A flow that a delete has answered is never reported again.
type FlowOffloader interface {
	// ApplyFlows executes a batch by the package's rules for batches. A match or
	// an action that the device cannot do answers ErrUnsupported, a full table
	// ErrNoSpace, a header that does not exist ErrNotExist.
	ApplyFlows(ctx context.Context, ops []FlowOp, results []FlowResult)
}

// FlowStats are the counters of a flow. They never run backwards as long as
// the flow exists; whoever replaces hardware rules under a flow adds up.
type FlowStats struct {
	Packets, Bytes uint64
	// Used is how long ago the last packet matched; negative: never.
	Used time.Duration
	// TCPFlags is the union of the TCP flags seen.
	TCPFlags uint16
}

// FlowStatsReader is the role of devices that count.
type FlowStatsReader interface {
	// ReadFlowStats writes the counters of ids[i] to stats[i] and returns how
	// many it wrote before ctx ended or an error occurred. An id that the
	// device does not hold gives the zero FlowStats with Used negative.
	ReadFlowStats(ctx context.Context, domain Domain, ids []FlowID, stats []FlowStats) (int, error)
}
