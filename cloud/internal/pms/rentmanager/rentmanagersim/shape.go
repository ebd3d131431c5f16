package rentmanagersim

import (
	"slices"
	"strings"
)

// shape says which fields and embeds of a row go out.
type shape struct {
	table  *table
	only   []string // fields named by the fields argument; nil means all
	embeds map[string]*shape
}

// readShape understands embeds and fields. An embed brings its parents along. With fields, an embed that they
// do not name is dropped (reference pms.md §1.2).
func (s schema) readShape(t *table, embeds, fields string) (*shape, *badQuery) {
	top := &shape{table: t, embeds: map[string]*shape{}}
	for _, path := range list(embeds) {
		if err := s.embed(top, path); err != nil {
			return nil, err
		}
	}
	if len(list(fields)) == 0 {
		return top, nil
	}
	kept := &shape{table: t, only: []string{}, embeds: map[string]*shape{}}
	for _, path := range list(fields) {
		if err := kept.keep(top, strings.Split(path, ".")); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

func (s schema) embed(sh *shape, path string) *badQuery {
	for step := range strings.SplitSeq(path, ".") {
		r, ok := sh.table.relation(step)
		if !ok {
			return bad("embeds", "%s has no embed %q", sh.table.name, step)
		}
		if sh.embeds[step] == nil {
			sh.embeds[step] = &shape{table: s[r.to], embeds: map[string]*shape{}}
		}
		sh = sh.embeds[step]
	}
	return nil
}

// keep copies from full what one entry of the fields argument names.
func (sh *shape) keep(full *shape, path []string) *badQuery {
	name := path[0]
	if len(path) == 1 {
		if _, ok := sh.table.column(name); ok {
			sh.only = append(sh.only, name)
			return nil
		}
	}
	sub := full.embeds[name]
	if sub == nil {
		return bad("fields", "%s has no field %q, or it is not embedded", sh.table.name, name)
	}
	if len(path) == 1 {
		sh.embeds[name] = sub
		return nil
	}
	if sh.embeds[name] == sub {
		return nil // already kept whole
	}
	if sh.embeds[name] == nil {
		sh.embeds[name] = &shape{table: sub.table, only: []string{}, embeds: map[string]*shape{}}
	}
	return sh.embeds[name].keep(sub, path[1:])
}

// without is the shape with one embed left out wherever it stands.
func (sh *shape) without(embed string) *shape {
	out := &shape{table: sh.table, only: sh.only, embeds: map[string]*shape{}}
	for name, sub := range sh.embeds {
		if name != embed {
			out.embeds[name] = sub.without(embed)
		}
	}
	return out
}

// render makes the JSON of a row.
func (sh *shape) render(n *node, st style) object {
	out := object{}
	for _, c := range sh.table.columns {
		if sh.only != nil && !slices.Contains(sh.only, c.name) || c.needs != "" && sh.embeds[c.needs] == nil {
			continue
		}
		out = append(out, entry{c.name, st.value(c.kind, n.values[c.name])})
	}
	for _, r := range sh.table.relations {
		sub := sh.embeds[r.name]
		if sub == nil {
			continue
		}
		out = append(out, entry{r.name, sub.embedded(n, r, st)})
	}
	return out
}

func (sh *shape) embedded(n *node, r relation, st style) any {
	if r.many {
		rows := []any{}
		for _, e := range n.many[r.name] {
			rows = append(rows, sh.render(e, st))
		}
		return rows
	}
	if e := n.one[r.name]; e != nil {
		return sh.render(e, st)
	}
	return nil
}
