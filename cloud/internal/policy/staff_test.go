package policy

import (
	"testing"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/protocol/access"
)

// TestTowardsG11_StaffAreSentWithTheirPINAndNoDoor: their right and their PIN are all that a gateway needs.
func TestTowardsG11_StaffAreSentWithTheirPINAndNoDoor(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.lives("1", "u1", "current", "2025-01-01", "", pin("4821"))
	work := func(id access.PersonID, digits string, may ...access.Right) {
		p.People = append(p.People, model.Person{Person: access.Person{ID: id, Kind: access.Staff, First: "Mara", Last: string(id), May: may},
			Origin: model.ByHand, PIN: access.NewSecret(digits), OwnPIN: true})
	}
	work("boss", "4821", access.MayRevoke, access.MayLift) // the resident came with it later
	work("help", "70413355")
	p.Property.Settings.Types = []string{"resident"}
	d := p.decide()
	if got := of[access.Person](d); len(got) != 3 || len(got[0].May) != 2 {
		t.Errorf("people %+v", got)
	}
	for _, g := range of[access.Grant](d) {
		if g.Person != "p1" {
			t.Errorf("staff get a grant: %+v", g)
		}
	}
	if got := held(d); len(got) != 2 || got["boss-pin"] == "" || got["help-pin"] == "" {
		t.Errorf("credentials %v", got)
	}
	p.refused(d, "duplicate_pin", "p1", "The PIN of Ada No1 in unit 204 is also the PIN of Mara boss of the staff, who keeps it")
	p.explained(d, "boss", "may revoke, lift at the gateway while the cloud is away; opens no door by that")
	p.explained(d, "help", "may do nothing at the gateway")
}
