// Package ascii spells text in printable ASCII, for lock systems whose code page nobody knows: José becomes Jose.
//
// It stands beside the codecs because each of them needs it and none may know another. Names that must match somebody
// else's spelling exactly, such as rooms, do not belong here. It imports nothing of the house.
package ascii

import (
	"strings"
	"unicode/utf8"
)

// plain lists letters and marks that have an obvious ASCII spelling.
var plain = []struct{ of, as string }{
	{"ÀÁÂÃÄÅĀĂĄ", "A"}, {"àáâãäåāăą", "a"}, {"Æ", "AE"}, {"æ", "ae"},
	{"ÇĆĈĊČ", "C"}, {"çćĉċč", "c"}, {"ÐĎĐ", "D"}, {"ðďđ", "d"},
	{"ÈÉÊËĒĔĖĘĚ", "E"}, {"èéêëēĕėęě", "e"}, {"ĜĞĠĢ", "G"}, {"ĝğġģ", "g"},
	{"ĤĦ", "H"}, {"ĥħ", "h"}, {"ÌÍÎÏĨĪĬĮİ", "I"}, {"ìíîïĩīĭįı", "i"},
	{"Ĵ", "J"}, {"ĵ", "j"}, {"Ķ", "K"}, {"ķĸ", "k"}, {"ĹĻĽĿŁ", "L"}, {"ĺļľŀł", "l"},
	{"ÑŃŅŇŊ", "N"}, {"ñńņňŋ", "n"}, {"ÒÓÔÕÖØŌŎŐ", "O"}, {"òóôõöøōŏő", "o"}, {"Œ", "OE"}, {"œ", "oe"},
	{"ŔŖŘ", "R"}, {"ŕŗř", "r"}, {"ŚŜŞŠȘ", "S"}, {"śŝşšș", "s"}, {"ß", "ss"}, {"ẞ", "SS"},
	{"ŢŤŦȚ", "T"}, {"ţťŧț", "t"}, {"Þ", "TH"}, {"þ", "th"},
	{"ÙÚÛÜŨŪŬŮŰŲ", "U"}, {"ùúûüũūŭůűų", "u"}, {"Ŵ", "W"}, {"ŵ", "w"},
	{"ÝŶŸ", "Y"}, {"ýÿŷ", "y"}, {"ŹŻŽ", "Z"}, {"źżž", "z"},
	{"’‘ʼ", "'"}, {"“”„", `"`}, {"–—‐‑", "-"}, {"…", "..."}, {"\u00a0\u2009", " "},
}

// Spell writes text as people would on an ASCII keyboard. A character without such a spelling, a control character
// among them, is returned as bad, utf8.RuneError for bytes that are no text at all; bad is 0 when all went well.
func Spell(text string) (spelled string, bad rune) {
	if !utf8.ValidString(text) {
		return "", utf8.RuneError
	}
	var out strings.Builder
	for _, r := range text {
		switch {
		case Printable(r):
			out.WriteRune(r)
		case r >= 0x300 && r <= 0x36F: // a separate accent: the letter is out already
		default:
			as := spelling(r)
			if as == "" {
				return "", r
			}
			out.WriteString(as)
		}
	}
	return out.String(), 0
}

// Printable says that r is printable ASCII, the blank included.
func Printable(r rune) bool { return r >= ' ' && r <= '~' }

func spelling(r rune) string {
	for _, p := range plain {
		if strings.ContainsRune(p.of, r) {
			return p.as
		}
	}
	return ""
}
