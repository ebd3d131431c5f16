package console

import (
	"strings"
	"testing"
)

// TestTowardsE7_APanelsTroubleIsInItsOwnWords: one that refuses the password has power and network.
func TestTowardsE7_APanelsTroubleIsInItsOwnWords(t *testing.T) {
	for message, want := range map[string]string{
		"": "Lobby panel does not answer the gateway. since", "no route to host": "Lobby panel does not work with the gateway: no route to host",
		"list: the panel refuses the user and password. Correct them.": "does not work with the gateway: list: the panel refuses the user and password. Correct them.",
	} {
		p := elm()
		d := &p.Gateways[0].Devices[0]
		d.Name, d.Reachable, d.Since, d.Message = "Lobby panel", false, noon, message
		text := strings.Join(strings.Fields(newSite(t, p).page("/property/"+string(p.Overview.ID)).text()), " ")
		if !strings.Contains(text, want) {
			t.Errorf("%q: the page does not say %q", message, want)
		}
		if hint := strings.Contains(text, "has power and network"); hint == strings.Contains(message, "refuses") {
			t.Errorf("%q: the page speaks of power and network: %v", message, hint)
		}
	}
}
