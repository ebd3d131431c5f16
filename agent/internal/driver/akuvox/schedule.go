package akuvox

import (
	"slices"
	"strings"
)

// always is the built-in schedule that never closes (§2.4).
const always = "1001"

// relaysOf reads the schedule pairs of a row, "1001-12;1002-3", with either separator (§2.3). Pairs of
// the schedule that is always open give their relays by letter. Any other pair stands as it is
// written, so that such a row never passes for one we wrote.
func relaysOf(pairs string) []string {
	var out []string
	for _, pair := range split(pairs) {
		schedule, digits, _ := strings.Cut(pair, "-")
		if schedule != always || digits == "" || strings.Trim(digits, "123456789") != "" {
			out = append(out, pair)
			continue
		}
		for _, d := range digits {
			out = append(out, string('A'+d-'1'))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// split cuts a list that units separate by ';' or ',' and drops the empty parts.
func split(s string) []string {
	var out []string
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ',' }) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// pairsFor writes relays as the unit wants them: "1001-12" and what it puts at the end. The relays
// have passed relayDigit.
func pairsFor(relays []string, tail string) string {
	var digits []string
	for _, r := range relays {
		d, _ := relayDigit(r)
		digits = append(digits, d)
	}
	slices.Sort(digits)
	return always + "-" + strings.Join(slices.Compact(digits), "") + tail
}

// relayDigit is the unit's number of a relay: "1" for "A". ok is false for what is no relay.
func relayDigit(relay string) (digit string, ok bool) {
	if len(relay) != 1 || relay[0] < 'A' || relay[0] >= 'A'+mostRelays {
		return "", false
	}
	return string('1' + relay[0] - 'A'), true
}

// tailOf is what stands after the last pair of a value, ";" or "," or nothing.
func tailOf(pairs string) string {
	if pairs = strings.TrimSpace(pairs); strings.HasSuffix(pairs, ";") || strings.HasSuffix(pairs, ",") {
		return pairs[len(pairs)-1:]
	}
	return ""
}
