package switchdevtest

import (
	"path"
	"slices"
	"strings"
)

// Rule is one sentence of the contract that the kit checks.
type Rule struct {
	// Name is unique and stable, such as "fdb/set-moves": a group and a name
	// within it. It is also the name of the subtest.
	Name string
	// Role is the role of package switchdev whose rule it is, such as
	// "FDBOffloader".
	Role string
	// Text is the rule, in the words of the contract. Every failure prints it.
	Text string
}

// Rules returns every rule that [Run] checks, in the order in which it does.
// The slice is the caller's.
func Rules() []Rule {
	all := cases()
	rules := make([]Rule, len(all))
	for i, c := range all {
		rules[i] = c.Rule
	}
	return rules
}

// check is one rule with the function that checks it.
type check struct {
	Rule
	// need are the roles without which the rule cannot be checked.
	need roleSet
	// hooks are the options without which it cannot be checked.
	hooks hookSet
	// forms runs the check once per way to write forwarding rows.
	forms bool
	// families runs the check once per role that takes batches.
	families bool
	// outside runs the check without a bubble: concurrency stress, and what
	// would wait for a mutex, which no bubble sees.
	outside bool
	// bubbled is set for what only a bubble can check.
	bubbled bool
	run     func(p *probe)
}

func cases() []check {
	return slices.Concat(driverChecks(), batchChecks(), fdbChecks(), submitChecks(), dumpChecks(), flushChecks(),
		portChecks(), lagChecks(), bridgeChecks(), vlanChecks(), limitChecks(), resetChecks(), reportChecks(), parallelChecks())
}

// matches tells whether the rule name is meant by pattern: the name itself, or
// a pattern of package path such as "reset/*".
func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

func group(name string) (string, string) {
	g, rest, _ := strings.Cut(name, "/")
	return g, rest
}
