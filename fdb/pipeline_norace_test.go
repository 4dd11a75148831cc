//go:build !race

package fdb

// pipelineStride is such that a plain run takes programs of every multiset, and
// all layouts and troubles in turn: it has no factor in common with how many programs
// there are for a multiset, which is 20, 7, 6 or 4.
const pipelineStride = 11
