//go:build race

package fdb

// pipelineStride thins the programs of a plain run further where every step
// costs ten times as much.
const pipelineStride = 79
