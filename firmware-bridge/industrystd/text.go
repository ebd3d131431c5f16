package industrystd

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gatehouse/firmware-bridge/ascii"
)

// plainly writes text as people would on an ASCII keyboard: José becomes Jose. A byte of an accented letter in UTF-8 can
// be the separator itself (ó is C3 B3), so nothing else may pass (§1.2) [I]. Control characters, the separator
// and letters without an ASCII spelling are refused.
func plainly(field, text string) (string, error) {
	out, bad := ascii.Spell(text)
	switch bad {
	case 0:
		return out, nil
	case utf8.RuneError:
		return "", notText(field)
	}
	return "", strange(field, bad)
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
