package industrystd

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// plain lists letters and marks that have an obvious ASCII spelling. Names of rooms and encoders never go through
// it: they must match the lock system's own spelling exactly (§1.1) [V].
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

// ascii writes text as people would on an ASCII keyboard: José becomes Jose. A byte of an accented letter in UTF-8 can
// be the separator itself (ó is C3 B3), so nothing else may pass (§1.2) [I]. Control characters, the separator
// and letters without an ASCII spelling are refused.
func ascii(field, text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", notText(field)
	}
	var out strings.Builder
	for _, r := range text {
		switch {
		case !notPrintable(r):
			out.WriteRune(r)
		case r >= 0x300 && r <= 0x36F: // a separate accent: the letter is out already
		default:
			as := spelling(r)
			if as == "" {
				return "", strange(field, r)
			}
			out.WriteString(as)
		}
	}
	return out.String(), nil
}

func spelling(r rune) string {
	for _, p := range plain {
		if strings.ContainsRune(p.of, r) {
			return p.as
		}
	}
	return ""
}

// printable refuses text that cannot go on the wire as it is.
func printable(field, text string) error {
	if !utf8.ValidString(text) {
		return notText(field)
	}
	for _, r := range text {
		if notPrintable(r) {
			return strange(field, r)
		}
	}
	return nil
}

// exact is for names that must be the lock system's own.
func exact(field, name string) error {
	if err := printable(field, name); err != nil {
		return err
	}
	if name != strings.TrimSpace(name) {
		return &LimitError{Field: field, Why: "begins or ends with a blank", Limit: "the lock system's own spelling", Source: "encoders.md §1.1 [V]"}
	}
	return nil
}

func strange(field string, r rune) error {
	why := fmt.Sprintf("holds %q, which has no ASCII spelling to send", r)
	switch {
	case r < ' ' || r == 0x7F:
		why = fmt.Sprintf("holds the control character %02X", r)
	case r == Separator || r == '│': // as Latin-1 and as code page 437 write that byte
		why = fmt.Sprintf("holds %q, the separator between fields", r)
	}
	return &LimitError{Field: field, Why: why, Limit: "printable ASCII", Source: "encoders.md §1.2 [I]"}
}

func notText(field string) error {
	return &LimitError{
		Field: field, Why: "is not valid text (UTF-8); a raw B3 would be taken for the separator between fields",
		Limit: "printable ASCII", Source: "encoders.md §1.2 [I]",
	}
}
