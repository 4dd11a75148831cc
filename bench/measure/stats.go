package measure

import (
	"math"
	"slices"
)

// Median returns the middle of the samples, the mean of the two middle ones
// where their number is even, and NaN of none.
func Median(samples []float64) float64 {
	n := len(samples)
	if n == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(samples))
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// Spread returns the distance between the largest and the smallest sample as a
// part of the median: 0 of fewer than two, NaN where the median is 0.
func Spread(samples []float64) float64 {
	if len(samples) < 2 {
		return 0
	}
	m := Median(samples)
	if m == 0 {
		return math.NaN()
	}
	return (slices.Max(samples) - slices.Min(samples)) / math.Abs(m)
}

// pairwise returns f of the samples of each round. When one side was measured
// only once, that one is compared with every sample of the other.
func pairwise(a, b []float64, f func(a, b float64) float64) []float64 {
	n := max(len(a), len(b))
	switch {
	case len(a) == 0 || len(b) == 0:
		return nil
	case len(a) > 1 && len(b) > 1:
		n = min(len(a), len(b))
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = f(a[min(i, len(a)-1)], b[min(i, len(b)-1)])
	}
	return out
}
