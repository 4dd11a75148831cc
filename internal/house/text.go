package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// CheckDocs finds exported symbols and packages without a doc comment. A const
// or var may be documented by its group or by a comment at the end of its line,
// an alias by its group, the only method of an interface by its type. Fields and the methods of unexported types are left to the reader's judgement.
func (t *Tree) CheckDocs() []Problem {
	var problems []Problem
	report := func(n ast.Node, name string) {
		problems = append(problems, t.at(n.Pos(), "exported %s has no doc comment", name))
	}
	t.eachFile(func(pkg *Package, f *File) {
		if f.Test || pkg.main() {
			return
		}
		for _, decl := range f.AST.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Name.IsExported() && decl.Doc == nil && exportedReceiver(decl) {
					report(decl, decl.Name.Name)
				}
			case *ast.GenDecl:
				undocumented(decl, report)
			}
		}
	})
	return append(problems, t.checkPackageDocs()...)
}

func undocumented(decl *ast.GenDecl, report func(ast.Node, string)) {
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if !spec.Name.IsExported() {
				continue
			}
			grouped := decl.Lparen.IsValid() && !spec.Assign.IsValid()
			if spec.Doc == nil && (decl.Doc == nil || grouped) {
				report(spec, spec.Name.Name)
			}
			if iface, ok := spec.Type.(*ast.InterfaceType); ok {
				undocumentedMethods(spec.Name.Name, iface, report)
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if name.IsExported() && spec.Doc == nil && spec.Comment == nil && decl.Doc == nil {
					report(name, name.Name)
				}
			}
		}
	}
}

func undocumentedMethods(typ string, iface *ast.InterfaceType, report func(ast.Node, string)) {
	if len(iface.Methods.List) == 1 {
		return
	}
	for _, m := range iface.Methods.List {
		if len(m.Names) == 1 && m.Names[0].IsExported() && m.Doc == nil && m.Comment == nil {
			report(m, typ+"."+m.Names[0].Name)
		}
	}
}

func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return true
	}
	typ := fn.Recv.List[0].Type
	if ptr, ok := typ.(*ast.StarExpr); ok {
		typ = ptr.X
	}
	switch generic := typ.(type) {
	case *ast.IndexExpr:
		typ = generic.X
	case *ast.IndexListExpr:
		typ = generic.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// sections are the headings that the doc of a part of the switch must have.
func sections() []string {
	return []string{"# Concurrency", "# Errors", "# Differences from Linux"}
}

func (t *Tree) checkPackageDocs() []Problem {
	var problems []Problem
	for _, pkg := range t.packages() {
		if !pkg.code() {
			continue
		}
		var doc string
		for _, f := range pkg.Files {
			if !f.Test && f.AST.Doc != nil {
				doc += f.AST.Doc.Text()
			}
		}
		if doc == "" {
			problems = append(problems, Problem{pkg.Dir, "package has no doc comment"})
			continue
		}
		if !slices.Contains(append(pillars(), "switchdev", "hwsim"), pkg.Dir) {
			continue
		}
		for _, heading := range sections() {
			if !strings.Contains(doc, "\n"+heading+"\n") {
				problems = append(problems, Problem{pkg.Dir, fmt.Sprintf("package doc has no %q", heading)})
			}
		}
	}
	return problems
}

// forbiddenText is what may occur in no file: marks of unfinished work, and
// paths of one machine. The words are put together here so that this file may
// be checked too.
func forbiddenText() []string {
	return []string{"TO" + "DO", "FIX" + "ME", "X" + "XX:", "/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "DESIGN" + ".md"}
}

// CheckText finds forbidden text in every file that is text.
func (t *Tree) CheckText() []Problem {
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		data := t.Files[name]
		if bytes.IndexByte(data, 0) >= 0 {
			continue
		}
		for _, word := range forbiddenText() {
			if at := bytes.Index(data, []byte(word)); at >= 0 {
				line := 1 + bytes.Count(data[:at], []byte("\n"))
				problems = append(problems, Problem{fmt.Sprintf("%s:%d", name, line), fmt.Sprintf("contains %q", word)})
			}
		}
	}
	return problems
}

// CheckFiles finds missing files that people and tools look for at the root.
func (t *Tree) CheckFiles() []Problem {
	var problems []Problem
	for name, phrase := range map[string]string{
		"LICENSE":         "Apache License",
		"README.md":       "## ",
		"ARCHITECTURE.md": "## ",
		"CONTRIBUTING.md": "## ",
		"CHANGELOG.md":    "## ",
		"SECURITY.md":     "#",
		".ci/run":         "set -euo pipefail",
	} {
		data, ok := t.Files[name]
		if !ok || !bytes.Contains(data, []byte(phrase)) {
			problems = append(problems, Problem{name, fmt.Sprintf("missing, or without %q", phrase)})
		}
	}
	slices.SortFunc(problems, func(a, b Problem) int { return strings.Compare(a.Where, b.Where) })
	return problems
}

// CheckLinks finds links of the root's pages to files that do not exist.
func (t *Tree) CheckLinks() []Problem {
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		if !strings.HasSuffix(name, ".md") || strings.Contains(name, "/") {
			continue
		}
		for _, piece := range strings.Split(string(t.Files[name]), "](")[1:] {
			target, _, _ := strings.Cut(piece, ")")
			target, _, _ = strings.Cut(target, "#")
			if target == "" || strings.Contains(target, ":") {
				continue
			}
			if !t.exists(strings.TrimSuffix(target, "/")) {
				problems = append(problems, Problem{name, fmt.Sprintf("links to %q, which does not exist", target)})
			}
		}
	}
	return problems
}

func (t *Tree) exists(name string) bool {
	for file := range t.Files {
		if within(file, name) {
			return true
		}
	}
	return false
}
