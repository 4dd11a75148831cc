// Package measure times things beside each other and judges the ratios.
//
// A [Group] measures several things in rounds: every round runs all of them, in
// an order that turns from round to round, and records one sample of each under
// the name of a series. A [Row] compares two series: its value is the median,
// over the rounds, of the ratio within a round, so what disturbs the machine for
// longer than a round disturbs both sides of the ratio. The spread of those
// ratios is shown with every row, and tells how far to trust it.
//
// Times are CPU times of one locked thread where nothing else is said: other
// programs then lengthen a measurement only by what they evict from the caches.
// Outside of Linux there is no such clock here, and the wall clock is used.
package measure
