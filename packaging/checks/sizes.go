package checks

import (
	"cmp"
	"fmt"
	"go/ast"
	"math"
	"slices"
	"strings"
)

// The numbers of DESIGN §8, in lines.
const (
	funcMedian, func95, funcMax = 10, 50, 120
	fileMedian, file95          = 120, 450
)

// size is how long one function or file is, and where.
type size struct {
	where Finding
	lines int
}

// Sizes measures code that is neither a test nor generated, and counts the lines of both kinds.
// The suites that only tests import count as tests.
type Sizes struct {
	funcs, files []size
	Code, Tests  int
}

// Measure takes the sizes of the tree.
func Measure(t *Tree) Sizes {
	var s Sizes
	for _, f := range t.Go {
		switch {
		case f.Generated:
		case f.Test || isSuite(f.Dir):
			s.Tests += f.Lines
		default:
			s.Code += f.Lines
			s.files = append(s.files, size{Finding{Path: f.Path, What: fmt.Sprintf("file of %d lines", f.Lines)}, f.Lines})
			s.funcs = append(s.funcs, t.funcSizes(f)...)
		}
	}
	byLines := func(a, b size) int { return cmp.Compare(a.lines, b.lines) }
	slices.SortStableFunc(s.funcs, byLines)
	slices.SortStableFunc(s.files, byLines)
	return s
}

func isSuite(dir string) bool {
	return matchAny([]string{"packaging/faults/...", "protocol/prototest/...", "agent/internal/driver/drivertest", "agent/internal/crashtest", "cloud/internal/pmstest"}, dir)
}

func (t *Tree) funcSizes(f *File) []size {
	var out []size
	for _, d := range f.AST.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			lines := t.fset.Position(fn.End()).Line - t.fset.Position(fn.Pos()).Line + 1
			out = append(out, size{t.at(f, fn.Pos(), "func %s has %d lines", fn.Name.Name, lines), lines})
		}
	}
	return out
}

// quantile is the smallest length that at least the share q of a sorted list does not exceed; 0 for an empty list.
func quantile(s []size, q float64) int {
	if len(s) == 0 {
		return 0
	}
	return s[int(math.Ceil(q*float64(len(s))))-1].lines
}

// String is the line a person reads beside the limits.
func (s Sizes) String() string {
	return fmt.Sprintf("functions %d: median %d (≤ %d), 95 %% %d (≤ %d); files %d: median %d (≤ %d), 95 %% %d (≤ %d); lines: code %d, tests %d (%.2f, ≥ 1)",
		len(s.funcs), quantile(s.funcs, .5), funcMedian, quantile(s.funcs, .95), func95,
		len(s.files), quantile(s.files, .5), fileMedian, quantile(s.files, .95), file95,
		s.Code, s.Tests, float64(s.Tests)/float64(max(s.Code, 1)))
}

func sizeRule() Rule {
	return Rule{
		Name: "sizes",
		Why:  "a function that fits one look and a file that fits one sitting are the ones that get understood before they are changed; code without as many lines of test is not yet shown to work",
		Fix:  "split along a name a reader would guess; where a median or a share is over, start with the places listed",
		Find: func(t *Tree) []Finding { return Measure(t).judge() },
	}
}

func (s Sizes) judge() []Finding {
	var out []Finding
	for _, f := range s.funcs {
		if f.lines > funcMax {
			f.where.What += fmt.Sprintf(", over %d", funcMax)
			out = append(out, f.where)
		}
	}
	out = append(out, over("functions", s.funcs, .5, funcMedian)...)
	out = append(out, over("functions", s.funcs, .95, func95)...)
	out = append(out, over("files", s.files, .5, fileMedian)...)
	out = append(out, over("files", s.files, .95, file95)...)
	if s.Tests < s.Code {
		out = append(out, Finding{Path: ".", What: fmt.Sprintf("%d lines of test for %d lines of code", s.Tests, s.Code)})
	}
	return out
}

// over complains when the q-quantile is above limit, and names the longest few: that is where to start.
func over(what string, all []size, q float64, limit int) []Finding {
	if quantile(all, q) <= limit {
		return nil
	}
	var longest []string
	for _, s := range all[max(0, len(all)-5):] {
		longest = append(longest, fmt.Sprintf("%s:%d (%d)", s.where.Path, s.where.Line, s.lines))
	}
	return []Finding{{Path: ".", What: fmt.Sprintf("%s: %.0f %% quantile is %d lines, limit %d; longest: %s", what, q*100, quantile(all, q), limit, strings.Join(longest, ", "))}}
}
