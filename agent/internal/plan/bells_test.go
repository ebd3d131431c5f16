package plan

import (
	"testing"

	"gatehouse/agent/internal/driver/model"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// Where a device calls a unit comes from its map. What is left out there is not on the device, what is in doubt is
// refused and changes nobody who stands there already (row G14).
func TestTowardsG14_TheMapSaysWhereAUnitIsCalled(t *testing.T) {
	t.Parallel()
	in := slots(caller(nil))
	byName := Want(in, in.People[0]).Record
	in.Units = map[access.UnitID]Bell{"u1": {Apartment: "SB000003"}}
	mapped := Want(in, in.People[0]).Record
	if mapped.Apartment != "SB000003" || mapped.Unit != "101" || mapped.Same(byName) || PrintRecord(plain{}, mapped) == PrintRecord(plain{}, byName) {
		t.Errorf("%+v, want another row than %+v", mapped, byName)
	}

	left, doubt := Bell{Why: "it is left out"}, Bell{Why: "it may be SB000001 or SB000002", Doubt: true}
	for name, tt := range map[string]struct {
		bell  Bell
		entry access.LedgerEntry
		op    access.Op // "" none
	}{
		"left out, not there":              {bell: left},
		"left out, there":                  {left, access.LedgerEntry{Person: "p1", Unit: "101"}, access.OpRemove},
		"in doubt, not there":              {bell: doubt},
		"in doubt, called for it already":  {doubt, access.LedgerEntry{Person: "p1", Unit: "101"}, ""},
		"in doubt, nobody knows for which": {doubt, access.LedgerEntry{Person: "p1"}, ""},
		"in doubt, called for another":     {doubt, access.LedgerEntry{Person: "p1", Unit: "204"}, access.OpRemove},
	} {
		in.Units = map[access.UnitID]Bell{"u1": tt.bell}
		in.Ledger, in.Observed.Records = map[access.PersonID]access.LedgerEntry{}, nil
		if tt.entry.Person != "" {
			tt.entry.Ref, tt.entry.State = "GHp1", access.Settled
			in.Ledger["p1"], in.Observed.Records = tt.entry, []model.Record{mapped}
		}
		p := Make(in)
		if len(p.Refusals) != 1 || p.Refusals[0].Kind != fault.Invalid || p.Refusals[0].Why != tt.bell.Why {
			t.Errorf("%s: refusals %+v", name, p.Refusals)
		}
		switch {
		case tt.op == "" && len(p.Steps) > 0, tt.op != "" && (len(p.Steps) != 1 || p.Steps[0].Op != tt.op || p.Steps[0].Why != "this panel does not call the unit"):
			t.Errorf("%s: steps %+v, want %q", name, p.Steps, tt.op)
		}
	}
}

// An end acts whatever is in doubt.
func TestADoubtKeepsNobodyWhoseAccessEnded(t *testing.T) {
	t.Parallel()
	over := caller(func(h *access.Holder) {
		h.Grants[0].Window = access.Window{From: noon.AddDate(0, -2, 0), Until: noon.AddDate(0, -1, 0)}
	})
	in := slots(over)
	in.Units = map[access.UnitID]Bell{"u1": {Why: "in doubt", Doubt: true}}
	in.Ledger["p1"] = access.LedgerEntry{Person: "p1", Ref: "GHp1", Unit: "101", State: access.Settled}
	in.Observed.Records = []model.Record{{Ref: "GHp1", Unit: "101", Phone: "+15550101", Relays: []string{"A"}}}
	if p := Make(in); len(p.Steps) != 1 || p.Steps[0].Op != access.OpRemove {
		t.Errorf("%+v", p)
	}
}
