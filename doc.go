// Package switchcore is the landing page of a module; it has no code.
//
// The module is the control plane of a Linux switch as a library. What is here
// is the forwarding database of a bridge and the bridge that forwards with it,
// which can drive switch hardware, and devlink. Hardware is whatever implements the
// small interfaces of package switchdev. A simulated switch is included, so
// everything runs, and can be made to fail, without any.
//
// # Packages
//
//   - switchdev: the contract between tables and hardware; addresses, VLANs,
//     ports, roles of a driver, errors
//   - switchdev/switchdevtest: the conformance kit for drivers
//   - fdb: the forwarding database; fdb/bridge: the bridge that forwards with it;
//     fdb/show: its rows as the bridge tool prints them
//   - devlink: devices with ports, parameters, resources, regions, health and traps, in
//     namespaces, with reload and notifications; devlink/show: what the devlink tool
//     prints of them; devlink/devlinktest: a checker of notifications
//   - hwsim: a simulated switch chip
//   - lab: a small Linux machine made of these, driven by the words of ip and bridge,
//     which replays what real kernels answered
//
// Designed and not written yet are flowtable (masked flow tables with upcalls and
// offload) and neigh (the neighbour cache, and tunnel headers that follow it); the roles
// that they need are in switchdev. The tables import switchdev and never one another, so a
// program links what it uses. ARCHITECTURE.md says what holds between the
// packages.
//
// # Example
//
//	table, err := fdb.New(fdb.Config{}) // no hardware: a software table
//	if err != nil {
//		return err
//	}
//	defer table.Close()
//
//	station := fdb.Key{MAC: switchdev.MustParseMAC("02:00:00:00:00:01"), VLAN: 10}
//	table.Learn(station, 1) // a frame came in by port 1
//
//	entry, ok := table.Lookup(station)
//	if !ok {
//		return flood(frame)
//	}
//	return forward(frame, entry.Port)
//
// # Promises
//
// An operation that can be refused by hardware returns the refusal, with the
// table as it was. A station that was learned is found by the next lookup, even
// while hardware is slow or hangs. The data path waits for nobody, returns no
// error and, for stations that are known, takes no lock and allocates nothing.
// Nothing runs before New or after Close.
package switchcore
