package industrystd

import (
	"fmt"
	"strings"
)

// saltoSymbols are the names of authorisations 1 to 62, in order (§1.3) [T]. Quotes, backtick and | are not among them.
const saltoSymbols = "123456789" + "abcdefghijklmnopqrstuvwxyz" + `!#$%&()*+,-./:;<=>?@[\]^_{}`

// authorisations writes numbers as the dialect's symbols. The empty list gives the empty field: the lock
// system's own defaults (§1.3) [I].
func (d Dialect) authorisations(numbers []int) string {
	var field strings.Builder
	for _, n := range numbers {
		field.WriteByte(saltoSymbols[n-1]) // Onity's 1-8 are the same digits
	}
	return field.String()
}

// readAuthorisations is the reverse; symbols that the dialect does not have come back in rest.
func (d Dialect) readAuthorisations(field string) (numbers []int, rest string) {
	for _, symbol := range []byte(field) {
		if at := strings.IndexByte(saltoSymbols[:d.maxAuthorisation()], symbol); at >= 0 {
			numbers = append(numbers, at+1)
		} else {
			rest += string(rune(symbol))
		}
	}
	return numbers, rest
}

// checkAuthorisations refuses numbers the dialect has no symbol for, and a number named twice: granted and denied
// at once would mean whatever the lock system looks at last.
func (d Dialect) checkAuthorisations(granted, denied []int) error {
	seen := map[int]bool{}
	for _, n := range append(append([]int{}, granted...), denied...) {
		switch {
		case n < 1 || n > d.maxAuthorisation():
			return &LimitError{
				Field: fmt.Sprintf("authorisation %d", n), Why: "has no symbol in the " + string(d) + " dialect",
				Limit: fmt.Sprintf("numbers 1 to %d", d.maxAuthorisation()), Source: "encoders.md §1.3 [T]",
			}
		case seen[n]:
			return &LimitError{
				Field: fmt.Sprintf("authorisation %d", n), Why: "is named twice",
				Limit: "once, as granted or as denied", Source: "ours",
			}
		}
		seen[n] = true
	}
	return nil
}
