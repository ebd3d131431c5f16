package checks

import (
	"cmp"
	"go/ast"
	"go/types"
	"maps"
	"slices"
)

// unit is the files that share one package clause in one folder.
type unit struct {
	path  string // import path; "_test" at the end for an external test package
	files []*File
}

// units groups the files, in a stable order.
func (t *Tree) units() []unit {
	byPath := map[string]*unit{}
	for _, f := range t.Go {
		p := module + "/" + f.Dir
		if f.Test && len(f.AST.Name.Name) > 5 && f.AST.Name.Name[len(f.AST.Name.Name)-5:] == "_test" {
			p += "_test"
		}
		if byPath[p] == nil {
			byPath[p] = &unit{path: p}
		}
		byPath[p].files = append(byPath[p].files, f)
	}
	var all []unit
	for _, u := range slices.SortedFunc(maps.Values(byPath), func(a, b *unit) int { return cmp.Compare(a.path, b.path) }) {
		all = append(all, *u)
	}
	return all
}

// resolved says what each name refers to; filled once, on first use.
type resolved map[string]*types.Info

// info resolves the names of u. Imports stay opaque (there is no importer): enough to tell a local variable from
// a package's own and a package name from both, and it needs neither the go tool nor the network.
func (t *Tree) info(u unit) *types.Info {
	if t.names == nil {
		t.names = resolved{}
	}
	if known := t.names[u.path]; known != nil {
		return known
	}
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	var files []*ast.File
	for _, f := range u.files {
		files = append(files, f.AST)
	}
	conf := types.Config{Error: func(error) {}}    // complaints about the opaque imports are expected
	_, _ = conf.Check(u.path, t.fset, files, info) // the first of them again
	t.names[u.path] = info
	return info
}
