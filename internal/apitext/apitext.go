// Package apitext writes the exported API of a package as text, one line for
// each symbol, field and method, sorted. The directory api at the root of this
// module holds the text of every public package; a test compares, so that the
// API changes only when somebody says so. After a change run
//
//	go test ./internal/apitext -update
//
// and add a line to CHANGELOG.md.
//
// The text comes from the syntax of the files that are built for linux/amd64
// without tags, so names of other packages are qualified as the source
// qualifies them. Only the values of constants need types.
package apitext

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/printer"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Generator writes the API of the packages of one module. It keeps what it has
// type-checked. It may not be used concurrently.
type Generator struct {
	root   string // directory of go.mod
	module string
	fset   *token.FileSet
	std    types.ImporterFrom
	seen   map[string]*types.Package
}

// NewGenerator returns a generator for the module whose path is module and
// whose go.mod is in root. Packages of the standard library come from std.
func NewGenerator(root, module string, std types.ImporterFrom, fset *token.FileSet) *Generator {
	return &Generator{root: root, module: module, fset: fset, std: std, seen: map[string]*types.Package{}}
}

// Package returns the API of the package in dir, relative to the root. The
// text is empty for a package that exports nothing.
func (g *Generator) Package(dir string) (string, error) {
	files, err := g.parse(dir)
	if err != nil {
		return "", err
	}
	w := &writer{fset: g.fset, values: g.check(dir, files)}
	for _, f := range files {
		for _, decl := range f.Decls {
			w.decl(decl)
		}
	}
	slices.Sort(w.lines)
	if len(w.lines) == 0 {
		return "", nil
	}
	return strings.Join(slices.Compact(w.lines), "\n") + "\n", nil
}

// parse returns the files of dir that linux/amd64 builds.
func (g *Generator) parse(dir string) ([]*ast.File, error) {
	full := filepath.Join(g.root, filepath.FromSlash(dir))
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.BuildTags, ctx.CgoEnabled = "linux", "amd64", nil, false
	names, err := filepath.Glob(filepath.Join(full, "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range names {
		match, err := ctx.MatchFile(full, filepath.Base(name))
		if err != nil {
			return nil, err
		}
		if !match || strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(g.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// check returns the values of the exported constants. Type errors are ignored:
// a package that does not compile fails elsewhere, with a better message.
func (g *Generator) check(dir string, files []*ast.File) map[string]string {
	pkg := g.types(dir, files)
	values := map[string]string{}
	for _, name := range pkg.Scope().Names() {
		if c, ok := pkg.Scope().Lookup(name).(*types.Const); ok && c.Exported() {
			values[name] = c.Val().ExactString()
			if c.Val().Kind() == constant.Unknown {
				values[name] = "?"
			}
		}
	}
	return values
}

func (g *Generator) types(dir string, files []*ast.File) *types.Package {
	if pkg, ok := g.seen[dir]; ok {
		return pkg
	}
	config := types.Config{Importer: g, IgnoreFuncBodies: true, FakeImportC: true, Error: func(error) {}}
	pkg, _ := config.Check(dir, g.fset, files, nil)
	g.seen[dir] = pkg
	return pkg
}

// Import implements types.Importer for the type checker. Packages of other
// modules come out empty: no exported constant is made from theirs.
func (g *Generator) Import(path string) (*types.Package, error) {
	if local, ok := strings.CutPrefix(path, g.module+"/"); ok {
		files, err := g.parse(local)
		if err != nil {
			return nil, err
		}
		return g.types(local, files), nil
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return g.std.ImportFrom(path, g.root, 0)
	}
	empty := types.NewPackage(path, filepath.Base(path))
	empty.MarkComplete()
	return empty, nil
}

// writer collects the lines of one package.
type writer struct {
	fset   *token.FileSet
	values map[string]string
	lines  []string
}

func (w *writer) add(format string, args ...any) {
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

func (w *writer) decl(decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		w.function(decl)
	case *ast.GenDecl:
		var typ ast.Expr // of a const that repeats the one above
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				w.typ(spec)
			case *ast.ValueSpec:
				if spec.Type != nil || len(spec.Values) > 0 {
					typ = spec.Type
				}
				w.value(decl.Tok, spec, typ)
			}
		}
	}
}

func (w *writer) value(tok token.Token, spec *ast.ValueSpec, typ ast.Expr) {
	for i, name := range spec.Names {
		if !name.IsExported() {
			continue
		}
		line := tok.String() + " " + name.Name
		if typ != nil {
			line += " " + w.text(typ)
		}
		switch {
		case tok == token.CONST:
			line += " = " + w.values[name.Name]
		case typ == nil && i < len(spec.Values):
			line += " = " + w.text(spec.Values[i])
		}
		w.add("%s", line)
	}
}

func (w *writer) function(fn *ast.FuncDecl) {
	if !fn.Name.IsExported() {
		return
	}
	signature := fn.Name.Name + w.typeParams(fn.Type.TypeParams) + strings.TrimPrefix(w.text(&ast.FuncType{Params: fn.Type.Params, Results: fn.Type.Results}), "func")
	if fn.Recv == nil {
		w.add("func %s", signature)
		return
	}
	recv := w.text(fn.Recv.List[0].Type)
	if ast.IsExported(strings.TrimLeft(recv, "*")) {
		w.add("method (%s) %s", recv, signature)
	}
}

func (w *writer) typ(spec *ast.TypeSpec) {
	if !spec.Name.IsExported() {
		return
	}
	head := "type " + spec.Name.Name + w.typeParams(spec.TypeParams)
	if spec.Assign.IsValid() {
		head += " ="
	}
	switch t := spec.Type.(type) {
	case *ast.StructType:
		w.add("%s struct", head)
		w.fields(head+" struct, ", t.Fields, "hidden fields")
	case *ast.InterfaceType:
		w.add("%s interface", head)
		w.fields(head+" interface, ", t.Methods, "hidden methods")
	default:
		w.add("%s %s", head, w.text(t))
	}
}

// fields writes a line for every exported field or method and for everything
// embedded, and one if there are others: that is part of the API too, since it
// decides who can compare, convert or implement.
func (w *writer) fields(prefix string, list *ast.FieldList, hidden string) {
	for _, f := range list.List {
		text := w.text(f.Type)
		tag := ""
		if f.Tag != nil {
			tag = " " + f.Tag.Value
		}
		if len(f.Names) == 0 {
			w.add("%sembeds %s%s", prefix, text, tag)
		}
		for _, name := range f.Names {
			switch _, isMethod := f.Type.(*ast.FuncType); {
			case !name.IsExported():
				w.add("%s%s", prefix, hidden)
			case isMethod && hidden == "hidden methods":
				w.add("%s%s%s", prefix, name.Name, strings.TrimPrefix(text, "func"))
			default:
				w.add("%s%s %s%s", prefix, name.Name, text, tag)
			}
		}
	}
}

func (w *writer) typeParams(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var params []string
	for _, f := range list.List {
		for _, name := range f.Names {
			params = append(params, name.Name+" "+w.text(f.Type))
		}
	}
	return "[" + strings.Join(params, ", ") + "]"
}

// text prints a node on one line.
func (w *writer) text(node ast.Node) string {
	var b strings.Builder
	config := printer.Config{Mode: printer.RawFormat}
	if err := config.Fprint(&b, token.NewFileSet(), node); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// FileName returns the name of the golden file for the package in dir.
func FileName(dir string) string { return strings.ReplaceAll(dir, "/", ".") + ".txt" }

// Diff returns the lines that are only in one of two texts, with + for those
// of got and - for those of want, sorted.
func Diff(want, got string) []string {
	lines := map[string]byte{}
	for line := range strings.Lines(want) {
		lines[strings.TrimSpace(line)] = '-'
	}
	for line := range strings.Lines(got) {
		line = strings.TrimSpace(line)
		if lines[line] == '-' {
			delete(lines, line)
		} else {
			lines[line] = '+'
		}
	}
	var diff []string
	for _, line := range slices.Sorted(maps.Keys(lines)) {
		diff = append(diff, string(lines[line])+" "+line)
	}
	return diff
}
