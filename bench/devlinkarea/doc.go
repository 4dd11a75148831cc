// Package devlinkarea measures package devlink: what it costs to tell 1,000
// subscribers of everything that becomes of 10,000 instances with 64 ports, beside a
// channel for each subscriber; what a subscriber costs that does not read; what a
// registered port weighs; and the calls that programs make most.
//
// Both sides of a ratio do the same to the same instances, of which each has the same
// ports, and every subscriber checks that it was told everything in order.
package devlinkarea
