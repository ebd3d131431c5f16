package industrystd_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/firmware-bridge/industrystd"
)

// operator is what goes on the wire for an operator's name.
func operator(t *testing.T, name string) (string, error) {
	t.Helper()
	j, _ := newKey(t)
	j.Operator = name
	m, err := industrystd.Build(industrystd.Salto, j)
	return m.Field(11), err
}

func TestTowardsE3_Transliteration(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"José Muñoz":       "Jose Munoz",
		"Jose\u0301":       "Jose", // the accent as a character of its own
		"Jürgen Groß":      "Jurgen Gross",
		"Łukasz Żółć":      "Lukasz Zolc",
		"Þórður Ægisson":   "THordur AEgisson",
		"Renée O’Neill":    "Renee O'Neill",
		"Ana–Maria Ştefan": "Ana-Maria Stefan",
		"İpek Çağlar":      "Ipek Caglar",
		"Dvořák\u00a0K.":   "Dvorak K.",
		"Gatehouse":        "Gatehouse",
		"":                 "",
	} {
		if got, err := operator(t, name); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"Жанна", "山田", "A\nB", "A\xB3B", "A\u00b3", "☃", "A\u202eB"} {
		if got, err := operator(t, name); err == nil {
			t.Errorf("%q goes out as %q", name, got)
		}
	}
}

// TestTransliteration_WholeAlphabets takes every accented letter of Latin-1 and Latin Extended-A: nothing but printable ASCII may come out.
func TestTransliteration_WholeAlphabets(t *testing.T) {
	t.Parallel()
	odd := map[rune]bool{'×': true, '÷': true, 'ŉ': true, 'ſ': true, 'Ĳ': true, 'ĳ': true}
	for r := 'À'; r <= 'ž'; r++ {
		got, err := operator(t, string(r))
		if odd[r] {
			continue
		}
		if err != nil || got == "" || strings.IndexFunc(got, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
			t.Errorf("%c: %q, %v", r, got, err)
		}
	}
}

// TestNames_StayAsTheyAre: a room spelled otherwise would be another room.
func TestNames_StayAsTheyAre(t *testing.T) {
	t.Parallel()
	j, _ := newKey(t)
	j.Rooms, j.Encoder = []string{"Suite #1 (east) / 2"}, "Desk `A'"
	m, err := industrystd.Build(industrystd.Salto, j)
	if err != nil || m.Field(3) != j.Rooms[0] || m.Field(1) != j.Encoder {
		t.Errorf("%v, %v", m, err)
	}
}

// TestTowardsE3_Authorisations spells all 62 of SALTO and all 8 of Onity, and reads them back.
func TestTowardsE3_Authorisations(t *testing.T) {
	t.Parallel()
	for d, want := range map[industrystd.Dialect]string{
		industrystd.Salto: "123456789abcdefghijklmnopqrstuvwxyz!#$%&()*+,-./:;<=>?@[\\]^_{}", // §1.3
		industrystd.Onity: "12345678",
	} {
		j, _ := newKey(t)
		j.Granted = nil
		for n := range len(want) {
			j.Granted = append(j.Granted, n+1)
		}
		m, err := industrystd.Build(d, j)
		if err != nil || m.Field(7) != want || m.Field(8) != "" {
			t.Fatalf("%s: %q %q, %v; want %q", d, m.Field(7), m.Field(8), err, want)
		}
		a, err := industrystd.ParseAnswer(d, industrystd.Job{Command: industrystd.Read, Encoder: "1"},
			industrystd.Message{"LT", "1", "101", "", "", "", "CI", "0", want + "|"})
		if err != nil || len(a.Card.Granted) != len(want) || a.Card.Granted[len(want)-1] != len(want) || a.Card.Note != "|" {
			t.Errorf("%s: read back %+v, %v", d, a.Card, err)
		}
	}
}
