package rentmanagersim

import (
	"slices"
	"strings"
)

// filter is one term of the filters argument, understood (reference pms.md §1.2).
type filter struct {
	path   []string // to-one relations on the way to the field
	field  string
	op     string
	values []any
}

// operators says how many values each operator takes: 1, 2, or 0 for a list of any length.
func operators() map[string]int {
	return map[string]int{
		"eq": 1, "ne": 1, "gt": 1, "ge": 1, "gtn": 1, "gen": 1, "lt": 1, "le": 1, "ltn": 1, "len": 1,
		"ct": 1, "sw": 1, "ew": 1, "hv": 1, "bt": 2, "in": 0, "ni": 0,
	}
}

func (s schema) readFilters(t *table, all string) ([]filter, *badQuery) {
	var out []filter
	for term := range strings.SplitSeq(all, ";") {
		if strings.TrimSpace(term) == "" {
			continue
		}
		f, err := s.readFilter(t, term)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (s schema) readFilter(t *table, term string) (filter, *badQuery) {
	parts := strings.SplitN(strings.TrimSpace(term), ",", 3)
	switch {
	case len(parts) == 2 && parts[1] == "hv":
		parts = append(parts, "true")
	case len(parts) == 2: // Field,Value works as equality
		parts = []string{parts[0], "eq", parts[1]}
	case len(parts) < 2:
		return filter{}, bad("filters", "%q is not Field,operator,value", term)
	}
	f := filter{op: parts[1]}
	count, known := operators()[f.op]
	if !known {
		return filter{}, bad("filters", "there is no operator %q", f.op)
	}
	c, err := s.locate(t, parts[0], &f)
	if err != nil {
		return filter{}, err
	}
	return f, f.readValues(c, count, parts[2])
}

// locate follows Parent.Field to a column.
func (s schema) locate(t *table, path string, f *filter) (column, *badQuery) {
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		r, ok := t.relation(step)
		if !ok || r.many {
			return column{}, bad("filters", "%s cannot be filtered by %q", t.name, path)
		}
		f.path, t = append(f.path, step), s[r.to]
	}
	f.field = steps[len(steps)-1]
	c, ok := t.column(f.field)
	if !ok || c.needs != "" {
		return column{}, bad("filters", "%s has no field %q to filter by", t.name, f.field)
	}
	return c, nil
}

func (f *filter) readValues(c column, count int, raw string) *badQuery {
	values := []string{raw}
	if count != 1 {
		inner, open := strings.CutPrefix(raw, "(")
		inner, closed := strings.CutSuffix(inner, ")")
		if values = strings.Split(inner, ","); !open || !closed || count == 2 && len(values) != 2 {
			return bad("filters", "%s takes its values as (a,b), not %q", f.op, raw)
		}
	}
	k := c.kind
	switch f.op {
	case "hv":
		k = flag
	case "ct", "sw", "ew":
		if k != text {
			return bad("filters", "%s is not text, %s does not fit", c.name, f.op)
		}
	}
	for _, s := range values {
		v, err := parse(k, strings.TrimSpace(s))
		if err != nil {
			return err
		}
		f.values = append(f.values, v)
	}
	return nil
}

// match says whether a row passes.
func (f *filter) match(n *node) bool {
	for _, step := range f.path {
		if n = n.one[step]; n == nil {
			return false
		}
	}
	return f.holds(n.values[f.field])
}

func (f *filter) holds(v any) bool {
	is := func(want any) bool { return v != nil && compareValues(v, want) == 0 }
	switch f.op {
	case "hv":
		return (v != nil && v != "") == f.values[0].(bool)
	case "eq":
		return is(f.values[0]) || v == nil && f.values[0] == ""
	case "ne":
		return !is(f.values[0])
	case "in":
		return slices.ContainsFunc(f.values, is)
	case "ni":
		return !slices.ContainsFunc(f.values, is)
	case "ct", "sw", "ew":
		return v != nil && affix(f.op, v.(string), f.values[0].(string))
	}
	return f.within(v)
}

func affix(op, s, part string) bool {
	s, part = strings.ToLower(s), strings.ToLower(part)
	switch op {
	case "sw":
		return strings.HasPrefix(s, part)
	case "ew":
		return strings.HasSuffix(s, part)
	}
	return strings.Contains(s, part)
}

// within is the ordering operators; those that end in n let no value pass too.
func (f *filter) within(v any) bool {
	op, orNull := f.op, false
	if len(op) == 3 {
		op, orNull = op[:2], true
	}
	if v == nil {
		return orNull
	}
	c := compareValues(v, f.values[0])
	switch op {
	case "gt":
		return c > 0
	case "ge":
		return c >= 0
	case "lt":
		return c < 0
	case "le":
		return c <= 0
	}
	return c >= 0 && compareValues(v, f.values[1]) <= 0 // bt, both ends included
}
