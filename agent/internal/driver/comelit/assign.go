package comelit

import (
	"slices"
)

// want is one slot that a person should have.
type want struct {
	kind    Kind
	contact string
}

// wants lists the slots for an e-mail and a number, the phone first: where only one slot is left a ring must still
// arrive (row C11).
func wants(email, phone string) (out []want) {
	if phone != "" {
		out = append(out, want{KindPhone, phone})
	}
	if email != "" {
		out = append(out, want{KindApp, email})
	}
	return out
}

// seat is a want and the slot it gets.
type seat struct {
	at Place
	want
}

// seats gives a person's wants their slots: those they have stay theirs, others get the lowest free one. mine are the
// person's own places with their kind; free are the unit's places that a backup has shown to be free, in order. What is
// left of mine is to be cleared.
func seats(unit int, all []want, mine map[Place]Kind, free []Place) (give []seat, clear []Place, waits []want) {
	left := make([]Place, 0, len(mine))
	for p := range mine {
		left = append(left, p)
	}
	inOrder(len(left), func(i, j int) bool { return left[i].before(left[j]) }, func(i, j int) { left[i], left[j] = left[j], left[i] })
	for _, w := range all {
		i := slices.IndexFunc(left, func(p Place) bool { return p.Map == unit && mine[p] == w.kind })
		switch {
		case i >= 0:
			give = append(give, seat{left[i], w})
			left = slices.Delete(left, i, i+1)
		case len(free) > 0:
			give = append(give, seat{free[0], w})
			free = free[1:]
		default:
			waits = append(waits, w)
		}
	}
	return give, left, waits
}

// pick is the first of names that nobody else of the unit has; the last where all are taken: two people of one name and
// one unit then share it, which rings for both.
func pick(names []string, taken map[string]bool) string {
	for _, n := range names {
		if !taken[n] {
			return n
		}
	}
	return names[len(names)-1]
}

// changes are the field writes that turn have into want: kind, name, contact, and enabled last, so that nothing rings
// before it is whole (§8). all writes every field, for a slot whose contents are not known.
func changes(have, want Slot, all bool) (out []Field) {
	set := func(n int, was, is string) {
		if all || was != is {
			out = append(out, Field{n, is})
		}
	}
	set(fieldKind, kindText(have.Kind), kindText(want.Kind))
	set(fieldName, have.Name, want.Name)
	set(fieldEmail, have.Email, want.Email)
	set(fieldPhone, have.Phone, want.Phone)
	set(fieldEnabled, enabledText(have.Enabled), enabledText(want.Enabled))
	return out
}

// clearFields empty a slot: disabled first, so that it is silent at once, the kind last (§8). That this ends the slot's
// token is not known: the snapshot after it tells.
func clearFields() []Field {
	return []Field{
		{fieldEnabled, enabledText(false)},
		{fieldPhone, ""},
		{fieldEmail, ""},
		{fieldName, ""},
		{fieldKind, kindText(KindNone)},
	}
}

func kindText(k Kind) string { return string(rune('0' + int(k)%10)) }

func enabledText(on bool) string {
	if on {
		return "1"
	}
	return "2"
}
