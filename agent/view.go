package agent

import (
	"cmp"
	"slices"
	"time"

	"gatehouse/agent/internal/localui"
	"gatehouse/protocol/access/fault"
)

// view gathers what the gateway's page shows.
func (a *Agent) view() localui.View {
	now, _ := a.box.clock.Now()
	h := a.box.clock.Health()
	v := localui.View{
		Version: a.deps.Version, Now: now, Zone: time.UTC,
		Clock: localui.Clock{Trusted: h.Trusted, Source: h.Source},
		State: localui.State{Position: a.box.Position(), People: a.people()},
	}
	if places, err := a.box.Places(); err == nil {
		v.Name = places.Property.Name
		if loc, err := places.Property.Location(); err == nil {
			v.Zone = loc
		}
	}
	if a.link != nil {
		s := a.link.Status()
		v.Gateway, v.Property = a.box.id.bundle.Gateway, a.box.id.bundle.Property
		v.Cloud = localui.Cloud{Connected: s.Connected, Since: s.Since, Contact: s.LastContact, Error: s.LastError}
	}
	if s, err := a.box.outbox.Stats(); err == nil {
		v.Cloud.Waiting = s.Waiting
	}
	if a.box.lost != nil {
		v.Unlinked = a.box.lost.Error() + ". " + fault.RemedyOf(a.box.lost)
	}
	v.Full = a.room.words()
	v.Back = len(*a.box.backs.Load())
	v.Revocations.Oldest = a.oldestRevocation()
	if list, err := a.box.Overlays(); err == nil {
		v.Acts = len(list)
	}
	for _, f := range a.forgottenNow() {
		v.Forgotten = append(v.Forgotten, f.words()+": "+forgottenRemedy)
	}
	for _, p := range a.panels() {
		v.Devices = append(v.Devices, a.deviceView(p))
		s := p.status()
		v.Revocations.Open += s.Revocations
		v.Revocations.Held += s.Held
		v.Revocations.Stale += s.Stale
		v.Revocations.Reported += s.Reported
		if next := s.NextChange; !next.IsZero() && (v.State.Next.IsZero() || next.Before(v.State.Next)) {
			v.State.Next = next
		}
	}
	return v
}

func (a *Agent) people() (n int) {
	n, err := a.box.wanted.CountPeople()
	if err != nil {
		a.log.Error("counting people", "err", err)
	}
	return n
}

func (a *Agent) deviceView(p *panel) localui.Device {
	s := p.status()
	d := localui.Device{
		ID: string(p.cfg.ID), Name: p.cfg.Name, Kind: p.cfg.Kind, Model: s.Identity.Model, Firmware: s.Identity.Firmware,
		Report: p.cfg.Report, Reachable: s.Reachable, Since: s.Since, Message: cmp.Or(s.Storage, s.Message),
		Waiting: s.Waiting, Removals: s.Removals, Rows: s.Rows, Strangers: s.Strangers, Audited: s.Audited,
		Way: a.way(p, s),
	}
	for _, n := range s.Drift {
		d.Drift += n
	}
	if p.calls != nil {
		d.Calls = p.calls.words()
	}
	d.Refuses = s.Fault == fault.Denied.String()
	for door, relay := range p.cfg.Doors {
		d.Doors = append(d.Doors, string(door)+" (relay "+relay+")")
	}
	slices.Sort(d.Doors)
	return d
}
