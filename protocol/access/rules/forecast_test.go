package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/protocol/access"
)

// today is the first day of a forecast.
var today = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

func inDays(n int) time.Time { return today.AddDate(0, 0, n) }

// resident lives in a unit and has mobile access, an e-mail and a number of their own.
func resident(n int, unit access.UnitID, from, until time.Time) access.Holder {
	id := access.PersonID(fmt.Sprintf("p%02d", n))
	return access.Holder{
		Person:      access.Person{ID: id, Kind: access.Resident, First: "Ann", Last: fmt.Sprintf("Lee%02d", n), Email: fmt.Sprintf("ann%d@example.com", n), Phones: []string{fmt.Sprintf("+15550%03d", n)}},
		Residencies: []access.Residency{{ID: "r", Person: id, Unit: unit, Window: access.Window{From: from, Until: until}}},
		Credentials: []access.Credential{{ID: "c", Person: id, Kind: access.Mobile}},
	}
}

func residents(n int) (out []access.Holder) {
	for i := range n {
		out = append(out, resident(i, "u1", inDays(i-100), time.Time{}))
	}
	return out
}

func house(people []access.Holder, panels int) Directory {
	return Directory{
		Units: map[access.UnitID]access.Unit{"u1": {ID: "u1", Name: "101"}, "u2": {ID: "u2", Name: "102", Slots: 4}}, People: people,
		Panels: map[access.UnitID]int{"u1": panels},
	}
}

// The sums of the row: two residents are 4 slots, four with a panel 9, seven with one fill all 15.
func TestTowardsC4_SlotsOfAUnit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ people, panels, slots int }{{2, 0, 4}, {4, 1, 9}, {7, 1, 15}} {
		d := house(residents(c.people), c.panels)
		d.Units["u1"] = access.Unit{ID: "u1", Name: "101", Slots: c.slots}
		if got := Forecast(d, today, inDays(60)); len(got) != 0 {
			t.Errorf("%d people and %d panels do not fit %d slots: %+v", c.people, c.panels, c.slots, got)
		}
		d.Units["u1"] = access.Unit{ID: "u1", Name: "101", Slots: c.slots - 1}
		if got := Forecast(d, today, inDays(60)); len(got) != 1 || !got[0].App || got[0].Phone || got[0].Wanted != c.slots-c.panels || got[0].Room != c.slots-c.panels-1 {
			t.Errorf("%d people and %d panels in one slot fewer than %d: %+v", c.people, c.panels, c.slots, got)
		}
	}
	if got := Forecast(house(residents(7), 1), today, inDays(60)); len(got) != 0 {
		t.Errorf("seven with a panel do not fit the ordinary unit: %+v", got)
	}
	if got := Forecast(house(residents(8), 1), today, inDays(60)); len(got) != 1 || got[0].Person != "p07" || !got[0].App || !got[0].Phone || got[0].From != today {
		t.Errorf("an eighth: %+v", got)
	}
}

func TestTowardsC4_WhoWillNotFitAndFromWhichDay(t *testing.T) {
	t.Parallel()
	with := func(more ...access.Holder) Directory { return house(append(residents(7), more...), 0) }
	off := resident(20, "u1", inDays(3), time.Time{})
	off.Person.Directory = access.LeftOff
	hidden := resident(21, "u1", inDays(3), time.Time{})
	hidden.Person.Directory = access.Unlisted
	bare := resident(22, "u1", inDays(3), time.Time{})
	bare.Credentials = nil
	silent := resident(23, "u1", inDays(3), time.Time{})
	silent.Person.Email, silent.Person.Phones = "", nil
	leaves := resident(24, "u1", inDays(-200), inDays(5))
	renewed := resident(25, "u1", inDays(-300), inDays(10))
	renewed.Residencies = append(renewed.Residencies, access.Residency{ID: "r2", Person: "p25", Unit: "u1", Window: access.Window{From: inDays(10)}})
	for _, c := range []struct {
		name string
		d    Directory
		want []string // person, what waits, from, until
	}{
		{"the phone before the app (C11)", with(resident(8, "u1", inDays(20), time.Time{})), []string{"p08 app 20 -"}},
		{"two come", with(resident(8, "u1", inDays(20), time.Time{}), resident(9, "u1", inDays(30), time.Time{})), []string{"p08 app 20 -", "p09 app phone 30 -"}},
		{"a swap on one day fits", with(leaves, resident(8, "u1", inDays(5), time.Time{})), []string{"p06 app 0 5", "p08 app 5 -"}},
		{"somebody leaves later", house(append(residents(6), leaves, resident(8, "u1", inDays(2), time.Time{})), 0), []string{"p08 app 2 5"}},
		{"beyond the forecast", with(resident(8, "u1", inDays(61), time.Time{})), nil},
		{"gone already", with(resident(8, "u1", inDays(-9), inDays(-1))), nil},
		{"left off", with(off), nil},
		{"unlisted is still called", with(hidden), []string{"p21 app 3 -"}},
		{"without mobile access", with(bare), nil},
		{"with nothing to call", with(silent), nil},
		{"a renewal is one person", house(append(residents(6), renewed), 0), nil},
		{"a unit with slots of its own", house([]access.Holder{resident(1, "u2", inDays(-9), time.Time{}), resident(2, "u2", inDays(-8), time.Time{}), resident(3, "u2", inDays(7), time.Time{})}, 0), []string{"p03 app phone 7 -"}},
	} {
		var got []string
		for _, s := range Forecast(c.d, today, inDays(60)) {
			got = append(got, line(s))
			if s.Words == "" || s.Remedy == "" {
				t.Errorf("%s: no words for %+v", c.name, s)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// line is a shortage in short, its days counted from today.
func line(s Shortage) string {
	out := string(s.Person)
	for _, w := range []struct {
		what string
		is   bool
	}{{"app", s.App}, {"phone", s.Phone}, {"button", s.Button}} {
		if w.is {
			out += " " + w.what
		}
	}
	out += fmt.Sprintf(" %d", int(s.From.Sub(today)/(24*time.Hour)))
	if s.Until.IsZero() {
		return out + " -"
	}
	return out + fmt.Sprintf(" %d", int(s.Until.Sub(today)/(24*time.Hour)))
}

// Staff read who, from when, what rings all the same, and which two could share a slot.
func TestTowardsC11_TheForecastSaysWhatWaitsAndWhatToMerge(t *testing.T) {
	t.Parallel()
	people := append(residents(7), resident(8, "u1", inDays(20), time.Time{}))
	d := house(people, 0)
	d.Zone = time.FixedZone("CST", -6*3600)
	got := Forecast(d, today, inDays(60))
	if len(got) != 1 || got[0].Words != "From Mar 21, 2027 Ann Lee08 (unit 101) gets no app; the phone rings and the app waits: the unit has 15 slots for people and needs 16." ||
		!strings.HasPrefix(got[0].Remedy, "Leave somebody of the unit off the panel") {
		t.Errorf("%+v", got)
	}
	people[3].Person.Email = strings.ToUpper(people[1].Person.Email)
	if got = Forecast(d, today, inDays(60)); len(got) != 1 || !strings.HasPrefix(got[0].Remedy, "Ann Lee01 and Ann Lee03 have the same e-mail") {
		t.Errorf("with one address twice: %+v", got)
	}
	people[3].Person.Email, people[3].Person.Phones = "other@example.com", people[0].Person.Phones
	if got = Forecast(d, today, inDays(60)); len(got) != 1 || !strings.HasPrefix(got[0].Remedy, "Ann Lee00 and Ann Lee03 have the same phone number") {
		t.Errorf("with one number twice: %+v", got)
	}
}

// A panel with named buttons has one for each person, whatever unit (row C19); who is left off takes none.
func TestTowardsC19_ButtonsAreACapacity(t *testing.T) {
	t.Parallel()
	d := house([]access.Holder{
		resident(1, "u1", inDays(-9), time.Time{}), resident(2, "u2", inDays(-8), inDays(9)), resident(3, "u1", inDays(4), time.Time{}),
	}, 0)
	d.Buttons = 2
	got := Forecast(d, today, inDays(60))
	if len(got) != 1 || line(got[0]) != "p03 button 4 9" || got[0].Words != "From Mar 5, 2027 Ann Lee03 (unit 101) gets no button: the panel has 2 and needs 3. There is room from Mar 10, 2027." {
		t.Errorf("%+v", got)
	}
	d.People[0].Person.Directory = access.LeftOff
	if got = Forecast(d, today, inDays(60)); len(got) != 0 {
		t.Errorf("with one left off: %+v", got)
	}
}

// Whoever comes and goes: nobody is told of who fits, and at the first instant of a shortage the slots are taken.
func TestTowardsC4_ForecastHoldsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var people []access.Holder
		for i := range rapid.IntRange(0, 12).Draw(t, "people") {
			from := rapid.IntRange(-80, 80).Draw(t, "from")
			h := resident(i, "u1", inDays(from), inDays(from+rapid.IntRange(1, 90).Draw(t, "days")))
			if rapid.Bool().Draw(t, "no e-mail") {
				h.Person.Email = ""
			}
			people = append(people, h)
		}
		d := house(people, 0)
		d.Units["u1"] = access.Unit{ID: "u1", Name: "101", Slots: rapid.IntRange(1, 15).Draw(t, "slots")}
		for _, s := range Forecast(d, today, inDays(60)) {
			if s.Wanted <= s.Room || s.From.Before(today) || !s.From.Before(inDays(60)) || !s.Until.IsZero() && !s.Until.After(s.From) || !s.App && !s.Phone {
				t.Fatalf("%+v", s)
			}
		}
	})
}
