// The path of this module is not where it lies: under fdb/ it may import the
// main table, which is internal there. See core.go.
module github.com/switchcore/switchcore/fdb/core

go 1.26.0

require github.com/switchcore/switchcore v0.0.0

replace github.com/switchcore/switchcore => ../..
