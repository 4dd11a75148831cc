//go:build !race

package explore_test

const seeds = 200
