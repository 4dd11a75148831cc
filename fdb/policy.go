package fdb

// Policy says what becomes of an entry that a device does not take.
type Policy uint8

// The policies.
const (
	// PolicyDefault is the default that the field names.
	PolicyDefault Policy = iota
	// PolicyRefuse: the entry is not made. A user's operation fails and leaves
	// table and devices as they were; a learned station leaves the table, as in
	// networks where a station that is not in hardware must not be reached at
	// all (the mlxsw driver of Linux forgets what it cannot write).
	PolicyRefuse
	// PolicySoftware: the entry is made in software, its offload state is
	// OffloadFailed, and the device is offered it again with growing pauses.
	// What a bridge of Linux does, which does not ask its devices.
	PolicySoftware

	policiesEnd
)

// String returns "default", "refuse" or "software".
func (p Policy) String() string {
	switch p {
	case PolicyDefault:
		return "default"
	case PolicyRefuse:
		return "refuse"
	case PolicySoftware:
		return "software"
	}
	return "policy?"
}
