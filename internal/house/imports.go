package house

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// allowedModules are the modules that the root go.mod may require, and whether
// code other than tests may import them.
func allowedModules() map[string]bool {
	return map[string]bool{
		"github.com/google/btree":           true,
		"github.com/puzpuzpuz/xsync/v3":     true,
		"go.uber.org/goleak":                false,
		"github.com/anishathalye/porcupine": false,
		"pgregory.net/rapid":                false,
	}
}

// pillars never import one another.
func pillars() []string { return []string{"devlink", "fdb", "flowtable", "neigh"} }

// CheckImports holds the import rule of ARCHITECTURE.md.
func (t *Tree) CheckImports() []Problem {
	var problems []Problem
	for _, pkg := range t.packages() {
		for _, file := range pkg.Files {
			for _, spec := range file.AST.Imports {
				target, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					continue
				}
				if why := t.forbidden(pkg.Dir, target, file.Test); why != "" {
					problems = append(problems, t.at(spec.Pos(), "imports %q: %s", target, why))
				}
			}
		}
	}
	return problems
}

// forbidden says why a file in dir may not import target, or "".
func (t *Tree) forbidden(dir, target string, test bool) string {
	if target == "C" {
		return "this module is pure Go"
	}
	if target == t.Module {
		return "the root package is documentation only"
	}
	if local, ok := strings.CutPrefix(target, t.Module+"/"); ok {
		return forbiddenLocal(dir, local, test)
	}
	first, _, _ := strings.Cut(target, "/")
	if !strings.Contains(first, ".") {
		return "" // std
	}
	return forbiddenModule(dir, target, test)
}

func forbiddenModule(dir, target string, test bool) string {
	for module, inCode := range allowedModules() {
		if target != module && !strings.HasPrefix(target, module+"/") {
			continue
		}
		switch {
		case test:
			return ""
		case !inCode:
			return "only tests may import " + module
		case within(dir, "switchdev"):
			return "the contract imports the standard library only"
		}
		return ""
	}
	return "the root module may not require it; put the code in a nested module"
}

// forbiddenLocal judges the import of one package of this module by another.
func forbiddenLocal(from, to string, test bool) string {
	if within(to, "examples") || within(to, "lab") && !within(from, "lab", "examples") {
		return "nothing below may import " + to
	}
	if pillar := top(from); slices.Contains(pillars(), pillar) {
		return forbiddenPillar(pillar, from, to, test)
	}
	lab := within(to, "hwsim", "switchdev/switchdevtest")
	switch {
	case from == "switchdev":
		if !test || !lab && to != from && !within(to, "internal") {
			return "the contract imports the standard library only"
		}
	case within(from, "switchdev"), from == "hwsim", within(from, "hwsim/internal"), within(from, "internal"):
		if to == "switchdev" || within(to, "internal") || within(to, top(from)) || test && lab {
			return ""
		}
		return top(from) + " imports switchdev and internal packages only"
	}
	return ""
}

// forbiddenPillar judges imports of a pillar and of the packages below it. Those
// below it, such as fdb/bridge, join parts and may import other pillars.
func forbiddenPillar(pillar, from, to string, test bool) string {
	joins := from != pillar && !within(from, pillar+"/internal")
	other := top(to)
	switch {
	case to == "switchdev", within(to, "internal"), within(to, pillar):
		return ""
	case test && within(to, "hwsim", "switchdev"):
		return ""
	case slices.Contains(pillars(), other):
		if joins {
			return ""
		}
		return fmt.Sprintf("pillars never import one another: %s, %s", pillar, other)
	}
	return "a pillar imports switchdev and internal packages only"
}

// top returns the first element of a directory.
func top(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

// within reports whether dir is one of roots or below one.
func within(dir string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return dir == root || strings.HasPrefix(dir, root+"/")
	})
}

// CheckModule holds the rules for the root go.mod.
func (t *Tree) CheckModule() []Problem {
	var problems []Problem
	report := func(format string, args ...any) {
		problems = append(problems, Problem{"go.mod", fmt.Sprintf(format, args...)})
	}
	mod := t.Files["go.mod"]
	if version := directive(mod, "go"); strings.Count(version, ".") != 2 || !strings.HasSuffix(version, ".0") {
		report("go %s: name the first release of a line, such as 1.26.0, so that nobody is locked out", version)
	}
	block := ""
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || strings.HasPrefix(fields[0], "//"):
			continue
		case fields[0] == ")":
			block = ""
			continue
		case len(fields) > 1 && fields[1] == "(":
			block = fields[0]
			continue
		case block != "":
			fields = append([]string{block}, fields...)
		}
		switch fields[0] {
		case "module", "go":
		case "require":
			if _, ok := allowedModules()[fields[1]]; !ok {
				report("requires %s: put what needs it in a nested module", fields[1])
			}
		default:
			report("has a %s directive, which importers would inherit or miss", fields[0])
		}
	}
	return problems
}
