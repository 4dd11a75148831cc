package switchdev

// ActionKind is what an [Action] does to a packet.
type ActionKind uint8

// The actions, named as in ovs-actions(7) and numbered by us. An empty list of
// actions drops the packet.
const (
	ActionOutput    ActionKind = iota + 1 // send a copy out of Port
	ActionUserspace                       // hand a copy to the program, with Arg as its cookie
	ActionSet                             // write the fields of Key that Mask names
	ActionPushVLAN                        // put on the tag Key.VLAN with Key.VLANProtocol
	ActionPopVLAN                         // take off the outer tag
	ActionPushMPLS                        // put on Key.MPLS with Key.EthType
	ActionPopMPLS                         // take off the top label; Key.EthType is what follows
	ActionEncap                           // put on the tunnel header Header
	ActionDecap                           // take off the tunnel header
	ActionSetTunnel                       // set the tunnel metadata Key.Tunnel for a later output
	ActionRecirc                          // look up again with recirculation id Arg
	ActionHash                            // compute Key.Hash, with Arg as its basis
	ActionSample                          // with probability Arg/2³², do Nested
	ActionTruncate                        // cut the next output to Arg bytes
	ActionMeter                           // pass meter Arg, or be dropped
	ActionCT                              // connection tracking: carried, not modelled
	ActionClone                           // do Nested on a copy
	ActionCheckLen                        // longer than Arg: do Nested, else Else
	ActionDrop                            // drop, with Arg as the reason
	numActionKinds
)

var actionNames = [numActionKinds]string{
	ActionOutput: "output", ActionUserspace: "userspace", ActionSet: "set", ActionPushVLAN: "push_vlan",
	ActionPopVLAN: "pop_vlan", ActionPushMPLS: "push_mpls", ActionPopMPLS: "pop_mpls", ActionEncap: "encap",
	ActionDecap: "decap", ActionSetTunnel: "set_tunnel", ActionRecirc: "recirc", ActionHash: "hash",
	ActionSample: "sample", ActionTruncate: "trunc", ActionMeter: "meter", ActionCT: "ct",
	ActionClone: "clone", ActionCheckLen: "check_pkt_len", ActionDrop: "drop",
}

// String returns the action's name as ovs-dpctl prints it, where it has one.
func (k ActionKind) String() string {
	if k < numActionKinds && actionNames[k] != "" {
		return actionNames[k]
	}
	return "action(" + itoa(uint64(k)) + ")"
}

// Action is one step of a flow. Which fields count is said at its kind. An
// Action is a value that nobody changes once it is part of a flow.
type Action struct {
	Kind   ActionKind
	Port   PortID
	Arg    uint64
	Header HeaderID
	// Key and Mask are used by the actions that write fields; both are nil
	// for the others.
	Key, Mask *FlowKey
	// Nested and Else are the steps of actions that contain others.
	Nested, Else []Action
}
