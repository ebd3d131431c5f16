package akuvox

import (
	"slices"
	"strings"

	"gatehouse/protocol/access"
)

// always is the built-in schedule that never closes (§2.4).
const always = "1001"

// accessOf reads the schedule pairs of a row, "1001-12;1003-3", with either separator (§2.3). Pairs
// of the schedule that is always open give their relays by letter. Where every pair is of schedules
// of ours, each with all of its hours, and all name the same relays, these are the row's relays and
// hours. Any other pair stands as it is written, so that such a row never passes for one we wrote.
func accessOf(pairs string, h hours) (relays []string, schedules []access.ScheduleID) {
	list := split(pairs)
	if relays, schedules = h.access(list); len(schedules) > 0 {
		return relays, schedules
	}
	var out []string
	for _, pair := range list {
		schedule, digits, _ := strings.Cut(pair, "-")
		if schedule != always || !relayDigits(digits) {
			out = append(out, pair)
			continue
		}
		out = append(out, relayLetters(digits)...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func relayDigits(s string) bool { return s != "" && strings.Trim(s, "123456789") == "" }

func relayLetters(digits string) (out []string) {
	for _, d := range digits {
		out = append(out, string('A'+d-'1'))
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

// pairsFor writes the relays under each schedule number as the unit wants them, "1001-12,1003-12", with
// what it puts between pairs and at the end: what it has shown, else a comma between, because units
// that were seen to put nothing at the end want one (§2.3). The relays have passed relayDigit.
func pairsFor(numbers, relays []string, sep, tail string) string {
	var digits []string
	for _, r := range relays {
		d, _ := relayDigit(r)
		digits = append(digits, d)
	}
	slices.Sort(digits)
	joined := strings.Join(slices.Compact(digits), "")
	var pairs []string
	for _, n := range numbers {
		pairs = append(pairs, n+"-"+joined)
	}
	return strings.Join(pairs, sep) + tail
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
