package console

import (
	"strings"
	"testing"
	"time"
)

// TestTowardsG1_OpenRevocationsAreShown, with age and how far they are; and what waits for a person's word.
func TestTowardsG1_OpenRevocationsAreShown(t *testing.T) {
	p := elm()
	p.Gateways[0].Held, p.Gateways[0].Ahead = 12, true
	p.Gateways[0].Settings = Settings{Wanted: 9, Known: true, InForce: 4, Refused: 9, Message: "drift.lobby: no such device"}
	device := p.Gateways[0].Devices[0]
	p.Revoking = []Revocation{
		{Gateway: p.Gateways[0].ID, Device: device.ID, Person: "p77", Name: "Ada Miller", State: Failed, Asked: noon.Add(-time.Hour), Stored: noon.Add(-50 * time.Minute), Attempts: 3},
		{Gateway: p.Gateways[0].ID, Device: device.ID, Person: "p78", State: Written, Asked: noon.Add(-time.Second), Written: noon},
		{Gateway: p.Gateways[0].ID, Device: "old", Person: "p79", State: Held},
	}
	s := newSite(t, p)
	text := strings.Join(strings.Fields(s.page("/property/"+string(p.Overview.ID)).text()), " ")
	for _, want := range []string{
		"Open revocations", "Ada Miller", "3 attempts so far", "p78", "accepted by the panel, not read back yet", "held until somebody agrees", "not known",
		"12 people wait for your word at gateway", "gatehouse-cloud gateway agree --gateway " + string(p.Gateways[0].ID), "gatehouse-cloud restored",
		"refused in revision 9: drift.lobby: no such device",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	v := s.json("/status.json?property=" + string(p.Overview.ID))
	if got, want := keys(t, v, "property.open_revocations.0"), "asked attempts device gateway name person state stored"; got != want {
		t.Errorf("JSON: %s, want %s", got, want)
	}
	if got, want := keys(t, v, "property.gateways.0.settings"), "in_force message refused wanted"; got != want {
		t.Errorf("JSON: %s, want %s", got, want)
	}
}

func TestSettingsWords(t *testing.T) {
	for _, c := range []struct {
		is   Settings
		want string
		bad  bool
	}{
		{Settings{}, "", false},
		{Settings{Wanted: 5}, "not in force yet (revision 5)", false},
		{Settings{Wanted: 5, Known: true, InForce: 4}, "not in force yet (revision 5)", false},
		{Settings{Wanted: 5, Known: true, InForce: 7}, "in force since revision 5", false},
		{Settings{Wanted: 5, Known: true, InForce: 7, Refused: 4}, "in force since revision 5", false},
		{Settings{Wanted: 5, Known: true, Refused: 6, Message: "x"}, "refused in revision 6: x", true},
	} {
		if words, bad := settingsWords(c.is); words != c.want || bad != c.bad {
			t.Errorf("%+v: %q %v, want %q %v", c.is, words, bad, c.want, c.bad)
		}
	}
}
