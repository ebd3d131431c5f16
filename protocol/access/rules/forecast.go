package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/protocol/access"
)

// ForecastAhead is how far moves are looked at before they happen (row C4).
const ForecastAhead = 60 * 24 * time.Hour

// Calls is how a panel that calls people reaches somebody: by an app, which its vendor knows by e-mail, and by telephone;
// "" where they have none. Each takes one slot of the unit (row C4). Without mobile access, and for who is left off the
// panel, there is neither (rows C5, C12).
func Calls(h access.Holder) (email, phone string) {
	if h.Person.Directory == access.LeftOff || !slices.ContainsFunc(h.Credentials, func(c access.Credential) bool { return c.Kind == access.Mobile }) {
		return "", ""
	}
	if len(h.Person.Phones) > 0 {
		phone = h.Person.Phones[0]
	}
	return h.Person.Email, phone
}

// Directory is what a forecast of panels that call people rests on.
type Directory struct {
	Units   map[access.UnitID]access.Unit
	People  []access.Holder
	Panels  map[access.UnitID]int // monitors in a unit that take a slot of it each
	Buttons int                   // named buttons of the panel, one for each person (row C19); 0: its directory is searched
	Zone    *time.Location        // of the dates in words; nil: UTC
}

// Shortage is somebody whom the panel will not hold as wanted.
type Shortage struct {
	Person             access.PersonID
	Unit               access.UnitID
	From               time.Time // when it begins, or the forecast, if it is so already
	Until              time.Time // when there is room; zero: not within the forecast
	App, Phone, Button bool      // what waits
	Wanted, Room       int       // slots of the unit, or buttons of the panel, then
	Words, Remedy      string
}

// Forecast lists who will not fit from now until a later day, by the day on which it begins: what a panel gives out goes
// to those who live there longest, each their telephone first, so that a ring arrives where not everything fits (row C11).
// It rests on nothing but what is known now.
func Forecast(d Directory, now, until time.Time) []Shortage {
	units := map[access.UnitID][]lodger{}
	var all []lodger
	for _, h := range d.People {
		email, phone := Calls(h)
		if email == "" && phone == "" {
			continue
		}
		for _, r := range h.Residencies {
			if r.From.Before(until) && (r.Until.IsZero() || r.Until.After(now)) {
				l := lodger{h.Person, r.Unit, r.Window, strings.ToLower(email), phone}
				units[r.Unit], all = append(units[r.Unit], l), append(all, l)
			}
		}
	}
	var out []Shortage
	for id, ls := range units {
		room := d.Units[id].Slots
		if room == 0 {
			room = access.DefaultSlots
		}
		room = max(0, room-d.Panels[id])
		out = append(out, d.over(ls, now, until, room, func(l lodger) []string { return l.slots() })...)
	}
	if d.Buttons > 0 {
		out = append(out, d.over(all, now, until, d.Buttons, func(lodger) []string { return []string{"button"} })...)
	}
	slices.SortFunc(out, func(a, b Shortage) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(d.Units[a.Unit].Name, d.Units[b.Unit].Name), cmp.Compare(a.Person, b.Person))
	})
	return out
}

// lodger is one residency of somebody whom a panel calls.
type lodger struct {
	person access.Person
	unit   access.UnitID
	access.Window
	email, phone string
}

func (l lodger) slots() (out []string) {
	if l.phone != "" {
		out = append(out, "phone")
	}
	if l.email != "" {
		out = append(out, "app")
	}
	return out
}

// over goes through every instant at which somebody comes or goes.
func (d Directory) over(ls []lodger, now, until time.Time, room int, needs func(lodger) []string) (out []Shortage) {
	slices.SortFunc(ls, func(a, b lodger) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.person.ID, b.person.ID))
	})
	times := []time.Time{now}
	for _, l := range ls {
		for _, t := range []time.Time{l.From, l.Until} {
			if t.After(now) && t.Before(until) {
				times = append(times, t)
			}
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, t := range times {
		here := present(ls, t)
		short := shorts(here, room, needs)
		for i := range out {
			if len(short[out[i].Person]) == 0 && out[i].Until.IsZero() {
				out[i].Until = t
			}
		}
		for _, l := range here {
			known := slices.ContainsFunc(out, func(s Shortage) bool { return s.Person == l.person.ID })
			if lacks := short[l.person.ID]; len(lacks) > 0 && !known {
				out = append(out, Shortage{
					Person: l.person.ID, Unit: l.unit, From: t, Room: room, Wanted: total(here, needs),
					App: slices.Contains(lacks, "app"), Phone: slices.Contains(lacks, "phone"), Button: slices.Contains(lacks, "button"),
				})
			}
		}
	}
	for i := range out {
		d.word(&out[i], present(ls, out[i].From))
	}
	return out
}

// present is who lives there at an instant, each once.
func present(ls []lodger, t time.Time) (out []lodger) {
	for _, l := range ls {
		if l.Contains(t) && !slices.ContainsFunc(out, func(o lodger) bool { return o.person.ID == l.person.ID }) {
			out = append(out, l)
		}
	}
	return out
}

func total(here []lodger, needs func(lodger) []string) (n int) {
	for _, l := range here {
		n += len(needs(l))
	}
	return n
}

// shorts is what people lack once the room is given out in their order.
func shorts(here []lodger, room int, needs func(lodger) []string) map[access.PersonID][]string {
	out := map[access.PersonID][]string{}
	for _, l := range here {
		for _, need := range needs(l) {
			if room--; room < 0 {
				out[l.person.ID] = append(out[l.person.ID], need)
			}
		}
	}
	return out
}

// word says it for staff, and what could be given up.
func (d Directory) word(s *Shortage, here []lodger) {
	day := func(t time.Time) string {
		if d.Zone != nil {
			t = t.In(d.Zone)
		}
		return t.Format("Jan 2, 2006")
	}
	who, what, have := "", "neither phone nor app", fmt.Sprintf("the unit has %d slots for people and needs %d", s.Room, s.Wanted)
	for _, l := range here {
		if l.person.ID == s.Person {
			who = called(l.person)
			if s.App && !s.Phone && l.phone != "" {
				what = "no app; the phone rings and the app waits"
			} else if s.App && !s.Phone || s.Phone && l.email == "" {
				what = "no call at all"
			}
		}
	}
	if s.Button {
		what, have = "no button", fmt.Sprintf("the panel has %d and needs %d", s.Room, s.Wanted)
	}
	s.Words = fmt.Sprintf("From %s %s (unit %s) gets %s: %s.", day(s.From), who, d.Units[s.Unit].Name, what, have)
	if !s.Until.IsZero() {
		s.Words += " There is room from " + day(s.Until) + "."
	}
	s.Remedy = merge(here)
	switch {
	case s.Button:
		s.Remedy = "Leave somebody off the panel who needs no button."
	case s.Remedy == "":
		s.Remedy = "Leave somebody of the unit off the panel, or take out an e-mail or a number that nobody uses."
	}
}

func called(p access.Person) string {
	return cmp.Or(strings.TrimSpace(p.First+" "+p.Last), p.Company)
}

// merge names two people of a unit who are reached alike: one slot is enough for both.
func merge(here []lodger) string {
	for i, a := range here {
		for _, b := range here[:i] {
			var what string
			switch {
			case a.email != "" && a.email == b.email:
				what = "e-mail"
			case a.phone != "" && a.phone == b.phone:
				what = "phone number"
			default:
				continue
			}
			return fmt.Sprintf("%s and %s have the same %s: take it out of one of the two records, it rings all the same.", called(b.person), called(a.person), what)
		}
	}
	return ""
}
