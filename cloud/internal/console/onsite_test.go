package console

import (
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access"
)

// watched is the sample with one of everything that a gateway tells of its site.
func watched(p *Property) {
	hour := noon.Add(-time.Hour)
	g := &p.Gateways[0]
	g.Held = 1
	g.Found = []Found{
		{Device: "lobby", Entry: "aa-1", Count: 1, Kind: access.DriftGhost, Person: "r001", Name: "Ada <Miller>", Native: "71", Words: "nobody who should have it", First: hour},
		{Device: "lobby", Entry: "aa-2", Count: 1, Kind: access.DriftStranger, Words: "not written by this gateway", First: hour, Failed: "not done: it changed since it was listed"},
		{Device: "garage", Entry: "aa-3", Count: 1, Kind: access.DriftEdit, Person: "r002", Words: "the PIN differs", First: hour},
		{Device: "garage", Entry: "aa-4", Count: 1, Kind: access.DriftStranger, First: hour, Act: access.DriftTake, To: "r003", Reason: "hers"},
		{Device: "garage", Entry: "aa-5", Count: 1, Kind: access.DriftStranger, First: hour, Act: access.DriftRemove, Reason: "old"},
		{Device: "garage", Entry: "aa-6", Count: 1, Kind: access.DriftStranger, First: hour, Act: access.DriftKeep, Reason: "fire brigade"},
		{Device: "garage", Count: 40},
	}
	g.Waits = []Waiting{
		{Person: "r004", Name: "Bo Hart", Cause: access.HoldBrake, Revision: 7, Since: hour},
		{Person: "r005", Cause: access.HoldEpoch, Revision: 8},
		{Device: "lobby", Person: "r006", Words: "the lease ended and access stays"},
	}
	g.Replies = []Reply{
		{ID: "c2", What: "open_door", Device: "lobby", Door: "lobby", Result: "refused", Fault: "conflict", Message: "the gateway's clock is not trusted", At: hour},
		{ID: "c1", Result: "done", Message: strings.Repeat("x", 999), At: hour},
	}
}

// TestTowardsG4_WhatAGatewayFoundIsOnThePage: records with panel and age, what was decided and why it
// could not be done; who waits for a word; what became of commands.
func TestTowardsG4_WhatAGatewayFoundIsOnThePage(t *testing.T) {
	s := newSite(t, elm(watched))
	page := s.page("/property/elm")
	text := page.text()
	for _, want := range []string{
		"43 records on the panels of gateway elm-1 are not as it wrote them", "Ghost: Ada <Miller>", "number 71 on the panel", "Lobby panel aa-1",
		"On site: gatehouse-agent drift adopt, remove or keep lobby aa-1", "not done: it changed since it was listed",
		"Edited by hand: r002", "brings it back by itself", "to become the record of r003, not done yet: hers", "to be removed, not done yet: old", "let be: fire brigade",
		"40 more records", "listed at the gateway only", " ago)",
		"Bo Hart", "Revision 7 takes all access from more people", "Revision 8 came from a cloud that was restored", "the lease ended and access stays",
		"open_door at lobby, Lobby panel", "refused the gateway's clock is not trusted", "xxx…",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, id := range []string{"found-elm-1", "waiting-elm-1", "replies-elm-1"} {
		if n := len(page.all("", is("id", id))); n != 1 {
			t.Errorf("%d places called %s", n, id)
		}
	}
	v := s.json("/status.json?property=elm")
	for at, want := range map[string]string{
		"property.gateways.0.drift.0":          "count device entry first_seen kind name native person words",
		"property.gateways.0.drift.3":          "act count device entry first_seen kind reason to",
		"property.gateways.0.waiting_people.0": "cause name person revision since why",
		"property.gateways.0.replies.0":        "at device door fault id message result what",
	} {
		if got := keys(t, v, at); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}

// TestAQuietSiteShowsNothingOfIt: no empty tables, and what was let be alarms nobody.
func TestAQuietSiteShowsNothingOfIt(t *testing.T) {
	s := newSite(t, elm(func(p *Property) {
		p.Gateways[0].Found = []Found{{Device: "garage", Entry: "aa-6", Count: 1, Kind: access.DriftStranger, Act: access.DriftKeep, Reason: "fire brigade"}}
	}))
	page := s.page("/property/elm")
	if text := page.text(); !strings.Contains(text, "Everything is as it should be") || !strings.Contains(text, "let be: fire brigade") {
		t.Error("a record that was let be alarms somebody, or is not shown")
	}
	if n := len(page.all("", is("id", "waiting-elm-1"))) + len(page.all("", is("id", "replies-elm-1"))); n != 0 {
		t.Errorf("%d empty tables", n)
	}
}
