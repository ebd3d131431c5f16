package agent

import (
	"context"
	"math"
	"net/url"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver/model"
	"gatehouse/agent/internal/plan"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// PlanReport is what would be done now, or at another instant.
type PlanReport struct {
	OK      bool         `json:"ok"`
	At      time.Time    `json:"at"`
	Devices []DevicePlan `json:"devices"`
}

// DevicePlan is what would be done on one device, in order.
type DevicePlan struct {
	ID       access.DeviceID `json:"id"`
	Steps    []PlanStep      `json:"steps"`
	Refusals []PlanRefusal   `json:"refusals"`
	Holds    []access.Hold   `json:"holds"` // people whose removal waits for somebody's word at the cloud
	// Stale are people whose lease ended and who stay: the cloud was out of reach for too long to know
	// whether it was renewed.
	Stale      []access.PersonID `json:"stale"`
	Adopt      []PlanAdopt       `json:"adopt"`       // rows that become ours as they stand; nothing is written
	NextChange *time.Time        `json:"next_change"` // nil: never by itself
	Note       string            `json:"note,omitempty"`
}

// Notes on a plan.
const (
	neverAnswered = "this device has not answered yet: what it can hold is not known, so nothing is refused for it here"
	reportsOnly   = "this device is only reported on: none of this is written"
	byTheFiles    = "the device's loop is busy: this is planned from the files"
	nothingKnown  = "no wanted state is stored, or it cannot be read: nothing changes here until the cloud has sent it"
)

// PlanStep is one mutating request.
type PlanStep struct {
	Op     access.Op       `json:"op"`
	Person access.PersonID `json:"person"`
	Why    string          `json:"why"`
	// Of a removal: why access ended, and when; absent when the state says no more than that it is over.
	Cause access.EndReason `json:"cause,omitempty"`
	Asked time.Time        `json:"asked,omitzero"`
}

// PlanAdopt is a row that somebody else wrote and that is exactly as wanted.
type PlanAdopt struct {
	Person access.PersonID `json:"person"`
	Native string          `json:"native,omitempty"` // the device's own row id
	Grade  access.Grade    `json:"grade"`
}

// PlanRefusal is something wanted that cannot be written as it is.
type PlanRefusal struct {
	Person access.PersonID `json:"person"`
	Kind   string          `json:"kind"`
	Why    string          `json:"why"`
}

// longestThought bounds how long a question waits for loops that are in the middle of a request.
const longestThought = 20 * time.Second

func askPlan(ctx context.Context, k desk, q url.Values) (any, error) {
	now, trusted := k.clock.Now()
	if s := q.Get("at"); s != "" {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return nil, fault.New(fault.Invalid, "read", "--at", "%q is no instant; write it like 2026-12-01T11:00:00-05:00", s)
		}
		now, trusted = at, true
	}
	r := PlanReport{OK: true, At: now.UTC(), Devices: []DevicePlan{}}
	only := access.DeviceID(q.Get("device"))
	think, cancel := context.WithTimeout(ctx, longestThought)
	defer cancel()
	devices, err := k.devices()
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		if only != "" && d.ID != only {
			continue
		}
		p, err := k.planDevice(ctx, think, d, now, trusted)
		if err != nil {
			return nil, err
		}
		r.Devices = append(r.Devices, p)
	}
	if only != "" && len(r.Devices) == 0 {
		return nil, fault.New(fault.Invalid, "look up", "device", "%q is not in the configuration", only)
	}
	return r, nil
}

// planDevice has the device's own loop think until the second context ends, when there is a loop. From the files the same decision is
// made, of what was last written down.
func (k desk) planDevice(ctx, think context.Context, d config.Device, now time.Time, trusted bool) (DevicePlan, error) {
	l, knows := k.loop(d.ID), whatItSaid(k.site, d.ID, k.log).Identity != (model.Identity{})
	if l == nil || !knows || k.unknown() {
		return planFiles(walker{k.box, ctx}, k.cfg, d, now, trusted)
	}
	p, err := l.Plan(think, now)
	if fault.KindOf(err) == fault.Timeout {
		out, err := planFiles(walker{k.box, ctx}, k.cfg, d, now, trusted)
		out.Note = byTheFiles
		return out, err
	}
	return shown(d, d.Report || openSettings(k.site, k.cfg, k.log).policy(d.ID) == access.DriftReport, p), err
}

// planFiles decides for everybody at once, with the ledger standing in for the device.
func planFiles(w walker, cfg config.Config, d config.Device, now time.Time, trusted bool) (DevicePlan, error) {
	in := plan.Input{
		Position: w.Position(), Now: now, Trusted: trusted, Doors: d.Doors, Print: w,
		Ledger: map[access.PersonID]access.LedgerEntry{}, Others: plan.Others{Secrets: map[string]access.PersonID{}, Names: map[uint32]int16{}},
	}
	if err := lookUp(w, cfg, d, &in); err != nil {
		return DevicePlan{}, err
	}
	said, note := whatItSaid(w.site, d.ID, w.log), ""
	in.Units = newUnitMaps(w.site, w.log).bells(d.ID, in.Places, false)
	if in.Limits = said.Limits; said.Identity == (model.Identity{}) {
		in.Limits, note = model.Limits{PINs: 1, Cards: math.MaxInt, Mobile: true}, neverAnswered
	}
	if err := gather(w, d.ID, &in); err != nil {
		return DevicePlan{}, err
	}
	if w.unknown() {
		note = nothingKnown
	}
	out := shown(d, in.Policy == access.DriftReport, plan.Make(in))
	if note != "" {
		out.Note = note
	}
	return out, nil
}

// lookUp reads what is not about one person.
func lookUp(w walker, cfg config.Config, d config.Device, in *plan.Input) (err error) {
	if in.Places, err = w.Places(); err != nil {
		return err
	}
	if in.Overlay, err = w.Overlays(); err != nil {
		return err
	}
	if in.Held, err = w.Holds(); err != nil {
		return err
	}
	if in.Contact, err = w.site.Contact(); err != nil {
		return err
	}
	said := openSettings(w.site, cfg, w.log)
	in.StaleAfter, in.Policy = said.staleAfter, said.policy(d.ID)
	if d.Report {
		in.Policy = access.DriftReport
	}
	seen, ok, err := w.Observed(d.ID)
	if err != nil && fault.KindOf(err) != fault.Invalid { // what cannot be read was not seen
		return err
	}
	if ok && err == nil {
		in.Others.Rows = seen.Rows
		for s, p := range seen.Secrets {
			in.Others.Secrets[s] = p
		}
	}
	return nil
}

// gather reads everybody who is wanted or in the ledger.
func gather(w walker, dev access.DeviceID, in *plan.Input) error {
	wanted := map[access.PersonID]bool{}
	err := w.People(func(id access.PersonID) error {
		h, ok, err := w.Holder(id)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			return err
		}
		if err != nil { // as the loop does: what is missing says nothing
			h.Person.ID, ok = id, true
			if len(h.Unread) == 0 {
				h.Unread = access.Kinds
			}
		}
		if ok {
			in.People, wanted[id] = append(in.People, h), true
		}
		return nil
	})
	if err != nil {
		return err
	}
	rows := 0
	defer func() { in.Others.Rows = max(in.Others.Rows, rows) }()
	return w.Entries(dev, func(e access.LedgerEntry) error {
		rows++
		in.Ledger[e.Person] = e
		for _, s := range e.Secrets {
			in.Others.Secrets[s] = e.Person
		}
		if e.Name != 0 {
			in.Others.Names[e.Name]++
		}
		if !wanted[e.Person] {
			in.Gone = append(in.Gone, e.Person)
		}
		return nil
	})
}

func shown(d config.Device, report bool, p plan.Plan) DevicePlan {
	out := DevicePlan{
		ID: d.ID, Steps: []PlanStep{}, Refusals: []PlanRefusal{}, Holds: []access.Hold{}, Stale: []access.PersonID{}, Adopt: []PlanAdopt{},
	}
	if report {
		out.Note = reportsOnly
	}
	if !p.NextChange.IsZero() {
		next := p.NextChange.UTC()
		out.NextChange = &next
	}
	for _, s := range p.Steps {
		out.Steps = append(out.Steps, PlanStep{s.Op, s.Person, s.Why, s.Cause, s.Asked})
	}
	for _, r := range p.Refusals {
		out.Refusals = append(out.Refusals, PlanRefusal{r.Person, r.Kind.String(), r.Why})
	}
	for _, a := range p.Adopt {
		out.Adopt = append(out.Adopt, PlanAdopt{a.Person, a.Record.Native, a.Grade})
	}
	out.Holds, out.Stale = append(out.Holds, p.Held...), append(out.Stale, p.Stale...)
	return out
}
