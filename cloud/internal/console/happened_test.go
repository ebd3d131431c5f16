package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/protocol/access"
)

// Happened gives of the property's list what is asked for.
func (f *fake) Happened(_ context.Context, id access.PropertyID, ask HappeningsAsk) (out Happenings, err error) {
	for _, p := range f.all {
		if p.Overview.ID != id {
			continue
		}
		for _, h := range p.Happened {
			before, some := ask.Before[h.Gateway]
			switch {
			case some && h.Number >= before || ask.Person != "" && h.Person != ask.Person:
			case len(out.List) == ask.Limit:
				out.Next = map[access.GatewayID]uint64{h.Gateway: out.List[ask.Limit-1].Number}
				return out, f.err
			default:
				out.List = append(out.List, h)
			}
		}
	}
	return out, f.err
}

// doors are n openings at the lobby, the newest first.
func doors(n int) func(*Property) {
	return func(p *Property) {
		for i := range n {
			who := p.People[i%2]
			p.Happened = append(p.Happened, Happening{Gateway: "elm-1", Name: who.Name, DoorName: "Lobby",
				Event: access.Event{Number: uint64(n - i), Kind: access.EventDoor, Device: "lobby", Door: "lobby", Person: who.ID, Granted: true, How: "pin", At: noon.Add(-time.Duration(i) * time.Minute)}})
		}
	}
}

// TestTowardsE3_WhatHappenedInWords: who opened what by what, who was refused, who rang, which panel was tampered with.
func TestTowardsE3_WhatHappenedInWords(t *testing.T) {
	t.Parallel()
	c := &console{Options: Options{Now: func() time.Time { return noon }}}
	pic := c.judge(elm())
	door := access.Event{Kind: access.EventDoor, Device: "lobby", Door: "lobby"}
	opened := door
	opened.Granted = true
	with := func(e access.Event, how string) access.Event { e.How = how; return e }
	for want, h := range map[string]Happening{
		"T. Jones opened Lobby with a PIN":                        {Event: with(opened, "pin"), Name: "T. Jones", DoorName: "Lobby"},
		"somebody opened Lobby":                                   {Event: opened, DoorName: "Lobby"},
		"Lobby was opened over the network":                       {Event: with(opened, "api"), DoorName: "Lobby"},
		"somebody was refused at Lobby: unknown card":             {Event: with(door, "card"), DoorName: "Lobby"},
		"somebody was refused at lobby":                           {Event: door},
		"T. Jones was refused at Lobby with a card":               {Event: with(door, "card"), Name: "T. Jones", DoorName: "Lobby"},
		"somebody was refused at Lobby panel: unknown PIN":        {Event: access.Event{Kind: access.EventDoor, Device: "lobby", How: "pin"}},
		"ring for Unit 101 at Lobby panel":                        {Event: access.Event{Kind: access.EventRing, Device: "lobby", Unit: "u1"}, UnitName: "101"},
		"ring for Unit 101 at Garage panel: it ended: answered":   {Event: access.Event{Kind: access.EventRing, Device: "garage", Unit: "u1", Message: "it ended: answered"}, UnitName: "Unit 101"},
		"ring for a unit at Lobby panel":                          {Event: access.Event{Kind: access.EventRing, Device: "lobby"}},
		"tampering at Garage panel: the case was opened":          {Event: access.Event{Kind: access.EventTamper, Device: "garage", Message: "the case was opened"}},
		"Garage panel answers":                                    {Event: access.Event{Kind: access.EventReachable, Device: "garage"}},
		"Garage panel does not answer: no route":                  {Event: access.Event{Kind: access.EventUnreachable, Device: "garage", Message: "no route"}},
		"more happened at the doors of this device than was read": {Event: access.Event{Kind: access.EventFailed, Device: "lobby", Message: "more happened at the doors of this device than was read"}},
		"somebody opened Lobby with a card: the device did not say when": {Event: func() access.Event {
			e := with(opened, "card")
			e.Message = "the device did not say when"
			return e
		}(), DoorName: "Lobby"},
	} {
		h.Gateway = "elm-1"
		if got := pic.tell(h); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestTowardsE3_PageOfDoors: the newest ten stand on the property's page, a hundred on their own, the others behind
// links; a panel's time stands beside the gateway's where the two differ by more than two minutes.
func TestTowardsE3_PageOfDoors(t *testing.T) {
	t.Parallel()
	s := newSite(t, elm(doors(250), func(p *Property) {
		p.Happened[0].DeviceTime = noon.Add(-time.Hour)
		p.Happened[1].DeviceTime = p.Happened[1].At.Add(-clockDiffers)
		p.Happened[2].Late = true
		p.Happened[3].Name = "<b>Bobby</b>"
	}))
	brief := s.page("/property/elm")
	rows := func(n node) []node {
		return n.all("table", func(n node) bool { return len(n.all("caption", is("id", "c-happened"))) > 0 })[0].all("tbody")[0].all("tr")
	}
	if got := len(rows(brief)); got != happeningsBrief || len(brief.all("a", is("href", "/property/elm/events"))) != 1 {
		t.Errorf("%d rows on the property's page", got)
	}
	page := s.page("/property/elm/events")
	list := rows(page)
	if len(list) != happeningsShown {
		t.Fatalf("%d rows", len(list))
	}
	for i, want := range []string{"by the panel's clock Nov 5, 11:00 CST", "Nov 5, 11:59 CST", "told late", "<b>Bobby</b> opened Lobby with a PIN"} {
		if got := list[i].text(); !strings.Contains(got, want) || i > 0 && strings.Contains(got, "panel's clock") {
			t.Errorf("row %d: %q, want %q", i, got, want)
		}
	}
	seen, links := 0, 0
	for path := "/property/elm/events"; path != ""; links++ {
		page := s.page(path)
		seen += len(rows(page))
		path = ""
		for _, a := range page.all("a", func(n node) bool { return n.text() == "Older" }) {
			path = a.attr("href")
		}
	}
	if seen != 250 || links != 3 {
		t.Errorf("%d events on %d pages", seen, links)
	}
	one := s.page("/property/elm/events?person=r001")
	if got := rows(one); len(got) != happeningsShown || !strings.Contains(one.text(), "Only what "+firsts[1]) {
		t.Errorf("of one person: %d rows: %.200s", len(got), one.text())
	}
	if none := s.page("/property/elm/events?person=nobody&before=x&before=elm-1:y"); !strings.Contains(none.text(), "Nothing is known") {
		t.Error(none.text())
	}
	if code := s.get("/property/nowhere/events").StatusCode; code != http.StatusNotFound {
		t.Errorf("of no property: %d", code)
	}
	s.fake.err = fmt.Errorf("the database is away")
	if code := s.get("/property/elm/events").StatusCode; code != http.StatusServiceUnavailable {
		t.Errorf("without a database: %d", code)
	}
}

func TestReadHappeningsAsk(t *testing.T) {
	t.Parallel()
	got := readHappeningsAsk(map[string][]string{"person": {"p1"}, "before": {"gw1:12", "gw2:", "no id:1", ":3", "gw3:99999999999999999999"}})
	want := HappeningsAsk{Person: "p1", Before: map[access.GatewayID]uint64{"gw1": 12}, Limit: happeningsShown}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
