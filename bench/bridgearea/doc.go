// Package bridgearea measures the data path of package fdb/bridge: what a call of
// Forward costs above the two operations on the table that it cannot do without,
// beside the bridge of gVisor's network stack, and between two TAP interfaces.
//
// The frames are made beforehand and lie one behind the other, as in a ring of
// buffers that a device fills; which station sends and which one is meant is
// random, so the table is read as traffic reads it. The table is the bridge's own
// in both halves of a ratio, with its worker, clock, events and ageing.
package bridgearea
