package rules

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// DefaultNameForm is how people stand in a panel's directory unless the property says otherwise: "T. Jones - Unit 101"
// (row C2).
const DefaultNameForm = "{initial}. {last} - Unit {unit}"

// Placeholders of a name form, those of a person first.
var (
	ofPerson = []string{"initial", "first", "last", "company"}
	ofPlace  = []string{"unit", "building"}
)

// maxNameForm bounds a form: no panel's directory shows more.
const maxNameForm = 100

// CheckNameForm says in words what is wrong with a property's form of directory names; "" is the default. A form needs
// a placeholder of the person, and has those of the place before or behind it.
func CheckNameForm(form string) error {
	f, wrong := parseForm(form)
	if wrong == "" && form != "" && clean(form) != strings.TrimSpace(form) {
		wrong = "has quotes, control characters or two blanks in a row"
	}
	if wrong == "" && utf8.RuneCountInString(form) > maxNameForm {
		wrong = "has more than " + strconv.Itoa(maxNameForm) + " characters"
	}
	if wrong == "" && form != "" && len(f.person) == 0 {
		wrong = "names nobody"
	}
	if wrong == "" {
		return nil
	}
	return fault.New(fault.Invalid, "check", "directory name "+strconv.Quote(form), "%s", wrong).
		WithRemedy("Write it like %q; there are {%s}.", DefaultNameForm, strings.Join(slices.Concat(ofPerson, ofPlace), "}, {"))
}

// piece is literal text and the placeholder behind it, "" at the end of its part.
type piece struct{ text, name string }

// nameForm is a parsed name form: what stands before the person, the person, and what stands behind. The literal text that
// parts two parts belongs to the place's.
type nameForm struct{ before, person, behind []piece }

// parseForm parts a form; wrong says in words why it cannot be.
func parseForm(s string) (f nameForm, wrong string) {
	var all []piece
	for {
		text, rest, found := strings.Cut(s, "{")
		name, after, closed := strings.Cut(rest, "}")
		switch {
		case strings.Contains(text, "}"), found && !closed:
			return f, "has a bracket without its other half"
		case !found:
			all = append(all, piece{text, ""})
			return partForm(all)
		case !slices.Contains(ofPerson, name) && !slices.Contains(ofPlace, name):
			return f, "has the unknown placeholder {" + name + "}"
		}
		all, s = append(all, piece{text, name}), after
	}
}

func partForm(all []piece) (f nameForm, wrong string) {
	first, last := -1, -1
	for i, p := range all {
		if slices.Contains(ofPerson, p.name) {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return f, ""
	}
	f.person = slices.Clone(all[first : last+1])
	f.before = append(slices.Clone(all[:first]), piece{text: f.person[0].text})
	f.person[0].text = ""
	f.behind = all[last+1:]
	for _, p := range f.person {
		switch {
		case slices.Contains(ofPlace, p.name):
			return f, "has {" + p.name + "} amid the person's name; put it before or behind"
		case strings.ContainsAny(p.text, "()[]"):
			return f, "has brackets amid the person's name, which would stand empty for some"
		}
	}
	return f, ""
}

// Naming is how people of one property stand in a device's directory: the property's form, and how many characters the
// device shows (0: any number). A form that CheckNameForm refuses is taken as the default.
type Naming struct {
	Form string
	Max  int
}

// form is the parsed form that holds.
func (n Naming) form() nameForm {
	if f, wrong := parseForm(n.Form); wrong == "" && len(f.person) > 0 {
		return f
	}
	f, _ := parseForm(DefaultNameForm)
	return f
}

// Of is how a person stands there: "T. Jones - Unit 101" (row C2). Who lacks a name that the form asks for stands by the
// name there is, a company by its name; without a unit the name stands alone, without a name the unit. The unit is kept
// whole as long as it fits and the name is cut, because the unit is what a visitor looks for. What a panel's field must
// never get (quotes, control and invisible characters) is replaced or dropped; other scripts stand as they are.
func (n Naming) Of(p access.Person, unit, building string) string {
	f := n.form()
	return n.fit(f, f.personName(p, 1), unit, building)
}

// fit joins a name and its place within the bound.
func (n Naming) fit(f nameForm, name, unit, building string) string {
	unit, building = clean(unit), clean(building)
	if unit == "" {
		return cut(name, n.Max)
	}
	values := map[string]string{"unit": unit, "building": building}
	before, behind := fill(f.before, values), fill(f.behind, values)
	room := n.Max - runes(before) - runes(behind)
	switch {
	case name == "", n.Max > 0 && room < 1:
		return cutUnit(before+behind, unit, n.Max)
	case n.Max <= 0:
		room = 0
	}
	return tidyEnds(before + cut(name, room) + behind)
}

// fill puts values in. A placeholder without a value takes the text behind it along, or, where no other follows, the
// text before it and the bracket behind.
func fill(ps []piece, values map[string]string) string {
	out, skip, closed := "", false, false
	for i, p := range ps {
		empty := p.name != "" && values[p.name] == ""
		if empty && !slices.ContainsFunc(ps[i+1:], func(q piece) bool { return q.name != "" }) {
			closed = true
			continue
		}
		if closed {
			p.text = strings.TrimLeft(p.text, ")]")
		}
		if !skip {
			out += p.text
		}
		out, skip = out+values[p.name], empty
	}
	return out
}

// personName is the person's part, with so many letters for an initial. A missing first or last name makes it the one
// there is.
func (f nameForm) personName(p access.Person, letters int) string {
	first, last, company := clean(p.First), clean(p.Last), clean(p.Company)
	initial := []rune(first)
	values := map[string]string{"first": first, "last": last, "company": company, "initial": string(initial[:min(letters, len(initial))])}
	named, whole := false, true
	for _, x := range f.person {
		if x.name != "company" {
			named, whole = true, whole && values[x.name] != ""
		}
	}
	if whole && (named || company != "") {
		return strings.TrimSpace(fill(f.person, values))
	}
	switch {
	case first != "" && last != "":
		return values["initial"] + ". " + last
	case first+last == "":
		return company
	}
	return first + last
}

// maxNames bounds how many forms of a name are tried before people share one.
const maxNames = 24

// All is Of and, in the order in which they are to be tried, the longer forms for a unit where somebody else stands under
// it already: "T. Jones", "To. Jones", "Tom Jones", then "T. Jones 2" and so on (row C2). Every form fits; the list has no
// doubles and at least one entry.
func (n Naming) All(p access.Person, unit, building string) []string {
	f := n.form()
	short := f.personName(p, 1)
	out := []string{n.fit(f, short, unit, building)}
	add := func(name string) {
		if s := n.fit(f, name, unit, building); !slices.Contains(out, s) && len(out) < maxNames {
			out = append(out, s)
		}
	}
	first, last := clean(p.First), clean(p.Last)
	if first != "" && last != "" {
		for i := 2; i < runes(first); i++ {
			add(f.personName(p, i))
		}
		add(first + " " + last)
	}
	for i := 2; i <= 9 && short != ""; i++ { // the number stands whole, whatever is cut
		tail := " " + strconv.Itoa(i)
		room := 0
		if n.Max > 0 {
			if room = n.Max - runes(Naming{Form: n.Form}.fit(f, "x", unit, building)) + 1 - runes(tail); room < 1 {
				break
			}
		}
		add(cut(short, room) + tail)
	}
	return out
}

// cutUnit is the place alone, "Unit 101", or the bare unit where that is too long.
func cutUnit(place, unit string, max int) string {
	s := tidyEnds(strings.TrimFunc(place, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) }))
	if !strings.Contains(s, unit) {
		s = "Unit " + unit
	}
	if max <= 0 || runes(s) <= max {
		return s
	}
	return cut(unit, max)
}

func tidyEnds(s string) string { return strings.TrimSpace(s) }

// cut keeps the first max runes (0: all), without a blank at the end.
func cut(s string, max int) string {
	if r := []rune(s); max > 0 && len(r) > max {
		s = string(r[:max])
	}
	return strings.TrimRight(s, " ")
}

func runes(s string) int { return utf8.RuneCountInString(s) }

// clean makes text fit for a panel's field: no control and format characters (a right-to-left mark can turn a directory
// round), no broken bytes, an apostrophe for a quote, because no panel is known to escape one, and every run of blanks
// one.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '"':
			return '\''
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
