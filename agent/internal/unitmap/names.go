package unitmap

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"gatehouse/protocol/access"
)

// bare is a name without case, extra blanks and the word "unit" before it. Leading zeros stay: "0101" is not "101".
func bare(name string) string {
	name = strings.Join(strings.Fields(strings.ToLower(name)), " ")
	if rest, ok := strings.CutPrefix(name, "unit "); ok {
		return rest
	}
	return name
}

// noWords say only that a number follows.
const noWords = " unit apt apartment appt suite ste flat no nr number bldg building bld block tower "

// mark is what a name says: the building before the number, "" none, and the number itself without leading zeros; of a
// name without a number all of its words.
type mark struct{ building, number string }

// parse reads names as people write them: "Unit 101", "Apt. 101", "#0101", "1-101", "Bldg A 101", "A101", "101-B".
func parse(name string) mark {
	var m mark
	before := []string{}
	for _, w := range words(name) {
		switch digit := isDigit(rune(w[0])); {
		case digit && m.number != "":
			before, m.number = append(before, m.number), w
		case digit:
			m.number = w
		case m.number != "" && len(w) == 1:
			m.number += w // "101 B" is 101b
		default:
			before = append(before, w)
		}
	}
	if m.building = strings.Join(before, " "); m.number == "" {
		return mark{number: m.building}
	}
	return m
}

// words are the words and numbers of a name in lower case, numbers without leading zeros, without those that say
// nothing. Letters before digits are a word of their own: "A101" is "a", "101".
func words(name string) (out []string) {
	var w []rune
	end := func() {
		s := string(w)
		w = w[:0]
		for len(s) > 1 && s[0] == '0' && isDigit(rune(s[1])) {
			s = s[1:]
		}
		if s != "" && !strings.Contains(noWords, " "+s+" ") {
			out = append(out, s)
		}
	}
	for _, r := range strings.ToLower(name) {
		switch {
		case isDigit(r) && len(w) > 0 && !isDigit(w[0]):
			end()
			w = append(w, r)
		case isDigit(r), unicode.IsLetter(r):
			w = append(w, r)
		default:
			end()
		}
	}
	end()
	return out
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// side is one unit or apartment by what its name says.
type side struct {
	mark
	bare string
	also string // of a unit: its building as the property names it, "" none
}

func unitSide(u access.Unit, buildings map[access.BuildingID]access.Building) side {
	return side{parse(u.Name), bare(u.Name), strings.Join(words(buildings[u.Building].Name), " ")}
}

// housed says whether a unit and an apartment name the same building.
func housed(u, a side) bool {
	return a.building != "" && (a.building == u.also || a.building == u.building || a.building == strings.TrimSpace(u.also+" "+u.building))
}

// unhoused says whether one of them names no building.
func unhoused(u, a side) bool { return a.building == "" || u.building == "" && u.also == "" }

// inOrder lists units by building, name and id, so that nothing depends on the order of a map.
func inOrder(units map[access.UnitID]access.Unit, buildings map[access.BuildingID]access.Building) []access.UnitID {
	keys := map[string]access.UnitID{}
	for id, u := range units {
		keys[strings.Join([]string{buildings[u.Building].Name, u.Name, string(id)}, "\x00")] = id
	}
	out := make([]access.UnitID, 0, len(keys))
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		out = append(out, keys[k])
	}
	return out
}
