// Package script is the world of the campaign that is played in words: random lines of
// the language of package lab, typed into a lab one after the other, with everything
// that can be seen checked after every line.
//
// The checks know nothing of the code below. What is listed has to be what the
// notifications add up to. A second lab is given the same lines but those that were
// refused, and has to stay the same. Who received a frame is held against a small
// model of a bridge that reads the tables as a user does. In the mode without quirks the
// switch holds what is shown as offloaded and nothing else.
//
// In half of the runs there is a switch, and in most of those it misbehaves for a while, by
// the lines "lab fault". Meanwhile what is listed has still to be what was told, what was
// refused is as it was, what was made and what is shown as offloaded is in the switch, if that
// does not lie, and frames between software ports go their way. The second lab is given
// every line then, since a refusal uses faults up. When all faults are over, time has passed,
// and a switch that lied was read or reset, everything has to hold again, and what users
// fixed is in the switch.
//
// What a quirk leaves untold is left out, and nothing else: with SilentHeir the owner of
// an own address; with SelfEcho a notification that has no master; with Rocker what the
// switch does.
//
// A run that breaks an invariant is a transcript, which examples/lab replays.
//
// # Concurrency
//
// Runs share nothing; each belongs to one goroutine.
//
// # Errors
//
// What the text of a transcript gets wrong is an error of [Parse]; what the lab gets
// wrong is a [*sim.Violation].
//
// # Differences from Linux
//
// The model of a bridge is that of net/bridge/br_input.c and br_forward.c; it answers
// nothing where a frame is for a group of the link, which has rules of its own.
package script
