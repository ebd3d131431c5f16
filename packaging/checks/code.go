package checks

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

func docRule() Rule {
	return Rule{
		Name: "packagedoc",
		Why:  "a stranger opens a folder and must learn in one breath what it is, why it is here and who must not import it",
		Fix:  "write a comment above one package clause that starts 'Package <name>' (for a program also 'Command <folder>')",
		Find: findUndocumented,
	}
}

func findUndocumented(t *Tree) []Finding {
	var out []Finding
	for _, u := range t.units() {
		first := u.files[0]
		if !slices.ContainsFunc(u.files, func(f *File) bool { return !f.Test }) {
			continue // only tests in the folder, or an external test package
		}
		if !slices.ContainsFunc(u.files, documented) {
			out = append(out, t.at(first, first.AST.Package, "package %s has no comment of the expected form", first.AST.Name.Name))
		}
	}
	return out
}

func documented(f *File) bool {
	if f.Test || f.AST.Doc == nil {
		return false
	}
	text, name := f.AST.Doc.Text(), f.AST.Name.Name
	folder := f.Dir[strings.LastIndex(f.Dir, "/")+1:]
	return strings.HasPrefix(text, "Package "+name+" ") || name == "main" && strings.HasPrefix(text, "Command "+folder+" ")
}

func initRule() Rule {
	return Rule{
		Name: "init",
		Why:  "what runs before main runs in an order nobody chose, in every test, and cannot return an error",
		Fix:  "make a constructor and call it from the assembly; list kinds by name (agent/drivers.go)",
		Find: func(t *Tree) []Finding {
			var out []Finding
			for _, f := range t.Go {
				for _, d := range f.AST.Decls {
					if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
						out = append(out, t.at(f, fn.Pos(), "func init"))
					}
				}
			}
			return out
		},
	}
}

func sleepRule() Rule {
	return Rule{
		Name: "sleep",
		Why:  "a test that sleeps is slow on a fast machine and fails on a slow one",
		Fix:  "use testing/synctest and wait with <-time.After in virtual time, or wait for the event itself (a channel, a request seen by the simulator)",
		Find: func(t *Tree) []Finding {
			var out []Finding
			for _, f := range t.Go {
				if f.Test {
					out = append(out, t.mentions(f, "time", "Sleep")...)
				}
			}
			return out
		},
	}
}

func contextRule() Rule {
	return Rule{
		Name: "context",
		Why:  "work that makes its own context cannot be stopped by whoever started it, so a shutdown hangs on it",
		Fix:  "take ctx as the first argument; in a test use t.Context(); for a clean-up that must outlive its caller use context.WithoutCancel(ctx)",
		Find: func(t *Tree) []Finding {
			var out []Finding
			for _, f := range t.Go {
				if !f.Test && f.AST.Name.Name != "main" {
					out = append(out, t.mentions(f, "context", "Background", "TO"+"DO")...)
				}
			}
			return out
		},
	}
}

// mentions reports every use of the named functions of the standard package p.
func (t *Tree) mentions(f *File, p string, names ...string) []Finding {
	var out []Finding
	for _, sel := range uses(f, p, names...) {
		out = append(out, t.at(f, sel.Pos(), "%s.%s", p, sel.Sel.Name))
	}
	return out
}

func skipRule() Rule {
	return Rule{
		Name: "skip",
		Why:  "a skipped test is a green light nobody looked at; the one honest reason here is a real server that is not installed, and CI turns that into a failure",
		Fix:  "ask protocol/prototest/realserver for the server; leave out a case by not starting its subtest",
		Find: func(t *Tree) []Finding {
			var out []Finding
			for _, f := range t.Go {
				if localName(f, "testing") != "" && f.Dir != "protocol/prototest/realserver" {
					out = append(out, t.skips(f)...)
				}
			}
			return out
		},
	}
}

func (t *Tree) skips(f *File) []Finding {
	var out []Finding
	ast.Inspect(f.AST, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) && isTesting(sel.X) {
			out = append(out, t.at(f, sel.Pos(), "a test is skipped with %s", sel.Sel.Name))
		}
		return true
	})
	return out
}

func varRule() Rule {
	return Rule{
		Name: "state",
		Why:  "package-level state is shared by every test and every instance in the process: two gateways in one test would be one",
		Fix: "put it in a struct that a constructor returns. Allowed at package level: errors, compiled expressions, embedded files, " +
			"'var _ I = T{}', and tables that nothing changes",
		Find: findState,
	}
}

func findState(t *Tree) []Finding {
	changed := t.changedVars()
	var out []Finding
	for _, u := range t.units() {
		info := t.info(u)
		for _, f := range u.files {
			for _, s := range packageVars(f) {
				for i, name := range s.spec.Names {
					if what := s.judge(i, info.Defs[name], changed); what != "" {
						out = append(out, t.at(f, name.Pos(), "package-level var %s %s", name.Name, what))
					}
				}
			}
		}
	}
	return out
}

type varSpec struct {
	file  *File
	spec  *ast.ValueSpec
	embed bool
}

func packageVars(f *File) []varSpec {
	var out []varSpec
	for _, d := range f.AST.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			out = append(out, varSpec{f, v, hasEmbed(g.Doc) || hasEmbed(v.Doc)})
		}
	}
	return out
}

func hasEmbed(c *ast.CommentGroup) bool {
	return c != nil && slices.ContainsFunc(c.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// judge says what makes the i-th variable of s state, or "".
func (s varSpec) judge(i int, obj types.Object, changed map[string]bool) string {
	switch {
	case s.spec.Names[i].Name == "_", s.embed:
		return ""
	case obj != nil && changed[obj.Pkg().Path()+"."+obj.Name()]:
		return "is changed by code"
	case len(s.spec.Values) == 0:
		return "has no value, so it waits to be changed"
	case len(s.spec.Values) == len(s.spec.Names) && s.holdsState(s.spec.Values[i]):
		return "holds state behind its value"
	}
	return ""
}

// holdsState knows the values that change without an assignment: locks, pools, counters, channels, registered metrics.
func (s varSpec) holdsState(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.UnaryExpr:
		return s.holdsState(e.X)
	case *ast.CompositeLit:
		return s.from(e.Type, "sync", "sync/atomic")
	case *ast.CallExpr:
		if fn, ok := e.Fun.(*ast.Ident); ok && len(e.Args) > 0 {
			_, channel := e.Args[0].(*ast.ChanType)
			return fn.Name == "new" || fn.Name == "make" && channel
		}
		return s.from(e.Fun, prometheus, prometheus+"/promauto")
	}
	return false
}

func (s varSpec) from(e ast.Expr, packages ...string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && slices.ContainsFunc(packages, func(p string) bool { return localName(s.file, p) == x.Name })
}

// changedVars names, as path.Name, every package-level variable that some code of the tree assigns to,
// changes an element or a field of, or takes the address of.
func (t *Tree) changedVars() map[string]bool {
	changed := map[string]bool{}
	for _, u := range t.units() {
		info := t.info(u)
		for _, f := range u.files {
			ast.Inspect(f.AST, func(n ast.Node) bool {
				for _, target := range targets(n) {
					if name := packageVar(info, target); name != "" {
						changed[name] = true
					}
				}
				return true
			})
		}
	}
	return changed
}

// targets lists what statement or expression n changes.
func targets(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if fn, ok := n.Fun.(*ast.Ident); ok && slices.Contains([]string{"delete", "clear", "copy"}, fn.Name) {
			return n.Args[:1]
		}
	}
	return nil
}

// packageVar names the package-level variable at the root of e, or "".
func packageVar(info *types.Info, e ast.Expr) string {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return packageVar(info, e.X)
	case *ast.IndexExpr:
		return packageVar(info, e.X)
	case *ast.StarExpr:
		return packageVar(info, e.X)
	case *ast.SliceExpr:
		return packageVar(info, e.X)
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			if p, ok := info.Uses[x].(*types.PkgName); ok {
				return p.Imported().Path() + "." + e.Sel.Name
			}
		}
		return packageVar(info, e.X)
	case *ast.Ident:
		if v, ok := info.Uses[e].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
			return v.Pkg().Path() + "." + v.Name()
		}
	}
	return ""
}

// isTesting says whether an expression can be a test's t: a plain name, or a field called like one;
// w.snap.Skip is a method of something else.
func isTesting(x ast.Expr) bool {
	if sel, ok := x.(*ast.SelectorExpr); ok {
		return slices.Contains([]string{"t", "tb", "b", "f"}, sel.Sel.Name)
	}
	_, ok := x.(*ast.Ident)
	return ok
}
