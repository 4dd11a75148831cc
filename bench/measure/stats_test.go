package measure

import (
	"math"
	"slices"
	"testing"
)

func TestMedianIsTheMiddle(t *testing.T) {
	for _, tt := range []struct {
		in   []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{3, 1}, 2},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		before := slices.Clone(tt.in)
		if got := Median(tt.in); got != tt.want {
			t.Errorf("Median(%v) = %v, want %v", tt.in, got, tt.want)
		}
		if !slices.Equal(before, tt.in) {
			t.Errorf("Median changed its argument to %v", tt.in)
		}
	}
	if got := Median(nil); !math.IsNaN(got) {
		t.Errorf("Median of nothing = %v", got)
	}
}

func TestSpreadIsRelativeToTheMedian(t *testing.T) {
	for _, tt := range []struct {
		in   []float64
		want float64
	}{
		{nil, 0},
		{[]float64{5}, 0},
		{[]float64{10, 12, 8}, 0.4},
		{[]float64{-10, -12, -8}, 0.4},
	} {
		if got := Spread(tt.in); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("Spread(%v) = %v, want %v", tt.in, got, tt.want)
		}
	}
	if got := Spread([]float64{-1, 0, 1}); !math.IsNaN(got) {
		t.Errorf("Spread about 0 = %v", got)
	}
}

func TestPairwiseTakesRoundsTogether(t *testing.T) {
	over := func(a, b float64) float64 { return a / b }
	for _, tt := range []struct{ a, b, want []float64 }{
		{[]float64{1, 4}, []float64{1, 2}, []float64{1, 2}},
		{[]float64{1, 4, 9}, []float64{1, 2}, []float64{1, 2}},
		{[]float64{8}, []float64{1, 2}, []float64{8, 4}},
		{[]float64{8, 4}, []float64{2}, []float64{4, 2}},
		{nil, []float64{1}, nil},
		{[]float64{1}, nil, nil},
	} {
		if got := pairwise(tt.a, tt.b, over); !slices.Equal(got, tt.want) {
			t.Errorf("pairwise(%v, %v) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
