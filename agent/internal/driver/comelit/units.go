package comelit

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/agent/internal/driver"
	"gatehouse/protocol/access/fault"
)

// unitName is what the device calls a unit: the name of its wall monitor without the word, else its ViP address. That
// slot 0 carries the unit's name is assumed from single-house monitors; where it does not, the address is what is left.
func (s *Snapshot) unitName(m int) string {
	if zero, ok := s.at(Place{m, 0}); ok && zero.Name != "" {
		return bareUnit(zero.Name)
	}
	if a := s.Apartments[m]; a != "" {
		return a
	}
	return "#" + strconv.Itoa(m)
}

func bareUnit(name string) string {
	name = strings.TrimSpace(name)
	if len(name) > 5 && strings.EqualFold(name[:5], "unit ") {
		return strings.TrimSpace(name[5:])
	}
	return name
}

// unit finds the map index of a unit: by the name of its wall monitor, by its ViP address, or as "#3" by the index
// itself. A bare number is never taken for an index: it is some other apartment's bell. Two that fit are an error.
func (s *Snapshot) unit(name string) (int, error) {
	found := map[int]bool{}
	maps := map[int]bool{}
	for _, slot := range s.Slots {
		maps[slot.Map] = true
		if slot.Slot == 0 && slot.Name != "" && strings.EqualFold(bareUnit(slot.Name), bareUnit(name)) {
			found[slot.Map] = true
		}
	}
	for m, address := range s.Apartments {
		if maps[m] && strings.EqualFold(address, name) {
			found[m] = true
		}
	}
	if n, ok := strings.CutPrefix(name, "#"); ok {
		if m, err := strconv.Atoi(n); err == nil && maps[m] {
			found[m] = true
		}
	}
	for m := range found {
		if len(found) == 1 {
			return m, nil
		}
	}
	why := "the device has no such unit"
	if len(found) > 1 {
		why = "the device has several units of that name"
	}
	return 0, fault.New(fault.Invalid, "find", "unit "+tidy(name), "%s", why).
		WithRemedy("Say which apartment it is with gatehouse-agent device map, or give the unit the name that its wall monitor (slot 0) has on the device's Users page, or its ViP address such as SB000001, or #0 for the first.")
}

// find is the map index of a unit: of the apartment that was asked for, else by the unit's name.
func (s *Snapshot) find(unit, apartment string) (int, error) {
	if apartment == "" {
		return s.unit(unit)
	}
	if n, ok := strings.CutPrefix(apartment, "#"); ok {
		if m, err := strconv.Atoi(n); err == nil {
			if _, there := s.at(Place{m, 1}); there {
				return m, nil
			}
		}
	}
	found, fits := 0, 0
	for m, address := range s.Apartments {
		if strings.EqualFold(address, apartment) {
			found, fits = m, fits+1
		}
	}
	if fits == 1 {
		return found, nil
	}
	return 0, fault.New(fault.Invalid, "find", "unit "+tidy(unit), "the map says %s, which is no one apartment of the device", tidy(apartment)).
		WithRemedy("Look at gatehouse-agent device map, and say with --set which apartment it is.")
}

// where is the apartment of a slot as it was asked for, or its index where that is another one by now.
func (s *Snapshot) where(m int, n note) string {
	if n.Where != "" {
		if asked, err := s.find(n.Unit, n.Where); err == nil && asked != m {
			return "#" + strconv.Itoa(m)
		}
	}
	return n.Where
}

// Units implements driver.UnitLister: the apartments of the newest backup in order, each with its ViP address and the
// name of its wall monitor without the word "Unit", as far as the device tells. It may make a backup, as List does. Where there is a token and no password there are none to
// read, and rings are heard all the same.
func (p *Panel) Units(ctx context.Context) ([]driver.Apartment, error) {
	if p.bridgeAlone() {
		return nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.picture(ctx); err != nil {
		return nil, err
	}
	return p.base.units(), nil
}

// units lists the map indices that have slots or an address.
func (s *Snapshot) units() []driver.Apartment {
	name, known := map[int]string{}, map[int]bool{}
	for _, slot := range s.Slots {
		known[slot.Map] = true
		if slot.Slot == 0 {
			name[slot.Map] = tidy(bareUnit(slot.Name))
		}
	}
	for m := range s.Apartments {
		known[m] = true
	}
	var out []driver.Apartment
	for _, m := range slices.Sorted(maps.Keys(known)) {
		out = append(out, driver.Apartment{Index: m, Address: tidy(s.Apartments[m]), Name: name[m]})
	}
	return out
}
