package plan

import (
	"testing"

	"gatehouse/protocol/access"
)

// named is Jones under another id and first name.
func named(id access.PersonID, first string, begins float64) access.Holder {
	h := jones(access.Grant{ID: "g1", Window: window(begins, 0)})
	h.Person.ID, h.Person.First, h.Credentials[0].Secret = id, first, access.NewSecret("48"+string(id[1:]))
	h.Residencies[0].Person = id
	return h
}

func names(p Plan) map[access.PersonID]string {
	out := map[access.PersonID]string{}
	for _, s := range p.Steps {
		out[s.Person] = s.Record.Name
	}
	return out
}

// Within one plan the short form goes to whoever's access began first; who stands under it on the device keeps it
// (row C2).
func TestTowardsC2_ThePlanTellsNamesakesApart(t *testing.T) {
	t.Parallel()
	in := input(named("p1", "Tim", -1), named("p2", "Tom", -5))
	in.Places.Property.DirectoryName, in.Places.Buildings = "{initial}. {last} ({building} {unit})", map[access.BuildingID]access.Building{"b": {ID: "b", Name: "North"}}
	in.Places.Units["u1"] = access.Unit{ID: "u1", Name: "101", Building: "b"}
	if got := names(Make(in)); got["p2"] != "T. Jones (North 101)" || got["p1"] != "Ti. Jones (North 101)" {
		t.Errorf("both new: %v", got)
	}
	short := NamePrint(plain{}, Want(in, in.People[0]).Record)
	in.Ledger["p1"] = access.LedgerEntry{Person: "p1", Ref: "GHp1", State: access.Written, Name: short}
	in.Others.Names = map[uint32]int16{short: 1}
	if got := names(Make(in)); got["p1"] != "T. Jones (North 101)" || got["p2"] != "To. Jones (North 101)" {
		t.Errorf("the later one stands there already: %v", got)
	}
	if NamePrint(plain{}, Want(slots(caller(nil)), caller(nil)).Record) != 0 {
		t.Error("rows of a panel that calls people are told apart by its driver")
	}
}
