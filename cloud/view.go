package cloud

import (
	"context"
	"slices"
	"strings"
	"time"

	"gatehouse/cloud/internal/brokerlink"
	"gatehouse/cloud/internal/console"
	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/policy"
	"gatehouse/cloud/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/access/rules"
)

// reader is the cloud as the console sees it.
type reader struct{ c *Cloud }

// runsShown is how many runs the page lists.
const runsShown = 10

// Properties implements console.Reader.
func (r reader) Properties(ctx context.Context) ([]console.Overview, error) {
	all, err := r.c.store.Overview(ctx)
	out := make([]console.Overview, len(all))
	for i, o := range all {
		var wrong error
		out[i], wrong = r.overview(ctx, o)
		err = firstOf(err, wrong)
	}
	return out, err
}

// SyncNow implements console.Operator.
func (r reader) SyncNow(ctx context.Context, id access.PropertyID) (time.Time, error) {
	return r.c.SyncNow(ctx, id)
}

// Property implements console.Reader.
func (r reader) Property(ctx context.Context, id access.PropertyID) (console.Property, error) {
	var out console.Property
	st, err := r.c.store.PeopleStatus(ctx, id)
	if err != nil {
		return out, err
	}
	all, err := r.c.store.Overview(ctx)
	if err != nil {
		return out, err
	}
	runs, err := r.c.store.Runs(ctx, id, runsShown)
	if err != nil {
		return out, err
	}
	if i := slices.IndexFunc(all, func(o store.Overview) bool { return o.Property.ID == id }); i >= 0 {
		if out.Overview, err = r.overview(ctx, all[i]); err != nil {
			return out, err
		}
	}
	for i := range runs {
		out.Runs = append(out.Runs, *run(&runs[i]))
	}
	for _, c := range st.Conflicts {
		out.Conflicts = append(out.Conflicts, console.Conflict{Kind: c.Kind, Subject: c.Subject, Text: c.Text, Remedy: c.Remedy, FirstSeen: c.FirstSeen})
	}
	for _, g := range st.Gateways {
		out.Gateways = append(out.Gateways, gatewayView(g))
	}
	site, err := r.c.store.OnSite(ctx, id)
	if err != nil {
		return out, err
	}
	for i := range out.Gateways {
		onSite(&out.Gateways[i], site)
	}
	revoking, err := r.c.store.RevocationsOf(ctx, id, r.c.now())
	if err != nil {
		return out, err
	}
	for _, v := range revoking {
		out.Revoking = append(out.Revoking, console.Revocation{Gateway: v.Gateway, Device: v.Device, Person: v.Person, Name: v.Name,
			State: console.State(v.State), Asked: v.Asked, Stored: v.Stored, Written: v.Written, Attempts: v.Attempts})
	}
	why, err := r.why(ctx, id)
	if slices.ContainsFunc(out.Gateways, callsPeople) {
		out.Conflicts = append(out.Conflicts, why.shortages...)
	}
	for _, p := range st.People {
		v := personView(p)
		if len(v.Grants) == 0 {
			v.Why = strings.Join(why.explain[p.ID], " ")
		}
		v.Bare, v.Listed = why.known && !why.holds[p.ID], why.listed[p.ID]
		out.People = append(out.People, v)
	}
	return out, err
}

// Happened implements console.Reader.
func (r reader) Happened(ctx context.Context, id access.PropertyID, ask console.HappeningsAsk) (out console.Happenings, err error) {
	got, err := r.c.store.Happened(ctx, id, store.HappeningsAsk{Person: ask.Person, Before: ask.Before, Limit: ask.Limit})
	out.Next = got.Next
	for _, h := range got.List {
		out.List = append(out.List, console.Happening{Event: h.Event, Gateway: h.Gateway, Late: h.Late, Name: h.Name, DoorName: h.DoorName, UnitName: h.UnitName})
	}
	return out, err
}

// decided is what policy says of people: why they have nothing, and who holds a PIN or a card that can be used.
type decided struct {
	known   bool
	explain map[access.PersonID][]string
	holds   map[access.PersonID]bool
	listed  map[access.PersonID]string // as panels' directories show people

	shortages []console.Conflict // whom a panel that calls people will not hold (row C4)
}

// why decides the property once more, to show why it is as it is, in the policy's own words.
func (r reader) why(ctx context.Context, id access.PropertyID) (decided, error) {
	roster, err := r.c.store.Roster(ctx, id)
	if err != nil {
		return decided{}, err
	}
	d, err := policy.Decide(roster, r.c.now())
	if err != nil {
		return decided{}, nil //nolint:nilerr // the conflict list says what is wrong with the settings
	}
	out := decided{true, d.Explain, map[access.PersonID]bool{}, listed(d.Items, r.c.now()), shortages(d.Items, r.c.now())}
	for _, n := range d.Items {
		if c, ok := n.(access.Credential); ok {
			out.holds[c.Person] = true
		}
	}
	return out, nil
}

// callsPeople says whether a gateway has a panel with slots for apps and telephones.
func callsPeople(g console.Gateway) bool {
	return slices.ContainsFunc(g.Devices, func(d console.Device) bool { return d.Kind == "comelit" })
}

// shortages is who will not fit in the slots of their unit, from which day. How many a panel in the unit takes is not
// known here.
func shortages(items []access.Noun, now time.Time) (out []console.Conflict) {
	dir := rules.Directory{Units: map[access.UnitID]access.Unit{}}
	people := map[access.PersonID]*access.Holder{}
	var order []access.PersonID
	for _, n := range items { // people stand before what is theirs
		switch n := n.(type) {
		case access.Property:
			if zone, err := n.Location(); err == nil {
				dir.Zone = zone
			}
		case access.Unit:
			dir.Units[n.ID] = n
		case access.Person:
			people[n.ID], order = &access.Holder{Person: n}, append(order, n.ID)
		case access.Residency:
			if h := people[n.Person]; h != nil {
				h.Residencies = append(h.Residencies, n)
			}
		case access.Credential:
			if h := people[n.Person]; h != nil {
				h.Credentials = append(h.Credentials, n)
			}
		}
	}
	for _, id := range order {
		dir.People = append(dir.People, *people[id])
	}
	for _, s := range rules.Forecast(dir, now, now.Add(rules.ForecastAhead)) {
		out = append(out, console.Conflict{Kind: "no_slot", Subject: string(s.Person), Text: s.Words, Remedy: s.Remedy})
	}
	return out
}

// listed is how panels' directories show people: by the unit they live in, else the one they go to next, else the one
// they left last.
func listed(items []access.Noun, now time.Time) map[access.PersonID]string {
	units, buildings, homes, form := map[access.UnitID]access.Unit{}, map[access.BuildingID]string{}, map[access.PersonID]access.Residency{}, ""
	out := map[access.PersonID]string{}
	for _, n := range items {
		switch n := n.(type) {
		case access.Property:
			form = n.DirectoryName
		case access.Building:
			buildings[n.ID] = n.Name
		case access.Unit:
			units[n.ID] = n
		case access.Residency:
			was, known := homes[n.Person]
			over := known && !was.Until.IsZero() && !was.Until.After(now)
			if !known || over && n.From.After(was.From) || !over && n.From.Before(was.From) && (n.Until.IsZero() || n.Until.After(now)) {
				homes[n.Person] = n
			}
		}
	}
	for _, n := range items {
		if p, ok := n.(access.Person); ok {
			if p.Directory == access.Unlisted {
				p.First, p.Last, p.Company = "", "", ""
			}
			u := units[homes[p.ID].Unit]
			out[p.ID] = rules.Naming{Form: form}.Of(p, u.Name, buildings[u.Building])
		}
	}
	return out
}

// brokerView is how the cloud stands to its broker.
func (c *Cloud) brokerView(link *brokerlink.Link) console.Broker {
	st := link.State()
	out := console.Broker{Connected: st.Connected, Embedded: c.cfg.Broker == "", Address: link.Address(), Since: st.Since, CertificateEnds: st.CertificateEnds}
	switch {
	case st.Err != nil:
		out.Problem, out.Remedy = st.Err.Error(), fault.RemedyOf(st.Err)
	case st.Connected && st.CertificateEnds.Sub(c.now()) < brokerlink.ExpiryWarning:
		out.Problem, out.Remedy = "The broker's certificate ends on "+st.CertificateEnds.UTC().Format(time.DateOnly)+"; after that neither gateways nor the cloud connect.", brokerlink.Renew
	}
	return out
}

func (r reader) overview(ctx context.Context, o store.Overview) (console.Overview, error) {
	out := console.Overview{
		Property: o.Property.Property, Units: o.Units, People: o.People, Gateways: o.Gateways, Conflicts: o.Conflicts,
		Last: run(o.Last), Applied: run(o.Applied),
	}
	p, err := r.c.property(out.ID)
	if err != nil || p.PMS == nil {
		return out, nil //nolint:nilerr // one that left the configuration is shown as it was left
	}
	out.Source = &console.Source{Kind: p.PMS.Kind, Every: p.PMS.Every}
	if out.Source.Next, err = r.c.store.SyncDue(ctx, p.ID); err != nil {
		return out, err
	}
	out.Source.Running, err = r.c.store.Leased(ctx, leaseName(p.ID), r.c.now())
	return out, err
}

func run(r *store.Run) *console.Run {
	if r == nil {
		return nil
	}
	return &console.Run{
		Source: r.Source, Started: r.Started, Finished: r.Finished, Complete: r.Complete, Evidence: r.Evidence, Held: r.Held,
		People: r.People, Units: r.Units, Skipped: r.Skipped, Added: r.Added, Changed: r.Changed, Removed: r.Removed,
	}
}

func gatewayView(g store.GatewayStatus) console.Gateway {
	out := console.Gateway{
		ID: g.ID, Software: g.Told.Software, Added: g.Added, Contact: g.Contact, Online: g.Online.Online,
		Stored: g.Stored, Published: g.Published, StoredAt: g.StoredAt,
		ClockTrusted: g.Told.Clock.Trusted, ClockSource: g.Told.Clock.Source, Hello: g.Told.At, Waiting: g.Told.Waiting, Held: g.Told.Held, Ahead: g.Ahead.Revision != 0,
	}
	out.CertificateEnds, out.Succeeding, out.Revoked = g.CertificateEnds, g.Succeeding, g.Revoked
	for _, a := range g.Acts {
		out.Acts = append(out.Acts, console.Act{At: a.At, What: string(a.What), Words: a.Words, Times: a.Times})
	}
	in := g.Told.Settings
	out.Settings = console.Settings{Wanted: g.Settings, Known: in.Known, InForce: in.Revision, Refused: in.Refused, Message: in.Message}
	if !g.Told.At.IsZero() {
		out.ClockOff = g.Told.Clock.Now.Sub(g.Told.At)
	}
	for _, d := range g.Devices {
		out.Devices = append(out.Devices, console.Device{Device: d.Device, Reachable: d.Reachable, Since: d.Since, Message: d.Message})
	}
	return out
}

func personView(p store.PersonStatus) console.Person {
	out := console.Person{ID: p.ID, Name: p.Name, Kind: p.Kind, Grants: p.Grants}
	lives := slices.ContainsFunc(p.Stays, func(s store.Stay) bool { return s.Status != string(pms.Past) })
	for _, s := range p.Stays {
		if s.Status != string(pms.Past) || !lives { // where somebody lives, else where they lived
			out.Units = append(out.Units, s.Unit)
		}
	}
	for _, d := range p.Devices {
		out.Panels = append(out.Panels, console.OnPanel{
			Gateway: d.Gateway, Device: d.Device, State: console.State(d.State), Op: d.Op, Grade: d.Grade,
			Written: d.Written, Confirmed: d.Confirmed, Fault: d.Fault, Message: d.Message, NextTry: d.NextTry, Attempts: d.Attempts,
		})
	}
	return out
}
