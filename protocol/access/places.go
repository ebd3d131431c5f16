package access

import "time"

// Property is a site with one IANA time zone. Owned by the cloud.
type Property struct {
	ID   PropertyID `json:"id"`
	Name string     `json:"name"`
	Zone string     `json:"zone"` // IANA name, "America/New_York"
	// DirectoryName is the form of names in panels' directories, "{last} {unit}"; "" is the default (rules.Naming).
	// What a gateway cannot read of it is taken as the default.
	DirectoryName string `json:"directory_name,omitempty"`
}

// Validate checks the id and that the zone is one this program knows.
func (p Property) Validate() error {
	if err := checkID("property", string(p.ID)); err != nil {
		return err
	}
	if _, err := p.Location(); err != nil {
		return err
	}
	return nil
}

// Location is the property's zone. An empty or unknown zone is an error: guessing UTC would move
// every move-in by hours.
func (p Property) Location() (*time.Location, error) {
	if p.Zone == "" || p.Zone == "Local" {
		return nil, invalid("check", "property "+string(p.ID), "time zone %q: want an IANA name such as America/Chicago", p.Zone)
	}
	loc, err := time.LoadLocation(p.Zone)
	if err != nil {
		return nil, invalid("check", "property "+string(p.ID), "time zone %q is not a known IANA name such as America/Chicago", p.Zone)
	}
	return loc, nil
}

// Building groups units; a property without buildings has none.
type Building struct {
	ID   BuildingID `json:"id"`
	Name string     `json:"name"`
}

// Validate checks the id.
func (b Building) Validate() error { return checkID("building", string(b.ID)) }

// DefaultSlots is how many device slots a unit has unless it says otherwise (Comelit's count).
const DefaultSlots = 15

// Unit is an apartment or space. Names keep their leading zeros: "0101" is not "101".
type Unit struct {
	ID       UnitID     `json:"id"`
	Building BuildingID `json:"building,omitempty"`
	Name     string     `json:"name"`
	Slots    int        `json:"slots,omitempty"` // 0 means DefaultSlots
}

// Validate checks the id, the name and the slots.
func (u Unit) Validate() error {
	switch {
	case u.Name == "":
		return invalid("check", "unit "+string(u.ID), "has no name")
	case u.Slots < 0:
		return invalid("check", "unit "+string(u.ID), "%d device slots", u.Slots)
	}
	return checkID("unit", string(u.ID))
}

// Door is one controlled opening. Several panels, on several gateways, may serve it.
type Door struct {
	ID   DoorID `json:"id"`
	Name string `json:"name"`
	Unit UnitID `json:"unit,omitempty"` // set when the door belongs to one unit
}

// Validate checks the id.
func (d Door) Validate() error { return checkID("door", string(d.ID)) }

// Group is a set of doors, open at all times or by a schedule.
type Group struct {
	ID        GroupID    `json:"id"`
	Name      string     `json:"name"`
	Doors     []DoorID   `json:"doors"`
	Schedule  ScheduleID `json:"schedule,omitempty"` // empty: at any time
	Common    bool       `json:"common,omitempty"`   // offered to every current resident
	Shareable bool       `json:"shareable,omitempty"`
}

// Validate checks the ids.
func (g Group) Validate() error {
	for _, d := range g.Doors {
		if err := checkID("group "+string(g.ID)+", door", string(d)); err != nil {
			return err
		}
	}
	return checkID("group", string(g.ID))
}

// Weekly is one window of a schedule in the property's wall time. End 24:00 is written "24:00";
// an end before the start runs past midnight.
type Weekly struct {
	Days  []time.Weekday `json:"days"`
	Start string         `json:"start"` // "HH:MM"
	End   string         `json:"end"`   // "HH:MM"
}

// Schedule is a set of weekly windows, and dates on which none of them holds.
type Schedule struct {
	ID       ScheduleID `json:"id"`
	Name     string     `json:"name"`
	Weekly   []Weekly   `json:"weekly"`
	Holidays []string   `json:"holidays,omitempty"` // YYYY-MM-DD
}

// Validate checks the id and the form of times and dates.
func (s Schedule) Validate() error {
	for _, w := range s.Weekly {
		if !isClock(w.Start) {
			return invalid("check", "schedule "+string(s.ID), "start %q: want HH:MM", w.Start)
		}
		if !isClock(w.End) && w.End != "24:00" {
			return invalid("check", "schedule "+string(s.ID), "end %q: want HH:MM", w.End)
		}
		for _, d := range w.Days {
			if d < time.Sunday || d > time.Saturday {
				return invalid("check", "schedule "+string(s.ID), "weekday %d: want 0 (Sunday) to 6", int(d))
			}
		}
	}
	for _, d := range s.Holidays {
		if _, err := time.Parse(time.DateOnly, d); err != nil {
			return invalid("check", "schedule "+string(s.ID), "holiday %q: want YYYY-MM-DD", d)
		}
	}
	return checkID("schedule", string(s.ID))
}

// isClock is strict about both digits of the hour, which time.Parse is not.
func isClock(hm string) bool {
	_, err := time.Parse("15:04", hm)
	return err == nil && len(hm) == len("15:04")
}

// Places is everything of a property that is not about a person: few records, read as a whole.
type Places struct {
	Property  Property
	Buildings map[BuildingID]Building
	Units     map[UnitID]Unit
	Doors     map[DoorID]Door
	Groups    map[GroupID]Group
	Schedules map[ScheduleID]Schedule
	// Partial says that some of it could not be read: what is missing says nothing.
	Partial bool
}
