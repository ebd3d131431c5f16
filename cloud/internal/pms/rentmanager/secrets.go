package rentmanager

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access/fault"
)

// field is the user-defined field that PINs or cards come from.
type field struct {
	name   string // "" none is mapped
	column pms.Column
	read   func(pms.Column, string) pms.Held
	hold   string // why nothing can be said about anybody's value
}

// findFields maps the property's two fields and looks at their columns. A field of which the
// property's rows have no trace is looked up among the definitions: if it is not there either, it
// was renamed or may not be read, and its blanks are no blanks.
func (b *builder) findFields(ctx context.Context) error {
	b.pin = field{name: b.set.PINField, read: pms.Column.PIN}
	b.card = field{name: b.set.CardField, read: pms.Column.Card}
	if b.pin.name == "" && b.card.name == "" {
		b.lacks("no pin_field or card_field is set in " + cmp.Or(b.cfg.File, "the connector's settings") + ", so nobody has a PIN or card")
	}
	for _, f := range []*field{&b.pin, &b.card} {
		if f.name == "" {
			continue
		}
		values, found := b.column(f.name)
		f.column.Usual = pms.UsualLength(values)
		if found || len(b.rows) == 0 {
			continue
		}
		names, defined, err := b.definitions(ctx, f.name)
		if err != nil {
			return err
		}
		if !defined {
			f.hold = fmt.Sprintf("the PMS shows no user-defined field named %.60q. Check its name, and that the API user may read it.", f.name)
			b.lacks(strings.TrimSuffix(f.hold, ".") + existing(names))
		}
	}
	b.pin.column.Digits = b.set.PINDigits
	return nil
}

// lacks says, as evidence and as a question, why the property's PINs or cards cannot be read.
func (b *builder) lacks(words string) {
	b.snap.Because("property " + b.prop.Ref + ": " + words)
	b.snap.Skip(0, pms.SkippedField, b.prop.Ref, words)
}

// existing lists the names that a field could have been meant to have; at most so many.
func existing(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "; it shows no user-defined field at all"
	}
	more := ""
	if n := len(names) - most; n > 0 {
		names, more = names[:most], fmt.Sprintf(" and %d more", n)
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%.60q", n)
	}
	return "; it has " + strings.Join(quoted, ", ") + more
}

// column is every value that the property's rows have under a field's name, and whether any row
// has the field at all.
func (b *builder) column(name string) (values []string, found bool) {
	take := func(rows []udfRow) {
		for _, v := range rows {
			if !sameField(v.Name.s, name) {
				continue
			}
			found = true
			if value, ok := v.clear(); ok {
				values = append(values, value)
			}
		}
	}
	for _, t := range b.rows {
		take(t.UserDefinedValues.rows)
		for _, c := range t.Contacts.rows {
			take(c.UserDefinedValues.rows)
		}
	}
	return values, found
}

// definitions looks for a user-defined field of tenants or contacts. When it is not there, names are those that are, each
// once, in the order of the alphabet. To be refused is an answer too: then none is known.
func (p *pull) definitions(ctx context.Context, name string) (names []string, defined bool, err error) {
	for _, parent := range []string{"Tenant", "Contact"} {
		l, err := p.walk(ctx, definitionsQuery(parent), p.cfg.PageSize)
		if fault.KindOf(err) == fault.Denied {
			break
		}
		if err != nil {
			return nil, false, err
		}
		for _, d := range decode[udfDefinitionRow](l.rows) {
			if n := strings.TrimSpace(d.Name.s); n != "" {
				names, defined = append(names, n), defined || sameField(n, name)
			}
		}
		if defined {
			return nil, true, nil
		}
	}
	slices.Sort(names)
	return slices.Compact(names), false, nil
}

// secret is a PIN or card: of the first of the lists that has one. A list that was asked for and did
// not come might have it, so nothing is known then.
func (f field) secret(lists []many[udfRow]) pms.Held {
	switch {
	case f.name == "":
		return pms.Held{}
	case f.hold != "":
		return pms.Held{Hold: f.hold}
	}
	whole := true
	for _, l := range lists {
		whole = whole && l.set
		value, why := f.in(l.rows)
		if why != "" {
			return pms.Held{Hold: why}
		}
		if value != "" {
			return f.read(f.column, value)
		}
	}
	if !whole {
		return pms.Held{Hold: "the PMS left the user-defined values of this record out"}
	}
	return pms.Held{}
}

// in is the field's value in a list, "" when it is blank or not there; why says that it cannot be
// told.
func (f field) in(rows []udfRow) (found, why string) {
	for _, v := range rows {
		if !sameField(v.Name.s, f.name) {
			continue
		}
		value, ok := v.clear()
		switch {
		case !ok:
			return "", "the PMS does not send it as a value"
		case strings.TrimSpace(value) == "", value == found:
		case found != "":
			return "", "the record has the field twice, with two values. Remove one of them in the PMS."
		default:
			found = value
		}
	}
	return found, ""
}

// clear is the value as its owner typed it. Value is a string always (§1.4); where it comes as a
// number, leading zeros are lost by then, so it is written as what it is, a decimal number, and the
// column decides whether that provably changed nothing. false means that it is no value.
func (v udfRow) clear() (string, bool) {
	var t text
	if len(v.Value) > 0 && json.Unmarshal(v.Value, &t) != nil {
		return "", false
	}
	if t.number && !strings.ContainsAny(t.s, ".eE") {
		return t.s + ".0", true
	}
	return t.s, true
}

func sameField(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
