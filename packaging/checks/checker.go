package checks

import "strings"

// checker is the program that judges whole houses from outside.
const checker = "packaging/faults/checker"

// checkerMay is what it may import beside the standard library: the cloud's log is in a database of this kind.
const checkerMay = "modernc.org/sqlite"

func checkerRule() Rule {
	return Rule{
		Name: "checker",
		Why:  "what judges the product must not share its code: a rule that is wrong in both is seen by nobody",
		Fix:  "write down in the checker what the contract says, in the standard library's words",
		Find: findChecker,
	}
}

// findChecker looks at tests too: what they lend each other would be shared as well. Only the standard library has paths
// that begin with an element without a dot and are not ours.
func findChecker(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Go {
		if f.Dir != checker {
			continue
		}
		for _, s := range f.AST.Imports {
			path := importPath(s)
			first, _, _ := strings.Cut(path, "/")
			if first == module || strings.Contains(first, ".") && path != checkerMay {
				out = append(out, t.at(f, s.Pos(), "%s must not import %s", f.Dir, path))
			}
		}
	}
	return out
}
