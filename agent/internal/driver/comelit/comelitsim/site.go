package comelitsim

import (
	"fmt"
	"strconv"
)

// Door is one entrance output or one actuator of the address book (§1.4).
type Door struct {
	// Address is the ViP address of the entrance or the I/O module.
	Address string
	// Module is the module-index of an actuator; negative for an entrance.
	Module int
	Output int
	Name   string
}

// key is how the door log names a door.
func (d Door) key() string {
	if d.Module < 0 {
		return d.Address + "/" + strconv.Itoa(d.Output)
	}
	return fmt.Sprintf("%s/%d/%d", d.Address, d.Module, d.Output)
}

// standardDoors is two entrances, one of them with two outputs, and the actuator of §1.5's sample.
func standardDoors() []Door {
	return []Door{
		{"SB100001", -1, 1, "Main entrance"},
		{"SB100001", -1, 2, "Bicycle room"},
		{"SB100002", -1, 1, "Garden gate"},
		{"SBIO0255", 255, 1, "Garage"},
	}
}

// apartment is the ViP address of a unit: SB000001 is the first.
func apartment(unit int) string { return fmt.Sprintf("SB%06d", unit+1) }

// unitName is what an installer would call a unit: ten a floor, 101 the first.
func unitName(unit int) string { return strconv.Itoa((unit/10+1)*100 + unit%10 + 1) }

// address is a slot's own ViP address: apartment and sub-address (§4).
func (a place) address() string { return apartment(a.unit) + strconv.Itoa(a.slot) }

// label is how the door log names who opened.
func (p *Panel) label(a place) string {
	return fmt.Sprintf("%s.%d %s", unitName(a.unit), a.slot, p.slots[a.unit][a.slot][fieldName])
}

// doorAt finds a door.
func (p *Panel) doorAt(address string, module, output int) (Door, bool) {
	for _, d := range p.opt.Doors {
		if d.Address == address && d.Module == module && d.Output == output {
			return d, true
		}
	}
	return Door{}, false
}
