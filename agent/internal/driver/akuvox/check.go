package akuvox

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access/fault"
)

// check refuses before the wire what a panel must never get: control characters, over-long fields
// (§7), PINs and cards of a wrong form, relays it does not have. It never repeats a secret.
func (p *Panel) check(step model.Step) error {
	rec, lim := step.Record, p.facts().profile.limits(false)
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, string(step.Op)+" a row on", p.link.subject, format, args...).
			WithRemedy("Correct the person's record; the panel was not touched.")
	}
	switch pin := rec.PIN.Reveal(); {
	case rec.Ref != step.Ref:
		return bad("the record is for %q, the step for %q", tidy(string(rec.Ref)), string(step.Ref))
	case !clean(string(rec.Ref)), utf8.RuneCountInString(string(rec.Ref)) > refChars:
		return bad("the reference is too long or holds control characters")
	case strings.TrimSpace(rec.Name) == "", !clean(rec.Name):
		return bad("the name is empty or holds control characters")
	case utf8.RuneCountInString(rec.Name) > lim.NameChars:
		return bad("the name has more than %d characters", lim.NameChars)
	case pin != "" && (len(pin) < lim.PINDigitMin || len(pin) > lim.PINDigitMax || strings.Trim(pin, "0123456789") != ""):
		return bad("the PIN is not of %d to %d digits", lim.PINDigitMin, lim.PINDigitMax)
	case pin != "" && strings.ContainsAny(pin[:1], lim.PINNoFirst):
		return bad("the PIN starts with %s, which panels keep for themselves", pin[:1])
	case len(rec.Cards) > lim.Cards:
		return bad("%d cards: the panel takes %d for one person", len(rec.Cards), lim.Cards)
	case !cardsFit(rec):
		return bad("a card is not of 1 to %d characters 0-9 A-F", cardChars)
	case len(rec.Relays) == 0:
		return bad("it opens no relay")
	case len(rec.Schedules) > schedulesPerRow:
		return bad("%d weekly schedules: %d are written for one person at most", len(rec.Schedules), schedulesPerRow)
	case !p.facts().hours.ready(rec.Schedules):
		return fault.New(fault.Conflict, string(step.Op)+" a row on", p.link.subject, "its weekly hours are not on the panel").
			WithRemedy("The gateway writes the hours first and then the person: see why it could not. A schedule may need %d windows at most.", mostSpans)
	}
	for _, r := range rec.Relays {
		if !p.has(r) {
			return bad("there is no relay %q", tidy(r))
		}
	}
	return nil
}

func clean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func cardsFit(rec model.Record) bool {
	for _, c := range rec.Cards {
		s := strings.ToUpper(c.Reveal())
		if s == "" || len(s) > cardChars || strings.Trim(s, "0123456789ABCDEF") != "" {
			return false
		}
	}
	return true
}

// has says whether the unit may have the relay: by its profile, or A to D where that is silent.
func (p *Panel) has(relay string) bool {
	_, ok := relayDigit(relay)
	n := p.facts().profile.relays
	return ok && (n == 0 || int(relay[0]-'A') < n)
}
