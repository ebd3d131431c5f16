package checks

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const module = "gatehouse"

// File is one parsed Go file.
type File struct {
	Path      string // slash-separated, from the top of the repository
	Dir       string
	Lines     int
	Test      bool // named _test.go
	Generated bool // says "Code generated … DO NOT EDIT."
	AST       *ast.File
}

// Tree is the repository as the rules see it: what git would keep, not what a build leaves behind.
type Tree struct {
	fsys  fs.FS
	fset  *token.FileSet
	names resolved // what names refer to, by import path
	Paths []string // every file
	Go    []*File  // every Go file, also below testdata
}

// Finding is one place that breaks a rule. Line is 0 where the whole file, or its absence, is the trouble.
type Finding struct {
	Path string
	Line int
	What string
}

// Rule is one rule of the house: why it stands, and what to do when it is broken.
type Rule struct {
	Name string
	Why  string
	Fix  string
	Find func(*Tree) []Finding
}

// Explain makes the one line a person reads when f breaks r.
func (r Rule) Explain(f Finding) string {
	return fmt.Sprintf("%s:%d: %s [%s]\n\twhy: %s\n\tdo:  %s", f.Path, f.Line, f.What, r.Name, r.Why, r.Fix)
}

// Load reads every file below the top of fsys, leaving out what .gitignore leaves out.
// A Go file that does not parse is an error: a rule that skipped it would pass by not looking.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{fsys: fsys, fset: token.NewFileSet()}
	ignored := ignores(fsys)
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p != "." && (d.Name() == ".git" || ignored(p)):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		t.Paths = append(t.Paths, p)
		return t.parse(p)
	})
	return t, err
}

func (t *Tree) parse(p string) error {
	if !strings.HasSuffix(p, ".go") {
		return nil
	}
	src, err := fs.ReadFile(t.fsys, p)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(t.fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.Go = append(t.Go, &File{
		Path: p, Dir: path.Dir(p), AST: f,
		Lines:     strings.Count(string(src), "\n"),
		Test:      strings.HasSuffix(p, "_test.go"),
		Generated: ast.IsGenerated(f),
	})
	return nil
}

// ignores understands the two shapes our .gitignore has: "/name" at the top, and "*.suffix" anywhere.
func ignores(fsys fs.FS) func(string) bool {
	text, _ := fs.ReadFile(fsys, ".gitignore") // without the file nothing is ignored
	lines := strings.Fields(string(text))
	return func(p string) bool {
		return slices.ContainsFunc(lines, func(line string) bool {
			if top, ok := strings.CutPrefix(line, "/"); ok {
				return p == strings.TrimSuffix(top, "/")
			}
			ok, _ := path.Match(line, path.Base(p))
			return ok
		})
	}
}

func (t *Tree) at(f *File, pos token.Pos, format string, args ...any) Finding {
	return Finding{Path: f.Path, Line: t.fset.Position(pos).Line, What: fmt.Sprintf(format, args...)}
}

func importPath(s *ast.ImportSpec) string { return strings.Trim(s.Path.Value, `"`) }

// localName is what f calls the package at p, or "" when f does not import it.
func localName(f *File, p string) string {
	for _, s := range f.AST.Imports {
		if importPath(s) != p {
			continue
		}
		if s.Name != nil {
			return s.Name.Name
		}
		return path.Base(p)
	}
	return ""
}

// uses finds every mention of the named functions of package p in f, also where one is handed on as a value.
func uses(f *File, p string, names ...string) []*ast.SelectorExpr {
	local := localName(f, p)
	if local == "" {
		return nil
	}
	var found []*ast.SelectorExpr
	ast.Inspect(f.AST, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && slices.Contains(names, sel.Sel.Name) {
			found = append(found, sel)
		}
		return true
	})
	return found
}
