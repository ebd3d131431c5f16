package policy

import (
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/access/rules"
)

// calendar turns the civil days of a property's leases into instants.
type calendar struct {
	loc      *time.Location
	in, out  clock // the property's hours
	settings model.Settings
}

// clock is a time of day.
type clock struct{ hour, minute int }

func readClock(s string) (clock, error) {
	t, err := time.Parse("15:04", s)
	return clock{t.Hour(), t.Minute()}, err
}

func newCalendar(p model.Property) (calendar, error) {
	c := calendar{settings: p.Settings}
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "decide", "property "+string(p.ID), format, args...).
			WithRemedy("Correct the property's settings; until then the last published state stays.")
	}
	var err error
	if c.loc, err = p.Location(); err != nil {
		return c, bad("%v", err)
	}
	if c.in, err = readClock(p.Settings.MoveInTime); err != nil {
		return c, bad("move-in time %q: want HH:MM", p.Settings.MoveInTime)
	}
	if c.out, err = readClock(p.Settings.MoveOutTime); err != nil {
		return c, bad("move-out time %q: want HH:MM", p.Settings.MoveOutTime)
	}
	if b := p.Settings.Begin; b != model.BeginMoveIn && b != model.BeginLeaseStart {
		return c, bad("begin trigger %q: want %s or %s", b, model.BeginMoveIn, model.BeginLeaseStart)
	}
	return c, nil
}

// at is the instant of a day at a time of day, in UTC: the form in which windows travel, so that
// the same instant is always the same bytes.
func (c calendar) at(d model.Date, t clock, side rules.Side) time.Time {
	return rules.Wall(d.Year, d.Month, d.Day, t.hour, t.minute, c.loc, side).UTC()
}

// show is an instant as the property's people read it.
func (c calendar) show(t time.Time) string {
	return t.In(c.loc).Format("Jan 2, 2006 3:04 PM")
}

// reason is a stay over w, in words that a manager understands.
func (c calendar) reason(s *stay, w span) string {
	text := "lives in unit " + s.unit.Name
	if w.From.IsZero() {
		text += " (" + s.begins + ")"
	} else {
		text += " from " + c.show(w.From) + " (" + s.begins + ")"
	}
	switch {
	case w.Until.IsZero():
		return text + s.endless
	case w.then != "":
		return text + " until " + c.show(w.Until) + " (" + s.endWords + " " + c.show(s.Until) + ", " + w.then + ")"
	default:
		return text + " until " + c.show(w.Until) + " (" + s.endWords + ")"
	}
}
