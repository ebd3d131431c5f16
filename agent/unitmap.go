package agent

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/unitmap"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// MapReport is which door is which relay of a device, and which unit which of its apartments.
type MapReport struct {
	OK     bool            `json:"ok"`
	Device access.DeviceID `json:"device"`
	Doors  []MapDoor       `json:"doors"`
	Units  []unitmap.Line  `json:"units"`
	Spare  []unitmap.Spare `json:"spare"` // apartments of the device that are no unit's
	// Open is how many units somebody must say something about.
	Open int    `json:"open"`
	Note string `json:"note,omitempty"`
}

// MapDoor is one door.
type MapDoor struct {
	Door  access.DoorID `json:"door"`
	Name  string        `json:"name,omitempty"`
	Relay string        `json:"relay,omitempty"` // "": no device here opens it
	Why   string        `json:"why,omitempty"`   // in words: what is odd
}

// MapRequest changes a device's map. Units are named by id or exact name, apartments as the report names them, by
// index or by the name that the device shows.
type MapRequest struct {
	Device   access.DeviceID   `json:"device"`
	Set      map[string]string `json:"set,omitempty"`
	LeaveOut []string          `json:"leave_out,omitempty"`
	Clear    []string          `json:"clear,omitempty"`
	Confirm  bool              `json:"confirm,omitempty"`
	Doors    map[string]string `json:"doors,omitempty"`
	NoDoors  []string          `json:"no_doors,omitempty"`
}

// Notes on a map.
const (
	callsNobody = "this device has not told of any apartment: it calls no units, or has not answered yet"
	moves       = "who lives in a unit that is another apartment now is taken from the old one and written to the new one; gatehouse-agent plan shows it"
)

func askMap(_ context.Context, k desk, q url.Values) (any, error) {
	return k.mapOf(access.DeviceID(q.Get("device")))
}

func (k desk) device(id access.DeviceID) (config.Device, error) {
	all, err := k.devices()
	if err != nil {
		return config.Device{}, err
	}
	if i := slices.IndexFunc(all, func(d config.Device) bool { return d.ID == id }); i >= 0 {
		return all[i], nil
	}
	return config.Device{}, noDevice(id)
}

func (k desk) mapOf(id access.DeviceID) (r MapReport, err error) {
	d, err := k.device(id)
	if err != nil {
		return r, err
	}
	places, err := k.Places()
	if err != nil {
		return r, err
	}
	r = MapReport{OK: true, Device: id, Doors: k.doorsOf(d, places), Units: []unitmap.Line{}, Spare: []unitmap.Spare{}}
	kept := k.units.look(id)
	if len(kept.Apartments) == 0 && len(kept.Map) == 0 {
		r.Note = callsNobody
		return r, nil
	}
	p := unitmap.Propose(places.Units, places.Buildings, kept.Apartments, kept.Map)
	r.Units, r.Spare = append(r.Units, p.Lines...), append(r.Spare, p.Spare...)
	for _, l := range p.Lines {
		if bellOf(id, l).Doubt || l.Lost() {
			r.Open++
		}
	}
	return r, nil
}

// doorsOf lists the device's doors, and those of the property that nothing here opens.
func (k desk) doorsOf(d config.Device, places access.Places) []MapDoor {
	out, opened := []MapDoor{}, map[access.DoorID]bool{}
	all, _ := k.devices() // of those that cannot be read nothing is said
	for _, o := range all {
		for id := range o.Doors {
			opened[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.Doors)) {
		door, known := places.Doors[id]
		m := MapDoor{Door: id, Name: door.Name, Relay: d.Doors[id]}
		for other, relay := range d.Doors {
			if other != id && relay == m.Relay {
				m.Why = "the same relay opens " + string(other) + ": whoever may open one opens both"
			}
		}
		if !known && !places.Partial && !k.unknown() {
			m.Why = "the property has no such door"
		}
		out = append(out, m)
	}
	for _, id := range slices.Sorted(maps.Keys(places.Doors)) {
		if !opened[id] {
			out = append(out, MapDoor{Door: id, Name: places.Doors[id].Name, Why: "no device of this gateway opens it"})
		}
	}
	return out
}

func tellMap(_ context.Context, k desk, body []byte) (any, error) {
	r, err := told[MapRequest](body)
	if err != nil {
		return nil, err
	}
	d, err := k.device(r.Device)
	if err != nil {
		return nil, err
	}
	if len(r.Doors)+len(r.NoDoors) > 0 {
		if !d.Paired {
			return nil, fault.New(fault.Invalid, "change", "doors of "+string(d.ID), "the device is in the gateway's file, and so are its doors").
				WithRemedy("Write doors = { lobby = \"A\" } into the device's table of the file and start the gateway again.")
		}
		if err := k.agent.setDoors(r); err != nil {
			return nil, err
		}
	}
	if len(r.Set)+len(r.LeaveOut)+len(r.Clear) == 0 && !r.Confirm {
		return k.mapOf(d.ID)
	}
	places, err := k.Places()
	if err != nil {
		return nil, err
	}
	if k.unknown() || places.Partial {
		return nil, fault.New(fault.Conflict, "change", "unit map of "+string(d.ID), "which units there are is not known, or not all of it can be read").
			WithRemedy("Connect the gateway to its cloud once.")
	}
	err = k.units.change(d.ID, func(kept unitsOf) (unitmap.Map, error) { return r.apply(places, kept) })
	if err != nil {
		return nil, err
	}
	k.log.Warn("somebody on site changed which unit is which apartment", "device", string(d.ID), "set", len(r.Set), "left_out", len(r.LeaveOut), "cleared", len(r.Clear), "confirmed", r.Confirm)
	if l := k.loop(d.ID); l != nil {
		l.Changed(true)
	}
	out, err := k.mapOf(d.ID)
	out.Note = cmp.Or(out.Note, moves)
	return out, err
}

// apply is the map as it is asked for; kept.Map is the caller's own.
func (r MapRequest) apply(places access.Places, kept unitsOf) (unitmap.Map, error) {
	if len(kept.Apartments) == 0 {
		return nil, fault.New(fault.Conflict, "change", "unit map of "+string(r.Device), callsNobody).
			WithRemedy("See gatehouse-agent device probe; the gateway reads the apartments when the device answers.")
	}
	m := kept.Map
	for _, words := range r.Clear {
		id, err := unitIn(places, words)
		if err != nil {
			return nil, err
		}
		delete(m, id)
	}
	for _, words := range r.LeaveOut {
		id, err := unitIn(places, words)
		if err != nil {
			return nil, err
		}
		m[id] = unitmap.Entry{Name: places.Units[id].Name, Confirmed: true}
	}
	for _, words := range slices.Sorted(maps.Keys(r.Set)) {
		id, err := unitIn(places, words)
		if err != nil {
			return nil, err
		}
		ref, err := unitmap.Find(kept.Apartments, r.Set[words])
		if err != nil {
			return nil, err
		}
		m[id] = unitmap.Entry{Apartment: ref, Name: places.Units[id].Name, Confirmed: true}
	}
	p := unitmap.Propose(places.Units, places.Buildings, kept.Apartments, m)
	for _, l := range p.Lines {
		if l.State == unitmap.Double && m[l.Unit].Apartment != "" {
			return nil, fault.New(fault.Conflict, "set", "unit "+l.Name, "%s", l.Why).
				WithRemedy("Say in the same command where the other one is, with --set, or --clear it.")
		}
	}
	if !r.Confirm {
		return m, nil
	}
	m, err := p.Confirm(m)
	if err == nil {
		err = m.Validate(places.Units, kept.Apartments)
	}
	return m, err
}

// unitIn finds a unit by its id, its exact name or building/name, capitals aside.
func unitIn(places access.Places, words string) (access.UnitID, error) {
	if _, ok := places.Units[access.UnitID(words)]; ok {
		return access.UnitID(words), nil
	}
	var fits []string
	for id, u := range places.Units {
		if strings.EqualFold(u.Name, words) || strings.EqualFold(places.Buildings[u.Building].Name+"/"+u.Name, words) {
			fits = append(fits, string(id))
		}
	}
	slices.Sort(fits)
	switch len(fits) {
	case 1:
		return access.UnitID(fits[0]), nil
	case 0:
		return "", fault.New(fault.Invalid, "look up", "unit", "%q is no unit's id or exact name", words).
			WithRemedy("gatehouse-agent device map lists the units.")
	}
	return "", fault.New(fault.Invalid, "look up", "unit", "%q may be any of %s", words, strings.Join(fits, ", ")).
		WithRemedy("Give the id of the one you mean.")
}
