package house

import (
	"go/ast"
	"go/token"
	"strings"
)

// maxLines is how long a file of code may be.
const maxLines = 450

// CheckLength finds files of code that have outgrown their subject.
func (t *Tree) CheckLength() []Problem {
	var problems []Problem
	t.eachFile(func(_ *Package, f *File) {
		if !f.Test && f.Lines > maxLines && !ast.IsGenerated(f.AST) {
			problems = append(problems, t.at(f.AST.Package, "%d lines, at most %d: split it by subject", f.Lines, maxLines))
		}
	})
	return problems
}

// CheckInit finds init functions: a package does nothing until it is called.
func (t *Tree) CheckInit() []Problem {
	var problems []Problem
	t.eachFunc(func(_ *Package, _ *File, fn *ast.FuncDecl) {
		if fn.Name.Name == "init" && fn.Recv == nil {
			problems = append(problems, t.at(fn.Pos(), "has an init function"))
		}
	})
	return problems
}

// CheckSleep finds time.Sleep in tests outside a synctest bubble. A test
// function must itself enter the bubble; a helper may sleep in a package that uses
// synctest.
func (t *Tree) CheckSleep() []Problem {
	var problems []Problem
	t.eachFunc(func(pkg *Package, f *File, fn *ast.FuncDecl) {
		if !f.Test || mentions(fn, "synctest", "Test") || !isTest(fn) && pkg.bubbles() {
			return
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			if selects(n, "time", "Sleep") {
				problems = append(problems, t.at(n.Pos(), "%s sleeps in real time: use testing/synctest", fn.Name.Name))
			}
			return true
		})
	})
	return problems
}

// bubbles reports whether a file of the package enters a bubble.
func (p *Package) bubbles() bool {
	for _, f := range p.Files {
		if mentions(f.AST, "synctest", "Test") {
			return true
		}
	}
	return false
}

// CheckLeaks finds packages whose tests do not look for leaked goroutines.
func (t *Tree) CheckLeaks() []Problem {
	var problems []Problem
	for _, pkg := range t.packages() {
		tests, guarded := false, false
		for _, f := range pkg.Files {
			tests = tests || f.Test
			for _, decl := range f.AST.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				guarded = guarded || ok && f.Test && fn.Name.Name == "TestMain" && mentions(fn, "goleak", "VerifyTestMain")
			}
		}
		if tests && !guarded {
			problems = append(problems, Problem{pkg.Dir, "its tests have no TestMain with goleak.VerifyTestMain"})
		}
	}
	return problems
}

// isTest reports whether the go tool calls fn.
func isTest(fn *ast.FuncDecl) bool {
	for _, prefix := range []string{"Test", "Fuzz", "Benchmark", "Example"} {
		if fn.Recv == nil && strings.HasPrefix(fn.Name.Name, prefix) {
			return true
		}
	}
	return false
}

// mentions reports whether pkg.name occurs below n.
func mentions(n ast.Node, pkg, name string) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		found = found || selects(n, pkg, name)
		return !found
	})
	return found
}

// selects reports whether n is pkg.name.
func selects(n ast.Node, pkg, name string) bool {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}

func (t *Tree) eachFile(f func(*Package, *File)) {
	for _, pkg := range t.packages() {
		for _, file := range pkg.Files {
			f(pkg, file)
		}
	}
}

func (t *Tree) eachFunc(f func(*Package, *File, *ast.FuncDecl)) {
	t.eachFile(func(pkg *Package, file *File) {
		for _, decl := range file.AST.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				f(pkg, file, fn)
			}
		}
	})
}

// eachSpec calls f for every specification of a kind outside functions.
func eachSpec(file *ast.File, kind token.Token, f func(*ast.GenDecl, ast.Spec)) {
	for _, decl := range file.Decls {
		if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == kind {
			for _, spec := range gen.Specs {
				f(gen, spec)
			}
		}
	}
}
