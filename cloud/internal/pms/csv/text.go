package csv

import (
	"bytes"
	"unicode/utf8"
)

// checkText wants UTF-8 without NUL. A file cut inside a character is cut, not Latin-1: the torn
// bytes at its very end are dropped when open says that no footer closes the file.
func checkText(b []byte, open bool) ([]byte, error) {
	const remedy = `Export again as "CSV UTF-8".`
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return nil, invalid(remedy, "the file is UTF-16")
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return nil, invalid(remedy, "%s: a NUL byte; this is not a text file", atLine(lineOf(b, i)))
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			if open && !utf8.FullRune(b[i:]) {
				return b[:i], nil
			}
			return nil, invalid(remedy, "%s: byte 0x%X is not UTF-8; the file looks like Latin-1 or Windows-1252",
				atLine(lineOf(b, i)), b[i])
		}
		i += n
	}
	return b, nil
}

func lineOf(b []byte, at int) int { return 1 + bytes.Count(b[:at], []byte("\n")) }

// delimiter is whichever of comma, semicolon and tab the header row has most of, quotes aside.
func delimiter(b []byte) rune {
	line, _, _ := bytes.Cut(bytes.TrimLeft(b, "\r\n"), []byte("\n"))
	best, most := ',', 0
	for _, d := range []rune{',', ';', '\t'} {
		if n := bytes.Count(line, []byte(string(d))); n > most {
			best, most = d, n
		}
	}
	return best
}
