package checks

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

const prometheus = "github.com/prometheus/client_golang/prometheus"

var metricName = regexp.MustCompile(`^gatehouse(_[a-z0-9]+)+$`)

// The units Prometheus does not want, and what to write instead.
var baseUnit = map[string]string{
	"ms": "seconds", "milliseconds": "seconds", "microseconds": "seconds", "nanoseconds": "seconds",
	"minutes": "seconds", "hours": "seconds", "days": "seconds", "sec": "seconds", "secs": "seconds", "second": "seconds",
	"kb": "bytes", "mb": "bytes", "kilobytes": "bytes", "megabytes": "bytes", "byte": "bytes",
	"percent": "ratio", "pct": "ratio", "count": "total (a counter) or the plain noun (a gauge)",
}

func metricRule() Rule {
	return Rule{
		Name: "metrics",
		Why:  "alarms and dashboards name metrics for years and mix them with those of others; a name must be found by searching the source for it",
		Fix:  "write the full name as a constant: gatehouse_<what>_<base unit>, base units seconds and bytes, _total on counters and only there",
		Find: findMetrics,
	}
}

func findMetrics(t *Tree) []Finding {
	var out []Finding
	for _, u := range t.units() {
		m := metricScan{t: t, info: t.info(u)}
		for _, f := range u.files {
			m.file, m.local = f, localName(f, prometheus)
			if m.local != "" && !f.Test {
				ast.Inspect(f.AST, m.visit)
			}
		}
		out = append(out, m.found...)
	}
	return out
}

type metricScan struct {
	t     *Tree
	info  *types.Info
	file  *File
	local string // what the file calls the prometheus package
	found []Finding
}

func (m *metricScan) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CompositeLit:
		m.options(n, m.member(n.Type))
		m.elements(n)
	case *ast.CallExpr:
		switch {
		case m.member(n.Fun) == "NewDesc" && len(n.Args) > 0:
			m.name(n.Args[0], "")
		case m.member(n.Fun) == "BuildFQName":
			m.joined(n, "", n.Args...)
		}
	}
	return true
}

// member is X of prometheus.X, or "".
func (m *metricScan) member(e ast.Expr) string {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if x, ok := sel.X.(*ast.Ident); !ok || x.Name != m.local {
		return ""
	}
	return sel.Sel.Name
}

// elements looks into lists and maps of options whose elements leave the type out.
func (m *metricScan) elements(lit *ast.CompositeLit) {
	var elem ast.Expr
	switch typ := lit.Type.(type) {
	case *ast.ArrayType:
		elem = typ.Elt
	case *ast.MapType:
		elem = typ.Value
	default:
		return
	}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Value
		}
		if inner, ok := e.(*ast.CompositeLit); ok && inner.Type == nil {
			m.options(inner, m.member(elem))
		}
	}
}

// options reads the name out of a literal of prometheus.CounterOpts and its sisters.
func (m *metricScan) options(lit *ast.CompositeLit, kind string) {
	if !slices.Contains([]string{"Opts", "CounterOpts", "GaugeOpts", "HistogramOpts", "SummaryOpts"}, kind) {
		return
	}
	parts := map[string]ast.Expr{}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok {
				parts[key.Name] = kv.Value
			}
		}
	}
	m.joined(lit, kind, parts["Namespace"], parts["Subsystem"], parts["Name"])
}

func (m *metricScan) joined(n ast.Node, kind string, parts ...ast.Expr) {
	var words []string
	for _, p := range parts {
		if p == nil {
			continue
		}
		word, ok := m.text(p)
		if !ok {
			m.complain(p, "a part of a metric name is not a constant")
			return
		}
		if word != "" {
			words = append(words, word)
		}
	}
	m.check(n, strings.Join(words, "_"), kind)
}

func (m *metricScan) name(e ast.Expr, kind string) {
	if call, ok := e.(*ast.CallExpr); ok && m.member(call.Fun) == "BuildFQName" {
		return // visited on its own
	}
	m.joined(e, kind, e)
}

// text is the constant value of e: a literal, a constant of the package, or a sum of these.
func (m *metricScan) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return constant.StringVal(constant.MakeFromLiteral(e.Value, e.Kind, 0)), e.Kind == token.STRING
	case *ast.Ident:
		if c, ok := m.info.Uses[e].(*types.Const); ok && c.Val().Kind() == constant.String {
			return constant.StringVal(c.Val()), true
		}
	case *ast.BinaryExpr:
		a, okA := m.text(e.X)
		b, okB := m.text(e.Y)
		return a + b, okA && okB
	}
	return "", false
}

func (m *metricScan) check(n ast.Node, name, kind string) {
	if !metricName.MatchString(name) {
		m.complain(n, "metric %q is not gatehouse_ and small letters", name)
		return
	}
	base, total := strings.CutSuffix(name, "_total")
	last := base[strings.LastIndex(base, "_")+1:]
	switch {
	case kind == "CounterOpts" && !total:
		m.complain(n, "counter %q does not end in _total", name)
	case total && kind != "CounterOpts" && kind != "":
		m.complain(n, "%q ends in _total and is no counter", name)
	case baseUnit[last] != "":
		m.complain(n, "metric %q: write %s instead of %s", name, baseUnit[last], last)
	}
}

func (m *metricScan) complain(n ast.Node, format string, args ...any) {
	m.found = append(m.found, m.t.at(m.file, n.Pos(), format, args...))
}
