package hwsim

import (
	"context"
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// Role names the kind of an operation. Each role has a queue of its own: a
// batch that hangs in one delays no other.
type Role uint8

// The roles.
const (
	RoleAny Role = iota // in a selector: every role
	RolePort
	RoleLAG
	RoleBridge
	RoleVLAN
	RoleFDB
	RoleFlush
	RoleDump
	RoleReset
	RoleReport // a report; nothing is queued in it
	numRoles
)

var roleNames = [numRoles]string{"any", "port", "lag", "bridge", "vlan", "fdb", "flush", "dump", "reset", "report"}

// String returns the role's name, for instance "fdb".
func (r Role) String() string {
	if r < numRoles {
		return roleNames[r]
	}
	return "role(" + strconv.Itoa(int(r)) + ")"
}

// OperationID names a batch that a chip was handed.
type OperationID uint64

// job is one batch. Its slices are used by one role each.
type job struct {
	id      OperationID
	role    Role
	n       int
	port    []switchdev.PortOp
	lag     []switchdev.LAGOp
	bridge  []switchdev.BridgeOp
	vlan    []switchdev.VLANOp
	fdb     []switchdev.FDBOp
	flush   []switchdev.FDBFlushOp
	results []switchdev.Result

	ctx   context.Context
	stop  func() bool   // of the AfterFunc on ctx
	done  func()        // the submitter's, nil for a blocking call
	ready chan struct{} // closed for a blocking call that waits; written under mu

	// Guarded by Chip.mu.
	next    int // operations executed
	due     int64
	started bool // due is set
	judged  bool // verdict is that of operation next
	verdict verdict
	gone    bool // out of its lane: nobody else answers it
	mute    bool // a fault keeps the results from muted on from being answered
	muted   int
	dropped int // operations that a fault has cut off: counted in next, and not executed
	record  uint64
}

// operation returns what the log and the selectors see of operation i.
func (j *job) operation(i int) Operation {
	switch j.role {
	case RolePort:
		op := &j.port[i]
		return Operation{Role: j.role, Verb: portVerb(op.Verb), Domain: op.Domain, Token: op.Token, Gen: op.Gen, Port: op.Port}
	case RoleLAG:
		op := &j.lag[i]
		return Operation{Role: j.role, Verb: op.Verb.String(), Domain: op.Domain, Token: op.Token, Gen: op.Gen, Port: op.Port, Links: linkPorts(op.Links)}
	case RoleBridge:
		op := &j.bridge[i]
		return Operation{Role: j.role, Verb: "set", Domain: op.Domain, Token: op.Token, Gen: op.Gen, Filtering: filtering(op)}
	case RoleVLAN:
		op := &j.vlan[i]
		return Operation{Role: j.role, Verb: vlanVerb(op.Verb), Domain: op.Domain, Token: op.Token, Gen: op.Gen, Port: op.Port, Key: switchdev.FDBKey{VLAN: op.VLAN}}
	case RoleFDB:
		op := &j.fdb[i]
		return Operation{Role: j.role, Verb: op.Verb.String(), Domain: op.Domain, Token: op.Token, Gen: op.Gen, Port: op.Entry.Port, Key: op.Entry.Key, Flags: op.Entry.Flags}
	case RoleFlush:
		op := &j.flush[i]
		return Operation{Role: j.role, Verb: "flush", Domain: op.Domain, Token: op.Token, Gen: op.Gen, Port: op.Port, Key: switchdev.FDBKey{VLAN: op.VLAN}}
	}
	return Operation{Role: j.role, Verb: "reset"}
}

// filtering is the change that a bridge operation makes, as in Operation.
func filtering(op *switchdev.BridgeOp) int8 {
	switch {
	case op.Set&switchdev.BridgeAttrFiltering == 0:
		return 0
	case op.Filtering:
		return 1
	}
	return -1
}

// linkPorts copies the numbers of links.
func linkPorts(links []switchdev.LAGLink) []switchdev.PortID {
	ids := make([]switchdev.PortID, len(links))
	for i, l := range links {
		ids[i] = l.Port
	}
	return ids
}

func portVerb(v switchdev.PortVerb) string {
	switch v {
	case switchdev.PortJoin:
		return "join"
	case switchdev.PortLeave:
		return "leave"
	case switchdev.PortSet:
		return "set"
	}
	return "verb(" + strconv.Itoa(int(v)) + ")"
}

func vlanVerb(v switchdev.VLANVerb) string {
	switch v {
	case switchdev.VLANSetMember:
		return "set"
	case switchdev.VLANDeleteMember:
		return "delete"
	}
	return "verb(" + strconv.Itoa(int(v)) + ")"
}

// silence makes the results from operation i on go unanswered.
func (j *job) silence(i int) {
	if !j.mute || i < j.muted {
		j.mute, j.muted = true, i
	}
}

// answers reports whether operation i gets its result.
func (j *job) answers(i int) bool { return !j.mute || i < j.muted }

func (j *job) token(i int) switchdev.Token { return j.operation(i).Token }
