// Package fdbarea measures the forwarding database: package fdb of this library
// as a program uses it, its main table alone, and the tables of package peer.
//
// The public table is what fdb.New gives for a Config without hardware, with its
// worker, clock, events, counters, second stage and ageing. Where a measurement
// needs time to stand still, or what is pending to stay so, the table is Manual,
// which changes who does the work and when, and nothing of what is done. See
// [config] for what differs from the zero Config.
package fdbarea
