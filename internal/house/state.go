package house

import (
	"go/ast"
	"go/token"
)

// CheckState finds package-level variables that can change. What may stand at
// package level besides constants: blank assertions, errors, compiled regular
// expressions, embedded files, and unexported tables that nothing in the package
// assigns to or takes the address of.
func (t *Tree) CheckState() []Problem {
	var problems []Problem
	for _, pkg := range t.packages() {
		written := pkg.written()
		for _, f := range pkg.Files {
			if f.Test {
				continue
			}
			eachSpec(f.AST, token.VAR, func(gen *ast.GenDecl, spec ast.Spec) {
				vs := spec.(*ast.ValueSpec)
				for i, name := range vs.Names {
					if !constant(gen, vs, i, written) {
						problems = append(problems, t.at(name.Pos(), "package-level variable %s can change", name.Name))
					}
				}
			})
		}
	}
	return problems
}

// constant reports whether variable i of vs may stand at package level.
func constant(gen *ast.GenDecl, vs *ast.ValueSpec, i int, written map[string]bool) bool {
	name := vs.Names[i]
	if name.Name == "_" || embedded(gen.Doc) || embedded(vs.Doc) {
		return true
	}
	if written[name.Name] || len(vs.Values) != len(vs.Names) {
		return false
	}
	if typ, ok := vs.Type.(*ast.Ident); ok && typ.Name == "error" {
		return true
	}
	value := vs.Values[i]
	if call, ok := value.(*ast.CallExpr); ok {
		return selects(call.Fun, "errors", "New") || selects(call.Fun, "fmt", "Errorf") ||
			selects(call.Fun, "regexp", "MustCompile")
	}
	_, table := value.(*ast.CompositeLit)
	return table && !name.IsExported()
}

func embedded(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if len(c.Text) > 10 && c.Text[:10] == "//go:embed" {
			return true
		}
	}
	return false
}

// written returns the names that some code of the package assigns to, counts
// up or down, or takes the address of, at whatever depth of selecting and
// indexing. A local variable that shadows counts too; give it another name.
func (p *Package) written() map[string]bool {
	names := map[string]bool{}
	note := func(x ast.Expr) {
		if id := root(x); id != nil {
			names[id.Name] = true
		}
	}
	for _, f := range p.Files {
		ast.Inspect(f.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, x := range n.Lhs {
					if n.Tok != token.DEFINE {
						note(x)
					}
				}
			case *ast.IncDecStmt:
				note(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					note(n.X)
				}
			}
			return true
		})
	}
	return names
}

// root returns the variable that x is a part of.
func root(x ast.Expr) *ast.Ident {
	for {
		switch v := x.(type) {
		case *ast.Ident:
			return v
		case *ast.SelectorExpr:
			x = v.X
		case *ast.IndexExpr:
			x = v.X
		case *ast.SliceExpr:
			x = v.X
		case *ast.StarExpr:
			x = v.X
		case *ast.ParenExpr:
			x = v.X
		default:
			return nil
		}
	}
}
