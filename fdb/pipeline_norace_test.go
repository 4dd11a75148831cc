//go:build !race

package fdb

// pipelineStride is such that a plain run takes programs of every multiset, and
// all layouts and troubles in turn: there are 20 programs for a multiset.
const pipelineStride = 7
