package apitext

import (
	"flag"
	"go/importer"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "rewrite the golden texts in api")

const root = "../.."

func newGenerator(t *testing.T, dir string) *Generator {
	t.Helper()
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(mod), "\n")
	fset := token.NewFileSet()
	std := importer.ForCompiler(fset, "source", nil).(types.ImporterFrom)
	return NewGenerator(dir, strings.TrimPrefix(line, "module "), std, fset)
}

// publicDirs returns the directories of the packages that others can import.
func publicDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil || rel == "." {
			return err
		}
		if base := d.Name(); base[0] == '.' || base == "internal" || base == "testdata" || rel == "examples" {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
			return fs.SkipDir // another module
		}
		dirs = append(dirs, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// TestAPIIsGolden fails when the exported API differs from the texts in api.
func TestAPIIsGolden(t *testing.T) {
	g := newGenerator(t, root)
	want := map[string]bool{}
	for _, dir := range publicDirs(t) {
		files, err := g.parse(dir)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			want[FileName(dir)] = true
			continue
		}
		if len(files) == 0 || files[0].Name.Name == "main" {
			continue
		}
		text, err := g.Package(dir)
		if err != nil || text == "" {
			continue
		}
		want[FileName(dir)] = true
		compare(t, filepath.Join(root, "api", FileName(dir)), text)
	}
	stale, err := filepath.Glob(filepath.Join(root, "api", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stale {
		if want[filepath.Base(name)] {
			continue
		}
		if !*update {
			t.Errorf("api/%s: its package is gone or exports nothing any more; %s", filepath.Base(name), advice)
		} else if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

const advice = "run `go test ./internal/apitext -update` and add a line to CHANGELOG.md"

func compare(t *testing.T, golden, text string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Errorf("api/%s is missing; %s", filepath.Base(golden), advice)
		return
	}
	if diff := Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), text); len(diff) > 0 {
		t.Errorf("api/%s: the exported API has changed; %s\n%s", filepath.Base(golden), advice, strings.Join(diff, "\n"))
	}
}

// TestPackageListsEveryKindOfSymbol compares with a text written by hand.
func TestPackageListsEveryKindOfSymbol(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n",
		"q/q.go": "package q\nconst Base = 40\ntype T int\n",
		"p/p.go": `package p
import ("context"; "time"; "example.com/m/q"; "example.org/other")
const A, b = q.Base + 2, 1
const (
	X Kind = iota
	Y
	hidden
)
const Hold = 5 * time.Minute
var V, w error
var U = other.New()
type Kind uint8
type Alias = q.T
type S struct {
	Name string ` + "`json:\"name\"`" + `
	F, G func(int) error
	h int
	q.T
}
type I interface {
	M(ctx context.Context, n int) (ok bool, err error)
	error
	m()
}
type G[K comparable, V any] struct{}
func (g *G[K, V]) Get(k K) V { panic("") }
func (s S) String() string { return "" }
func (s *S) hidden() {}
type unexported struct{ A int }
func (unexported) Exported() {}
func F[T any](list ...T) <-chan T { return nil }
func f() {}
`,
		"p/p_windows.go": "package p\nfunc OnlyElsewhere() {}\n",
		"p/p_test.go":    "package p\nfunc OnlyInTests() {}\n",
		"p/p_tag.go":     "//go:build explore\n\npackage p\nfunc OnlyWithTag() {}\n",
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := newGenerator(t, dir).Package("p")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"const A = 42",
		"const Hold = 300000000000",
		"const X Kind = 0",
		"const Y Kind = 1",
		"func F[T any](list ...T) <-chan T",
		"method (*G[K, V]) Get(k K) V",
		"method (S) String() string",
		"type Alias = q.T",
		"type G[K comparable, V any] struct",
		"type I interface",
		"type I interface, M(ctx context.Context, n int) (ok bool, err error)",
		"type I interface, embeds error",
		"type I interface, hidden methods",
		"type Kind uint8",
		"type S struct",
		"type S struct, F func(int) error",
		"type S struct, G func(int) error",
		"type S struct, Name string `json:\"name\"`",
		"type S struct, embeds q.T",
		"type S struct, hidden fields",
		"var U = other.New()",
		"var V error",
	}
	if diff := Diff(strings.Join(want, "\n"), got); len(diff) > 0 {
		t.Errorf("want (-) got (+):\n%s", strings.Join(diff, "\n"))
	}
}

func TestDiffShowsBothSides(t *testing.T) {
	if got := Diff("a\nb\nc\n", "b\nc\nd\n"); !slices.Equal(got, []string{"- a", "+ d"}) {
		t.Errorf("Diff = %q", got)
	}
	if got := Diff("a\n", "a\n"); len(got) != 0 {
		t.Errorf("Diff of equal texts = %q", got)
	}
}
