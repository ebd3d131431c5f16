package industrystd

import (
	"context"
	"fmt"
	"time"
)

// MaxTrail bounds how many entries Trail collects; where a door has more, it says so.
const MaxTrail = 10000

// Incident is what a door did (§1.6) [T].
type Incident string

// The incidents, by their number on the wire.
const (
	Opened       Incident = "opened"        // 0
	InvalidKey   Incident = "invalid"       // 2
	AccessDenied Incident = "denied"        // 3
	ExpiredKey   Incident = "expired"       // 4
	AntiPassback Incident = "anti_passback" // 5
)

var incidents = map[string]Incident{"0": Opened, "2": InvalidKey, "3": AccessDenied, "4": ExpiredKey, "5": AntiPassback}

// Event is one entry of a door's audit trail (§1.6) [T].
type Event struct {
	Door     string   `json:"door"`
	Date     string   `json:"date"`     // dd/mm or mm/dd, a setting of the lock system; no year, see At
	Time     string   `json:"time"`     // hh:mm
	Incident Incident `json:"incident"` // a number nobody knows comes as it is
	Exit     bool     `json:"exit"`     // at the reader inside (O), else outside (I)
	Who      string   `json:"who"`      // the guest's room, STAFF, or empty for spare cards and the like
	Copy     string   `json:"copy"`     // #0 original, #1, #2, #D copies, @1 one-shot, S1 spare, S2 switch or keypad, S3 from the computer
	User     string   `json:"user"`     // the name of a staff user
}

// parseEvent reads an entry; WO, the end of the trail or an empty one, is no entry.
func parseEvent(m Message) (*Event, error) {
	if m.Field(0) == "WO" {
		return nil, nil
	}
	if len(m) < 6 {
		return nil, fmt.Errorf("an audit entry of %d fields, want at least 6", len(m))
	}
	number := m.Field(4)
	incident, known := incidents[number]
	if !known {
		incident = Incident(printableOf(number))
	}
	return &Event{
		Door: printableOf(m.Field(1)), Date: printableOf(m.Field(2)), Time: printableOf(m.Field(3)), Incident: incident, Exit: m.Field(5) == "O",
		Who: printableOf(m.Field(6)), Copy: printableOf(m.Field(7)), User: printableOf(m.Field(8)),
	}, nil
}

// DateOrder is how the lock system is set to write dates (§1.6) [T].
type DateOrder string

// The orders.
const (
	DayFirst   DateOrder = "dd/mm" // SALTO's default
	MonthFirst DateOrder = "mm/dd"
)

// At is when the entry happened, on the door's own clock. The year is the last one in which that date is not in the
// future (§1.6) [T]; a clock may run a day ahead [I]. The repeated hour in autumn stays as ambiguous as the lock wrote it.
func (e Event) At(now Wall, order DateOrder) (Wall, error) {
	layout := "02/01 15:04"
	if order == MonthFirst {
		layout = "01/02 15:04"
	}
	const leap = "2000 " // without a year, 29 February would not exist
	t, err := time.Parse("2006 "+layout, leap+e.Date+" "+e.Time)
	if err != nil {
		return Wall{}, fmt.Errorf("audit entry of door %q: %q %q is no date and time as %s hh:mm", e.Door, e.Date, e.Time, order)
	}
	latest := wallOf(now.utc().Add(24 * time.Hour))
	for year := latest.Year; year > latest.Year-9; year-- { // eight years between leap years around 2100
		w := Wall{year, t.Month(), t.Day(), t.Hour(), t.Minute()}
		if w.exists() && !latest.Before(w) {
			return w, nil
		}
	}
	return Wall{}, fmt.Errorf("audit entry of door %q: %q was in no recent year", e.Door, e.Date)
}

// Trail collects the audit trail of a door, oldest first as the lock system gives it. Where it breaks off, what was
// read so far is returned along with a Result that is not Done. An answer that came garbled was given, so it is
// asked for once more with WR, which repeats without moving on; after a silence that would be a guess [I].
func (s *Session) Trail(ctx context.Context, link Link, door string) ([]Event, Result) {
	var events []Event
	next := TrailFirst
	for len(events) < MaxTrail {
		r := s.Do(ctx, link, Job{Command: next, Door: door})
		if r.Outcome == Unknown && r.Cause == Garbled {
			r = s.Do(ctx, link, Job{Command: TrailRepeat, Door: door})
		}
		if r.Outcome != Done || r.Answer.Event == nil {
			return events, r
		}
		events = append(events, *r.Answer.Event)
		next = TrailNext
	}
	return events, Result{
		Outcome: Refused, Cause: Limit,
		Message: fmt.Sprintf("the trail of door %q goes on after %d entries; the rest was not read", door, MaxTrail),
	}
}
