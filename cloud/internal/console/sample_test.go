package console

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// noon is when the sample is looked at: a Thursday, four days after the clocks went back.
var noon = time.Date(2026, 11, 5, 12, 0, 0, 0, time.FixedZone("CST", -6*3600))

var (
	firsts = []string{"Anna", "Ben", "Chloë", "Dmitri", "Esra", "Farid", "Grace", "Hugo", "Inés", "Jonas", "Kiri", "Liam", "María José", "Noor"}
	lasts  = []string{"Alvarez", "Brook", "Castillo-Brandenburg", "Díaz", "Eriksen", "Fontaine", "Gray", "Hoàng", "Iyer", "Jansen", "Kowalski"}
)

// fake is a Reader in memory.
type fake struct {
	all   []Property
	err   error
	asked []access.PropertyID // for a sync
}

func (f *fake) SyncNow(_ context.Context, id access.PropertyID) (time.Time, error) {
	f.asked = append(f.asked, id)
	if i := slices.IndexFunc(f.all, func(p Property) bool { return p.Overview.ID == id }); i >= 0 && f.all[i].Overview.Source == nil {
		return time.Time{}, fault.New(fault.Unsupported, "sync", string(id), "it has no live source").WithRemedy("Import a file.")
	}
	return noon, f.err
}

func (f *fake) Properties(context.Context) ([]Overview, error) {
	var out []Overview
	for _, p := range f.all {
		out = append(out, p.Overview)
	}
	return out, f.err
}

func (f *fake) Property(_ context.Context, id access.PropertyID) (Property, error) {
	for _, p := range f.all {
		if p.Overview.ID == id {
			return p, f.err
		}
	}
	return Property{}, fault.New(fault.Invalid, "find property", string(id), "there is no such property")
}

// elm is an invented property of 40 units and 70 people with two panels, in which everything is well
// but what its arguments change.
func elm(change ...func(*Property)) Property {
	good := &Run{
		Source: "csv residents.csv", Started: noon.Add(-3*time.Hour - 2*time.Second), Finished: noon.Add(-3 * time.Hour), Complete: true,
		Evidence: []string{"74 lines read to the end", "40 of 40 units are there"}, People: 70, Units: 40, Skipped: 1, Added: 2, Changed: 1,
	}
	p := Property{
		Overview: Overview{
			Property: access.Property{ID: "elm", Name: "Elm Court", Zone: "America/Chicago"}, Units: 40, People: 70, Gateways: 1, Last: good, Applied: good,
		},
		Runs: []Run{*good},
		Gateways: []Gateway{{
			ID: "elm-1", Software: "0.1.0", Added: noon.AddDate(0, -2, 0), Contact: noon.Add(-20 * time.Second), Online: true,
			Stored: access.Position{Epoch: 1, Revision: 1042}, Published: access.Position{Epoch: 1, Revision: 1042}, StoredAt: noon.Add(-3 * time.Hour),
			ClockTrusted: true, ClockSource: "ntp", Hello: noon.Add(-time.Hour),
			Devices: []Device{
				{Device: access.Device{ID: "lobby", Name: "Lobby panel", Kind: "akuvox", Model: "X916", Firmware: "916.30.10.114", Doors: map[access.DoorID]string{"lobby": "A"}}, Reachable: true, Since: noon.AddDate(0, 0, -12)},
				{Device: access.Device{ID: "garage", Name: "Garage panel", Kind: "akuvox", Model: "E18", Firmware: "18.30.3.20", Doors: map[access.DoorID]string{"garage": "A", "gate": "B"}}, Reachable: true, Since: noon.AddDate(0, 0, -12)},
			},
		}},
	}
	for i := range 70 {
		p.People = append(p.People, resident(i))
	}
	for _, f := range change {
		f(&p)
	}
	return p
}

// resident is somebody who moved in long ago and is confirmed on both panels.
func resident(i int) Person {
	from := noon.AddDate(0, 0, -40-7*i)
	return Person{
		ID: access.PersonID(fmt.Sprintf("r%03d", i)), Name: firsts[i%len(firsts)] + " " + lasts[i%len(lasts)], Kind: access.Resident, Units: []string{fmt.Sprintf("%04d", 101+i*4/7)},
		Grants: []access.Grant{{ID: "g", Person: "x", Group: "all", Window: access.Window{From: from}, Reason: "Lives here since " + from.Format("Jan 2") + ", month to month."}},
		Panels: []OnPanel{confirmed("lobby", access.Exact, from.Add(4*time.Second)), confirmed("garage", access.Presence, from.Add(5*time.Second))},
	}
}

func confirmed(d access.DeviceID, g access.Grade, at time.Time) OnPanel {
	return OnPanel{Gateway: "elm-1", Device: d, State: Confirmed, Op: access.OpAdd, Grade: g, Written: at.Add(-time.Second), Confirmed: at}
}

// on puts somebody into a state on both panels.
func on(i int, from, until time.Time, states ...OnPanel) func(*Property) {
	return func(p *Property) {
		who := &p.People[i]
		g := access.Grant{ID: "g", Person: who.ID, Group: "all", Window: access.Window{From: from, Until: until}, Reason: "Moves in on the move-in date."}
		if !until.IsZero() {
			g.Ends, g.Reason = access.EndMoveOut, "Moved out on the move-out date."
		}
		who.Grants, who.Panels = []access.Grant{g}, nil
		for k, s := range states {
			s.Gateway, s.Device = "elm-1", []access.DeviceID{"lobby", "garage"}[k]
			who.Panels = append(who.Panels, s)
		}
	}
}

// busy is the sample with one of everything.
func busy() Property {
	hour := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	long, gone := noon.AddDate(-1, 0, 0), OnPanel{State: Removed, Op: access.OpRemove, Written: hour(-1).Add(2 * time.Second), Confirmed: hour(-1).Add(3 * time.Second)}
	return elm(
		on(1, hour(3), time.Time{}, OnPanel{State: Stored}, OnPanel{State: Stored}),
		on(4, hour(75), time.Time{}, OnPanel{State: Stored}, OnPanel{State: Stored}),
		on(5, hour(700), time.Time{}, OnPanel{State: Planned}, OnPanel{State: Planned}),
		on(7, long, hour(-1), gone, gone),
		on(9, long, hour(-1), gone, OnPanel{State: Failed, Op: access.OpRemove, Written: long, Confirmed: long, Fault: "unreachable",
			Message: "no answer from 192.0.2.11 within 5 s", NextTry: noon.Add(90 * time.Second), Attempts: 7}),
		on(12, hour(-1), time.Time{}, OnPanel{State: Confirmed, Op: access.OpAdd, Grade: access.Exact, Written: hour(-1), Confirmed: hour(-1).Add(time.Second)},
			OnPanel{State: Written, Op: access.OpAdd, Written: noon.Add(-4 * time.Second)}),
		on(15, long, time.Time{}, OnPanel{State: Refused, Fault: "conflict", Message: "somebody on this panel already has this PIN"}, confirmed("garage", access.Unprovable, long)),
		on(20, long, hour(-2), OnPanel{State: Confirmed, Op: access.OpAdd, Grade: access.Exact, Written: long, Confirmed: long}, gone),
		on(23, hour(-1), time.Time{}, OnPanel{State: Stored}, OnPanel{State: Held, Message: "too many changes at once"}),
		func(p *Property) {
			p.People[30].Grants, p.People[30].Panels, p.People[30].Why = nil, nil, "Applicant: no lease yet."
			p.People[31].Name, p.People[31].Grants, p.People[31].Units = "", nil, nil
			p.People[31].Panels = []OnPanel{gone, gone}
			for k := range p.People[31].Panels {
				p.People[31].Panels[k].Gateway, p.People[31].Panels[k].Device = "elm-1", []access.DeviceID{"lobby", "garage"}[k]
			}
			p.People[33].Kind = access.Staff
			p.Gateways[0].Devices[1].Reachable, p.Gateways[0].Devices[1].Since = false, hour(-1)
			p.Gateways[0].Devices[1].Message = "no answer within 5 s"
			p.Gateways[0].Stored.Revision, p.Gateways[0].Waiting = 1041, 3
			held := Run{Source: "csv residents.csv", Started: hour(0).Add(-4 * time.Minute), Finished: hour(0).Add(-4 * time.Minute), People: 34, Units: 19, Held: "36 of 70 people would have lost access at once.",
				Evidence: []string{"the file ends in the middle of line 36", "19 of 40 units are there"}}
			p.Overview.Last, p.Overview.Conflicts = &held, 2
			p.Runs = append([]Run{held}, p.Runs...)
			p.Conflicts = []Conflict{
				{"bad_pin", "r017", "The PIN of Dmitri Gray begins with 9.", "Choose another PIN in the source.", noon.AddDate(0, 0, -3)},
				{"duplicate_card", "r044", "Two people have the same card.", "Give one of them another card.", hour(-3)},
			}
		})
}
