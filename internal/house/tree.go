package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Tree is a module's source, parsed.
type Tree struct {
	Module   string              // module path, from go.mod
	Files    map[string][]byte   // every regular file by its slash-separated path
	Packages map[string]*Package // packages of the root module by directory; "." is the root
	fset     *token.FileSet
	broken   []Problem
}

// Package is one directory with Go files, whatever package clauses they have.
type Package struct {
	Dir   string
	Files []*File
}

// File is one Go file.
type File struct {
	Path  string
	Test  bool // its name ends in _test.go
	AST   *ast.File
	Lines int
}

// Problem is one violation of one rule.
type Problem struct {
	Where string // a path, with a line where there is one
	What  string
}

// String returns the problem in the form of a compiler's message.
func (p Problem) String() string { return p.Where + ": " + p.What }

// Load parses the module in fsys. Directories that begin with a dot are left
// out except .ci and .github. Go files in testdata and in nested modules are
// read but not parsed.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{Files: map[string][]byte{}, Packages: map[string]*Package{}, fset: token.NewFileSet()}
	if err := t.read(fsys); err != nil {
		return nil, err
	}
	t.Module = directive(t.Files["go.mod"], "module")
	if t.Module == "" {
		return nil, fmt.Errorf("go.mod: no module directive")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		if !strings.HasSuffix(name, ".go") || t.outside(name) {
			continue
		}
		t.parse(name)
	}
	return t, nil
}

func (t *Tree) read(fsys fs.FS) error {
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if strings.HasPrefix(base, ".") && !slices.Contains([]string{".", ".ci", ".github"}, base) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		t.Files[name] = data
		return err
	})
}

// CheckSyntax finds Go files that cannot be parsed; no other check sees them.
func (t *Tree) CheckSyntax() []Problem { return t.broken }

func (t *Tree) parse(name string) {
	src := t.Files[name]
	syntax, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.broken = append(t.broken, Problem{name, err.Error()})
		return
	}
	dir := path.Dir(name)
	pkg := t.Packages[dir]
	if pkg == nil {
		pkg = &Package{Dir: dir}
		t.Packages[dir] = pkg
	}
	pkg.Files = append(pkg.Files, &File{
		Path:  name,
		Test:  strings.HasSuffix(name, "_test.go"),
		AST:   syntax,
		Lines: strings.Count(string(src), "\n"),
	})
}

// outside reports whether name is in testdata or in a nested module.
func (t *Tree) outside(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, nested := t.Files[dir+"/go.mod"]; nested || path.Base(dir) == "testdata" {
			return true
		}
	}
	return false
}

// packages returns the packages in the order of their directories.
func (t *Tree) packages() []*Package {
	return slices.SortedFunc(maps.Values(t.Packages), func(a, b *Package) int { return strings.Compare(a.Dir, b.Dir) })
}

// at makes a problem at a position.
func (t *Tree) at(pos token.Pos, format string, args ...any) Problem {
	where := t.fset.Position(pos)
	return Problem{fmt.Sprintf("%s:%d", where.Filename, where.Line), fmt.Sprintf(format, args...)}
}

// main reports whether p is a program.
func (p *Package) main() bool {
	return slices.ContainsFunc(p.Files, func(f *File) bool { return !f.Test && f.AST.Name.Name == "main" })
}

// code reports whether p has files other than tests.
func (p *Package) code() bool {
	return slices.ContainsFunc(p.Files, func(f *File) bool { return !f.Test })
}

// directive returns the argument of a one-line directive of a go.mod file.
func directive(mod []byte, name string) string {
	for line := range strings.Lines(string(mod)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
			return fields[1]
		}
	}
	return ""
}
