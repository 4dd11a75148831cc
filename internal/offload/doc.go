// Package offload is the device side of every table: it brings rows into
// devices and keeps them there.
//
// Devices are driven by level. For every pair of device and key there is a
// cell with the row that the device is believed to hold; what the device ought
// to hold is asked of the table whenever a batch is formed and again after
// every return. Nothing is queued but the keys that may differ, so a slow
// device costs one call per batch and a change that was overtaken costs none.
//
// User operations go through the same cells. While one is in flight it sets
// targets that stand in for what the table wants: first the new row on every
// device that claims it, then none on all others. An operation that fails takes
// its targets away, and the same level rule brings the devices back.
//
// The numbers in comments ("rule 12") are those of the commit rules in
// ARCHITECTURE.md.
//
// # Concurrency
//
// An [Engine] is passive and not safe for concurrent use: its table calls it
// while it holds its commit slot. It starts nothing, never waits and never calls
// a driver; the table takes a [Call], makes it without the slot, and brings it
// back with [Engine.Return].
package offload
