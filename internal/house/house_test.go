package house

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// checks are all checks by name.
func checks() map[string]func(*Tree) []Problem {
	return map[string]func(*Tree) []Problem{
		"syntax":  (*Tree).CheckSyntax,
		"imports": (*Tree).CheckImports,
		"module":  (*Tree).CheckModule,
		"length":  (*Tree).CheckLength,
		"init":    (*Tree).CheckInit,
		"sleep":   (*Tree).CheckSleep,
		"leaks":   (*Tree).CheckLeaks,
		"state":   (*Tree).CheckState,
		"docs":    (*Tree).CheckDocs,
		"text":    (*Tree).CheckText,
		"files":   (*Tree).CheckFiles,
		"links":   (*Tree).CheckLinks,
	}
}

// TestHouse runs every check on this module.
func TestHouse(t *testing.T) {
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Packages) < 2 || tree.Packages["internal/house"] == nil {
		t.Fatalf("found %d packages, not even this one", len(tree.Packages))
	}
	for name, check := range checks() {
		t.Run(name, func(t *testing.T) {
			for _, p := range check(tree) {
				t.Error(p)
			}
		})
	}
}

const (
	module   = "module example.com/sw\n\ngo 1.26.0\n"
	testMain = "package p\nimport (\"testing\"; \"go.uber.org/goleak\")\nfunc TestMain(m *testing.M) { goleak.VerifyTestMain(m) }\n"
)

// sound is a tree without a problem; each case below spoils it in one place.
func sound() map[string]string {
	return map[string]string{
		"go.mod":               module + "require github.com/google/btree v1.1.3\n",
		"LICENSE":              "Apache License",
		"README.md":            "## A\n[b](ARCHITECTURE.md#x) [c](https://example.com) [d](fdb/)\n",
		"ARCHITECTURE.md":      "## A\n",
		"CONTRIBUTING.md":      "## A\n",
		"CHANGELOG.md":         "## A\n",
		"SECURITY.md":          "# A\n",
		".ci/run":              "set -euo pipefail\n",
		"doc.go":               "// Package sw is documented.\npackage sw\n",
		"switchdev/doc.go":     pillarDoc("switchdev") + "import \"errors\"\n// ErrA is documented.\nvar ErrA = errors.New(\"a\")\nvar _ error = ErrA\nvar names = [...]string{\"a\"}\n",
		"fdb/doc.go":           pillarDoc("fdb") + "import _ \"example.com/sw/switchdev\"\nimport _ \"example.com/sw/internal/wheel\"\nimport _ \"github.com/google/btree\"\n",
		"fdb/fdb_test.go":      "package fdb\nimport (\"testing\"; \"testing/synctest\"; \"time\"; \"example.com/sw/hwsim\")\nvar _ = hwsim.A\nfunc TestA(t *testing.T) { synctest.Test(t, func(*testing.T) { time.Sleep(1) }) }\nfunc nap() { time.Sleep(1) }\n",
		"fdb/main_test.go":     strings.Replace(testMain, "package p", "package fdb", 1),
		"fdb/bridge/doc.go":    "// Package bridge is documented.\npackage bridge\nimport _ \"example.com/sw/fdb\"\n",
		"neigh/doc.go":         pillarDoc("neigh"),
		"neigh/encap/doc.go":   "// Package encap is documented.\npackage encap\nimport (_ \"example.com/sw/neigh\"; _ \"example.com/sw/flowtable\")\n",
		"flowtable/doc.go":     pillarDoc("flowtable"),
		"hwsim/doc.go":         pillarDoc("hwsim") + "import _ \"example.com/sw/switchdev\"\n// A is documented.\nconst A = 1\n",
		"hwsim/simdriver/d.go": "// Package simdriver is documented.\npackage simdriver\nimport (_ \"example.com/sw/hwsim\"; _ \"example.com/sw/devlink\")\n",
		"internal/wheel/w.go":  "// Package wheel is documented.\npackage wheel\n",
		"bench/go.mod":         "module example.com/sw/bench\n",
		"bench/bench.go":       "package bench\nimport _ \"example.com/peer\"\nfunc init() {}\n",
	}
}

func pillarDoc(name string) string {
	return "// Package " + name + " is documented.\n//\n// # Concurrency\n//\n// # Errors\n//\n// # Differences from Linux\n//\n// None.\npackage " + name + "\n"
}

func load(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestChecksAcceptASoundTree(t *testing.T) {
	tree := load(t, sound())
	for name, check := range checks() {
		for _, p := range check(tree) {
			t.Errorf("%s: %s", name, p)
		}
	}
}

// violations each add to, or remove, one file of a sound tree. The check must
// report want and every other check must report nothing.
var violations = []struct {
	check, file, text, want string
}{
	{"syntax", "fdb/a.go", "package fdb\nfunc {\n", "expected"},
	{"imports", "switchdev/a.go", "package switchdev\nimport _ \"github.com/google/btree\"\n", "standard library only"},
	{"imports", "switchdev/a.go", "package switchdev\nimport _ \"example.com/sw/internal/wheel\"\n", "standard library only"},
	{"imports", "switchdev/a.go", "package switchdev\nimport _ \"example.com/sw/fdb\"\n", "standard library only"},
	{"imports", "fdb/a.go", "package fdb\nimport _ \"example.com/sw/neigh\"\n", "never import one another"},
	{"imports", "fdb/a_test.go", "package fdb\nimport _ \"example.com/sw/neigh\"\n", "never import one another"},
	{"imports", "fdb/internal/x/x.go", "// Package x is documented.\npackage x\nimport _ \"example.com/sw/devlink\"\n", "never import one another"},
	{"imports", "neigh/a.go", "package neigh\nimport _ \"example.com/sw/fdb/bridge\"\n", "never import one another"},
	{"imports", "devlink/a.go", pillarDoc("devlink") + "import _ \"example.com/sw/hwsim\"\n", "switchdev and internal"},
	{"imports", "flowtable/a.go", "package flowtable\nimport _ \"example.com/sw/lab\"\n", "nothing below"},
	{"imports", "fdb/bridge/a.go", "package bridge\nimport _ \"example.com/sw/examples/switch\"\n", "nothing below"},
	{"imports", "hwsim/a.go", "package hwsim\nimport _ \"example.com/sw/fdb\"\n", "switchdev and internal"},
	{"imports", "internal/wheel/a.go", "package wheel\nimport _ \"example.com/sw/fdb\"\n", "switchdev and internal"},
	{"imports", "fdb/a.go", "package fdb\nimport _ \"go.uber.org/goleak\"\n", "only tests"},
	{"imports", "fdb/a.go", "package fdb\nimport _ \"example.org/else\"\n", "nested module"},
	{"imports", "fdb/a.go", "package fdb\nimport \"C\"\n", "pure Go"},
	{"imports", "fdb/a.go", "package fdb\nimport _ \"example.com/sw\"\n", "documentation only"},
	{"module", "go.mod", module + "require (\n\texample.org/else v1.0.0\n)\n", "requires example.org/else"},
	{"module", "go.mod", module + "toolchain go1.26.8\n", "toolchain"},
	{"module", "go.mod", module + "replace (\n\ta => b\n)\n", "replace"},
	{"module", "go.mod", "module example.com/sw\ngo 1.26.8\n", "first release"},
	{"length", "fdb/a.go", "package fdb\n" + strings.Repeat("\n", maxLines), "split it"},
	{"init", "fdb/a.go", "package fdb\nfunc init() {}\n", "init function"},
	{"sleep", "fdb/a_test.go", "package fdb\nimport \"time\"\nfunc TestB() { time.Sleep(1) }\n", "TestB sleeps"},
	{"sleep", "neigh/a_test.go", "package neigh\nimport (\"testing\"; \"time\"; \"go.uber.org/goleak\")\nfunc TestMain(m *testing.M) { goleak.VerifyTestMain(m) }\nfunc nap2() { time.Sleep(1) }\n", "nap2 sleeps"},
	{"sleep", "fdb/a_test.go", "package fdb\nimport (\"time\"; \"testing/synctest\")\nvar _ = synctest.Test\nfunc TestB() { time.Sleep(1) }\n", "TestB sleeps"},
	{"leaks", "neigh/a_test.go", "package neigh\n", "goleak"},
	{"leaks", "fdb/main_test.go", "package fdb\nfunc TestMain() {}\n", "goleak"},
	{"state", "fdb/a.go", "package fdb\nvar hits int\n", "hits can change"},
	{"state", "fdb/a.go", "package fdb\nvar table = map[string]int{}\nfunc set() { table[\"a\"] = 1 }\n", "table can change"},
	{"state", "fdb/a.go", "package fdb\nvar opts = struct{ n int }{}\nfunc set() { opts.n++ }\n", "opts can change"},
	{"state", "fdb/a.go", "package fdb\nvar opts = struct{ n int }{}\nfunc set() *int { return &opts.n }\n", "opts can change"},
	{"state", "fdb/a.go", "package fdb\n// Defaults is documented.\nvar Defaults = struct{ N int }{}\n", "Defaults can change"},
	{"state", "fdb/a.go", "package fdb\nvar when = clock()\nfunc clock() int { return 1 }\n", "when can change"},
	{"docs", "fdb/a.go", "package fdb\nfunc A() {}\n", "exported A"},
	{"docs", "fdb/a.go", "package fdb\n// T is documented.\ntype T int\nfunc (t *T) M() {}\n", "exported M"},
	{"docs", "fdb/a.go", "package fdb\n// T is documented.\ntype T[E any] struct{}\nfunc (t *T[E]) M() {}\n", "exported M"},
	{"docs", "fdb/a.go", "package fdb\n// T is documented.\ntype T interface {\n\t// M is documented.\n\tM()\n\tN()\n}\n", "exported T.N"},
	{"docs", "fdb/a.go", "package fdb\nconst A = 1\n", "exported A"},
	{"docs", "fdb/a.go", "package fdb\n// Two.\ntype (\n\tA int\n)\n", "exported A"},
	{"docs", "internal/wheel/w.go", "package wheel\n", "package has no doc"},
	{"docs", "neigh/doc.go", "// Package neigh is documented.\n//\n// # Concurrency\n//\n// # Errors\npackage neigh\n", "Differences from Linux"},
	{"text", "fdb/a.go", "package fdb\n// TO" + "DO: later.\n", "fdb/a.go:2"},
	{"text", "notes.txt", "see /wo" + "rk/x\n", "notes.txt:1"},
	{"files", "LICENSE", "", "missing"},
	{"files", ".ci/run", "", "missing"},
	{"links", "README.md", "## A\n[b](missing.md)\n", "missing.md"},
}

func TestEachCheckFindsItsViolation(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range violations {
		files := sound()
		files[v.file] = v.text
		if v.text == "" {
			delete(files, v.file)
		}
		tree := load(t, files)
		for name, check := range checks() {
			problems := check(tree)
			switch {
			case name != v.check && len(problems) > 0:
				t.Errorf("%q in %s: %s also reports %v", v.text, v.file, name, problems)
			case name == v.check && (len(problems) != 1 || !strings.Contains(problems[0].String(), v.want)):
				t.Errorf("%q in %s: %s reports %v, want one that contains %q", v.text, v.file, name, problems, v.want)
			}
		}
		seen[v.check] = true
	}
	for _, name := range slices.Sorted(maps.Keys(checks())) {
		if !seen[name] {
			t.Errorf("no violation shows that the check %s finds anything", name)
		}
	}
}

func TestLoadWantsAModule(t *testing.T) {
	for _, mod := range []string{"", "go 1.26.0\n"} {
		fsys := fstest.MapFS{"go.mod": &fstest.MapFile{Data: []byte(mod)}}
		if _, err := Load(fsys); err == nil {
			t.Errorf("Load with go.mod %q found nothing wrong", mod)
		}
	}
}
