// Package unitmap finds out which apartment of a device is which unit of the property. A property-management system
// says "1-101", the wall monitor "Apt. 101", the wiring SB000004: whoever takes one for another rings at a stranger's
// door. So pairs are proposed from names, an installer confirms them, and gaps and doubles are refused in words (row G14).
//
// It is pure: units, apartments and what is entered come in, a proposal comes out. It imports access and its faults
// only. The assembly asks devices, stores the map and hands it to the planner; drivers and the planner must not import it.
package unitmap

import (
	"strconv"
	"strings"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Apartment is what a device calls: its index there, the address in the wiring and the name it shows; "" unknown.
type Apartment struct {
	Index   int    `json:"index"`
	Address string `json:"address,omitempty"`
	Name    string `json:"name,omitempty"`
}

// byIndex names an apartment by its place in the device's list.
func byIndex(i int) string { return "#" + strconv.Itoa(i) }

// Refs names each apartment as a map does: by its address, which is set in the wiring and outlives the device, else, or
// where two share an address, "#3" by its index.
func Refs(all []Apartment) []string {
	count := map[string]int{}
	for _, a := range all {
		count[strings.ToLower(a.Address)]++
	}
	out := make([]string, len(all))
	for i, a := range all {
		if out[i] = a.Address; a.Address == "" || count[strings.ToLower(a.Address)] > 1 {
			out[i] = byIndex(a.Index)
		}
	}
	return out
}

// Find is the apartment that words name: "#3", an address, or the name that it alone has. Anything else is Invalid.
func Find(all []Apartment, words string) (string, error) {
	ref, fits := "", 0
	for i, r := range Refs(all) {
		if a := all[i]; words == byIndex(a.Index) || words != "" && strings.EqualFold(words, a.Address) {
			return r, nil
		} else if a.Name != "" && bare(a.Name) == bare(words) {
			ref, fits = r, fits+1
		}
	}
	if fits == 1 {
		return ref, nil
	}
	why := "the device has no such apartment"
	if fits > 1 {
		why = "the device has " + strconv.Itoa(fits) + " apartments of that name"
	}
	return "", fault.New(fault.Invalid, "find", "apartment "+words, "%s", why).
		WithRemedy("Name it by its index, #3, or its address, as gatehouse-agent device map lists them.")
}

// Entry is what a map holds of one unit.
type Entry struct {
	Apartment string `json:"apartment,omitempty"` // as in Refs; "": the unit is left out, the device does not call it
	Name      string `json:"name"`                // of the unit when it was entered
	Confirmed bool   `json:"confirmed,omitempty"` // by an installer; false: both had the same name, which left no doubt
}

// Map says which apartment each unit is. Units are known by id: one that gets another name stays where it is.
type Map map[access.UnitID]Entry

// Validate refuses a map that leaves a unit without a word, gives one apartment to two, or one that the device does not
// have. Entries of units that are no longer there do not count.
func (m Map) Validate(units map[access.UnitID]access.Unit, all []Apartment) error {
	var wrong []string
	there, holder := map[string]bool{}, map[string]access.UnitID{}
	for _, r := range Refs(all) {
		there[r] = true
	}
	for _, id := range inOrder(units, nil) {
		e, ok := m[id]
		other, taken := holder[e.Apartment]
		switch name := units[id].Name; {
		case !ok:
			wrong = append(wrong, "unit "+name+" has no apartment and is not left out")
		case e.Apartment == "":
		case taken:
			wrong = append(wrong, "units "+units[other].Name+" and "+name+" both have "+e.Apartment)
		case !there[e.Apartment]:
			wrong = append(wrong, "unit "+name+" has "+e.Apartment+", which the device does not have")
		default:
			holder[e.Apartment] = id
		}
	}
	return refused(wrong)
}

// mostTold bounds how much an error lists.
const mostTold = 5

func refused(wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	told := strings.Join(wrong[:min(len(wrong), mostTold)], "; ")
	if more := len(wrong) - mostTold; more > 0 {
		told += "; and " + strconv.Itoa(more) + " more"
	}
	return fault.New(fault.Conflict, "confirm", "unit map", "%s", told).
		WithRemedy("Say which apartment it is with --set UNIT=APARTMENT, or that there is none with --leave-out UNIT.")
}
