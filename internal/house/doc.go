// Package house holds the architecture of this module as checks: who may import
// whom, what a file and a package must have, and what may not occur in them.
//
// A check looks at a [Tree] and returns a [Problem] for every violation. The
// tests of this package run all checks on the module itself, and each check on
// a small tree that breaks its rule, so a check that finds nothing anywhere is
// found itself. The rules and their reasons are in ARCHITECTURE.md and
// CONTRIBUTING.md at the root.
//
// Nothing is built or type-checked: the checks read syntax, need no network and
// take a second for the whole module, and a package that does not compile today
// hides no problem of another one.
package house
