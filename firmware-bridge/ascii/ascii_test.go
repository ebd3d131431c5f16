package ascii_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/firmware-bridge/ascii"
)

func TestSpell(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"José Muñoz": "Jose Munoz", "Jose\u0301": "Jose", "Jürgen Groß": "Jurgen Gross", "Łukasz": "Lukasz", "": "", "A|~ b": "A|~ b",
	} {
		if got, bad := ascii.Spell(text); got != want || bad != 0 {
			t.Errorf("%q: %q, %q; want %q", text, got, bad, want)
		}
	}
	for text, want := range map[string]rune{"aЖb": 'Ж', "a\x02": 2, "\u00b3": '³', "\xB3": utf8.RuneError, "\x7F": 0x7F} {
		if got, bad := ascii.Spell(text); got != "" || bad != want {
			t.Errorf("%q: %q, %q; want it refused for %q", text, got, bad, want)
		}
	}
}

func FuzzSpell(f *testing.F) {
	f.Add("José")
	f.Add("\xC3\xB3 ó")
	f.Fuzz(func(t *testing.T, text string) {
		out, bad := ascii.Spell(text)
		if strings.IndexFunc(out, func(r rune) bool { return !ascii.Printable(r) }) >= 0 || bad != 0 && out != "" {
			t.Fatalf("%q becomes %q, %q", text, out, bad)
		}
	})
}
