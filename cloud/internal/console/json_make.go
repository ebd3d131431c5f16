package console

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"gatehouse/protocol/access"
)

// local keeps an absent time absent and shows any other in the zone.
func local(t time.Time, zone *time.Location) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.In(zone)
}

func (c *console) brokerJSON() *brokerJSON {
	if c.Broker == nil {
		return nil
	}
	b := c.Broker()
	return &brokerJSON{b.Connected, b.Embedded, b.Address, local(b.Since, time.UTC), b.Problem, b.Remedy, local(b.CertificateEnds, time.UTC)}
}

func overviewsJSON(all []Overview) []overviewJSON {
	out := make([]overviewJSON, len(all))
	for i, o := range all {
		zone, err := o.Location()
		if err != nil {
			zone = time.UTC
		}
		out[i] = overviewOf(o, zone)
	}
	return out
}

func overviewOf(o Overview, zone *time.Location) overviewJSON {
	out := overviewJSON{Property: o.Property, Units: o.Units, People: o.People, Gateways: o.Gateways, Conflicts: o.Conflicts}
	if o.Last != nil {
		r := runOf(*o.Last, zone)
		out.Last = &r
	}
	if o.Applied != nil {
		r := runOf(*o.Applied, zone)
		out.Applied = &r
	}
	if s := o.Source; s != nil {
		out.Source = &sourceJSON{s.Kind, int(s.Every / time.Second), local(s.Next, zone), s.Running}
	}
	return out
}

func runOf(r Run, zone *time.Location) runJSON {
	return runJSON{r.Source, local(r.Started, zone), local(r.Finished, zone), r.Complete, r.Evidence, r.Held,
		r.People, r.Units, r.Skipped, r.Added, r.Changed, r.Removed}
}

// json is the picture for scripts, with the people whom a filter finds.
func (pic *picture) json(f filter) *propertyJSON {
	out := &propertyJSON{
		overviewJSON: overviewOf(pic.Overview, pic.zone), Level: InPlace, Counts: pic.counts(),
		Attention: []alertJSON{}, Runs: []runJSON{}, Open: []conflictJSON{}, Boxes: []gatewayJSON{}, Revoking: []revokingJSON{}, Residents: []personJSON{},
	}
	for _, a := range pic.attention {
		text := a.Text
		if a.At != nil {
			text += strings.TrimSuffix(" "+a.Word, " ") + " " + a.At.Absolute
		}
		out.Attention, out.Level = append(out.Attention, alertJSON{text, a.Remedy}), Problem
	}
	for _, r := range pic.Runs {
		out.Runs = append(out.Runs, runOf(r, pic.zone))
	}
	for _, c := range pic.Conflicts {
		out.Open = append(out.Open, conflictJSON{c.Kind, c.Subject, c.Text, c.Remedy, local(c.FirstSeen, pic.zone)})
	}
	for _, g := range pic.Gateways {
		out.Boxes = append(out.Boxes, pic.gatewayJSON(g))
	}
	for _, v := range pic.Revoking {
		out.Revoking = append(out.Revoking, revokingJSON{v.Gateway, v.Device, v.Person, v.Name, v.State,
			local(v.Asked, pic.zone), local(v.Stored, pic.zone), local(v.Written, pic.zone), v.Attempts})
	}
	for _, p := range pic.chosen(f) {
		out.Residents = append(out.Residents, pic.personJSON(p))
	}
	return out
}

func (pic *picture) gatewayJSON(g Gateway) gatewayJSON {
	out := gatewayJSON{
		ID: g.ID, Software: g.Software, Online: g.Online, Contact: local(g.Contact, pic.zone), Silent: pic.silent[g.ID],
		Epoch: g.Published.Epoch, Stored: g.Stored.Revision, StoredAt: local(g.StoredAt, pic.zone), Published: g.Published.Revision,
		ClockTrusted: g.ClockTrusted, ClockSource: g.ClockSource, Waiting: g.Waiting, Held: g.Held, Ahead: g.Ahead, Devices: []deviceJSON{},
	}
	out.CertificateEnds, out.NextKeys, out.Revoked = local(g.CertificateEnds, pic.zone), local(g.Succeeding, pic.zone), local(g.Revoked, pic.zone)
	for _, a := range g.Acts {
		out.History = append(out.History, actJSON{local(a.At, pic.zone), a.What, a.Words, a.Times})
	}
	if s := g.Settings; s.Wanted > 0 {
		out.Settings = &settingsJSON{s.Wanted, s.InForce, s.Refused, s.Message}
	}
	for _, d := range g.Devices {
		v := deviceJSON{
			ID: d.ID, Name: cmp.Or(d.Name, string(d.ID)), Kind: d.Kind, Model: d.Model, Firmware: d.Firmware, Doors: d.Doors,
			Since: local(d.Since, pic.zone), Message: d.Message,
		}
		if !d.Since.IsZero() {
			v.Reachable = &d.Reachable
		}
		out.Devices = append(out.Devices, v)
	}
	pic.onSiteJSON(g, &out)
	return out
}

func (pic *picture) personJSON(p judged) personJSON {
	out := personJSON{
		ID: p.ID, Name: p.Name, Kind: p.Kind, Units: append([]string{}, p.Units...), Level: p.level, Why: p.Why, Bare: p.Bare,
		Grants: []grantJSON{}, Panels: []panelJSON{},
	}
	for i, g := range p.Grants {
		if i == 0 {
			out.From, out.Until = local(g.From, pic.zone), local(g.Until, pic.zone)
		}
		out.Grants = append(out.Grants, grantJSON{local(g.From, pic.zone), local(g.Until, pic.zone), g.Ends, g.Reason})
		out.From, out.Until = widen(out.From, out.Until, g.Window, pic.zone)
	}
	for i, n := range pic.panels {
		out.Panels = append(out.Panels, pic.panelJSON(p, n, p.cells[i]))
	}
	return out
}

// widen stretches a span over a window; zero times are open ends.
func widen(from, until time.Time, w access.Window, zone *time.Location) (time.Time, time.Time) {
	if from.After(w.From) {
		from = local(w.From, zone)
	}
	if w.Until.IsZero() || !until.IsZero() && until.Before(w.Until) {
		until = local(w.Until, zone)
	}
	return from, until
}

func (pic *picture) panelJSON(p judged, n panel, c Cell) panelJSON {
	out := panelJSON{Gateway: n.gateway, Device: n.device, Name: n.Name, Shown: c.Key, Level: c.Level, Headline: c.Headline}
	i := slices.IndexFunc(p.Panels, func(o OnPanel) bool { return o.Gateway == n.gateway && o.Device == n.device })
	if i < 0 {
		return out
	}
	on := p.Panels[i]
	out.State, out.Op, out.Grade, out.Fault, out.Message, out.Attempts = on.State, on.Op, on.Grade, on.Fault, on.Message, on.Attempts
	out.Written, out.Confirmed, out.NextTry = local(on.Written, pic.zone), local(on.Confirmed, pic.zone), local(on.NextTry, pic.zone)
	return out
}
