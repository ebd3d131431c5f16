package people

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

// takeProperty learns the PMS's ref and name. A zone is taken where there is none; a different one
// is a question for people, because it moves every move-in by hours.
func (m *merger) takeProperty() {
	p := &m.now.Property
	if p.Origin == "" || p.Origin == model.ByHand {
		p.Origin = m.src.Origin
	}
	if p.Ref == "" {
		p.Ref = m.ref
	}
	i := slices.IndexFunc(m.snap.Properties, func(s pms.Property) bool { return s.Ref == m.ref })
	if i < 0 {
		return
	}
	s := m.snap.Properties[i]
	if s.Name != "" && s.Name != s.Ref || p.Name == "" {
		p.Name = s.Name
	}
	switch {
	case s.Zone == "" || s.Zone == p.Zone:
	case p.Zone == "":
		p.Zone = s.Zone
	default:
		m.conflict("zone", string(p.ID), "Correct the zone in the PMS or in the property's settings.",
			"The PMS says time zone %s, the property's settings say %s; the settings count.", s.Zone, p.Zone)
	}
}

// setDay finds today on the property's calendar, on UTC's for as long as its zone is unknown.
func (m *merger) setDay() {
	now := m.time
	if loc, err := m.now.Property.Location(); err == nil {
		now = now.In(loc)
	}
	m.day = pms.Date{Year: now.Year(), Month: now.Month(), Day: now.Day()}
}

// takeUnits adds and renames; a unit that is gone from the export keeps its record.
func (m *merger) takeUnits() {
	units := slices.DeleteFunc(slices.Clone(m.snap.Units), func(u pms.Unit) bool { return u.Property != m.ref })
	slices.SortStableFunc(units, func(a, b pms.Unit) int { return cmp.Compare(a.Ref, b.Ref) })
	at, hand := map[string]int{}, map[string][]int{}
	for i, u := range m.now.Units {
		if u.Ref != "" {
			at[u.Ref] = i
		} else {
			hand[u.Name] = append(hand[u.Name], i)
		}
	}
	for _, s := range units {
		if s.Name == "" || s.Ref == "" {
			m.skip("unit", s.Ref, "the unit has no name or no id in the PMS")
			continue
		}
		building := m.building(s.Building)
		i, known := at[s.Ref]
		if !known {
			i = m.newUnit(hand[s.Name], building)
			at[s.Ref] = i
		}
		u := &m.now.Units[i]
		u.Ref, u.Name = s.Ref, s.Name
		if building != "" {
			u.Building = building
		}
	}
	for _, u := range m.now.Units {
		if u.Ref != "" {
			m.unit[u.Ref] = u.ID
		}
		m.named[u.ID] = u.Name
	}
}

// newUnit is the place of a unit that the PMS names for the first time: one made by hand before
// the PMS was connected (hand are those of its name), or a new one.
func (m *merger) newUnit(hand []int, building access.BuildingID) int {
	for _, i := range hand {
		if u := m.now.Units[i]; u.Ref == "" && (u.Building == building || u.Building == "") {
			return i
		}
	}
	m.now.Units = append(m.now.Units, model.Unit{Unit: access.Unit{ID: access.UnitID(m.newID("unit"))}})
	return len(m.now.Units) - 1
}

func (m *merger) building(name string) access.BuildingID {
	if name == "" {
		return ""
	}
	for _, b := range m.now.Buildings {
		if b.Name == name {
			return b.ID
		}
	}
	b := access.Building{ID: access.BuildingID(m.newID("building")), Name: name}
	m.now.Buildings = append(m.now.Buildings, b)
	return b.ID
}

// KindNoField is the conflict of a property whose PINs or cards its source cannot show as it is set up.
const KindNoField = "no_field"

// reportFields asks for the names of fields without which nobody has a PIN or card.
func (m *merger) reportFields() {
	for _, s := range m.snap.Skipped {
		if s.What == pms.SkippedFile {
			m.conflict(KindNoField, s.Ref, "Correct the file; it is read again when it changes.", "%s.", strings.TrimSuffix(s.Reason, "."))
		}
		if s.What == pms.SkippedField && s.Ref == m.ref {
			m.conflict(KindNoField, string(m.have.Property.ID), "Name the fields as the PMS does, with pin_field and card_field in the connector's own file; it is read again when it changes.",
				"PINs and cards of %s: %s.", m.now.Property.Name, strings.TrimSuffix(s.Reason, "."))
		}
	}
}

// offerProperties asks about properties of the account that nobody chose: a new one must not be
// overlooked (row A1).
func (m *merger) offerProperties() {
	for _, s := range m.snap.Skipped {
		if s.What == pms.SkippedProperty {
			m.conflict("new_property", s.Ref, "Add it to the configuration as a [[property]] with source = \""+s.Ref+"\", or name it in ignore under [property.pms].",
				"Property %s: %s.", s.Ref, s.Reason)
		}
	}
}
