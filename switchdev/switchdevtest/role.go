package switchdevtest

import (
	"math/bits"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// roleSet is a set of roles.
type roleSet uint16

const (
	roleFDB roleSet = 1 << iota
	roleSubmit
	roleFlush
	roleDump
	rolePorts
	roleList
	roleBridge
	roleVLANs
	roleLimits
	roleReset
	roleReports
	roleLAGs
	numRoles = iota
)

// roleNames are the names of the interfaces, in the order of the bits.
var roleNames = [numRoles]string{
	"FDBOffloader", "FDBSubmitter", "FDBFlusher", "FDBDumper", "PortOffloader", "PortLister",
	"BridgeOffloader", "VLANOffloader", "Limiter", "Resetter", "Reporter", "LAGOffloader",
}

func (s roleSet) names() []string {
	var names []string
	for ; s != 0; s &= s - 1 {
		names = append(names, roleNames[bits.TrailingZeros16(uint16(s))])
	}
	return names
}

func (s roleSet) String() string {
	if s == 0 {
		return "none"
	}
	return strings.Join(s.names(), ", ")
}

// roleNamed returns the role whose interface has the name, 0 if the kit has no
// rules for it.
func roleNamed(name string) roleSet {
	for i, n := range roleNames {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// roles are the roles of one driver; those that it lacks are nil.
type roles struct {
	fdb     switchdev.FDBOffloader
	submit  switchdev.FDBSubmitter
	flush   switchdev.FDBFlusher
	dump    switchdev.FDBDumper
	ports   switchdev.PortOffloader
	list    switchdev.PortLister
	bridge  switchdev.BridgeOffloader
	vlans   switchdev.VLANOffloader
	limits  switchdev.Limiter
	reset   switchdev.Resetter
	reports switchdev.Reporter
	lags    switchdev.LAGOffloader
	found   roleSet
}

func findRoles(d switchdev.Driver) roles {
	var r roles
	find(d, &r.fdb, &r.found, roleFDB)
	find(d, &r.submit, &r.found, roleSubmit)
	find(d, &r.flush, &r.found, roleFlush)
	find(d, &r.dump, &r.found, roleDump)
	find(d, &r.ports, &r.found, rolePorts)
	find(d, &r.list, &r.found, roleList)
	find(d, &r.bridge, &r.found, roleBridge)
	find(d, &r.vlans, &r.found, roleVLANs)
	find(d, &r.limits, &r.found, roleLimits)
	find(d, &r.reset, &r.found, roleReset)
	find(d, &r.reports, &r.found, roleReports)
	find(d, &r.lags, &r.found, roleLAGs)
	return r
}

func find[T any](d switchdev.Driver, role *T, found *roleSet, bit roleSet) {
	if got, ok := switchdev.As[T](d); ok {
		*role = got
		*found |= bit
	}
}
