package cloud

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func ann() StaffChange {
	return StaffChange{StaffMember{Name: " Ann  Smith ", May: []access.Right{access.MayRevoke, access.MayGrant, access.MayRevoke}}, access.NewSecret("70413355"), "Mara"}
}

// staffAt are the members of staff in a gateway's state, with how many credentials and grants they have there.
func staffAt(t testing.TB, c *Cloud, gw access.GatewayID) (who []access.Person, pins []string, grants int) {
	t.Helper()
	ours := map[access.PersonID]bool{}
	for _, n := range items(t, c, gw, access.KindPerson) {
		if p := n.(access.Person); p.Kind == access.Staff {
			who, ours[p.ID] = append(who, p), true
		}
	}
	for _, n := range items(t, c, gw, access.KindCredential) {
		if cr := n.(access.Credential); ours[cr.Person] {
			pins = append(pins, cr.Secret.Reveal())
		}
	}
	for _, n := range items(t, c, gw, access.KindGrant) {
		if ours[n.(access.Grant).Person] {
			grants++
		}
	}
	return who, pins, grants
}

// TestTowardsG11_StaffAreEnteredHereAndToldToEveryGatewayOfTheProperty, and no sync touches them.
func TestTowardsG11_StaffAreEnteredHereAndToldToEveryGatewayOfTheProperty(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples+elms).open()
	one, two, far := enrol(t, c, "maples"), enrol(t, c, "maples"), enrol(t, c, "elms")
	m, err := c.AddStaff(t.Context(), "maples", ann())
	if err != nil || m.Name != "Ann Smith" || len(m.May) != 2 {
		t.Fatalf("added: %+v %v", m, err)
	}
	load(t, c, export(t, residents(3)...))
	load(t, c, export(t, append(residents(3), with(resident(4), "first", "Ann", "last", "Smith"))...)) // another Ann Smith moves in
	for _, gw := range []access.GatewayID{one.ID, two.ID} {
		who, pins, grants := staffAt(t, c, gw)
		if len(who) != 1 || who[0].ID != m.ID || who[0].First != "Ann" || who[0].Last != "Smith" || !slices.Equal(pins, []string{"70413355"}) || grants != 0 {
			t.Errorf("%s: %+v, PINs %v, %d grants", gw, who, pins, grants)
		}
		if w := wants(t, c, gw); len(w.names) != 4 {
			t.Errorf("%s: %v have access", gw, w.names)
		}
	}
	if who, _, _ := staffAt(t, c, far.ID); len(who) != 0 {
		t.Errorf("another property's gateway is told of %v", who)
	}
	if got := conflicts(t, c); len(got) != 0 {
		t.Errorf("conflicts: %v", got)
	}
	if _, err := c.SetStaff(t.Context(), "maples", StaffChange{StaffMember: StaffMember{ID: m.ID, May: []access.Right{access.MayLift}}, PIN: access.NewSecret("61920447")}); err != nil {
		t.Fatal(err)
	}
	if who, pins, _ := staffAt(t, c, one.ID); !slices.Equal(who[0].May, []access.Right{access.MayLift}) || !slices.Equal(pins, []string{"61920447"}) {
		t.Errorf("changed: %+v %v", who, pins)
	}
	if _, err := c.RemoveStaff(t.Context(), "maples", m.ID, "Mara"); err != nil {
		t.Fatal(err)
	}
	for _, gw := range []access.GatewayID{one.ID, two.ID} {
		if who, _, _ := staffAt(t, c, gw); len(who) != 0 {
			t.Errorf("%s still has %v", gw, who)
		}
		if g := known(t, c, gw); g.Meant != g.Published {
			t.Errorf("what somebody did by hand is not meant: %v of %v", g.Meant, g.Published)
		}
	}
	all, acts, err := c.Staff(t.Context(), "maples")
	if err != nil || len(all) != 0 || len(acts) != 3 || acts[2].Who != "Mara" || !acts[2].At.Equal(noon()) {
		t.Fatalf("%v %+v %v", all, acts, err)
	}
	for i, words := range []string{"(Ann Smith): removed", "another PIN, other rights; may lift", "added; may grant, revoke"} {
		if !strings.Contains(acts[i].Words, words) || strings.Contains(acts[i].Words, "70413355") {
			t.Errorf("history %d: %q", i, acts[i].Words)
		}
	}
}

// TestTowardsG11_AStaffPINIsNobodyElses: not on the day it is entered, and not when a resident comes with it later.
func TestTowardsG11_AStaffPINIsNobodyElses(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	b := enrol(t, c, "maples")
	load(t, c, export(t, residents(2)...))
	if _, err := c.AddStaff(t.Context(), "maples", ann()); err != nil {
		t.Fatal(err)
	}
	load(t, c, export(t, append(residents(2), with(resident(3), "pin", "70413355"))...))
	if got := conflicts(t, c)["duplicate_pin"]; !strings.Contains(got.Text, "Ann Smith of the staff") || strings.Contains(got.Text, "70413355") {
		t.Errorf("conflict: %+v", got)
	}
	if w := wants(t, c, b.ID); len(w.pins) != 3 {
		t.Errorf("PINs: %v", w.pins)
	}
	for what, ch := range map[string]struct {
		StaffChange
		kind  fault.Kind
		words string
	}{
		"no PIN":          {StaffChange{StaffMember: StaffMember{Name: "Bo", May: []access.Right{access.MayLift}}}, fault.Invalid, "all needed"},
		"a short PIN":     {StaffChange{StaffMember: StaffMember{Name: "Bo", May: []access.Right{access.MayLift}}, PIN: access.NewSecret("123")}, fault.Invalid, "4 to 8 digits"},
		"a letter":        {StaffChange{StaffMember: StaffMember{Name: "Bo", May: []access.Right{access.MayLift}}, PIN: access.NewSecret("12a45")}, fault.Invalid, "other than digits"},
		"a resident's":    {StaffChange{StaffMember: StaffMember{Name: "Bo", May: []access.Right{access.MayLift}}, PIN: access.NewSecret(pin(1))}, fault.Conflict, "has it already"},
		"the same name":   {StaffChange{StaffMember: StaffMember{Name: "ann smith", May: []access.Right{access.MayLift}}, PIN: access.NewSecret("55512")}, fault.Conflict, "tells them apart"},
		"an unknown":      {StaffChange{StaffMember: StaffMember{Name: "Bo", May: []access.Right{"fly"}}, PIN: access.NewSecret("55512")}, fault.Invalid, "fly"},
		"a counted id":    {StaffChange{StaffMember: StaffMember{ID: "p77", Name: "Bo", May: []access.Right{access.MayLift}}, PIN: access.NewSecret("55512")}, fault.Invalid, "p77"},
		"a resident's id": {StaffChange{StaffMember: StaffMember{ID: "p1", Name: "Bo", May: []access.Right{access.MayLift}}, PIN: access.NewSecret("55512")}, fault.Invalid, "given out here"},
		"two lines":       {StaffChange{StaffMember: StaffMember{Name: strings.Repeat("x", 101), May: []access.Right{access.MayLift}}, PIN: access.NewSecret("55512")}, fault.Invalid, "1 to 100 characters"},
	} {
		_, err := c.AddStaff(t.Context(), "maples", ch.StaffChange)
		wantFault(t, err, ch.kind, ch.words)
		if err != nil && strings.Contains(err.Error(), pin(1)) {
			t.Errorf("%s: the PIN stands in %q", what, err)
		}
	}
	_, err := c.SetStaff(t.Context(), "maples", StaffChange{StaffMember: StaffMember{ID: "p000001", Name: "Bo"}})
	wantFault(t, err, fault.Invalid, "nobody on the staff", "staff list")
	_, err = c.RemoveStaff(t.Context(), "maples", "p000001", "")
	wantFault(t, err, fault.Invalid, "nobody on the staff")
	_, err = c.AddStaff(t.Context(), "oaks", ann())
	wantFault(t, err, fault.Invalid, "not in the configuration")
	if all, _, err := c.Staff(t.Context(), "maples"); err != nil || len(all) != 1 {
		t.Errorf("%v %v", all, err)
	}
}

// TestTowardsG11_WhoDidItAtTheGatewayIsNamed.
func TestTowardsG11_WhoDidItAtTheGatewayIsNamed(t *testing.T) {
	t.Parallel()
	c := newRig(t, maples).open()
	b := enrol(t, c, "maples")
	ch := ann()
	ch.ID = "ann"
	if _, err := c.AddStaff(t.Context(), "maples", ch); err != nil {
		t.Fatal(err)
	}
	load(t, c, export(t, residents(1)...))
	tellEvents(t, c, b.ID, access.Event{Kind: access.EventOverlay, At: c.now().Add(-time.Minute), Person: "p000001",
		Overlay: &access.OverlayNote{ID: "o1", Kind: access.OverlayRevoke, By: "ann", Reason: "threat"}})
	got, err := c.Overlays(t.Context(), "maples")
	if err != nil || len(got) != 1 || got[0].By != "ann" || got[0].ByName != "Ann Smith" || got[0].Name != "Ada Miller" && got[0].Name != "Ben Miller" {
		t.Errorf("%+v %v", got, err)
	}
}
